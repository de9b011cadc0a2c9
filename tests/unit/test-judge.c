/* SPDX-License-Identifier: GPL-2.0-only */
/* Each check on workers that pass it and on workers that fail it, and when times are not judged. */
#include <ktstr/histogram.h>

#include "base/text.h"
#include "check/judge.h"
#include "check/stats.h"
#include "made-journal.h"

#include <ktstr/text.h>

/* ---- the cases: two workers of group w in cgroup a, each for 2 s ---- */

static const uint64_t quick[] = { 1000, 1000, 1000, 1000, 0 };
static const uint64_t on_both[] = { 90, 10 }, on_second[] = { 0, 100 }, on_first[] = { 100, 0 };
static const uint64_t late[] = { 1000, 1000, 1000, 90000000, 0 };

#define WORKER .cgroup = "a", .workload = "w", .wall_ns = 2 * SEC

static const struct {
	enum ktstr_check_id id;
	struct ktstr_value limit;
	struct made_worker good[2], bad[2];
	const char *cpuset;
	const char *text;		/* of the bad ones */
} cases[] = {
	{ KTSTR_CHECK_STARVATION, { .set = true, .boolean = true },
	  { { WORKER, .pid = 1, .iterations = 1 }, { WORKER, .pid = 2, .iterations = 5 } },
	  { { WORKER, .pid = 1, .iterations = 1 }, { WORKER, .pid = 2, .cpu_ns = 3 * MS } }, NULL,
	  "starvation of w in a: 1 of 2 workers did nothing, 0 iterations with 3.0 ms of CPU time, at "
	  "least 1 (worker 2)" },
	{ KTSTR_CHECK_MIN_WORK, { .set = true, .u64 = 10 },
	  { { WORKER, .pid = 1, .iterations = 10 }, { WORKER, .pid = 2, .iterations = 11 } },
	  { { WORKER, .pid = 1, .iterations = 10 }, { WORKER, .pid = 2, .iterations = 9 } }, NULL,
	  "min-work of w in a: 9 iterations, at least 10 (1 of 2 workers did less: worker 2)" },
	{ KTSTR_CHECK_ISOLATION, { .set = true, .boolean = true },
	  { { WORKER, .pid = 1, .cpus = "01" }, { WORKER, .pid = 2, .cpus = "3" } },
	  { { WORKER, .pid = 1, .cpus = "012" }, { WORKER, .pid = 2, .cpus = "4567" } }, "0-1,3",
	  "isolation of w in a: ran on CPU 2 outside of its cpuset 0-1,3 (2 of 2 workers: worker 1, "
	  "2)" },
	{ KTSTR_CHECK_SPREAD, { .set = true, .u64 = 150000 },
	  { { WORKER, .pid = 1, .cpu_ns = 100, .run_delay_ns = 100 },
	    { WORKER, .pid = 2, .cpu_ns = 130, .run_delay_ns = 70 } },
	  { { WORKER, .pid = 1, .cpu_ns = 100, .run_delay_ns = 100 },
	    { WORKER, .pid = 2, .cpu_ns = 180, .run_delay_ns = 20 } }, NULL,
	  "spread of w in a: 40.0 %, at most 15 % (of the time that it wanted to run in step 1, worker "
	  "1 got 50.0 %, worker 2 90.0 %)" },
	{ KTSTR_CHECK_GAP, { .set = true, .u64 = 2 * SEC },
	  { { WORKER, .pid = 1, .gap_ns = 2 * SEC }, { WORKER, .pid = 2, .gap_ns = 1 } },
	  { { WORKER, .pid = 1, .gap_ns = 2 * SEC }, { WORKER, .pid = 2, .gap_ns = 2500 * MS } }, NULL,
	  "gap of w in a: 2.5 s, at most 2 s (worker 2 in step 1)" },
	{ KTSTR_CHECK_WAIT, { .set = true, .u64 = 100 * MS },
	  { { WORKER, .pid = 1, .wait_ns = 100 * MS }, { WORKER, .pid = 2 } },
	  { { WORKER, .pid = 1, .wait_ns = 140 * MS }, { WORKER, .pid = 2 } }, NULL,
	  "wait of w in a: 140 ms, at most 100 ms (worker 1 in step 1)" },
	{ KTSTR_CHECK_THROUGHPUT, { .set = true, .u64 = 1000 },
	  { { WORKER, .pid = 1, .iterations = 500, .cpu_ns = 500 * MS }, { WORKER, .pid = 2 } },
	  { { WORKER, .pid = 1, .iterations = 499, .cpu_ns = 500 * MS }, { WORKER, .pid = 2 } }, NULL,
	  "throughput of w in a: 998.0, at least 1000 (499 iterations in 500.0 ms of CPU time)" },
	{ KTSTR_CHECK_THROUGHPUT_CV, { .set = true, .u64 = 250000 },
	  { { WORKER, .pid = 1, .iterations = 100, .cpu_ns = SEC },
	    { WORKER, .pid = 2, .iterations = 150, .cpu_ns = SEC } },
	  { { WORKER, .pid = 1, .iterations = 100, .cpu_ns = SEC },
	    { WORKER, .pid = 2, .iterations = 300, .cpu_ns = SEC } }, NULL,
	  "throughput-cv of w in a: 50.0 %, at most 25 % (2 workers)" },
	{ KTSTR_CHECK_ITERATION_RATE, { .set = true, .u64 = 10 },
	  { { WORKER, .pid = 1, .iterations = 20 }, { WORKER, .pid = 2, .iterations = 30 } },
	  { { WORKER, .pid = 1, .iterations = 19 }, { WORKER, .pid = 2, .iterations = 30 } }, NULL,
	  "iteration-rate of w in a: 9.5, at least 10 (iterations per second of worker 1 "
	  "in step 1)" },
	{ KTSTR_CHECK_WAKE_P99, { .set = true, .u64 = 50 * MS },
	  { { WORKER, .pid = 1, .wakes = quick }, { WORKER, .pid = 2, .wakes = quick } },
	  { { WORKER, .pid = 1, .wakes = quick }, { WORKER, .pid = 2, .wakes = late } }, NULL,
	  "wake-p99 of w in a: 90 ms, at most 50 ms (8 wake-ups, the longest took 90000.0 us)" },
	{ KTSTR_CHECK_WAKE_CV, { .set = true, .u64 = 1000000 },
	  { { WORKER, .pid = 1, .wakes = quick }, { WORKER, .pid = 2, .wakes = quick } },
	  { { WORKER, .pid = 1, .wakes = quick }, { WORKER, .pid = 2, .wakes = late } }, NULL,
	  "wake-cv of w in a: 26" /* 264.5 %, up to the width of a bucket */ },
	{ KTSTR_CHECK_MIGRATION_RATIO, { .set = true, .u64 = 100000 },
	  { { WORKER, .pid = 1, .iterations = 60, .migrations = 6 },
	    { WORKER, .pid = 2, .iterations = 40, .migrations = 4 } },
	  { { WORKER, .pid = 1, .iterations = 60, .migrations = 6 },
	    { WORKER, .pid = 2, .iterations = 40, .migrations = 5 } }, NULL,
	  "migration-ratio of w in a: 11.0 %, at most 10 % (11 migrations in 100 iterations)" },
	{ KTSTR_CHECK_NODE_MIGRATION_RATIO, { .set = true, .u64 = 100000 },
	  { { WORKER, .pid = 1, .iterations = 60, .nodes = true, .node_changes = 10 },
	    { WORKER, .pid = 2, .iterations = 40, .nodes = true } },
	  { { WORKER, .pid = 1, .iterations = 60, .nodes = true, .node_changes = 10 },
	    { WORKER, .pid = 2, .iterations = 40, .nodes = true, .node_changes = 2 } }, NULL,
	  "node-migration-ratio of w in a: 12.0 %, at most 10 % (12 of 100 iterations ended on another "
	  "node than the one before)" },
	{ KTSTR_CHECK_PAGE_LOCALITY, { .set = true, .u64 = 900000 },
	  { { WORKER, .pid = 1, .nodes = true, .pages = on_both, .home = "0" },
	    { WORKER, .pid = 2, .nodes = true, .pages = on_second, .home = "1" } },
	  { { WORKER, .pid = 1, .nodes = true, .pages = on_first, .home = "0" },
	    { WORKER, .pid = 2, .nodes = true, .pages = on_both, .home = "1" } }, NULL,
	  "page-locality of w in a: 10.0 %, at least 90 % (10 of 100 pages of worker 2 in step 1)" },
	{ KTSTR_CHECK_PAGE_MIGRATION, { .set = true, .u64 = 500000 },
	  { { WORKER, .pid = 1, .nodes = true, .pages = on_both, .pages_migrated = 80 },
	    { WORKER, .pid = 2, .nodes = true, .pages = on_second } },
	  { { WORKER, .pid = 1, .nodes = true, .pages = on_both, .pages_migrated = 80 },
	    { WORKER, .pid = 2, .nodes = true, .pages = on_first, .pages_migrated = 40 } }, NULL,
	  "page-migration of w in a: 60.0 %, at most 50 % (120 pages were moved to another node, 200 "
	  "there are)" },
};

