/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe kind: which points to look at when a crash is repeated.
 *
 * A probe is a strategy. On the host, after an attempt whose scheduler crashed, plan() is given what is known
 * of the crash and names points: functions of the kernel, callbacks and functions of the scheduler's BPF
 * programs, and what triggers the end of the recording. Core does the rest, the same way for every
 * strategy: it works out from BTF what can be read there, attaches in the guest of the next attempt, and
 * journals each point (attached, or why not) and each event.
 *
 * [host, one thread]
 */
#ifndef KTSTR_PROBE_H
#define KTSTR_PROBE_H

#include <ktstr/section.h>

enum ktstr_point_at {
	KTSTR_POINT_ENTRY = 1,	/* the arguments as the function gets them */
	KTSTR_POINT_EXIT,	/* the same arguments, read again as it returns, and its return value */
	KTSTR_POINT_TRIGGER,	/* entry of what runs once when the kernel throws a scheduler out: it
				 * stops the recording. The first one that attaches is used. A function
				 * that is not told the kind of exit (no enum scx_exit_kind among its first
				 * three parameters) is one only where the scheduler left by itself, as what
				 * unregisters it; it is attached besides the other. */
};

enum ktstr_point_target {
	KTSTR_TARGET_KERNEL = 1,	/* a function of the kernel, by name */
	KTSTR_TARGET_TRACEPOINT,	/* one of the kernel's, by name; a trigger */
	KTSTR_TARGET_CALLBACK,		/* the scheduler's program for a member of struct sched_ext_ops, by
					 * the member's name; "*": every one that it has */
	KTSTR_TARGET_PROGRAM,		/* a function in any BPF program, by name */
};

/* Strings are copied. */
struct ktstr_point {
	uint32_t size;
	enum ktstr_point_at at;
	enum ktstr_point_target target;
	const char *function;
	const char *op;		/* the member of struct sched_ext_ops it has to do with, or NULL */
	const char *why;	/* for the report: "on the crash chain", "calls ops.enqueue" */
};

/* What core offers plan(). */
struct ktstr_planner {
	uint32_t size;
	const struct ktstr_section_input *input;	/* the attempt that crashed, and its verdict */
	const struct ktstr_chain *chain;		/* never NULL; maybe without frames */

	/* Does the kernel under test have a function (a tracepoint) of that name, by its BTF? */
	bool (*has)(const struct ktstr_planner *planner, enum ktstr_point_target target,
		    const char *name);

	/* Asks for a point. One that another probe asked for already is kept once. -ENOENT when the kernel
	 * has no such thing: nothing to stop for, it is journalled as not attached. Other errors end
	 * plan(). */
	int (*add)(struct ktstr_planner *planner, const struct ktstr_point *point,
		   struct ktstr_err *err);
};

/* plan() returns this, with the reason in `err`, when there is nothing for it to look at. */
#define KTSTR_PROBE_IDLE 1

struct ktstr_probe_ops {
	uint32_t size;

	/* 0, KTSTR_PROBE_IDLE, or a negative errno with a message. */
	int (*plan)(struct ktstr_planner *planner, const struct ktstr_value *values,
		    struct ktstr_err *err);
};

#endif
