/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of a scheduler's flags: which are valid, in which order, under which names. */
#include "plan/flags.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"

#include <criterion/criterion.h>

enum { LLC = 1, BORROW = 2, STEAL = 4, REBAL = 8, NO_CTRL = 16 };

static const struct ktstr_flag_rule items[] = {
	{ .name = "llc" },
	{ .name = "borrow" },
	{ .name = "steal", .requires = LLC },
	{ .name = "rebal", .requires = STEAL },
	{ .name = "no-ctrl", .conflicts = BORROW | REBAL },
};
static const struct ktstr_flag_rules rules = { items, KTSTR_ARRAY_SIZE(items) };

/* The names of all valid sets, with a blank between them. */
static char *names(const struct ktstr_flag_rules *of, uint32_t required, uint32_t excluded)
{
	_cleanup_free_ uint32_t *sets = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };
	size_t n = 0;

	cr_assert_eq(ktstr_flags_enumerate(of, required, excluded, &sets, &n, &err), 0, "%s",
		     err.msg);
	for (size_t i = 0; i < n; i++) {
		ktstr_buf_puts(&b, i ? " " : "");
		ktstr_flags_name(of, sets[i], &b);
	}
	return ktstr_buf_steal_str(&b);
}

Test(flags, every_valid_set_in_order)
{
	_cleanup_free_ char *got = names(&rules, 0, 0);

	cr_assert_str_eq(got, "default llc borrow llc+borrow llc+steal llc+borrow+steal "
			 "llc+steal+rebal llc+borrow+steal+rebal no-ctrl llc+no-ctrl "
			 "llc+steal+no-ctrl");
}

Test(flags, the_same_as_trying_all_of_them)
{
	_cleanup_free_ uint32_t *sets = NULL;
	size_t n = 0, at = 0;

	cr_assert_eq(ktstr_flags_enumerate(&rules, 0, 0, &sets, &n, NULL), 0);
	for (uint32_t set = 0; set < 1u << rules.n; set++)
		if (!ktstr_flags_check(&rules, set, NULL)) {
			cr_assert_lt(at, n);
			cr_assert_eq(sets[at++], set);
		}
	cr_assert_eq(at, n);
}

Test(flags, a_flag_at_the_end_moves_no_other_set)
{
	const struct ktstr_flag_rules fewer = { items, rules.n - 1 };
	_cleanup_free_ char *before = names(&fewer, 0, 0), *after = names(&rules, 0, 0);

	cr_assert_eq(strncmp(after, before, strlen(before)), 0);
}

Test(flags, required_and_excluded_ones)
{
	_cleanup_free_ char *steal = names(&rules, STEAL, 0);
	_cleanup_free_ char *no_llc = names(&rules, 0, LLC);
	_cleanup_free_ char *both = names(&rules, REBAL, BORROW);

	cr_assert_str_eq(steal, "llc+steal llc+borrow+steal llc+steal+rebal llc+borrow+steal+rebal "
			 "llc+steal+no-ctrl");
	cr_assert_str_eq(no_llc, "default borrow no-ctrl");
	cr_assert_str_eq(both, "llc+steal+rebal");
}

Test(flags, without_any_there_is_one_set)
{
	_cleanup_free_ char *got = names(&(struct ktstr_flag_rules){ NULL, 0 }, 0, 0);

	cr_assert_str_eq(got, "default");
}

Test(flags, flags_that_require_each_other_come_together)
{
	const struct ktstr_flag_rule round[] = {
		{ .name = "a", .requires = 2 }, { .name = "b", .requires = 1 }, { .name = "c" },
	};
	_cleanup_free_ char *got = names(&(struct ktstr_flag_rules){ round, 3 }, 0, 0);

	cr_assert_str_eq(got, "default a+b c a+b+c");
}

Test(flags, one_that_contradicts_itself_is_never_on)
{
	const struct ktstr_flag_rule odd[] = {
		{ .name = "a" }, { .name = "b", .requires = 1, .conflicts = 1 },
	};
	_cleanup_free_ char *got = names(&(struct ktstr_flag_rules){ odd, 2 }, 0, 0);

	cr_assert_str_eq(got, "default a");
}

/* ---- what cannot be ---- */

static void check_refused(uint32_t required, uint32_t excluded, const char *want)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t *sets = NULL;
	size_t n = 7;

	cr_assert_eq(ktstr_flags_enumerate(&rules, required, excluded, &sets, &n, &err), -EINVAL);
	cr_assert_str_eq(err.msg, want);
	cr_assert_null(sets);
	cr_assert_eq(n, 7);
}

Test(flags, contradictions_are_told)
{
	check_refused(STEAL, LLC, "flag `llc` is excluded, but required");
	check_refused(REBAL | NO_CTRL, 0, "flags `no-ctrl` and `rebal` conflict: leave one out");
}

Test(flags, a_choice_is_checked)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_flags_check(&rules, STEAL, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "flag `steal` requires `llc`: add it");
	cr_assert_eq(ktstr_flags_check(&rules, BORROW | NO_CTRL, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "flags `no-ctrl` and `borrow` conflict: leave one out");
	cr_assert_eq(ktstr_flags_check(&rules, LLC | STEAL | BORROW, NULL), 0);
}

/* 2^32 sets are not gone through, and 2^10 are still given. */
Test(flags, too_many_are_refused_at_once, .timeout = 60)
{
	struct ktstr_flag_rule many[KTSTR_FLAGS_MAX];
	struct ktstr_flag_rules all = { many, KTSTR_FLAGS_MAX };
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t *sets = NULL;
	size_t n = 0;

	for (size_t i = 0; i < KTSTR_FLAGS_MAX; i++)
		many[i] = (struct ktstr_flag_rule){ .name = "x" };
	cr_assert_eq(ktstr_flags_enumerate(&all, 0, 0, &sets, &n, &err), -E2BIG);
	cr_assert_str_eq(err.msg, "more than 1024 valid sets of these 32 flags; require or exclude "
			 "some");
	cr_assert_eq(ktstr_flags_enumerate(&all, 0, ~UINT32_C(0) << 10, &sets, &n, NULL), 0);
	cr_assert_eq(n, 1024);
	cr_assert_eq(sets[1023], 1023);
	free(sets);
}

/* ---- names ---- */

Test(flags, names_are_read_back)
{
	static const struct { const char *text; uint32_t set; } rows[] = {
		{ "default", 0 }, { "llc", LLC }, { "no-ctrl,llc", LLC | NO_CTRL },
		{ "llc+steal", LLC | STEAL },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		uint32_t set = 99;

		cr_assert_eq(ktstr_flags_parse(&rules, rows[i].text, &set, NULL), 0);
		cr_assert_eq(set, rows[i].set, "%s", rows[i].text);
	}
}

Test(flags, wrong_names_are_told)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "llc,stael", "no flag `stael` (known: llc, borrow, steal, rebal, no-ctrl)" },
		{ "llc,", "no flag `` (known: llc, borrow, steal, rebal, no-ctrl)" },
		{ "", "no flag `` (known: llc, borrow, steal, rebal, no-ctrl)" },
		{ "llc+llc", "flag `llc` stands here twice" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		uint32_t set = 99;

		cr_assert_eq(ktstr_flags_parse(&rules, rows[i].text, &set, &err), -EINVAL);
		cr_assert_str_eq(err.msg, rows[i].want);
		cr_assert_eq(set, 99);
	}
}