/* ---- judging ---- */

struct judged {
	struct made made;
	struct ktstr_stats *stats;
	struct ktstr_findings findings;
};

static void put_cgroup(struct made *m, uint64_t ns, const char *name, const char *cpuset)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", name);
	ktstr_put_str(&b, "cpuset", cpuset);
	made_record(m, KTSTR_REC_CGROUP, ns, &b);
}

static void judge(struct judged *j, const struct ktstr_expect *expect,
		  const struct ktstr_conditions *conditions)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_stats_create(made_open(&j->made), &j->stats, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_judge(expect, j->stats, conditions, &j->findings, &err), 0);
}

static void drop(struct judged *j)
{
	ktstr_findings_deinit(&j->findings);
	ktstr_stats_destroy(j->stats);
	made_free(&j->made);
}

/* A host that disturbed nobody: the thread ran for 1 s of 1 s, and waited for `waited_ns`. */
static struct ktstr_conditions calm(uint64_t waited_ns)
{
	return (struct ktstr_conditions){
		.n = 1, .threads = { { 7, { 0, SEC }, { 0, waited_ns } } }, .end_ns = SEC,
	};
}

static struct ktstr_expect only(enum ktstr_check_id id, const struct ktstr_value *limit, bool asked)
{
	struct ktstr_expect e = { .fails = KTSTR_CAUSE_NONE };

