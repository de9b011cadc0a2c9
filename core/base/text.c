/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/text.h"

#include <stdio.h>

void ktstr_buf_vprintf(struct ktstr_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !ktstr_buf_reserve(b, (size_t)n + 1)) {
		b->failed = true;
		return;
	}
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void ktstr_buf_printf(struct ktstr_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void ktstr_buf_puts(struct ktstr_buf *b, const char *text)
{
	ktstr_buf_add(b, text, strlen(text));
}

char *ktstr_buf_steal_str(struct ktstr_buf *b)
{
	char *text;

	ktstr_put_byte(b, 0);
	if (b->failed) {
		ktstr_buf_free(b);
		return NULL;
	}
	text = (char *)b->data;
	memset(b, 0, sizeof(*b));
	return text;
}

char *ktstr_asprintf(const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return ktstr_buf_steal_str(&b);
}

static size_t line_max(const struct ktstr_lines *lines)
{
	return lines->max ? lines->max : 64 * 1024;
}

static void emit_line(struct ktstr_lines *lines, const char *tail, size_t len, bool partial,
		      ktstr_line_fn *fn, void *ctx)
{
	const char *text = tail;

	if (lines->pending.len) {
		ktstr_buf_add(&lines->pending, tail, len);
		text = (const char *)lines->pending.data;
		len = lines->pending.len;
	}
	while (!partial && len && text[len - 1] == '\r')
		len--;
	fn(ctx, text, len, partial);
	lines->pending.len = 0;
}

void ktstr_lines_add(struct ktstr_lines *lines, const char *data, size_t len, ktstr_line_fn *fn,
		     void *ctx)
{
	while (len) {
		const char *nl = memchr(data, '\n', len);
		size_t piece = nl ? (size_t)(nl - data) : len;
		size_t room = line_max(lines) - lines->pending.len;

		if (piece > room) {
			emit_line(lines, data, room, true, fn, ctx);
			data += room;
			len -= room;
		} else if (nl) {
			emit_line(lines, data, piece, false, fn, ctx);
			data += piece + 1;
			len -= piece + 1;
		} else {
			ktstr_buf_add(&lines->pending, data, piece);
			return;
		}
	}
}

void ktstr_lines_flush(struct ktstr_lines *lines, ktstr_line_fn *fn, void *ctx)
{
	if (lines->pending.len)
		emit_line(lines, "", 0, true, fn, ctx);
}

void ktstr_lines_deinit(struct ktstr_lines *lines)
{
	ktstr_buf_free(&lines->pending);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

#define NEAREST_MAX 64

/* Damerau-Levenshtein distance with adjacent transpositions; both words below NEAREST_MAX. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][NEAREST_MAX + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2];

	for (size_t j = 0; j <= nb; j++)
		prev[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = before;

		cur[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
				      prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[nb];
}

const char *ktstr_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), best_distance;
	const char *best = NULL;

	if (len >= NEAREST_MAX)
		return NULL;
	best_distance = len / 3 + 1;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]), distance;

		if (other >= NEAREST_MAX)
			continue;
		distance = edit_distance(word, len, words[i], other);
		if (distance < best_distance + (best == NULL)) {
			best = words[i];
			best_distance = distance;
		}
	}
	return best;
}

/* Length of the sequence that starts with `c` and the range of its second byte (RFC 3629, 4). */
static size_t utf8_shape(unsigned char c, unsigned char *lo, unsigned char *hi)
{
	*lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

bool ktstr_utf8_valid(const char *text, size_t len, size_t *ret_offset)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0;

	while (at < len) {
		unsigned char lo, hi;
		size_t n = utf8_shape(s[at], &lo, &hi);

		if (!n || n > len - at || (n > 1 && (s[at + 1] < lo || s[at + 1] > hi)))
			goto bad;
		for (size_t i = 2; i < n; i++)
			if ((s[at + i] & 0xc0) != 0x80)
				goto bad;
		at += n;
	}
	return true;
bad:
	if (ret_offset)
		*ret_offset = at;
	return false;
}

bool ktstr_ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}
