/* SPDX-License-Identifier: GPL-2.0-only */
/* Decompression and Debian packages, by libarchive. */
#ifndef KTSTR_KERNEL_UNPACK_H
#define KTSTR_KERNEL_UNPACK_H

#include <ktstr/err.h>

#include <stdint.h>

/* A compressed stream: `len` bytes from `offset` of a file. `name` is for messages. */
struct ktstr_stream {
	int fd;
	uint64_t offset, len;
	const char *name;
};

/* Decompresses gzip, bzip2, xz, lzma, lz4 or zstd into `out_fd`. -EBADMSG when the
 * stream is damaged, in none of these forms, or has more than `max` bytes in it. */
int ktstr_unpack_stream(const struct ktstr_stream *in, uint64_t max, int out_fd, uint64_t *ret_len,
			struct ktstr_err *err);

/* Takes the kernel image and its config out of a .deb, as `vmlinuz` and `config` in `dir`; a
 * package may have both, one or none. -EBADMSG when the package is damaged, -EINTR once `stop_fd` (-1: none) can
 * be read. */
int ktstr_unpack_deb(const char *deb, const char *dir, int stop_fd, struct ktstr_err *err);

/* Takes the kernel with its debug information out of a .deb, as `vmlinux.debug` in `dir`; what comes behind it in
 * the package is not read. -ENODATA when the package has none, else as above. */
int ktstr_unpack_debug_deb(const char *deb, const char *dir, int stop_fd, struct ktstr_err *err);

#endif
