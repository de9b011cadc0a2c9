/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroups that a scenario has at the moment, each with the step that it belongs to: at the end
 * of that step it is removed. 0 is the whole scenario. [engine]
 */
#ifndef KTSTR_AGENT_GROUP_H
#define KTSTR_AGENT_GROUP_H

#include "agent/engine.h"

/* Makes the cgroup, and those above it that are missing, with its settings; KTSTR_REC_CGROUP. */
int ktstr_group_make(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		     uint32_t step, struct ktstr_err *err);

/* Changes the settings of one that is there, those that `cgroup` has. */
int ktstr_group_set(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		    struct ktstr_err *err);

/* Freezes it or thaws it, and waits until the kernel says that all of its tasks are. */
int ktstr_group_freeze(struct ktstr_engine *engine, const char *name, bool freeze,
		       struct ktstr_err *err);

/* Thaws it if it was frozen: for tasks that are to end. */
int ktstr_group_wake(struct ktstr_engine *engine, const char *name, struct ktstr_err *err);

/* The kernel killed a task of it because it had no memory left. False for "". */
bool ktstr_group_out_of_memory(const char *name);

/* Removes one; its tasks are gone. */
int ktstr_group_remove(struct ktstr_engine *engine, const char *name, struct ktstr_err *err);

/* Removes those of a step, the last made first. What fails is reported as a fault. */
void ktstr_groups_end(struct ktstr_engine *engine, uint32_t step);

/* KTSTR_REC_CGROUP again, with the CPUs that it has now. */
void ktstr_group_report(struct ktstr_engine *engine, const char *name, uint64_t workers,
			bool bound);

#endif
