/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/text.h"

#include <criterion/criterion.h>

static void collect(void *ctx, const char *text, size_t len, bool partial)
{
	ktstr_buf_printf(ctx, "[%.*s%s]", (int)len, text, partial ? "~" : "");
}

Test(lines, come_whole_however_the_bytes_are_cut)
{
	static const char bytes[] = "one\r\ntwo\n\nlonger than ten\nrest";

	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		struct ktstr_lines lines = { .max = 10 };
		struct ktstr_buf got = { 0 };
		char *text;

		for (size_t at = 0; at < sizeof(bytes) - 1; at += cut) {
			size_t n = sizeof(bytes) - 1 - at;

			ktstr_lines_add(&lines, bytes + at, n < cut ? n : cut, collect, &got);
		}
		ktstr_lines_flush(&lines, collect, &got);
		text = ktstr_buf_steal_str(&got);
		cr_assert_str_eq(text, "[one][two][][longer tha~][n ten][rest~]", "cut %zu: %s", cut, text);
		free(text);
		ktstr_lines_deinit(&lines);
	}
}

Test(nearest, finds_what_was_meant_and_nothing_else)
{
	static const char *const words[] = { "duration", "cgroups", "workers", "scheduler" };

	cr_assert_str_eq(ktstr_nearest("durration", words, 4), "duration");
	cr_assert_str_eq(ktstr_nearest("shceduler", words, 4), "scheduler");
	cr_assert_str_eq(ktstr_nearest("worker", words, 4), "workers");
	cr_assert_null(ktstr_nearest("kernel", words, 4));
	cr_assert_null(ktstr_nearest("x", words, 4));
}

Test(utf8, takes_what_the_rfc_takes)
{
	size_t at = 99;

	cr_assert(ktstr_utf8_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11, NULL));
	cr_assert_not(ktstr_utf8_valid("ab\xff", 3, &at));
	cr_assert_eq(at, 2);
	cr_assert_not(ktstr_utf8_valid("\xc0\x80", 2, NULL));		/* overlong */
	cr_assert_not(ktstr_utf8_valid("\xed\xa0\x80", 3, NULL));	/* surrogate */
	cr_assert_not(ktstr_utf8_valid("\xe2\x82", 2, NULL));		/* cut */
}
