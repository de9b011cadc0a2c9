/* SPDX-License-Identifier: GPL-2.0-only */
/* The object behind the ops: one VM, its process and what is known of it. */
#ifndef QEMU_VM_H
#define QEMU_VM_H

#include "accel.h"
#include "args.h"
#include "binary.h"
#include "process.h"
#include "qmp.h"
#include "ram.h"

/* Each event happens at most once in the life of a VM. */
#define QEMU_EVENTS (KTSTR_VMM_EXITED + 1)

struct ktstr_vmm {
	const struct ktstr_host *host;
	const struct ktstr_machine *machine;
	struct qemu_binary binary;
	struct qemu_accel accel;
	struct qemu_args args;
	struct qemu_ram ram;
	int initramfs;			/* our copy of the machine's */
	int log;			/* memfd with what -d logs */

	struct qemu_process process;
	struct qemu_qmp qmp;
	int channel, console;
	pid_t *tids;			/* of the vCPUs; NULL before RUNNING */
	size_t n_tids;

	/* -- events.c -- */
	int epoll;			/* over QMP, the process, its output and the two below */
	int queued;			/* eventfd: readable while `queue` is not empty */
	int timer;			/* timerfd: the time that stop() grants */
	char output[4096];		/* the end of what QEMU printed */
	size_t n_output;
	struct ktstr_vmm_event queue[QEMU_EVENTS];
	size_t n_queue;
	bool told[QEMU_EVENTS], stopping;
};

/* Makes the epoll set. The process and its sockets are there. */
int qemu_events_init(struct ktstr_vmm *vmm, struct ktstr_err *err);
void qemu_events_deinit(struct ktstr_vmm *vmm);

int qemu_events_next(struct ktstr_vmm *vmm, struct ktstr_vmm_event *ret_event,
		     struct ktstr_err *err);

/* From now on an end of the process is by the host's wish; kills it when it has not gone in time. */
int qemu_events_expect_end(struct ktstr_vmm *vmm, struct ktstr_err *err);

#endif
