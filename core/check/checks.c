/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/judge.h"

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ktstr/text.h>

/* A step that is shorter proves nothing about who came to run, and a slow machine takes longer. Who got
 * that much was not starved, but takes long for an iteration, as an emulated CPU does. */
#define FAIR_NS (100 * KTSTR_NSEC_PER_MSEC)
#define NAMED_MAX 3		/* workers of a group that are named */

/* ---- in words ---- */

static void append_duration(char *buf, size_t size, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } };
	size_t i = 0;

	while (i + 1 < KTSTR_ARRAY_SIZE(units) && ns < units[i].ns)
		i++;
	ktstr_append(buf, size, "%.4g %s", (double)ns / (double)units[i].ns, units[i].unit);
}

void ktstr_check_limit(const struct ktstr_check *check, const struct ktstr_value *limit, char *buf,
		       size_t size)
{
	*buf = '\0';
	if (check->param.type == KTSTR_PARAM_DURATION)
		append_duration(buf, size, limit->u64);
	else if (check->param.type == KTSTR_PARAM_PERCENT)
		ktstr_append(buf, size, "%.12g %%", (double)limit->u64 / 1e4);
	else if (check->param.type == KTSTR_PARAM_UINT)
		ktstr_append(buf, size, "%llu", (unsigned long long)limit->u64);
	else
		ktstr_append(buf, size, "%s", limit->boolean ? "true" : "false");
}

/* A measured number in the limit's unit, for people. */
static void append_value(const struct ktstr_check *check, double value, char *buf, size_t size)
{
	if (check->param.type == KTSTR_PARAM_DURATION)
		append_duration(buf, size, (uint64_t)value);
	else if (check->param.type == KTSTR_PARAM_PERCENT)
		ktstr_append(buf, size, "%.1f %%", value);
	else
		ktstr_append(buf, size, "%.1f", value);
}

/* ---- the numbers of a group ---- */

/* What is held against the limit: percent, ns or a plain number; below 0: nothing was measured. */
typedef double measure_fn(const struct ktstr_stats_set *group);
/* What else a reader wants to know of a group that is beyond it. */
typedef void detail_fn(const struct ktstr_stats_set *group, char *buf, size_t size);

static void each_group(struct ktstr_judging *j, measure_fn *measure, detail_fn *detail)
{
	const struct ktstr_check *check = j->check;
	double limit = check->param.type == KTSTR_PARAM_PERCENT ? (double)j->limit->u64 / 1e4
								: (double)j->limit->u64;
	char value[64], limit_text[64], more[192];

	ktstr_check_limit(check, j->limit, limit_text, sizeof(limit_text));
	for (size_t i = 0; i < j->stats->n_groups; i++) {
		const struct ktstr_stats_set *g = j->stats->groups[i];
		double x = measure(g);

		j->measured += x >= 0;
		if (x < 0 || (check->at_least ? x >= limit : x <= limit))
			continue;
		*value = *more = '\0';
		append_value(check, x, value, sizeof(value));
		detail(g, more, sizeof(more));
		ktstr_judging_violated(j, g, "%s, at %s %s (%s)", value,
				       check->at_least ? "least" : "most", limit_text, more);
	}
}

static double spread_of(const struct ktstr_stats_set *g) { return g->spread; }
static double gap_of(const struct ktstr_stats_set *g) { return (double)g->gap_ns; }
static double throughput_of(const struct ktstr_stats_set *g) { return g->cpu_rate; }
static double throughput_cv_of(const struct ktstr_stats_set *g) { return g->cpu_rate_cv; }
static double slowest_of(const struct ktstr_stats_set *g) { return g->rate_min; }
static double wake_cv_of(const struct ktstr_stats_set *g) { return g->wake_cv; }

static double wait_of(const struct ktstr_stats_set *g)
{
	return g->has_wait ? (double)g->wait_ns : KTSTR_STATS_NONE;
}

