/* SPDX-License-Identifier: GPL-2.0-only */
#include "plugin/loader.h"

#include "base/cleanup.h"
#include "base/text.h"

#include "config.h"

#include <dlfcn.h>
#include <sys/stat.h>

/* ---- the folders ---- */

/* Takes `path`, which NULL makes an error. */
static int add_folder(struct ktstr_plugin_folders *folders, char *path, bool asked_for,
		      struct ktstr_err *err)
{
	struct ktstr_plugin_folder *folder = path ? ktstr_vec_add(&folders->list) : NULL;

	if (!folder) {
		free(path);
		return ktstr_err_nomem(err);
	}
	folder->path = path;
	folder->asked_for = asked_for;
	return 0;
}

/* An empty piece of the list is no folder: it must not mean "." by accident. */
static int add_env_folders(struct ktstr_plugin_folders *folders, const char *env,
			   struct ktstr_err *err)
{
	while (*env) {
		size_t n = strcspn(env, ":");
		int r = n ? add_folder(folders, strndup(env, n), true, err) : 0;

		if (r < 0)
			return r;
		env += n + (env[n] == ':');
	}
	return 0;
}

int ktstr_plugin_folders_init(struct ktstr_plugin_folders *folders, const char *env,
			      const char *tree, struct ktstr_err *err)
{
	int r;

	*folders = (struct ktstr_plugin_folders){ 0 };
	r = env ? add_env_folders(folders, env, err) : 0;
	if (r == 0)
		r = add_folder(folders, tree ? ktstr_asprintf("%s/.libs", tree) : strdup(PKGLIBDIR),
			       false, err);
	if (r < 0)
		ktstr_plugin_folders_deinit(folders);
	return r;
}

void ktstr_plugin_folders_deinit(struct ktstr_plugin_folders *folders)
{
	for (size_t i = 0; i < folders->list.n; i++)
		free(folders->list.items[i].path);
	ktstr_vec_free(&folders->list);
}

/* ---- one module ---- */

/* A sanitizer names the functions of a report only while their module is mapped. */
static void close_handle(void **handle)
{
#ifndef KTSTR_ASAN
	if (*handle)
		dlclose(*handle);
#endif
	*handle = NULL;
}

void ktstr_loaded_module_destroy(struct ktstr_loaded_module *module)
{
	if (!module)
		return;
	close_handle(&module->handle);
	free((char *)module->info.path);
	free((char *)module->info.name);
	free((char *)module->info.version);
	free((char *)module->info.why);
	free(module);
}

/* dlopen() searches the system's folders for a name without a slash. */
static char *module_path(const char *path)
{
	return ktstr_asprintf("%s%s", strchr(path, '/') ? "" : "./", path);
}

static enum ktstr_refusal refuse_unloadable(const char *path, struct ktstr_err *err)
{
	const char *why = dlerror();
	size_t n = strlen(path);

	if (!why)
		why = "no reason given";
	else if (!strncmp(why, path, n) && !strncmp(why + n, ": ", 2))
		why += n + 2;
	ktstr_err_set(err, -EINVAL, "%s: cannot be loaded: %s", path, why);
	return KTSTR_REFUSED_DLOPEN;
}

/* Loads and checks the file of `module`; what may be read of name and version stands in its info
 * then, still inside the mapped file. */
static enum ktstr_refusal load_and_check(const struct ktstr_registry *registry,
					 struct ktstr_loaded_module *module,
					 const struct ktstr_module **ret_desc,
					 struct ktstr_err *err)
{
	const char *path = module->info.path;
	const struct ktstr_module *desc;

	module->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module->handle)
		return refuse_unloadable(path, err);
	desc = dlsym(module->handle, KTSTR_MODULE_SYMBOL);
	if (!desc) {
		ktstr_err_set(err, -EINVAL, "%s: exports no symbol %s: it is no ktstr module, or "
			      "lacks KTSTR_DEFINE_MODULE()", path, KTSTR_MODULE_SYMBOL);
		return KTSTR_REFUSED_NO_SYMBOL;
	}
	*ret_desc = desc;
	return ktstr_module_check(registry, desc, &module->info, err);
}

/* The info's strings become our own, so that they outlive the mapped file. */
static int keep_strings(struct ktstr_module_info *info, struct ktstr_err *err)
{
	const char **strings[] = { &info->name, &info->version, &info->why };
	bool ok = true;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(strings); i++)
		if (*strings[i]) {
			*strings[i] = strdup(*strings[i]);
			ok = ok && *strings[i];
		}
	return ok ? 0 : ktstr_err_nomem(err);
}

