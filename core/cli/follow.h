/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a run while it grows: found by the run's name, or by the pid of its ktstr or of its
 * VM, and read record by record as it is written.
 */
#ifndef KTSTR_CLI_FOLLOW_H
#define KTSTR_CLI_FOLLOW_H

#include "wire/frame.h"

struct ktstr_follow {
	char *path;		/* of the journal */
	int fd;
	int changes;		/* inotify: readable when more was written */
	int writer;		/* pidfd: readable when who writes it is gone; -1: nobody does */
	struct ktstr_framer in;
	bool over;		/* the last record there will be was handed out */
};

/* `what` is a pid, or what `ktstr report` takes. The newest attempt of the run. -ENOENT when there is
 * no such run; deinit() it in any case. */
int ktstr_follow_open(const char *what, struct ktstr_follow *follow, struct ktstr_err *err);
void ktstr_follow_deinit(struct ktstr_follow *follow);

/* The next record: 1; 0 when there is none yet, or none any more (over). Valid until the next call.
 * -EBADMSG when it is no journal. */
int ktstr_follow_next(struct ktstr_follow *follow, struct ktstr_record *ret_record,
		      struct ktstr_err *err);

#endif