static double wake_p99_of(const struct ktstr_stats_set *g)
{
	return g->wakes ? (double)g->wake_p99_ns : KTSTR_STATS_NONE;
}

static double migrations_of(const struct ktstr_stats_set *g)
{
	return g->iterations ? 100 * (double)g->migrations / (double)g->iterations
			     : KTSTR_STATS_NONE;
}

static double locality_of(const struct ktstr_stats_set *g) { return g->locality; }

static double node_ratio_of(const struct ktstr_stats_set *g)
{
	return g->has_node_changes && g->iterations
		       ? 100 * (double)g->node_changes / (double)g->iterations
		       : KTSTR_STATS_NONE;
}

static double moved_of(const struct ktstr_stats_set *g)
{
	return g->has_pages_migrated && g->pages
		       ? 100 * (double)g->pages_migrated / (double)g->pages
		       : KTSTR_STATS_NONE;
}

/* "worker 7 in step 2" */
static void append_worker(char *buf, size_t size, uint64_t pid, uint64_t step)
{
	ktstr_append(buf, size, "worker %llu", (unsigned long long)pid);
	if (step)
		ktstr_append(buf, size, " in step %llu", (unsigned long long)step);
}

static void shares(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	ktstr_append(buf, size, "of the time that it wanted to run");
	if (g->spread_step)
		ktstr_append(buf, size, " in step %llu", (unsigned long long)g->spread_step);
	ktstr_append(buf, size, ", worker %llu got %.1f %%, worker %llu %.1f %%",
		     (unsigned long long)g->share_min_pid, g->share_min,
		     (unsigned long long)g->share_max_pid, g->share_max);
}

static void gap_worker(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	append_worker(buf, size, g->gap_pid, g->gap_step);
}

static void wait_worker(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	append_worker(buf, size, g->wait_pid, g->wait_step);
}

static void slowest_worker(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	ktstr_append(buf, size, "iterations per second of ");
	append_worker(buf, size, g->rate_min_pid, g->rate_min_step);
}

static void cpu_time(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu iterations in %.1f ms of CPU time",
		 (unsigned long long)g->iterations, (double)g->cpu_ns / 1e6);
}

static void workers(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu workers", (unsigned long long)g->workers);
}

static void wakes(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu wake-ups, the longest took %.1f us", (unsigned long long)g->wakes,
		 (double)g->wake_max_ns / 1e3);
}

static void migrations(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu migrations in %llu iterations", (unsigned long long)g->migrations,
		 (unsigned long long)g->iterations);
}

static void node_changes(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu of %llu iterations ended on another node than the one before",
		 (unsigned long long)g->node_changes, (unsigned long long)g->iterations);
}

static void home_pages(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	ktstr_append(buf, size, "%llu of %llu pages of ",
		     (unsigned long long)g->locality_home_pages,
		     (unsigned long long)g->locality_pages);
	append_worker(buf, size, g->locality_pid, g->locality_step);
}

static void moved_pages(const struct ktstr_stats_set *g, char *buf, size_t size)
{
	snprintf(buf, size, "%llu pages were moved to another node, %llu there are",
		 (unsigned long long)g->pages_migrated, (unsigned long long)g->pages);
}

static void spread(struct ktstr_judging *j) { each_group(j, spread_of, shares); }
static void gap(struct ktstr_judging *j) { each_group(j, gap_of, gap_worker); }
static void wait_for_cpu(struct ktstr_judging *j) { each_group(j, wait_of, wait_worker); }
static void throughput(struct ktstr_judging *j) { each_group(j, throughput_of, cpu_time); }
static void throughput_cv(struct ktstr_judging *j) { each_group(j, throughput_cv_of, workers); }
static void iteration_rate(struct ktstr_judging *j) { each_group(j, slowest_of, slowest_worker); }
static void wake_p99(struct ktstr_judging *j) { each_group(j, wake_p99_of, wakes); }
static void wake_cv(struct ktstr_judging *j) { each_group(j, wake_cv_of, wakes); }
static void migration_ratio(struct ktstr_judging *j) { each_group(j, migrations_of, migrations); }
static void node_ratio(struct ktstr_judging *j) { each_group(j, node_ratio_of, node_changes); }
static void page_locality(struct ktstr_judging *j) { each_group(j, locality_of, home_pages); }
static void page_migration(struct ktstr_judging *j) { each_group(j, moved_of, moved_pages); }

