/* SPDX-License-Identifier: GPL-2.0-only */
/* One kernel's folder in the cache: vmlinux, btf, meta.json; vmlinuz, config and vmlinux.debug of a fetched one. */
#ifndef KTSTR_KERNEL_ENTRY_H
#define KTSTR_KERNEL_ENTRY_H

#include "kernel/kernel.h"

/* A vmlinux with DWARF that was put beside a kernel. */
#define KTSTR_ENTRY_DEBUG "vmlinux.debug"

/* Unpacks and looks inside `image` (NULL: DIR/vmlinuz) and writes vmlinux (unless the image is the
 * ELF itself), btf and meta.json into DIR. `source` as in struct ktstr_kernel, may be NULL.
 * -ENOEXEC when it is no kernel. On failure DIR holds parts of it. */
int ktstr_entry_make(const char *dir, const char *image, const char *source, struct ktstr_err *err);

/* Reads an entry back. -ENOENT when DIR holds none or it is damaged. */
int ktstr_entry_load(const char *dir, const char *image, struct ktstr_kernel *ret_kernel,
		     struct ktstr_err *err);

/* The newest cached kernel for which `fits` is true. -ENOENT without a message when there is none;
 * *ret_seen (may be NULL) is how many kernels the cache has. */
int ktstr_entry_newest(bool (*fits)(const struct ktstr_kernel *kernel, const char *arg),
		       const char *arg, struct ktstr_kernel *ret_kernel, size_t *ret_seen,
		       struct ktstr_err *err);

#endif
