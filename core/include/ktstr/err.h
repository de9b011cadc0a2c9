/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors: a negative errno and a message written where the fault happened.
 *
 * A function that can fail returns 0 or a negative errno and takes a `struct ktstr_err *` last
 * before its out parameters. The message says what failed, where, and what to do; callers put
 * context in front with ktstr_err_prefix(). A NULL err is legal everywhere: the code is still
 * returned. An error is returned or logged, never both.
 *
 * Everything here is inline, so that a plugin needs no symbol of the core. [any thread]
 */
#ifndef KTSTR_ERR_H
#define KTSTR_ERR_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KTSTR_ERR_MAX 1024

struct ktstr_err {
	int code;			/* negative errno, 0 while nothing failed */
	char msg[KTSTR_ERR_MAX];	/* one or more lines of text, no newline at the end */
};

#define KTSTR_ERR_INIT { .code = 0, .msg = "" }

/* Records `code` and the formatted message; returns `code`, so that a caller can return it. */
__attribute__((format(printf, 3, 4)))
static inline int ktstr_err_set(struct ktstr_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

/* As ktstr_err_set() with the text of `saved_errno` (positive) appended; returns -saved_errno. */
__attribute__((format(printf, 3, 4)))
static inline int ktstr_err_errno(struct ktstr_err *err, int saved_errno, const char *fmt, ...)
{
	va_list ap;
	size_t used;

	if (!err)
		return -saved_errno;
	err->code = -saved_errno;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(saved_errno));
	return -saved_errno;
}

/* Puts "<formatted>: " in front of the message; returns the code that is already there. */
__attribute__((format(printf, 2, 3)))
static inline int ktstr_err_prefix(struct ktstr_err *err, const char *fmt, ...)
{
	char prefix[KTSTR_ERR_MAX / 2], msg[KTSTR_ERR_MAX];
	va_list ap;

	if (!err)
		return 0;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(msg, err->msg, sizeof(msg));
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", prefix,
		 (int)(sizeof(err->msg) - strlen(prefix) - 3), msg);
	return err->code;
}

static inline int ktstr_err_nomem(struct ktstr_err *err)
{
	return ktstr_err_set(err, -ENOMEM, "out of memory");
}

#endif
