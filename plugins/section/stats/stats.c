/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/stats: what the workers did, a line per cgroup, and one per group of workers that do the
 * same. The numbers are those of <ktstr/stats.h>, which the checks judge.
 */
#include <ktstr/cells.h>
#include <ktstr/section.h>
#include <ktstr/text.h>

#define UNFINISHED_MAX 5	/* told one by one */
#define ROWS_MAX 50		/* of a table, unless all is asked for */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- all of them ---- */

static void say_total(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	const struct ktstr_stats_set *all = s->all;
	struct ktstr_cell spread;
	char text[256];

	snprintf(text, sizeof(text), "%llu worker%s in %zu cgroup%s on %llu CPU%s: "
		 "%llu migration%s, %llu iteration%s",
		 (unsigned long long)all->workers, ktstr_plural(all->workers), s->n_cgroups,
		 ktstr_plural(s->n_cgroups), (unsigned long long)all->cpus, ktstr_plural(all->cpus),
		 (unsigned long long)all->migrations, ktstr_plural(all->migrations),
		 (unsigned long long)all->iterations, ktstr_plural(all->iterations));
	if (ktstr_cell_real(&spread, all->spread, 1))
		ktstr_append(text, sizeof(text), ", worst spread %s %%", spread.text);
	ktstr_append(text, sizeof(text), ", worst gap %.1f ms", (double)all->gap_ns / 1e6);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
}

/* ---- tables ---- */

struct table {
	const char *intro;		/* NULL: none */
	const struct ktstr_column *columns;
	size_t n_columns;
	void (*row)(const struct ktstr_stats_set *set, struct ktstr_doc *doc);
	/* How badly it fared: which rows to keep when there are too many. Below 0: no row at all.
	 * */
	double (*rank)(const struct ktstr_stats_set *set);
};

static double rank_gap(const struct ktstr_stats_set *set)
{
	return (double)set->gap_ns;
}

static double rank_wakes(const struct ktstr_stats_set *set)
{
	return set->wakes ? (double)set->wake_p99_ns : -1;
}

/* Those with a part of their memory elsewhere come before those of whom nothing is expected. */
static double rank_nodes(const struct ktstr_stats_set *set)
{
	if (!set->has_node_changes)
		return -1;
	return set->locality < 0 ? 0 : 101 - set->locality;
}

static void cgroup_row(const struct ktstr_stats_set *c, struct ktstr_doc *doc)
{
	struct ktstr_cell cells[7];

	doc->table_row(doc, (const char *[]){
		ktstr_cell_name(&cells[0], c->cgroup), ktstr_cell_count(&cells[1], c->workers),
		ktstr_cell_count(&cells[2], c->cpus), ktstr_cell_real(&cells[3], c->spread, 1),
		ktstr_cell_ms(&cells[4], c->gap_ns), ktstr_cell_count(&cells[5], c->migrations),
		ktstr_cell_count(&cells[6], c->iterations) });
}

static void group_row(const struct ktstr_stats_set *g, struct ktstr_doc *doc)
{
	struct ktstr_cell cells[8];

	doc->table_row(doc, (const char *[]){
		ktstr_cell_name(&cells[0], g->cgroup), ktstr_cell_group(&cells[1], g),
		ktstr_cell_count(&cells[2], g->workers), ktstr_cell_real(&cells[3], g->spread, 1),
		ktstr_cell_ms(&cells[4], g->run_delay_ns),
		g->has_wait ? ktstr_cell_ms(&cells[5], g->wait_ns) : NULL,
		ktstr_cell_rate(&cells[6], g->cpu_rate),
		ktstr_cell_real(&cells[7], g->cpu_rate_cv, 1) });
}

static void wakes_row(const struct ktstr_stats_set *g, struct ktstr_doc *doc)
{
	struct ktstr_cell cells[6];

	doc->table_row(doc, (const char *[]){
		ktstr_cell_name(&cells[0], g->cgroup), ktstr_cell_group(&cells[1], g),
		ktstr_cell_count(&cells[2], g->wakes),
		ktstr_cell_real(&cells[3], (double)g->wake_p50_ns / 1e3, 1),
		ktstr_cell_real(&cells[4], (double)g->wake_p99_ns / 1e3, 1),
		ktstr_cell_real(&cells[5], (double)g->wake_max_ns / 1e3, 1) });
}

static void nodes_row(const struct ktstr_stats_set *g, struct ktstr_doc *doc)
{
	struct ktstr_cell cells[6];

	doc->table_row(doc, (const char *[]){
		ktstr_cell_name(&cells[0], g->cgroup), ktstr_cell_group(&cells[1], g),
		ktstr_cell_count(&cells[2], g->node_changes), ktstr_cell_count(&cells[3], g->pages),
		ktstr_cell_real(&cells[4], g->locality, 1),
		g->has_pages_migrated ? ktstr_cell_count(&cells[5], g->pages_migrated) : NULL });
}

