/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/timeline: what happened when. The run in a few words; the scenario's steps with what was
 * done in each; who worked in which step, what monitors saw meanwhile, and how that differs from
 * the step before.
 *
 * Only what is the same is compared: the same group (cgroup, workload, role) in two steps that
 * follow each other, by what each worker of it did in a second. So the first step is the baseline
 * for the second, and a step that adds workers is no improvement.
 */
#include <ktstr/cells.h>
#include <ktstr/section.h>
#include <ktstr/text.h>

#include "samples.h"

#define ROWS_MAX 60		/* of a table */
#define CHANGES_MAX 10		/* told in words, of the worse and of the better each */
#define CHANGE_PERCENT 30.0	/* beyond this one is told */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *phase_cell(struct ktstr_cell *cell, const struct ktstr_stats_phase *p)
{
	snprintf(cell->text, sizeof(cell->text), "%llu%s%.*s", (unsigned long long)p->n,
		 p->name.len ? " " : "", KTSTR_STR_ARG(p->name));
	return cell->text;
}

static void say_more(struct ktstr_doc *doc, size_t n, size_t told)
{
	char text[64];

	if (n <= told)
		return;
	snprintf(text, sizeof(text), "(%zu more not shown)", n - told);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
}

/* ---- the run ---- */

struct facts {
	char kernel[128], topology[32], scheduler[128], flags[128];
	uint64_t cpus, planned_ns;
};

static void collect(const struct ktstr_section_input *input, struct facts *facts)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (input->next(input->journals[0], &cursor, &rec)) {
		const struct ktstr_fields *f = &rec.fields;

		if (rec.type == KTSTR_REC_RUN) {
			ktstr_get_cstr(f, "scheduler", facts->scheduler, sizeof(facts->scheduler));
			ktstr_get_cstr(f, "flags", facts->flags, sizeof(facts->flags));
			ktstr_get_cstr(f, "topology", facts->topology, sizeof(facts->topology));
			ktstr_get_u64(f, "duration_ns", &facts->planned_ns);
		} else if (rec.type == KTSTR_REC_HELLO) {
			ktstr_get_cstr(f, "release", facts->kernel, sizeof(facts->kernel));
			ktstr_get_u64(f, "cpus", &facts->cpus);
			return;
		}
	}
}

static void say_duration(const struct ktstr_stats *s, const struct facts *facts,
			 struct ktstr_doc *doc)
{
	const struct ktstr_stats_phase *first = s->phases[0], *last = s->phases[s->n_phases - 1];
	uint64_t ns = last->end_ns > first->begin_ns ? last->end_ns - first->begin_ns : 0;
	char text[160];

	snprintf(text, sizeof(text), "%.1f s in %zu step%s", (double)ns / 1e9, s->n_phases,
		 ktstr_plural(s->n_phases));
	if (facts->planned_ns)
		ktstr_append(text, sizeof(text), ", planned were %.1f s in %llu",
			     (double)facts->planned_ns / 1e9, (unsigned long long)first->m);
	doc->value(doc, "scenario", text);
}

static void say_run(const struct ktstr_stats *s, const struct facts *facts, struct ktstr_doc *doc)
{
	char topology[64];

	snprintf(topology, sizeof(topology), "%s", facts->topology);
	if (facts->cpus)
		ktstr_append(topology, sizeof(topology), " (%llu CPU%s)",
			     (unsigned long long)facts->cpus, ktstr_plural(facts->cpus));
	if (*facts->kernel)
		doc->value(doc, "kernel", facts->kernel);
	doc->value(doc, "topology", topology);
	doc->value(doc, "scheduler", *facts->scheduler ? facts->scheduler : "the kernel's own");
	if (*facts->flags)
		doc->value(doc, "flags", facts->flags);
	say_duration(s, facts, doc);
}

/* ---- its steps ---- */

static void say_phase(const struct ktstr_stats *s, const struct ktstr_stats_phase *p,
		      struct ktstr_doc *doc)
{
	struct ktstr_cell cells[6];
	uint64_t begin = p->begin_ns - s->phases[0]->begin_ns;

