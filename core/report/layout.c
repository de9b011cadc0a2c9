/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/layout.h"

#include "base/cleanup.h"
#include "base/text.h"

#define TAB 8

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t ktstr_layout_width(const char *text, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += !continues(text[i]);
	return width;
}

/* ---- escaping ---- */

/* Valid UTF-8; `*column` is where the next character will stand. */
static void escape_valid(struct ktstr_buf *out, size_t *column, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		size_t before = out->len, pad = TAB - *column % TAB;

		if (c == '\t')
			ktstr_buf_printf(out, "%*s", (int)pad, "");
		else if (c < 0x20 || c == 0x7f)
			ktstr_buf_printf(out, "^%c", c ^ 0x40);
		else if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
			ktstr_buf_printf(out, "\\x%02x", (unsigned char)text[++i]);
		else
			ktstr_put_byte(out, c);
		*column += continues((char)c) ? 0 : out->len - before;
	}
}

void ktstr_layout_escape(struct ktstr_buf *out, const char *text, size_t len)
{
	size_t column = 0, bad;

	while (!ktstr_utf8_valid(text, len, &bad)) {
		escape_valid(out, &column, text, bad);
		ktstr_buf_printf(out, "\\x%02x", (unsigned char)text[bad]);
		column += 4;
		text += bad + 1;
		len -= bad + 1;
	}
	escape_valid(out, &column, text, len);
}

void ktstr_layout_repair(struct ktstr_buf *out, const char *text, size_t len)
{
	size_t bad;

	while (!ktstr_utf8_valid(text, len, &bad)) {
		ktstr_buf_add(out, text, bad);
		ktstr_buf_printf(out, "\\x%02x", (unsigned char)text[bad]);
		text += bad + 1;
		len -= bad + 1;
	}
	ktstr_buf_add(out, text, len);
}

/* ---- wrapping ---- */

static void wrap_line(struct ktstr_buf *out, const char *text, size_t len, size_t indent,
		      size_t width)
{
	size_t column = indent;
	bool first = true;

	for (size_t at = 0; at < len;) {
		const char *space = memchr(text + at, ' ', len - at);
		size_t n = space ? (size_t)(space - text) - at : len - at;
		size_t wide = ktstr_layout_width(text + at, n);

		if (!first && column + 1 + wide > width) {
			ktstr_buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			ktstr_put_byte(out, ' ');
			column++;
		}
		ktstr_buf_add(out, text + at, n);
		column += wide;
		first = false;
		at += n + (space != NULL);
	}
	ktstr_put_byte(out, '\n');
}

void ktstr_layout_wrap(struct ktstr_buf *out, const char *text, size_t indent, size_t width)
{
	_cleanup_buf_ struct ktstr_buf clean = { 0 };
	const char *nl;

	for (;; text = nl + 1) {
		size_t len = strcspn(text, "\n");

		nl = text[len] ? text + len : NULL;
		clean.len = 0;
		ktstr_layout_escape(&clean, text, len);
		wrap_line(out, (char *)clean.data, clean.len, indent, width);
		if (!nl)
			break;
		ktstr_buf_printf(out, "%*s", (int)indent, "");
	}
	out->failed |= clean.failed;
}
