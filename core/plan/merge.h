/* SPDX-License-Identifier: GPL-2.0-only */
/* Trees laid over each other. */
#ifndef KTSTR_PLAN_MERGE_H
#define KTSTR_PLAN_MERGE_H

#include "plan/yaml.h"

/* Two mappings key by key, to any depth: the keys of `under` in its order, with the value of `over`
 * where that has one, then the rest of `over`. Otherwise it is `over` itself. What is new comes out of
 * the arena, and is counted in *made; everything else is shared. NULL when memory is out. */
const struct ktstr_node *ktstr_node_merge(struct ktstr_arena *arena, const struct ktstr_node *over,
					  const struct ktstr_node *under, size_t *made);

/* The mapping without one of its keys, or what it is when it has none. NULL when memory is out. */
const struct ktstr_node *ktstr_node_without(struct ktstr_arena *arena,
					    const struct ktstr_node *mapping, const char *key);

#endif
