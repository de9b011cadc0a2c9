/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place where a guest program waits: descriptors, timers, and the ranks by which sources
 * are left unread while too much waits to be sent. [one thread]
 *
 * Sources and timers are embedded in what they belong to and must outlive the loop or be
 * forgotten first. A handler may forget any source, its own too.
 */
#ifndef KTSTR_AGENT_LOOP_H
#define KTSTR_AGENT_LOOP_H

#include "base/vec.h"

#include <ktstr/err.h>

#include <sys/epoll.h>

/* What is given up first when the host reads slower than the guest writes. */
enum ktstr_rank {
	KTSTR_RANK_CONTROL,	/* always read */
	KTSTR_RANK_EVIDENCE,	/* counted by its source when it overruns */
	KTSTR_RANK_BULK,	/* its writer can wait */
};

struct ktstr_source {
	int fd;			/* -1: not watched */
	uint32_t events;	/* of epoll(7) */
	enum ktstr_rank rank;
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
	bool held;		/* the loop's own: left out because of its rank */
};

struct ktstr_timer {
	uint64_t at_ns;		/* CLOCK_MONOTONIC; 0: not set. Set back to 0 before fire() */
	void (*fire)(void *ctx);
	void *ctx;
	struct ktstr_timer *next;
};

struct ktstr_loop {
	int epoll;
	enum ktstr_rank limit;
	struct ktstr_timer *timers;
	KTSTR_VEC(struct ktstr_source *) sources;
};

int ktstr_loop_init(struct ktstr_loop *loop, struct ktstr_err *err);
void ktstr_loop_deinit(struct ktstr_loop *loop);

int ktstr_loop_watch(struct ktstr_loop *loop, struct ktstr_source *source, struct ktstr_err *err);

/* Stops watching and closes the descriptor. */
void ktstr_loop_forget(struct ktstr_loop *loop, struct ktstr_source *source);

void ktstr_loop_add_timer(struct ktstr_loop *loop, struct ktstr_timer *timer);

/* Sources of a rank behind `limit` are not looked at until it is raised again. */
void ktstr_loop_limit(struct ktstr_loop *loop, enum ktstr_rank limit);

/* Waits for something to happen and handles all that did. */
int ktstr_loop_turn(struct ktstr_loop *loop, struct ktstr_err *err);

#endif
