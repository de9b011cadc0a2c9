/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel keeps by number: a struct idr (include/linux/idr.h), which is an xarray of nodes
 * with 64 slots. Bit 1 of an entry marks an inner node, others are pointers to the objects. The
 * walk is bounded in depth and nodes.
 */
#ifndef KTSTR_GUESTMEM_IDR_H
#define KTSTR_GUESTMEM_IDR_H

#include "guestmem/guest.h"

/* Calls `fn` with the address of each object in the idr of that symbol, by ascending number, until
 * it returns true. -ENOENT when this kernel has no such idr, or another layout. */
typedef bool ktstr_guest_object_fn(void *ctx, uint64_t address);
int ktstr_guest_idr(const struct ktstr_guest *guest, const char *symbol, ktstr_guest_object_fn *fn,
		    void *ctx, struct ktstr_err *err);

#endif
