/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The repro cycle: the attempts that repeat a run whose scheduler died. Each runs in a child
 * process, so that several can run at once and none can take the report of the first one with it.
 */
#ifndef KTSTR_RUN_REPRO_H
#define KTSTR_RUN_REPRO_H

#include "run/attempt.h"

/* True when an attempt that ended like that is repeated: the scheduler was thrown out, or went by
 * itself, and the test did not expect it. Not when it never was the kernel's scheduler: there is no
 * crash then whose functions could be looked at. */
bool ktstr_repro_wanted(const struct ktstr_verdict *verdict);

struct ktstr_repro_params {
	/* As for the first attempt; those made here are 2, 3, ... with journals in `dir`. */
	struct ktstr_attempt_params attempt;
	const char *dir;			/* of the run */
	const struct ktstr_verdict *first;	/* on that attempt */
	struct ktstr_plan_repro how;
};

struct ktstr_repro_result {
	unsigned made;		/* that have a journal */
	unsigned same;		/* of them: ended by the same bug */
};

/* Makes the attempts and returns when all their VMs are gone. SIGINT, SIGTERM and SIGHUP end those
 * that run as they end a single attempt, and no more are begun. 0, however they went; a negative
 * errno when one could not be started or journalled. Progress and console lines come from the
 * calling thread, which has to be the only one. */
int ktstr_repro_run(const struct ktstr_repro_params *params, struct ktstr_repro_result *ret_result,
		    struct ktstr_err *err);

#endif
