/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the probe programs and the process that attaches them share: how a capture is asked for, and
 * what an event looks like in memory. The host reads events in this form too. All fields are in the
 * guest's byte order.
 */
#ifndef KTSTR_BPF_PROBE_H
#define KTSTR_BPF_PROBE_H

#define KTSTR_PROBE_POINTS 512
#define KTSTR_PROBE_CAPTURES 32		/* of a point */
#define KTSTR_PROBE_HOPS 5		/* pointers on the way to a value */
#define KTSTR_PROBE_ARGS 8
#define KTSTR_PROBE_DATA 400		/* bytes of captured values */
#define KTSTR_PROBE_TEXT 64		/* of one that is text */
#define KTSTR_PROBE_STACK 64		/* frames of a trigger */
#define KTSTR_PROBE_CPUS 256

/* Events that are kept: the last ones of each CPU, and the last ones of each task, which a busy CPU's
 * would not hold for long. Both are powers of two. */
#define KTSTR_RING_EVENTS 1024
#define KTSTR_JOURNEY_EVENTS 16
#define KTSTR_JOURNEYS 512

/* Returns that a CPU may still record once a trigger fired: more than are on any stack, and too few to
 * write over the history. */
#define KTSTR_AFTER_TRIGGER 48

enum ktstr_capture_kind { KTSTR_CAPTURE_BYTES, KTSTR_CAPTURE_TEXT };

/* A value: `size` bytes at the end of a way that begins at an argument. */
struct ktstr_capture {
	__u8 arg;
	__u8 hops;			/* pointers to follow: at each of the first offsets */
	__u8 kind;			/* enum ktstr_capture_kind */
	__u8 size;
	__u16 at;			/* in the event's data, a multiple of 8 */
	__u16 pad;
	__u32 offset[KTSTR_PROBE_HOPS + 1];
};

/* enum scx_exit_kind, kernel/sched/ext_internal.h */
#define KTSTR_KIND_UNREG 64		/* user space, or its end */
#define KTSTR_KIND_ERROR 1024		/* the first of what the kernel holds against a scheduler */

#define KTSTR_NO_TASK 255
#define KTSTR_UNREGISTERED 3		/* n_args of a trigger without an argument that tells the kind */
#define KTSTR_NO_POINT 0xffffffffu

/* Calls of functions that the kernel knows by their BTF id, and the programs by these numbers, until the prober puts
 * the ids in. Both take the context; which arguments they have differs from kernel to kernel. */
#define KTSTR_CALL_IS_RETURN 0x6b740001
#define KTSTR_CALL_COOKIE 0x6b740002

struct ktstr_point_spec {
	__u32 pad;
	__u8 n_args;
	__u8 n_captures;
	__u8 task;			/* which argument is the subject, KTSTR_NO_TASK: none */
	__u8 pid;			/* which capture is its pid, KTSTR_NO_TASK: none */
	struct ktstr_capture captures[KTSTR_PROBE_CAPTURES];
};

struct ktstr_event {
	__u64 n;			/* of the events of this CPU; written last */
	__u64 time_ns;			/* CLOCK_MONOTONIC */
	__u32 point, cpu, pid;		/* pid: of the current task */
	__u16 next, hop;		/* while it is written: the present capture, and where on its way */
	__u64 task;			/* the subject's address, 0: none */
	__u64 ret;
	__u64 bad;			/* bit per capture that could not be read: its place holds -errno */
	__u64 args[KTSTR_PROBE_ARGS];
	__u8 data[KTSTR_PROBE_DATA];
};

struct ktstr_ring {
	__u64 head;			/* events so far */
	__u64 after;			/* of them: since the trigger */
	__u64 pad[6];
	struct ktstr_event events[KTSTR_RING_EVENTS];
};

struct ktstr_journey {
	__u64 head;
	__u64 pad[7];
	struct ktstr_event events[KTSTR_JOURNEY_EVENTS];
};

/* What user space and the programs tell each other; one element. */
struct ktstr_control {
	__u32 frozen;			/* 1: a trigger fired; 2: user space wants nothing more */
	__u32 tracepoint_point;		/* the number of the point that is the exit tracepoint */
	__u32 prober;			/* its process: must not be stopped at the gate */
	__u32 fired;			/* 1 once a trigger did; all below is about it */
	__u64 time_ns;
	__u64 n;			/* where it stands among the events of its CPU */
	__u32 point, cpu, pid, kind;	/* kind: enum scx_exit_kind */
	__s32 stack_bytes;
	__u32 first_kind;		/* a lower one is no trigger */
	char comm[16];
	__u64 stack[KTSTR_PROBE_STACK];
};

/* What is told as it happens. */
enum ktstr_probe_news { KTSTR_NEWS_LOADED = 1, KTSTR_NEWS_TRIGGERED };

struct ktstr_news {
	__u32 what;			/* enum ktstr_probe_news */
	__u32 pid;			/* LOADED: the process that waits for being let on */
};

#endif
