/* SPDX-License-Identifier: GPL-2.0-only */
/* A scratch file that is written over again and again. It has no name, and goes with its worker. */
#ifndef KTSTR_WORKLOAD_IO_H
#define KTSTR_WORKLOAD_IO_H

#include <ktstr/workload.h>

#include <stdlib.h>
#include <unistd.h>

#define KTSTR_SCRATCH_BLOCK 4096

/* 0, or a negative errno with the reason. [engine] */
static inline int ktstr_scratch_available(const char *folder, struct ktstr_err *err)
{
	return access(folder, W_OK | X_OK) ?
		ktstr_err_errno(err, errno, "no file can be made in %s", folder) : 0;
}

/* *ret_fd is the caller's to close. [worker] */
static inline int ktstr_scratch_open(const char *folder, int *ret_fd, struct ktstr_err *err)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/ktstr-XXXXXX", folder) >= (int)sizeof(path))
		return ktstr_err_set(err, -ENAMETOOLONG, "the name %s is too long", folder);
	fd = mkstemp(path);
	if (fd < 0)
		return ktstr_err_errno(err, errno, "making a file in %s", folder);
	unlink(path);
	*ret_fd = fd;
	return 0;
}

/* Writes `blocks` blocks from the file's beginning and waits until they are stored. [worker] */
static inline int ktstr_scratch_write(int fd, uint64_t blocks, struct ktstr_err *err)
{
	static const char block[KTSTR_SCRATCH_BLOCK];

	for (uint64_t i = 0; i < blocks; i++)
		if (pwrite(fd, block, sizeof(block), (off_t)(i * sizeof(block))) < 0 &&
		    errno != EINTR)
			return ktstr_err_errno(err, errno, "writing block %llu of the scratch file",
					       (unsigned long long)i);
	if (fdatasync(fd) && errno != EINTR)
		return ktstr_err_errno(err, errno, "storing the scratch file");
	return 0;
}

#endif
