/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of the run: KTSTR_MSG_FILE becomes files, folders and links of the guest. [one thread] */
#ifndef KTSTR_AGENT_FILES_H
#define KTSTR_AGENT_FILES_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

struct ktstr_files {
	const char *root;	/* put in front of every path; "" in the guest */
	int fd;			/* of the file that is arriving, -1: none */
	char *path;
	uint64_t size, have;	/* of it */
	unsigned mode;
};

#define KTSTR_FILES_INIT(where) { .root = (where), .fd = -1 }

/* Handles one message. A message that is refused or cannot be carried out ends the file that was
 * arriving; later files are taken as usual. -EINVAL for what no host should send. */
int ktstr_files_take(struct ktstr_files *files, const struct ktstr_fields *msg,
		     struct ktstr_err *err);

/* -EPIPE when a file is still incomplete. */
int ktstr_files_check(const struct ktstr_files *files, struct ktstr_err *err);
void ktstr_files_deinit(struct ktstr_files *files);

#endif
