/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent's end of a helper of it, the engine or the prober: a process, a socket, and what the process
 * says when it breaks. [one thread] */
#ifndef KTSTR_AGENT_ENGINE_LINK_H
#define KTSTR_AGENT_ENGINE_LINK_H

#include "agent/channel.h"
#include "agent/output.h"

#include <signal.h>

/* Priority: above any worker (plan/policy.h), below the agent. */
#define KTSTR_ENGINE_FIFO 98

struct ktstr_engine_link {
	const char *program;		/* its path */
	const char *name;		/* for messages: "scenario engine" */
	struct ktstr_loop *loop;	/* these too are set by the caller */
	struct ktstr_guest_channel *host;	/* where records go on to */
	/* MSG_FINISHED came. */
	void (*finished)(void *ctx, struct ktstr_str outcome, struct ktstr_str text);
	/* MSG_PROBES_READY came, from the prober. */
	void (*ready)(void *ctx);
	/* MSG_SCHEDULER came: the scheduler is to be changed. */
	void (*scheduler)(void *ctx, const struct ktstr_fields *fields);
	void (*broken)(void *ctx, const struct ktstr_err *err);	/* the socket carries no frames */
	void *ctx;
	pid_t pid;			/* 0: does not run */
	int failure;
	struct ktstr_guest_channel channel;
	struct ktstr_output output;
	char last_words[256];		/* the last line it wrote: it writes only when it breaks */
};

int ktstr_engine_link_start(struct ktstr_engine_link *link, struct ktstr_err *err);

/* Sends a message to the engine. */
void ktstr_engine_link_send(struct ktstr_engine_link *link, enum ktstr_msg type,
			    const void *payload, size_t len);

/* The process was reaped: passes on what it had still sent, then says in err how it ended. */
void ktstr_engine_link_reaped(struct ktstr_engine_link *link, const siginfo_t *info,
			      struct ktstr_err *err);
void ktstr_engine_link_kill(struct ktstr_engine_link *link);

#endif
