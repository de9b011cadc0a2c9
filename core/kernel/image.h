/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel image files: what one is, and the ELF inside. Nothing in the file is trusted. */
#ifndef KTSTR_KERNEL_IMAGE_H
#define KTSTR_KERNEL_IMAGE_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTSTR_RELEASE_MAX 128

enum ktstr_image_kind {
	KTSTR_IMAGE_BZIMAGE,	/* x86 boot protocol: setup code and a compressed ELF */
	KTSTR_IMAGE_GZIP,	/* an ELF vmlinux, compressed as a whole */
	KTSTR_IMAGE_ELF,	/* an ELF vmlinux as it is */
};

struct ktstr_image {
	enum ktstr_image_kind kind;
	char release[KTSTR_RELEASE_MAX];	/* from the header of a bzImage, else "" */
	uint64_t payload, payload_len;		/* the compressed stream in the file */
	uint64_t elf_len;			/* how much is in it, 0: not known */
};

/* Looks at an open file. -ENOEXEC with what was expected and what was found when it is no kernel
 * for x86-64. `name` is for messages. */
int ktstr_image_probe(int fd, const char *name, struct ktstr_image *ret_image,
		      struct ktstr_err *err);

/* Writes the ELF inside a bzImage or gzip image to `out_fd`. -ENOEXEC when that cannot
 * be done. */
int ktstr_image_extract(int fd, const char *name, const struct ktstr_image *image, int out_fd,
			struct ktstr_err *err);

/* Takes the release out of "RELEASE (builder@host) ..."; false when it does not begin with one.
 * `text` needs no NUL. */
bool ktstr_release_parse(const char *text, size_t len, char ret_release[KTSTR_RELEASE_MAX]);

#endif
