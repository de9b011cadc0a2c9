/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/memory.h"

#include <sys/mman.h>

#define SCAN_PAGES 4096		/* pages asked about in one go: 16 MiB */

int ktstr_memory_init(struct ktstr_memory *memory, const struct ktstr_ram *ranges, size_t n,
		      struct ktstr_err *err)
{
	if (!n || n > KTSTR_MEMORY_RANGES)
		return ktstr_err_set(err, -EINVAL,
				     "guest memory in %zu ranges: 1 to %u can be read", n,
				     KTSTR_MEMORY_RANGES);
	for (size_t i = 0; i < n; i++) {
		const struct ktstr_ram *r = &ranges[i];

		if (!r->host || !r->bytes ||
		    (r->gpa | r->bytes | (uintptr_t)r->host) % KTSTR_PAGE ||
		    r->gpa + r->bytes < r->gpa)
			return ktstr_err_set(err, -EINVAL, "guest memory at %#llx is not mapped in "
					     "whole pages", (unsigned long long)r->gpa);
	}
	memcpy(memory->ranges, ranges, n * sizeof(*ranges));
	memory->n = n;
	return 0;
}

uint64_t ktstr_memory_left(const struct ktstr_memory *memory, uint64_t gpa)
{
	for (size_t i = 0; i < memory->n; i++) {
		const struct ktstr_ram *r = &memory->ranges[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->bytes)
			return r->bytes - (gpa - r->gpa);
	}
	return 0;
}

void *ktstr_memory_at(const struct ktstr_memory *memory, uint64_t gpa, uint64_t len)
{
	for (size_t i = 0; i < memory->n; i++) {
		const struct ktstr_ram *r = &memory->ranges[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->bytes)
			return len <= r->bytes - (gpa - r->gpa)
				? (char *)r->host + (gpa - r->gpa) : NULL;
	}
	return NULL;
}

/*
 * mincore() tells of a shared mapping which pages its file has, whoever wrote them. It says no for
 * a page that is swapped out: a search may then miss what it looks for, and never reads too much.
 * Where the host has no mincore() every page is read.
 */
static bool scan_piece(const struct ktstr_ram *r, uint64_t offset, size_t pages, ktstr_page_fn *fn,
		       void *ctx)
{
	unsigned char there[SCAN_PAGES];
	char *host = (char *)r->host + offset;

	if (mincore(host, pages * KTSTR_PAGE, there))
		memset(there, 1, pages);
	for (size_t i = 0; i < pages; i++)
		if (there[i] & 1 &&
		    fn(ctx, r->gpa + offset + i * KTSTR_PAGE, host + i * KTSTR_PAGE))
			return true;
	return false;
}

bool ktstr_memory_scan(const struct ktstr_memory *memory, ktstr_page_fn *fn, void *ctx)
{
	for (size_t i = 0; i < memory->n; i++) {
		const struct ktstr_ram *r = &memory->ranges[i];

		for (uint64_t at = 0; at < r->bytes; at += SCAN_PAGES * KTSTR_PAGE) {
			uint64_t left = (r->bytes - at) / KTSTR_PAGE;

			if (scan_piece(r, at, left < SCAN_PAGES ? left : SCAN_PAGES, fn, ctx))
				return true;
		}
	}
	return false;
}
