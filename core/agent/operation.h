/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of a step, carried out and told one by one. [engine] */
#ifndef KTSTR_AGENT_OPERATION_H
#define KTSTR_AGENT_OPERATION_H

#include "agent/engine.h"

/* Carries out the operations of step n, in order; `round` counts from 0. Each is told by a
 * KTSTR_REC_OP. The first that fails is a fault, and none follows it. */
void ktstr_operations_run(struct ktstr_engine *engine, const struct ktstr_guest_step *step,
			  uint32_t n, uint64_t round);

#endif
