/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/view.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "check/watch.h"
#include "report/fields-json.h"
#include "report/layout.h"

#define EVENTS_MAX 64
#define NAME_SIZE 48
#define LIST_MAX 16		/* rows of queues and of waiting tasks */

/* The last sample of one kind, as it came. */
struct last {
	struct ktstr_buf payload;
	struct ktstr_fields fields;	/* of it; empty while there is none */
	uint64_t at_ns;
	bool there;
};

enum { LAST_CPUS, LAST_VCPUS, LAST_STATE, LAST_QUEUES, LAST_TASKS, N_LAST };

struct event {
	char name[NAME_SIZE];
	int64_t value, before;
};

struct ktstr_view {
	char title[512], stage[128], violation[256], end[256];
	struct last last[N_LAST], vcpus_before;
	struct event events[EVENTS_MAX];
	size_t n_events;
	uint64_t events_ns, events_before_ns, scheduler;
	uint64_t now_ns;		/* of the last record */
	struct ktstr_watcher *watcher;
};

struct ktstr_view *ktstr_view_create(void)
{
	struct ktstr_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->watcher = ktstr_watcher_create();
	if (v->watcher)
		return v;
	free(v);
	return NULL;
}

static void free_samples(struct ktstr_view *v)
{
	for (size_t i = 0; i < N_LAST; i++)
		ktstr_buf_free(&v->last[i].payload);
	ktstr_buf_free(&v->vcpus_before.payload);
}

void ktstr_view_destroy(struct ktstr_view *v)
{
	if (!v)
		return;
	free_samples(v);
	ktstr_watcher_destroy(v->watcher);
	free(v);
}

/* ---- records ---- */

/* 0 when it is not there. */
static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static void add_text(char *buf, size_t size, const struct ktstr_fields *f, const char *key,
		     const char *before, const char *after)
{
	struct ktstr_str s;
	size_t used = strlen(buf);

	if (ktstr_get_str(f, key, &s) && s.len)
		snprintf(buf + used, size - used, "%s%.*s%s", before, KTSTR_STR_ARG(s), after);
}

/* An attempt that follows another one begins with nothing of it. */
static void forget(struct ktstr_view *v)
{
	struct ktstr_watcher *watcher = ktstr_watcher_create();

	if (!watcher)
		return;
	free_samples(v);
	ktstr_watcher_destroy(v->watcher);
	*v = (struct ktstr_view){ .watcher = watcher };
}

static void take_run(struct ktstr_view *v, const struct ktstr_fields *f)
{
	size_t size = sizeof(v->title);
	uint64_t attempt = number(f, "attempt");

	v->title[0] = '\0';
	add_text(v->title, size, f, "test", "", "");
	add_text(v->title, size, f, "scheduler", " [scheduler ", "]");
	add_text(v->title, size, f, "topology", " [topology ", "]");
	add_text(v->title, size, f, "kernel_release", " [kernel ", "]");
	if (attempt > 1)
		snprintf(v->title + strlen(v->title), size - strlen(v->title), " [attempt %llu]",
			 (unsigned long long)attempt);
}

static void take_stage(struct ktstr_view *v, const struct ktstr_fields *f)
{
	uint64_t n;

	v->stage[0] = '\0';
	add_text(v->stage, sizeof(v->stage), f, "stage", "", "");
	if (ktstr_get_u64(f, "n", &n))
		snprintf(v->stage + strlen(v->stage), sizeof(v->stage) - strlen(v->stage),
			 " %llu of %llu", (unsigned long long)n, (unsigned long long)number(f, "m"));
}

static bool first_has(const struct ktstr_fields *f, const char *list, const char *key)
{
	struct ktstr_field first, found;
	struct ktstr_fields it;

	return ktstr_get_sub(f, list, &it) && ktstr_item_next(&it, &first) &&
	       first.type == KTSTR_FIELD_MAP && ktstr_get(&first.sub, key, &found);
}

/* The list of a sample that has maps with those two keys: user queues have id and nr, whatever their
 * monitor calls itself. */
static bool find_list(const struct ktstr_fields *f, const char *key1, const char *key2,
		      struct ktstr_fields *ret)
{
	struct ktstr_fields it = *f, items;
	struct ktstr_field field, first, found;

