/* SPDX-License-Identifier: GPL-2.0-only */
#include "show.h"

#include "decode.h"

#include <ktstr/text.h>

#define FAILED_MAX 6	/* points that were not attached, told one by one */

/* ---- places ---- */

/* What a path of a build is cut at, to be one of the source's. */
void show_place(struct ktstr_str file, uint64_t line, char *buf, size_t size)
{
	static const char *const roots[] = { "/./", "/kernel/", "/fs/", "/arch/", "/mm/", "/net/", "/drivers/", "/include/",
					     "/block/", "/lib/", "/security/", "/ipc/", "/init/", "/scx/scheds/",
					     "/tools/sched_ext/" };
	const char *best = NULL;

	buf[0] = '\0';
	if (!file.len || !line)
		return;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const char *at = memmem(file.s, file.len, roots[i], strlen(roots[i]));

		if (at && !i)
			at += 2;
		if (at && (!best || at < best))
			best = at;
	}
	best = best ? best + 1 : file.s;
	snprintf(buf, size, "%.*s:%llu", (int)(file.s + file.len - best), best, (unsigned long long)line);
}

/* Of a kernel's function, when its debug information was there. */
static void find_source(const struct trace *t, struct ktstr_str function, uint64_t offset, char *buf, size_t size)
{
	for (size_t i = 0; i < t->n_sources; i++) {
		struct ktstr_str name = { "", 0 }, file = { "", 0 };
		uint64_t at = 0, line = 0;

		ktstr_get_str(&t->sources[i], "function", &name);
		ktstr_get_u64(&t->sources[i], "offset", &at);
		ktstr_get_str(&t->sources[i], "file", &file);
		ktstr_get_u64(&t->sources[i], "line", &line);
		if (!ktstr_str_equal(name, function) || at != offset || !file.len)
			continue;
		snprintf(buf, size, "%.*s:%llu", KTSTR_STR_ARG(file), (unsigned long long)line);
		return;
	}
}

static void place_of(const struct trace *t, const struct point *p, char *buf, size_t size)
{
	show_place(p->file, p->line, buf, size);
	if (!buf[0])
		find_source(t, p->function, 0, buf, size);
}

/* ---- what was attached ---- */

static void show_failed(const struct trace *t, struct ktstr_doc *doc)
{
	size_t n = 0;
	char text[512];

	for (size_t i = 0; i < POINTS_MAX; i++) {
		const struct point *p = &t->points[i];

		if (!p->there || p->attached || n++ >= FAILED_MAX)
			continue;
		snprintf(text, sizeof(text), "%.*s (%.*s): %.*s", KTSTR_STR_ARG(p->function),
			 KTSTR_STR_ARG(p->at), KTSTR_STR_ARG(p->error));
		doc->value(doc, "not attached", text);
	}
	if (n > FAILED_MAX) {
		snprintf(text, sizeof(text), "and %zu more", n - FAILED_MAX);
		doc->value(doc, "not attached", text);
	}
}

void show_probes(const struct trace *t, struct ktstr_doc *doc)
{
	const struct point *p = &t->points[t->trigger.point];
	char text[512], kind[64];

	if (t->trigger.there) {
		decode_enum(t, "scx_exit_kind", t->trigger.kind, kind, sizeof(kind));
		snprintf(text, sizeof(text), "%.*s (%.*s) on CPU %llu, in %.*s[%llu]: %s", KTSTR_STR_ARG(p->function),
			 KTSTR_STR_ARG(p->by), (unsigned long long)t->trigger.cpu, KTSTR_STR_ARG(t->trigger.comm),
			 (unsigned long long)t->trigger.pid, kind);
		doc->value(doc, "trigger", text);
	} else {
		doc->value(doc, "trigger", "none fired");
	}
	snprintf(text, sizeof(text), "%zu of %zu points attached", t->n_attached, t->n_points);
	if (t->ended)
		ktstr_append(text, sizeof(text), "; %llu events, %llu of them overwritten, %llu missed",
			     (unsigned long long)t->captured, (unsigned long long)t->lost,
			     (unsigned long long)t->missed);
	if (t->cost_ns)
		ktstr_append(text, sizeof(text), "; %.1f ms spent in %llu probe runs", (double)t->cost_ns / 1e6,
			     (unsigned long long)t->runs);
	doc->value(doc, "probes", text);
	show_failed(t, doc);
}

/* ---- the subject ---- */

