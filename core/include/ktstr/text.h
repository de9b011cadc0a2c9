/* SPDX-License-Identifier: GPL-2.0-only */
/* Text in a buffer of fixed size. Inline, as everything that a plugin may call. [any thread] */
#ifndef KTSTR_TEXT_H
#define KTSTR_TEXT_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to the string in `buf` of `size` bytes; what does not fit is cut, the string stays ended. */
__attribute__((format(printf, 3, 4)))
static inline void ktstr_append(char *buf, size_t size, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, size - used, fmt, ap);
	va_end(ap);
}

#endif
