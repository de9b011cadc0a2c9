/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory as the vmm plugin maps it: ranges with holes between them (on a PC from
 * 2 or 3 GiB to 4 GiB), NUMA banks one behind the other. The guest writes while we read, and what
 * it writes is not trusted: no address from it is used unchecked.
 */
#ifndef KTSTR_GUESTMEM_MEMORY_H
#define KTSTR_GUESTMEM_MEMORY_H

#include <ktstr/vmm.h>

#define KTSTR_MEMORY_RANGES 32
#define KTSTR_PAGE 4096ull

struct ktstr_memory {
	struct ktstr_ram ranges[KTSTR_MEMORY_RANGES];
	size_t n;
};

/* -EINVAL when there is no range, too many, or one that is not made of whole mapped pages. */
int ktstr_memory_init(struct ktstr_memory *memory, const struct ktstr_ram *ranges, size_t n,
		      struct ktstr_err *err);

/* Where `len` bytes at a guest-physical address are mapped here, NULL when they are not all in one
 * range. */
void *ktstr_memory_at(const struct ktstr_memory *memory, uint64_t gpa, uint64_t len);

/* Bytes from `gpa` to the end of its range, 0 when it is in none. */
uint64_t ktstr_memory_left(const struct ktstr_memory *memory, uint64_t gpa);

/* Calls `fn` for every page that the guest ever touched, in ascending order, until it returns
 * true. Pages that were never touched are skipped: reading them would allocate them. True when `fn`
 * said so. */
typedef bool ktstr_page_fn(void *ctx, uint64_t gpa, const void *page);
bool ktstr_memory_scan(const struct ktstr_memory *memory, ktstr_page_fn *fn, void *ctx);

/* One load of a naturally aligned value of 1, 2, 4 or 8 bytes, so that it is never torn; other
 * sizes and alignments are copied. */
static inline uint64_t ktstr_load(const void *p, unsigned size)
{
	uint64_t value = 0;

	if ((uintptr_t)p % size == 0) {
		switch (size) {
		case 1: return __atomic_load_n((const uint8_t *)p, __ATOMIC_RELAXED);
		case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
		case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
		case 8: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
		}
	}
	memcpy(&value, p, size < sizeof(value) ? size : sizeof(value));
	return value;
}

#endif
