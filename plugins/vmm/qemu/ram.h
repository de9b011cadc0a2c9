/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest RAM: one memfd that QEMU and we map shared. It has no name and ends with its last user. */
#ifndef QEMU_RAM_H
#define QEMU_RAM_H

#include <ktstr/vmm.h>

struct qemu_ram {
	int fd;
	void *map;			/* NULL: none */
	uint64_t bytes;
};

#define QEMU_RAM_INIT { .fd = -1 }

int qemu_ram_create(uint64_t bytes, struct qemu_ram *ret_ram, struct ktstr_err *err);
void qemu_ram_deinit(struct qemu_ram *ram);

/* Where it lies in guest-physical memory; returns how many regions there are. */
size_t qemu_ram_regions(const struct qemu_ram *ram, struct ktstr_ram *ret_regions, size_t max);

#endif