/* ---- what holds for each worker ---- */

/* What one worker has to do with a check: */
enum part {
	PART_NONE,	/* nothing: it could not be measured */
	PART_GOOD, PART_BAD,
};
typedef enum part part_fn(const struct ktstr_judging *j, const struct ktstr_stats_worker *w);

/* "worker 7, 8, 9" and how many more, of the bad ones. */
static void name_workers(const struct ktstr_judging *j, const struct ktstr_stats_worker *const *w,
			 size_t n, part_fn *part, char *buf, size_t size)
{
	size_t bad = 0;

	*buf = '\0';
	for (size_t i = 0; i < n; i++) {
		if (part(j, w[i]) != PART_BAD)
			continue;
		if (bad < NAMED_MAX)
			ktstr_append(buf, size, "%s%llu", bad ? ", " : "worker ",
				     (unsigned long long)w[i]->pid);
		bad++;
	}
	if (bad > NAMED_MAX)
		ktstr_append(buf, size, " and %zu more", bad - NAMED_MAX);
}

/* Sorts the workers of each group into parts and tells a group that has bad ones. */
static void each_worker(struct ktstr_judging *j, part_fn *part,
			void (*tell)(struct ktstr_judging *j, const struct ktstr_stats_set *g,
				     const struct ktstr_stats_worker *worst, size_t bad,
				     const char *names))
{
	const struct ktstr_stats_worker *const *w = j->stats->workers;

	for (size_t i = 0; i < j->stats->n_groups; i++) {
		const struct ktstr_stats_set *g = j->stats->groups[i];
		const struct ktstr_stats_worker *first = NULL;
		size_t bad = 0;
		char names[128];

		for (size_t k = 0; k < g->workers; k++) {
			enum part p = part(j, w[k]);

			j->measured += p != PART_NONE;
			bad += p == PART_BAD;
			first = p == PART_BAD && !first ? w[k] : first;
		}
		if (bad) {
			name_workers(j, w, g->workers, part, names, sizeof(names));
			tell(j, g, first, bad, names);
		}
		w += g->workers;
	}
}

/* Nobody can be blamed for a step, or a cgroup that an operation adds and removes, that was over at
 * once. A worker that never came to run has no time of its own; how long it was free to counts, and
 * in journals that do not tell, the time of its step, or of all steps. */
static bool had_time(const struct ktstr_judging *j, const struct ktstr_stats_worker *w)
{
	size_t first = w->phase < j->stats->n_phases ? w->phase : 0;
	size_t last = w->phase < j->stats->n_phases ? w->phase + 1 : j->stats->n_phases;
	double fair_ns = (double)FAIR_NS * j->slowness;
	uint64_t ns = w->wall_ns;

	if (ktstr_get_u64(&w->record, "open_ns", &ns))
		return (double)ns >= fair_ns;
	for (size_t i = first; i < last; i++)
		ns += j->stats->phases[i]->end_ns - j->stats->phases[i]->begin_ns;
	return (double)ns >= fair_ns;
}

static enum part starved(const struct ktstr_judging *j, const struct ktstr_stats_worker *w)
{
	if (w->iterations)
		return PART_GOOD;
	return w->cpu_ns < FAIR_NS && had_time(j, w) ? PART_BAD : PART_NONE;
}

