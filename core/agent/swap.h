/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change of the scheduler in the middle of a scenario, asked for by the engine: the one that runs
 * is asked to end, the kernel is seen to have none, the next one is started and seen to attach. Its
 * end is no death meanwhile. [one thread]
 */
#ifndef KTSTR_AGENT_SWAP_H
#define KTSTR_AGENT_SWAP_H

#include "agent/engine-link.h"
#include "agent/loop.h"

#include <ktstr/err.h>

struct ktstr_agent;

enum ktstr_swap_stage {
	KTSTR_SWAP_NONE,
	KTSTR_SWAP_STOPPING,	/* the process is asked to end, ever less politely */
	KTSTR_SWAP_SETTLING,	/* it has; the kernel is not done, or its output is still open */
	KTSTR_SWAP_ATTACHING,	/* the next one runs; the kernel has not enabled it yet */
};

struct ktstr_swap {
	enum ktstr_swap_stage stage;
	bool absent;			/* stopped, as asked: no scheduler is no news */
	bool starts;			/* another one follows */
	unsigned rung;			/* of the ladder of signals */
	const char *const *command;	/* of what starts next */
	uint64_t attach_timeout_ns;
	struct ktstr_timer deadline, poll;
};

void ktstr_swap_init(struct ktstr_agent *agent);

/* The engine asks: KTSTR_MSG_SCHEDULER. It is answered by KTSTR_MSG_SCHEDULER_DONE. */
void ktstr_swap_begin(struct ktstr_agent *agent, const struct ktstr_fields *fields);

/* The scheduler's process was reaped; `err` is not NULL when it never became the program. True when
 * that is part of a change, and nobody else's business. */
bool ktstr_swap_reaped(struct ktstr_agent *agent, const struct ktstr_err *err);

/* Looks at what the kernel says; true while a change, or a stop that was asked for, explains it. */
bool ktstr_swap_look(struct ktstr_agent *agent);

#endif
