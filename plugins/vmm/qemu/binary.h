/* SPDX-License-Identifier: GPL-2.0-only */
/* The QEMU program of this host: which version, which firmware. */
#ifndef QEMU_BINARY_H
#define QEMU_BINARY_H

#include <ktstr/err.h>

#include <stdbool.h>

struct qemu_binary {
	int major, minor;
	char version[64];		/* "10.0.2" */
	char build[128];		/* with the distribution's own: "10.0.2 (Debian 1:10.0.2+ds-2)" */
	bool qboot;			/* qboot.rom is in one of its data folders */
};

/*
 * Asks it. -ENOENT when there is no such program, -ENOTSUP when it is too old, -EINVAL when it does not
 * speak like QEMU; each with what to do.
 *
 * Asking takes two processes, 25 ms. What they say is kept in <state_dir>/qemu.json (NULL: nowhere) and
 * holds as long as the program is the same file; that of a script is not kept, as it may start anything.
 */
int qemu_binary_examine(const char *path, const char *state_dir, struct qemu_binary *ret_binary,
			struct ktstr_err *err);

#endif
