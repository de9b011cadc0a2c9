/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM on its way into a template and out of it. Both are sparse files in which RAM lies from
 * offset 0 on; what is not there is zero.
 */
#ifndef QEMU_RAM_COPY_H
#define QEMU_RAM_COPY_H

#include "ram.h"

/* What identifies the content, wherever its holes are. */
struct qemu_ram_sum {
	uint64_t hash;			/* XXH3 over the pages that are not all zero, and their places */
	uint64_t bytes;			/* of those pages */
};

/* Writes the pages that are not all zero to `to`, which is empty. */
int qemu_ram_save(const struct qemu_ram *ram, int to, struct qemu_ram_sum *ret_sum,
		  struct ktstr_err *err);

/* Copies what is there in `from` to `to`, which is empty. The fastest of five ways that were measured:
 * 28 ms for 74 MB in 300 pieces, against 50 ms by read() or memcpy() into a mapping. */
int qemu_ram_load(int from, uint64_t bytes, int to, struct ktstr_err *err);

/* The sum of `bytes` bytes of RAM in a file. */
int qemu_ram_sum_file(int fd, uint64_t bytes, struct qemu_ram_sum *ret_sum, struct ktstr_err *err);

#endif