static const struct ktstr_column cgroup_columns[] = {
	KTSTR_TEXT_COL("cgroup"), KTSTR_NUM_COL("workers", NULL), KTSTR_NUM_COL("CPUs", NULL),
	KTSTR_NUM_COL("spread", "%"), KTSTR_NUM_COL("gap", "ms"),
	KTSTR_NUM_COL("migrations", NULL), KTSTR_NUM_COL("iterations", NULL),
};

static const struct ktstr_column group_columns[] = {
	KTSTR_TEXT_COL("cgroup"), KTSTR_TEXT_COL("group"), KTSTR_NUM_COL("workers", NULL),
	KTSTR_NUM_COL("spread", "%"), KTSTR_NUM_COL("delay", "ms"), KTSTR_NUM_COL("wait", "ms"),
	KTSTR_NUM_COL("iter/CPU s", NULL), KTSTR_NUM_COL("CV", "%"),
};

static const struct ktstr_column wakes_columns[] = {
	KTSTR_TEXT_COL("cgroup"), KTSTR_TEXT_COL("group"), KTSTR_NUM_COL("wakes", NULL),
	KTSTR_NUM_COL("p50", "us"), KTSTR_NUM_COL("p99", "us"), KTSTR_NUM_COL("max", "us"),
};

static const struct ktstr_column nodes_columns[] = {
	KTSTR_TEXT_COL("cgroup"), KTSTR_TEXT_COL("group"), KTSTR_NUM_COL("node changes", NULL),
	KTSTR_NUM_COL("pages", NULL), KTSTR_NUM_COL("local", "%"),
	KTSTR_NUM_COL("moved pages", NULL),
};

static const struct table cgroups = { NULL, cgroup_columns, COUNT(cgroup_columns), cgroup_row,
				      rank_gap };
static const struct table groups = { "workers that do the same:", group_columns,
				     COUNT(group_columns), group_row, rank_gap };
static const struct table wakes = { "from wake-up to running:", wakes_columns,
				    COUNT(wakes_columns), wakes_row, rank_wakes };
static const struct table nodes = { "on NUMA nodes:", nodes_columns,
				    COUNT(nodes_columns), nodes_row, rank_nodes };

static int descending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* The rank from which on a row is shown, so that at most `max` or so are; 0 when memory is out:
 * all. */
static double threshold(const struct table *table, const struct ktstr_stats_set *const *sets,
			size_t n, size_t max)
{
	double *ranks = n > max ? malloc(n * sizeof(*ranks)) : NULL, limit;

	for (size_t i = 0; ranks && i < n; i++)
		ranks[i] = table->rank(sets[i]);
	if (!ranks)
		return 0;
	qsort(ranks, n, sizeof(*ranks), descending);
	limit = ranks[max - 1];
	free(ranks);
	return limit > 0 ? limit : 0;
}

static void say_table(const struct table *table, const struct ktstr_stats_set *const *sets,
		      size_t n, bool all, struct ktstr_doc *doc)
{
	double from = threshold(table, sets, n, all ? n : ROWS_MAX);
	size_t relevant = 0, told = 0;
	char text[128];

	for (size_t i = 0; i < n; i++)
		relevant += table->rank(sets[i]) >= 0;
	if (!relevant)
		return;
	if (table->intro)
		doc->paragraph(doc, KTSTR_TONE_PLAIN, table->intro);
	doc->table_begin(doc, table->columns, table->n_columns);
	for (size_t i = 0; i < n && (all || told < ROWS_MAX); i++)
		if (table->rank(sets[i]) >= from) {
			table->row(sets[i], doc);
			told++;
		}
	doc->table_end(doc);
	if (told == relevant)
		return;
	snprintf(text, sizeof(text), "(the worst %zu of %zu; KTSTR_BACKTRACE=1 shows all)", told,
		 relevant);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
}

/* ---- those that did not finish ---- */

/* "cg_0 worker 212 (cpu-spin): killed by signal 9" */
static void say_worker(const struct ktstr_stats_worker *w, struct ktstr_doc *doc)
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
	snprintf(text, sizeof(text), "%llu worker%s did not finish:", (unsigned long long)n,
		 ktstr_plural(n));
	doc->paragraph(doc, KTSTR_TONE_WARN, text);
	for (size_t i = 0; i < s->n_workers && told < UNFINISHED_MAX; i++)
		if (!s->workers[i]->completed) {
			say_worker(s->workers[i], doc);
			told++;
		}
	if (n > told) {
		snprintf(text, sizeof(text), "(%llu more not shown)",
			 (unsigned long long)(n - told));
		doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	}
}

/* What checks had to say beside the outcome: those that nobody asked for and that could not be
 * judged. */
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
	say_table(&cgroups, s->cgroups, s->n_cgroups, input->backtrace, doc);
	say_table(&groups, s->groups, s->n_groups, input->backtrace, doc);
	say_table(&wakes, s->groups, s->n_groups, input->backtrace, doc);
	say_table(&nodes, s->groups, s->n_groups, input->backtrace, doc);
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
