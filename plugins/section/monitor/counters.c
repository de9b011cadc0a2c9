/* SPDX-License-Identifier: GPL-2.0-only */
#include "monitor.h"

#include <stdio.h>

void copy_name(char *to, size_t size, struct ktstr_str from)
{
	snprintf(to, size, "%.*s", (int)(from.len < size ? from.len : size - 1), from.s);
}

/* ---- events ---- */

static struct event *find_event(struct events *e, struct ktstr_str name)
{
	for (size_t i = 0; i < e->n; i++)
		if (ktstr_str_is(name, e->items[i].name))
			return &e->items[i];
	if (e->n == EVENTS_MAX || name.len >= NAME_SIZE)
		return NULL;
	copy_name(e->items[e->n].name, NAME_SIZE, name);
	return &e->items[e->n++];
}

static bool get_signed(const struct ktstr_field *f, int64_t *ret)
{
	if (f->type == KTSTR_FIELD_S64)
		*ret = f->s64;
	else if (f->type == KTSTR_FIELD_U64 && f->u64 <= INT64_MAX)
		*ret = (int64_t)f->u64;
	else
		return false;
	return true;
}

/* What a counter grew by since the last sample. A new scheduler's counters begin at 0. */
static void add_event(struct event *event, int64_t value, bool first, bool fresh)
{
	int64_t before = first ? value : fresh ? 0 : event->last, delta;

	if (__builtin_sub_overflow(value, before, &delta) || delta < 0)
		delta = 0;	/* the guest has scribbled over it */
	if (__builtin_add_overflow(event->total, delta, &event->total))
		event->total = INT64_MAX;
	event->last = value;
}

void events_sample(struct events *e, const struct ktstr_record *record)
{
	uint64_t id = number(&record->fields, "id");
	bool first = !e->samples, fresh = id != e->id;
	struct ktstr_fields it;
	struct ktstr_field f;

	if (!ktstr_get_sub(&record->fields, "events", &it))
		return;
	ktstr_get_cstr(&record->fields, "ops", e->ops, sizeof(e->ops));
	while (ktstr_field_next(&it, &f)) {
		struct event *event = find_event(e, f.key);
		int64_t value;

		if (event && get_signed(&f, &value))
			add_event(event, value, first, fresh);
	}
	if (first)
		e->first_ns = record->host_ns;
	e->last_ns = record->host_ns;
	e->schedulers += fresh;
	e->id = id;
	e->samples++;
}

/* ---- domains ---- */

static const struct { const char *name; int only;
} columns[N_COLUMNS] = {
	[LB_COUNT] = { "lb_count", -1 },     [LB_FAILED] = { "lb_failed", -1 },
	[LB_GAINED] = { "lb_gained", -1 },   [LB_NEWIDLE] = { "lb_count", 2 },
	[ALB_PUSHED] = { "alb_pushed", -1 }, [TTWU_REMOTE] = { "ttwu_wake_remote", -1 },
};

static bool read_column(const struct ktstr_fields *counters, int column, uint64_t *ret)
{
	struct ktstr_field f, item;
	int i = 0;

	*ret = 0;
	if (!ktstr_get(counters, columns[column].name, &f))
		return false;
	if (f.type == KTSTR_FIELD_U64 && columns[column].only < 0) {
		*ret = f.u64;
		return true;
	}
	if (f.type != KTSTR_FIELD_ARRAY)
		return false;
	for (; ktstr_item_next(&f.sub, &item); i++)
		if (item.type == KTSTR_FIELD_U64 &&
		    (columns[column].only < 0 || columns[column].only == i))
			*ret += item.u64;
	return i > 0;
}

static struct level *find_level(struct domains *d, const struct ktstr_fields *f)
{
	struct ktstr_str name = { "", 0 };

	ktstr_get_str(f, "name", &name);
	for (size_t i = 0; i < d->n; i++)
		if (ktstr_str_is(name, d->items[i].name))
			return &d->items[i];
	return NULL;
}

static void add_level(struct domains *d, const struct ktstr_fields *f)
{
	struct level *l = find_level(d, f);
	struct ktstr_str name = { "", 0 };
	struct ktstr_fields counters;
	bool fresh = !l;

	if (!ktstr_get_str(f, "name", &name) || name.len >= NAME_SIZE ||
	    !ktstr_get_sub(f, "counters", &counters) || (fresh && d->n == LEVELS_MAX))
		return;
	if (fresh) {
		l = &d->items[d->n++];
		copy_name(l->name, NAME_SIZE, name);
	}
	l->cpus = number(f, "cpus");
	l->span = number(f, "span_weight");
	for (int c = 0; c < N_COLUMNS; c++) {
		l->has[c] = read_column(&counters, c, &l->last[c]);
		if (fresh)
			l->first[c] = l->last[c];
	}
}

void domains_sample(struct domains *d, const struct ktstr_record *record)
{
	struct ktstr_fields it;
	struct ktstr_field f;

	if (!ktstr_get_sub(&record->fields, "domains", &it))
		return;
	if (!d->first_ns)
		d->first_ns = record->host_ns;
	d->last_ns = record->host_ns;
	while (ktstr_item_next(&it, &f))
		if (f.type == KTSTR_FIELD_MAP)
			add_level(d, &f.sub);
}

/* ---- programs ---- */

static struct prog *find_prog(struct progs *p, uint64_t id)
{
	size_t i = p->n;

	while (i && p->items[i - 1].id > id)
		i--;
	if (i && p->items[i - 1].id == id)
		return &p->items[i - 1];
	if (p->n == PROGS_MAX)
		return NULL;
	memmove(&p->items[i + 1], &p->items[i], (p->n++ - i) * sizeof(*p->items));
	memset(&p->items[i], 0, sizeof(*p->items));
	p->items[i].id = id;
	return &p->items[i];
}

static void add_prog(struct progs *p, const struct ktstr_fields *f)
{
	struct prog *prog = find_prog(p, number(f, "id"));

	if (!prog)
		return;
	ktstr_get_cstr(f, "name", prog->name, sizeof(prog->name));
	ktstr_get_cstr(f, "type", prog->type, sizeof(prog->type));
	prog->has_insns = ktstr_get_u64(f, "verified_insns", &prog->insns);
	prog->has_cnt = ktstr_get_u64(f, "cnt", &prog->cnt) &&
			ktstr_get_u64(f, "nsecs", &prog->nsecs);
	if (p->samples)
		return;
	prog->cnt_before = prog->cnt;
	prog->nsecs_before = prog->nsecs;
}

void progs_sample(struct progs *p, const struct ktstr_record *record)
{
	struct ktstr_fields it;
	struct ktstr_field f;

	if (!ktstr_get_sub(&record->fields, "progs", &it))
		return;
	while (ktstr_item_next(&it, &f))
		if (f.type == KTSTR_FIELD_MAP)
			add_prog(p, &f.sub);
	p->samples++;
}
