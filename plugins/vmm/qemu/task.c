/* SPDX-License-Identifier: GPL-2.0-only */
#include "task.h"

#include "process.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

int qemu_task_init(struct qemu_task *task, struct ktstr_err *err)
{
	task->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return task->done < 0 ? ktstr_err_errno(err, errno, "eventfd") : 0;
}

static void *run(void *arg)
{
	struct qemu_task *task = arg;
	const uint64_t one = 1;

	task->ret = task->work(task->ctx, &task->err);
	while (write(task->done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

int qemu_task_start(struct qemu_task *task, int (*work)(void *ctx, struct ktstr_err *err), void *ctx,
		    struct ktstr_err *err)
{
	sigset_t all, before;
	int code;

	task->work = work;
	task->ctx = ctx;
	task->ret = 0;
	task->err = (struct ktstr_err)KTSTR_ERR_INIT;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&task->thread, NULL, run, task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	task->started = !code;
	return code ? ktstr_err_errno(err, code, "starting a thread") : 0;
}

bool qemu_task_finished(struct qemu_task *task)
{
	uint64_t count;

	if (!task->started || read(task->done, &count, sizeof(count)) != sizeof(count))
		return false;
	pthread_join(task->thread, NULL);
	task->started = false;
	return true;
}

void qemu_task_deinit(struct qemu_task *task)
{
	if (task->started)
		pthread_join(task->thread, NULL);
	task->started = false;
	qemu_close(&task->done);
}
