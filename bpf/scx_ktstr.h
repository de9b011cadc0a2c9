/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of scx_ktstr share, and what others may write to while it runs.
 *
 * Names in the BPF object (its BTF says where each lies). The object is named "ktstr", so that the
 * kernel knows the map with .bss as "ktstr.bss":
 *
 *	.rodata  config		struct ktstr_config	set before loading, then frozen
 *	.bss     fault_now	struct ktstr_fault_now	faults to switch on in the running scheduler
 *	.bss     stats		struct ktstr_stats	what it did so far
 *	events			ring buffer		one struct ktstr_exit_event when it ends
 *
 * These names and those of the members of fault_now stay as they are: harnesses write them from
 * outside (bpf_map_update_elem(), or a store into guest memory). One aligned 32-bit store of a
 * value other than 0 is enough; the next call of the callback sees it.
 *
 * Includers bring the fixed-width types: <linux/types.h> in user space, scx.h in BPF.
 */
#ifndef KTSTR_BPF_SCX_KTSTR_H
#define KTSTR_BPF_SCX_KTSTR_H

/* Numbers of the faults in config.fault. */
enum ktstr_fault_kind {
	KTSTR_FAULT_NONE,
	KTSTR_FAULT_ENQUEUE_ERROR,
	KTSTR_FAULT_DISPATCH_ERROR,
	KTSTR_FAULT_SELECT_CPU_ERROR,
	KTSTR_FAULT_INIT_ERROR,
	KTSTR_FAULT_STALL,
	KTSTR_FAULT_DROP,
	KTSTR_FAULT_SLOW,
	KTSTR_FAULT_VERIFIER_REJECT,
	KTSTR_FAULT_NO_ATTACH,		/* user space alone knows what to do */
	KTSTR_FAULT_BAD_DSQ,
	KTSTR_FAULT_DISPATCH_LOOP,
	KTSTR_FAULT_MISPLACE,
};

struct ktstr_config {
	__u64 after;			/* which call of the callback the fault starts at, from 1 */
	__u32 fault;			/* enum ktstr_fault_kind */
	__u32 every;			/* drop: each how many'th task */
	__u32 delay_us;			/* slow: how long a callback takes */
	__u32 pad;
};

/* 0: off. Anything else: on, from the next call on; two of them take a number. */
struct ktstr_fault_now {
	__u32 enqueue_error;
	__u32 dispatch_error;
	__u32 select_cpu_error;
	__u32 stall;
	__u32 drop;			/* each how many'th task */
	__u32 slow;			/* microseconds per callback */
	__u32 bad_dsq;
	__u32 dispatch_loop;
	__u32 misplace;
};

struct ktstr_stats {
	__u64 select_cpu, enqueue, dispatch;	/* calls */
	__u64 running;				/* times a task was put on a CPU */
	__u64 moved;				/* tasks that went from the shared queue to a CPU */
	__u64 dropped;				/* tasks that the fault "drop" lost */
};

#define KTSTR_EXIT_REASON_LEN 128
#define KTSTR_EXIT_MSG_LEN 1024

/* A copy of the kernel's struct scx_exit_info. */
struct ktstr_exit_event {
	__s64 exit_code;
	__u32 kind;
	__u32 pad;
	char reason[KTSTR_EXIT_REASON_LEN];
	char msg[KTSTR_EXIT_MSG_LEN];
};

_Static_assert(sizeof(struct ktstr_config) == 24, "shared layout");
_Static_assert(sizeof(struct ktstr_fault_now) == 36, "shared layout");
_Static_assert(sizeof(struct ktstr_stats) == 48, "shared layout");
_Static_assert(sizeof(struct ktstr_exit_event) == 1168, "shared layout");

/* Kinds from here on are errors (enum scx_exit_kind). */
#define KTSTR_SCX_EXIT_ERROR 1024

#endif
