/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the monitors' samples to <ktstr/watch.h>, record by record: of a journal for the verdict, and
 * while an attempt runs, so that what lasts is looked at closer at once. [one thread at a time]
 */
#ifndef KTSTR_CHECK_WATCH_H
#define KTSTR_CHECK_WATCH_H

#include "check/limits.h"

#include <ktstr/record.h>
#include <ktstr/watch.h>

struct ktstr_watcher;

/* NULL when memory is out. */
struct ktstr_watcher *ktstr_watcher_create(void);
void ktstr_watcher_destroy(struct ktstr_watcher *watcher);

/* Those of a plan, where no record has them. */
void ktstr_watcher_limit(struct ktstr_watcher *watcher, const struct ktstr_limits *limits);

/* Before the first record: each sample is to be in the result, not only what they come to. It costs memory for
 * each. */
void ktstr_watcher_keep(struct ktstr_watcher *watcher);

/* Any record; KTSTR_REC_LIMITS comes before the samples, else the limits are the defaults. */
void ktstr_watcher_add(struct ktstr_watcher *watcher, enum ktstr_rec type, uint64_t host_ns,
		       const struct ktstr_fields *fields);

/* What it comes to so far; valid until the next add(). Without memory for every sample it has those there was
 * memory for, and ktstr_watcher_failed() is true. */
const struct ktstr_watch *ktstr_watcher_result(struct ktstr_watcher *watcher);

bool ktstr_watcher_failed(const struct ktstr_watcher *watcher);

/* The first rule with a sustained violation, KTSTR_WATCH_RULES while there is none. Cheap. */
enum ktstr_watch_rule ktstr_watcher_violated(const struct ktstr_watcher *watcher);

/* ---- cpusets.c: which CPUs can be compared ---- */

#define KTSTR_WATCH_CPUS 8192

/* Two CPUs of one class are in the cpusets of the same cgroups: whoever may use one may use the
 * other, and a difference between them is the scheduler's doing. */
struct ktstr_cpu_classes {
	uint16_t *class;		/* per CPU; KTSTR_CLASS_NONE: of workers that are bound */
	uint16_t n;
};
#define KTSTR_CLASS_NONE UINT16_MAX

struct ktstr_cpusets;

struct ktstr_cpusets *ktstr_cpusets_create(void);
void ktstr_cpusets_destroy(struct ktstr_cpusets *cpusets);

/* KTSTR_REC_CGROUP, STEP and OP; others change nothing. */
void ktstr_cpusets_add(struct ktstr_cpusets *cpusets, enum ktstr_rec type,
		       const struct ktstr_fields *fields);

/* As it is now, of that many CPUs (KTSTR_WATCH_CPUS at most); valid until the next add(). */
const struct ktstr_cpu_classes *ktstr_cpusets_classes(struct ktstr_cpusets *cpusets, size_t n_cpus);

#endif
