/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured of a worker. The slot is memory shared by the worker, which writes it as it
 * works, and the engine, which reads it when the worker has ended or was killed; so a worker that
 * never came back has left its numbers too.
 */
#ifndef KTSTR_AGENT_TELEMETRY_H
#define KTSTR_AGENT_TELEMETRY_H

#include <ktstr/fields.h>

#define KTSTR_SLOT_CPUS 8192
#define KTSTR_SLOT_METRICS 16

/* The kernel's own counts of a task. */
struct ktstr_counters {
	uint64_t cpu_ns, run_delay_ns, timeslices;
	uint64_t migrations;
	bool have_migrations;
};

struct ktstr_slot {
	uint64_t begin_ns;		/* the gate opened for it; 0: it never got that far */
	uint64_t end_ns;		/* its loop ended */
	uint64_t last_ns;		/* end of its last iteration */
	uint64_t iterations, max_gap_ns;
	uint64_t slept_ns;		/* voluntary sleep in the present iteration */
	uint64_t sleep_ns;		/* and in all */
	uint64_t sleep_begin_ns, sleep_until_ns;	/* it sleeps now; 0: it does not */
	struct ktstr_counters base, end;
	uint64_t cpus[KTSTR_SLOT_CPUS / 64];
	uint32_t last_cpu;
	uint64_t cpu_changes;		/* seen between iterations: a lower bound of migrations */
	bool finished;			/* the worker filled end_ns and end itself */
	char error[256];
	uint32_t n_metrics;
	struct {
		char name[48], unit[16];
		double value;
	} metrics[KTSTR_SLOT_METRICS];
};

/* Parse /proc/PID/schedstat and the line of /proc/PID/sched; false when the text is not that. */
bool ktstr_schedstat_parse(const char *text, struct ktstr_counters *ret);
bool ktstr_migrations_parse(const char *text, uint64_t *ret);

/* Reads both below `proc_dir` ("/proc/self"). What cannot be read stays 0. */
void ktstr_counters_read(const char *proc_dir, struct ktstr_counters *ret);

/* -- the worker's side -- */
void ktstr_slot_begin(struct ktstr_slot *slot, uint64_t now_ns, unsigned cpu);
/* An iteration ended on `cpu`. */
void ktstr_slot_iteration(struct ktstr_slot *slot, uint64_t now_ns, unsigned cpu);
void ktstr_slot_sleep(struct ktstr_slot *slot, uint64_t now_ns, uint64_t until_ns);
void ktstr_slot_wake(struct ktstr_slot *slot, uint64_t now_ns);
/* The last value of a name counts; more than KTSTR_SLOT_METRICS names are not kept. */
void ktstr_slot_metric(struct ktstr_slot *slot, const char *name, const char *unit, double value);

/* -- the engine's side -- */
/* Closes the slot of a worker that did not finish: its present wait ends now. */
void ktstr_slot_close(struct ktstr_slot *slot, uint64_t now_ns);
/* Puts the fields of KTSTR_REC_WORKER that come out of the slot. */
void ktstr_slot_put(const struct ktstr_slot *slot, struct ktstr_buf *b);

#endif