	while (ktstr_field_next(&it, &field)) {
		if (field.type != KTSTR_FIELD_ARRAY)
			continue;
		items = field.sub;
		if (ktstr_item_next(&items, &first) && first.type == KTSTR_FIELD_MAP &&
		    ktstr_get(&first.sub, key1, &found) && ktstr_get(&first.sub, key2, &found)) {
			*ret = field.sub;
			return true;
		}
	}
	return false;
}

/* Which kind of sample it is, by what it has; -1: none of those that are shown. */
static int kind_of(const struct ktstr_fields *f)
{
	struct ktstr_fields sub;
	bool root;

	if (first_has(f, "cpus", "nr_running"))
		return LAST_CPUS;
	if (ktstr_get_sub(f, "cpu_ns", &sub))
		return LAST_VCPUS;
	if (ktstr_get_bool(f, "root", &root))
		return LAST_STATE;
	if (find_list(f, "id", "nr", &sub))
		return LAST_QUEUES;
	return find_list(f, "pid", "wait_ns", &sub) ? LAST_TASKS : -1;
}

static struct event *find_event(struct ktstr_view *v, struct ktstr_str name)
{
	for (size_t i = 0; i < v->n_events; i++)
		if (ktstr_str_is(name, v->events[i].name))
			return &v->events[i];
	if (v->n_events == EVENTS_MAX || name.len >= NAME_SIZE)
		return NULL;
	memcpy(v->events[v->n_events].name, name.s, name.len);
	return &v->events[v->n_events++];
}

/* Another scheduler's counters begin at 0. */
static void take_events(struct ktstr_view *v, const struct ktstr_record *record)
{
	struct ktstr_fields events;
	struct ktstr_field f;
	bool fresh = number(&record->fields, "id") != v->scheduler;

	if (!ktstr_get_sub(&record->fields, "events", &events))
		return;
	v->events_before_ns = v->events_ns;
	v->events_ns = record->host_ns;
	v->scheduler = number(&record->fields, "id");
	while (ktstr_field_next(&events, &f)) {
		struct event *e = find_event(v, f.key);

		if (!e)
			continue;
		e->before = fresh ? 0 : e->value;
		e->value = f.type == KTSTR_FIELD_S64 ? f.s64 : f.type == KTSTR_FIELD_U64 ?
			   (int64_t)f.u64 : 0;
	}
}

static void keep(struct last *last, const struct ktstr_record *record)
{
	const struct ktstr_fields *f = &record->fields;

	last->there = false;
	last->payload.len = 0;
	ktstr_buf_add(&last->payload, f->p, (size_t)(f->end - f->p));
	if (last->payload.failed)
		return;
	last->fields = *f;
	last->fields.p = last->payload.data;
	last->fields.end = last->payload.data + last->payload.len;
	last->at_ns = record->host_ns;
	last->there = true;
}

static void take_sample(struct ktstr_view *v, const struct ktstr_record *record)
{
	int kind = kind_of(&record->fields);
	struct last old;

	if (kind < 0)
		return;
	if (kind == LAST_VCPUS) {
		old = v->vcpus_before;
		v->vcpus_before = v->last[LAST_VCPUS];
		v->last[LAST_VCPUS] = old;
	}
	keep(&v->last[kind], record);
	if (kind == LAST_STATE)
		take_events(v, record);
}

static void take_done(struct ktstr_view *v, const struct ktstr_fields *f)
{
	v->end[0] = '\0';
	add_text(v->end, sizeof(v->end), f, "outcome", "", "");
	add_text(v->end, sizeof(v->end), f, "text", ": ", "");
}

void ktstr_view_add(struct ktstr_view *v, const struct ktstr_record *record)
{
	const struct ktstr_fields *f = &record->fields;

	if (record->type == KTSTR_REC_RUN && v->now_ns)
		forget(v);
	v->now_ns = record->host_ns > v->now_ns ? record->host_ns : v->now_ns;
	ktstr_watcher_add(v->watcher, record->type, record->host_ns, f);
	switch (record->type) {
	case KTSTR_REC_RUN: take_run(v, f); break;
	case KTSTR_REC_STAGE: take_stage(v, f); break;
	case KTSTR_REC_SAMPLE: take_sample(v, record); break;
	case KTSTR_REC_DONE: take_done(v, f); break;
	case KTSTR_REC_FAULT:
	case KTSTR_REC_VIOLATION:
		v->violation[0] = '\0';
		add_text(v->violation, sizeof(v->violation), f, "what", "", ": ");
		add_text(v->violation, sizeof(v->violation), f, "text", "", "");
		break;
	default: break;
	}
}