	e.values[id] = *limit;
	e.asked[id] = asked;
	e.values[KTSTR_CHECK_HOST_NOISE] = (struct ktstr_value){ .set = true, .u64 = 50000 };
	return e;
}

static void put_two(struct judged *j, const struct made_worker *workers, const char *cpuset)
{
	made_head(&j->made);
	made_step(&j->made, SEC, 1, 1, NULL, "begin", 2);
	if (cpuset)
		put_cgroup(&j->made, SEC, "a", cpuset);
	for (int i = 0; i < 2; i++)
		made_worker(&j->made, 3 * SEC, &workers[i]);
	made_step(&j->made, 3 * SEC, 1, 1, NULL, "end", 2);
}

/* The only finding of a case. */
static void expect_one(size_t i, bool bad, bool asked, const struct ktstr_conditions *conditions,
		       enum ktstr_outcome outcome, const char *text)
{
	const char *name = ktstr_checks[cases[i].id].param.name;
	struct ktstr_expect e = only(cases[i].id, &cases[i].limit, asked);
	struct judged j = { 0 };
	const struct ktstr_finding *f;

	put_two(&j, bad ? cases[i].bad : cases[i].good, cases[i].cpuset);
	judge(&j, &e, conditions);
	cr_assert_eq(j.findings.list.n, 1, "%s: %zu findings", name, j.findings.list.n);
	f = j.findings.list.items[0];
	cr_assert_eq(f->outcome, outcome, "%s: outcome %d: %s", name, f->outcome, f->text);
	cr_assert_str_eq(f->check, name);
	cr_assert_eq(f->asked, asked);
	cr_assert(!strncmp(f->text, text, strlen(text)), "%s: %s", name, f->text);
	drop(&j);
}

