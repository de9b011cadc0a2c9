/* SPDX-License-Identifier: GPL-2.0-only */
/* Running the system's apt. */
#ifndef KTSTR_KERNEL_APT_H
#define KTSTR_KERNEL_APT_H

#include "base/proc.h"

/* Runs a program of apt; `what` is for messages, `watch` may be NULL. 0, -EIO with what apt said, or an error of
 * ktstr_run_watched(). */
int ktstr_apt_run(const char *const *argv, const char *what, const struct ktstr_run_watch *watch,
		  struct ktstr_buf *ret_out, struct ktstr_err *err);

#endif