void show_subject(const struct trace *t, const struct story *s, struct ktstr_doc *doc)
{
	char text[512], place[256];
	const struct point *p;

	if (s->nobody)
		snprintf(text, sizeof(text), "none: %s", s->because);
	else
		snprintf(text, sizeof(text), "%s[%llu]: %s%s", s->comm[0] ? s->comm : "?",
			 (unsigned long long)s->pid, s->because, s->guess ? ", which is a guess" : "");
	if (t->trigger.kind == KIND_STALL && t->victim.comm[0] && s->task)
		ktstr_append(text, sizeof(text), "; %s %s[%llu] in the first attempt%s%.*s",
			     s->is_victim ? "as" : "it was", t->victim.comm, (unsigned long long)t->victim.pid,
			     t->victim.cgroup.len ? ", of cgroup " : "", KTSTR_STR_ARG(t->victim.cgroup));
	if (s->guess && !s->pid)
		ktstr_append(text, sizeof(text), " (the idle task: most likely not the one)");
	doc->value(doc, "subject", text);
	if (!s->has_value)
		return;
	if (!s->culprit) {
		snprintf(text, sizeof(text), "0x%llx is among its values, but in no callback that was seen did it come up",
			 (unsigned long long)s->value);
	} else {
		p = trace_point(t, s->culprit->entry);
		place_of(t, p, place, sizeof(place));
		snprintf(text, sizeof(text), "0x%llx came up in %.*s%s%s%s", (unsigned long long)s->value,
			 KTSTR_STR_ARG(p->function), place[0] ? " (" : "", place, place[0] ? ")" : "");
	}
	doc->value(doc, "the value", text);
}

/* ---- values ---- */

/* The items of a call in turn: what they are, and their values at entry and at return. */
struct items {
	struct ktstr_fields items, entry, exit;
	bool has_exit;
};

static bool values_of(const struct event *e, struct ktstr_fields *ret)
{
	struct ktstr_field list;

	if (!e || !ktstr_get(&e->fields, "values", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	*ret = list.sub;
	return true;
}

static struct items items_of(const struct trace *t, const struct call *call)
{
	struct items it = { .items = trace_point(t, call->entry)->items };

	if (!values_of(call->entry, &it.entry))
		it.items = (struct ktstr_fields){ 0 };
	it.has_exit = values_of(call->exit, &it.exit);
	return it;
}

/* A value of the subject at entry and at return. */
struct change {
	char before[256], after[256];	/* after: "" when the return was not seen */
	bool changed;
};

/* False at the end. */
static bool next_value(const struct trace *t, struct items *it, struct ktstr_field *ret_item,
		       struct change *change)
{
	struct ktstr_field before, after;

	if (!ktstr_item_next(&it->items, ret_item) || ret_item->type != KTSTR_FIELD_MAP ||
	    !ktstr_item_next(&it->entry, &before))
		return false;
	decode_item(t, &ret_item->sub, &before, change->before, sizeof(change->before));
	change->after[0] = '\0';
	if (it->has_exit && ktstr_item_next(&it->exit, &after))
		decode_item(t, &ret_item->sub, &after, change->after, sizeof(change->after));
	change->changed = change->after[0] && strcmp(change->before, change->after);
	return true;
}

static bool is_name(const struct ktstr_field *item, const char *name)
{
	struct ktstr_str is = { "", 0 };

	return ktstr_get_str(&item->sub, "name", &is) && ktstr_str_is(is, name);
}

/* What changes with every call and tells nothing. */
static bool is_noise(const struct ktstr_field *item)
{
	return is_name(item, "scx.runnable_at") || is_name(item, "on_cpu");
}

/* What a call changed, in one line: "scx.ddsp_dsq_id invalid → 0xcafef00d". */
static void say_changes(const struct trace *t, const struct call *call, char *buf, size_t size)
{
	struct items it = items_of(t, call);
	struct ktstr_field item;
	struct change change;

	buf[0] = '\0';
	while (next_value(t, &it, &item, &change)) {
		struct ktstr_str name = { "", 0 };

		if (!change.changed || is_noise(&item))
			continue;
		ktstr_get_str(&item.sub, "name", &name);
		ktstr_append(buf, size, "%s%.*s %s → %s", buf[0] ? ", " : "", KTSTR_STR_ARG(name),
			     change.before, change.after);
	}
}

/* ---- the journey ---- */

static void say_when(const struct trace *t, const struct event *e, char *buf, size_t size)
{
	uint64_t ns = t->trigger.time_ns > e->time_ns ? t->trigger.time_ns - e->time_ns : 0;

	snprintf(buf, size, "%.3f", (double)ns / 1e6);
}

void show_journey(const struct trace *t, const struct story *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "before", "ms", KTSTR_COLUMN_NUMBER }, { "CPU", NULL, KTSTR_COLUMN_NUMBER },
		{ "step", NULL, KTSTR_COLUMN_TEXT }, { "what it changed", NULL, KTSTR_COLUMN_TEXT },
	};
	char text[128];

	if (!s->n_journey)
		return;
	snprintf(text, sizeof(text), "The last %zu step%s ", s->n_journey, s->n_journey == 1 ? "" : "s");
	if (s->nobody)
		ktstr_append(text, sizeof(text), "on CPU %llu before the exit:", (unsigned long long)s->cpu);
	else
		ktstr_append(text, sizeof(text), "of %s[%llu] before the exit:", s->comm,
			     (unsigned long long)s->pid);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	doc->table_begin(doc, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < s->n_journey; i++) {
		const struct call *call = s->journey[i];
		const struct point *p = trace_point(t, call->entry);
		char when[32], cpu[16], step[160], changes[1024];

		say_when(t, call->entry, when, sizeof(when));
		snprintf(cpu, sizeof(cpu), "%u", call->entry->cpu);
		snprintf(step, sizeof(step), "%.*s%s", KTSTR_STR_ARG(p->function),
			 story_was_open(t, call) ? " (not over)" : "");
		if (call == s->culprit)
			ktstr_append(step, sizeof(step), " <- here");
		if (s->repeats[i])
			ktstr_append(step, sizeof(step), ", %u times", s->repeats[i] + 1);
		say_changes(t, call, changes, sizeof(changes));
		doc->table_row(doc, (const char *[]){ when, cpu, step, changes });
	}
	doc->table_end(doc);
}

