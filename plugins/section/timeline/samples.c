/* SPDX-License-Identifier: GPL-2.0-only */
#include "samples.h"

#include <ktstr/cells.h>

#define DEPTH_PLAUSIBLE 10000	/* deeper: what was read is no queue */
#define ROWS_MAX 60
#define CHANGES_MAX 10

/* ---- collecting ---- */

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static void add_queues(struct samples *s, const struct ktstr_fields *f)
{
	uint64_t longest = 0, shortest = UINT64_MAX, deepest = 0;
	struct ktstr_fields cpus;
	struct ktstr_field cpu;

	if (!ktstr_get_sub(f, "cpus", &cpus))
		return;
	while (ktstr_item_next(&cpus, &cpu) && cpu.type == KTSTR_FIELD_MAP) {
		uint64_t running = number(&cpu.sub, "nr_running");
		uint64_t depth = number(&cpu.sub, "local_dsq");

		longest = running > longest ? running : longest;
		shortest = running < shortest ? running : shortest;
		deepest = depth > deepest ? depth : deepest;
	}
	if (shortest == UINT64_MAX || deepest > DEPTH_PLAUSIBLE)
		return;
	s->queues++;
	s->depth += (double)deepest;
	/* An empty queue counts as one of one: else every idle CPU would be an infinite imbalance.
	 * */
	s->imbalance += longest <= 1 ? 1 : (double)longest / (double)(shortest ? shortest : 1);
}

/* The counters of another scheduler begin at 0 again. */
static void add_counter(struct counter *c, const struct ktstr_fields *events, const char *key,
			bool same_scheduler)
{
	int64_t value;

	if (!ktstr_get_s64(events, key, &value))
		return;
	if (c->known && (!same_scheduler || value > c->last))
		c->grown += (double)value - (same_scheduler ? (double)c->last : 0);
	c->last = value;
	c->known = true;
}

static void add_events(struct samples *s, const struct ktstr_record *rec)
{
	uint64_t scheduler = number(&rec->fields, "id");
	struct ktstr_fields events;

	if (!ktstr_get_sub(&rec->fields, "events", &events))
		return;
	if (!s->events++)
		s->first_ns = rec->host_ns;
	s->last_ns = rec->host_ns;
	add_counter(&s->fallback, &events, "select_cpu_fallback", scheduler == s->scheduler);
	add_counter(&s->keep_last, &events, "dispatch_keep_last", scheduler == s->scheduler);
	s->scheduler = scheduler;
}

static void add_sample(struct samples *s, const struct ktstr_record *rec)
{
	struct ktstr_str monitor = { "", 0 };

	ktstr_get_str(&rec->fields, "monitor", &monitor);
	if (ktstr_str_is(monitor, "runqueues"))
		add_queues(s, &rec->fields);
	else if (ktstr_str_is(monitor, "scx-state"))
		add_events(s, rec);
}

struct samples *samples_collect(const struct ktstr_section_input *input,
				const struct ktstr_stats *stats)
{
	struct samples *samples = calloc(stats->n_phases, sizeof(*samples));
	struct ktstr_record rec;
	uint64_t cursor = 0;
	size_t at = 0;

	while (samples && input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type != KTSTR_REC_SAMPLE)
			continue;
		while (at + 1 < stats->n_phases && rec.host_ns > stats->phases[at]->host_end_ns)
			at++;
		if (rec.host_ns >= stats->phases[at]->host_begin_ns &&
		    rec.host_ns <= stats->phases[at]->host_end_ns)
			add_sample(&samples[at], &rec);
	}
	return samples;
}

/* ---- what is shown ---- */

static double imbalance(const struct samples *s)
{
	return s->queues ? s->imbalance / (double)s->queues : KTSTR_STATS_NONE;
}

static double depth(const struct samples *s)
{
	return s->queues ? s->depth / (double)s->queues : KTSTR_STATS_NONE;
}

static double rate(const struct samples *s, const struct counter *c)
{
	if (!c->known || s->last_ns <= s->first_ns)
		return KTSTR_STATS_NONE;
	return c->grown * 1e9 / (double)(s->last_ns - s->first_ns);
}

static double fallback(const struct samples *s)
{
	return rate(s, &s->fallback);
}

static double keep_last(const struct samples *s)
{
	return rate(s, &s->keep_last);
}

/* More is worse, for each of them; a change by more than the limit is told. */
static const struct {
	const char *name;
	double (*value)(const struct samples *s);
	double limit;
	int digits;
} metrics[] = {
	{ "imbalance", imbalance, 0.5, 2 },
	{ "DSQ depth", depth, 3, 1 },
	{ "fallback/s", fallback, 10, 1 },
	{ "keep_last/s", keep_last, 10, 1 },
};
#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

static uint64_t count(const struct samples *s)
{
	return s->queues > s->events ? s->queues : s->events;
}

static void say_row(const struct ktstr_stats_phase *phase, const struct samples *s,
		    struct ktstr_doc *doc)
{
	struct ktstr_cell cells[2 + N_METRICS];
	const char *row[2 + N_METRICS];

	row[0] = phase_cell(&cells[0], phase);
	row[1] = ktstr_cell_count(&cells[1], count(s));
	for (size_t i = 0; i < N_METRICS; i++)
		row[2 + i] = ktstr_cell_real(&cells[2 + i], metrics[i].value(s), metrics[i].digits);
	doc->table_row(doc, row);
}

void samples_say(const struct ktstr_stats *stats, const struct samples *samples,
		 struct ktstr_doc *doc)
{
	struct ktstr_column columns[2 + N_METRICS] = {
		KTSTR_TEXT_COL("step"), KTSTR_NUM_COL("samples", NULL),
	};
	uint64_t n = 0;

	for (size_t i = 0; i < stats->n_phases; i++)
		n += count(&samples[i]);
	if (!n)
		return;
	for (size_t i = 0; i < N_METRICS; i++)
		columns[2 + i] = (struct ktstr_column)KTSTR_NUM_COL(metrics[i].name, NULL);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "what monitors saw, on average:");
	doc->table_begin(doc, columns, 2 + N_METRICS);
	for (size_t i = 0; i < stats->n_phases && i < ROWS_MAX; i++)
		say_row(stats->phases[i], &samples[i], doc);
	doc->table_end(doc);
}

static void say_change(const struct ktstr_stats *stats, size_t phase, size_t metric, double was,
		       double is, struct ktstr_doc *doc)
{
	int digits = metrics[metric].digits;
	struct ktstr_cell from, to;
	char text[512];

	snprintf(text, sizeof(text), "%s in step %s: %s %.*f, %.*f in step %s (%+.*f)",
		 is > was ? "DEGRADATION" : "IMPROVEMENT", phase_cell(&to, stats->phases[phase]),
		 metrics[metric].name, digits, is, digits, was,
		 phase_cell(&from, stats->phases[phase - 1]), digits, is - was);
	doc->paragraph(doc, is > was ? KTSTR_TONE_BAD : KTSTR_TONE_GOOD, text);
}

/* sign -1: what became worse. */
void samples_say_changes(const struct ktstr_stats *stats, const struct samples *samples, int sign,
			 struct ktstr_doc *doc)
{
	size_t told = 0;

	for (size_t i = 1; i < stats->n_phases; i++)
		for (size_t k = 0; k < N_METRICS && told < CHANGES_MAX; k++) {
			double was = metrics[k].value(&samples[i - 1]);
			double is = metrics[k].value(&samples[i]);

			if (was < 0 || is < 0 || sign * (was - is) <= metrics[k].limit)
				continue;
			say_change(stats, i, k, was, is, doc);
			told++;
		}
}
