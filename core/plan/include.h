/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of which a pipeline consists beside its own: those that it includes, and the descriptions of
 * schedulers. Each is read once, whoever names it, and its tree is merged with the trees of what it
 * includes itself.
 *
 * What a file says wins over what it includes, and a later include over an earlier one. Mappings are
 * merged key by key, to any depth; everything else is replaced whole. The keys of an included mapping
 * come first, in its order.
 */
#ifndef KTSTR_PLAN_INCLUDE_H
#define KTSTR_PLAN_INCLUDE_H

#include "plan/yaml.h"

#define KTSTR_INCLUDE_KEY "include"
#define KTSTR_INCLUDE_MAX_DEPTH 16u	/* files inside each other, below the pipeline file */
#define KTSTR_INCLUDE_MAX_FILES 64u
#define KTSTR_INCLUDE_MAX_VALUES 400000u	/* of all files, and once more where mappings are merged */

struct ktstr_loaded;

/* Appends a file's bytes, at most KTSTR_YAML_MAX_BYTES; a negative errno with err. */
typedef int ktstr_read_file_fn(void *ctx, const char *path, struct ktstr_buf *ret,
			       struct ktstr_err *err);

struct ktstr_loader {
	struct ktstr_problems *problems;
	struct ktstr_arena *arena;	/* for the texts and the trees */
	const char *file, *dir;		/* the pipeline file's path and its folder */
	ktstr_read_file_fn *read;	/* NULL: ordinary files */
	void *ctx;
	KTSTR_VEC(struct ktstr_loaded *) files;
	size_t values;			/* so far */
	bool failed, nomem;		/* a problem was told; memory is out */
};

/* The tree `root` of the pipeline file merged with what it includes. NULL: `failed` or `nomem`. */
const struct ktstr_node *ktstr_loader_expand(struct ktstr_loader *loader,
					     const struct ktstr_node *root);

/* The same for the file that the scalar `name` names, from the folder of the file where it stands. */
const struct ktstr_node *ktstr_loader_load(struct ktstr_loader *loader,
					   const struct ktstr_node *name);

/* The i-th file that was read, in this order; NULL behind the last. */
const struct ktstr_source *ktstr_loader_source(const struct ktstr_loader *loader, size_t i);

/* Frees the list; the files and trees are the arena's. */
void ktstr_loader_deinit(struct ktstr_loader *loader);

#endif
