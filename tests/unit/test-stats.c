/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of made-up journals, against numbers worked out by hand. */
#include <ktstr/histogram.h>

#include "check/stats.h"
#include "made-journal.h"

#include <math.h>

struct fixture {
	struct made made;
	struct ktstr_stats *stats;
};

static const struct ktstr_stats *compute(struct fixture *f)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_stats_create(made_open(&f->made), &f->stats, &err), 0, "%s", err.msg);
	return f->stats;
}

static void drop(struct fixture *f)
{
	ktstr_stats_destroy(f->stats);
	made_free(&f->made);
}

static void near(double got, double want)
{
	cr_assert(fabs(got - want) < 1e-6, "%g, not %g", got, want);
}

static void named(struct ktstr_str got, const char *want)
{
	cr_assert(ktstr_str_is(got, want), "%.*s, not %s", KTSTR_STR_ARG(got), want);
}

Test(stats, nobody_reported)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	s = compute(&f);
	cr_assert_eq(s->n_workers + s->n_cgroups + s->n_groups + s->n_phases, 0);
	cr_assert_eq(s->all->workers, 0);
	near(s->all->spread, KTSTR_STATS_NONE);
	near(s->all->rate, KTSTR_STATS_NONE);
	drop(&f);
}

/* cg_10: a 60 %, b 90 % of what they wanted. cg_2: one that never slept, one that always did. */
static void two_cgroups(struct made *m)
{
	made_head(m);
	made_step(m, 1 * SEC, 1, 1, NULL, "begin", 4);
	made_worker(m, 3 * SEC, &(struct made_worker){
		.cgroup = "cg_10", .workload = "spin", .pid = 1, .iterations = 600,
		.wall_ns = 2 * SEC, .cpu_ns = 600 * MS, .run_delay_ns = 400 * MS, .migrations = 3,
		.gap_ns = 5 * MS, .cpus = "012" });
	made_worker(m, 3 * SEC, &(struct made_worker){
		.cgroup = "cg_2", .workload = "spin", .pid = 2, .iterations = 100,
		.wall_ns = 2 * SEC, .cpu_ns = 1 * SEC, .gap_ns = 9 * MS, .cpus = "3" });
	made_worker(m, 3 * SEC, &(struct made_worker){
		.cgroup = "cg_10", .workload = "spin", .pid = 3, .iterations = 1800,
		.wall_ns = 2 * SEC, .cpu_ns = 900 * MS, .run_delay_ns = 100 * MS, .migrations = 4,
		.gap_ns = 2 * MS, .cpus = "2" });
	made_worker(m, 3 * SEC, &(struct made_worker){
		.cgroup = "cg_2", .workload = "nap", .pid = 4, .wall_ns = 2 * SEC, .cpus = "3",
		.killed = true });
	made_step(m, 3 * SEC, 1, 1, NULL, "end", 4);
}

Test(stats, a_cgroup_is_found_by_its_name)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	two_cgroups(&f.made);
	s = compute(&f);
	cr_assert_eq(s->n_cgroups, 2);
	named(s->cgroups[0]->cgroup, "cg_2");
	named(s->cgroups[1]->cgroup, "cg_10");
	named(s->cgroups[1]->workload, "spin");
	cr_assert_eq(s->cgroups[1]->workers, 2);
	cr_assert_eq(s->cgroups[1]->cpus, 3);
	cr_assert_eq(s->cgroups[1]->migrations, 7);
	cr_assert_eq(s->cgroups[1]->iterations, 2400);
	cr_assert_eq(s->cgroups[1]->gap_ns, 5 * MS);
	cr_assert_eq(s->cgroups[1]->gap_pid, 1);
	cr_assert_eq(s->cgroups[1]->gap_step, 1);
	near(s->cgroups[1]->spread, 30);
	near(s->cgroups[1]->share_min, 60);
	cr_assert_eq(s->cgroups[1]->share_min_pid, 1);
	cr_assert_eq(s->cgroups[1]->share_max_pid, 3);
	cr_assert_eq(s->all->workers, 4);
	cr_assert_eq(s->all->cpus, 4);
	cr_assert_eq(s->all->unfinished, 1);
	near(s->all->spread, 30);
	named(s->all->cgroup, "");
	drop(&f);
}

