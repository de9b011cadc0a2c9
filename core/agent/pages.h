/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On which NUMA nodes the memory of a worker is. Counted are pages that are its own: anonymous
 * ones that no other process maps and that it did not have when it was forked, so neither the
 * engine's nor the memory of its group. [worker]
 */
#ifndef KTSTR_AGENT_PAGES_H
#define KTSTR_AGENT_PAGES_H

#include "plan/policy.h"

#define KTSTR_NODES_MAX 256	/* nodes of a plan's machine: one more than may be asked for */
#define KTSTR_PAGES_FIRST 4096

/* The pages that a process had before it began its work: those of whoever started it. */
struct ktstr_first_pages {
	uint32_t n;
	uint64_t pages[KTSTR_PAGES_FIRST];	/* addresses / page size, ascending */
};

/* Of the calling process. More than KTSTR_PAGES_FIRST are taken for its work. */
int ktstr_pages_first(struct ktstr_first_pages *ret, struct ktstr_err *err);

/* Counts the calling process's pages of each node, without the first ones (NULL: there are none).
 * Of an address space of more than 128 MiB it is a sample, scaled up. */
int ktstr_pages_count(const struct ktstr_first_pages *first, uint64_t ret_nodes[KTSTR_NODES_MAX],
		      struct ktstr_err *err);

/* The nodes where the calling process's memory is expected: those of its memory policy, or else
 * those of the CPUs that it may use. False when it may be anywhere. A node is a bit of the mask. */
bool ktstr_pages_home(const struct ktstr_mem_policy *memory, const struct ktstr_cpu_map *map,
		      struct ktstr_cpu_mask *ret);

#endif