Test(judge, every_check_has_workers_that_pass_it_and_workers_that_fail_it)
{
	struct ktstr_conditions c = calm(0);
	bool seen[KTSTR_CHECK_COUNT] = { [KTSTR_CHECK_HOST_NOISE] = true };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cases); i++) {
		expect_one(i, false, true, &c, KTSTR_OUTCOME_PASS, "");
		expect_one(i, true, true, &c, KTSTR_OUTCOME_FAIL, cases[i].text);
		seen[cases[i].id] = true;
	}
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		cr_assert(seen[i], "%s is not tried", ktstr_checks[i].param.name);
}

/* ---- when times are not judged ---- */

static void expect_unjudged(const struct ktstr_conditions *conditions, const char *why)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cases); i++) {
		const struct ktstr_check *check = &ktstr_checks[cases[i].id];
		char good[256], bad[512];

		snprintf(good, sizeof(good), "%s cannot be judged: %s; it would have passed",
			 check->param.name, why);
		snprintf(bad, sizeof(bad), "%s cannot be judged: %s; it would have failed (%s",
			 check->param.name, why, cases[i].text);
		if (!check->timing) {
			expect_one(i, false, true, conditions, KTSTR_OUTCOME_PASS, "");
			expect_one(i, true, true, conditions, KTSTR_OUTCOME_FAIL, cases[i].text);
			continue;
		}
		expect_one(i, false, true, conditions, KTSTR_OUTCOME_INCONCLUSIVE, good);
		expect_one(i, true, true, conditions, KTSTR_OUTCOME_INCONCLUSIVE, bad);
		expect_one(i, true, false, conditions, KTSTR_OUTCOME_SKIP, bad);
	}
}

Test(judge, an_emulated_machine_decides_by_counts_only)
{
	struct ktstr_conditions c = calm(0);

	c.emulated = true;
	strcpy(c.accel, "tcg");
	expect_unjudged(&c, "the machine is emulated (tcg)");
}

Test(judge, a_noisy_host_decides_by_counts_only)
{
	struct ktstr_conditions c = calm(60 * MS);

	expect_unjudged(&c, "the host was too busy: a virtual CPU waited for 6.0 % of the time that it "
			    "ran, more than 5 %");
	c = calm(50 * MS);
	expect_one(3, true, true, &c, KTSTR_OUTCOME_FAIL, cases[3].text);
}

Test(judge, unmeasured_noise_is_not_taken_for_calm)
{
	struct ktstr_conditions c = { 0 };

	expect_unjudged(&c, "how much the host disturbed the machine is not known");
}

/* ---- conditions ---- */

static void put_noise(struct made *m, uint64_t ns, uint64_t on_cpu, uint64_t delay, uint64_t other)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_array(&b, "threads");
	for (uint64_t tid = 1; tid <= 2; tid++) {
		ktstr_put_map(&b, NULL);
		ktstr_put_u64(&b, "tid", tid);
		ktstr_put_u64(&b, "on_cpu_ns", tid == 1 ? on_cpu : other);
		ktstr_put_u64(&b, "run_delay_ns", tid == 1 ? delay : other);
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_HOST_NOISE, ns, &b);
}

static void put_vmm(struct made *m, const char *accel)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "accel", accel);
	made_record(m, KTSTR_REC_VMM, 0, &b);
}

static void read_conditions(struct made *m, struct ktstr_conditions *c)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	memset(c, 0, sizeof(*c));
	made_open(m);
	while (ktstr_journal_next(m->journal, &cursor, &rec))
		ktstr_conditions_add(c, &rec);
}

/* Only what came between the first and the last measurement counts, and not a thread that slept. */
Test(conditions, noise_is_that_of_the_worst_busy_thread)
{
	struct ktstr_conditions c;
	struct made m = { 0 };
	uint64_t noise = 0;

	made_head(&m);
	put_vmm(&m, "kvm");
	put_noise(&m, 1 * SEC, 5 * SEC, 9 * SEC, 0);
	put_noise(&m, 2 * SEC, 5500 * MS, 9010 * MS, 1 * MS);
	put_noise(&m, 3 * SEC, 6 * SEC, 9100 * MS, 2 * MS);
	read_conditions(&m, &c);
	cr_assert_not(c.emulated);
	cr_assert(ktstr_conditions_noise(&c, &noise));
	cr_assert_eq(noise, 100000, "%llu", (unsigned long long)noise);
	made_free(&m);
}

