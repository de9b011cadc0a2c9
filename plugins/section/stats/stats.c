/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/stats: what the workers did, a line per cgroup, and one per group of workers that do the
 * same. The numbers are those of <ktstr/stats.h>, which the checks judge.
 */
#include <ktstr/section.h>
#include <ktstr/stats.h>
#include <ktstr/text.h>

#include <stdio.h>

#define UNFINISHED_MAX 5	/* told one by one */

#define TEXT(name) { name, NULL, KTSTR_COLUMN_TEXT }
#define NUMBER(name, unit) { name, unit, KTSTR_COLUMN_NUMBER }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- cells ---- */

struct cell {
	char text[96];
};

static const char *count_cell(struct cell *cell, uint64_t n)
{
	snprintf(cell->text, sizeof(cell->text), "%llu", (unsigned long long)n);
	return cell->text;
}

/* NULL, an empty cell, for a number that nothing was measured for. */
static const char *real_cell(struct cell *cell, double x)
{
	if (x < 0)
		return NULL;
	snprintf(cell->text, sizeof(cell->text), "%.1f", x);
	return cell->text;
}

/* Rates go from a few to millions a second. */
static const char *rate_cell(struct cell *cell, double x)
{
	if (x < 0)
		return NULL;
	snprintf(cell->text, sizeof(cell->text), "%.*f", x < 100 ? 1 : 0, x);
	return cell->text;
}

static const char *name_cell(struct cell *cell, struct ktstr_str name)
{
	snprintf(cell->text, sizeof(cell->text), "%.*s", KTSTR_STR_ARG(name));
	return cell->text;
}

/* "futex-ping", "futex-ping/receiver" */
static const char *group_cell(struct cell *cell, const struct ktstr_stats_set *set)
{
	snprintf(cell->text, sizeof(cell->text), "%.*s%s%.*s", KTSTR_STR_ARG(set->workload),
		 set->role.len ? "/" : "", KTSTR_STR_ARG(set->role));
	return cell->text;
}

/* ---- all of them ---- */

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say_total(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	const struct ktstr_stats_set *all = s->all;
	struct cell spread;
	char text[256];

	snprintf(text, sizeof(text), "%llu worker%s in %zu cgroup%s on %llu CPU%s: "
		 "%llu migration%s, %llu iteration%s",
		 (unsigned long long)all->workers, s_of(all->workers), s->n_cgroups,
		 s_of(s->n_cgroups), (unsigned long long)all->cpus, s_of(all->cpus),
		 (unsigned long long)all->migrations, s_of(all->migrations),
		 (unsigned long long)all->iterations, s_of(all->iterations));
	if (real_cell(&spread, all->spread))
		ktstr_append(text, sizeof(text), ", worst spread %s %%", spread.text);
	ktstr_append(text, sizeof(text), ", worst gap %.1f ms", (double)all->gap_ns / 1e6);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
}

/* ---- cgroups ---- */

static void say_cgroup(const struct ktstr_stats_set *c, struct ktstr_doc *doc)
{
	struct cell cells[7];

	doc->table_row(doc, (const char *[]){
		name_cell(&cells[0], c->cgroup), count_cell(&cells[1], c->workers),
		count_cell(&cells[2], c->cpus), real_cell(&cells[3], c->spread),
		real_cell(&cells[4], (double)c->gap_ns / 1e6),
		count_cell(&cells[5], c->migrations), count_cell(&cells[6], c->iterations) });
}

static void say_cgroups(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		TEXT("cgroup"), NUMBER("workers", NULL), NUMBER("CPUs", NULL),
		NUMBER("spread", "%"), NUMBER("gap", "ms"), NUMBER("migrations", NULL),
		NUMBER("iterations", NULL),
	};

	doc->table_begin(doc, columns, COUNT(columns));
	for (size_t i = 0; i < s->n_cgroups; i++)
		say_cgroup(s->cgroups[i], doc);
	doc->table_end(doc);
}

/* ---- groups ---- */

static void say_group(const struct ktstr_stats_set *g, struct ktstr_doc *doc)
{
	struct cell cells[8];

	doc->table_row(doc, (const char *[]){
		name_cell(&cells[0], g->cgroup), group_cell(&cells[1], g),
		count_cell(&cells[2], g->workers), real_cell(&cells[3], g->spread),
		real_cell(&cells[4], (double)g->run_delay_ns / 1e6),
		real_cell(&cells[5], g->has_wait ? (double)g->wait_ns / 1e6 : KTSTR_STATS_NONE), rate_cell(&cells[6], g->cpu_rate),
		real_cell(&cells[7], g->cpu_rate_cv) });
}