Test(stats, rates)
{
	struct fixture f = { 0 };
	const struct ktstr_stats_set *g;

	two_cgroups(&f.made);
	g = compute(&f)->groups[2];
	named(g->cgroup, "cg_10");
	near(g->rate, 1200);
	near(g->rate_min, 300);
	cr_assert_eq(g->rate_min_pid, 1);
	near(g->cpu_rate, 1600);
	near(g->cpu_rate_cv, 100.0 / 3);	/* 1000 and 2000: deviation 500 of 1500 */
	drop(&f);
}

Test(stats, who_does_something_else_is_not_compared)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	two_cgroups(&f.made);
	s = compute(&f);
	cr_assert_eq(s->n_groups, 3);
	named(s->groups[0]->workload, "nap");
	cr_assert_eq(s->groups[0]->idle, 1);
	near(s->groups[0]->spread, KTSTR_STATS_NONE);
	near(s->cgroups[0]->spread, KTSTR_STATS_NONE);
	named(s->cgroups[0]->workload, "");
	near(s->groups[0]->cpu_rate, KTSTR_STATS_NONE);
	drop(&f);
}

/* 50 % and 60 % in the first step, 90 % and 97 % in the second: nobody was treated worse by more
 * than 10. */
Test(stats, who_worked_at_another_time_is_not_compared)
{
	static const uint64_t cpu[] = { 50, 90, 60, 97 };
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	made_step(&f.made, 1 * SEC, 1, 2, NULL, "begin", 2);
	made_step(&f.made, 2 * SEC, 2, 2, NULL, "begin", 2);
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t step = 1 + i % 2;

		made_worker(&f.made, 3 * SEC, &(struct made_worker){
			.cgroup = "a", .workload = "w", .pid = i, .step = &step, .cpu_ns = cpu[i],
			.run_delay_ns = 100 - cpu[i], .iterations = cpu[i] * step });
	}
	s = compute(&f);
	cr_assert_eq(s->n_groups, 1);
	near(s->groups[0]->spread, 10);
	cr_assert_eq(s->groups[0]->spread_step, 1);
	cr_assert_eq(s->groups[0]->share_min_pid, 0);
	cr_assert_eq(s->groups[0]->share_max_pid, 2);
	near(s->groups[0]->cpu_rate_cv, 0);
	drop(&f);
}

Test(stats, roles_are_groups)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	for (uint64_t i = 0; i < 4; i++)
		made_worker(&f.made, SEC, &(struct made_worker){
			.cgroup = "a", .workload = "fan", .role = i % 2 ? "messenger" : "receiver",
			.pid = i + 1, .iterations = 1, .wall_ns = SEC, .cpu_ns = SEC,
			.run_delay_ns = i % 2 ? SEC : 0 });
	s = compute(&f);
	cr_assert_eq(s->n_groups, 2);
	named(s->groups[0]->role, "messenger");
	named(s->groups[1]->role, "receiver");
	near(s->cgroups[0]->spread, 0);
	drop(&f);
}

Test(stats, wakes_of_a_group_are_one_distribution)
{
	static const uint64_t quick[] = { 10, 10, 10, 10, 10, 10, 10, 10, 10, 0 };
	static const uint64_t slow[] = { 50, 0 };
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	made_worker(&f.made, SEC, &(struct made_worker){ .cgroup = "a", .workload = "w", .pid = 1,
							 .wakes = quick });
	made_worker(&f.made, SEC, &(struct made_worker){ .cgroup = "a", .workload = "w", .pid = 2,
							 .wakes = slow });
	s = compute(&f);
	cr_assert_eq(s->groups[0]->wakes, 10);
	cr_assert_eq(s->groups[0]->wake_p50_ns, 10);
	cr_assert_eq(s->groups[0]->wake_p99_ns, 50);
	cr_assert_eq(s->groups[0]->wake_max_ns, 50);
	near(s->groups[0]->wake_cv, 1200.0 / 14);	/* mean 14, deviation 12 */
	drop(&f);
}

