/* SPDX-License-Identifier: GPL-2.0-only */
/* What probes saw: calls with their arguments, which task each CPU ran, and the scheduler's end. */
#include "report/trace-internal.h"

#include "base/cleanup.h"
#include "base/vec.h"

#define POINTS_MAX 4096u
#define DEPTH_MAX 128u		/* of calls in each other, on a CPU */
#define NAMES_MAX 4096u		/* tasks whose name is known */

struct point {
	bool there, exit, has_exit;
	struct ktstr_str function, target;
	struct ktstr_fields params, items;
};

struct event {
	uint64_t at_ns, n, pid;
	uint32_t cpu, point;
	struct ktstr_fields fields;
};

struct name {
	uint64_t pid;
	struct ktstr_str comm;
};

struct probes {
	struct trace *t;
	struct point *points;			/* POINTS_MAX */
	KTSTR_VEC(struct event) events;
	KTSTR_VEC(struct name) names;
	bool failed;
};

/* ---- points ---- */

static void add_point(struct probes *p, const struct ktstr_fields *f)
{
	struct ktstr_str at = { "", 0 };
	uint64_t n = POINTS_MAX;
	struct ktstr_fields list;
	struct point *point;

	ktstr_get_u64(f, "n", &n);
	if (n >= POINTS_MAX)
		return;
	point = &p->points[n];
	*point = (struct point){ .there = true };
	ktstr_get_str(f, "function", &point->function);
	ktstr_get_str(f, "target", &point->target);
	ktstr_get_str(f, "at", &at);
	point->exit = ktstr_str_is(at, "exit");
	if (ktstr_get_sub(f, "params", &list))
		point->params = list;
	if (ktstr_get_sub(f, "items", &list))
		point->items = list;
}

/* The same function of the same kind: a callback may be called as a kernel's function is. */
static bool is_call_of(const struct point *a, const struct point *b)
{
	return ktstr_str_equal(a->function, b->function) && ktstr_str_equal(a->target, b->target);
}

static void find_exits(struct probes *p)
{
	for (size_t i = 0; i < POINTS_MAX; i++)
		for (size_t k = 0; p->points[i].exit && k < POINTS_MAX; k++)
			if (p->points[k].there && !p->points[k].exit && is_call_of(&p->points[i], &p->points[k]))
				p->points[k].has_exit = true;
}

/* ---- events ---- */

/* Items of a call that say who its task is: its name by its pid. */
static void learn_name(struct probes *p, const struct point *point, const struct ktstr_fields *f)
{
	struct ktstr_fields items = point->items, values;
	struct ktstr_field item, value;
	struct ktstr_str name = { "", 0 };
	struct name found = { .pid = 0 };

	if (!ktstr_get_sub(f, "values", &values) || p->names.n == NAMES_MAX)
		return;
	while (ktstr_item_next(&items, &item) && item.type == KTSTR_FIELD_MAP && ktstr_item_next(&values, &value)) {
		ktstr_get_str(&item.sub, "name", &name);
		if (ktstr_str_is(name, "pid") && value.type == KTSTR_FIELD_U64)
			found.pid = value.u64;
		if (ktstr_str_is(name, "comm") && value.type == KTSTR_FIELD_TEXT)
			found.comm = value.str;
	}
	for (size_t i = 0; i < p->names.n; i++)
		if (p->names.items[i].pid == found.pid)
			return;
	if (found.pid && found.comm.len) {
		struct name *slot = ktstr_vec_add(&p->names);

		p->failed |= !slot;
		if (slot)
			*slot = found;
	}
}

