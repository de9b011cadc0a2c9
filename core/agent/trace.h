/* SPDX-License-Identifier: GPL-2.0-only */
/* The trace event sched_ext_dump: what the kernel writes when it throws a scheduler out.
 * [one thread] */
#ifndef KTSTR_AGENT_TRACE_H
#define KTSTR_AGENT_TRACE_H

#include "agent/channel.h"
#include "base/text.h"

enum ktstr_trace_kind {
	KTSTR_TRACE_OTHER,	/* a comment, an empty line, another event */
	KTSTR_TRACE_DUMP,	/* a line of the dump */
	KTSTR_TRACE_LOST,	/* "CPU:n [LOST m EVENTS]" */
};

/* Tells what a line of trace_pipe is. DUMP: *ret_text is the line behind the trace prefix. LOST:
 * *ret_lost is m, 1 when the kernel does not say how many. */
enum ktstr_trace_kind ktstr_trace_parse(struct ktstr_str line, struct ktstr_str *ret_text,
					uint64_t *ret_lost);

struct ktstr_trace {
	struct ktstr_source source;
	struct ktstr_guest_channel *channel;
	struct ktstr_lines lines;
};

/* Switches the event on and listens. -ENOENT when this kernel has no such event. channel is set by
 * the caller. */
int ktstr_trace_open(struct ktstr_trace *trace, struct ktstr_loop *loop, struct ktstr_err *err);

/* Has the kernel write a dump of the scheduler that runs (sysrq_sched_ext_dump_op of kernel/sched/ext).
 * A kernel without sched_ext says nothing. */
int ktstr_trace_ask_dump(struct ktstr_err *err);

/* Reports all that is there. */
void ktstr_trace_drain(struct ktstr_trace *trace);

#endif
