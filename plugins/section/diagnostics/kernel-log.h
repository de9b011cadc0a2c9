/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log of an attempt, put together from what the agent sent (/dev/kmsg) and from the
 * serial console, which alone has what came before the agent and after its end.
 */
#ifndef DIAGNOSTICS_KERNEL_LOG_H
#define DIAGNOSTICS_KERNEL_LOG_H

#include <ktstr/section.h>

struct kernel_log_line {
	uint64_t us;			/* the kernel's stamp, or that of the line before */
	size_t order;			/* place in the journal */
	struct ktstr_str text;		/* without the stamp; in the journal */
	bool stamped, console;
};

/* Zero-initialise. */
struct kernel_log {
	struct kernel_log_line *lines;
	size_t n, cap;
	uint64_t console_us;		/* stamp of the last console line that had one */
};

/* Takes a CONSOLE or KMSG record; false when memory is out. */
bool kernel_log_add(struct kernel_log *log, const struct ktstr_record *rec);

/* Removes what both sources have and puts the rest in the order of its stamps. */
void kernel_log_merge(struct kernel_log *log);

/* The interesting part: from the first sign of trouble on, else the last lines. */
void kernel_log_say(const struct kernel_log *log, struct ktstr_doc *doc);
void kernel_log_deinit(struct kernel_log *log);

#endif
