/* SPDX-License-Identifier: GPL-2.0-only */
/* Each workload plugin against a fake worker, and the engine's way of loading them. */
#include "workload-test.h"

#include "agent/workloads.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "plugin/registry.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct fake_worker fake;

/* Runs `n` iterations with these settings; asks for the end after that many times. */
static void iterate(const char *name, const char *settings, unsigned asks_until_stop, int n)
{
	const struct ktstr_plugin *plugin = workload_load(name);
	const struct ktstr_workload_ops *ops = plugin->ops;
	struct ktstr_value values[WORKLOAD_VALUES];
	struct ktstr_workload *w = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	fake_worker_init(&fake);
	fake.asks_until_stop = asks_until_stop;
	workload_values(plugin, settings, values);
	cr_assert_eq(ops->create(&fake.worker, values, &w, &err), 0, "%s", err.msg);
	for (int i = 0; i < n; i++)
		cr_assert_eq(ops->iterate(w, &fake.worker, &err), 0, "%s", err.msg);
	ops->destroy(w);
	ops->destroy(NULL);
}

Test(workload, cpu_spin_asks_whether_the_step_is_over)
{
	iterate("cpu-spin", "loops=40960", UINT32_MAX, 1);
	cr_assert_eq(fake.asks, 10);
	iterate("cpu-spin", "loops=40960", 2, 1);
	cr_assert_eq(fake.asks, 3, "it goes on no longer than it may");
	cr_assert_eq(fake.sleeps, 0);
}

Test(workload, yield_computes_between_yields)
{
	iterate("yield", "loops=1", UINT32_MAX, 5);
	cr_assert_eq(fake.asks, 5);
	iterate("yield", "loops=0", UINT32_MAX, 5);
	cr_assert_eq(fake.asks, 0, "no loops, no work");
	cr_assert_eq(fake.sleeps, 0);
}

Test(workload, bursty_sleeps_once_per_burst)
{
	/* the shortest burst: every slice is longer, so each iteration ends one */
	iterate("bursty", "burst=1us sleep=7us", UINT32_MAX, 4);
	cr_assert_eq(fake.slept_ns, 4 * 7000);
	cr_assert_str_eq(fake.metric, "bursts");
	cr_assert_eq(fake.value, 4);
	iterate("bursty", "burst=1h", UINT32_MAX, 4);
	cr_assert_eq(fake.sleeps, 0, "the burst is not over");
}

Test(workload, mixed_sleeps_now_and_then)
{
	iterate("mixed", "sleep-every=3 sleep=5us", UINT32_MAX, 10);
	cr_assert_eq(fake.sleeps, 3);
	cr_assert_eq(fake.slept_ns, 15000);
	iterate("mixed", "sleep-every=0", UINT32_MAX, 10);
	cr_assert_eq(fake.sleeps, 0);
}

Test(workload, io_sync_pauses_after_each_time)
{
	iterate("io-sync", "blocks=2 sleep=3us", UINT32_MAX, 4);
	cr_assert_eq(fake.slept_ns, 12000);
	iterate("io-sync", "sleep=0s", UINT32_MAX, 4);
	cr_assert_eq(fake.sleeps, 0);
}

Test(workload, cache_pressure_touches_every_stride)
{
	iterate("cache-pressure", "size=1M stride=64", UINT32_MAX, 1);
	cr_assert_eq(fake.asks, (1 << 20) / 64 / 4096);
	iterate("cache-pressure", "size=1M stride=4096", UINT32_MAX, 3);
	cr_assert_eq(fake.asks, 0);
}

Test(workload, timer_wake_asks_for_what_is_left_of_the_period)
{
	iterate("timer-wake", "period=1h loops=0", UINT32_MAX, 1);
	cr_assert_eq(fake.slept_ns, 3600000000000, "the first one is due a period from now");
	iterate("timer-wake", "period=1h loops=0", UINT32_MAX, 2);
	cr_assert_leq(fake.slept_ns, 3 * 3600000000000, "nobody slept, so it is two hours away");
	cr_assert_gt(fake.slept_ns, 2 * 3600000000000);
}

