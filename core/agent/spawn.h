/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting the scheduler and the engine, without ever waiting for them. [one thread] */
#ifndef KTSTR_AGENT_SPAWN_H
#define KTSTR_AGENT_SPAWN_H

#include <ktstr/err.h>

#include <sys/types.h>

struct ktstr_spawn {
	const char *const *argv;	/* NULL-ended; argv[0] is a path */
	int out, errout;		/* become 1 and 2 */
	int channel;			/* becomes 3; -1: none */
	const char *join;		/* cgroup.procs of the cgroup to enter first; NULL: none */
	int fifo;			/* > 0: SCHED_FIFO priority, not inherited further */
};

/* Forks a child in a process group of its own. It may start late under a broken scheduler, so a
 * failing exec is not waited for: once the child has exited, ktstr_spawn_failure() tells. */
int ktstr_spawn(const struct ktstr_spawn *how, pid_t *ret_pid, int *ret_failure,
		struct ktstr_err *err);

/* What the kernel's out-of-memory killer thinks of the calling process: "-1000" spares it. Children
 * inherit it, those of ktstr_spawn() do not. What cannot be written stays as it is. */
void ktstr_oom_adjust(const char *score);

/* What the calling process starts from here on has its SCHED_FIFO priority, too, if it has one. For its end: a thread
 * of LeakSanitizer's looks for leaks, and the process waits for it by yielding its CPU, which a lesser thread on the
 * same CPU never gets; nor does anything else there. */
void ktstr_fifo_pass_on(void);

/* 0 when the child became the program, else a negative errno and why. `failure` is what spawn gave;
 * the caller closes it. */
int ktstr_spawn_failure(int failure, const char *path, struct ktstr_err *err);

#endif
