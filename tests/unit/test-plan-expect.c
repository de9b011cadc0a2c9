/* SPDX-License-Identifier: GPL-2.0-only */
/* `expect` in a pipeline file, and docs/checks.md, which says what the table of checks says. */
#include "plan-fixture.h"

#define SCENARIO "scenario: {duration: 1s}\n"

static struct ktstr_expect read_good(const char *text)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *whole = ktstr_asprintf(SCENARIO "%s", text);
	struct ktstr_plan *plan = fixture_plan(registry, "t.yaml", whole);
	struct ktstr_expect e = plan->expect;

	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
	return e;
}

static void read_bad(const char *text, const char *want)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *whole = ktstr_asprintf(SCENARIO "%s", text);
	_cleanup_free_ char *got = fixture_problems(registry, "f", whole, strlen(whole));

	cr_assert_str_eq(got, want);
	ktstr_registry_destroy(registry);
}

Test(plan_expect, left_out_it_is_the_defaults)
{
	struct ktstr_expect e = read_good(""), defaults;

	ktstr_expect_defaults(&defaults);
	cr_assert_eq(memcmp(&e, &defaults, sizeof(e)), 0);
}

Test(plan_expect, limits_lie_over_the_defaults)
{
	struct ktstr_expect e = read_good("expect:\n"
					  "  starvation: false\n"
					  "  isolation: true\n"
					  "  spread: 12.5%\n"
					  "  wake-p99: 5ms\n"
					  "  min-work: 100\n"
					  "  host-noise: 1%\n");

	cr_assert(e.asked[KTSTR_CHECK_STARVATION] && !e.values[KTSTR_CHECK_STARVATION].boolean);
	cr_assert(e.values[KTSTR_CHECK_ISOLATION].boolean);
	cr_assert_eq(e.values[KTSTR_CHECK_SPREAD].u64, 125000);
	cr_assert_eq(e.values[KTSTR_CHECK_WAKE_P99].u64, 5000000);
	cr_assert_eq(e.values[KTSTR_CHECK_MIN_WORK].u64, 100);
	cr_assert_eq(e.values[KTSTR_CHECK_HOST_NOISE].u64, 10000);
	cr_assert(e.values[KTSTR_CHECK_GAP].set, "a default stays");
	cr_assert_not(e.asked[KTSTR_CHECK_GAP]);
	cr_assert_not(e.values[KTSTR_CHECK_WAKE_CV].set);
	cr_assert_eq(e.fails, KTSTR_CAUSE_NONE);
}

Test(plan_expect, failures)
{
	struct ktstr_expect e = read_good("expect: {fails: scheduler-error}\n");

	cr_assert_eq(e.fails, KTSTR_CAUSE_SCHED_ERROR);
	cr_assert_str_empty(e.pattern);
	e = read_good("expect: {fails: {cause: scheduler-stall, pattern: \"a*b (c)\"}}\n");
	cr_assert_eq(e.fails, KTSTR_CAUSE_SCHED_STALL);
	cr_assert_str_eq(e.pattern, "a*b (c)");
}

Test(plan_expect, all_that_is_wrong_is_told)
{
	read_bad("expect: spread\n",
		 "f:2:9: expected a mapping of checks and their limits, or of `fails`, but this is "
		 "text\nf: 1 problem\n");
	read_bad("expect:\n"
		 "  sprea: 5%\n"
		 "  gap: 5\n"
		 "  spread: 101%\n"
		 "  throughput: 0\n"
		 "  isolation: maybe\n"
		 "  fails: {cause: sheduler-error, pattern: }\n",
		 "f:3:3: unknown key `sprea` here; did you mean `spread`? (known: fails, starvation, "
		 "min-work, isolation, spread, gap, wait, throughput, throughput-cv, iteration-rate, "
		 "wake-p99, wake-cv, migration-ratio, node-migration-ratio, page-locality, page-migration, host-noise)\n"
		 "f:4:8: `gap`: expected duration 0s..24h, not \"5\" (a number and its unit: 1h, 2m, 5s, "
		 "250ms, 10us, 100ns)\n"
		 "f:5:11: `spread`: expected percentage 0%..100%, not \"101%\"\n"
		 "f:6:15: `throughput`: expected unsigned integer at least 1 (iterations per second of "
		 "CPU time), not \"0\"\n"
		 "f:7:14: `isolation`: expected true or false, not \"maybe\"\n"
		 "f:8:18: `cause`: expected one of scheduler-error, scheduler-stall, scheduler-exit, "
		 "not-attached, panic, oops, lockup, rcu-stall, triple-fault, guest-reset, boot-hang, "
		 "timeout, check, monitor, not \"sheduler-error\"; did you mean \"scheduler-error\"?\n"
		 "f:8:43: `pattern` has no value; expected text\n"
		 "f: 7 problems\n");
	read_bad("expect: {fails: {pattern: x}}\n",
		 "f:2:17: `cause` is missing here (what is to end the run); expected one of "
		 "scheduler-error, scheduler-stall, scheduler-exit, not-attached, panic, oops, lockup, "
		 "rcu-stall, triple-fault, guest-reset, boot-hang, timeout, check, "
		 "monitor\nf: 1 problem\n");
}

Test(plan_expect, a_pattern_fits_into_the_journal)
{
	char text[400] = "expect: {fails: {cause: panic, pattern: ";
	size_t at = strlen(text);

	memset(text + at, 'x', 256);
	strcpy(text + at + 256, "}}\n");
	read_bad(text, "f:2:41: a pattern has at most 255 bytes\nf: 1 problem\n");
	strcpy(text + at + 255, "}}\n");
	cr_assert_eq(strlen(read_good(text).pattern), 255);
}

/* ---- the manual ---- */

static char *table(void)
{
	struct ktstr_buf b = { 0 };
	char value[512];

	ktstr_buf_puts(&b, "\n| key | value | default | judges by | meaning |\n"
			   "| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++) {
		const struct ktstr_check *check = &ktstr_checks[i];
		const char *tick = check->param.def ? "`" : "";

		ktstr_param_describe(&check->param, value, sizeof(value));
		ktstr_buf_printf(&b, "| `%s` | %s | %s%s%s | %s | %s |\n", check->param.name, value,
				 tick, check->param.def ? check->param.def : "off", tick,
				 !check->evaluate ? "" : check->timing ? "times" : "counts",
				 check->param.help);
	}
	ktstr_buf_puts(&b, "\n");
	return ktstr_buf_steal_str(&b);
}

Test(checks_manual, its_table_is_that_of_the_checks)
{
	_cleanup_free_ char *manual = fixture_manual("checks.md"), *want = table();

	cr_assert(strstr(manual, want), "docs/checks.md should have:\n%s", want);
}

Test(checks_manual, names_every_failure)
{
	_cleanup_free_ char *manual = fixture_manual("checks.md");

	for (size_t i = 0; ktstr_failure_names[i]; i++) {
		_cleanup_free_ char *row = ktstr_asprintf("\n| `%s` | ", ktstr_failure_names[i]);

		cr_assert(strstr(manual, row), "docs/checks.md says nothing of %s",
			  ktstr_failure_names[i]);
	}
}

Test(checks_manual, its_examples_are_fine)
{
	fixture_examples("checks.md", 2);
}
