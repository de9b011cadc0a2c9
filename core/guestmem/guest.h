/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel that runs in a guest, seen from outside: found in guest memory by its VMCOREINFO note,
 * its symbols by its own symbol table, its types by BTF. Reading is thread-safe; nothing here is
 * ever written after open.
 */
#ifndef KTSTR_GUESTMEM_GUEST_H
#define KTSTR_GUESTMEM_GUEST_H

#include "guestmem/symbols.h"

#include <ktstr/monitor.h>

struct btf;

struct ktstr_guest {
	struct ktstr_memory memory;
	struct ktstr_vmcoreinfo info;
	struct ktstr_paging paging;
	struct ktstr_symbols *symbols;
	struct btf *btf;
	uint64_t cpu_offsets;		/* __per_cpu_offset[] */
	uint32_t n_cpus; /* possible CPUs: nr_cpu_ids, or how many offsets there are */
};

/*
 * Finds the kernel. `btf` is the raw BTF of the kernel image, or NULL: it is then read from the
 * guest. -EAGAIN when the guest has no kernel that has come far enough (yet); -ENOENT and -EBADMSG
 * when it has one that cannot be understood.
 */
int ktstr_guest_open(const struct ktstr_ram *ranges, size_t n, const char *btf,
		     struct ktstr_guest **ret_guest, struct ktstr_err *err);
void ktstr_guest_close(struct ktstr_guest *guest);

/* The services of struct ktstr_guest_ops. */
extern const struct ktstr_guest_ops ktstr_guest_ops;

/* Stores bytes at a kernel address: in one store when they are an aligned number. */
bool ktstr_guest_write(const struct ktstr_guest *guest, uint64_t address, const void *buf,
		       size_t len);

#endif
