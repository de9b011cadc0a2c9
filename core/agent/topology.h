/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine as the guest's kernel sees it, read back from sysfs. */
#ifndef KTSTR_AGENT_TOPOLOGY_H
#define KTSTR_AGENT_TOPOLOGY_H

#include "base/vec.h"
#include "plan/cpus.h"

#include <ktstr/err.h>
#include <ktstr/fields.h>

/* In the terms of struct ktstr_topology: llcs of the whole machine, cores of the LLC that has most,
 * threads of the core that has most. */
struct ktstr_guest_topology {
	uint32_t nodes, llcs, cores, threads;
	KTSTR_VEC(struct ktstr_cpu_place) cpus;
};

/* `sys` is "/sys" but in a test. On failure *ret is untouched. */
int ktstr_guest_topology_read(const char *sys, struct ktstr_guest_topology *ret,
			      struct ktstr_err *err);
void ktstr_guest_topology_deinit(struct ktstr_guest_topology *topology);

/* Puts the fields of KTSTR_REC_TOPOLOGY. */
void ktstr_guest_topology_put(const struct ktstr_guest_topology *topology, struct ktstr_buf *b);

/* Calls `fn` for each number of a kernel list such as "0-3,8". False when it is no such list. */
bool ktstr_cpulist_each(const char *list, void (*fn)(void *ctx, uint32_t cpu), void *ctx);

#endif
