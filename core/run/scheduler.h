/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding the scheduler under test on the host. */
#ifndef KTSTR_RUN_SCHEDULER_H
#define KTSTR_RUN_SCHEDULER_H

#include "plan/plan.h"

/* The file of a scheduler, `binary` as written, for a VM with kernel `release`. A name with a slash is a
 * path, relative to the pipeline's folder; a bare name is looked for among ktstr's own programs, among the upstream schedulers
 * in the cache that were built for that kernel (bpf/upstream-schedulers.sh), and on PATH. Refuses what
 * could not run in the VM: -ENOENT, -EACCES (not executable), -ENOEXEC (no program, or for another
 * machine). The caller frees *ret_path. */
int ktstr_scheduler_find(const struct ktstr_plan *plan, const char *binary, const char *release,
			 char **ret_path, struct ktstr_err *err);

/* Refuses what is no executable file; `what` it is, for the message. */
int ktstr_program_check(const char *what, const char *path, struct ktstr_err *err);

#endif
