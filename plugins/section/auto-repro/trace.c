/* SPDX-License-Identifier: GPL-2.0-only */
#include "trace.h"

#include <ktstr/task-name.h>

#include <errno.h>

/* ---- points ---- */

static void read_point(struct trace *t, const struct ktstr_fields *f)
{
	uint64_t n = POINTS_MAX;
	struct ktstr_field list;
	struct point *p;

	ktstr_get_u64(f, "n", &n);
	if (n >= POINTS_MAX)
		return;
	p = &t->points[n];
	*p = (struct point){ .there = true, .task = UINT64_MAX };
	ktstr_get_str(f, "function", &p->function);
	ktstr_get_str(f, "probe", &p->probe);
	ktstr_get_str(f, "at", &p->at);
	ktstr_get_str(f, "target", &p->target);
	ktstr_get_str(f, "op", &p->op);
	ktstr_get_str(f, "why", &p->why);
	ktstr_get_str(f, "by", &p->by);
	ktstr_get_str(f, "error", &p->error);
	ktstr_get_str(f, "file", &p->file);
	ktstr_get_u64(f, "line", &p->line);
	ktstr_get_u64(f, "task", &p->task);
	ktstr_get_bool(f, "attached", &p->attached);
	ktstr_get_str(f, "ret", &p->ret);
	if (ktstr_get(f, "params", &list) && list.type == KTSTR_FIELD_ARRAY)
		p->params = list.sub;
	if (ktstr_get(f, "items", &list) && list.type == KTSTR_FIELD_ARRAY)
		p->items = list.sub;
	t->n_points++;
	t->n_attached += p->attached;
}

static bool is_exit(const struct point *p)
{
	return ktstr_str_is(p->at, "exit");
}

static void find_exits(struct trace *t)
{
	for (size_t i = 0; i < POINTS_MAX; i++)
		for (size_t j = 0; t->points[i].attached && j < POINTS_MAX; j++)
			if (t->points[j].attached && is_exit(&t->points[j]) &&
			    ktstr_str_equal(t->points[i].function, t->points[j].function) &&
			    ktstr_str_equal(t->points[i].target, t->points[j].target))
				t->points[i].has_exit = true;
}

const struct point *trace_point(const struct trace *t, const struct event *e)
{
	return &t->points[e->point];
}

bool trace_is_bpf(const struct trace *t, const struct event *e)
{
	const struct point *p = trace_point(t, e);

	return ktstr_str_is(p->target, "callback") || ktstr_str_is(p->target, "program");
}