static void say_groups(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		TEXT("cgroup"), TEXT("group"), NUMBER("workers", NULL), NUMBER("spread", "%"),
		NUMBER("delay", "ms"), NUMBER("wait", "ms"), NUMBER("iter/CPU s", NULL), NUMBER("CV", "%"),
	};

	doc->paragraph(doc, KTSTR_TONE_PLAIN, "workers that do the same:");
	doc->table_begin(doc, columns, COUNT(columns));
	for (size_t i = 0; i < s->n_groups; i++)
		say_group(s->groups[i], doc);
	doc->table_end(doc);
}

/* ---- wake-ups ---- */

static void say_wakes_of(const struct ktstr_stats_set *g, struct ktstr_doc *doc)
{
	struct cell cells[6];

	doc->table_row(doc, (const char *[]){
		name_cell(&cells[0], g->cgroup), group_cell(&cells[1], g),
		count_cell(&cells[2], g->wakes),
		real_cell(&cells[3], (double)g->wake_p50_ns / 1e3),
		real_cell(&cells[4], (double)g->wake_p99_ns / 1e3),
		real_cell(&cells[5], (double)g->wake_max_ns / 1e3) });
}

static void say_wakes(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		TEXT("cgroup"), TEXT("group"), NUMBER("wakes", NULL), NUMBER("p50", "us"),
		NUMBER("p99", "us"), NUMBER("max", "us"),
	};

	if (!s->all->wakes)
		return;
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "from wake-up to running:");
	doc->table_begin(doc, columns, COUNT(columns));
	for (size_t i = 0; i < s->n_groups; i++)
		if (s->groups[i]->wakes)
			say_wakes_of(s->groups[i], doc);
	doc->table_end(doc);
}

/* ---- those that did not finish ---- */

/* "cg_0 worker 212 (cpu-spin): killed by signal 9" */
static void say_unfinished_one(const struct ktstr_stats_worker *w, struct ktstr_doc *doc)
{
	char how[128] = "did not come to its end", text[256];
	struct ktstr_str error = { "", 0 };
	uint64_t signal = 0;
	int64_t code = 0;

	ktstr_get_u64(&w->record, "signal", &signal);
	ktstr_get_s64(&w->record, "code", &code);
	if (ktstr_get_str(&w->record, "error", &error))
		snprintf(how, sizeof(how), "%.*s", KTSTR_STR_ARG(error));
	else if (signal)
		snprintf(how, sizeof(how), "killed by signal %llu", (unsigned long long)signal);
	else if (code)
		snprintf(how, sizeof(how), "exit status %lld", (long long)code);
	snprintf(text, sizeof(text), "%.*s worker %llu (%.*s): %s",
		 (int)(w->cgroup.len < 32 ? w->cgroup.len : 32), w->cgroup.s,
		 (unsigned long long)w->pid,
		 (int)(w->workload.len < 32 ? w->workload.len : 32), w->workload.s, how);
	doc->paragraph(doc, KTSTR_TONE_WARN, text);
}

static void say_unfinished(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	uint64_t n = s->all->unfinished, told = 0;
	char text[96];

	if (!n)
		return;
	snprintf(text, sizeof(text), "%llu worker%s did not finish:", (unsigned long long)n, s_of(n));
	doc->paragraph(doc, KTSTR_TONE_WARN, text);
	for (size_t i = 0; i < s->n_workers && told < UNFINISHED_MAX; i++)
		if (!s->workers[i]->completed) {
			say_unfinished_one(s->workers[i], doc);
			told++;
		}
	if (n > told) {
		snprintf(text, sizeof(text), "(%llu more not shown)",
			 (unsigned long long)(n - told));
		doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	}
}

/* What checks had to say beside the outcome: those that nobody asked for and that could not be judged. */
static void say_unjudged(const struct ktstr_verdict *v, struct ktstr_doc *doc)
{
	for (size_t i = 0; i < v->n_findings; i++)
		if (v->findings[i]->outcome == KTSTR_OUTCOME_SKIP)
			doc->paragraph(doc, KTSTR_TONE_DIM, v->findings[i]->text);
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	const struct ktstr_stats *s = input->verdicts[0]->stats;

	(void)values;
	(void)err;
	if (!s || !s->n_workers)
		return KTSTR_SECTION_IRRELEVANT;
	say_total(s, doc);
	say_cgroups(s, doc);
	say_groups(s, doc);
	say_wakes(s, doc);
	say_unfinished(s, doc);
	if (input->backtrace)
		say_unjudged(input->verdicts[0], doc);
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_STATS,
	.title = "stats",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "stats",
	.summary = "what the workers of each cgroup did",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-stats", PLUGIN_VERSION, &plugin);
