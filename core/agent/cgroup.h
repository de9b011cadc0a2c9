/* SPDX-License-Identifier: GPL-2.0-only */
/* Control groups (version 2) of a scenario. `root` is KTSTR_CGROUP_ROOT but in a test. [engine] */
#ifndef KTSTR_AGENT_CGROUP_H
#define KTSTR_AGENT_CGROUP_H

#include <ktstr/err.h>

#include <sys/types.h>

#define KTSTR_CGROUP_ROOT "/sys/fs/cgroup"

/* Creates root/name and the groups on the way there, each with the cpu controller, without which
 * a group means nothing to a scheduler. -EINVAL for a name that leads out of the root. */
int ktstr_cgroup_create(const char *root, const char *name, struct ktstr_err *err);

/* Moves a process into it. */
int ktstr_cgroup_add(const char *root, const char *name, pid_t pid, struct ktstr_err *err);

/* Removes it, and groups above it that are empty now. What is missing is fine. */
int ktstr_cgroup_remove(const char *root, const char *name, struct ktstr_err *err);

#endif
