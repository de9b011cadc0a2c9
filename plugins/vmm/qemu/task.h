/* SPDX-License-Identifier: GPL-2.0-only */
/* Work that takes too long for the loop: one thread, whose end is an event like others. */
#ifndef QEMU_TASK_H
#define QEMU_TASK_H

#include <ktstr/err.h>

#include <pthread.h>
#include <stdbool.h>

struct qemu_task {
	bool started;
	pthread_t thread;
	int done;			/* eventfd, readable once the work is done; -1: none */
	int (*work)(void *ctx, struct ktstr_err *err);
	void *ctx;
	int ret;			/* of the work */
	struct ktstr_err err;
};

#define QEMU_TASK_INIT { .done = -1 }

/* Makes `done`; the task can then be started any number of times, one after the other. */
int qemu_task_init(struct qemu_task *task, struct ktstr_err *err);

/* Starts `work`, which gets no signals. What it uses must not be touched until it
 * has finished. */
int qemu_task_start(struct qemu_task *task, int (*work)(void *ctx, struct ktstr_err *err), void *ctx,
		    struct ktstr_err *err);

/* True once after the work's end; `ret` and `err` then tell how it went. */
bool qemu_task_finished(struct qemu_task *task);

/* Waits for the work's end, when there is some. */
void qemu_task_deinit(struct qemu_task *task);

#endif
