/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of what a pipeline says of CPUs, nodes, affinity, scheduling and memory policy. */
#ifndef KTSTR_PLAN_PLACE_H
#define KTSTR_PLAN_PLACE_H

#include "plan/policy.h"
#include "plan/schema.h"

extern const struct ktstr_schema ktstr_schema_cpuset;		/* place.c */
extern const struct ktstr_schema ktstr_schema_affinity;
extern const struct ktstr_schema ktstr_schema_sched;		/* policy-read.c */
extern const struct ktstr_schema ktstr_schema_mempolicy;

/* A set of CPUs that the pipeline's topology can have. */
bool ktstr_read_cpuset(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_cpu_spec *ret);
/* A list of NUMA nodes that the topology has. */
bool ktstr_read_nodes(struct ktstr_reader *r, const struct ktstr_node *node, const char **ret);
bool ktstr_read_affinity(struct ktstr_reader *r, const struct ktstr_node *node,
			 struct ktstr_affinity *ret);
bool ktstr_read_sched(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_sched_policy *ret);
bool ktstr_read_mempolicy(struct ktstr_reader *r, const struct ktstr_node *node,
			  struct ktstr_mem_policy *ret);

/* What fits each by itself, and does not together. `node` is the mapping that has the keys. */
bool ktstr_check_placement(struct ktstr_reader *r, const struct ktstr_node *node,
			   const struct ktstr_placement *placement);

/* The machine of the pipeline's topology; false when that is not known, or memory is out. */
bool ktstr_reader_map(struct ktstr_reader *r, struct ktstr_cpu_map *ret);

#endif
