/* SPDX-License-Identifier: GPL-2.0-only */
/* Text: building it, splitting it into lines, finding the word that was meant. */
#ifndef KTSTR_BASE_TEXT_H
#define KTSTR_BASE_TEXT_H

#include <ktstr/fields.h>

#include <stdarg.h>

/* Appends formatted text (no NUL) to a buffer; the buffer's error is sticky. */
__attribute__((format(printf, 2, 3)))
void ktstr_buf_printf(struct ktstr_buf *b, const char *fmt, ...);
void ktstr_buf_vprintf(struct ktstr_buf *b, const char *fmt, va_list ap);
void ktstr_buf_puts(struct ktstr_buf *b, const char *text);

/* Ends the buffer with a NUL and gives its memory to the caller; NULL when memory ran out. */
char *ktstr_buf_steal_str(struct ktstr_buf *b);

/* printf into fresh memory; NULL when memory is out. */
__attribute__((format(printf, 1, 2)))
char *ktstr_asprintf(const char *fmt, ...);

/* Collects bytes that arrive in pieces and hands out whole lines. Zero-initialise. */
struct ktstr_lines {
	struct ktstr_buf pending;
	size_t max;		/* longest line kept in one piece; 0: 64 KiB. Longer ones are split. */
};

typedef void ktstr_line_fn(void *ctx, const char *text, size_t len, bool partial);

/* Calls `fn` for each complete line: without its newline, trailing \r removed. `partial` marks a
 * piece of a line that was longer than `max`. */
void ktstr_lines_add(struct ktstr_lines *lines, const char *data, size_t len, ktstr_line_fn *fn,
		     void *ctx);
/* The rest that no newline ended, as a partial line. */
void ktstr_lines_flush(struct ktstr_lines *lines, ktstr_line_fn *fn, void *ctx);
void ktstr_lines_deinit(struct ktstr_lines *lines);

/* The one of `n` words that is closest to `word`, or NULL when none is close enough to have been
 * meant (Damerau-Levenshtein distance, at most a third of the length). */
const char *ktstr_nearest(const char *word, const char *const *words, size_t n);

bool ktstr_ends_with(const char *text, const char *end);

/* True when the bytes are valid UTF-8 (RFC 3629: no surrogates, nothing overlong). Otherwise
 * *ret_offset is that of the first bad byte. */
bool ktstr_utf8_valid(const char *text, size_t len, size_t *ret_offset);

#endif
