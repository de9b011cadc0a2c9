/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCOREINFO note: what every kernel with CONFIG_VMCORE_INFO writes about itself into a page of
 * its own (kernel/vmcore_info.c, update of 5fd8fea935a1 for kallsyms). It says where the kernel
 * lies and where its symbol table is, so that neither a vmlinux nor the guest's help is needed.
 */
#ifndef KTSTR_GUESTMEM_VMCOREINFO_H
#define KTSTR_GUESTMEM_VMCOREINFO_H

#include "guestmem/memory.h"

struct ktstr_vmcoreinfo {
	char release[80];
	char build_id[2 * 20 + 1];	/* hex, "" when not told */
	uint64_t kernel_offset; /* KASLR: how far the kernel was moved from where it was linked */
	int64_t phys_base;
	bool l5;			/* page tables of five levels */
	uint64_t stext, swapper_pg_dir;	/* virtual; 0: not told */
	/* Symbol table, virtual; relative_base is 0 on kernels whose offsets are relative to their
	 * own place. */
	uint64_t names, num_syms, token_table, token_index, offsets, relative_base;
};

/* Reads the note out of a page; false when the page does not begin with a whole one. */
bool ktstr_vmcoreinfo_parse(const void *page, struct ktstr_vmcoreinfo *ret_info);

#endif
