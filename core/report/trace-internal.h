/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a trace: trace.c has the format, trace-run.c samples and steps, trace-probe.c what probes saw. */
#ifndef KTSTR_REPORT_TRACE_INTERNAL_H
#define KTSTR_REPORT_TRACE_INTERNAL_H

#include "report/fields-json.h"
#include "report/trace.h"

#define TRACE_CPUS 1024u

/* Processes, as the format calls them; threads of them are CPUs. */
enum trace_track { TRACK_SCENARIO = 1, TRACK_CPUS, TRACK_CALLS, TRACK_QUEUES };

struct trace {
	const struct ktstr_journal *journal;
	struct ktstr_buf *out;
	bool any;			/* an event was put */
	bool has_clock, triggered;
	int64_t offset_ns;		/* guest - host */
	uint64_t begin_ns, end_ns;	/* what is shown, on the host's clock */
	uint64_t cpus;
};

/* When that was, on the host's clock. */
uint64_t trace_time(const struct trace *t, const struct ktstr_record *rec);

/* Each takes over `name`, `args` (may be NULL), `event`; without memory the trace's buffer is marked. */
json_t *trace_event(const struct trace *t, const char *phase, json_t *name, enum trace_track track,
		    uint64_t thread, uint64_t at_ns);
void trace_put(struct trace *t, json_t *event);
void trace_slice(struct trace *t, json_t *name, enum trace_track track, uint64_t thread, uint64_t begin_ns,
		 uint64_t end_ns, json_t *args);
void trace_instant(struct trace *t, json_t *name, enum trace_track track, uint64_t thread, uint64_t at_ns,
		   const char *scope, json_t *args);
void trace_counter(struct trace *t, json_t *name, uint64_t at_ns, uint64_t value);

int trace_put_run(struct trace *t, struct ktstr_err *err);
int trace_put_probes(struct trace *t, struct ktstr_err *err);

#endif
