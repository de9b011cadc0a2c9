/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Payloads: external programs of a scenario. Each is a process group with two streams of lines,
 * which are records, and an end; numbers are taken out of its output then. [engine]
 */
#ifndef KTSTR_AGENT_PROGRAM_H
#define KTSTR_AGENT_PROGRAM_H

#include "agent/engine.h"

#include <signal.h>

/* Starts it as a part of step `step` (0: of the scenario). -EEXIST while one of its name runs. When
 * it ends with another status than 0, unless it may, that is a fault. */
int ktstr_program_start(struct ktstr_engine *engine, const struct ktstr_guest_payload *payload,
			uint32_t step, struct ktstr_err *err);

/* Waits until it has ended; one that has already is fine. */
int ktstr_program_wait(struct ktstr_engine *engine, const char *name, uint64_t timeout_ns,
		       struct ktstr_err *err);

/* Asks it to end, and kills it when it does not within a second. */
int ktstr_program_kill(struct ktstr_engine *engine, const char *name, struct ktstr_err *err);

/* The same for those of a step, and those in a cgroup. */
int ktstr_programs_end_step(struct ktstr_engine *engine, uint32_t step, struct ktstr_err *err);
int ktstr_programs_end_in(struct ktstr_engine *engine, const char *cgroup, struct ktstr_err *err);

/* A child of the engine has ended: true when it was a program. */
bool ktstr_programs_child(struct ktstr_engine *engine, const siginfo_t *info);

/* Forgets those that have ended. */
void ktstr_programs_deinit(struct ktstr_engine *engine);

#endif
