/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bursts of computing with sleep in between. A burst is counted in CPU time, so that it is the same
 * amount of work on a busy machine; it is done in slices, each fit for an iteration. [worker]
 */
#ifndef KTSTR_WORKLOAD_BURST_H
#define KTSTR_WORKLOAD_BURST_H

#include <ktstr/workload.h>

#define KTSTR_BURST_LOOPS 20000		/* of one slice */

struct ktstr_burst {
	uint64_t burst_ns, sleep_ns;	/* `burst_ns` of CPU time, then `sleep_ns` asleep */
	uint64_t begin_ns;		/* CPU time when the present burst began */
	uint64_t n;			/* bursts that were done: the metric "bursts" */
};

/* The rows of both durations in a parameter table. */
#define KTSTR_PARAM_BURST(default_)							\
	{ .name = "burst", .type = KTSTR_PARAM_DURATION, .def = default_, .min = 1000,	\
	  .max = 3600000000000, .help = "CPU time of one burst" }
#define KTSTR_PARAM_BURST_SLEEP(default_)						\
	{ .name = "sleep", .type = KTSTR_PARAM_DURATION, .def = default_, .min = 1000,	\
	  .max = 3600000000000, .help = "time asleep after each burst" }

static inline void ktstr_burst_begin(struct ktstr_burst *burst, uint64_t burst_ns,
				     uint64_t sleep_ns)
{
	*burst = (struct ktstr_burst){
		.burst_ns = burst_ns, .sleep_ns = sleep_ns, .begin_ns = ktstr_worker_cpu_ns(),
	};
}

/* Computes for a slice, and sleeps when that was the last one of a burst. */
static inline void ktstr_burst_slice(struct ktstr_burst *burst, struct ktstr_worker *worker)
{
	ktstr_worker_spin(worker, KTSTR_BURST_LOOPS);
	if (ktstr_worker_cpu_ns() - burst->begin_ns < burst->burst_ns)
		return;
	worker->metric(worker, "bursts", NULL, (double)++burst->n);
	worker->sleep(worker, burst->sleep_ns);
	burst->begin_ns = ktstr_worker_cpu_ns();
}

#endif