static void add_event(struct probes *p, const struct ktstr_record *rec)
{
	uint64_t at_ns = trace_time(p->t, rec), cpu = TRACE_CPUS, point = POINTS_MAX;
	struct event *e;

	ktstr_get_u64(&rec->fields, "cpu", &cpu);
	ktstr_get_u64(&rec->fields, "point", &point);
	if (cpu >= TRACE_CPUS || point >= POINTS_MAX || !p->points[point].there || at_ns < p->t->begin_ns)
		return;
	learn_name(p, &p->points[point], &rec->fields);
	e = ktstr_vec_add(&p->events);
	if (!e) {
		p->failed = true;
		return;
	}
	*e = (struct event){ .at_ns = at_ns, .cpu = (uint32_t)cpu, .point = (uint32_t)point,
			     .fields = rec->fields };
	ktstr_get_u64(&rec->fields, "n", &e->n);
	ktstr_get_u64(&rec->fields, "pid", &e->pid);
}

static int compare(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n;
}

/* ---- calls ---- */

static json_t *argument(struct ktstr_str type, uint64_t value)
{
	return type.len && type.s[type.len - 1] == '*' ? json_sprintf("%#llx", (unsigned long long)value)
						       : ktstr_json_number(value);
}

static void add_arguments(json_t *args, const struct point *point, const struct ktstr_fields *f)
{
	struct ktstr_fields params = point->params, list;
	struct ktstr_field param, arg;

	if (!ktstr_get_sub(f, "args", &list))
		return;
	while (ktstr_item_next(&params, &param) && param.type == KTSTR_FIELD_MAP && ktstr_item_next(&list, &arg)) {
		struct ktstr_str name = { "", 0 }, type = { "", 0 };
		_cleanup_free_ char *key = NULL;

		ktstr_get_str(&param.sub, "name", &name);
		ktstr_get_str(&param.sub, "type", &type);
		key = strndup(name.s, name.len);
		if (key && *key && arg.type == KTSTR_FIELD_U64)
			json_object_set_new(args, key, argument(type, arg.u64));
	}
}

/* One that could not be read stands as an array with the reason's errno. */
static json_t *value_json(const struct ktstr_field *value)
{
	struct ktstr_fields list = value->sub;
	struct ktstr_field why;

	if (value->type != KTSTR_FIELD_ARRAY)
		return ktstr_json_field(value);
	if (!ktstr_item_next(&list, &why) || why.type != KTSTR_FIELD_U64 || why.u64 > 4095)
		return json_string("not readable");
	return json_sprintf("not readable: %s", strerror((int)why.u64));
}

/* Values of the subject, at entry or at return. */
static json_t *values_of(const struct point *point, const struct ktstr_fields *f)
{
	struct ktstr_fields items = point->items, list;
	struct ktstr_field item, value;
	json_t *values = json_object();

	if (!ktstr_get_sub(f, "values", &list))
		return values;
	while (ktstr_item_next(&items, &item) && item.type == KTSTR_FIELD_MAP && ktstr_item_next(&list, &value)) {
		struct ktstr_str name = { "", 0 };
		_cleanup_free_ char *key = NULL;

		ktstr_get_str(&item.sub, "name", &name);
		key = strndup(name.s, name.len);
		if (key && *key)
			json_object_set_new(values, key, value_json(&value));
	}
	return values;
}

static json_t *args_of(const struct probes *p, const struct event *entry, const struct event *exit)
{
	json_t *args = json_object();
	uint64_t ret;

	add_arguments(args, &p->points[entry->point], &entry->fields);
	json_object_set_new(args, "at entry", values_of(&p->points[entry->point], &entry->fields));
	if (!exit)
		return args;
	json_object_set_new(args, "at return", values_of(&p->points[exit->point], &exit->fields));
	if (ktstr_get_u64(&exit->fields, "ret", &ret))
		json_object_set_new(args, "returned", ktstr_json_number(ret));
	return args;
}

static void put_call(const struct probes *p, const struct event *entry, const struct event *exit, uint64_t end_ns)
{
	json_t *args = args_of(p, entry, exit);

	if (!exit)
		json_object_set_new(args, "not over", json_true());
	trace_slice(p->t, ktstr_json_str(p->points[entry->point].function), TRACK_CALLS, entry->cpu, entry->at_ns,
		    end_ns, args);
}

/* The calls that are open on one CPU. */
struct stack {
	const struct event *calls[DEPTH_MAX];
	size_t n;
};

