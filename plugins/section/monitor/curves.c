/* SPDX-License-Identifier: GPL-2.0-only */
#include "monitor.h"

#include <ktstr/stats.h>
#include <ktstr/watch.h>

#include <math.h>
#include <stdio.h>

/* ---- moments ---- */

static void add(struct moments *m, uint64_t at_ns, enum ktstr_tone tone, struct ktstr_str label)
{
	if (m->n == MOMENTS_MAX)
		return;
	copy_name(m->items[m->n].label, sizeof(m->items[0].label), label);
	m->items[m->n].at_ns = at_ns;
	m->items[m->n++].tone = tone;
}

static void add_words(struct moments *m, uint64_t at_ns, enum ktstr_tone tone, const char *label)
{
	add(m, at_ns, tone, (struct ktstr_str){ label, strlen(label) });
}

static bool scheduler_died(const struct ktstr_verdict *v)
{
	return v->cause == KTSTR_CAUSE_SCHED_ERROR || v->cause == KTSTR_CAUSE_SCHED_STALL ||
	       v->cause == KTSTR_CAUSE_SCHED_EXIT;
}

void moments_add(struct moments *m, const struct ktstr_record *record,
		 const struct ktstr_verdict *verdict)
{
	struct ktstr_str what = { "fault", 5 };
	bool expected = false;

	if (record->type == KTSTR_REC_FAULT) {
		ktstr_get_str(&record->fields, "what", &what);
		add(m, record->host_ns, KTSTR_TONE_BAD, what);
	} else if (record->type == KTSTR_REC_SCHED_EXIT) {
		ktstr_get_bool(&record->fields, "expected", &expected);
		if (!expected && scheduler_died(verdict))
			add_words(m, record->host_ns, KTSTR_TONE_BAD, "scheduler died");
	} else if (record->type == KTSTR_REC_VIOLATION) {
		add_words(m, record->host_ns, KTSTR_TONE_WARN, "limit violated");
	}
}

/* ---- curves ---- */

struct plot {
	const struct ktstr_verdict *verdict;
	const struct moments *moments;
	uint64_t begin_ns, end_ns;	/* of the samples */
	struct ktstr_doc *doc;
};

static uint64_t since(const struct plot *p, uint64_t ns)
{
	return ns > p->begin_ns ? ns - p->begin_ns : 0;
}

static void say_steps(const struct plot *p)
{
	const struct ktstr_stats *s = p->verdict->stats;
	char label[80];

	for (size_t i = 0; s && i < s->n_phases; i++) {
		const struct ktstr_stats_phase *phase = s->phases[i];
		uint64_t begin = since(p, phase->host_begin_ns), end = since(p, phase->host_end_ns);

		if (end <= begin || phase->host_begin_ns > p->end_ns)
			continue;
		snprintf(label, sizeof(label), "step %llu%s%.*s", (unsigned long long)phase->n,
			 phase->name.len ? " " : "", (int)(phase->name.len < 48 ? phase->name.len : 48),
			 phase->name.s);
		p->doc->series_span(p->doc, KTSTR_TONE_PLAIN, label, begin, end);
	}
}

static void end_plot(const struct plot *p)
{
	say_steps(p);
	for (size_t i = 0; i < p->moments->n; i++) {
		uint64_t at = since(p, p->moments->items[i].at_ns);

		p->doc->series_span(p->doc, p->moments->items[i].tone, p->moments->items[i].label, at, at);
	}
	p->doc->series_end(p->doc);
}

static void say_queues(const struct plot *p)
{
	static const char *const imbalance[] = { "imbalance ratio" };
	static const char *const tasks[] = { "deepest local DSQ", "runnable tasks a CPU" };
	const struct ktstr_watch *w = p->verdict->watch;

	if (!w->n_queues)
		return;
	p->doc->id(p->doc, "imbalance");
	p->doc->series_begin(p->doc, "imbalance of run queues", NULL, imbalance, 1);
	for (size_t i = 0; i < w->n_queues; i++)
		p->doc->series_point(p->doc, since(p, w->queues[i].at_ns), &w->queues[i].imbalance);
	end_plot(p);
	p->doc->id(p->doc, "queues");
	p->doc->series_begin(p->doc, "tasks that wait or run", "tasks", tasks, 2);
	for (size_t i = 0; i < w->n_queues; i++)
		p->doc->series_point(p->doc, since(p, w->queues[i].at_ns), (const double[]){
			(double)w->queues[i].depth, w->queues[i].running });
	end_plot(p);
}

static double known(double rate)
{
	return rate < 0 ? NAN : rate;
}

static void say_rates(const struct plot *p)
{
	static const char *const events[] = { "select_cpu_fallback", "dispatch_keep_last" };
	const struct ktstr_watch *w = p->verdict->watch;

	if (!w->n_rates)
		return;
	p->doc->id(p->doc, "events");
	p->doc->series_begin(p->doc, "SCX events", "/s", events, 2);
	for (size_t i = 0; i < w->n_rates; i++)
		p->doc->series_point(p->doc, since(p, w->rates[i].at_ns), (const double[]){
			known(w->rates[i].fallback), known(w->rates[i].keep_last) });
	end_plot(p);
}

void curves_say(const struct ktstr_verdict *verdict, const struct moments *moments,
		struct ktstr_doc *doc)
{
	const struct ktstr_watch *w = verdict->watch;
	struct plot p = { verdict, moments, w->first_ns, w->last_ns, doc };

	if (w->n_rates && !w->n_queues)
		p.begin_ns = w->rates[0].at_ns;
	if (w->n_rates && w->rates[w->n_rates - 1].at_ns > p.end_ns)
		p.end_ns = w->rates[w->n_rates - 1].at_ns;
	/* Two points make no curve yet. */
	if (w->n_queues + w->n_rates < 3)
		return;
	say_queues(&p);
	say_rates(&p);
}
