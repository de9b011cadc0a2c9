/* SPDX-License-Identifier: GPL-2.0-only */
/* Child processes that never outlive us. */
#ifndef KTSTR_BASE_PROC_H
#define KTSTR_BASE_PROC_H

#include "base/text.h"

#include <ktstr/err.h>
#include <ktstr/fields.h>

/* Runs argv (found on PATH) to its end with standard input empty; stdout is appended to `ret_out`
 * (NULL: passed on to stderr), stderr to `ret_errout` (NULL: passed on). The child gets SIGKILL
 * when this thread dies. Returns its exit status, 128 + signal, or a negative errno:
 * -ENOENT when there is no such program. */
int ktstr_run(const char *const *argv, struct ktstr_buf *ret_out, struct ktstr_buf *ret_errout,
	      struct ktstr_err *err);

/* Who looks on while a program runs. */
struct ktstr_run_watch {
	ktstr_line_fn *line;	/* told each line of standard output as it comes; may be NULL */
	void *ctx;
	int stop_fd;		/* once it can be read, the program is killed; -1: never */
};

/* As ktstr_run(). -EINTR when it was stopped. */
int ktstr_run_watched(const char *const *argv, const struct ktstr_run_watch *watch,
		      struct ktstr_buf *ret_out, struct ktstr_buf *ret_errout, struct ktstr_err *err);

/* The full path of `name` on PATH, or NULL. The caller frees it. */
char *ktstr_which(const char *name);

#endif
