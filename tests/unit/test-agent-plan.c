/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/plan-decode.h"

#include "base/clock.h"

#include <criterion/criterion.h>

/* What a test changes in the plan below; zero is the good plan. */
struct spoil {
	bool no_plugin, no_module, empty_command, no_timeout, no_hold, text_as_step,
		number_as_argument;
	uint64_t count, entries;	/* 0: 4 workers, 1 entry */
	uint64_t slowness;		/* 0: not there */
};

static void put_params(struct ktstr_buf *b)
{
	ktstr_put_array(b, "params");
	ktstr_put_map(b, NULL);
	ktstr_put_bool(b, "set", true);
	ktstr_put_u64(b, "num", 50 * KTSTR_NSEC_PER_MSEC);
	ktstr_put_end(b);
	ktstr_put_map(b, NULL);
	ktstr_put_bool(b, "set", false);
	ktstr_put_u64(b, "num", 1);
	ktstr_put_str(b, "str", "fast");
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void put_step(struct ktstr_buf *b, const struct spoil *s)
{
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "name", "load");
	if (!s->no_hold)
		ktstr_put_u64(b, "hold_ns", 5 * KTSTR_NSEC_PER_SEC);
	ktstr_put_array(b, "cgroups");
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "name", "a");
	ktstr_put_array(b, "workers");
	for (uint64_t i = 0; i < (s->entries ? s->entries : 1); i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "module", s->no_module ? NULL : "/m/bursty.so");
		ktstr_put_str(b, "plugin", s->no_plugin ? NULL : "bursty");
		ktstr_put_u64(b, "count", s->count ? s->count : 4);
		put_params(b);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static int decode(const struct spoil *s, struct ktstr_guest_plan **plan, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };
	int ret;

	ktstr_put_begin(&b);
	ktstr_put_map(&b, "scheduler");
	ktstr_put_array(&b, "command");
	if (!s->empty_command)
		ktstr_put_str(&b, NULL, "/run/ktstr/bin/scx_x");
	if (s->number_as_argument)
		ktstr_put_u64(&b, NULL, 7);
	ktstr_put_end(&b);
	if (!s->no_timeout)
		ktstr_put_u64(&b, "attach_timeout_ns", 3);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "modules");
	ktstr_put_str(&b, NULL, "/m/a.ko");
	ktstr_put_end(&b);
	if (s->slowness)
		ktstr_put_u64(&b, "slowness", s->slowness);
	ktstr_put_bool(&b, "backtrace", true);
	ktstr_put_array(&b, "steps");
	if (s->text_as_step)
		ktstr_put_str(&b, NULL, "no step");
	put_step(&b, s);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ret = ktstr_guest_plan_decode(b.data, b.len, plan, err);
	ktstr_buf_free(&b);
	return ret;
}

Test(plan, arrives_whole)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct ktstr_guest_workers *w;

	cr_assert_eq(decode(&(struct spoil){ .slowness = 5, .entries = 2 }, &plan, &err), 0, "%s",
		     err.msg);
	cr_assert_str_eq(plan->command[0], "/run/ktstr/bin/scx_x");
	cr_assert_null(plan->command[1]);
	cr_assert_eq(plan->attach_timeout_ns, 3);
	cr_assert_str_eq(plan->modules[0], "/m/a.ko");
	cr_assert_null(plan->modules[1]);
	cr_assert_eq(plan->slowness, 5);
	cr_assert(plan->backtrace);
	cr_assert_eq(plan->n_steps, 1);
	cr_assert_str_eq(plan->steps[0].name, "load");
	cr_assert_eq(plan->steps[0].n_cgroups, 1);
	cr_assert_eq(plan->steps[0].cgroups[0].n_workers, 2);
	w = &plan->steps[0].cgroups[0].workers[1];
	cr_assert_str_eq(w->plugin, "bursty");
	cr_assert_str_eq(w->module, "/m/bursty.so");
	cr_assert_eq(w->n_values, 2);
	cr_assert(w->values[0].set);
	cr_assert_eq(w->values[0].u64, 50 * KTSTR_NSEC_PER_MSEC);
	cr_assert_not(w->values[1].set);
	cr_assert_str_eq(w->values[1].str, "fast");
	cr_assert_eq(ktstr_guest_step_workers(&plan->steps[0]), 8);
	cr_assert_eq(ktstr_guest_plan_hold_ns(plan), 5 * KTSTR_NSEC_PER_SEC);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, an_empty_one_has_no_scheduler_and_no_steps)
{
	static const uint8_t empty[] = { 0xbf, 0xff };
	struct ktstr_guest_plan *plan = NULL;

	cr_assert_eq(ktstr_guest_plan_decode(empty, sizeof(empty), &plan, NULL), 0);
	cr_assert_null(plan->command);
	cr_assert_null(plan->modules[0]);
	cr_assert_eq(plan->n_steps, 0);
	cr_assert_eq(plan->slowness, 1);
	ktstr_guest_plan_destroy(plan);
	ktstr_guest_plan_destroy(NULL);
}

Test(plan, says_what_is_missing)
{
	static const struct { struct spoil spoil; const char *text; } rows[] = {
		{ { .no_plugin = true }, "a workers entry has no usable \"plugin\"" },
		{ { .no_module = true }, "bursty has no usable \"module\"" },
		{ { .empty_command = true }, "the scheduler's command is empty" },
		{ { .no_timeout = true }, "no \"attach_timeout_ns\"" },
		{ { .no_hold = true }, "\"load\" does not say how long" },
		{ { .text_as_step = true }, "an item of \"steps\" is no map" },
		{ { .number_as_argument = true }, "an item of \"command\" is no text" },
		{ { .count = 4097 }, "bursty asks for 4097 workers, possible are 1 to 4096" },
		{ { .count = 4096, .entries = 2 }, "\"load\" asks for 8192 workers, at most 4096" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ktstr_guest_plan *plan = NULL;
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_expect_eq(decode(&rows[i].spoil, &plan, &err), -EINVAL, "%s", rows[i].text);
		cr_expect(strstr(err.msg, rows[i].text), "%s", err.msg);
		cr_expect_null(plan);
	}
}

Test(plan, bytes_that_are_no_map_are_refused)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_guest_plan_decode("garbage", 7, &plan, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "plan: the payload is no map of fields");
}

Test(plan, slowness_stays_in_bounds)
{
	struct ktstr_guest_plan *plan = NULL;

	cr_assert_eq(decode(&(struct spoil){ .slowness = 1000000 }, &plan, NULL), 0);
	cr_assert_eq(plan->slowness, 1000);
	ktstr_guest_plan_destroy(plan);
}
