/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs: the agent and nothing of the run, so that every VM of a kernel is the same. */
#ifndef KTSTR_RUN_INITRAMFS_H
#define KTSTR_RUN_INITRAMFS_H

#include <ktstr/err.h>

/* A memfd with an uncompressed cpio archive: /init is the file `agent`. Uncompressed, because
 * unpacking costs more under emulation than the bytes do. The caller closes it. */
int ktstr_initramfs_create(const char *agent, int *ret_fd, struct ktstr_err *err);

#endif