Test(conditions, once_is_not_enough)
{
	struct ktstr_conditions c;
	struct made m = { 0 };
	uint64_t noise;

	made_head(&m);
	put_noise(&m, 1 * SEC, 5 * SEC, 9 * SEC, 0);
	read_conditions(&m, &c);
	cr_assert_not(ktstr_conditions_noise(&c, &noise));
	made_free(&m);
}

/* Where the kernel does not count, everything is 0 all the time. */
Test(conditions, a_host_that_does_not_count_is_not_calm)
{
	struct ktstr_conditions c;
	struct made m = { 0 };
	uint64_t noise;

	made_head(&m);
	put_noise(&m, 1 * SEC, 0, 0, 0);
	put_noise(&m, 2 * SEC, 0, 0, 0);
	read_conditions(&m, &c);
	cr_assert_not(ktstr_conditions_noise(&c, &noise));
	made_free(&m);
}

Test(conditions, a_journal_without_the_word_emulated)
{
	struct ktstr_conditions c;
	struct made m = { 0 };

	made_head(&m);
	put_vmm(&m, "tcg");
	read_conditions(&m, &c);
	cr_assert(c.emulated);
	made_free(&m);
}

/* ---- evidence that is not there ---- */

static void expect_text(struct judged *j, const struct ktstr_expect *e, enum ktstr_outcome outcome,
			const char *text)
{
	struct ktstr_conditions c = calm(0);

	judge(j, e, &c);
	cr_assert_eq(j->findings.list.n, 1);
	cr_assert_eq(j->findings.list.items[0]->outcome, outcome);
	cr_assert_str_eq(j->findings.list.items[0]->text, text);
	drop(j);
}

Test(judge, nothing_measured_proves_nothing)
{
	static const struct ktstr_value limit = { .set = true, .u64 = MS };
	struct ktstr_expect e = only(KTSTR_CHECK_WAKE_P99, &limit, true);
	struct judged j = { 0 };

	put_two(&j, cases[0].good, NULL);
	expect_text(&j, &e, KTSTR_OUTCOME_INCONCLUSIVE,
		    "wake-p99 cannot be judged: no workers reported what it is about");
}

Test(judge, lost_records_prove_nothing)
{
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &cases[0].limit, false);
	struct judged j = { 0 };
	struct ktstr_buf b = { 0 };

	put_two(&j, cases[0].good, NULL);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "source", "channel");
	ktstr_put_u64(&b, "count", 2);
	made_record(&j.made, KTSTR_REC_LOST, 3 * SEC, &b);
	expect_text(&j, &e, KTSTR_OUTCOME_INCONCLUSIVE,
		    "starvation cannot be judged: 2 of the guest's records were lost");
}

Test(judge, a_step_that_was_over_at_once_starved_nobody)
{
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &cases[0].limit, false);
	struct judged j = { 0 };

	made_head(&j.made);
	made_step(&j.made, SEC, 1, 1, NULL, "begin", 1);
	made_worker(&j.made, SEC + MS, &(struct made_worker){ .cgroup = "a", .workload = "w" });
	made_step(&j.made, SEC + MS, 1, 1, NULL, "end", 1);
	expect_text(&j, &e, KTSTR_OUTCOME_SKIP,
		    "starvation cannot be judged: no workers reported what it is about");
}

Test(judge, who_got_the_cpu_and_is_slow_is_not_starved)
{
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &cases[0].limit, false);
	struct judged j = { 0 };

	made_head(&j.made);
	for (uint64_t i = 0; i < 2; i++)
		made_worker(&j.made, 2 * SEC, &(struct made_worker){
			WORKER, .pid = i, .iterations = i, .cpu_ns = 100 * MS });
	expect_text(&j, &e, KTSTR_OUTCOME_PASS, "");
}

/* A worker that never came to run has no time of its own: the step's counts. */
static void expect_starved(uint64_t open_ns, const struct ktstr_conditions *c, bool starved)
{
	const struct made_worker two[2] = {
		{ .cgroup = "a", .workload = "w", .pid = 1, .iterations = 9, .open_ns = open_ns },
		{ .cgroup = "a", .workload = "w", .pid = 2, .cpu_ns = 4 * MS, .open_ns = open_ns },
	};
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &cases[0].limit, true);
	struct judged j = { 0 };

	put_two(&j, two, NULL);
	judge(&j, &e, c);
	cr_assert_eq(j.findings.list.items[0]->outcome,
		     starved ? KTSTR_OUTCOME_FAIL : KTSTR_OUTCOME_PASS, "%llu ms",
		     (unsigned long long)(open_ns / MS));
	drop(&j);
}

