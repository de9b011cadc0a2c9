/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: what a journal is made of.
 *
 * Every record has a type, a time and a payload of named fields (fields.h). Types and field
 * names are an interface: they are only ever added to. A reader skips types it does not know
 * and treats an absent field as "not known".
 *
 * Times: host_ns counts from the start of the run on the host's monotonic clock. guest_ns is the
 * guest's CLOCK_MONOTONIC at the source, 0 in records that the host made. The KTSTR_REC_CLOCK
 * record says how the two are related.
 */
#ifndef KTSTR_RECORD_H
#define KTSTR_RECORD_H

#include <ktstr/fields.h>

/*
 * The comment of each type lists its fields; a trailing ? marks one that may be absent.
 * u, s, b, t, m, a: unsigned, signed, bool, text, map, array. Durations and times are in ns.
 */
enum ktstr_rec {
	/* -- the run, written by the host -- */
	KTSTR_REC_RUN = 1,	/* test t, file t, description? t, attempt u, attempts u (that there may be), scheduler? t,
				 * scheduler_path? t, topology t, memory_bytes u, kernel t (as asked for), kernel_release t,
				 * kernel_image t, duration_ns u, steps u, rerun t, version t,
				 * wall_time_ns u (CLOCK_REALTIME at host_ns 0), backtrace b, verbose b,
				 * flags? t (of the scheduler, that are on: a+b) */
	KTSTR_REC_STAGE = 2,	/* stage t (enum ktstr_stage by name), n? u and m? u (step n of m), detail? t */
	KTSTR_REC_VMM = 3,	/* plugin t, emulated? b, accel t, accel_why? t, version t, command a of t, start? t (booted,
				 * cloned), template? t (its name), template_why? t (booted although
				 * templates are on, because). A second one: the first machine was no good */
	KTSTR_REC_CONSOLE = 4,	/* text t: one line of the serial console, no newline */
	KTSTR_REC_VM_END = 5,	/* how t (stopped, reset, triple fault, powered off, panicked, accelerator failure,
				 * died, killed), detail? t, status? s, signal? u, by_host? b */
	KTSTR_REC_CLOCK = 6,	/* offset_ns s (guest - host), rtt_ns u, rounds u */
	KTSTR_REC_NOTE = 7,	/* text t: something about the run that its reader should know */
	KTSTR_REC_FAULT = 8,	/* what t (kernel panic, kernel oops, soft lockup, hard lockup, hung task, RCU stall,
				 * triple fault, accelerator failure, boot hang, timeout, protocol error,
				 * topology mismatch, harness), text t: the host recognised a fault */
	KTSTR_REC_INTERRUPT = 9,	/* signal u: the user stopped the run */
	KTSTR_REC_RUN_END = 10,	/* duration_ns u: the last record of an attempt that ktstr itself brought to its end */
	KTSTR_REC_TEMPLATE = 11,	/* template t (its name), kept b, duration_ns? u (the machine stood still so
				 * long), why? t: the machine was, or could not be, kept as one */
	KTSTR_REC_EXPECT = 12,	/* checks m {name: limit u, or b}, asked a of t (of them: not by default), fails? t,
				 * pattern? t: what the run is judged by */
	KTSTR_REC_HOST_NOISE = 13,	/* threads a of m {tid u, on_cpu_ns u, run_delay_ns u}: the vCPU threads so far,
				 * at the begin and the end of steps */

