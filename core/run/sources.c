/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/sources.h"

#include "base/vec.h"
#include "kernel/lines.h"

struct source {
	char *function;
	uint64_t offset;
};

struct ktstr_sources {
	KTSTR_VEC(struct source) list;
};

struct ktstr_sources *ktstr_sources_create(void)
{
	return calloc(1, sizeof(struct ktstr_sources));
}

void ktstr_sources_destroy(struct ktstr_sources *sources)
{
	if (!sources)
		return;
	for (size_t i = 0; i < sources->list.n; i++)
		free(sources->list.items[i].function);
	ktstr_vec_free(&sources->list);
	free(sources);
}

/* ---- collecting ---- */

static void add(struct ktstr_sources *s, struct ktstr_str function, uint64_t offset)
{
	struct source *slot;
	char *copy;

	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.items[i].offset == offset && ktstr_str_is(function, s->list.items[i].function))
			return;
	if (!function.len || s->list.n == KTSTR_SOURCES_MAX)
		return;
	copy = strndup(function.s, function.len);
	slot = copy ? ktstr_vec_add(&s->list) : NULL;
	if (slot)
		*slot = (struct source){ copy, offset };
	else
		free(copy);
}

/* BPF tells its lines itself. */
static void add_stack(struct ktstr_sources *s, const struct ktstr_fields *trigger)
{
	struct ktstr_fields stack;
	struct ktstr_field frame;

	if (!ktstr_get_sub(trigger, "stack", &stack))
		return;
	while (ktstr_item_next(&stack, &frame)) {
		struct ktstr_str symbol = { "", 0 };
		uint64_t offset = 0;
		bool bpf = false;

		if (frame.type != KTSTR_FIELD_MAP)
			continue;
		ktstr_get_bool(&frame.sub, "bpf", &bpf);
		ktstr_get_str(&frame.sub, "symbol", &symbol);
		ktstr_get_u64(&frame.sub, "offset", &offset);
		if (!bpf)
			add(s, symbol, offset);
	}
}

static void add_point(struct ktstr_sources *s, const struct ktstr_fields *point)
{
	struct ktstr_str target = { "", 0 }, function = { "", 0 };
	bool attached = false;

	ktstr_get_str(point, "target", &target);
	ktstr_get_str(point, "function", &function);
	ktstr_get_bool(point, "attached", &attached);
	if (attached && ktstr_str_is(target, "kernel"))
		add(s, function, 0);
}

void ktstr_sources_hear(struct ktstr_sources *sources, enum ktstr_rec type, const struct ktstr_fields *fields)
{
	if (sources && type == KTSTR_REC_PROBE_POINT)
		add_point(sources, fields);
	else if (sources && type == KTSTR_REC_PROBE_TRIGGER)
		add_stack(sources, fields);
}

/* ---- looking up ---- */

static int write_why(struct ktstr_journal_writer *journal, const char *why, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "why", why);
	return ktstr_journal_record(journal, KTSTR_REC_SOURCE, &b, err);
}

static int write_one(struct ktstr_journal_writer *journal, const struct source *source,
		     const struct ktstr_place *place, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "function", source->function);
	ktstr_put_u64(&b, "offset", source->offset);
	ktstr_put_str(&b, "file", place->file);
	ktstr_put_u64(&b, "line", place->line);
	return ktstr_journal_record(journal, KTSTR_REC_SOURCE, &b, err);
}

static bool is_stopped(const struct ktstr_debuginfo_options *o)
{
	return o && o->stop && o->stop(o->ctx);
}

int ktstr_sources_write(const struct ktstr_sources *sources, const struct ktstr_kernel *kernel,
			const struct ktstr_debuginfo_options *options, struct ktstr_journal_writer *journal,
			struct ktstr_err *err)
{
	struct ktstr_kernel_lines *lines = NULL;
	struct ktstr_err why = KTSTR_ERR_INIT;
	int ret = 0;

	if (!sources || !sources->list.n || is_stopped(options))
		return 0;
	if (ktstr_kernel_lines_open(kernel, options, &lines, &why))
		return write_why(journal, why.msg, err);
	for (size_t i = 0; i < sources->list.n && !ret && !is_stopped(options); i++) {
		const struct source *source = &sources->list.items[i];
		struct ktstr_place place;

		if (!ktstr_kernel_lines_find(lines, source->function, source->offset, 0, &place))
			ret = write_one(journal, source, &place, err);
	}
	ktstr_kernel_lines_close(lines);
	return ret;
}
