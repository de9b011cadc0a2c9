/* SPDX-License-Identifier: GPL-2.0-only */
/* The file format of a template: what is behind its RAM (template.h). */
#ifndef QEMU_TEMPLATE_FILE_H
#define QEMU_TEMPLATE_FILE_H

#include "ram-copy.h"

#include <jansson.h>

/* What a template says about itself. */
struct qemu_about {
	json_t *json;			/* the object behind the strings; NULL: none */
	const char *key;		/* in full */
	const char *kernel, *machine;	/* for who looks at the list */
	uint64_t tsc_hz;		/* of the host it was made on, 0: not known */
	uint64_t made_ns;		/* CLOCK_REALTIME; also the file's mtime, see qemu_about_check() */
	uint64_t ram_bytes, state_bytes, console_bytes;
	uint64_t state_hash, console_hash;	/* XXH3 */
	struct qemu_ram_sum ram;
};

/* Writes `about` and the footer behind the console's text, and sets the file's mtime. `json` is ignored. */
int qemu_about_write(int fd, const struct qemu_about *about, struct ktstr_err *err);

/* Reads and checks both. -EBADMSG when the file is no template, or not whole; -EPROTO when it is one of
 * another version. */
int qemu_about_read(int fd, struct qemu_about *ret_about, struct ktstr_err *err);
void qemu_about_deinit(struct qemu_about *about);

/*
 * Is what the file holds what was put there? State and console are summed up each time; *ret_state (a
 * memfd) and `console` get them. RAM is trusted while the file has the mtime that its maker gave it, as
 * every write changes that; else, for instance when the file was copied here, RAM is summed up as well.
 * -EBADMSG when something differs.
 */
int qemu_about_check(int fd, const struct qemu_about *about, int *ret_state,
		     struct ktstr_buf *console, struct ktstr_err *err);

#endif