bool trace_item(const struct trace *t, const struct event *e, const char *name, struct ktstr_field *ret)
{
	struct ktstr_fields items = trace_point(t, e)->items, values;
	struct ktstr_field list, item;
	struct ktstr_str is = { "", 0 };

	if (!ktstr_get(&e->fields, "values", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	values = list.sub;
	while (ktstr_item_next(&items, &item) && ktstr_item_next(&values, ret)) {
		uint64_t param = UINT64_MAX;

		if (item.type != KTSTR_FIELD_MAP || !ktstr_get_str(&item.sub, "name", &is))
			return false;
		ktstr_get_u64(&item.sub, "param", &param);
		if (ktstr_str_is(is, name) && param == trace_point(t, e)->task)
			return true;
	}
	return false;
}

/* ---- records ---- */

static int read_event(struct trace *t, const struct ktstr_record *rec)
{
	uint64_t point = POINTS_MAX, cpu = CPUS_MAX;
	struct event *e;

	ktstr_get_u64(&rec->fields, "point", &point);
	ktstr_get_u64(&rec->fields, "cpu", &cpu);
	if (point >= POINTS_MAX || cpu >= CPUS_MAX)
		return 0;
	if (t->n_events == t->cap_events) {
		size_t cap = t->cap_events ? 2 * t->cap_events : 1024;

		e = realloc(t->events, cap * sizeof(*e));
		if (!e)
			return -ENOMEM;
		t->events = e;
		t->cap_events = cap;
	}
	e = &t->events[t->n_events++];
	*e = (struct event){ .time_ns = rec->guest_ns, .cpu = (uint32_t)cpu, .point = (uint32_t)point,
			     .fields = rec->fields };
	ktstr_get_u64(&rec->fields, "n", &e->n);
	ktstr_get_u64(&rec->fields, "pid", &e->pid);
	ktstr_get_u64(&rec->fields, "task", &e->task);
	return 0;
}

static void read_trigger(struct trace *t, const struct ktstr_record *rec)
{
	struct trigger *g = &t->trigger;
	uint64_t point = 0;
	struct ktstr_field stack;

	g->there = true;
	g->time_ns = rec->guest_ns;
	ktstr_get_u64(&rec->fields, "n", &g->n);
	ktstr_get_u64(&rec->fields, "cpu", &g->cpu);
	ktstr_get_u64(&rec->fields, "pid", &g->pid);
	ktstr_get_u64(&rec->fields, "kind", &g->kind);
	ktstr_get_u64(&rec->fields, "point", &point);
	ktstr_get_str(&rec->fields, "comm", &g->comm);
	g->point = point < POINTS_MAX ? (uint32_t)point : 0;
	if (ktstr_get(&rec->fields, "stack", &stack) && stack.type == KTSTR_FIELD_ARRAY)
		g->stack = stack.sub;
}

static void read_end(struct trace *t, const struct ktstr_fields *f)
{
	t->ended = true;
	ktstr_get_u64(f, "events", &t->captured);
	ktstr_get_u64(f, "lost", &t->lost);
	ktstr_get_u64(f, "missed", &t->missed);
	ktstr_get_u64(f, "runs", &t->runs);
	ktstr_get_u64(f, "cost_ns", &t->cost_ns);
}

static void read_guest_fault(struct trace *t, const struct ktstr_fields *f)
{
	struct ktstr_str what = { "", 0 };

	ktstr_get_str(f, "what", &what);
	if (ktstr_str_is(what, "prober") && !t->guest_fault[0])
		ktstr_get_cstr(f, "text", t->guest_fault, sizeof(t->guest_fault));
}

static int add_line(struct lines *lines, const struct ktstr_fields *f)
{
	struct ktstr_str text, *items;

	if (!ktstr_get_str(f, "text", &text))
		return 0;
	if (lines->n == lines->cap) {
		size_t cap = lines->cap ? 2 * lines->cap : 256;

		items = realloc(lines->items, cap * sizeof(*items));
		if (!items)
			return -ENOMEM;
		lines->items = items;
		lines->cap = cap;
	}
	lines->items[lines->n++] = text;
	return 0;
}

static int read_record(struct trace *t, const struct ktstr_record *rec)
{
	const struct ktstr_fields *f = &rec->fields;

	switch (rec->type) {
	case KTSTR_REC_REPRO: t->planned = true; break;
	case KTSTR_REC_PROBE_POINT: read_point(t, f); break;
	case KTSTR_REC_PROBE_EVENT: return read_event(t, rec);
	case KTSTR_REC_SCHED_OUT: return add_line(&t->scheduler_log, f);
	case KTSTR_REC_SCX_DUMP: return add_line(&t->dump, f);
	case KTSTR_REC_KMSG: return add_line(&t->kernel_log, f);
	case KTSTR_REC_PROBE_TRIGGER: read_trigger(t, rec); break;
	case KTSTR_REC_PROBE_END: read_end(t, f); break;
	case KTSTR_REC_GUEST_FAULT: read_guest_fault(t, f); break;
	case KTSTR_REC_HELLO: ktstr_get_u64(f, "cpus", &t->cpus); break;
	case KTSTR_REC_RUN_END: ktstr_get_u64(f, "duration_ns", &t->duration_ns); break;
	case KTSTR_REC_ENUM:
		if (t->n_enums < sizeof(t->enums) / sizeof(t->enums[0]))
			t->enums[t->n_enums++] = *f;
		break;
	case KTSTR_REC_SOURCE:
		if (!ktstr_get_str(f, "why", &t->no_source) &&
		    t->n_sources < sizeof(t->sources) / sizeof(t->sources[0]))
			t->sources[t->n_sources++] = *f;
		break;
	default: break;
	}
	return 0;
}

/* ---- calls ---- */

static int by_place(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

static uint64_t first_argument(const struct event *e)
{
	struct ktstr_field list, arg;

	if (!ktstr_get(&e->fields, "args", &list) || list.type != KTSTR_FIELD_ARRAY ||
	    !ktstr_item_next(&list.sub, &arg) || arg.type != KTSTR_FIELD_U64)
		return 0;
	return arg.u64;
}

static bool belongs(const struct trace *t, const struct event *entry, const struct event *exit)
{
	const struct point *a = trace_point(t, entry), *b = trace_point(t, exit);

	return ktstr_str_equal(a->function, b->function) && ktstr_str_equal(a->target, b->target) && entry->pid == exit->pid &&
	       first_argument(entry) == first_argument(exit);
}

#define OPEN_MAX 64

/* The calls of a CPU that have not returned yet, innermost last. */
struct open {
	struct call *calls[OPEN_MAX];
	uint32_t n;
};

/* What stands above the call that returns was left without a return that was seen. */
static void close_call(const struct trace *t, struct open *open, const struct event *exit)
{
	for (uint32_t i = open->n; i; i--)
		if (belongs(t, open->calls[i - 1]->entry, exit)) {
			open->calls[i - 1]->exit = exit;
			open->n = i - 1;
			return;
		}
}

static void open_call(struct trace *t, struct open *open, const struct event *entry)
{
	struct call *call = &t->calls[t->n_calls++];

	*call = (struct call){ .entry = entry, .depth = open->n };
	if (trace_point(t, entry)->has_exit && open->n < OPEN_MAX)
		open->calls[open->n++] = call;
}

static int make_calls(struct trace *t)
{
	struct open open = { .n = 0 };

	if (!t->n_events)
		return 0;
	qsort(t->events, t->n_events, sizeof(*t->events), by_place);
	t->calls = calloc(t->n_events, sizeof(*t->calls));
	if (!t->calls)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_events; i++) {
		if (!i || t->events[i].cpu != t->events[i - 1].cpu)
			open.n = 0;
		if (is_exit(trace_point(t, &t->events[i])))
			close_call(t, &open, &t->events[i]);
		else
			open_call(t, &open, &t->events[i]);
	}
	return 0;
}

/* ---- the first attempt ---- */

bool trace_named_task(const char *message, char *comm, size_t size, uint64_t *ret_pid)
{
	for (const char *open = strchr(message, '['); open; open = strchr(open + 1, '[')) {
		size_t digits = strspn(open + 1, "0123456789");
		const char *begin;

		if (!digits || open[1 + digits] != ']' || open == message || open[-1] == ' ')
			continue;
		begin = ktstr_task_name(message, open);
		snprintf(comm, size, "%.*s", (int)(open - begin), begin);
		*ret_pid = strtoull(open + 1, NULL, 10);
		return true;
	}
	return false;
}

/* Its worker, or what else runs in a cgroup of the scenario: the journal of that attempt knows. */
static void find_victim(struct trace *t, const struct ktstr_section_input *input)
{
	const char *message = input->verdicts[0]->exit_message;
	struct victim *v = &t->victim;
	struct ktstr_record rec;
	uint64_t cursor = 0;

	if (!message || !trace_named_task(message, v->comm, sizeof(v->comm), &v->pid))
		return;
	while (input->next(input->journals[0], &cursor, &rec)) {
		uint64_t pid = 0;

		if ((rec.type == KTSTR_REC_WORKER || rec.type == KTSTR_REC_PAYLOAD_START) &&
		    ktstr_get_u64(&rec.fields, "pid", &pid) && pid == v->pid)
			ktstr_get_str(&rec.fields, "cgroup", &v->cgroup);
	}
	/* The probes have its own name only; and that of the root is no cgroup of the scenario's. */
	for (const char *slash; v->cgroup.len && (slash = memchr(v->cgroup.s, '/', v->cgroup.len));)
		v->cgroup = (struct ktstr_str){ slash + 1, (size_t)(v->cgroup.s + v->cgroup.len - slash - 1) };
}

int trace_read(struct trace *t, const struct ktstr_section_input *input, size_t attempt)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;
	int ret = 0;

	memset(t, 0, sizeof(*t));
	t->verdict = input->verdicts[attempt];
	t->victim.cgroup.s = "";
	t->points = calloc(POINTS_MAX, sizeof(*t->points));
	if (!t->points)
		return -ENOMEM;
	while (!ret && input->next(input->journals[attempt], &cursor, &rec))
		ret = read_record(t, &rec);
	find_exits(t);
	if (attempt)
		find_victim(t, input);
	return ret ? ret : make_calls(t);
}

void trace_free(struct trace *t)
{
	free(t->points);
	free(t->events);
	free(t->calls);
	free(t->scheduler_log.items);
	free(t->dump.items);
	free(t->kernel_log.items);
}
