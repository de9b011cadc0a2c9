/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/markup.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "report/layout.h"

/* Code points of two and three bytes that are not to reach a page as they are. */
static bool is_unseen(uint32_t c)
{
	return c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x2069) || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

/* The code point at s, of valid UTF-8, when it has two or three bytes; else 0. */
static uint32_t code_point(const uint8_t *s, size_t *ret_len)
{
	*ret_len = 1;
	if (*s >= 0xc0 && *s < 0xe0) {
		*ret_len = 2;
		return (uint32_t)(*s & 0x1f) << 6 | (s[1] & 0x3f);
	}
	if (*s >= 0xe0 && *s < 0xf0) {
		*ret_len = 3;
		return (uint32_t)(*s & 0xf) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
	}
	return 0;
}

/* Valid UTF-8 without control characters. */
static void put_line(struct ktstr_buf *out, const uint8_t *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c = code_point(s + i, &n);

		if (s[i] == '<')
			ktstr_buf_puts(out, "&lt;");
		else if (s[i] == '>')
			ktstr_buf_puts(out, "&gt;");
		else if (s[i] == '&')
			ktstr_buf_puts(out, "&amp;");
		else if (s[i] == '"')
			ktstr_buf_puts(out, "&quot;");
		else if (s[i] == '\'')
			ktstr_buf_puts(out, "&#39;");
		else if (c && is_unseen(c))
			ktstr_buf_printf(out, "\\u%04x", c);
		else
			ktstr_buf_add(out, s + i, n);
	}
}

void ktstr_markup_text(struct ktstr_buf *out, const char *text, size_t len)
{
	_cleanup_buf_ struct ktstr_buf clean = { 0 };

	for (;;) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;

		clean.len = 0;
		ktstr_layout_escape(&clean, text, n);
		put_line(out, clean.data, clean.len);
		out->failed |= clean.failed;
		if (!nl)
			return;
		ktstr_put_byte(out, '\n');
		text += n + 1;
		len -= n + 1;
	}
}

void ktstr_markup_str(struct ktstr_buf *out, const char *text)
{
	ktstr_markup_text(out, text, strlen(text));
}