Test(workload, parameters_have_defaults_in_their_range)
{
	for (const char *const *name = workload_names(); *name; name++) {
		const struct ktstr_plugin *p = workload_load(*name);
		struct ktstr_value values[WORKLOAD_VALUES];

		cr_assert_eq(p->param_size, sizeof(struct ktstr_param));
		workload_values(p, "", values);
		for (uint32_t k = 0; k < p->n_params; k++) {
			cr_expect(p->params[k].def || p->params[k].optional, "%s: %s", p->name,
				  p->params[k].name);
			cr_expect(p->params[k].help);
		}
	}
}

Test(workload, group_sizes_follow_the_parameters)
{
	static const struct { const char *name, *settings; unsigned size; } groups[] = {
		{ "cpu-spin", "", 1 }, { "pipe-io", "", 2 }, { "cache-pipe", "", 2 },
		{ "futex-ping-pong", "", 2 }, { "socket-pair", "", 2 },
		{ "futex-fan-out", "", 5 }, { "futex-fan-out", "fan-out=9", 10 },
		{ "fan-out-compute", "fan-out=2", 3 }, { "wake-storm", "", 8 },
		{ "mutex-contention", "", 4 }, { "mutex-contention", "contenders=7", 7 },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const struct ktstr_plugin *p = workload_load(groups[i].name);
		struct ktstr_value values[WORKLOAD_VALUES];

		workload_values(p, groups[i].settings, values);
		cr_expect_eq(ktstr_workload_group(p->ops, values), groups[i].size, "%s",
			     groups[i].name);
	}
}

/* ---- the manual ---- */

static void put_row(struct ktstr_buf *b, const struct ktstr_param *param)
{
	char value[512];

	ktstr_param_describe(param, value, sizeof(value));
	ktstr_buf_printf(b, "| `%s` | %s | %s%s%s | %s |\n", param->name, value,
			 param->def ? "`" : "", param->def ? param->def : "none",
			 param->def ? "`" : "", param->help);
}

/* Every workload has its heading and, behind some words, its table. */
Test(manual, has_the_parameters_of_every_workload)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/docs/workloads.md",
						   getenv("abs_top_srcdir"));
	_cleanup_buf_ struct ktstr_buf manual = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &manual, &err), 0, "%s", err.msg);
	ktstr_put_byte(&manual, 0);
	for (const char *const *name = workload_names(); *name; name++) {
		const struct ktstr_plugin *p = workload_load(*name);
		_cleanup_free_ char *heading = ktstr_asprintf("\n### %s\n", p->name);
		_cleanup_buf_ struct ktstr_buf table = { 0 };
		const char *found = strstr((char *)manual.data, heading), *end, *at;

		cr_assert(found, "docs/workloads.md has no heading for %s", p->name);
		end = strstr(found + 1, "\n##");
		ktstr_buf_puts(&table, "| parameter | value | default | meaning |\n"
			       "| --- | --- | --- | --- |\n");
		for (uint32_t i = 0; i < p->n_params; i++)
			put_row(&table, &p->params[i]);
		ktstr_put_byte(&table, 0);
		at = strstr(found, (char *)table.data);
		cr_expect(at && (!end || at < end), "under %s there should be:\n%s", p->name,
			  (char *)table.data);
	}
}

/* ---- sequence ---- */

static int check_phases(const char *text, struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops = workload_load("sequence")->ops;
	struct ktstr_value value = { .set = true, .str = text };

	return ops->check(&value, err);
}

Test(sequence, takes_phases_with_a_duration_each)
{
	static const char *const good[] = {
		"spin 10ms", "spin 10ms, sleep 5ms, yield 2ms, io 3ms", " io  1us ,sleep 3600s ",
		"spin1ms,spin1ms", "run 5ms, timer 20ms, timer-absolute 20ms", "yield",
		"yield, yield 1ms", "3 * (run 1ms, sleep 2ms), spin 1ms", "2*(yield),2*( io 1us )",
		"1000000 * (yield)",
	};
	struct ktstr_err err = KTSTR_ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(check_phases(good[i], &err), 0, "%s: %s", good[i], err.msg);
}