/* ---- lines ---- */

struct out {
	ktstr_view_line_fn *fn;
	void *ctx;
};

/* Parts of it are what a guest says. */
__attribute__((format(printf, 4, 5)))
static void say(const struct out *o, bool bold, bool alarm, const char *fmt, ...)
{
	_cleanup_buf_ struct ktstr_buf clean = { 0 };
	_cleanup_free_ char *text = NULL;
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ktstr_layout_escape(&clean, line, strlen(line));
	text = ktstr_buf_steal_str(&clean);
	o->fn(o->ctx, text ? text : "", bold, alarm);
}

static void say_head(struct ktstr_view *v, const struct out *o)
{
	const struct ktstr_watch *w = ktstr_watcher_result(v->watcher);
	uint64_t valid = w->samples - w->invalid;

	say(o, true, false, "%s", v->title[0] ? v->title : "(the run has not begun)");
	say(o, false, false, "%.1f s  stage: %s%s%s", (double)v->now_ns / 1e9,
	    v->stage[0] ? v->stage : "none yet", v->end[0] ? "  guest: " : "", v->end);
	if (valid)
		say(o, false, false, "imbalance ratio: max %.2f, mean %.2f  local DSQ depth: max %llu, "
		    "mean %.1f  samples: %llu", w->imbalance_max, w->imbalance_sum / (double)valid,
		    (unsigned long long)w->depth_max, w->depth_sum / (double)w->readings,
		    (unsigned long long)w->samples);
	if (v->violation[0])
		say(o, false, true, "%s", v->violation);
	for (int i = 0; i < KTSTR_WATCH_RULES; i++)
		if (w->rows[i].sustained)
			say(o, false, true, "limit violated: %s", w->rows[i].text);
}

static void say_state(const struct ktstr_view *v, const struct out *o)
{
	const struct ktstr_fields *f = &v->last[LAST_STATE].fields;
	char text[256] = "";

	if (!v->last[LAST_STATE].there)
		return;
	add_text(text, sizeof(text), f, "state", "", "");
	add_text(text, sizeof(text), f, "ops", "  scheduler ", "");
	say(o, false, number(f, "exit_kind"), "sched_ext: %s  exit kind %llu  bypass depth %llu", text,
	    (unsigned long long)number(f, "exit_kind"), (unsigned long long)number(f, "bypass_depth"));
}

/* By how much the i-th of such an array went up, in percent of the time since; below 0: not known. */
static double busy(const struct ktstr_view *v, const char *key, size_t i)
{
	const struct last *now = &v->last[LAST_VCPUS], *then = &v->vcpus_before;
	struct ktstr_fields a, b;
	struct ktstr_field x = { 0 }, y = { 0 };

	if (!now->there || !then->there || now->at_ns <= then->at_ns ||
	    !ktstr_get_sub(&now->fields, key, &a) || !ktstr_get_sub(&then->fields, key, &b))
		return -1;
	for (size_t k = 0; k <= i; k++)
		if (!ktstr_item_next(&a, &x) || !ktstr_item_next(&b, &y))
			return -1;
	if (x.type != KTSTR_FIELD_U64 || y.type != KTSTR_FIELD_U64 || x.u64 < y.u64)
		return -1;
	return 100 * (double)(x.u64 - y.u64) / (double)(now->at_ns - then->at_ns);
}

static void percent(char buf[16], double value)
{
	if (value < 0)
		snprintf(buf, 16, "-");
	else
		snprintf(buf, 16, "%.0f", value);
}