static void tell_starved(struct ktstr_judging *j, const struct ktstr_stats_set *g,
			 const struct ktstr_stats_worker *worst, size_t bad, const char *names)
{
	ktstr_judging_violated(j, g, "%zu of %llu workers did nothing, 0 iterations with %.1f ms "
			       "of CPU time, at least 1 (%s)", bad, (unsigned long long)g->workers,
			       (double)worst->cpu_ns / 1e6, names);
}

static void starvation(struct ktstr_judging *j)
{
	each_worker(j, starved, tell_starved);
}

static enum part worked_too_little(const struct ktstr_judging *j,
				   const struct ktstr_stats_worker *w)
{
	return w->iterations < j->limit->u64 ? PART_BAD : PART_GOOD;
}

static void tell_min_work(struct ktstr_judging *j, const struct ktstr_stats_set *g,
			  const struct ktstr_stats_worker *worst, size_t bad, const char *names)
{
	ktstr_judging_violated(j, g, "%llu iterations, at least %llu (%zu of %llu workers did "
			       "less: %s)", (unsigned long long)worst->iterations,
			       (unsigned long long)j->limit->u64, bad,
			       (unsigned long long)g->workers, names);
}

static void min_work(struct ktstr_judging *j)
{
	each_worker(j, worked_too_little, tell_min_work);
}

static enum part left_cpuset(const struct ktstr_judging *j, const struct ktstr_stats_worker *w)
{
	(void)j;
	return !w->confined ? PART_NONE : w->outside ? PART_BAD : PART_GOOD;
}

static void tell_isolation(struct ktstr_judging *j, const struct ktstr_stats_set *g,
			   const struct ktstr_stats_worker *worst, size_t bad, const char *names)
{
	ktstr_judging_violated(j, g, "ran on CPU %s outside of its cpuset %s (%zu of %llu workers: "
			       "%s)", worst->outside, worst->confined, bad, (unsigned long long)g->workers,
			       names);
}

static void isolation(struct ktstr_judging *j)
{
	each_worker(j, left_cpuset, tell_isolation);
}

/* ---- the table ---- */

#define PERCENT_MAX 100000000	/* 10000%, beyond what makes sense */
#define HOUR_NS (3600ll * 1000000000)

