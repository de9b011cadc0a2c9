/* SPDX-License-Identifier: GPL-2.0-only */
/* Every workload as the engine runs it: worker processes, their groups, their telemetry. */
#include "workload-test.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct workload_run run;

/* What makes an iteration short, where the defaults are for long steps. */
static const struct {
	const char *name, *settings;
	unsigned groups;
} cases[] = {
	{ "cpu-spin", "loops=100", 2 },
	{ "yield", "", 2 },
	{ "bursty", "burst=1ms sleep=100us", 2 },
	{ "mixed", "sleep-every=4 sleep=100us", 2 },
	{ "io-sync", "", 2 },
	{ "pipe-io", "", 2 },
	{ "futex-ping-pong", "", 2 },
	{ "cache-pressure", "", 2 },
	{ "cache-yield", "", 2 },
	{ "cache-pipe", "", 2 },
	{ "futex-fan-out", "", 2 },
	{ "fan-out-compute", "footprint=16K", 2 },
	{ "sequence", "phases=spin1ms,sleep1ms,yield1ms,io1ms", 2 },
	{ "fork-exit", "", 2 },
	{ "nice-sweep", "", 2 },
	{ "affinity-churn", "", 2 },
	{ "policy-churn", "", 2 },
	{ "page-fault-churn", "touches=16", 2 },
	{ "mutex-contention", "", 2 },
	{ "wake-storm", "period=1ms", 2 },
	{ "timer-wake", "", 2 },
	{ "rt-hog", "burst=1ms sleep=1ms", 1 },
	{ "mem-bandwidth", "size=1M", 2 },
	{ "socket-pair", "", 2 },
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static bool can_run(const struct ktstr_plugin *plugin, const char *settings)
{
	struct ktstr_value values[WORKLOAD_VALUES];
	int (*available)(const struct ktstr_value *, struct ktstr_err *) =
		KTSTR_OP(plugin->ops, struct ktstr_workload_ops, available);

	workload_values(plugin, settings, values);
	return !available || !available(values, NULL);
}

static const char *settings_of(const char *name)
{
	for (size_t i = 0; i < N_CASES; i++)
		if (!strcmp(cases[i].name, name))
			return cases[i].settings;
	cr_assert_fail("no case for workload %s", name);
	return NULL;
}

Test(run, every_workload_works_and_ends, .timeout = 600)
{
	for (size_t i = 0; i < N_CASES; i++) {
		const char *const *name = workload_names();

		while (*name && strcmp(*name, cases[i].name))
			name++;
		if (!*name || !can_run(workload_load(*name), cases[i].settings))
			continue;
		workload_run(&run, cases[i].name, cases[i].settings, cases[i].groups, 50);
		for (unsigned k = 0; k < run.count; k++) {
			cr_expect_gt(run.slots[k].end.cpu_ns, run.slots[k].base.cpu_ns, "%s",
				     cases[i].name);
			cr_expect_leq(run.slots[k].max_runnable_ns, run.slots[k].max_gap_ns);
		}
		workload_run_deinit(&run);
	}
}

Test(run, every_workload_has_a_case)
{
	for (const char *const *name = workload_names(); *name; name++)
		settings_of(*name);
}

/* Nothing of an iteration goes on once the step is over, whatever it was about to do. */
Test(run, an_iteration_after_the_end_is_short)
{
	static struct fake_worker fake;

	for (size_t i = 0; i < N_CASES; i++) {
		const struct ktstr_plugin *plugin;
		const struct ktstr_workload_ops *ops;
		struct ktstr_value values[WORKLOAD_VALUES];
		struct ktstr_workload *w = NULL;
		struct ktstr_err err = KTSTR_ERR_INIT;
		uint64_t cpu;

		if (!strcmp(cases[i].name, "socket-pair"))
			continue;	/* waits for its partner in create() */
		plugin = workload_load(cases[i].name);
		ops = plugin->ops;
		if (!can_run(plugin, ""))
			continue;
		fake_worker_init(&fake);
		workload_values(plugin, "", values);
		if (plugin->n_params && !strcmp(plugin->params[0].name, "loops"))
			values[0].u64 = 10000000;
		cr_assert_eq(ops->create(&fake.worker, values, &w, &err), 0, "%s", err.msg);
		fake.asks_until_stop = 0;
		cpu = ktstr_worker_cpu_ns();
		cr_expect_eq(ops->iterate(w, &fake.worker, &err), 0, "%s: %s", plugin->name,
			     err.msg);
		cr_expect_lt(ktstr_worker_cpu_ns() - cpu, 1000000000, "%s", plugin->name);
		ops->destroy(w);
		ops->destroy(NULL);
	}
}

/* ---- what they say of themselves ---- */

Test(run, pairs_wake_each_other)
{
	static const char *const names[] = { "futex-ping-pong", "pipe-io", "cache-pipe",
					     "socket-pair" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		workload_run(&run, names[i], settings_of(names[i]), 1, 200);
		for (unsigned k = 0; k < 2; k++) {
			const struct ktstr_slot *s = &run.slots[k];

			cr_expect_gt(s->wake.count, 0, "%s", names[i]);
			cr_expect_gt(s->block_ns, 0, "%s", names[i]);
			cr_expect_leq(s->wake.count, s->iterations + 1, "%s", names[i]);
			cr_expect_lt(s->block_ns + s->wake.sum_ns, s->end_ns - s->begin_ns, "%s",
				     names[i]);
		}
		workload_run_deinit(&run);
	}
}

Test(run, roles_are_kept_apart)
{
	static const struct { const char *name, *first, *rest; } roles[] = {
		{ "futex-fan-out", "messenger", "receiver" },
		{ "fan-out-compute", "messenger", "receiver" },
		{ "wake-storm", "waker", "herd" },
		{ "socket-pair", "server", "client" },
	};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		workload_run(&run, roles[i].name, settings_of(roles[i].name), 1, 5);
		cr_expect_str_eq(run.slots[0].role, roles[i].first);
		for (unsigned k = 1; k < run.count; k++)
			cr_expect_str_eq(run.slots[k].role, roles[i].rest);
		workload_run_deinit(&run);
	}
}