Test(stats, phases)
{
	static const uint64_t none = 0, first = 1;
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	made_step(&f.made, 1 * SEC, 1, 2, "calm", "begin", 1);
	made_worker(&f.made, 3 * SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .pid = 1, .iterations = 10, .wall_ns = 2 * SEC });
	made_step(&f.made, 3 * SEC, 1, 2, "calm", "end", 1);
	made_step(&f.made, 4 * SEC, 2, 2, "storm", "begin", 2);
	made_worker(&f.made, 5 * SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .pid = 2, .iterations = 30, .wall_ns = 1 * SEC });
	made_worker(&f.made, 5 * SEC, &(struct made_worker){	/* says itself which step it was of
								 * */
		.cgroup = "b", .workload = "w", .pid = 3, .iterations = 7, .wall_ns = 1 * SEC,
		.step = &first });
	made_worker(&f.made, 5 * SEC, &(struct made_worker){	/* worked in both */
		.cgroup = "c", .workload = "w", .pid = 4, .iterations = 9, .wall_ns = 1 * SEC,
		.step = &none });
	s = compute(&f);
	cr_assert_eq(s->n_phases, 2);
	named(s->phases[0]->name, "calm");
	cr_assert(s->phases[0]->ended);
	cr_assert_eq(s->phases[0]->end_ns - s->phases[0]->begin_ns, 2 * SEC);
	cr_assert_eq(s->phases[0]->n_groups, 2);
	near(s->phases[0]->groups[0]->rate, 5);
	cr_assert_not(s->phases[1]->ended);
	cr_assert_eq(s->phases[1]->end_ns, 5 * SEC);
	cr_assert_eq(s->phases[1]->n_groups, 1);
	near(s->phases[1]->all->rate, 30);
	near(s->phases[1]->rate, 30);
	cr_assert_eq(s->n_groups, 3, "the whole run has each group once");
	cr_assert_eq(s->groups[0]->iterations, 40);
	drop(&f);
}

static void put_op(struct made *m, uint64_t step, bool ok)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "step", step);
	ktstr_put_bool(&b, "ok", ok);
	made_record(m, KTSTR_REC_OP, 2 * SEC, &b);
}

static void put_edge(struct made *m, uint64_t ns, const char *edge, uint64_t iterations)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", 1);
	ktstr_put_str(&b, "edge", edge);
	ktstr_put_u64(&b, "iterations", iterations);
	made_record(m, KTSTR_REC_STEP, ns, &b);
}

/* Those of the whole scenario work in a phase, too, and report only at its end. */
Test(stats, a_phase_has_the_work_of_all)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;

	made_head(&f.made);
	put_edge(&f.made, 1 * SEC, "begin", 100);
	put_op(&f.made, 1, true);
	put_op(&f.made, 1, false);
	put_op(&f.made, 7, true);
	put_edge(&f.made, 3 * SEC, "end", 400);
	s = compute(&f);
	near(s->phases[0]->rate, 150);
	cr_assert_eq(s->phases[0]->operations, 2);
	cr_assert_eq(s->phases[0]->failed_operations, 1);
	drop(&f);
}

