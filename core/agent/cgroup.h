/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups (version 2) as files. `root` is KTSTR_CGROUP_ROOT but in a test; names are paths
 * below it, "" is the root itself. Messages name what was tried, the file, the value and the
 * kernel's answer. [engine]
 */
#ifndef KTSTR_AGENT_CGROUP_H
#define KTSTR_AGENT_CGROUP_H

#include "plan/cpus.h"

#include <sys/types.h>

#define KTSTR_CGROUP_ROOT "/sys/fs/cgroup"

/* Creates root/name and the groups on the way there, with `cpu` each with the cpu controller, without
 * which a group means nothing to a scheduler. -EINVAL for a name that leads out of the root. */
int ktstr_cgroup_create(const char *root, const char *name, bool cpu, struct ktstr_err *err);

/* Writes `value` to one of its control files; the file's controller is enabled on the way there. */
int ktstr_cgroup_set(const char *root, const char *name, const char *file, const char *value,
		     struct ktstr_err *err);

/* The text of a control file without the newline at its end; the caller frees it. */
int ktstr_cgroup_get(const char *root, const char *name, const char *file, char **ret,
		     struct ktstr_err *err);

/* The CPUs that its tasks may use: of itself, or of the nearest group above that has a cpuset. */
int ktstr_cgroup_cpus(const char *root, const char *name, struct ktstr_cpu_mask *ret,
		      struct ktstr_err *err);

/* Moves a process into it. */
int ktstr_cgroup_add(const char *root, const char *name, pid_t pid, struct ktstr_err *err);

/* Moves every process of one into another, those too that they start meanwhile; *ret_n of them. */
int ktstr_cgroup_move_all(const char *root, const char *from, const char *to, uint32_t *ret_n,
			  struct ktstr_err *err);

/* Removes it. What is missing is fine. */
int ktstr_cgroup_remove(const char *root, const char *name, struct ktstr_err *err);

#endif