Test(sequence, says_which_phase_is_none)
{
	static const struct { const char *text, *quoted; } bad[] = {
		{ "", "``" }, { "spin", "`spin`" }, { "spin 10", "`spin 10`" },
		{ "spin 10ms,", "``" }, { "spin 10ms,,io 1ms", "``" }, { "Spin 1ms", "`Spin 1ms`" },
		{ "sleep 1ms, dance 1s", "`dance 1s`" }, { "spin 0ms", "`spin 0ms`" },
		{ "spin -1ms", "`spin -1ms`" }, { "spin 1msx", "`spin 1msx`" },
		{ "spin 1m", "`spin 1m`" }, { "spin 3601s", "`spin 3601s`" },
		{ "spin 99999999999999999999s", "`spin 99999999999999999999s`" },
		{ "spin 1ms io 1ms", "`spin 1ms io 1ms`" },
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	char many[257 * 6 + 1] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(check_phases(bad[i].text, &err), -EINVAL, "%s", bad[i].text);
		cr_expect(!strncmp(err.msg, bad[i].quoted, strlen(bad[i].quoted)), "%s", err.msg);
		cr_expect(strstr(err.msg, "is no phase: write spin, sleep"), "%s", err.msg);
	}
	for (int i = 0; i < 257; i++)
		strcat(many, i ? ",yield" : "yield");
	cr_expect_eq(check_phases(many, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "more than 256 phases");
}

Test(sequence, says_which_group_is_none)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "3 (yield)", "`3 (yield` begins no group" }, { "3 * yield", "`3 * yield` begins" },
		{ "0 * (yield)", "`0 * (yield` begins" }, { "2000000*(yield)", "`2000000*(yield`" },
		{ "2 * (yield, 2 * (yield))", "`2 * (yield` begins no group" },
		{ "2 * (yield", "a `(` without its `)`" }, { "yield)", "a `)` without its `(`" },
		{ "2 * (yield) yield", "`yield` behind a `)`" }, { "2 * ()", "`` is no phase" },
		{ "2 * (yield,)", "`` is no phase" }, { "2 * (run)", "`run` is no phase" },
		{ "99999999999999999999 * (yield)", "`99999999999999999999 * (yield` begins" },
	};
	struct ktstr_err err = KTSTR_ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(check_phases(bad[i].text, &err), -EINVAL, "%s", bad[i].text);
		cr_expect(!strncmp(err.msg, bad[i].says, strlen(bad[i].says)), "%s: %s",
			  bad[i].text, err.msg);
	}
}

Test(sequence, a_group_is_done_as_often_as_it_says)
{
	iterate("sequence", "phases=3*(yield,yield),yield", UINT32_MAX, 6);
	cr_assert_str_eq(fake.metric, "");
	iterate("sequence", "phases=3*(yield,yield),yield", UINT32_MAX, 7);
	cr_assert_str_eq(fake.metric, "rounds");
	cr_assert_eq(fake.value, 1, "three times two, and one: a round");
	iterate("sequence", "phases=2*(yield,yield),yield", UINT32_MAX, 10);
	cr_assert_eq(fake.value, 2, "a group begins anew in the next round");
}

Test(sequence, one_that_is_done_rests)
{
	iterate("sequence", "phases=yield rounds=2 delay=5us", UINT32_MAX, 3);
	cr_assert_eq(fake.sleeps, 2, "the delay and the rest");
	cr_assert_eq(fake.slept_ns, 5000 + 3600000000000);
	cr_assert_eq(fake.value, 2);
}

