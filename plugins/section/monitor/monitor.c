/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/monitor: what the monitors saw from outside, from the first step of the scenario to its
 * end. Times are from the first sample on.
 */
#include "monitor.h"

#include <ktstr/text.h>

#include <stdio.h>

#define ABSENT_SIZE 512

enum { P_IMBALANCE, P_DEPTH, P_STALL, P_FALLBACK, P_KEEP_LAST, P_SUSTAINED };
static const struct ktstr_param params[] = {
	[P_IMBALANCE] = { .name = "max-imbalance-ratio",
			  .type = KTSTR_PARAM_UINT,
			  .def = "4",
			  .min = 1,
			  .max = 100000,
			  .help = "of the largest run queue to the smallest" },
	[P_DEPTH] = { .name = "max-local-dsq-depth",
		      .type = KTSTR_PARAM_UINT,
		      .def = "50",
		      .max = 10000,
		      .unit = "tasks",
		      .help = "in one CPU's local DSQ" },
	[P_STALL] = { .name = "stall",
		      .type = KTSTR_PARAM_BOOL,
		      .def = "true",
		      .help = "whether a CPU whose clock stands still is a violation" },
	[P_FALLBACK] = { .name = "max-fallback-rate",
			 .type = KTSTR_PARAM_UINT,
			 .def = "200",
			 .max = 1000000000,
			 .unit = "1/s",
			 .help = "of select_cpu_fallback" },
	[P_KEEP_LAST] = { .name = "max-keep-last-rate",
			  .type = KTSTR_PARAM_UINT,
			  .def = "100",
			  .max = 1000000000,
			  .unit = "1/s",
			  .help = "of dispatch_keep_last" },
	[P_SUSTAINED] = { .name = "sustained-samples",
			  .type = KTSTR_PARAM_UINT,
			  .def = "5",
			  .min = 1,
			  .max = 1000000,
			  .help = "in a row make a sustained violation" },
};

struct monitor {
	struct thresholds t;
	struct queues queues;
	struct events events;
	struct domains domains;
	struct progs progs;
	bool any;
	char absent[ABSENT_SIZE];
};

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double since(const struct monitor *m, uint64_t ns)
{
	return ns > m->queues.first_ns ? seconds(ns - m->queues.first_ns) : 0;
}

/* ---- gathering ---- */

static void note_absent(struct monitor *m, const struct ktstr_fields *f, struct ktstr_str monitor)
{
	struct ktstr_str error;
	struct ktstr_fields it;
	struct ktstr_field name;
	size_t size = sizeof(m->absent);

	if (ktstr_get_str(f, "error", &error))
		ktstr_append(m->absent, size, "%s%.*s: %.*s", m->absent[0] ? "; " : "",
			     KTSTR_STR_ARG(monitor), KTSTR_STR_ARG(error));
	if (!ktstr_get_sub(f, "absent", &it))
		return;
	while (ktstr_item_next(&it, &name))
		if (name.type == KTSTR_FIELD_TEXT)
			ktstr_append(m->absent, size, "%s%.*s", m->absent[0] ? "; " : "",
				     KTSTR_STR_ARG(name.str));
}

static void take_sample(struct monitor *m, const struct ktstr_record *record)
{
	struct ktstr_str who = { "", 0 };

	ktstr_get_str(&record->fields, "monitor", &who);
	note_absent(m, &record->fields, who);
	if (ktstr_str_is(who, "vcpus")) {
		queues_vcpus(&m->queues, record);
		return;
	}
	m->any = true;
	if (ktstr_str_is(who, "runqueues"))
		queues_sample(&m->queues, record, &m->t);
	else if (ktstr_str_is(who, "scx-state"))
		events_sample(&m->events, record, &m->t);
	else if (ktstr_str_is(who, "sched-domains"))
		domains_sample(&m->domains, record);
	else if (ktstr_str_is(who, "bpf-progs"))
		progs_sample(&m->progs, record);
}

/* ---- violations ---- */

/* A row of trackers, in the order in which they are told. */
struct rule {
	const char *what;
	const struct tracker *tracker;
	uint64_t threshold;
	int digits;
};

static size_t list_rules(const struct monitor *m, struct rule rules[5])
{
	const struct cpu *stalled = m->t.stall ? queues_stalled(&m->queues) : NULL;
	size_t n = 0;

	rules[n++] = (struct rule){ "imbalance ratio", &m->queues.imbalance, m->t.imbalance, 2 };
	rules[n++] = (struct rule){ "local DSQ depth", &m->queues.depth, m->t.depth, 0 };
	rules[n++] = (struct rule){ "select_cpu_fallback/s", &m->events.fallback,
				    m->t.fallback_rate, 1 };
	rules[n++] = (struct rule){ "dispatch_keep_last/s", &m->events.keep_last,
				    m->t.keep_last_rate, 1 };
	if (stalled)
		rules[n++] = (struct rule){ "stall", &stalled->stall, 0, -1 };
	return n;
}

