/* SPDX-License-Identifier: GPL-2.0-only */
/* The inside of the registry: its modules, the folders they come from, the checks they pass. */
#ifndef KTSTR_PLUGIN_LOADER_H
#define KTSTR_PLUGIN_LOADER_H

#include "base/vec.h"
#include "plugin/registry.h"

#include <sys/types.h>

struct ktstr_loaded_module {
	struct ktstr_module_info info;	/* what the outside sees; its strings are ours */
	void *handle;			/* of dlopen; NULL once refused */
	dev_t dev;			/* the file, under whatever path it was found */
	ino_t ino;
};

/* A plugin of an accepted module. */
struct ktstr_registry_entry {
	const struct ktstr_plugin *plugin;
	const struct ktstr_loaded_module *module;
};

struct ktstr_registry {
	KTSTR_VEC(struct ktstr_loaded_module *) modules;	/* in order of loading */
	KTSTR_VEC(struct ktstr_registry_entry) entries;		/* by kind, then name */
};

/* One folder of the search. */
struct ktstr_plugin_folder {
	char *path;
	bool asked_for;			/* named in KTSTR_PLUGIN_PATH: it must be there */
};

struct ktstr_plugin_folders {
	KTSTR_VEC(struct ktstr_plugin_folder) list;
};

/* The folders to search: those in `env` (KTSTR_PLUGIN_PATH, may be NULL), then .libs of the build
 * tree that we run from, or pkglibdir when `tree` is NULL. 0 or -ENOMEM. */
int ktstr_plugin_folders_init(struct ktstr_plugin_folders *folders, const char *env,
			      const char *tree, struct ktstr_err *err);
void ktstr_plugin_folders_deinit(struct ktstr_plugin_folders *folders);

/* A registry without modules; NULL when memory is out. */
struct ktstr_registry *ktstr_registry_alloc(void);

void ktstr_loaded_module_destroy(struct ktstr_loaded_module *module);

/* Loads the *.so of one folder in the order of their names. */
int ktstr_registry_scan(struct ktstr_registry *registry, const struct ktstr_plugin_folder *folder,
			struct ktstr_err *err);

/* The checks of <ktstr/plugin.h> behind "the symbol is there", in that order. Fills in info.name
 * and info.version as soon as they may be read; they point into the module. */
enum ktstr_refusal ktstr_module_check(const struct ktstr_registry *registry,
				      const struct ktstr_module *module,
				      struct ktstr_module_info *info, struct ktstr_err *err);

#endif
