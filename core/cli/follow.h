/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journals of a run while they grow: found by the run's name, or by the pid of its ktstr or of its VM, and read
 * record by record as they are written, one attempt after the other.
 */
#ifndef KTSTR_CLI_FOLLOW_H
#define KTSTR_CLI_FOLLOW_H

#include "wire/frame.h"

struct ktstr_follow {
	char *dir, *path;	/* of the run, and of the journal that is read now */
	unsigned attempt;
	int fd;
	int changes;		/* inotify: readable when more was written, or another attempt begins */
	int watch;		/* of the journal, among the changes */
	int writer;		/* pidfd: readable when the ktstr that runs it is gone; -1: nobody does */
	struct ktstr_framer in;
	bool between;		/* the attempt is over, and another one may come */
	bool over;		/* the last record there will be was handed out */
};

/* `what` is a pid, or what `ktstr report` takes. From the newest attempt of the run on. -ENOENT when there is
 * no such run; deinit() it in any case. */
int ktstr_follow_open(const char *what, struct ktstr_follow *follow, struct ktstr_err *err);
void ktstr_follow_deinit(struct ktstr_follow *follow);

/* The next record: 1; 0 when there is none yet, or none any more (over). Valid until the next call. An attempt begins
 * with its KTSTR_REC_RUN. -EBADMSG when it is no journal. */
int ktstr_follow_next(struct ktstr_follow *follow, struct ktstr_record *ret_record,
		      struct ktstr_err *err);

#endif
