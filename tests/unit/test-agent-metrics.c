/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/metrics.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The text ends where its memory does, so that a sanitizer sees a byte too many. */
static bool json(const char *text, const char *path, double *ret)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool found;

	memcpy(copy, text, len);
	found = ktstr_metric_json(copy, len, path, ret);
	free(copy);
	return found;
}

static bool line(const char *text, const char *key, double *ret)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	bool found;

	memcpy(copy, text, len);
	found = ktstr_metric_line(copy, len, key, ret);
	free(copy);
	return found;
}

Test(metrics, a_path_into_json)
{
	static const char text[] =
		"starting...\n{\"a\": {\"b\": [1, {\"c\": -2.5e2}], \"b.x\": 3}, \"s\\\"q\": 4,\n"
		" \"t\": true, \"n\": null, \"e\": {}, \"l\": [], \"last\": 7}\ntrailing words";
	double v = 0;

	cr_expect(json(text, "a.b.0", &v) && v == 1);
	cr_expect(json(text, "a.b.1.c", &v) && v == -250);
	cr_expect(json(text, "a.b.x", &v) && v == 3);
	cr_expect(json(text, "last", &v) && v == 7);
	cr_expect(json("[5]", "0", &v) && v == 5);
	v = 9;
	cr_expect_not(json(text, "a", &v), "no number");
	cr_expect_not(json(text, "t", &v));
	cr_expect_not(json(text, "a.b.2", &v));
	cr_expect_not(json(text, "las", &v));
	cr_expect_not(json(text, "", &v));
	cr_expect_eq(v, 9, "what is given back was touched");
}

Test(metrics, json_that_is_none)
{
	static const char *const bad[] = { "", "no braces", "{", "[", "{\"a\"", "{\"a\":", "{\"a\": }",
					   "{\"b\": \"\\", "{a: 1}", "{\"a\": 1e999}" };
	char deep[400];
	double v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(json(bad[i], "a", &v), "%s", bad[i]);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	cr_expect_not(json(deep, "0", &v));
	cr_expect(json("{\"a\": 1, \"b\": ", "a", &v) && v == 1, "what came before the cut is there");
}

Test(metrics, keys_of_lines)
{
	static const char text[] = "p99: 31\nops 5\n  ops = 12.5 per s\nopsies 3\nempty:\nname: x\nend 8";
	double v = 0;

	cr_expect(line(text, "p99", &v) && v == 31);
	cr_expect(line(text, "ops", &v) && v == 12.5, "the last one counts");
	cr_expect(line(text, "opsies", &v) && v == 3);
	cr_expect(line(text, "end", &v) && v == 8);
	cr_expect_not(line(text, "empty", &v));
	cr_expect_not(line(text, "name", &v));
	cr_expect_not(line(text, "p9", &v));
	cr_expect_not(line("ops", "ops", &v));
	cr_expect_not(line("", "ops", &v));
}
