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
#include "task.h"
#include "template.h"

/* Descriptors of the child, in the order in which it gets them. */
enum { FD_RAM, FD_CHANNEL, FD_CONSOLE, FD_QMP, FD_LOG, FD_INITRAMFS, FD_STATE, FD_CONSOLE_LOG, FD_COUNT };

/* Their numbers there. */
#define QEMU_FD(which) (QEMU_FIRST_FD + (which))

/* How far the machine is on its way to being kept as a template. */
enum qemu_keeping {
	QEMU_KEEP_NOT,
	QEMU_KEEP_STATE,		/* QEMU writes the state of its devices; the machine then stands still */
	QEMU_KEEP_RAM,			/* its memory is copied */
	QEMU_KEEP_FILE,			/* it runs again, while the copy is written to the disk */
};

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
	uint64_t tsc_hz;		/* of the host, 0: not known */

	struct qemu_template_key key;	/* text NULL: no template is used or kept */
	uint64_t template_limit;	/* bytes that all templates may take */
	char template_why[512];		/* why it boots although templates are on; "" */
	struct qemu_template template;	/* that this machine is a copy of; file -1: it boots */
	enum qemu_keeping keeping;
	struct qemu_ram still;		/* a copy of its memory from when it stood still */
	int state, console_log;		/* memfds that QEMU writes for a template; -1: none */
	uint64_t still_ns;		/* when it began to stand still for it, then for how long it did */
	struct qemu_task task;		/* copies memory, one way or the other */

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

/* Queues an event for next_event(). */
void qemu_events_push(struct ktstr_vmm *vmm, const struct ktstr_vmm_event *event);

int qemu_events_next(struct ktstr_vmm *vmm, struct ktstr_vmm_event *ret_event,
		     struct ktstr_err *err);

/* From now on an end of the process is by the host's wish; kills it when it has not gone in time. */
int qemu_events_expect_end(struct ktstr_vmm *vmm, struct ktstr_err *err);

/* -- keep.c: the op checkpoint -- */
int qemu_keep(struct ktstr_vmm *vmm, struct ktstr_err *err);
/* QEMU's migration of the state into its memfd has come to `status`. */
void qemu_keep_migrated(struct ktstr_vmm *vmm, const char *status);
/* The task has finished. */
void qemu_keep_copied(struct ktstr_vmm *vmm);

/* -- copy.c: a machine out of a template -- */
/* Its process was started and waits for its state. `console`: the end of the pipe that QEMU writes. */
int qemu_copy_begin(struct ktstr_vmm *vmm, int console, struct ktstr_err *err);
/* The task has finished: its memory is there. */
void qemu_copy_loaded(struct ktstr_vmm *vmm);

/* Tells QEMU to `migrate` the state of the machine into its memfd, or to take it from there
 * (`migrate-incoming`). */
int qemu_move_state(struct ktstr_vmm *vmm, const char *command, struct ktstr_err *err);

static inline bool qemu_is_copy(const struct ktstr_vmm *vmm)
{
	return vmm->template.file >= 0;
}

#endif