const struct ktstr_check ktstr_checks[KTSTR_CHECK_COUNT] = {
	[KTSTR_CHECK_STARVATION] = {
		.param = { .name = "starvation", .type = KTSTR_PARAM_BOOL, .def = "true",
			   .optional = true,
			   .help = "in a step of 100 ms or more (longer where times do not decide), "
				   "every worker does at least one iteration, or gets 100 ms of CPU "
				   "time" },
		.evaluate = starvation,
	},
	[KTSTR_CHECK_MIN_WORK] = {
		.param = { .name = "min-work", .type = KTSTR_PARAM_UINT, .min = 1, .max = INT64_MAX,
			   .unit = "iterations", .optional = true,
			   .help = "what every worker does at least" },
		.at_least = true, .evaluate = min_work,
	},
	[KTSTR_CHECK_ISOLATION] = {
		.param = { .name = "isolation", .type = KTSTR_PARAM_BOOL, .optional = true,
			   .help = "no worker runs on a CPU outside of its cgroup's cpuset" },
		.evaluate = isolation,
	},
	[KTSTR_CHECK_SPREAD] = {
		.param = { .name = "spread", .type = KTSTR_PARAM_PERCENT, .def = "15%",
			   .max = 1000000, .optional = true,
			   .help = "at most, between the shares that workers of a group get of the "
				   "time that they want to run" },
		.timing = true, .evaluate = spread,
	},
	[KTSTR_CHECK_GAP] = {
		.param = { .name = "gap", .type = KTSTR_PARAM_DURATION, .def = "2s",
			   .max = 24 * HOUR_NS, .optional = true,
			   .help = "at most, without progress of a worker that is not asleep" },
		.timing = true, .evaluate = gap,
	},
	[KTSTR_CHECK_WAIT] = {
		.param = { .name = "wait", .type = KTSTR_PARAM_DURATION, .max = 24 * HOUR_NS,
			   .optional = true,
			   .help = "at most, of a worker that is runnable and not running" },
		.timing = true, .evaluate = wait_for_cpu,
	},
	[KTSTR_CHECK_THROUGHPUT] = {
		.param = { .name = "throughput", .type = KTSTR_PARAM_UINT, .min = 1,
			   .max = INT64_MAX, .unit = "iterations per second of CPU time",
			   .optional = true, .help = "at least, of each group" },
		.timing = true, .at_least = true, .evaluate = throughput,
	},
	[KTSTR_CHECK_THROUGHPUT_CV] = {
		.param = { .name = "throughput-cv", .type = KTSTR_PARAM_PERCENT, .max = PERCENT_MAX,
			   .optional = true,
			   .help = "at most, deviation / mean of it among the workers of a group" },
		.timing = true, .evaluate = throughput_cv,
	},
	[KTSTR_CHECK_ITERATION_RATE] = {
		.param = { .name = "iteration-rate", .type = KTSTR_PARAM_UINT, .min = 1,
			   .max = INT64_MAX, .unit = "iterations per second", .optional = true,
			   .help = "at least, of each worker" },
		.timing = true, .at_least = true, .evaluate = iteration_rate,
	},
	[KTSTR_CHECK_WAKE_P99] = {
		.param = { .name = "wake-p99", .type = KTSTR_PARAM_DURATION, .max = HOUR_NS,
			   .optional = true,
			   .help = "at most, from wake-up to running, for 99 % of a group's "
				   "wake-ups" },
		.timing = true, .evaluate = wake_p99,
	},
	[KTSTR_CHECK_WAKE_CV] = {
		.param = { .name = "wake-cv", .type = KTSTR_PARAM_PERCENT, .max = PERCENT_MAX,
			   .optional = true,
			   .help = "at most, deviation / mean of these times in a group" },
		.timing = true, .evaluate = wake_cv,
	},
	[KTSTR_CHECK_MIGRATION_RATIO] = {
		.param = { .name = "migration-ratio", .type = KTSTR_PARAM_PERCENT,
			   .max = PERCENT_MAX, .optional = true,
			   .help = "at most, migrations of a group / its iterations" },
		.timing = true, .evaluate = migration_ratio,
	},
	[KTSTR_CHECK_NODE_MIGRATION_RATIO] = {
		.param = { .name = "node-migration-ratio", .type = KTSTR_PARAM_PERCENT,
			   .max = PERCENT_MAX, .optional = true,
			   .help = "at most, iterations of a group that ended on another NUMA node "
				   "than the one before / all of them" },
		.timing = true, .evaluate = node_ratio,
	},
	[KTSTR_CHECK_PAGE_LOCALITY] = {
		.param = { .name = "page-locality", .type = KTSTR_PARAM_PERCENT, .max = 1000000,
			   .optional = true,
			   .help = "at least, of each worker's memory on the NUMA nodes where it is "
				   "expected" },
		.at_least = true, .evaluate = page_locality,
	},
	[KTSTR_CHECK_PAGE_MIGRATION] = {
		.param = { .name = "page-migration", .type = KTSTR_PARAM_PERCENT,
			   .max = PERCENT_MAX, .optional = true,
			   .help = "at most, pages of a group that NUMA balancing moved to another "
				   "node / all that it has" },
		.evaluate = page_migration,
	},
	[KTSTR_CHECK_HOST_NOISE] = {
		.param = { .name = "host-noise", .type = KTSTR_PARAM_PERCENT, .def = "5%",
			   .max = PERCENT_MAX, .optional = true,
			   .help = "waiting time of a virtual CPU on the host / its running time, up "
				   "to which checks of times decide" },
	},
};
