/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QMP, QEMU's control protocol: JSON messages, one a line, over a stream socket.
 *
 * Nothing here blocks: messages come in whatever pieces the socket gives, commands are small and
 * go out at once or not at all.
 */
#ifndef QEMU_QMP_H
#define QEMU_QMP_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

#include <jansson.h>

struct qemu_qmp {
	int fd;				/* non-blocking; -1: closed */
	struct ktstr_buf pending;	/* a message that has not come to its end */
};

#define QEMU_QMP_INIT { .fd = -1 }

typedef void qemu_qmp_fn(void *ctx, const json_t *message);

/* Calls `fn` for each whole message. -EPROTO for what is not JSON, -EMSGSIZE for a line without end;
 * messages before it have been handed over. */
int qemu_qmp_feed(struct qemu_qmp *qmp, const void *data, size_t len, qemu_qmp_fn *fn, void *ctx,
		  struct ktstr_err *err);

/* Reads all that waits. 1 when QEMU closed its end. */
int qemu_qmp_read(struct qemu_qmp *qmp, qemu_qmp_fn *fn, void *ctx, struct ktstr_err *err);

/* Sends a command; its reply carries the command's name as "id". `arguments` is a JSON object, NULL for
 * none. */
int qemu_qmp_send(struct qemu_qmp *qmp, const char *command, const char *arguments,
		  struct ktstr_err *err);

void qemu_qmp_deinit(struct qemu_qmp *qmp);

/* A string member of an object; "" when there is none. */
const char *qemu_qmp_str(const json_t *object, const char *key);

#endif
