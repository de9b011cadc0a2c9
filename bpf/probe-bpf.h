/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the kernel's interface that the probe programs use, written by hand: building needs no
 * kernel's BTF. For BPF programs only.
 */
#ifndef KTSTR_BPF_PROBE_BPF_H
#define KTSTR_BPF_PROBE_BPF_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_MMAPABLE = 1 << 10 };

#include <bpf/bpf_helpers.h>

#define EFAULT 14
#define ENODATA 61
#define KTSTR_SIGSTOP 19

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

/* struct pt_regs of each architecture as the kernel lays it out for kprobes: an interface of its, unlike
 * most of what is in it. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	unsigned long orig_rax, rip, cs, eflags, rsp, ss;
};
#define PT_REGS_PARM1(x) ((x)->rdi)
#define PT_REGS_PARM2(x) ((x)->rsi)
#define PT_REGS_PARM3(x) ((x)->rdx)
#define PT_REGS_PARM4(x) ((x)->rcx)
#define PT_REGS_PARM5(x) ((x)->r8)
#define KTSTR_REGS_PARM6(x) ((x)->r9)
#define PT_REGS_RC(x) ((x)->rax)
/* The seventh and the eighth are on the stack, above the return address. */
#define KTSTR_REGS_REST(x, args)							\
	bpf_probe_read_kernel(&(args)[6], 2 * sizeof(u64), (void *)((x)->rsp + 8))
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#define PT_REGS_PARM1(x) ((x)->regs[0])
#define PT_REGS_PARM2(x) ((x)->regs[1])
#define PT_REGS_PARM3(x) ((x)->regs[2])
#define PT_REGS_PARM4(x) ((x)->regs[3])
#define PT_REGS_PARM5(x) ((x)->regs[4])
#define KTSTR_REGS_PARM6(x) ((x)->regs[5])
#define PT_REGS_RC(x) ((x)->regs[0])
#define KTSTR_REGS_REST(x, args) ((args)[6] = (x)->regs[6], (args)[7] = (x)->regs[7])
#else
#error "no register layout for this architecture"
#endif

/* A condition of a loop that the kernel bounds (BPF_JCOND with BPF_MAY_GOTO, 6.9; the compiler has no name for it). */
#define can_loop ({								\
	__label__ end, on;							\
	bool more = true;							\
	asm volatile goto("1: .byte 0xe5; .byte 0;"				\
			  ".long ((%l[end] - 1b - 8) / 8) & 0xffff; .short 0" :::: end); \
	goto on;								\
end:	more = false;								\
on:;										\
	more;									\
})

#include "probe.h"

#define ktstr_call(number, ctx) ({						\
	register u64 r0 asm("r0");						\
	register void *r1 asm("r1") = (ctx);					\
	asm volatile("call %[n]" : "=r"(r0), "+r"(r1) : [n]"i"(number) :	\
		     "r2", "r3", "r4", "r5", "memory");				\
	r0;									\
})

#endif
