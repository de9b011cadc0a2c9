/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attempt as a trace: the JSON that Perfetto and chrome://tracing read. Made from the journal alone: what ran
 * on each CPU and the depths of queues from the monitors' samples, calls and what ran from the probes' events.
 */
#ifndef KTSTR_REPORT_TRACE_H
#define KTSTR_REPORT_TRACE_H

#include "wire/journal.h"

struct ktstr_trace_options {
	const char *name;		/* of the run, for the head */
	uint64_t length_ns;		/* how much before the end; 0: all */
};

/* Appends the trace. The end is that of the scheduler where a probe saw it, else that of the attempt. */
int ktstr_trace_render(const struct ktstr_journal *journal, const struct ktstr_trace_options *options,
		       struct ktstr_buf *out, struct ktstr_err *err);

/* True when probes saw the scheduler's end in this attempt. */
bool ktstr_trace_has_end(const struct ktstr_journal *journal);

#endif