	phase_cell(&cells[0], p);
	if (!p->ended)
		ktstr_append(cells[0].text, sizeof(cells[0].text), " (cut short)");
	ktstr_cell_count(&cells[3], p->operations);
	if (p->failed_operations)
		ktstr_append(cells[3].text, sizeof(cells[3].text), " (%llu failed)",
			     (unsigned long long)p->failed_operations);
	doc->table_row(doc, (const char *[]){
		cells[0].text, ktstr_cell_real(&cells[1], (double)begin / 1e9, 2),
		ktstr_cell_real(&cells[2], (double)(p->end_ns - p->begin_ns) / 1e9, 2),
		cells[3].text,
		ktstr_cell_count(&cells[4], p->workers), ktstr_cell_rate(&cells[5], p->rate) });
}

static void say_phases(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		KTSTR_TEXT_COL("step"), KTSTR_NUM_COL("start", "s"),
		KTSTR_NUM_COL("length", "s"), KTSTR_NUM_COL("operations", NULL),
		KTSTR_NUM_COL("workers", NULL), KTSTR_NUM_COL("iterations/s", NULL),
	};
	size_t n = s->n_phases < ROWS_MAX ? s->n_phases : ROWS_MAX;

	doc->table_begin(doc, columns, COUNT(columns));
	for (size_t i = 0; i < n; i++)
		say_phase(s, s->phases[i], doc);
	doc->table_end(doc);
	say_more(doc, s->n_phases, n);
}

/* ---- who worked in them ---- */

/* What that group was in the step before; NULL when it was not there. */
static const struct ktstr_stats_set *before(const struct ktstr_stats *s, size_t phase,
					    const struct ktstr_stats_set *g)
{
	const struct ktstr_stats_phase *p = phase ? s->phases[phase - 1] : NULL;

	for (size_t i = 0; p && i < p->n_groups; i++)
		if (ktstr_str_equal(p->groups[i]->cgroup, g->cgroup) &&
		    ktstr_str_equal(p->groups[i]->workload, g->workload) && ktstr_str_equal(p->groups[i]->role, g->role))
			return p->groups[i];
	return NULL;
}

static double rate_each(const struct ktstr_stats_set *g)
{
	return g->rate < 0 || !g->workers ? KTSTR_STATS_NONE : g->rate / (double)g->workers;
}

/* By how many percent a worker does more than in the step before; false when that is not known. */
static bool change(const struct ktstr_stats *s, size_t phase, const struct ktstr_stats_set *g,
		   double *ret_percent)
{
	const struct ktstr_stats_set *old = before(s, phase, g);
	double was = old ? rate_each(old) : KTSTR_STATS_NONE, is = rate_each(g);

	if (was <= 0 || is < 0)
		return false;
	*ret_percent = 100 * (is - was) / was;
	return true;
}

static void say_group(const struct ktstr_stats *s, size_t phase, const struct ktstr_stats_set *g,
		      struct ktstr_doc *doc)
{
	struct ktstr_cell cells[8];
	double percent;
	bool known = change(s, phase, g, &percent);

	if (known)
		snprintf(cells[7].text, sizeof(cells[7].text), "%+.1f", percent);
	snprintf(cells[1].text, sizeof(cells[1].text), "%.*s", KTSTR_STR_ARG(g->cgroup));
	doc->table_row(doc, (const char *[]){
		phase_cell(&cells[0], s->phases[phase]), cells[1].text,
		ktstr_cell_group(&cells[2], g),
		ktstr_cell_count(&cells[3], g->workers), ktstr_cell_real(&cells[4], g->spread, 1),
		ktstr_cell_ms(&cells[5], g->gap_ns),
		ktstr_cell_rate(&cells[6], rate_each(g)), known ? cells[7].text : NULL });
}

/* True when a worker of the group does notably less (sign -1) or more (1) than in the step before.
 * */
static bool is_change(const struct ktstr_stats *s, size_t phase, const struct ktstr_stats_set *g,
		      int sign)
{
	double percent;

	return change(s, phase, g, &percent) && sign * percent > CHANGE_PERCENT;
}

