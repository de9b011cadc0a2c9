/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitors of an attempt: a thread of their own that reads guest memory, from the scenario's
 * first step to its end, and appends what they see to the journal. Nothing here waits for the
 * guest, and nothing that goes wrong in it ends the run: it is journalled.
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

void ktstr_monitors_destroy(struct ktstr_monitors *monitors);

#endif
