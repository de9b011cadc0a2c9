/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the kernel that scx_ktstr uses, written by hand: building needs neither a kernel's
 * BTF nor a generated vmlinux.h. Only the fields used are here; libbpf finds each by its name in
 * the running kernel (CO-RE), so order and size of these structs need not be the kernel's.
 *
 * For BPF programs only. 6.16 and newer.
 */
#ifndef KTSTR_BPF_SCX_H
#define KTSTR_BPF_SCX_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

enum bpf_map_type { BPF_MAP_TYPE_RINGBUF = 27 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD 0x00200000

/* Numbers that are part of the interface: the same on every kernel. */
#define SCX_SLICE_DFL 20000000ull
#define SCX_DSQ_GLOBAL 0x8000000000000001ull

enum scx_exit_kind { SCX_EXIT_NONE = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_ext_entity {
	u32 weight;
	u64 slice;
	u64 dsq_vtime;
};

struct task_struct {
	unsigned int flags;
	s32 pid;
	int nr_cpus_allowed;
	struct sched_ext_entity scx;
};

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
};

/* Newer kernels take the arguments of an insertion by virtual time in a struct. */
struct scx_bpf_dsq_insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

struct scx_dump_ctx;

#pragma clang attribute pop

struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*dispatch)(s32 cpu, struct task_struct *prev);
	void (*running)(struct task_struct *p);
	void (*stopping)(struct task_struct *p, bool runnable);
	void (*enable)(struct task_struct *p);
	void (*dump)(struct scx_dump_ctx *ctx);
	s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	u32 timeout_ms;
	u32 exit_dump_len;
	char name[128];
};

/* ---- kfuncs that every kernel since 6.12 has ---- */

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) __ksym;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;
void scx_bpf_dump_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;
struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;

/* ---- kfuncs that came or changed ----
 * libbpf cuts a name at its last "___" before it looks in the kernel. */

bool scx_bpf_dsq_insert___v2___new(struct task_struct *p, u64 dsq_id, u64 slice,
				   u64 enq_flags) __ksym __weak;		/* 6.19 */
void scx_bpf_dsq_insert___old(struct task_struct *p, u64 dsq_id, u64 slice,
			      u64 enq_flags) __ksym __weak;			/* 6.13 */
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p,
				struct scx_bpf_dsq_insert_vtime_args *args) __ksym __weak;
									/* 6.19 */
void scx_bpf_dsq_insert_vtime___old(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime,
				    u64 enq_flags) __ksym __weak;		/* 6.13 */
bool scx_bpf_dsq_move_to_local___v2___new(u64 dsq_id, u64 enq_flags) __ksym __weak; /* 7.1 */
bool scx_bpf_dsq_move_to_local___old(u64 dsq_id) __ksym __weak;			/* 6.13 */
bool scx_bpf_task_set_dsq_vtime(struct task_struct *p, u64 vtime) __ksym __weak; /* 6.19 */

static __always_inline void scx_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert___v2___new))
		scx_bpf_dsq_insert___v2___new(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dsq_insert___old(p, dsq_id, slice, enq_flags);
}

static __always_inline void scx_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice,
					     u64 vtime, u64 enq_flags)
{
	if (bpf_ksym_exists(__scx_bpf_dsq_insert_vtime)) {
		struct scx_bpf_dsq_insert_vtime_args args = {
			.dsq_id = dsq_id,
			.slice = slice,
			.vtime = vtime,
			.enq_flags = enq_flags,
		};

		__scx_bpf_dsq_insert_vtime(p, &args);
	} else {
		scx_bpf_dsq_insert_vtime___old(p, dsq_id, slice, vtime, enq_flags);
	}
}

static __always_inline bool scx_move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v2___new))
		return scx_bpf_dsq_move_to_local___v2___new(dsq_id, 0);
	return scx_bpf_dsq_move_to_local___old(dsq_id);
}

/* A plain store was the way before there was a kfunc; newer kernels mean to refuse it. */
static __always_inline void scx_set_vtime(struct task_struct *p, u64 vtime)
{
	if (bpf_ksym_exists(scx_bpf_task_set_dsq_vtime))
		scx_bpf_task_set_dsq_vtime(p, vtime);
	else
		p->scx.dsq_vtime = vtime;
}

/* The kernel wants format and arguments as memory; the array must not be empty for the verifier. */
#define scx_bstr(func, format, args...)						\
({										\
	static char ___fmt[] = format;						\
	unsigned long long ___param[___bpf_narg(args) ?: 1] = {};		\
										\
	___bpf_fill(___param, args);						\
	func(___fmt, ___param, sizeof(___param));				\
})

/* Ends the scheduler with an error, or adds to the kernel's dump of it. */
#define scx_error(format, args...) scx_bstr(scx_bpf_error_bstr, format, ##args)
#define scx_dump(format, args...) scx_bstr(scx_bpf_dump_bstr, format, ##args)

#endif