Test(sequence, a_late_timer_does_not_sleep)
{
	iterate("sequence", "phases=spin200us,timer1us", UINT32_MAX, 5000);
	cr_assert_eq(fake.sleeps, 0);
	cr_assert_gt(fake.value, 0, "overruns and rounds");
	iterate("sequence", "phases=yield,timer3600s", UINT32_MAX, 2);
	cr_assert_eq(fake.sleeps, 1);
	cr_assert_leq(fake.slept_ns, 3600000000000);
}

Test(sequence, its_name_is_the_role)
{
	const struct ktstr_workload_ops *ops = workload_load("sequence")->ops;
	struct ktstr_value values[WORKLOAD_VALUES];

	workload_values(workload_load("sequence"), "name=web", values);
	cr_assert_str_eq(ops->role(values, 0), "web");
	workload_values(workload_load("sequence"), "", values);
	cr_assert_null(ops->role(values, 0));
}

Test(sequence, a_phase_lasts_its_time)
{
	iterate("sequence", "phases=sleep10ms", UINT32_MAX, 3);
	cr_assert_eq(fake.sleeps, 3, "the fake sleep takes no time, so the phase goes on");
	cr_assert_leq(fake.slept_ns, 30000000);
	iterate("sequence", "phases=spin1us,sleep1us", UINT32_MAX, 2);
	cr_assert_leq(fake.sleeps, 1);
}

/* ---- loading ---- */

static char *module(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/.libs/workload-%s.so", getenv("abs_top_builddir"), name);
	return path;
}

Test(workloads, are_loaded_once_and_checked)
{
	struct ktstr_value values[2] = { { .set = true, .u64 = 5 } };
	struct ktstr_guest_workers w = {
		.module = module("cpu-spin"), .plugin = "cpu-spin", .count = 2, .values = values,
		.n_values = 1,
	};
	const struct ktstr_workload_ops *first = NULL, *second = NULL;
	struct ktstr_workloads set = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_workloads_get(&set, &w, &first, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), 0, "%s", err.msg);
	cr_assert_eq(first, second);
	cr_assert_eq(set.modules.n, 1);
	cr_assert_eq(ktstr_workload_group(first, values), 1);
	w.n_values = 2;
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "workload cpu-spin takes 1 parameters, the plan has 2");
	w.plugin = "other";
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), -ENOENT);
	cr_assert(strstr(err.msg, "has no workload named other"), "%s", err.msg);
	ktstr_workloads_deinit(&set);
}

static unsigned group_of(const struct ktstr_value *values)
{
	return (unsigned)values[0].u64;
}

static size_t shared_bytes(const struct ktstr_value *values)
{
	return values[1].u64;
}

Test(workloads, groups_share_whole_pages)
{
	struct ktstr_value values[] = { { .u64 = 1 }, { .u64 = 5000 } };
	struct ktstr_workload_ops ops = { .size = sizeof(ops), .group_size = group_of };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	cr_assert_eq(ktstr_workload_shared(&ops, values), 0, "alone, and nothing said");
	values[0].u64 = 2;
	cr_assert_eq(ktstr_workload_shared(&ops, values), page);
	ops.shared_bytes = shared_bytes;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 2 * page);
	values[0].u64 = 1;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 2 * page, "alone, and it wants some");
	values[1].u64 = 0;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 0);
	ops.size = offsetof(struct ktstr_workload_ops, shared_bytes);
	values[0].u64 = 3;
	cr_assert_eq(ktstr_workload_shared(&ops, values), page, "the op is not in the table");
}

Test(workloads, a_file_that_is_no_module_is_refused)
{
	struct ktstr_guest_workers w = { .module = "/nonexistent/x.so", .plugin = "x", .count = 1 };
	struct ktstr_workloads set = { 0 };
	const struct ktstr_workload_ops *found;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_workloads_get(&set, &w, &found, &err), -ELIBACC);
	cr_assert(strstr(err.msg, "/nonexistent/x.so"), "%s", err.msg);
	w.module = "libz.so.1";
	cr_assert_eq(ktstr_workloads_get(&set, &w, &found, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "libz.so.1 exports no ktstr_module");
	ktstr_workloads_deinit(&set);
}
