/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crash chain: the functions that were on the stack when a scheduler was thrown out, as the journal of
 * the attempt tells them. What a repro looks at begins here, and a section shows it.
 */
#ifndef KTSTR_CHAIN_H
#define KTSTR_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ktstr_chain_frame {
	uint32_t size;
	const char *symbol;	/* as the kernel printed it: "ttwu_do_activate.isra.0", "bpf_prog_<tag>_enqueue" */
	const char *name;	/* as BTF and a reader call it: "ttwu_do_activate", "enqueue" */
	uint64_t offset, length;	/* of the call in the function's code, and of that code */
	bool bpf;		/* a BPF program's, not the kernel's */
	bool unsure;		/* "? ": the unwinder found it on the stack and cannot vouch for it */
	const char *skipped;	/* why it is not worth a probe ("exit path", "syscall entry"); NULL: it is */
};

/* Innermost frame first, each function once. Lives as long as the verdict it belongs to. */
struct ktstr_chain {
	uint32_t size;
	const char *source;	/* where it was printed: "kernel log", "sched_ext dump", "scheduler log" */
	const struct ktstr_chain_frame *const *frames;
	size_t n_frames;
};

#endif
