/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One step of a scenario: set up, hold, collect. Each function does its part for everything that a
 * step is made of; what a step learns to do later joins in there. [engine]
 */
#ifndef KTSTR_AGENT_STEP_H
#define KTSTR_AGENT_STEP_H

#include "agent/engine.h"

#include <signal.h>

/* Carries out step n (from 1) of m. Faults are reported as they come; an error means that the step
 * could not be carried out at all. Nothing of the step is left when it returns. */
int ktstr_step_carry_out(struct ktstr_engine *engine, const struct ktstr_guest_step *step,
			 uint32_t n, uint32_t m, struct ktstr_err *err);

/* A child of the engine has ended; it is still a zombie, so that its counts can be read. */
void ktstr_step_ended(struct ktstr_engine *engine, const siginfo_t *info);

#endif
