/* SPDX-License-Identifier: GPL-2.0-only */
/* The readers of the parts of a pipeline file, and their schemas. */
#ifndef KTSTR_PLAN_READ_H
#define KTSTR_PLAN_READ_H

#include "plan/schema.h"

extern const struct ktstr_schema ktstr_schema_use;		/* use.c */
extern const struct ktstr_schema ktstr_schema_worker;		/* use.c */
extern const struct ktstr_schema ktstr_schema_topology;		/* topology.c */
extern const struct ktstr_schema ktstr_schema_scenario;		/* scenario.c */
extern const struct ktstr_schema ktstr_schema_step;
extern const struct ktstr_schema ktstr_schema_cgroup;
extern const struct ktstr_schema ktstr_schema_expect;		/* expect.c */
extern const struct ktstr_schema ktstr_schema_fails;

/* `object` is a zeroed struct ktstr_expect: one layer. */
ktstr_key_fn ktstr_read_expect;

/* `object` is a struct ktstr_topology. */
ktstr_key_fn ktstr_read_topology;

/* `object` is a struct ktstr_plan, whose steps it fills. */
ktstr_key_fn ktstr_read_scenario;

/* One plugin of that kind: its name, or a mapping of `plugin` and its parameters. */
bool ktstr_read_use(struct ktstr_reader *r, const struct ktstr_node *node, enum ktstr_kind kind,
		    struct ktstr_plugin_use *ret_use);

/* A workload's name, or a mapping of `workload`, `count` and its parameters. */
bool ktstr_read_workers(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_workers *ret_workers);

/* An array of the arena with one element per item of a list; NULL when there is no room or no
 * list, which is a problem then: "expected <form>". */
void *ktstr_read_list(struct ktstr_reader *r, const struct ktstr_node *node, const char *form,
		      size_t size);

/* A list of scalars of any type, kept as written. `words`: each is to be one line, not empty. */
bool ktstr_read_strings(struct ktstr_reader *r, const struct ktstr_node *node, bool words,
			const char *form, const char ***ret_items, size_t *ret_n);

#endif