static void describe_rule(const struct monitor *m, const struct rule *r, char *text, size_t size)
{
	const struct tracker *t = r->tracker;

	text[0] = '\0';
	if (r->digits < 0)
		ktstr_append(text, size, "stall of CPU %zu",
			     (size_t)((const struct cpu *)((const char *)t -
							   offsetof(struct cpu, stall)) -
				      m->queues.cpus));
	else
		ktstr_append(text, size, "%s %.*f > %llu", r->what, r->digits, t->worst,
			     (unsigned long long)r->threshold);
	ktstr_append(text, size, " in %llu samples in a row, from %.1f s to %.1f s",
		     (unsigned long long)t->longest, since(m, t->longest_begin_ns),
		     since(m, t->longest_end_ns));
}

/* All violations that lasted, separated by "; "; how many. */
static unsigned sustained(const struct monitor *m, char *text, size_t size)
{
	struct rule rules[5];
	unsigned found = 0;
	char one[160];

	text[0] = '\0';
	for (size_t i = 0, n = list_rules(m, rules); i < n; i++) {
		if (rules[i].tracker->longest < m->t.sustained)
			continue;
		describe_rule(m, &rules[i], one, sizeof(one));
		ktstr_append(text, size, "%s%s", found++ ? "; " : "", one);
	}
	return found;
}

/* ---- saying it ---- */

static void put_queues(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct queues *q = &m->queues;
	uint64_t valid = q->samples - q->invalid;
	char text[160] = "";

	snprintf(text, sizeof(text), "%llu in %.1f s, every %.4g ms",
		 (unsigned long long)q->samples, seconds(q->last_ns - q->first_ns),
		 (double)q->period_ns / 1e6);
	if (q->invalid)
		ktstr_append(text, sizeof(text), "; %llu left out, implausible",
			     (unsigned long long)q->invalid);
	doc->value(doc, "samples", text);
	if (!valid)
		return;
	snprintf(text, sizeof(text), "max %.2f at %.1f s, mean %.2f", q->imbalance_max,
		 since(m, q->imbalance_max_ns), q->imbalance_sum / (double)valid);
	doc->value(doc, "imbalance ratio", text);
	snprintf(text, sizeof(text), "max %llu", (unsigned long long)q->depth_max);
	if (q->depth_max)
		ktstr_append(text, sizeof(text), " on CPU %llu at %.1f s",
			     (unsigned long long)q->depth_cpu, since(m, q->depth_ns));
	ktstr_append(text, sizeof(text), ", mean %.1f", q->depth_sum / (double)q->readings);
	doc->value(doc, "local DSQ depth", text);
	snprintf(text, sizeof(text), "mean %.1f a CPU", q->running_sum / (double)q->readings);
	doc->value(doc, "runnable tasks", text);
}

static void put_stall(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct cpu *c = queues_stalled(&m->queues);
	char text[128];

	if (!m->queues.samples)
		return;
	if (!c) {
		doc->value(doc, "stall", "none");
		return;
	}
	snprintf(text, sizeof(text), "CPU %zu, from %.1f s to %.1f s", (size_t)(c - m->queues.cpus),
		 since(m, c->stall.longest_begin_ns), since(m, c->stall.longest_end_ns));
	doc->value(doc, "stall", text);
}

/* No data is no verdict. */
static void put_verdict(const struct monitor *m, struct ktstr_doc *doc)
{
	char violations[800], text[832];
	unsigned n = sustained(m, violations, sizeof(violations));

	if (m->queues.samples)
		doc->value(doc, "sustained violation", n ? violations : "none");
	if (n)
		snprintf(text, sizeof(text), "violated, %u threshold%s", n, n == 1 ? "" : "s");
	else if (m->queues.samples - m->queues.invalid < m->t.sustained)
		snprintf(text, sizeof(text), "inconclusive, %llu usable sample%s of run queues",
			 (unsigned long long)(m->queues.samples - m->queues.invalid),
			 m->queues.samples - m->queues.invalid == 1 ? "" : "s");
	else if (!m->events.samples)
		snprintf(text, sizeof(text),
			 "inconclusive, no event counters; run queues within their "
			 "thresholds");
	else
		snprintf(text, sizeof(text), "within the thresholds");
	doc->value(doc, "verdict", text);
	if (m->absent[0])
		doc->value(doc, "absent", m->absent);
}

static bool always_shown(const char *name)
{
	static const char *const names[] = {
		"select_cpu_fallback",
		"dispatch_keep_last",
		"enq_skip_exiting",
		"enq_skip_migration_disabled",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void put_events(const struct monitor *m, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "SCX event", NULL, KTSTR_COLUMN_TEXT }, { "count", NULL, KTSTR_COLUMN_NUMBER },
		{ "rate", "/s", KTSTR_COLUMN_NUMBER },
	};
	const struct events *e = &m->events;
	double s = seconds(e->last_ns - e->first_ns);
	char count[24], rate[24];

	if (!e->samples)
		return;
	doc->table_begin(doc, columns, 3);
	for (size_t i = 0; i < e->n; i++) {
		if (!e->items[i].total && !always_shown(e->items[i].name))
			continue;
		snprintf(count, sizeof(count), "%lld", (long long)e->items[i].total);
		snprintf(rate, sizeof(rate), "%.1f", s > 0 ? (double)e->items[i].total / s : 0);
		doc->table_row(doc, (const char *const[]){ e->items[i].name, count,
							   s > 0 ? rate : NULL });
	}
	doc->table_end(doc);
}