static void say_cpus(const struct ktstr_view *v, const struct out *o)
{
	struct ktstr_fields cpus;
	struct ktstr_field cpu;

	if (!v->last[LAST_CPUS].there || !ktstr_get_sub(&v->last[LAST_CPUS].fields, "cpus", &cpus))
		return;
	say(o, false, false, "%s", "");
	say(o, true, false, "%4s %5s %5s %5s %6s %6s  %-5s %7s %s", "CPU", "tasks", "ext", "DSQ", "host %",
	    "wait %", "class", "pid", "running");
	for (size_t i = 0; ktstr_item_next(&cpus, &cpu) && cpu.type == KTSTR_FIELD_MAP; i++) {
		const struct ktstr_fields *f = &cpu.sub;
		char comm[32] = "", class[16] = "", ran[16], waited[16];

		ktstr_get_cstr(f, "comm", comm, sizeof(comm));
		ktstr_get_cstr(f, "class", class, sizeof(class));
		percent(ran, busy(v, "cpu_ns", i));
		percent(waited, busy(v, "run_delay_ns", i));
		say(o, false, false, "%4zu %5llu %5llu %5llu %6s %6s  %-5s %7llu %s", i,
		    (unsigned long long)number(f, "nr_running"),
		    (unsigned long long)number(f, "scx_nr_running"),
		    (unsigned long long)number(f, "local_dsq"), ran, waited, class,
		    (unsigned long long)number(f, "pid"), comm);
	}
}

static void say_events(const struct ktstr_view *v, const struct out *o)
{
	double s = v->events_before_ns ? (double)(v->events_ns - v->events_before_ns) / 1e9 : 0;
	bool any = false;

	for (size_t i = 0; i < v->n_events; i++) {
		const struct event *e = &v->events[i];
		int64_t grown;

		if (!e->value || __builtin_sub_overflow(e->value, e->before, &grown))
			continue;
		if (!any) {
			say(o, false, false, "%s", "");
			say(o, true, false, "%-34s %14s %12s", "SCX event", "count", "/s");
		}
		any = true;
		say(o, false, false, "%-34s %14lld %12.1f", e->name, (long long)e->value,
		    s > 0 ? (double)grown / s : 0);
	}
}

static void say_queues(const struct ktstr_view *v, const struct out *o)
{
	struct ktstr_fields list;
	struct ktstr_field item;

	if (!v->last[LAST_QUEUES].there || !find_list(&v->last[LAST_QUEUES].fields, "id", "nr", &list))
		return;
	say(o, false, false, "%s", "");
	say(o, true, false, "%-18s %6s", "DSQ", "tasks");
	for (int i = 0; i < LIST_MAX && ktstr_item_next(&list, &item); i++)
		if (item.type == KTSTR_FIELD_MAP)
			say(o, false, false, "%#-18llx %6llu",
			    (unsigned long long)number(&item.sub, "id"),
			    (unsigned long long)number(&item.sub, "nr"));
}

static void say_tasks(const struct ktstr_view *v, const struct out *o)
{
	struct ktstr_fields list;
	struct ktstr_field item;

	if (!v->last[LAST_TASKS].there ||
	    !find_list(&v->last[LAST_TASKS].fields, "pid", "wait_ns", &list))
		return;
	say(o, false, false, "%s", "");
	say(o, true, false, "%-16s %7s %4s %10s %s", "waiting task", "pid", "CPU", "ms", "DSQ");
	for (int i = 0; i < LIST_MAX && ktstr_item_next(&list, &item); i++) {
		char comm[32] = "", dsq[24] = "-";
		uint64_t id;

		if (item.type != KTSTR_FIELD_MAP)
			continue;
		ktstr_get_cstr(&item.sub, "comm", comm, sizeof(comm));
		if (ktstr_get_u64(&item.sub, "dsq", &id))
			snprintf(dsq, sizeof(dsq), "%#llx", (unsigned long long)id);
		say(o, false, false, "%-16s %7llu %4llu %10.1f %s", comm,
		    (unsigned long long)number(&item.sub, "pid"),
		    (unsigned long long)number(&item.sub, "cpu"),
		    (double)number(&item.sub, "wait_ns") / 1e6, dsq);
	}
}

void ktstr_view_lines(struct ktstr_view *v, ktstr_view_line_fn *fn, void *ctx)
{
	const struct out o = { fn, ctx };

	say_head(v, &o);
	say_state(v, &o);
	say_cpus(v, &o);
	say_events(v, &o);
	say_queues(v, &o);
	say_tasks(v, &o);
}

/* ---- JSON ---- */

char *ktstr_view_json(const struct ktstr_record *record)
{
	json_t *j = json_object(), *fields = ktstr_json_fields(record->fields);
	char *text = NULL;

	if (j && fields) {
		json_object_set_new(j, "type", json_integer(record->type));
		json_object_set_new(j, "host_ns", json_integer((json_int_t)record->host_ns));
		json_object_update(j, fields);
		text = json_dumps(j, JSON_COMPACT);
	}
	json_decref(fields);
	json_decref(j);
	return text;
}
