/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict where a test says what it expects: checks, and failures that are meant. */
#include "check/expect.h"
#include "made-journal.h"
#include "run/run.h"

struct run {
	struct made made;
	struct ktstr_expect expect;
	bool attached, kvm;
	const char *error;		/* the scheduler's last words */
	const char *outcome, *text;	/* of DONE; NULL: the guest never said it */
	bool interrupted;
	const struct made_worker *workers;	/* ended by one without cgroup */
};

static void put_text(struct made *m, enum ktstr_rec type, const char *key, const char *text,
		     const char *key2, const char *text2)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, key, text);
	if (key2)
		ktstr_put_str(&b, key2, text2);
	made_record(m, type, SEC, &b);
}

static void put_flag(struct made *m, enum ktstr_rec type, const char *key, bool value)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_bool(&b, key, value);
	made_record(m, type, SEC, &b);
}

static void put_expect(struct run *r)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_expect_put(&r->expect, &b);
	made_record(&r->made, KTSTR_REC_EXPECT, 0, &b);
}

static void put_end(struct run *r)
{
	struct ktstr_buf b = { 0 };

	if (r->interrupted) {
		ktstr_put_begin(&b);
		ktstr_put_u64(&b, "signal", 2);
		made_record(&r->made, KTSTR_REC_INTERRUPT, 3 * SEC, &b);
	}
	if (r->outcome)
		put_text(&r->made, KTSTR_REC_DONE, "outcome", r->outcome, "text", r->text);
	put_text(&r->made, KTSTR_REC_VM_END, "how", "stopped", NULL, NULL);
	put_text(&r->made, KTSTR_REC_RUN_END, "x", NULL, NULL, NULL);
}

static void make(struct run *r)
{
	char line[256];

	made_head(&r->made);
	put_text(&r->made, KTSTR_REC_RUN, "test", "t", "scheduler", "scx_foo");
	put_expect(r);
	put_text(&r->made, KTSTR_REC_VMM, "accel", r->kvm ? "kvm" : "tcg", NULL, NULL);
	put_flag(&r->made, KTSTR_REC_SCHED_STATE, "attached", r->attached);
	made_step(&r->made, SEC, 1, 1, NULL, "begin", 1);
	for (const struct made_worker *w = r->workers; w && w->cgroup; w++)
		made_worker(&r->made, 3 * SEC, w);
	made_step(&r->made, 3 * SEC, 1, 1, NULL, "end", 1);
	if (r->error) {
		put_text(&r->made, KTSTR_REC_KMSG, "text",
			 "sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)", NULL, NULL);
		snprintf(line, sizeof(line), "sched_ext: foo: %s", r->error);
		put_text(&r->made, KTSTR_REC_KMSG, "text", line, NULL, NULL);
	}
	put_end(r);
}

static void check(struct run *r, enum ktstr_outcome outcome, enum ktstr_cause cause,
		  const char *reason)
{
	struct ktstr_verdict *v;

	make(r);
	cr_assert_eq(ktstr_verdict_create(made_open(&r->made), &v, NULL), 0);
	cr_assert_eq(v->outcome, outcome, "outcome %d: %s", v->outcome, v->reason);
	cr_assert_eq(v->cause, cause, "cause %d: %s", v->cause, v->reason);
	cr_assert_str_eq(v->reason, reason);
	ktstr_verdict_destroy(v);
	made_free(&r->made);
}

static struct run ran(void)
{
	struct run r = { .attached = true, .outcome = "ran" };

	ktstr_expect_defaults(&r.expect);
	return r;
}

static struct run crashed(const char *error)
{
	struct run r = ran();

	r.error = error;
	r.outcome = "scheduler-died";
	return r;
}

static const struct made_worker good[] = {
	{ .cgroup = "a", .workload = "w", .pid = 7, .iterations = 10, .wall_ns = 2 * SEC,
	  .cpu_ns = SEC, .gap_ns = 5 * SEC }, { 0 } };
static const struct made_worker starved[] = {
	{ .cgroup = "a", .workload = "w", .pid = 7, .wall_ns = 2 * SEC }, { 0 } };

#define STARVED "starvation of w in a: 1 of 1 workers did nothing, 0 iterations with 0.0 ms of CPU " \
		"time, at least 1 (worker 7)"

/* ---- checks ---- */

/* The gap is beyond the default limit, but this machine is emulated and nobody asked. */
Test(expected, defaults_of_time_do_not_decide_in_an_emulated_machine)
{
	struct run r = ran();

	r.workers = good;
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
}

Test(expected, what_was_asked_for_has_no_result_there)
{
	struct run r = ran();

	r.workers = good;
	r.expect.asked[KTSTR_CHECK_GAP] = true;
	check(&r, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_CHECK, "check without result (gap cannot be "
	      "judged: the machine is emulated (tcg); it would have failed (gap of w in a: 5 s, at most "
	      "2 s (worker 7 in step 1)))");
}

Test(expected, starvation_decides_by_default)
{
	struct run r = ran();

	r.workers = starved;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_CHECK, "check failed (" STARVED ")");
}

