/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker process: from the fork to its exit. */
#ifndef KTSTR_AGENT_WORKER_H
#define KTSTR_AGENT_WORKER_H

#include "agent/telemetry.h"

#include <ktstr/workload.h>

#include <sys/types.h>

/* Two futex words that all workers of a step look at: 0, then 1. */
struct ktstr_gate {
	uint32_t go, stop;
};

/* What a worker is to do. All pointers are memory shared with the engine or constant. */
struct ktstr_job {
	const struct ktstr_workload_ops *ops;
	const struct ktstr_value *values;
	const char *name;		/* of the workload, and of the process */
	struct ktstr_gate *gate;
	struct ktstr_slot *slot;
	void *shared;			/* of its group; NULL: it shares none */
	unsigned index, group_size;
	int ready_fd;			/* eventfd: +1 once it waits at the gate */
	pid_t engine;			/* the worker ends when this does */
	const struct ktstr_cpu_map *map;	/* of a machine with NUMA nodes; else NULL */
	const struct ktstr_mem_policy *memory;	/* NULL: none was set */
};

#define KTSTR_WORKER_SIGNAL SIGUSR1	/* interrupts system calls once the gate says stop */

/* Does the job: 0, or a negative errno with the text in slot->error. Expects the signal handler of
 * ktstr_worker_main(); a test may call it in its own process. [worker] */
int ktstr_worker_run(const struct ktstr_job *job);

/* The life of a forked worker. [worker] */
__attribute__((noreturn))
void ktstr_worker_main(const struct ktstr_job *job);

/* -- the engine's side -- */
void ktstr_gate_open(struct ktstr_gate *gate);
void ktstr_gate_stop(struct ktstr_gate *gate);

#endif
