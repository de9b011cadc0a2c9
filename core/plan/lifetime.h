/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_PLAN_LIFETIME_H
#define KTSTR_PLAN_LIFETIME_H

#include "plan/schema.h"

/* Goes through a plan that was read without a problem: adds one for each operation, and each cgroup
 * of a step, that finds the cgroups otherwise than it needs them. */
bool ktstr_check_lifetimes(struct ktstr_reader *r, const struct ktstr_plan *plan);

#endif
