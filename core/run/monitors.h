/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitors of an attempt: a thread of their own that reads guest memory, from the scenario's
 * first step to its end, and appends what they see to the journal. Nothing here waits for the
 * guest, and nothing that goes wrong in it ends the run: it is journalled. The same thread writes
 * guest memory where an operation of the scenario asks for it.
 */
#ifndef KTSTR_RUN_MONITORS_H
#define KTSTR_RUN_MONITORS_H

#include "plan/plan.h"
#include "wire/journal.h"

#define KTSTR_MONITORS_RAM 32
#define KTSTR_MONITORS_TIDS 1024

struct ktstr_monitors_params {
	const struct ktstr_plan *plan;		/* borrowed until destroy(), as the next two */
	const char *btf; /* of the kernel image; NULL: taken from the guest */
	const char *build_id;	/* of the kernel image; NULL: not known */
	struct ktstr_journal_writer *journal;
	const struct ktstr_ram *ram;		/* copied; mapped until destroy() */
	size_t n_ram;
	pid_t tids[KTSTR_MONITORS_TIDS];	/* vCPU threads, in CPU order */
	size_t n_tids;
};

struct ktstr_monitors;

/* Starts the thread, which finds the guest's kernel and makes the plan's monitors. The kernel has
 * to be up. */
int ktstr_monitors_create(const struct ktstr_monitors_params *params,
			  struct ktstr_monitors **ret_monitors, struct ktstr_err *err);

/* The first sample is taken as soon as the monitors are made. A second time does nothing. NULL is
 * fine here and below. */
void ktstr_monitors_begin(struct ktstr_monitors *monitors);

/* Takes a last sample and ends the thread; returns when it is gone. Without begin() there is no
 * sample. */
void ktstr_monitors_end(struct ktstr_monitors *monitors);

/* An operation of the plan that the host carries out (write-map): operation `op` of step `step`, both
 * as the guest counts them (steps from 1, operations from 0). -EINVAL when the plan has no such one,
 * -EBUSY while another is under way, -ESHUTDOWN after end(). Else the answer comes: event_fd() is
 * readable then. [the attempt's thread] */
int ktstr_monitors_ask(struct ktstr_monitors *monitors, uint64_t step, uint64_t op,
		       struct ktstr_err *err);

/* True when there is an answer, which is taken: its code is 0 or a negative errno, its text what was
 * done or why not. It is journalled already. */
bool ktstr_monitors_answer(struct ktstr_monitors *monitors, struct ktstr_err *ret_answer);

/* A record came from the guest: cpusets count for what is an imbalance. [the attempt's thread] */
void ktstr_monitors_hear(struct ktstr_monitors *monitors, enum ktstr_rec type,
			 const struct ktstr_fields *fields);

/* True once, after a limit of the plan was violated for long: the guest is to write a sched_ext dump.
 * The violation and a snapshot are journalled already. event_fd() is readable then too. */
bool ktstr_monitors_want_dump(struct ktstr_monitors *monitors);

/* -1 without monitors. */
int ktstr_monitors_event_fd(const struct ktstr_monitors *monitors);

void ktstr_monitors_destroy(struct ktstr_monitors *monitors);

#endif
