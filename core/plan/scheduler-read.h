/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading schedulers and their descriptions, and laying these below a test. */
#ifndef KTSTR_PLAN_SCHEDULER_READ_H
#define KTSTR_PLAN_SCHEDULER_READ_H

#include "plan/read.h"

/* The tree of a description into a plan: its scheduler, kernel arguments, sysctls, and what it expects
 * as a layer. */
bool ktstr_read_description(struct ktstr_reader *r, const struct ktstr_node *root,
			    struct ktstr_plan *plan);

/* `flags` of a description: the rules and the flags of the scheduler. (flag-read.c) */
bool ktstr_read_flag_rules(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_plan_scheduler *scheduler);

/* Adds the flag that the scalar names to the set. (flag-read.c) */
bool ktstr_read_flag(struct ktstr_reader *r, const struct ktstr_node *name,
		     const struct ktstr_flag_rules *rules, uint32_t *set);

/* Puts the arguments of the flags that are on behind the scheduler's. False: memory is out. */
bool ktstr_scheduler_add_flags(struct ktstr_reader *r, struct ktstr_plan_scheduler *scheduler);

/* Lays what the description says (NULL: there is none), and the defaults of the checks, below what the
 * test says, whose `expect` is a layer until then. False: memory is out. */
bool ktstr_lay_description(struct ktstr_reader *r, struct ktstr_plan *plan,
			   const struct ktstr_plan *under);

#endif
