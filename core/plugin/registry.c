/* SPDX-License-Identifier: GPL-2.0-only */
#include "plugin/registry.h"

#include "base/cleanup.h"
#include "base/install.h"
#include "plugin/loader.h"

struct ktstr_registry *ktstr_registry_alloc(void)
{
	return calloc(1, sizeof(struct ktstr_registry));
}

int ktstr_registry_create(struct ktstr_registry **ret_registry, struct ktstr_err *err)
{
	struct ktstr_registry *registry = ktstr_registry_alloc();
	_cleanup_free_ char *tree = ktstr_build_tree();
	struct ktstr_plugin_folders folders;
	int r;

	if (!registry)
		return ktstr_err_nomem(err);
	r = ktstr_plugin_folders_init(&folders, getenv("KTSTR_PLUGIN_PATH"), tree, err);
	for (size_t i = 0; r == 0 && i < folders.list.n; i++)
		r = ktstr_registry_scan(registry, &folders.list.items[i], err);
	ktstr_plugin_folders_deinit(&folders);
	if (r < 0) {
		ktstr_registry_destroy(registry);
		return r;
	}
	*ret_registry = registry;
	return 0;
}

void ktstr_registry_destroy(struct ktstr_registry *registry)
{
	if (!registry)
		return;
	for (size_t i = registry->modules.n; i-- > 0;)
		ktstr_loaded_module_destroy(registry->modules.items[i]);
	ktstr_vec_free(&registry->modules);
	ktstr_vec_free(&registry->entries);
	free(registry);
}

const struct ktstr_plugin *ktstr_registry_find(const struct ktstr_registry *registry,
					       enum ktstr_kind kind, const char *name,
					       const struct ktstr_module_info **ret_module)
{
	for (size_t i = 0; i < registry->entries.n; i++) {
		const struct ktstr_plugin *plugin = registry->entries.items[i].plugin;

		if (plugin->kind == kind && !strcmp(plugin->name, name))
			return ktstr_registry_plugin(registry, i, ret_module);
	}
	return NULL;
}

const struct ktstr_plugin *ktstr_registry_plugin(const struct ktstr_registry *registry, size_t i,
						 const struct ktstr_module_info **ret_module)
{
	if (i >= registry->entries.n)
		return NULL;
	if (ret_module)
		*ret_module = &registry->entries.items[i].module->info;
	return registry->entries.items[i].plugin;
}

const struct ktstr_module_info *ktstr_registry_module(const struct ktstr_registry *registry,
						      size_t i)
{
	return i < registry->modules.n ? &registry->modules.items[i]->info : NULL;
}
