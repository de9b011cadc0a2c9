/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual addresses of an x86-64 Linux kernel (Documentation/arch/x86/x86_64/mm.rst). Three
 * ways lead to physical ones: the kernel image is linear, the direct map is linear, and everything
 * else (vmalloc, per-CPU areas, modules) is walked. None of them loops longer than the table has
 * levels.
 */
#ifndef KTSTR_GUESTMEM_PAGING_H
#define KTSTR_GUESTMEM_PAGING_H

#include "guestmem/memory.h"

/* __START_KERNEL_map and how much is mapped linearly behind it (KERNEL_IMAGE_SIZE with KASLR). */
#define KTSTR_IMAGE_START 0xffffffff80000000ull
#define KTSTR_IMAGE_SIZE (1ull << 30)

struct ktstr_paging {
	const struct ktstr_memory *memory;
	uint64_t root;			/* physical address of swapper_pg_dir */
	uint64_t phys_base;		/* of the kernel image; two's complement */
	uint64_t direct_map;		/* page_offset_base; 0: not known yet */
	uint64_t direct_bytes;		/* up to the end of the last range */
	bool l5;
};

/* True for addresses that image and direct map can have: bit 63 set, canonical. */
static inline bool ktstr_kernel_address(uint64_t address)
{
	return (int64_t)address < 0;
}

/* The physical address by the tables alone; *ret_left are the bytes up to the end of the page it
 * lies in (4 KiB, 2 MiB or 1 GiB). False when nothing is mapped there, or outside of memory. */
bool ktstr_paging_walk(const struct ktstr_paging *paging, uint64_t address, uint64_t *ret_physical,
		       uint64_t *ret_left);

/* Where `len` bytes at a virtual address are mapped here; NULL when they are not, or not in one
 * piece. */
void *ktstr_paging_at(const struct ktstr_paging *paging, uint64_t address, uint64_t len);

/* Copies over page borders. False when a part of it is not there; what is there of the rest is not
 * told. */
bool ktstr_paging_read(const struct ktstr_paging *paging, uint64_t address, void *buf, size_t len);
bool ktstr_paging_write(const struct ktstr_paging *paging, uint64_t address, const void *buf,
			size_t len);

#endif
