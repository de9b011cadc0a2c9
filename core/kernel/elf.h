/* SPDX-License-Identifier: GPL-2.0-only */
/* What an ELF vmlinux says about itself. Nothing in the file is trusted. */
#ifndef KTSTR_KERNEL_ELF_H
#define KTSTR_KERNEL_ELF_H

#include "kernel/image.h"

#include <ktstr/fields.h>

struct ktstr_elf {
	char release[KTSTR_RELEASE_MAX];	/* from its banner */
	char build_id[2 * 20 + 1];		/* hex, "" when it has none */
	bool pvh;				/* has the Xen PVH entry note */
	struct ktstr_buf btf;			/* the bytes of .BTF, empty when there is none */
};

/* -ENOEXEC when it is no x86-64 Linux kernel, with what it is. `name` is for messages. */
int ktstr_elf_read(int fd, const char *name, struct ktstr_elf *ret_elf, struct ktstr_err *err);

void ktstr_elf_deinit(struct ktstr_elf *elf);

#endif
