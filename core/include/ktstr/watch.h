/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the monitors' samples say of an attempt, held against its limits: computed once from the
 * journal, shown by sections, and a part of the verdict. Times are host_ns of the journal; 0 and
 * KTSTR_WATCH_NO_CPU where there is none. Objects grow at their end. [any thread]
 */
#ifndef KTSTR_WATCH_H
#define KTSTR_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTSTR_WATCH_NO_CPU UINT32_MAX

/* In the order in which they are told. */
enum ktstr_watch_rule {
	KTSTR_WATCH_IMBALANCE, KTSTR_WATCH_DEPTH, KTSTR_WATCH_FALLBACK, KTSTR_WATCH_KEEP_LAST,
	KTSTR_WATCH_STALL, KTSTR_WATCH_RULES,
};

/* The longest row of samples above a limit. */
struct ktstr_watch_row {
	uint64_t samples;		/* 0: none was */
	uint64_t begin_ns, end_ns;
	double worst;			/* in it */
	uint32_t cpu;			/* where it was worst */
	bool sustained;			/* as long as the limits say */
	char text[192];			/* of a sustained one: CPU, value, limit, when */
};

enum ktstr_watch_state {
	KTSTR_WATCH_WITHIN, KTSTR_WATCH_VIOLATED, KTSTR_WATCH_INCONCLUSIVE,
};

/* One valid sample of run queues. */
struct ktstr_watch_sample {
	uint64_t at_ns;
	double imbalance;
	double running;			/* tasks a CPU, on average */
	uint64_t depth;			/* of the deepest local DSQ */
};

/* The rates of event counters since the sample before, per second; below 0: not known, as of the first. */
struct ktstr_watch_rates {
	uint64_t at_ns;
	double fallback, keep_last;
};

struct ktstr_watch {
	uint32_t size;
	bool decides;			/* the limits are to fail the run */
	enum ktstr_watch_state state;
	char why[160];			/* of INCONCLUSIVE: what is missing */
	uint64_t samples, invalid, period_ns;	/* of run queues; invalid: implausible ones */
	uint64_t counted;		/* samples of event counters */
	uint64_t first_ns, last_ns;
	uint64_t readings;		/* of a CPU, in valid samples */
	/* Among CPUs that the same cgroups may use; those of bound workers are left out. */
	double imbalance_max, imbalance_sum;
	uint64_t imbalance_max_ns;
	uint64_t depth_max, depth_ns;
	uint32_t depth_cpu;
	double depth_sum, running_sum;
	struct ktstr_watch_row rows[KTSTR_WATCH_RULES];
	/* Each sample, in the order of time; none while the attempt still runs. */
	const struct ktstr_watch_sample *queues;
	size_t n_queues;
	const struct ktstr_watch_rates *rates;
	size_t n_rates;
};

#endif
