/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/paging.h"

#define PRESENT 0x1ull
#define LARGE 0x80ull			/* _PAGE_PSE of a PUD or PMD */
#define FRAME 0x000ffffffffff000ull	/* without flags, protection keys and NX */
#define INDEX_BITS 9
#define PAGE_BITS 12

/* 48 or 57 bits count; those above repeat the highest of them. */
static bool canonical(uint64_t address, bool l5)
{
	int unused = l5 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

bool ktstr_paging_walk(const struct ktstr_paging *p, uint64_t address, uint64_t *ret_physical,
		       uint64_t *ret_left)
{
	uint64_t table = p->root, entry, mask;

	if (!canonical(address, p->l5))
		return false;
	for (int level = p->l5 ? 4 : 3; level >= 0; level--) {
		int shift = PAGE_BITS + INDEX_BITS * level;
		uint64_t index = address >> shift & ((1u << INDEX_BITS) - 1);
		const void *at = ktstr_memory_at(p->memory, table + index * sizeof(entry),
						 sizeof(entry));

		if (!at)
			return false;
		entry = ktstr_load(at, sizeof(entry));
		if (!(entry & PRESENT))
			return false;
		table = entry & FRAME;
		if (level == 0 || (level <= 2 && entry & LARGE)) {
			mask = (1ull << shift) - 1;
			*ret_physical = (table & ~mask) | (address & mask);
			*ret_left = mask + 1 - (address & mask);
			return true;
		}
	}
	return false;
}

void *ktstr_paging_at(const struct ktstr_paging *p, uint64_t address, uint64_t len)
{
	uint64_t physical, left;

	if (address >= KTSTR_IMAGE_START && address - KTSTR_IMAGE_START < KTSTR_IMAGE_SIZE)
		return ktstr_memory_at(p->memory, address - KTSTR_IMAGE_START + p->phys_base, len);
	if (p->direct_map && address - p->direct_map < p->direct_bytes)
		return ktstr_memory_at(p->memory, address - p->direct_map, len);
	if (!ktstr_kernel_address(address) || !ktstr_paging_walk(p, address, &physical, &left) ||
	    len > left)
		return NULL;
	return ktstr_memory_at(p->memory, physical, len);
}

/* Calls for each piece that is in one page. */
static void *next_piece(const struct ktstr_paging *p, uint64_t address, size_t len,
			size_t *ret_piece)
{
	size_t in_page = KTSTR_PAGE - address % KTSTR_PAGE;

	*ret_piece = len < in_page ? len : in_page;
	return ktstr_paging_at(p, address, *ret_piece);
}

bool ktstr_paging_read(const struct ktstr_paging *p, uint64_t address, void *buf, size_t len)
{
	size_t piece;

	for (char *to = buf; len; to += piece, address += piece, len -= piece) {
		const void *from = next_piece(p, address, len, &piece);

		if (!from)
			return false;
		memcpy(to, from, piece);
	}
	return true;
}

/* A value of up to eight bytes that is aligned is stored in one go: the guest never sees half of
 * it. */
static void store(void *to, const void *from, size_t len)
{
	uint64_t value = 0;

	if (len > sizeof(value) || !len || (len & (len - 1)) || (uintptr_t)to % len) {
		memcpy(to, from, len);
		return;
	}
	memcpy(&value, from, len);
	switch (len) {
	case 1: __atomic_store_n((uint8_t *)to, (uint8_t)value, __ATOMIC_RELEASE); break;
	case 2: __atomic_store_n((uint16_t *)to, (uint16_t)value, __ATOMIC_RELEASE); break;
	case 4: __atomic_store_n((uint32_t *)to, (uint32_t)value, __ATOMIC_RELEASE); break;
	case 8: __atomic_store_n((uint64_t *)to, value, __ATOMIC_RELEASE); break;
	}
}

bool ktstr_paging_write(const struct ktstr_paging *p, uint64_t address, const void *buf, size_t len)
{
	size_t piece;

	for (const char *from = buf; len; from += piece, address += piece, len -= piece) {
		void *to = next_piece(p, address, len, &piece);

		if (!to)
			return false;
		store(to, from, piece);
	}
	return true;
}
