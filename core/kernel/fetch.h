/* SPDX-License-Identifier: GPL-2.0-only */
/* One fetch: what it says, what may end it, and the lists that it looks into. */
#ifndef KTSTR_KERNEL_FETCH_H
#define KTSTR_KERNEL_FETCH_H

#include "kernel/debian.h"
#include "kernel/kernel.h"

#include <signal.h>

#define KTSTR_FETCH_INIT(p, c, e) \
	{ .progress = (p), .ctx = (c), .err = (e), .lock_fd = -1, .stop_fd = -1 }

struct ktstr_fetch {
	struct ktstr_debian_spec want;
	ktstr_kernel_progress *progress;	/* may be NULL */
	void *ctx;
	struct ktstr_err *err;
	int lock_fd;
	int stop_fd;			/* can be read when a signal is there that would end us */
	sigset_t signals;		/* the caller's mask */
};

/* Takes the lock of the apt state and holds back SIGINT, SIGTERM and SIGHUP, so that what was begun can be cleared
 * away. */
int ktstr_fetch_begin(struct ktstr_fetch *fetch);

/* Gives both back; a signal that came in between has its effect now. After a begin that failed, too. */
void ktstr_fetch_end(struct ktstr_fetch *fetch);

__attribute__((format(printf, 2, 3)))
void ktstr_fetch_say(const struct ktstr_fetch *fetch, const char *fmt, ...);

/* Looks for something in a suite's lists. -ENODATA when it is not there; what it wrote of it is `arg`'s. */
typedef int ktstr_fetch_look(const struct ktstr_debian *debian, void *arg, struct ktstr_err *err);

/* Lists that are old are fetched again before, and any that lack what is looked for; when that fails, old ones
 * still serve. Errors are those of `look` and of fetching lists. */
int ktstr_fetch_find(const struct ktstr_fetch *fetch, struct ktstr_debian *debian, ktstr_fetch_look *look,
		     void *arg);

#define _cleanup_debian_ __attribute__((cleanup(ktstr_debian_close)))

#endif
