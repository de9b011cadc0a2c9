/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/monitor in its parts: queues.c follows run queues and judges them sample by sample,
 * counters.c what only grows, monitor.c says it.
 */
#ifndef SECTION_MONITOR_H
#define SECTION_MONITOR_H

#include <ktstr/section.h>

#define CPUS_MAX 8192
#define NAME_SIZE 64

/* 0 when it is not there. */
static inline uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

/* ---- thresholds ---- */

struct thresholds {
	uint64_t imbalance, depth, fallback_rate, keep_last_rate, sustained;
	bool stall;
};

/* What was above its threshold for how long. */
struct tracker {
	uint64_t now;		/* samples in a row up to this one */
	uint64_t longest;
	uint64_t begin_ns;	/* of the current row */
	uint64_t longest_begin_ns, longest_end_ns;
	double worst;		/* in the longest row */
	double now_worst;
};

/* One more sample; `above` says whether it violates. */
void track(struct tracker *t, bool above, double value, uint64_t at_ns);

/* ---- queues.c ---- */

struct cpu {
	uint64_t clock, nr_running;
	uint64_t cpu_ns;		/* of its vCPU thread, when the clock last moved */
	uint64_t vcpu_ns;		/* of its vCPU thread, by the last sample of that */
	bool known, vcpu_known;
	struct tracker stall;
};

struct queues {
	uint64_t samples, invalid, period_ns;
	uint64_t first_ns, last_ns;
	double imbalance_max, imbalance_sum, depth_sum, running_sum;
	uint64_t imbalance_max_ns, readings;
	uint64_t depth_max, depth_cpu, depth_ns;
	struct tracker imbalance, depth;
	struct cpu *cpus;		/* CPUS_MAX of them */
	size_t n_cpus;
};

void queues_vcpus(struct queues *q, const struct ktstr_record *record);
void queues_sample(struct queues *q, const struct ktstr_record *record, const struct thresholds *t);

/* The CPU that was stalled longest, NULL when none was at all. */
const struct cpu *queues_stalled(const struct queues *q);

/* ---- counters.c ---- */

#define EVENTS_MAX 64
#define LEVELS_MAX 8
#define PROGS_MAX 512

struct event {
	char name[NAME_SIZE];
	int64_t last, total;
};

struct events {
	struct event items[EVENTS_MAX];
	size_t n;
	uint64_t id;			/* of the scheduler that `last` is of */
	uint64_t samples, schedulers, first_ns, last_ns;
	char ops[NAME_SIZE];
	struct tracker fallback, keep_last;
};

void events_sample(struct events *e, const struct ktstr_record *record, const struct thresholds *t);

/* Counters of a level that are worth a column, each the sum over kinds of idleness. */
enum { LB_COUNT, LB_FAILED, LB_GAINED, LB_NEWIDLE, ALB_PUSHED, TTWU_REMOTE, N_COLUMNS };

struct level {
	char name[NAME_SIZE];
	uint64_t cpus, span;
	uint64_t first[N_COLUMNS], last[N_COLUMNS];
	bool has[N_COLUMNS];
};

struct domains {
	struct level items[LEVELS_MAX];
	size_t n;
	uint64_t first_ns, last_ns;
};

void domains_sample(struct domains *d, const struct ktstr_record *record);

struct prog {
	char name[NAME_SIZE], type[24];
	uint64_t id, insns, cnt, nsecs;		/* as they were last */
	uint64_t cnt_before, nsecs_before;	/* at the first sample of all */
	bool has_insns, has_cnt;
};

struct progs {
	struct prog *items;			/* PROGS_MAX of them, by id */
	size_t n;
	uint64_t samples;
};

void progs_sample(struct progs *p, const struct ktstr_record *record);

#endif