/* A return belongs to the innermost open call of its function; what is inside of that lost its own. */
static void take_return(const struct probes *p, struct stack *s, const struct event *exit)
{
	size_t n = s->n;

	while (n && !is_call_of(&p->points[s->calls[n - 1]->point], &p->points[exit->point]))
		n--;
	if (!n)
		return;
	s->n = n - 1;
	put_call(p, s->calls[s->n], exit, exit->at_ns);
}

static void take_event(const struct probes *p, struct stack *s, const struct event *e)
{
	const struct point *point = &p->points[e->point];

	if (point->exit)
		take_return(p, s, e);
	else if (!point->has_exit)
		trace_instant(p->t, ktstr_json_str(point->function), TRACK_CALLS, e->cpu, e->at_ns, "t",
			      args_of(p, e, NULL));
	else if (s->n < DEPTH_MAX)
		s->calls[s->n++] = e;
}

/* ---- what ran ---- */

static json_t *task_name(const struct probes *p, uint64_t pid)
{
	for (size_t i = 0; i < p->names.n; i++)
		if (p->names.items[i].pid == pid) {
			json_t *comm = ktstr_json_str(p->names.items[i].comm), *name;

			name = json_sprintf("%s[%llu]", comm ? json_string_value(comm) : "?", (unsigned long long)pid);
			json_decref(comm);
			return name;
		}
	return json_sprintf("[%llu]", (unsigned long long)pid);
}

/* Events of one CPU say which task is on it: from the first to the last of them in a row. */
static void put_tasks(const struct probes *p, const struct event *events, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && events[k].pid == events[i].pid; k++)
			;
		if (events[i].pid)
			trace_slice(p->t, task_name(p, events[i].pid), TRACK_CPUS, events[i].cpu, events[i].at_ns,
				    events[k - 1].at_ns, NULL);
	}
}

/* ---- all of it ---- */

static void put_cpu(const struct probes *p, const struct event *events, size_t n)
{
	struct stack stack = { .n = 0 };

	put_tasks(p, events, n);
	for (size_t i = 0; i < n; i++)
		take_event(p, &stack, &events[i]);
	while (stack.n--)
		put_call(p, stack.calls[stack.n], NULL, p->t->end_ns);
}

static void put_end(const struct probes *p, const struct ktstr_record *rec)
{
	uint64_t cpu = 0;

	ktstr_get_u64(&rec->fields, "cpu", &cpu);
	trace_instant(p->t, json_string("the scheduler's end"), TRACK_CALLS, cpu, trace_time(p->t, rec), "g",
		      ktstr_json_fields(rec->fields));
}

static void read_journal(struct probes *p)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (!p->failed && ktstr_journal_next(p->t->journal, &cursor, &rec)) {
		if (rec.type == KTSTR_REC_PROBE_POINT)
			add_point(p, &rec.fields);
		else if (rec.type == KTSTR_REC_PROBE_EVENT)
			add_event(p, &rec);
		else if (rec.type == KTSTR_REC_PROBE_TRIGGER)
			put_end(p, &rec);
	}
}

int trace_put_probes(struct trace *t, struct ktstr_err *err)
{
	_cleanup_free_ struct point *points = calloc(POINTS_MAX, sizeof(*points));
	struct probes p = { .t = t, .points = points };

	if (!points)
		return ktstr_err_nomem(err);
	read_journal(&p);
	find_exits(&p);
	if (p.events.n)
		qsort(p.events.items, p.events.n, sizeof(*p.events.items), compare);
	for (size_t i = 0, k; i < p.events.n; i = k) {
		for (k = i + 1; k < p.events.n && p.events.items[k].cpu == p.events.items[i].cpu; k++)
			;
		put_cpu(&p, &p.events.items[i], k - i);
	}
	ktstr_vec_free(&p.events);
	ktstr_vec_free(&p.names);
	return p.failed ? ktstr_err_nomem(err) : 0;
}
