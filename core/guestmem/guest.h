/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel that runs in a guest, seen from outside: found in guest memory by its VMCOREINFO note,
 * its symbols by its own symbol table, its types by BTF. Reading is thread-safe. With a memo, the
 * symbol table and BTF are read when something is asked for that it does not know; what resolves
 * belongs to one thread then.
 */
#ifndef KTSTR_GUESTMEM_GUEST_H
#define KTSTR_GUESTMEM_GUEST_H

#include "guestmem/symbols.h"

#include <ktstr/monitor.h>

struct btf;
struct ktstr_memo;

struct ktstr_guest {
	struct ktstr_memory memory;
	struct ktstr_vmcoreinfo info;
	struct ktstr_paging paging;
	struct ktstr_symbols *symbols;	/* these two NULL, with a memo, until they are needed */
	struct btf *btf;
	struct ktstr_memo *memo;	/* NULL: none */
	char *btf_file;			/* NULL: types come from the guest */
	uint64_t note;			/* where the note was found */
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
/* The same with a memo of what was found in kernel `build_id` (hex) before: `file` need not exist, and
 * is of no use when the guest's kernel is another one. */
int ktstr_guest_open_known(const struct ktstr_ram *ranges, size_t n, const char *btf,
			   const char *file, const char *build_id, struct ktstr_guest **ret_guest,
			   struct ktstr_err *err);

/* Writes the memo, when something was found since that it did not know: while the guest's kernel is
 * as it booted, since what is written is believed later. Nothing without a memo. */
int ktstr_guest_remember(const struct ktstr_guest *guest, struct ktstr_err *err);

/* The symbol table and the types, for whom resolves; read now if they were not. */
int ktstr_guest_need_symbols(const struct ktstr_guest *guest, struct ktstr_err *err);
int ktstr_guest_need_types(const struct ktstr_guest *guest, struct ktstr_err *err);

void ktstr_guest_close(struct ktstr_guest *guest);

/* The services of struct ktstr_guest_ops. */
extern const struct ktstr_guest_ops ktstr_guest_ops;

/* Stores bytes at a kernel address: in one store when they are an aligned number. */
bool ktstr_guest_write(const struct ktstr_guest *guest, uint64_t address, const void *buf,
		       size_t len);

#endif
