/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/monitor: what the monitors saw from outside, from the first step of the scenario to its
 * end. Times are from the first sample on.
 */
#include "monitor.h"

#include <ktstr/text.h>
#include <ktstr/watch.h>

#include <stdio.h>

#define ABSENT_SIZE 512
#define WAITING_MAX 10

struct waiting {
	char comm[24];
	uint64_t pid, wait_ns, dsq;
	bool has_dsq;
};

struct monitor {
	const struct ktstr_watch *watch;
	struct events events;
	struct domains domains;
	struct progs progs;
	struct moments moments;
	struct waiting waiting[WAITING_MAX];	/* of the snapshot, the longest first */
	size_t n_waiting;
	uint64_t closer_ns;			/* when that was; 0: there was none */
	bool dump;
	bool any;
	char absent[ABSENT_SIZE];
};

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double since(const struct monitor *m, uint64_t ns)
{
	return ns > m->watch->first_ns ? seconds(ns - m->watch->first_ns) : 0;
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
	m->any |= !ktstr_str_is(who, "vcpus");
	if (ktstr_str_is(who, "scx-state"))
		events_sample(&m->events, record);
	else if (ktstr_str_is(who, "sched-domains"))
		domains_sample(&m->domains, record);
	else if (ktstr_str_is(who, "bpf-progs"))
		progs_sample(&m->progs, record);
}

/* ---- a closer look ---- */

static void take_task(struct monitor *m, const struct ktstr_fields *task)
{
	struct waiting *w = &m->waiting[m->n_waiting];

	if (m->n_waiting == WAITING_MAX || !ktstr_get_cstr(task, "comm", w->comm, sizeof(w->comm)))
		return;
	w->pid = number(task, "pid");
	w->wait_ns = number(task, "wait_ns");
	w->has_dsq = ktstr_get_u64(task, "dsq", &w->dsq);
	m->n_waiting++;
}

static void take_snapshot(struct monitor *m, const struct ktstr_record *record)
{
	struct ktstr_str who = { "", 0 };
	struct ktstr_fields tasks;
	struct ktstr_field task;

	ktstr_get_str(&record->fields, "monitor", &who);
	if (!ktstr_str_is(who, "tasks") || !ktstr_get_sub(&record->fields, "tasks", &tasks))
		return;
	while (ktstr_item_next(&tasks, &task))
		if (task.type == KTSTR_FIELD_MAP)
			take_task(m, &task.sub);
}

static void take_violation(struct monitor *m, const struct ktstr_record *record)
{
	if (m->closer_ns)
		return;
	m->closer_ns = record->host_ns;
	ktstr_get_bool(&record->fields, "dump", &m->dump);
}

/* ---- saying it ---- */

static void put_queues(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct ktstr_watch *q = m->watch;
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
		ktstr_append(text, sizeof(text), " on CPU %u at %.1f s", q->depth_cpu,
			     since(m, q->depth_ns));
	ktstr_append(text, sizeof(text), ", mean %.1f", q->depth_sum / (double)q->readings);
	doc->value(doc, "local DSQ depth", text);
	snprintf(text, sizeof(text), "mean %.1f a CPU", q->running_sum / (double)q->readings);
	doc->value(doc, "runnable tasks", text);
}

static void put_stall(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct ktstr_watch_row *stall = &m->watch->rows[KTSTR_WATCH_STALL];
	char text[128];

	if (!m->watch->samples)
		return;
	if (!stall->samples) {
		doc->value(doc, "stall", "none");
		return;
	}
	snprintf(text, sizeof(text), "CPU %u, from %.1f s to %.1f s", stall->cpu,
		 since(m, stall->begin_ns), since(m, stall->end_ns));
	doc->value(doc, "stall", text);
}

static unsigned put_violations(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct ktstr_watch *w = m->watch;
	char text[KTSTR_WATCH_RULES * sizeof(w->rows[0].text)] = "";
	unsigned n = 0;

	for (int i = 0; i < KTSTR_WATCH_RULES; i++)
		if (w->rows[i].sustained)
			ktstr_append(text, sizeof(text), "%s%s", n++ ? "; " : "", w->rows[i].text);
	if (w->samples)
		doc->value(doc, "sustained violation", n ? text : "none");
	return n;
}

static void put_verdict(const struct monitor *m, struct ktstr_doc *doc)
{
	const struct ktstr_watch *w = m->watch;
	unsigned n = put_violations(m, doc);
	char text[200];

	if (w->state == KTSTR_WATCH_VIOLATED)
		snprintf(text, sizeof(text), "violated, %u limit%s%s", n, n == 1 ? "" : "s",
			 w->decides ? "" : " (reported only)");
	else if (w->state == KTSTR_WATCH_INCONCLUSIVE)
		snprintf(text, sizeof(text), "inconclusive, %s", w->why);
	else
		snprintf(text, sizeof(text), "within the limits");
	doc->value(doc, "verdict", text);
	if (m->closer_ns) {
		snprintf(text, sizeof(text), "at %.1f s%s", since(m, m->closer_ns),
			 m->dump ? ", with a sched_ext dump" : "");
		doc->value(doc, "snapshot", text);
	}
	if (m->absent[0])
		doc->value(doc, "absent", m->absent);
}

static void put_waiting(const struct monitor *m, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "waiting task", NULL, KTSTR_COLUMN_TEXT },
		{ "pid", NULL, KTSTR_COLUMN_NUMBER },
		{ "waited", "ms", KTSTR_COLUMN_NUMBER },
		{ "DSQ", NULL, KTSTR_COLUMN_TEXT },
	};

	if (!m->n_waiting)
		return;
	doc->table_begin(doc, columns, 4);
	for (size_t i = 0; i < m->n_waiting; i++) {
		const struct waiting *w = &m->waiting[i];
		char pid[24], wait[24], dsq[24];

		snprintf(pid, sizeof(pid), "%llu", (unsigned long long)w->pid);
		snprintf(wait, sizeof(wait), "%.1f", (double)w->wait_ns / 1e6);
		snprintf(dsq, sizeof(dsq), "%#llx", (unsigned long long)w->dsq);
		doc->table_row(doc, (const char *const[]){ w->comm, pid, wait,
							   w->has_dsq ? dsq : NULL });
	}
	doc->table_end(doc);
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

	(void)values;
	if (m)
		m->progs.items = calloc(PROGS_MAX, sizeof(*m->progs.items));
	if (!m || !m->progs.items) {
		ret = ktstr_err_nomem(err);
		goto out;
	}
	m->watch = input->verdicts[0]->watch;
	while (input->next(input->journals[0], &cursor, &rec)) {
		moments_add(&m->moments, &rec, input->verdicts[0]);
		if (rec.type == KTSTR_REC_SAMPLE)
			take_sample(m, &rec);
		else if (rec.type == KTSTR_REC_VIOLATION)
			take_violation(m, &rec);
		else if (rec.type == KTSTR_REC_SNAPSHOT)
			take_snapshot(m, &rec);
	}
	if (!m->any) {
		ret = KTSTR_SECTION_IRRELEVANT;
		goto out;
	}
	put_queues(m, doc);
	put_stall(m, doc);
	put_verdict(m, doc);
	curves_say(input->verdicts[0], &m->moments, doc);
	put_waiting(m, doc);
	put_events(m, doc);
	put_domains(m, doc);
	put_progs(m, doc);
out:
	if (m)
		free(m->progs.items);
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
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-monitor", PLUGIN_VERSION, &plugin);
