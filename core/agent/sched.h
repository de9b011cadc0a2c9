/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler under test: a process with two streams of lines and an end. [one thread] */
#ifndef KTSTR_AGENT_SCHED_H
#define KTSTR_AGENT_SCHED_H

#include "agent/channel.h"
#include "agent/output.h"

#include <signal.h>

struct ktstr_sched {
	struct ktstr_loop *loop;	/* these two are set by the caller */
	struct ktstr_guest_channel *channel;
	const char *const *command;
	pid_t pid;			/* 0: does not run */
	pid_t group;			/* its process group, also after its end */
	int failure;			/* tells why exec failed */
	bool asked;			/* we sent a signal: its end is expected */
	char end[64];			/* "exited with code 3", for messages */
	struct ktstr_sched_stream {
		struct ktstr_sched *sched;
		unsigned number;
		struct ktstr_output output;
	} streams[2];
};

/* `command` is borrowed until the end. Reports KTSTR_REC_SCHED_START. */
int ktstr_sched_start(struct ktstr_sched *sched, const char *const *command, struct ktstr_err *err);

/* To the whole process group, as a terminal would. */
void ktstr_sched_signal(struct ktstr_sched *sched, int signal);

/* A prober may have stopped it at its gate. */
void ktstr_sched_let_on(const struct ktstr_sched *sched);

/* The process was reaped: reports its last output and KTSTR_REC_SCHED_EXIT. When it never became
 * the program, a negative errno and no such record. */
int ktstr_sched_reaped(struct ktstr_sched *sched, const siginfo_t *info, struct ktstr_err *err);

/* Nobody can write to its streams any more. */
bool ktstr_sched_silent(const struct ktstr_sched *sched);
void ktstr_sched_close(struct ktstr_sched *sched);

#endif