Test(run, rounds_of_a_fan_out_have_everybody)
{
	uint64_t rounds;

	workload_run(&run, "futex-fan-out", "fan-out=5 loops=10", 1, 100);
	rounds = run.slots[0].iterations;
	cr_assert_eq(run.count, 6);
	for (unsigned k = 1; k < run.count; k++) {
		/* each has had the round that was cut short, or not, and may have ended in the
		 * next */
		cr_expect_geq(run.slots[k].iterations, rounds - 1);
		cr_expect_leq(run.slots[k].iterations, rounds + 1);
	}
	workload_run_deinit(&run);
}

Test(run, a_storm_counts_those_who_were_not_there)
{
	workload_run(&run, "wake-storm", "herd=3 period=10us loops=100000", 1, 30);
	for (unsigned k = 1; k < run.count; k++)
		cr_expect_gt(workload_metric(&run.slots[k], "missed"), 0);
	workload_run_deinit(&run);
}

Test(run, a_period_that_is_too_short_is_overrun)
{
	workload_run(&run, "timer-wake", "period=20us loops=100000", 1, 30);
	cr_expect_gt(workload_metric(&run.slots[0], "overruns"), 0);
	workload_run_deinit(&run);
	workload_run(&run, "timer-wake", "period=2ms loops=1", 1, 30);
	cr_expect_geq(run.slots[0].wake.count, 30);
	cr_expect_geq(run.slots[0].end_ns - run.slots[0].begin_ns, 29 * 2000000);
	workload_run_deinit(&run);
}

Test(run, contenders_wait_for_each_other)
{
	workload_run(&run, "mutex-contention", "contenders=4 hold-loops=20000 loops=0", 1, 200);
	for (unsigned k = 0; k < run.count; k++)
		cr_expect_gt(workload_metric(&run.slots[k], "waits"), 0);
	workload_run_deinit(&run);
}

Test(run, children_are_not_the_workers_own_time)
{
	const struct ktstr_slot *s = &run.slots[0];

	workload_run(&run, "fork-exit", "loops=1000000", 1, 10);
	s = &run.slots[0];
	cr_expect_gt(s->block_ns, s->end.cpu_ns - s->base.cpu_ns, "it waits more than it works");
	workload_run_deinit(&run);
}

Test(run, nice_and_policy_go_through_all_that_they_may_have)
{
	workload_run(&run, "nice-sweep", "loops=1", 1, 100);
	cr_expect_eq(workload_metric(&run.slots[0], "lowest-nice"), geteuid() ? 0 : -20);
	workload_run_deinit(&run);
	workload_run(&run, "policy-churn", "loops=1", 1, 100);
	cr_expect_geq(workload_metric(&run.slots[0], "policies"), 3);
	workload_run_deinit(&run);
}

Test(run, affinity_churn_sees_its_cpus)
{
	const struct ktstr_slot *s;

	workload_run(&run, "affinity-churn", "loops=100", 1, 200);
	s = &run.slots[0];
	cr_expect_eq(s->cpu_changes > 0, sysconf(_SC_NPROCESSORS_ONLN) > 1);
	if (s->base.have_migrations && s->end.have_migrations)
		cr_expect_geq(s->end.migrations - s->base.migrations, s->cpu_changes,
			      "the kernel has seen every move that the worker has");
	workload_run_deinit(&run);
}

Test(run, what_was_moved_and_done_is_counted)
{
	workload_run(&run, "mem-bandwidth", "size=96K", 1, 10);
	cr_expect_geq(workload_metric(&run.slots[0], "moved"), 10 * 96 * 1024);
	workload_run_deinit(&run);
	workload_run(&run, "sequence", "phases=spin1us,sleep100us", 1, 20);
	cr_expect_geq(workload_metric(&run.slots[0], "rounds"), 1);
	cr_expect_gt(run.slots[0].sleep_ns, 0);
	workload_run_deinit(&run);
	workload_run(&run, "sequence", "phases=run10us,timer50us", 1, 20);
	cr_expect_geq(run.slots[0].end.cpu_ns - run.slots[0].base.cpu_ns, 10000 *
		      workload_metric(&run.slots[0], "rounds"), "CPU time is what `run` counts");
	workload_run_deinit(&run);
}
