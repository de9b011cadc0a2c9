/* SPDX-License-Identifier: GPL-2.0-only */
/* What others than the probes saw of a stall: the monitors, the host, the kernel's dump. */
#ifndef AUTO_REPRO_EVIDENCE_H
#define AUTO_REPRO_EVIDENCE_H

#include "trace.h"

/* A CPU in the time in which the task waited. */
struct cpu_seen {
	uint64_t samples;		/* of the monitor "runqueues" */
	uint64_t above;			/* of them: with a task of stop, dl or rt */
	struct ktstr_str comm, class;	/* of such a task: the one that was there most often */
	uint64_t pid, votes;
	struct ktstr_str dumped;	/* "COMM[PID] class=rt_sched_class": what the dump has of such a task */
};

/* The task among those that wait, by the monitor "tasks". */
struct waiting {
	bool seen, has_cpu, has_dsq;
	uint64_t wait_ns, cpu, dsq;
};

/* Where the kernel's dump, which is made right after the exit, has the task. */
struct dumped {
	bool there;			/* on a DSQ */
	uint64_t cpu, dsq;		/* in whose run queue; on which DSQ */
};

struct evidence {
	struct cpu_seen *cpus;		/* CPUS_MAX */
	struct waiting waiting;
	struct dumped dumped;
	bool starved;			/* the machine's CPUs waited for the host longer than they ran */
};

/* Of the task `pid`, which has been waiting for `wait_ns` when the trigger fired. 0 or -ENOMEM. */
int evidence_read(struct evidence *e, const struct ktstr_section_input *input, size_t attempt,
		  const struct trace *t, uint64_t pid, uint64_t wait_ns);
void evidence_free(struct evidence *e);

/* A higher class had that CPU for most of that time. */
bool evidence_is_above(const struct evidence *e, uint64_t cpu);
/* "such a task in 50 of 52 samples while it waited, most often rt-hog[99] (rt)" */
void evidence_say_above(const struct evidence *e, uint64_t cpu, char *buf, size_t size);

#endif
