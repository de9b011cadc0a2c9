/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel's debug information: an ELF with the kernel's build id and DWARF in it. Nothing with another
 * build id is taken, wherever it was found.
 */
#ifndef KTSTR_KERNEL_DEBUGINFO_H
#define KTSTR_KERNEL_DEBUGINFO_H

#include "kernel/kernel.h"

struct ktstr_debuginfo_options {
	const char *root;		/* where distributions put debug packages; NULL: /usr/lib/debug */
	ktstr_kernel_progress *progress;	/* told before something that may take long; may be NULL */
	bool (*stop)(void *ctx);	/* asked while it does: true gives it up; may be NULL */
	void *ctx;
};

/*
 * Opens the debug information of a kernel. Looked for, in this order, in its build tree, in its folder of
 * the cache, in the kernel's own ELF, in the tree around its image, below `root` by release and by build id, and
 * at the servers of DEBUGINFOD_URLS, when that is set, by libdw's client. `options` may be NULL.
 *
 * -ENOENT when there is none: the message says in one line why what was there was not taken, and how to get
 * it. The caller closes *ret_fd and frees *ret_path, which is for messages.
 */
int ktstr_debuginfo_open(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options,
			 int *ret_fd, char **ret_path, struct ktstr_err *err);

/* 0 when the file is an ELF with that build id (hex) and DWARF. -ESTALE for another build id, -ENODATA for an
 * ELF without DWARF, -ENOEXEC for what is no ELF. `name` is for messages. */
int ktstr_debuginfo_check(int fd, const char *name, const char *build_id, struct ktstr_err *err);

#endif
