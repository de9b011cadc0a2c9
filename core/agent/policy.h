/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker takes the place that its workers entry asks for: memory policy, CPUs, scheduling class,
 * nice. [worker] */
#ifndef KTSTR_AGENT_POLICY_H
#define KTSTR_AGENT_POLICY_H

#include "plan/policy.h"

/* To the calling process. `cpus` is what it is to be bound to, NULL: nothing. The message names the
 * call, what was asked for and the kernel's answer. */
int ktstr_policy_apply(const struct ktstr_placement *placement, const struct ktstr_cpu_mask *cpus,
		       struct ktstr_err *err);

/* Binds a process (0: the calling one) to CPUs. [any] */
int ktstr_policy_bind(int pid, const struct ktstr_cpu_mask *cpus, struct ktstr_err *err);

#endif
