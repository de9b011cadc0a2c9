/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured of a worker. The slot is memory shared by the worker, which writes it as it
 * works, and the engine, which reads it when the worker has ended or was killed; so a worker that
 * never came back has left its numbers too.
 */
#ifndef KTSTR_AGENT_TELEMETRY_H
#define KTSTR_AGENT_TELEMETRY_H

#include "agent/pages.h"

#include <ktstr/fields.h>
#include <ktstr/histogram.h>

#define KTSTR_SLOT_CPUS 8192
#define KTSTR_SLOT_METRICS 16
#define KTSTR_SLOT_WINDOW_NS 4000000

/* The kernel's own counts of a task. */
struct ktstr_counters {
	uint64_t cpu_ns, run_delay_ns, timeslices;
	uint64_t migrations;
	uint64_t pages_migrated;	/* by NUMA balancing, to another node */
	bool have_schedstat, have_migrations, have_pages_migrated;
	bool runnable;			/* it runs or waits for a CPU right now */
};

/*
 * How the longest time "runnable and not running" is found. run_delay of /proc/PID/schedstat
 * (sched_info in kernel/sched/stats.h, of every class) tells how long the task waited for a CPU,
 * but not how long at a stretch; a gap between two iterations is a stretch, but has the worker's
 * own CPU time in it. So the run delay is read at most once per window of KTSTR_SLOT_WINDOW_NS, and
 * the longest stretch in the window is taken as the smaller of its longest gap and its run delay.
 * That is never less than the truth. It is more only where several waits lie in one window, so by 4
 * ms at most, or in a single iteration, which is why iterations are to be short.
 */
struct ktstr_slot_window {
	uint64_t begin_ns, gap_ns, excused_ns;
	uint64_t run_delay_ns, cpu_ns;		/* the kernel's counts when it began */
};

/* Where a worker runs, by getcpu(2). */
struct ktstr_where {
	unsigned cpu, node;
};

struct ktstr_slot {
	uint64_t begin_ns;		/* the gate opened for it; 0: it never got that far */
	uint64_t end_ns;		/* its loop ended */
	uint64_t last_ns;		/* end of its last iteration */
	uint64_t iterations, max_gap_ns, max_runnable_ns;
	uint64_t excused_ns;		/* off the CPU on purpose in the present iteration */
	uint64_t sleep_ns, block_ns;	/* and in all: asleep, waiting for others */
	uint64_t sleep_begin_ns, sleep_until_ns;	/* it sleeps now; 0: it does not */
	uint64_t block_begin_ns;	/* it waits for another one; 0: it does not */
	struct ktstr_slot_window window;
	struct ktstr_counters base, end;
	uint64_t cpus[KTSTR_SLOT_CPUS / 64];
	uint32_t last_cpu, last_node;
	uint64_t cpu_changes;		/* seen between iterations: a lower bound of migrations */
	uint64_t node_changes;		/* of them, to another node */
	bool finished;			/* the worker filled end_ns and end itself */
	char role[24];			/* "": none */
	char error[256];
	bool has_nodes;			/* the machine has several */
	bool has_pages, has_home;	/* the next two are known */
	uint64_t pages[KTSTR_NODES_MAX];	/* its own, by node, at its end */
	struct ktstr_cpu_mask home;	/* nodes where they are expected */
	uint32_t n_metrics;
	struct {
		char name[48], unit[16];
		double value;
	} metrics[KTSTR_SLOT_METRICS];
	struct ktstr_histogram wake;
} __attribute__((aligned(64)));		/* workers share no cache line by their slots */

/* Parse /proc/PID/schedstat, the number behind `key` in /proc/PID/sched and the state of
 * /proc/PID/stat; false when the text is not that. */
bool ktstr_schedstat_parse(const char *text, struct ktstr_counters *ret);
bool ktstr_sched_parse(const char *text, const char *key, uint64_t *ret);
bool ktstr_runnable_parse(const char *text, bool *ret);

/* Reads all three below `proc_dir` ("/proc/self"). What cannot be read stays 0. */
void ktstr_counters_read(const char *proc_dir, struct ktstr_counters *ret);

/* Reads schedstat alone, again and again from an open file; the rest of *ret stays as it is. */
void ktstr_schedstat_read(int fd, struct ktstr_counters *ret);

/* -- the worker's side -- */
/* slot->base has been filled. Waiting before this, while groups are made, does not count. */
void ktstr_slot_begin(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where);
/* An iteration ended there. The step's end may have cut it short: then its time counts only. */
void ktstr_slot_cut(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where);
void ktstr_slot_iteration(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where);
void ktstr_slot_sleep(struct ktstr_slot *slot, uint64_t now_ns, uint64_t until_ns);
/* From a sleep that took its time comes a sample of wake latency: from until_ns to now. */
void ktstr_slot_wake(struct ktstr_slot *slot, uint64_t now_ns);
void ktstr_slot_block(struct ktstr_slot *slot, uint64_t now_ns);
/* See unblock() in ktstr/workload.h for woken_ns. */
void ktstr_slot_unblock(struct ktstr_slot *slot, uint64_t now_ns, uint64_t woken_ns);
/* The window has lasted its time: ktstr_slot_window() is due. */
bool ktstr_slot_window_due(const struct ktstr_slot *slot, uint64_t now_ns);
/* Ends the window by the counts of now, and begins the next one. */
void ktstr_slot_window(struct ktstr_slot *slot, uint64_t now_ns, const struct ktstr_counters *now);
/* The last value of a name counts; more than KTSTR_SLOT_METRICS names are not kept. */
void ktstr_slot_metric(struct ktstr_slot *slot, const char *name, const char *unit, double value);

/* -- the engine's side -- */
/* Closes the slot of a worker that did not finish: its present wait ends now. slot->end has been
 * filled from outside. */
void ktstr_slot_close(struct ktstr_slot *slot, uint64_t now_ns);
/* Puts the fields of KTSTR_REC_WORKER that come out of the slot. */
void ktstr_slot_put(const struct ktstr_slot *slot, struct ktstr_buf *b);

#endif