static void say_groups(const struct ktstr_stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		KTSTR_TEXT_COL("step"), KTSTR_TEXT_COL("cgroup"), KTSTR_TEXT_COL("group"),
		KTSTR_NUM_COL("workers", NULL), KTSTR_NUM_COL("spread", "%"),
		KTSTR_NUM_COL("gap", "ms"), KTSTR_NUM_COL("iter/s each", NULL),
		KTSTR_NUM_COL("change", "%"),
	};
	size_t n = 0, told = 0;

	for (size_t i = 0; i < s->n_phases; i++)
		n += s->phases[i]->n_groups;
	if (!n || s->n_phases < 2)
		return;
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "workers of each step, and how what each of them did "
		       "differs from the step before:");
	doc->table_begin(doc, columns, COUNT(columns));
	for (size_t i = 0; i < s->n_phases; i++)
		for (size_t k = 0; k < s->phases[i]->n_groups && told < ROWS_MAX; k++) {
			const struct ktstr_stats_set *g = s->phases[i]->groups[k];

			/* Too many: those that something happened to. */
			if (n > ROWS_MAX && !is_change(s, i, g, -1) && !is_change(s, i, g, 1))
				continue;
			say_group(s, i, g, doc);
			told++;
		}
	doc->table_end(doc);
	say_more(doc, n, told);
}

/* ---- what changed ---- */

static void say_change(const struct ktstr_stats *s, size_t phase, const struct ktstr_stats_set *g,
		       double percent, struct ktstr_doc *doc)
{
	struct ktstr_cell from, to, group, was, is;
	char text[1024];

	ktstr_cell_rate(&was, rate_each(before(s, phase, g)));
	ktstr_cell_rate(&is, rate_each(g));
	snprintf(text, sizeof(text), "%s in step %s: %s in %.*s, %s iterations/s each, %s in step "
		 "%s (%+.1f %%)", percent < 0 ? "DEGRADATION" : "IMPROVEMENT",
		 phase_cell(&to, s->phases[phase]), ktstr_cell_group(&group, g),
		 KTSTR_STR_ARG(g->cgroup),
		 is.text, was.text, phase_cell(&from, s->phases[phase - 1]), percent);
	doc->paragraph(doc, percent < 0 ? KTSTR_TONE_BAD : KTSTR_TONE_GOOD, text);
}

static void say_changes(const struct ktstr_stats *s, int sign, struct ktstr_doc *doc)
{
	size_t n = 0, told = 0;
	double percent;

	for (size_t i = 1; i < s->n_phases; i++)
		for (size_t k = 0; k < s->phases[i]->n_groups; k++) {
			const struct ktstr_stats_set *g = s->phases[i]->groups[k];

			if (!is_change(s, i, g, sign))
				continue;
			n++;
			if (told < CHANGES_MAX && change(s, i, g, &percent)) {
				say_change(s, i, g, percent, doc);
				told++;
			}
		}
	say_more(doc, n, told);
}

/* ---- the section ---- */

/* A scenario of one step that ended as it should has no story. */
static bool is_relevant(const struct ktstr_section_input *input, const struct ktstr_stats *s)
{
	enum ktstr_outcome outcome = input->verdicts[0]->outcome;

	return s && s->n_phases &&
	       (s->n_phases > 1 || input->backtrace || outcome == KTSTR_OUTCOME_FAIL ||
		outcome == KTSTR_OUTCOME_INCONCLUSIVE);
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	const struct ktstr_stats *s = input->verdicts[0]->stats;
	struct facts facts = { .cpus = 0 };
	struct samples *samples;

	(void)values;
	if (!is_relevant(input, s))
		return KTSTR_SECTION_IRRELEVANT;
	samples = samples_collect(input, s);
	if (!samples)
		return ktstr_err_nomem(err);
	collect(input, &facts);
	say_run(s, &facts, doc);
	say_phases(s, doc);
	say_groups(s, doc);
	samples_say(s, samples, doc);
	for (int sign = -1; sign <= 1; sign += 2) {
		say_changes(s, sign, doc);
		samples_say_changes(s, samples, sign, doc);
	}
	free(samples);
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_TIMELINE,
	.title = "timeline",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "timeline",
	.summary = "the steps of the scenario, and what changed from one to the next",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-timeline", PLUGIN_VERSION, &plugin);