static int compare_entries(const void *a, const void *b)
{
	const struct ktstr_plugin *x = ((const struct ktstr_registry_entry *)a)->plugin;
	const struct ktstr_plugin *y = ((const struct ktstr_registry_entry *)b)->plugin;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* All plugins of the module, or none. */
static int add_entries(struct ktstr_registry *registry, const struct ktstr_loaded_module *module,
		       const struct ktstr_module *desc, struct ktstr_err *err)
{
	size_t before = registry->entries.n;

	for (size_t i = 0; desc->plugins[i]; i++) {
		struct ktstr_registry_entry *entry = ktstr_vec_add(&registry->entries);

		if (!entry) {
			registry->entries.n = before;
			return ktstr_err_nomem(err);
		}
		entry->plugin = desc->plugins[i];
		entry->module = module;
	}
	qsort(registry->entries.items, registry->entries.n, sizeof(*registry->entries.items),
	      compare_entries);
	return 0;
}

/* Puts the module in its place: with its plugins, or with the reason for its refusal. */
static int keep_module(struct ktstr_registry *registry, struct ktstr_loaded_module *module,
		       const struct ktstr_module *desc, struct ktstr_err *err)
{
	struct ktstr_loaded_module **slot;
	int r = keep_strings(&module->info, err);

	if (r < 0)
		return r;
	slot = ktstr_vec_add(&registry->modules);
	if (!slot)
		return ktstr_err_nomem(err);
	*slot = module;
	if (module->info.refusal)
		close_handle(&module->handle);
	else
		r = add_entries(registry, module, desc, err);
	if (r < 0)
		registry->modules.n--;
	return r;
}

/* A directory or a pipe named x.so must not reach dlopen(): it would wait for a pipe's writer. */
static enum ktstr_refusal identify_file(struct ktstr_loaded_module *module, struct ktstr_err *err)
{
	struct stat st;

	if (stat(module->info.path, &st) < 0) {
		ktstr_err_errno(err, errno, "%s: cannot be loaded", module->info.path);
		return KTSTR_REFUSED_DLOPEN;
	}
	if (!S_ISREG(st.st_mode)) {
		ktstr_err_set(err, -EINVAL, "%s: cannot be loaded: not a regular file",
			      module->info.path);
		return KTSTR_REFUSED_DLOPEN;
	}
	module->dev = st.st_dev;
	module->ino = st.st_ino;
	return KTSTR_REFUSED_NOT;
}

static const struct ktstr_loaded_module *find_file(const struct ktstr_registry *registry,
						   const struct ktstr_loaded_module *like)
{
	for (size_t i = 0; i < registry->modules.n; i++) {
		const struct ktstr_loaded_module *module = registry->modules.items[i];

		if (module->ino == like->ino && module->dev == like->dev)
			return module;
	}
	return NULL;
}

static int refusal_error(const struct ktstr_module_info *info, struct ktstr_err *err)
{
	return info->refusal ? ktstr_err_set(err, -EINVAL, "%s", info->why) : 0;
}

int ktstr_registry_load(struct ktstr_registry *registry, const char *path, struct ktstr_err *err)
{
	struct ktstr_loaded_module *module = calloc(1, sizeof(*module));
	const struct ktstr_loaded_module *known = NULL;
	struct ktstr_err refused = KTSTR_ERR_INIT;
	const struct ktstr_module *desc = NULL;
	int r;

	if (!module || !(module->info.path = module_path(path))) {
		ktstr_loaded_module_destroy(module);
		return ktstr_err_nomem(err);
	}
	module->info.refusal = identify_file(module, &refused);
	if (!module->info.refusal && (known = find_file(registry, module))) {
		ktstr_loaded_module_destroy(module);
		return refusal_error(&known->info, err);
	}
	if (!module->info.refusal)
		module->info.refusal = load_and_check(registry, module, &desc, &refused);
	if (module->info.refusal)
		module->info.why = refused.msg;
	r = keep_module(registry, module, desc, err);
	if (r < 0) {
		ktstr_loaded_module_destroy(module);
		return r;
	}
	return refusal_error(&module->info, err);
}

/* ---- a folder ---- */

static int is_module_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 3 && entry->d_name[0] != '.' && !strcmp(entry->d_name + n - 3, ".so");
}

/* Not alphasort(): which of two duplicates wins must not hang on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Refusals stay in the registry; only the rest is an error. */
static int load_from(struct ktstr_registry *registry, const char *folder, const char *name,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", folder, name);
	struct ktstr_err why = KTSTR_ERR_INIT;
	int r;

	if (!path)
		return ktstr_err_nomem(err);
	r = ktstr_registry_load(registry, path, &why);
	return r == 0 || r == -EINVAL ? 0 : ktstr_err_set(err, r, "%s", why.msg);
}

int ktstr_registry_scan(struct ktstr_registry *registry, const struct ktstr_plugin_folder *folder,
			struct ktstr_err *err)
{
	struct dirent **found;
	int n = scandir(folder->path, &found, is_module_file, compare_names);
	int r = 0;

	if (n < 0 && errno == ENOENT && !folder->asked_for)
		return 0;
	if (n < 0)
		return ktstr_err_errno(err, errno, "cannot read the plugin folder %s%s",
				       folder->path,
				       folder->asked_for ? " of KTSTR_PLUGIN_PATH" : "");
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_from(registry, folder->path, found[i]->d_name, err);
		free(found[i]);
	}
	free(found);
	return r;
}