	/* -- the guest -- */
	KTSTR_REC_HELLO = 32,	/* agent t, release t, machine t, cpus u, memory_bytes u, boot_ns u,
				 * sched_ext? b, enable_seq? u */
	KTSTR_REC_TOPOLOGY = 33,	/* nodes u, llcs u, cores u, threads u, cpus a of m {cpu u, node u, llc u, core u} */
	KTSTR_REC_KMSG = 34,	/* level u, seq u, stamp_ns u, text t */
	KTSTR_REC_SCHED_START = 35,	/* pid u, command a of t */
	KTSTR_REC_SCHED_OUT = 36,	/* stream u (1, 2), text t: one line, no newline; partial? b */
	KTSTR_REC_SCHED_STATE = 37,	/* state t, ops? t, enable_seq? u, attached b */
	KTSTR_REC_SCHED_EXIT = 38,	/* code? s, signal? u, core? b, expected b (the agent asked for it) */
	KTSTR_REC_SCX_DUMP = 39,	/* text t: one sched_ext_dump trace line, without the trace prefix */
	KTSTR_REC_STEP = 40,	/* n u, m u, name? t, edge t (begin, end), cgroups u, workers u (that there are),
				 * iterations? u (of all workers of the scenario so far), engine_cpu_ns? u (CPU time of the
				 * guest's engine so far) */
	KTSTR_REC_CGROUP = 41,	/* name t, step u (0: the whole scenario), cpus? u, cpuset? t (0-3,5: its effective
				 * CPUs), workers u, bound? b (some of them to CPUs of their own); again with each change
				 * of its CPUs or of that */
	KTSTR_REC_WORKER = 42,	/* cgroup t (/: none), step? u (0: the whole scenario), group u, workload t, pid u, iterations u, wall_ns u, cpu_ns u,
				 * run_delay_ns u, timeslices u, migrations u, cpus a of u, max_gap_ns u,
				 * sleep_ns u, completed b, code? s, signal? u, error? t, metrics? m,
				 * role? t (in its group: messenger, receiver, ...), block_ns u (waiting for
				 * others on purpose), max_runnable_ns u (longest time runnable and not running;
				 * waits less than 4 ms apart or in one iteration count as one), wake? m (see
				 * ktstr/histogram.h: latencies from the wake, or the end of a sleep, to
				 * running; absent: none), open_ns? u (how long it was free to work), begin_ns? u
				 * (guest time when it began; absent: it never did). On a machine
				 * with several NUMA nodes: node_changes? u (iterations that ended on another
				 * node than the one before), pages? a of u (its own pages at its end, by node),
				 * home? a of u (nodes where they are expected; absent: any),
				 * pages_migrated? u (by the kernel's NUMA balancing, to another node) */
	KTSTR_REC_GUEST_FAULT = 43,	/* what t, text t, errno? s: the agent or the engine could not do something */
	KTSTR_REC_LOST = 44,	/* source t, count u: evidence that could not be kept, counted */
	KTSTR_REC_DONE = 45,	/* outcome t (ran, skipped, scheduler-died, failed), text? t: nothing follows from the guest */
	KTSTR_REC_OP = 46,	/* step u, round u (from 0; of a step that repeats them), op t (as in a pipeline),
				 * target? t and to? t (cgroups), payload? t, change? t (of the scheduler), detail? t
				 * (what was done), tasks u (that it was about), duration_ns u,
				 * ok b, error? t; its time is when it began */
	KTSTR_REC_PAYLOAD_START = 47,	/* name t, step u (0: the whole scenario), pid u, cgroup? t, command a of t */
	KTSTR_REC_PAYLOAD_OUT = 48,	/* name t, stream u (1, 2), text t: one line, no newline; partial? b */
	KTSTR_REC_PAYLOAD_EXIT = 49,	/* name t, step u, code? s, signal? u, asked b (by the engine to end), wall_ns u,
				 * metrics m of f by name */

	/* -- plugins -- */
	KTSTR_REC_SAMPLE = 64,	/* monitor t, n u (sample number), period_ns u, error? t (why there is no more), then the
				 * fields of that monitor. Monitor "vcpus" is ktstr's own: cpu_ns a of u,
				 * run_delay_ns a of u (host threads of the vCPUs) */

