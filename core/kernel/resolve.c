/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/cache.h"
#include "kernel/debian.h"
#include "kernel/entry.h"
#include "kernel/facts.h"
#include "kernel/version.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

/* How long the unpacked copy of an image that nobody uses is kept: build trees make many. */
#define IMAGE_KEPT_SEC (7 * 24 * 3600)

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* DIR/NAME when there is such a file, else NULL. */
static char *file_in(const char *dir, const char *name)
{
	char *path = ktstr_asprintf("%s/%s", dir, name);

	if (path && is_file(path))
		return path;
	free(path);
	return NULL;
}

/* ---- an image by its path ---- */

/* What must be the same for the unpacked copy to be still true (FNV-1a). */
static char *image_key(const char *path, const struct stat *st)
{
	_cleanup_free_ char *text = ktstr_asprintf("%s %llx %llx %llx %lld.%09ld %lld.%09ld", path,
		(unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		(unsigned long long)st->st_size,
		(long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	uint64_t hash = 0xcbf29ce484222325ull;

	for (const char *p = text; p && *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ull;
	return text ? ktstr_asprintf("%016llx", (unsigned long long)hash) : NULL;
}

/* The config beside an image: /boot/config-RELEASE, as packages and `make install` name it, or that
 * of the tree around it. */
static void find_config(struct ktstr_kernel *k)
{
	_cleanup_free_ char *dir = strdup(k->image);
	_cleanup_free_ char *named = ktstr_asprintf("config-%s", k->release);
	const char *const names[] = { named, "config", ".config", "../../../.config" };
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash || !named)
		return;
	*slash = '\0';
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names) && !k->config; i++)
		k->config = file_in(dir, names[i]);
	k->hz = ktstr_config_hz(k->config);
}

static int make_image_entry(const char *store, const char *key, const char *path,
			    struct ktstr_err *err)
{
	_cleanup_draft_ struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", store, key);
	struct ktstr_kernel there;
	int r;

	if (!dir)
		return ktstr_err_nomem(err);
	r = ktstr_draft_begin(store, &draft, err);
	if (r)
		return r;
	if (!ktstr_entry_load(dir, path, &there, NULL)) { /* made while we waited for the lock */
		ktstr_kernel_deinit(&there);
		return 0;
	}
	ktstr_cache_expire(&draft, time(NULL) - IMAGE_KEPT_SEC);
	r = ktstr_entry_make(draft.dir, path, NULL, err);
	return r ? r : ktstr_draft_commit(&draft, key, err);
}

static int find_image(const char *path, struct ktstr_kernel *ret, struct ktstr_err *err)
{
	_cleanup_free_ char *store = NULL, *key = NULL, *dir = NULL, *meta = NULL;
	struct ktstr_kernel k;
	struct stat st;
	int r;

	if (stat(path, &st))
		return ktstr_err_errno(err, errno, "looking at the kernel image %s", path);
	r = ktstr_cache_dir("images", &store, err);
	if (r)
		return r;
	key = image_key(path, &st);
	dir = key ? ktstr_asprintf("%s/%s", store, key) : NULL;
	meta = dir ? ktstr_asprintf("%s/meta.json", dir) : NULL;
	if (!meta)
		return ktstr_err_nomem(err);
	r = ktstr_entry_load(dir, path, &k, NULL);
	if (r == -ENOENT) {
		r = make_image_entry(store, key, path, err);
		if (!r)
			r = ktstr_entry_load(dir, path, &k, err);
	}
	if (r)
		return r;
	utimensat(AT_FDCWD, meta, NULL, 0);	/* in use: see IMAGE_KEPT_SEC */
	find_config(&k);
	*ret = k;
	return 0;
}

/* ---- folders ---- */

/* All three are wanted, though only the image is booted: a tree without one is in the middle of a
 * build, or is the folder of kernel headers. */
static int find_tree(const char *tree, struct ktstr_kernel *ret, struct ktstr_err *err)
{
	static const char *const names[] = { ".config", "vmlinux", "arch/x86/boot/bzImage" };
	_cleanup_free_ char *image = NULL;
	const char *missing = NULL;
	struct ktstr_kernel k;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++) {
		free(image);
		image = file_in(tree, names[i]);
		n += image != NULL;
		if (!image && !missing)
			missing = names[i];
	}
	if (!n)
		return ktstr_err_set(err, -ENOENT,
				     "%s is no kernel build tree: expected .config, vmlinux "
				     "and arch/x86/boot/bzImage in it",
				     tree);
	if (missing)
		return ktstr_err_set(err, -ENOENT,
				     "the kernel tree %s is not built yet: %s is missing; "
				     "run make there",
				     tree, missing);
	r = find_image(image, &k, err);
	if (r)
		return r;
	k.build_tree = strdup(tree);
	if (!k.build_tree) {
		ktstr_kernel_deinit(&k);
		return ktstr_err_nomem(err);
	}
	*ret = k;
	return 0;
}

/* A build tree, or a folder like /lib/modules/RELEASE: with the image in it, in /boot, or a link to
 * its build tree. */
static int find_folder(const char *path, struct ktstr_kernel *ret, struct ktstr_err *err)
{
	_cleanup_free_ char *image = file_in(path, "vmlinuz");
	_cleanup_free_ char *modules = file_in(path, "modules.builtin");
	_cleanup_free_ char *build = ktstr_asprintf("%s/build", path);
	_cleanup_free_ char *tree = build ? realpath(build, NULL) : NULL;
	_cleanup_free_ char *config = NULL;

	if (!image && modules && strrchr(path, '/')) {
		image = ktstr_asprintf("/boot/vmlinuz-%s", strrchr(path, '/') + 1);
		if (image && !is_file(image))
			free(ktstr_steal_ptr(image));
	}
	if (image)
		return find_image(image, ret, err);
	config = file_in(path, ".config");
	return find_tree(tree && !config ? tree : path, ret, err);
}

