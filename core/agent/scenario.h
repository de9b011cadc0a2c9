/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario: step after step, each set up, held and collected. [engine] */
#ifndef KTSTR_AGENT_SCENARIO_H
#define KTSTR_AGENT_SCENARIO_H

#include "agent/engine.h"

/* Loads and checks every workload of the plan, so that what is wrong with a later step is known
 * before the first one begins; reads the machine's topology. */
int ktstr_scenario_prepare(struct ktstr_engine *engine, struct ktstr_err *err);

/* Carries out the plan's steps. Faults are reported as they come, and the first one ends it;
 * nothing of it is left when it returns. */
void ktstr_scenario_run(struct ktstr_engine *engine);

#endif
