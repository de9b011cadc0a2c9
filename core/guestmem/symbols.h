/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's whole symbol table, as it lies in guest memory (kernel/kallsyms.c,
 * scripts/kallsyms.c): names packed by a table of tokens, addresses as offsets. Modules and BPF
 * programs are not in it.
 */
#ifndef KTSTR_GUESTMEM_SYMBOLS_H
#define KTSTR_GUESTMEM_SYMBOLS_H

#include "guestmem/paging.h"
#include "guestmem/vmcoreinfo.h"

#define KTSTR_SYMBOL_MAX 512		/* KSYM_NAME_LEN */

struct ktstr_symbols;

/* Reads the table once and remembers where each name is. -ENOENT when the kernel tells no table,
 * -EBADMSG when it makes no sense. `paging` must outlive it. */
int ktstr_symbols_create(const struct ktstr_paging *paging, const struct ktstr_vmcoreinfo *info,
			 struct ktstr_symbols **ret_symbols, struct ktstr_err *err);
void ktstr_symbols_destroy(struct ktstr_symbols *symbols);

/* The address of the first symbol of that name; for a per-CPU variable what is added to a CPU's
 * offset. False when there is none. */
bool ktstr_symbols_find(const struct ktstr_symbols *symbols, const char *name,
			uint64_t *ret_address);

size_t ktstr_symbols_count(const struct ktstr_symbols *symbols);

/* The i-th symbol in table order, which is that of addresses; `name` is cut to KTSTR_SYMBOL_MAX
 * - 1. False past the end and when the guest has scribbled over it since. */
bool ktstr_symbols_get(const struct ktstr_symbols *symbols, size_t i, char name[KTSTR_SYMBOL_MAX],
		       char *ret_type, uint64_t *ret_address);

#endif
