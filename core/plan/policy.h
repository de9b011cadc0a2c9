/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a worker is to be scheduled and where its memory is to be: what a pipeline says of it, and
 * what the guest's engine applies before the worker begins. [any thread]
 */
#ifndef KTSTR_PLAN_POLICY_H
#define KTSTR_PLAN_POLICY_H

#include "plan/cpus.h"

/* The highest real-time priority that a scenario may use. The two above it are those of the engine
 * and the agent, so that no worker starves what has to stop it. */
#define KTSTR_RT_PRIORITY_MAX 97

enum ktstr_sched_class {
	KTSTR_SCHED_INHERIT,		/* nothing is set: SCHED_OTHER */
	KTSTR_SCHED_NORMAL,
	KTSTR_SCHED_BATCH,
	KTSTR_SCHED_IDLE,
	KTSTR_SCHED_FIFO,
	KTSTR_SCHED_RR,
	KTSTR_SCHED_DEADLINE,
	KTSTR_SCHED_EXT,		/* SCHED_EXT by name, for schedulers in partial mode */
	KTSTR_SCHED_CLASSES,
};

struct ktstr_sched_policy {
	enum ktstr_sched_class class;
	uint32_t priority;		/* FIFO, RR */
	uint64_t runtime_ns, deadline_ns, period_ns;	/* DEADLINE */
};

enum ktstr_mem_mode {
	KTSTR_MEM_INHERIT,		/* nothing is set */
	KTSTR_MEM_DEFAULT,
	KTSTR_MEM_LOCAL,
	KTSTR_MEM_BIND,
	KTSTR_MEM_PREFERRED,
	KTSTR_MEM_PREFERRED_MANY,
	KTSTR_MEM_INTERLEAVE,
	KTSTR_MEM_WEIGHTED_INTERLEAVE,
	KTSTR_MEM_MODES,
};

enum ktstr_mem_flag {
	KTSTR_MEM_STATIC_NODES = 1, KTSTR_MEM_RELATIVE_NODES = 2, KTSTR_MEM_NUMA_BALANCING = 4,
	KTSTR_MEM_FLAGS = 7,
};

struct ktstr_mem_policy {
	enum ktstr_mem_mode mode;
	const char *nodes;		/* a kernel list; NULL for modes without */
	unsigned flags;			/* of enum ktstr_mem_flag */
};

/* All zero: everything as it was inherited. */
struct ktstr_placement {
	struct ktstr_affinity affinity;
	struct ktstr_sched_policy sched;
	struct ktstr_mem_policy memory;
	bool has_nice;
	int64_t nice;
};

/* "fifo", "bind", "random": as a pipeline has them; "?" for a value out of range. */
const char *ktstr_sched_class_name(enum ktstr_sched_class class);
const char *ktstr_mem_mode_name(enum ktstr_mem_mode mode);
const char *ktstr_affinity_name(enum ktstr_affinity_kind kind);

#endif