	/* -- probes, in the attempt that repeats a crash -- */
	KTSTR_REC_REPRO = 66,		/* chain? t (where the chain came from), frames u (of it), probes a of m {probe t,
					 * points u, why? t}: what was planned for this attempt, written by the host;
					 * why: it had nothing to look at, because */
	KTSTR_REC_PROBE_POINT = 67,	/* n u (its number), probe t, at t (entry, exit, trigger), target t (kernel,
					 * callback, program: of BPF), function t, op? t (member of sched_ext_ops), why t, by? t
					 * (kprobe, kprobe-multi, kprobe-session, fentry, fexit, tracepoint), attached b, error? t, params a
					 * of m {name? t, type t}, ret? t (its type; absent: void), task? u (which
					 * parameter the subject is), items a of m {name t ("scx.slice"), param u,
					 * form t (unsigned, signed, bool, hex, text, mask, pointer, enum, flags),
					 * enum? t (for the last two)}, file? t and line? u, attach_ns? u, spec b (what
					 * the program was told to read: bpf/probe.h) */
	KTSTR_REC_PROBE_EVENT = 68,	/* point u, cpu u, n u (its number on that CPU, from 0; gaps were overwritten), pid u
					 * (the current task's), task? u (the subject's address), args a of u, values a
					 * (one per item of the point: u, s, b, t, bytes of a mask, lowest first; an
					 * array [errno u] when it could not be read), ret? u */
	KTSTR_REC_PROBE_TRIGGER = 69,	/* point u, cpu u, n u (its place among that CPU's events), pid u, comm t, kind u (enum
					 * scx_exit_kind), stack a of m {symbol t, offset u, bpf? b, file? t, line? u} */
	KTSTR_REC_PROBE_END = 70,	/* points u, attached u, events u (captured), lost u (overwritten before they were
					 * read), missed u (the kernel could not run the probe), runs? u and cost_ns? u
					 * (how often the programs ran, and for how long), triggered b */
	KTSTR_REC_ENUM = 71,		/* name t ("scx_enq_flags"), values a of m {name t, value u}: constants by the
					 * guest kernel's own BTF */
	KTSTR_REC_SOURCE = 80,		/* function t, offset u (as on a stack; 0: the function itself), file t (in the source
					 * tree), line u: of the kernel, by its debug information. Or why t alone: there
					 * is none, and how to get it. Written by the host when the VM is over */

	/* -- what the host does to the guest -- */
	KTSTR_REC_MAP_WRITE = 72,	/* step u, op u (of the step, from 0), map t and field? t and key? t and cpu? u (as in
				 * the pipeline), name? t (the map's whole one), value s, before? s (of the first
				 * copy), copies u (that have the value now), ok b, error? t */

	/* -- limits of what monitors see -- */
	KTSTR_REC_LIMITS = 73,	/* imbalance u, depth u, stall b, fallback_rate u, keep_last_rate u, sustained u (samples),
				 * fail b: before the first sample */
	KTSTR_REC_VIOLATION = 74,	/* text t, dump b (a sched_ext dump was asked for): the first one that lasted; the
				 * snapshot follows */
	KTSTR_REC_SNAPSHOT = 75,	/* as KTSTR_REC_SAMPLE: what each monitor saw once then */
};

/* How far an attempt came, in this order. Names in a journal: see ktstr_stage_name(). */
enum ktstr_stage {
	KTSTR_STAGE_PLANNED,		/* nothing started yet */
	KTSTR_STAGE_VM_STARTED,		/* the vmm's process runs */
	KTSTR_STAGE_BOOTED,		/* the kernel reached user space: the agent is PID 1 */
	KTSTR_STAGE_CLONED,		/* instead of that: the machine is a copy of one that was booted before */
	KTSTR_STAGE_INIT,		/* the agent said hello on the channel */
	KTSTR_STAGE_MOUNTS,		/* file systems mounted, files of the run in place */
	KTSTR_STAGE_SCHEDULER_STARTED,	/* the scheduler's process runs */
	KTSTR_STAGE_ATTACHED,		/* the kernel says that the scheduler is enabled */
	KTSTR_STAGE_STEP,		/* step n of m of the scenario began */
	KTSTR_STAGE_TEARDOWN,		/* the scenario is over; evidence is being collected */
	KTSTR_STAGE_DONE,		/* the guest has nothing more to say */
	KTSTR_STAGE_COUNT,
};

static inline const char *ktstr_stage_name(enum ktstr_stage stage)
{
	static const char *const names[KTSTR_STAGE_COUNT] = {
		"planned", "vm started", "kernel booted", "cloned", "init", "mounts", "scheduler started",
		"attached", "step", "teardown", "done",
	};

	return (unsigned)stage < KTSTR_STAGE_COUNT ? names[stage] : "unknown";
}

/* One record as its reader sees it; everything in it lives as long as the journal. */
struct ktstr_record {
	uint64_t seq;		/* 0, 1, 2, ... in the file */
	enum ktstr_rec type;
	uint64_t host_ns, guest_ns;
	struct ktstr_fields fields;
};

#endif