/* What an emulated CPU, or one that stands still now and then, does in so little time nobody knows. */
Test(judge, a_slow_machine_takes_longer_to_starve_somebody)
{
	struct ktstr_conditions c = calm(0);

	expect_starved(99 * MS, &c, false);
	expect_starved(100 * MS, &c, true);
	c.emulated = true;
	expect_starved(999 * MS, &c, false);
	expect_starved(1000 * MS, &c, true);
	c = calm(3 * SEC);		/* it waited three times as long as it ran */
	expect_starved(3999 * MS, &c, false);
	expect_starved(4000 * MS, &c, true);
	memset(&c, 0, sizeof(c));	/* not known */
	expect_starved(999 * MS, &c, false);
	expect_starved(1000 * MS, &c, true);
}

Test(judge, who_never_began_is_starved)
{
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &cases[0].limit, false);
	struct judged j = { 0 };

	made_head(&j.made);
	made_step(&j.made, SEC, 1, 1, NULL, "begin", 5);
	for (uint64_t i = 1; i <= 5; i++)
		made_worker(&j.made, 2 * SEC,
			    &(struct made_worker){ .cgroup = "a", .workload = "w", .pid = i });
	made_step(&j.made, 2 * SEC, 1, 1, NULL, "end", 5);
	expect_text(&j, &e, KTSTR_OUTCOME_FAIL, "starvation of w in a: 5 of 5 workers did nothing, 0 "
		    "iterations with 0.0 ms of CPU time, at least 1 (worker 1, 2, 3 and 2 more)");
}

/* ---- cpusets over time ---- */

static void judge_moving(const char *first, const char *second, const char *ran_on,
			 enum ktstr_outcome outcome, const char *text)
{
	struct ktstr_expect e = only(KTSTR_CHECK_ISOLATION, &cases[2].limit, true);
	struct judged j = { 0 };

	made_head(&j.made);
	made_step(&j.made, SEC, 1, 1, NULL, "begin", 1);
	put_cgroup(&j.made, SEC, "a", "7");		/* that of somebody before */
	put_cgroup(&j.made, SEC, "a", first);
	put_cgroup(&j.made, 2 * SEC, "a", second);
	put_cgroup(&j.made, 2 * SEC, "other", "5");
	made_worker(&j.made, 3 * SEC, &(struct made_worker){ WORKER, .pid = 9, .cpus = ran_on });
	made_step(&j.made, 3 * SEC, 1, 1, NULL, "end", 1);
	expect_text(&j, &e, outcome, text);
}

Test(judge, a_cpuset_that_changes_allows_what_it_allowed_meanwhile)
{
	judge_moving("0-1", "2,3", "0123", KTSTR_OUTCOME_PASS, "");
	judge_moving("0-1", "2,3", "0124", KTSTR_OUTCOME_FAIL, "isolation of w in a: ran on CPU 4 outside "
		     "of its cpuset 0-3 (1 of 1 workers: worker 9)");
	judge_moving("0-1", "2,3", "7", KTSTR_OUTCOME_FAIL, "isolation of w in a: ran on CPU 7 outside of "
		     "its cpuset 0-3 (1 of 1 workers: worker 9)");
	judge_moving("0-1", NULL, "0124", KTSTR_OUTCOME_INCONCLUSIVE,
		     "isolation cannot be judged: no workers reported what it is about");
}

/* Its report comes late: what its time of 2 s is counted back from is not its end. */
Test(judge, a_late_report_does_not_make_a_late_begin)
{
	struct ktstr_expect e = only(KTSTR_CHECK_ISOLATION, &cases[2].limit, true);
	struct judged j = { 0 };

	made_head(&j.made);
	made_step(&j.made, SEC, 1, 1, NULL, "begin", 1);
	put_cgroup(&j.made, SEC, "a", "0");
	put_cgroup(&j.made, SEC + 20 * MS, "a", "1");
	made_step(&j.made, 3 * SEC, 1, 1, NULL, "end", 1);
	made_worker(&j.made, 3 * SEC + 50 * MS,
		    &(struct made_worker){ WORKER, .pid = 9, .cpus = "01" });
	expect_text(&j, &e, KTSTR_OUTCOME_PASS, "");
}

