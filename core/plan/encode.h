/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan as the guest gets it: the payload of KTSTR_MSG_PLAN.
 *
 *	scheduler? m { command a of t, attach_timeout_ns u }
 *	modules a of t				paths in the guest, in loading order
 *	topology m { nodes u, llcs u, cores u, threads u }
 *	backtrace b
 *	slowness u				factor for the guest's own deadlines
 *	operations_ns u				the most that they may take, before scaling
 *	cgroups a of CGROUP, payloads a of PAYLOAD	for the whole scenario
 *	steps a of m { name t, hold_ns u, every_ns u, cgroups a of CGROUP, payloads a of PAYLOAD,
 *		ops a of m { operation u, cgroup CGROUP, to? t, affinity AFFINITY,
 *			payload? PAYLOAD, timeout_ns u, change u,
 *			command? a of t, attach_timeout_ns? u } }
 *
 *	CGROUP m { name? t, cpus? CPUS, settings a of m { file t, value t }, workers a of WORKERS }
 *	CPUS m { choice u, index u, of u, from f, to f, list? t }	struct ktstr_cpu_spec
 *	WORKERS m { module t, plugin t, count u, params a of m { set b, num u, str? t },
 *		affinity? AFFINITY, nice? s,
 *		sched? m { class u, priority u, runtime_ns u, deadline_ns u, period_ns u },
 *		memory? m { mode u, nodes? t, flags u } }		struct ktstr_placement
 *	AFFINITY m { kind u, seed u, list? t }
 *	PAYLOAD m { name t, command? a of t, cgroup? t, may_fail b, json b (else lines),
 *		metrics a of t }
 *
 * `module` is the path of the plugin's .so in the guest. `params` has one item per row of the
 * plugin's table; num holds the value's 64 bits whatever their type. The guest's copy of the
 * plugin is the very file that the host checked, so table and values fit.
 */
#ifndef KTSTR_PLAN_ENCODE_H
#define KTSTR_PLAN_ENCODE_H

#include "plan/plan.h"

/* Where things are in the guest; what run/payload.c decided when it pushed them. */
struct ktstr_guest_paths {
	const char *scheduler;			/* NULL: none */
	const char *const *modules;		/* as many as plan->modules */
	/* Guest path of a plugin's module file. */
	const char *(*plugin)(void *ctx, const struct ktstr_module_info *module);
	void *ctx;
};

/* Fills the empty `out` with a finished map. -ENOMEM; -EMSGSIZE when no frame can hold it. */
int ktstr_plan_encode(const struct ktstr_plan *plan, const struct ktstr_guest_paths *paths,
		      bool backtrace, unsigned slowness, struct ktstr_buf *out,
		      struct ktstr_err *err);

#endif