static void put_domains(const struct monitor *m, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "domain", NULL, KTSTR_COLUMN_TEXT },
		{ "CPUs", NULL, KTSTR_COLUMN_NUMBER },
		{ "balance", "/s", KTSTR_COLUMN_NUMBER },
		{ "failed", "/s", KTSTR_COLUMN_NUMBER },
		{ "pulled", "/s", KTSTR_COLUMN_NUMBER },
		{ "new idle", "/s", KTSTR_COLUMN_NUMBER },
		{ "pushed", "/s", KTSTR_COLUMN_NUMBER },
		{ "remote wake-ups", "/s", KTSTR_COLUMN_NUMBER },
	};
	const struct domains *d = &m->domains;
	double s = seconds(d->last_ns - d->first_ns);

	if (!d->n || s <= 0)
		return;
	doc->table_begin(doc, columns, 2 + N_COLUMNS);
	for (size_t i = 0; i < d->n; i++) {
		const struct level *l = &d->items[i];
		char text[1 + N_COLUMNS][24];
		const char *cells[2 + N_COLUMNS] = { l->name, text[N_COLUMNS] };

		snprintf(text[N_COLUMNS], sizeof(text[0]), "%llu", (unsigned long long)l->span);
		for (int c = 0; c < N_COLUMNS; c++) {
			double delta = l->last[c] > l->first[c] ? (double)(l->last[c] - l->first[c])
								: 0;

			snprintf(text[c], sizeof(text[c]), "%.1f", delta / s);
			cells[2 + c] = l->has[c] ? text[c] : NULL;
		}
		doc->table_row(doc, cells);
	}
	doc->table_end(doc);
}

static void put_progs(const struct monitor *m, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "BPF program", NULL, KTSTR_COLUMN_TEXT },
		{ "type", NULL, KTSTR_COLUMN_TEXT },
		{ "verified insns", NULL, KTSTR_COLUMN_NUMBER },
		{ "runs", NULL, KTSTR_COLUMN_NUMBER },
		{ "mean", "ns", KTSTR_COLUMN_NUMBER },
	};

	if (!m->progs.n)
		return;
	doc->table_begin(doc, columns, 5);
	for (size_t i = 0; i < m->progs.n; i++) {
		const struct prog *p = &m->progs.items[i];
		uint64_t runs = p->cnt > p->cnt_before ? p->cnt - p->cnt_before : 0;
		uint64_t ns = p->nsecs > p->nsecs_before ? p->nsecs - p->nsecs_before : 0;
		char insns[24], count[24], mean[24];

		snprintf(insns, sizeof(insns), "%llu", (unsigned long long)p->insns);
		snprintf(count, sizeof(count), "%llu", (unsigned long long)runs);
		snprintf(mean, sizeof(mean), "%.0f", runs ? (double)ns / (double)runs : 0);
		doc->table_row(doc,
			       (const char *const[]){ p->name, p->type, p->has_insns ? insns : NULL,
						      p->has_cnt ? count : NULL,
						      p->has_cnt && runs ? mean : NULL });
	}
	doc->table_end(doc);
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	struct monitor *m = calloc(1, sizeof(*m));
	uint64_t cursor = 0;
	struct ktstr_record rec;
	int ret = 0;

	if (m)
		m->queues.cpus = calloc(CPUS_MAX, sizeof(*m->queues.cpus));
	if (m && m->queues.cpus)
		m->progs.items = calloc(PROGS_MAX, sizeof(*m->progs.items));
	if (!m || !m->progs.items) {
		ret = ktstr_err_nomem(err);
		goto out;
	}
	m->t = (struct thresholds){
		values[P_IMBALANCE].u64, values[P_DEPTH].u64,	  values[P_FALLBACK].u64,
		values[P_KEEP_LAST].u64, values[P_SUSTAINED].u64, values[P_STALL].boolean,
	};
	while (input->next(input->journals[0], &cursor, &rec))
		if (rec.type == KTSTR_REC_SAMPLE)
			take_sample(m, &rec);
	if (!m->any) {
		ret = KTSTR_SECTION_IRRELEVANT;
		goto out;
	}
	put_queues(m, doc);
	put_stall(m, doc);
	put_verdict(m, doc);
	put_events(m, doc);
	put_domains(m, doc);
	put_progs(m, doc);
out:
	if (m) {
		free(m->queues.cpus);
		free(m->progs.items);
	}
	free(m);
	return ret;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_MONITOR,
	.title = "monitor",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "monitor",
	.summary = "what was seen from outside: run queues, events, load balancing, BPF programs",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-monitor", PLUGIN_VERSION, &plugin);
