/* SPDX-License-Identifier: GPL-2.0-only */
/* Expectations: layers, the way through a journal, failures, patterns. */
#include "check/expect.h"

#include <criterion/criterion.h>

static const struct ktstr_value fifty = { .set = true, .u64 = 500000 };

Test(expect, the_defaults_are_those_of_the_table)
{
	struct ktstr_expect e;

	ktstr_expect_defaults(&e);
	cr_assert(e.values[KTSTR_CHECK_STARVATION].set && e.values[KTSTR_CHECK_STARVATION].boolean);
	cr_assert_eq(e.values[KTSTR_CHECK_SPREAD].u64, 150000);
	cr_assert_eq(e.values[KTSTR_CHECK_GAP].u64, 2000000000);
	cr_assert_eq(e.values[KTSTR_CHECK_HOST_NOISE].u64, 50000);
	cr_assert_not(e.values[KTSTR_CHECK_ISOLATION].set);
	cr_assert_not(e.asked[KTSTR_CHECK_SPREAD]);
	cr_assert_eq(e.fails, KTSTR_CAUSE_NONE);
}

/* Defaults, then a scheduler's, then a test's: the last that says something is right. */
Test(expect, a_later_layer_wins)
{
	struct ktstr_expect e, scheduler = { .fails = KTSTR_CAUSE_PANIC, .pattern = "x" };
	struct ktstr_expect test = { .fails = KTSTR_CAUSE_NONE };

	scheduler.values[KTSTR_CHECK_SPREAD] = fifty;
	scheduler.asked[KTSTR_CHECK_SPREAD] = true;
	scheduler.values[KTSTR_CHECK_GAP] = (struct ktstr_value){ .set = true, .u64 = 7 };
	scheduler.asked[KTSTR_CHECK_GAP] = true;
	test.values[KTSTR_CHECK_GAP] = (struct ktstr_value){ .set = true, .u64 = 9 };
	test.asked[KTSTR_CHECK_GAP] = true;
	test.values[KTSTR_CHECK_STARVATION] = (struct ktstr_value){ .set = true, .boolean = false };
	ktstr_expect_defaults(&e);
	ktstr_expect_merge(&e, &scheduler);
	ktstr_expect_merge(&e, &test);
	cr_assert_eq(e.values[KTSTR_CHECK_SPREAD].u64, 500000);
	cr_assert(e.asked[KTSTR_CHECK_SPREAD]);
	cr_assert_eq(e.values[KTSTR_CHECK_GAP].u64, 9);
	cr_assert_not(e.values[KTSTR_CHECK_STARVATION].boolean);
	cr_assert_eq(e.values[KTSTR_CHECK_HOST_NOISE].u64, 50000);
	cr_assert_not(e.asked[KTSTR_CHECK_HOST_NOISE]);
	cr_assert_eq(e.fails, KTSTR_CAUSE_PANIC);
	cr_assert_str_eq(e.pattern, "x");
}

/* The pattern of one layer never meets the cause of another. */
Test(expect, a_failure_is_taken_whole)
{
	struct ktstr_expect e = { .fails = KTSTR_CAUSE_PANIC, .pattern = "x" };
	struct ktstr_expect test = { .fails = KTSTR_CAUSE_OOPS };

	ktstr_expect_merge(&e, &test);
	cr_assert_eq(e.fails, KTSTR_CAUSE_OOPS);
	cr_assert_str_empty(e.pattern);
}

Test(expect, comes_out_of_a_journal_as_it_went_in)
{
	struct ktstr_expect e, got;
	struct ktstr_fields fields;
	struct ktstr_buf b = { 0 };

	ktstr_expect_defaults(&e);
	e.values[KTSTR_CHECK_WAKE_P99] = (struct ktstr_value){ .set = true, .u64 = 1234 };
	e.asked[KTSTR_CHECK_WAKE_P99] = true;
	e.fails = KTSTR_CAUSE_SCHED_STALL;
	strcpy(e.pattern, "failed to run");
	ktstr_put_begin(&b);
	ktstr_expect_put(&e, &b);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &fields));
	ktstr_expect_get(&fields, &got);
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++) {
		bool is_bool = ktstr_checks[i].param.type == KTSTR_PARAM_BOOL;

		cr_assert_eq(got.values[i].set, e.values[i].set, "%zu", i);
		cr_assert_eq(got.asked[i], e.asked[i]);
		if (e.values[i].set)
			cr_assert(is_bool ? got.values[i].boolean == e.values[i].boolean
					  : got.values[i].u64 == e.values[i].u64);
	}
	cr_assert_eq(got.fails, KTSTR_CAUSE_SCHED_STALL);
	cr_assert_str_eq(got.pattern, "failed to run");
	ktstr_buf_free(&b);
}

/* A newer ktstr may have checks that this one does not know; a broken journal may have anything. */
Test(expect, takes_nothing_that_it_does_not_know)
{
	struct ktstr_expect got;
	struct ktstr_fields fields;
	struct ktstr_buf b = { 0 };
	char pattern[600];

	memset(pattern, 'x', sizeof(pattern));
	ktstr_put_begin(&b);
	ktstr_put_map(&b, "checks");
	ktstr_put_u64(&b, "sprawl", 1);
	ktstr_put_u64(&b, "starvation", 1);
	ktstr_put_str(&b, "gap", "2s");
	ktstr_put_end(&b);
	ktstr_put_array(&b, "asked");
	ktstr_put_u64(&b, NULL, 3);
	ktstr_put_str(&b, NULL, "sprawl");
	ktstr_put_end(&b);
	ktstr_put_str(&b, "fails", "somehow");
	ktstr_put_text(&b, "pattern", pattern, sizeof(pattern));
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &fields));
	ktstr_expect_get(&fields, &got);
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		cr_assert_not(got.values[i].set || got.asked[i]);
	cr_assert_eq(got.fails, KTSTR_CAUSE_NONE);
	cr_assert_eq(strlen(got.pattern), KTSTR_PATTERN_MAX);
	ktstr_buf_free(&b);
}

Test(expect, each_failure_has_a_word)
{
	for (size_t i = 0; ktstr_failure_names[i]; i++) {
		cr_assert_str_eq(ktstr_failure_name(ktstr_failure_cause(i)), ktstr_failure_names[i]);
		for (size_t k = 0; k < i; k++)
			cr_assert_str_neq(ktstr_failure_names[i], ktstr_failure_names[k]);
	}
	cr_assert_null(ktstr_failure_name(KTSTR_CAUSE_NONE));
	cr_assert_null(ktstr_failure_name(KTSTR_CAUSE_INTERRUPTED));
}

Test(expect, patterns)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "anything", true },
		{ "fault", "enqueue fault after 1000 calls", true },
		{ "enqueue*calls", "enqueue fault after 1000 calls", true },
		{ "*fault*", "enqueue fault", true },
		{ "fault*enqueue", "enqueue fault", false },
		{ "(x", "kernel (x)", true },
		{ "aab", "aaab", true },
		{ "a*b*a", "aabb", false },
		{ "**", "", true },
		{ "x", "", false },
		{ "Fault", "fault", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(ktstr_pattern_matches(cases[i].pattern, cases[i].text), cases[i].match,
			     "\"%s\" in \"%s\"", cases[i].pattern, cases[i].text);
}
