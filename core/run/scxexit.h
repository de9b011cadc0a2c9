/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says when it disables a BPF scheduler. */
#ifndef KTSTR_RUN_SCXEXIT_H
#define KTSTR_RUN_SCXEXIT_H

#include <ktstr/section.h>

/* enum scx_exit_kind of the kernel (kernel/sched/ext_internal.h). */
enum {
	SCX_EXIT_UNREG = 64, SCX_EXIT_UNREG_BPF = 65, SCX_EXIT_UNREG_KERN = 66, SCX_EXIT_SYSRQ = 67,
	SCX_EXIT_PARENT = 68, SCX_EXIT_ERROR = 1024, SCX_EXIT_ERROR_BPF = 1025, SCX_EXIT_ERROR_STALL = 1026,
};

/* An exit as it is put together from the lines of the kernel's log. Zero-initialise. */
struct ktstr_scx_exit {
	bool seen;			/* the kernel disabled a scheduler */
	char name[64];			/* of the scheduler */
	char reason[64];		/* the kernel's words: "scx_bpf_error", "runnable task stall" */
	char message[512];		/* the scheduler's own, or the watchdog's; may be empty */
	uint64_t kind;			/* from the dump, else from the words; 0 when unknown */
};

/* Takes one line of kernel log, in order. The first exit is kept, unless user space unregistered that one
 * and another one follows: a scenario may stop a scheduler and start it again. */
void ktstr_scx_exit_kmsg(struct ktstr_scx_exit *exit, struct ktstr_str text);
/* A line of the console without its time stamp. */
struct ktstr_str ktstr_scx_drop_stamps(struct ktstr_str text);
/* The same of a line of the console, which begins with a time stamp. */
void ktstr_scx_exit_console(struct ktstr_scx_exit *exit, struct ktstr_str text);
/* Takes one line of the sched_ext dump. */
void ktstr_scx_exit_dump(struct ktstr_scx_exit *exit, struct ktstr_str text);

/* The guest's log may have ended before the crash did: takes from what the console has what is missing. */
void ktstr_scx_exit_complete(struct ktstr_scx_exit *exit, const struct ktstr_scx_exit *console);

/* Error, stall, or neither: a scheduler that was unregistered. */
enum ktstr_cause ktstr_scx_exit_cause(const struct ktstr_scx_exit *exit);

#endif
