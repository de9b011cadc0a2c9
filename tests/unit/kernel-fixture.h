/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels for tests, made from nothing: a small ELF with a banner, BTF and notes, and bzImages,
 * gzip files and Debian packages around it. Every function fails the test when it cannot do its
 * work. */
#ifndef TESTS_UNIT_KERNEL_FIXTURE_H
#define TESTS_UNIT_KERNEL_FIXTURE_H

#include <ktstr/fields.h>

#include <elf.h>

struct fixture_kernel {
	const char *release;	/* NULL: 9.8.7-test; "": no banner */
	bool no_btf, bad_btf, no_sched_ext, tracepoint, no_pvh;
	uint16_t machine;	/* 0: x86-64 */
	uint16_t type;		/* 0: ET_EXEC */
};

struct ktstr_buf fixture_elf(const struct fixture_kernel *kernel);

/* How a payload is compressed; FIXTURE_LZ4_LEGACY is what the kernel's build makes. */
enum fixture_filter {
	FIXTURE_GZIP, FIXTURE_BZIP2, FIXTURE_XZ, FIXTURE_LZMA, FIXTURE_LZ4, FIXTURE_LZ4_LEGACY,
	FIXTURE_ZSTD,
	FIXTURE_FILTERS,
	FIXTURE_STORED = FIXTURE_FILTERS, /* as it is */
};

struct ktstr_buf fixture_compress(const struct ktstr_buf *bytes, enum fixture_filter filter);

/* A bzImage around compressed bytes whose unpacked length is `len`. */
struct ktstr_buf fixture_bzimage(const struct ktstr_buf *payload, enum fixture_filter filter,
				 uint32_t len, const char *release);

/* All of it: ELF, zstd, bzImage. */
struct ktstr_buf fixture_image(const struct fixture_kernel *kernel);

/* A .deb with an image as `path` in it (NULL: none) and a config as `config_path` (NULL: none). */
struct ktstr_buf fixture_deb(const char *path, const struct ktstr_buf *image,
			     const char *config_path);

/* A .deb with a file as `path`, and in front of it a link of either kind to it. */
struct ktstr_buf fixture_deb_linked(const char *path, const struct ktstr_buf *file, const char *symlink,
				    const char *hard_link);

/* A folder for one test, and its path; removed by fixture_drop(). */
const char *fixture_dir(void);
void fixture_drop(void);

/* A path below fixture_dir(), in static memory: the eighth call from here uses it again. */
const char *fixture_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Writes a file below fixture_dir(), with the folders above it, and frees the bytes. Its path. */
const char *fixture_write(const char *name, struct ktstr_buf bytes);
const char *fixture_write_text(const char *name, const char *text);

#endif
