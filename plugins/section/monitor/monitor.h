/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/monitor in its parts: counters.c follows what only grows, curves.c shows each sample over time,
 * monitor.c says the rest, and what core says of the run queues and the limits (<ktstr/watch.h>).
 */
#ifndef SECTION_MONITOR_H
#define SECTION_MONITOR_H

#include <ktstr/section.h>

#define NAME_SIZE 64

/* 0 when it is not there. */
static inline uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

/* ---- counters.c ---- */

void copy_name(char *to, size_t size, struct ktstr_str from);

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
};

void events_sample(struct events *e, const struct ktstr_record *record);

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

/* ---- curves.c ---- */

#define MOMENTS_MAX 8

/* Moments of the run that a reader looks for in a curve: what went wrong, and when. */
struct moments {
	struct {
		char label[64];
		uint64_t at_ns;
		enum ktstr_tone tone;
	} items[MOMENTS_MAX];
	size_t n;
};

void moments_add(struct moments *m, const struct ktstr_record *record,
		 const struct ktstr_verdict *verdict);

/* What the watch has of each sample, with the steps of the scenario. */
void curves_say(const struct ktstr_verdict *verdict, const struct moments *moments,
		struct ktstr_doc *doc);

#endif