static int find_path(const char *spec, const char *dir, struct ktstr_kernel *ret,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *full = *spec == '/' || !dir ? strdup(spec)
							 : ktstr_asprintf("%s/%s", dir, spec);
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (!full)
		return ktstr_err_nomem(err);
	path = realpath(full, NULL);
	if (!path)
		return ktstr_err_errno(err, errno, "the kernel %s", full);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return find_folder(path, ret, err);
	return find_image(path, ret, err);
}

/* ---- the cache ---- */

static bool has_sched_ext(const struct ktstr_kernel *k, const char *arg)
{
	(void)arg;
	return k->sched_ext;
}

static bool is_version(const struct ktstr_kernel *k, const char *version)
{
	return ktstr_version_fits(k->release, version);
}

static bool is_debian(const struct ktstr_kernel *k, const char *arg)
{
	return has_sched_ext(k, arg) && k->source && !strncmp(k->source, "debian:", 7);
}

static bool is_debian_suite(const struct ktstr_kernel *k, const char *suite)
{
	return k->source && !strncmp(k->source, "debian:", 7) && !strcmp(k->source + 7, suite);
}

static bool is_debian_version(const struct ktstr_kernel *k, const char *version)
{
	return is_version(k, version) && k->source && !strncmp(k->source, "debian:", 7);
}

static int find_default(struct ktstr_kernel *ret, struct ktstr_err *err)
{
	size_t n;
	int r = ktstr_entry_newest(has_sched_ext, NULL, ret, &n, err);

	if (r == -ENOENT && !n)
		return ktstr_err_set(err, r,
				     "no kernel is cached; get one with: ktstr kernel fetch");
	if (r == -ENOENT)
		return ktstr_err_set(err, r, "none of the %zu cached kernels has sched_ext; "
				     "get one with: ktstr kernel fetch", n);
	return r;
}

static int find_debian(const char *spec, struct ktstr_kernel *ret, struct ktstr_err *err)
{
	struct ktstr_debian_spec d;
	int r = ktstr_debian_spec_parse(spec, &d, err);

	if (r)
		return r;
	if (d.version)
		r = ktstr_entry_newest(is_debian_version, d.version, ret, NULL, err);
	else if (d.suite)
		r = ktstr_entry_newest(is_debian_suite, d.suite, ret, NULL, err);
	else
		r = ktstr_entry_newest(is_debian, NULL, ret, NULL, err);
	if (r == -ENOENT)
		ktstr_err_set(err, r,
			      "no cached kernel fits %s; get it with: ktstr kernel fetch %s", spec,
			      spec);
	return r;
}

/* "cached: A, B; " or "". */
static char *cached_releases(void)
{
	struct ktstr_buf text = { 0 };
	struct ktstr_kernel *list;
	size_t n;

	if (ktstr_kernel_list(&list, &n, NULL))
		return NULL;
	for (size_t i = 0; i < n; i++)
		ktstr_buf_printf(&text, "%s%s", i ? ", " : "cached: ", list[i].release);
	ktstr_buf_puts(&text, n ? "; " : "");
	ktstr_kernel_list_free(list, n);
	return ktstr_buf_steal_str(&text);
}

static int find_cached(const char *spec, const char *dir, struct ktstr_kernel *ret,
		       struct ktstr_err *err)
{
	_cleanup_free_ char *there = NULL, *file = NULL;
	int r = ktstr_entry_newest(is_version, spec, ret, NULL, err);

	if (r != -ENOENT)
		return r;
	file = ktstr_asprintf("%s/%s", dir ? dir : ".", spec);
	if (file && !access(file, F_OK))
		return ktstr_err_set(err, r,
				     "no cached kernel is called \"%s\"; for the file of that "
				     "name, write ./%s",
				     spec, spec);
	there = cached_releases();
	if (*spec >= '0' && *spec <= '9')
		return ktstr_err_set(err, r,
				     "no cached kernel fits \"%s\"; %sget it with: ktstr kernel "
				     "fetch debian:%.*s",
				     spec, there ? there : "", (int)strcspn(spec, "+-~_"), spec);
	return ktstr_err_set(err, r,
			     "no kernel fits \"%s\"; %sexpected a path with a slash, a version "
			     "such as 7.3, or debian, debian:SUITE, debian:VERSION",
			     spec, there ? there : "");
}

int ktstr_kernel_find(const char *spec, const char *dir, struct ktstr_kernel *ret_kernel,
		      struct ktstr_err *err)
{
	if (!spec || !*spec)
		return find_default(ret_kernel, err);
	if (strchr(spec, '/'))
		return find_path(spec, dir, ret_kernel, err);
	if (ktstr_debian_is_spec(spec))
		return find_debian(spec, ret_kernel, err);
	return find_cached(spec, dir, ret_kernel, err);
}

int ktstr_kernel_resolve(const char *spec, const char *dir, ktstr_kernel_progress *progress, void *ctx,
			 struct ktstr_kernel *ret_kernel, struct ktstr_err *err)
{
	int r = ktstr_kernel_find(spec, dir, ret_kernel, err);

	if (r == -ENOENT && spec && !strchr(spec, '/') && ktstr_debian_is_spec(spec))
		return ktstr_kernel_fetch(spec, progress, ctx, ret_kernel, err);
	return r;
}