/* What a guest wrote wrongly is not known, and nothing else happens. */
Test(stats, nonsense_is_not_taken)
{
	struct fixture f = { 0 };
	const struct ktstr_stats *s;
	struct ktstr_buf b = { 0 };

	made_head(&f.made);
	made_step(&f.made, SEC, 1, 1, NULL, "end", 0);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "iterations", "many");
	ktstr_put_u64(&b, "cgroup", 7);
	ktstr_put_u64(&b, "cpus", 3);
	ktstr_put_u64(&b, "step", UINT64_MAX);
	made_record(&f.made, KTSTR_REC_WORKER, SEC, &b);
	ktstr_put_begin(&b);
	ktstr_put_array(&b, "cpus");
	ktstr_put_u64(&b, NULL, KTSTR_STATS_CPUS);
	ktstr_put_u64(&b, NULL, UINT64_MAX);
	ktstr_put_s64(&b, NULL, -1);
	ktstr_put_end(&b);
	made_record(&f.made, KTSTR_REC_WORKER, SEC, &b);
	s = compute(&f);
	cr_assert_eq(s->n_workers, 2);
	cr_assert_eq(s->all->iterations, 0);
	cr_assert_eq(s->all->cpus, 0);
	cr_assert_eq(s->n_phases, 0);
	cr_assert_eq(s->n_cgroups, 1);
	drop(&f);
}

Test(stats, lost_frames_are_counted)
{
	struct fixture f = { 0 };
	struct ktstr_buf b = { 0 };

	made_head(&f.made);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "source", "channel");
	ktstr_put_u64(&b, "count", 3);
	made_record(&f.made, KTSTR_REC_LOST, SEC, &b);
	cr_assert_eq(compute(&f)->lost, 3);
	drop(&f);
}

Test(stats, the_worker_with_the_least_memory_at_home_stands_for_its_group)
{
	static const uint64_t both[] = { 300, 100 }, second[] = { 0, 500 }, few[] = { 63, 0 };
	struct fixture f = { 0 };
	const struct ktstr_stats_set *g;

	made_head(&f.made);
	made_step(&f.made, 1 * SEC, 1, 1, NULL, "begin", 4);
	made_worker(&f.made, 3 * SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .pid = 1, .nodes = true, .node_changes = 2,
		.pages = second, .home = "1", .pages_migrated = 7 });
	made_worker(&f.made, 3 * SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .pid = 2, .nodes = true, .node_changes = 3,
		.pages = both, .home = "0" });
	made_worker(&f.made, 3 * SEC, &(struct made_worker){	/* anywhere will do */
		.cgroup = "a", .workload = "w", .pid = 3, .nodes = true, .pages = both });
	made_worker(&f.made, 3 * SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .pid = 4, .nodes = true, .pages = few,
		.home = "1" });
	g = compute(&f)->groups[0];
	cr_assert_eq(g->node_changes, 5);
	cr_assert_eq(g->pages, 1363);
	cr_assert_eq(g->pages_migrated, 7);
	near(g->locality, 75);
	cr_assert_eq(g->locality_pid, 2);
	cr_assert_eq(g->locality_step, 1);
	cr_assert_eq(g->locality_pages, 400);
	cr_assert_eq(g->locality_home_pages, 300);
	drop(&f);
}

Test(stats, a_machine_with_one_node_tells_nothing_of_nodes)
{
	struct fixture f = { 0 };
	const struct ktstr_stats_set *g;

	two_cgroups(&f.made);
	g = compute(&f)->groups[2];
	cr_assert_not(g->has_node_changes);
	cr_assert_not(g->has_pages_migrated);
	near(g->locality, KTSTR_STATS_NONE);
	drop(&f);
}

/* A guest that names a node twice, or one that has no pages, gains nothing by it. */
Test(stats, a_home_counts_once)
{
	static const uint64_t both[] = { 300, 100 };
	struct fixture f = { 0 };

	made_head(&f.made);
	made_worker(&f.made, SEC, &(struct made_worker){
		.cgroup = "a", .workload = "w", .nodes = true, .pages = both, .home = "1197" });
	near(compute(&f)->groups[0]->locality, 25);
	drop(&f);
}