/* ---- the functions ---- */

static void show_arguments(const struct trace *t, const struct call *call, struct ktstr_doc *doc)
{
	struct ktstr_fields params = trace_point(t, call->entry)->params, args;
	struct ktstr_field list, param, arg;

	if (!ktstr_get(&call->entry->fields, "args", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	args = list.sub;
	for (unsigned i = 0; ktstr_item_next(&params, &param) && ktstr_item_next(&args, &arg); i++) {
		struct ktstr_str name = { "", 0 }, type = { "", 0 };
		char key[128], value[256];

		if (param.type != KTSTR_FIELD_MAP || arg.type != KTSTR_FIELD_U64)
			return;
		ktstr_get_str(&param.sub, "name", &name);
		ktstr_get_str(&param.sub, "type", &type);
		if (name.len)
			snprintf(key, sizeof(key), "%.*s%s%.*s", KTSTR_STR_ARG(type),
				 type.len && type.s[type.len - 1] == '*' ? "" : " ", KTSTR_STR_ARG(name));
		else
			snprintf(key, sizeof(key), "%.*s arg%u", KTSTR_STR_ARG(type), i);
		decode_argument(t, name, type, arg.u64, value, sizeof(value));
		doc->change(doc, key, value, NULL);
	}
}

/* The members of nothing are none. */
static bool is_null(const struct call *call, uint64_t param)
{
	struct ktstr_field list, arg;

	if (!ktstr_get(&call->entry->fields, "args", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	for (uint64_t i = 0; ktstr_item_next(&list.sub, &arg); i++)
		if (i == param)
			return arg.type == KTSTR_FIELD_U64 && !arg.u64;
	return false;
}

static void show_items(const struct trace *t, const struct call *call, struct ktstr_doc *doc)
{
	struct items it = items_of(t, call);
	struct ktstr_fields params;
	struct ktstr_field item;
	struct change change;

	while (next_value(t, &it, &item, &change)) {
		struct ktstr_str name = { "", 0 }, of = { "", 0 };
		uint64_t param = 0;
		struct ktstr_field p;
		char key[96];

		ktstr_get_str(&item.sub, "name", &name);
		ktstr_get_u64(&item.sub, "param", &param);
		if (is_null(call, param))
			continue;
		params = trace_point(t, call->entry)->params;
		for (uint64_t i = 0; i <= param && ktstr_item_next(&params, &p); i++)
			if (i == param && p.type == KTSTR_FIELD_MAP)
				ktstr_get_str(&p.sub, "name", &of);
		snprintf(key, sizeof(key), "  %.*s%s%.*s", KTSTR_STR_ARG(of), of.len ? "->" : "", KTSTR_STR_ARG(name));
		doc->change(doc, key, change.before, change.after);
	}
}

/* Of the block with a call's arguments. */
static void call_id(struct ktstr_str function, char *buf, size_t size)
{
	snprintf(buf, size, "call-%.*s", KTSTR_STR_ARG(function));
}

static void show_call(const struct trace *t, const struct call *call, const char *why, struct ktstr_doc *doc)
{
	const struct point *p = trace_point(t, call->entry);
	char place[256], text[512], when[32];
	uint64_t ret = 0;

	place_of(t, p, place, sizeof(place));
	say_when(t, call->entry, when, sizeof(when));
	snprintf(text, sizeof(text), "%.*s%s%s  (%s; %s ms before the exit, CPU %u)", KTSTR_STR_ARG(p->function),
		 place[0] ? "  " : "", place, why, when, call->entry->cpu);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	call_id(p->function, text, sizeof(text));
	doc->id(doc, text);
	show_arguments(t, call, doc);
	show_items(t, call, doc);
	if (!call->exit || !trace_point(t, call->exit)->ret.len ||
	    !ktstr_get_u64(&call->exit->fields, "ret", &ret))
		return;
	decode_argument(t, (struct ktstr_str){ "", 0 }, trace_point(t, call->exit)->ret, ret, text, sizeof(text));
	doc->change(doc, "returned", NULL, text);
}

#define SHOWN_MAX 64

struct shown {
	const struct call *calls[SHOWN_MAX];
	size_t n;
};

static bool is_shown(const struct shown *shown, const struct trace *t, const struct call *call)
{
	struct ktstr_str function = trace_point(t, call->entry)->function;

	for (size_t i = 0; i < shown->n; i++) {
		struct ktstr_str is = trace_point(t, shown->calls[i]->entry)->function;

		if (ktstr_str_equal(is, function))
			return true;
	}
	return false;
}

static void show_once(const struct trace *t, struct shown *shown, const struct call *call, const char *why,
		      struct ktstr_doc *doc)
{
	if (!call || shown->n == SHOWN_MAX || is_shown(shown, t, call))
		return;
	shown->calls[shown->n++] = call;
	show_call(t, call, why, doc);
}

void show_functions(const struct trace *t, const struct story *s, const struct ktstr_verdict *first,
		    struct ktstr_doc *doc)
{
	const struct ktstr_chain *chain = first->chain;
	struct shown shown = { .n = 0 };

	if (s->culprit)
		show_once(t, &shown, s->culprit, "set the value", doc);
	show_once(t, &shown, s->loop, "again and again", doc);
	if (s->loop)
		show_once(t, &shown, story_inside(t, s->loop), "in each of them", doc);
	for (size_t i = 0; chain && i < chain->n_frames; i++) {
		const struct ktstr_chain_frame *f = chain->frames[i];

		if (!f->skipped)
			show_once(t, &shown, story_last_call(t, s, f->name, f->bpf), "on the crash chain", doc);
	}
	/* Without a stack in the attempt that crashed, what was open in this one stands for it. */
	for (size_t i = s->n_journey; i; i--)
		if (story_was_open(t, s->journey[i - 1]))
			show_once(t, &shown, s->journey[i - 1], "not over at the exit", doc);
	for (size_t i = s->n_journey; i; i--)
		if (trace_is_bpf(t, s->journey[i - 1]->entry))
			show_once(t, &shown, s->journey[i - 1], "the subject's last", doc);
}

/* ---- the stack at the trigger ---- */

void show_stack(const struct trace *t, struct ktstr_doc *doc)
{
	struct ktstr_fields stack = t->trigger.stack;
	struct ktstr_field frame;
	bool any = false;

	while (t->trigger.there && ktstr_item_next(&stack, &frame)) {
		struct ktstr_str symbol = { "", 0 }, file = { "", 0 };
		char text[512], details[512], place[256] = "";
		uint64_t offset = 0, line = 0;
		bool bpf = false;

		if (frame.type != KTSTR_FIELD_MAP)
			continue;
		ktstr_get_str(&frame.sub, "symbol", &symbol);
		ktstr_get_u64(&frame.sub, "offset", &offset);
		ktstr_get_str(&frame.sub, "file", &file);
		ktstr_get_u64(&frame.sub, "line", &line);
		show_place(file, line, place, sizeof(place));
		if (!place[0])
			find_source(t, symbol, offset, place, sizeof(place));
		if (!any)
			doc->chain_begin(doc, "call chain at the exit");
		any = true;
		ktstr_get_bool(&frame.sub, "bpf", &bpf);
		snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(symbol));
		call_id(symbol, details, sizeof(details));
		doc->chain_frame(doc, &(struct ktstr_doc_frame){
			.size = sizeof(struct ktstr_doc_frame), .function = text, .offset = offset,
			.bpf = bpf, .place = place[0] ? place : NULL, .details = details });
	}
	if (any)
		doc->chain_end(doc);
}