static void put_move(struct made *m, const char *from, const char *to)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "step", 1);
	ktstr_put_str(&b, "target", from);
	ktstr_put_str(&b, "to", to);
	made_record(m, KTSTR_REC_OP, 2 * SEC, &b);
}

/* A worker reports one cgroup: it may have been in a too, and whoever was in a in z. */
Test(judge, who_was_moved_may_have_run_where_it_was_before)
{
	static const char *const ran_on[] = { "1", "0", "3", "2" };
	struct ktstr_expect e = only(KTSTR_CHECK_ISOLATION, &cases[2].limit, true);
	struct judged j = { 0 };

	made_head(&j.made);
	made_step(&j.made, SEC, 1, 1, NULL, "begin", 4);
	put_cgroup(&j.made, SEC, "z", "3");
	put_cgroup(&j.made, SEC, "a", "0");
	put_cgroup(&j.made, SEC, "b", "1");
	put_cgroup(&j.made, SEC, "c", "2");
	put_move(&j.made, "z", "a");
	put_move(&j.made, "a", "b");
	put_move(&j.made, "b", "a");
	for (uint64_t i = 0; i < 4; i++)
		made_worker(&j.made, 3 * SEC, &(struct made_worker){
			.cgroup = "b", .workload = "w", .wall_ns = 2 * SEC, .pid = i,
			.cpus = ran_on[i] });
	made_step(&j.made, 3 * SEC, 1, 1, NULL, "end", 4);
	expect_text(&j, &e, KTSTR_OUTCOME_FAIL, "isolation of w in b: ran on CPU 2 outside of its cpuset "
		    "0-1,3 (1 of 4 workers: worker 3)");
}

Test(judge, a_check_that_is_off_is_not_made)
{
	static const struct ktstr_value off = { .set = true, .boolean = false };
	struct ktstr_expect e = only(KTSTR_CHECK_STARVATION, &off, true);
	struct ktstr_conditions c = calm(0);
	struct judged j = { 0 };

	put_two(&j, cases[0].bad, NULL);
	judge(&j, &e, &c);
	cr_assert_eq(j.findings.list.n, 0);
	drop(&j);
}

/* Neither is it inconclusive where times do not decide. */
Test(judge, a_limit_at_its_maximum_is_off)
{
	static const enum ktstr_check_id ids[] = { KTSTR_CHECK_SPREAD, KTSTR_CHECK_GAP };
	struct ktstr_conditions c = { .emulated = true };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(ids); i++) {
		struct ktstr_value limit = {
			.set = true, .u64 = (uint64_t)ktstr_checks[ids[i]].param.max,
		};
		struct ktstr_expect e = only(ids[i], &limit, true);
		struct judged j = { 0 };

		put_two(&j, cases[ids[i]].bad, NULL);
		judge(&j, &e, &c);
		cr_expect_eq(j.findings.list.n, 0, "%s", ktstr_checks[ids[i]].param.name);
		drop(&j);
	}
}

Test(judge, each_group_is_told)
{
	struct ktstr_expect e = only(KTSTR_CHECK_GAP, &(struct ktstr_value){ .set = true, .u64 = 1 }, true);
	struct ktstr_conditions c = calm(0);
	struct judged j = { 0 };

	made_head(&j.made);
	for (uint64_t i = 0; i < 3; i++)
		made_worker(&j.made, SEC, &(struct made_worker){
			.cgroup = i ? "b" : "a", .workload = "w", .role = i == 2 ? "boss" : NULL,
			.pid = i, .gap_ns = MS });
	judge(&j, &e, &c);
	cr_assert_eq(j.findings.list.n, 3);
	cr_assert_str_eq(j.findings.list.items[0]->text, "gap of w in a: 1 ms, at most 1 ns (worker 0)");
	cr_assert_str_eq(j.findings.list.items[2]->text,
			 "gap of w/boss in b: 1 ms, at most 1 ns (worker 2)");
	drop(&j);
}
