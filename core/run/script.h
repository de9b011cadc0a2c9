/* SPDX-License-Identifier: GPL-2.0-only */
/* Scripts: files that begin with #! and a program that is to read them (fs/binfmt_script.c). */
#ifndef KTSTR_RUN_SCRIPT_H
#define KTSTR_RUN_SCRIPT_H

#include <ktstr/err.h>

struct ktstr_script {
	char *interpreter;	/* absolute path; NULL: the file is no script */
	char *program;		/* what env(1) is to look for, where that is the interpreter; else NULL */
};

/* Looks at the first line of the file. -EINVAL when it is one of a script that the kernel would not
 * take; the message says so. */
int ktstr_script_read(const char *path, struct ktstr_script *ret_script, struct ktstr_err *err);
void ktstr_script_deinit(struct ktstr_script *script);

#endif
