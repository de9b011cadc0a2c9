/* SPDX-License-Identifier: GPL-2.0-only */
#include "ram.h"

#include "process.h"

#include <sys/mman.h>
#include <unistd.h>

#define GIB (1024ull * 1024 * 1024)

/* q35: a machine with at least this much has a hole for PCI from 2 GiB to 4 GiB, a smaller one
 * has all its RAM below the hole. */
#define Q35_SPLIT_FROM 0xb0000000ull
#define Q35_LOW (2 * GIB)
#define Q35_HIGH_GPA (4 * GIB)

int qemu_ram_create(uint64_t bytes, struct qemu_ram *ret_ram, struct ktstr_err *err)
{
	struct qemu_ram ram = { .bytes = bytes };
	int ret;

	ram.fd = memfd_create("ktstr-guest-ram", MFD_CLOEXEC);
	if (ram.fd < 0)
		return ktstr_err_errno(err, errno, "memfd for guest memory");
	if (ftruncate(ram.fd, (off_t)bytes)) {
		ret = ktstr_err_errno(err, errno, "%llu bytes of guest memory",
				      (unsigned long long)bytes);
		qemu_ram_deinit(&ram);
		return ret;
	}
	ram.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ram.fd, 0);
	if (ram.map == MAP_FAILED) {
		ram.map = NULL;
		ret = ktstr_err_errno(err, errno, "mapping %llu bytes of guest memory",
				      (unsigned long long)bytes);
		qemu_ram_deinit(&ram);
		return ret;
	}
	/* A core file of ours need not hold the guest; a refusal does no harm. */
	(void)madvise(ram.map, bytes, MADV_DONTDUMP);
	*ret_ram = ram;
	return 0;
}

void qemu_ram_deinit(struct qemu_ram *ram)
{
	if (ram->map)
		munmap(ram->map, ram->bytes);
	ram->map = NULL;
	qemu_close(&ram->fd);
}

size_t qemu_ram_regions(const struct qemu_ram *ram, struct ktstr_ram *ret_regions, size_t max)
{
	bool split = ram->bytes >= Q35_SPLIT_FROM;
	struct ktstr_ram regions[2] = {
		{ .gpa = 0, .bytes = split ? Q35_LOW : ram->bytes, .host = ram->map },
		{ .gpa = Q35_HIGH_GPA, .bytes = ram->bytes - Q35_LOW,
		  .host = (char *)ram->map + Q35_LOW },
	};
	size_t n = split ? 2 : 1;

	memcpy(ret_regions, regions, (n < max ? n : max) * sizeof(*regions));
	return n;
}
