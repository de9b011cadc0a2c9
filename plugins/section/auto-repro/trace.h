/* SPDX-License-Identifier: GPL-2.0-only */
/* What the probes of one attempt captured: points, calls, the trigger. Strings and fields are the journal's. */
#ifndef AUTO_REPRO_TRACE_H
#define AUTO_REPRO_TRACE_H

#include <ktstr/section.h>

/* enum scx_exit_kind */
enum { KIND_UNREG = 64, KIND_ERROR = 1024, KIND_STALL = 1026 };

#define POINTS_MAX 512
#define CPUS_MAX 1024

struct point {
	bool there, attached;
	struct ktstr_str function, probe, at, target, op, why, by, error, file;
	uint64_t line, task;		/* task: which parameter is the subject, UINT64_MAX: none */
	struct ktstr_fields params, items;
	struct ktstr_str ret;		/* type of what it returns; empty: nothing */
	bool has_exit;			/* the function has a point at its return too */
};

struct event {
	uint64_t time_ns, n, task;
	uint32_t cpu, point;
	uint64_t pid;			/* of the current task */
	struct ktstr_fields fields;
};

/* An entry and the return that belongs to it; `exit` NULL: not seen, or there is no point for it. */
struct call {
	const struct event *entry, *exit;
	uint32_t depth;			/* calls around it on its CPU */
};

struct trigger {
	bool there;
	uint64_t time_ns, n, cpu, pid, kind;
	uint32_t point;
	struct ktstr_str comm;
	struct ktstr_fields stack;
};

/* Lines of a log, in order. */
struct lines {
	struct ktstr_str *items;
	size_t n, cap;
};

/* The task that the message of the first attempt names, "" for none. */
struct victim {
	char comm[32];
	uint64_t pid;			/* there: it is another one in each attempt */
	struct ktstr_str cgroup;	/* empty when that is not known */
};

struct trace {
	const struct ktstr_verdict *verdict;
	struct victim victim;
	struct point *points;		/* POINTS_MAX */
	size_t n_points, n_attached;
	struct event *events;
	size_t n_events, cap_events;
	struct call *calls;		/* CPU by CPU, in the order of their entries */
	size_t n_calls;
	struct trigger trigger;
	bool planned, ended;		/* a REPRO record, an END record */
	uint64_t captured, lost, missed, runs, cost_ns, cpus, duration_ns;
	struct ktstr_fields enums[16], sources[512];
	size_t n_enums, n_sources;
	struct ktstr_str no_source;	/* why there is none of the kernel */
	struct ktstr_str not_planned;	/* why a probe had nothing to look at */
	char guest_fault[256];
	struct lines scheduler_log, dump, kernel_log;
};

/* "COMM[PID]" in a message of the kernel's. */
bool trace_named_task(const char *message, char *comm, size_t size, uint64_t *ret_pid);

/* 0 or -ENOMEM. */
int trace_read(struct trace *t, const struct ktstr_section_input *input, size_t attempt);
void trace_free(struct trace *t);

const struct point *trace_point(const struct trace *t, const struct event *e);
/* A call of a callback, or of another function of the scheduler's programs. */
bool trace_is_bpf(const struct trace *t, const struct event *e);
/* The value of the item of that name in `e`; false when there is none of it. */
bool trace_item(const struct trace *t, const struct event *e, const char *name, struct ktstr_field *ret);

#endif
