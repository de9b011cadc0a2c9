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

/* Version only. -ENOENT when there is no such program, -ENOTSUP when it is too old, -EINVAL when
 * it does not speak like QEMU; each with what to do. */
int qemu_binary_check(const char *path, struct qemu_binary *ret_binary, struct ktstr_err *err);

/* As above, and looks for firmware. */
int qemu_binary_examine(const char *path, struct qemu_binary *ret_binary, struct ktstr_err *err);

#endif