/* In a step of two seconds: it is the worker's own time that counts, where it is told. */
Test(expected, nobody_starves_in_a_moment)
{
	static const struct made_worker brief[] = {
		{ .cgroup = "a", .workload = "w", .pid = 7, .open_ns = SEC / 20 }, { 0 } };
	static const struct made_worker long_enough[] = {
		{ .cgroup = "a", .workload = "w", .pid = 7, .open_ns = SEC }, { 0 } };
	struct run r = ran();

	r.workers = brief;
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
	r.workers = long_enough;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_CHECK, "check failed (" STARVED ")");
}

/* A failure is worth more than a check that has no result. */
Test(expected, a_failed_check_comes_first)
{
	struct run r = ran();

	r.workers = starved;
	r.expect.asked[KTSTR_CHECK_GAP] = true;
	r.expect.values[KTSTR_CHECK_MIN_WORK] = (struct ktstr_value){ .set = true, .u64 = 1 };
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_CHECK, "check failed (" STARVED "; and 1 more)");
}

Test(expected, a_scenario_that_was_cut_short_is_not_checked)
{
	struct run r = crashed("bad things");

	r.workers = starved;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR,
	      "scheduler error (scx_bpf_error: bad things)");
}

Test(expected, a_journal_that_says_nothing_of_checks_has_none)
{
	struct run r = ran();

	memset(&r.expect, 0, sizeof(r.expect));
	r.workers = starved;
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
}

/* ---- failures that are meant ---- */

static void expect_error(struct run *r, const char *pattern)
{
	r->expect.fails = KTSTR_CAUSE_SCHED_ERROR;
	strcpy(r->expect.pattern, pattern);
}

Test(expected, the_failure_passes)
{
	struct run r = crashed("bad things");

	expect_error(&r, "");
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_SCHED_ERROR,
	      "as expected, scheduler error (scx_bpf_error: bad things)");
	r = crashed("bad things");
	expect_error(&r, "scx_bpf_error*things");
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_SCHED_ERROR,
	      "as expected, scheduler error (scx_bpf_error: bad things)");
}

Test(expected, the_same_kind_of_another_bug_fails)
{
	struct run r = crashed("other things");

	expect_error(&r, "bad things");
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR,
	      "expected to fail by scheduler-error with \"bad things\", but scheduler error "
	      "(scx_bpf_error: other things)");
}

Test(expected, another_failure_fails)
{
	struct run r = crashed("bad things");

	r.expect.fails = KTSTR_CAUSE_SCHED_STALL;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR, "expected to fail by scheduler-stall, but "
	      "scheduler error (scx_bpf_error: bad things)");
}

Test(expected, a_pass_fails)
{
	struct run r = ran();

	expect_error(&r, "");
	r.workers = good;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_CHECK, "expected to fail by scheduler-error, but the "
	      "scenario ran to its end and passed");
}

/* The scheduler never ran: nothing of what the test is about has happened. */
Test(expected, a_load_failure_fails)
{
	struct run r = ran();

	r.attached = false;
	r.outcome = "failed";
	expect_error(&r, "");
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_NOT_ATTACHED, "expected to fail by "
	      "scheduler-error, but scheduler did not attach (no reason was given)");
}

Test(expected, ctrl_c_is_neither)
{
	struct run r = ran();

	expect_error(&r, "");
	r.interrupted = true;
	check(&r, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_INTERRUPTED, "interrupted by Ctrl-C");
}

Test(expected, a_check_can_be_meant_to_fail)
{
	struct run r = ran();

	r.expect.fails = KTSTR_CAUSE_CHECK;
	strcpy(r.expect.pattern, "starvation of w in a");
	r.workers = starved;
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_CHECK, "as expected, check failed (" STARVED ")");
}

Test(expected, the_check_that_is_meant_need_not_be_the_first)
{
	struct run r = ran();

	r.expect.fails = KTSTR_CAUSE_CHECK;
	strcpy(r.expect.pattern, "min-work of w in a");
	r.expect.values[KTSTR_CHECK_MIN_WORK] = (struct ktstr_value){ .set = true, .u64 = 1 };
	r.workers = starved;
	check(&r, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_CHECK,
	      "as expected, check failed (" STARVED "; and 1 more)");
	r = ran();
	r.expect.fails = KTSTR_CAUSE_CHECK;
	strcpy(r.expect.pattern, "min-work of w in a");
	r.workers = starved;
	check(&r, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_CHECK, "expected to fail by check with \"min-work of w "
	      "in a\", but check failed (" STARVED ")");
}

/* ---- skipped ---- */

Test(expected, what_cannot_run_is_skipped)
{
	struct run r = ran();

	expect_error(&r, "");
	r.outcome = "skipped";
	r.text = "workload x cannot run in this guest: no y";
	check(&r, KTSTR_OUTCOME_SKIP, KTSTR_CAUSE_SCENARIO,
	      "workload x cannot run in this guest: no y");
}
