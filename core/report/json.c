/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON renderer: the whole document, for programs. docs/report.schema.json describes what it writes;
 * members are only ever added, anything else raises FORMAT.
 */
#include "report/report.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "config.h"
#include "report/fields-json.h"
#include "report/layout.h"

#include <math.h>
#include <time.h>

#define FORMAT 1

/* Everything below may return NULL when memory is out; adding NULL to a container fails, and so does the
 * whole in the end. */
struct json {
	bool failed;
};

static void set(struct json *j, json_t *object, const char *key, json_t *value)
{
	j->failed |= json_object_set_new(object, key, value) != 0;
}

static void add(struct json *j, json_t *array, json_t *value)
{
	j->failed |= json_array_append_new(array, value) != 0;
}

/* Bytes that are no UTF-8 are shown as text shows them. */
static json_t *text_of(const char *s)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	size_t len = strlen(s), bad;

	if (ktstr_utf8_valid(s, len, &bad))
		return json_stringn_nocheck(s, len);
	ktstr_layout_repair(&b, s, len);
	return b.failed ? NULL : json_stringn_nocheck((char *)b.data, b.len);
}

static void set_text(struct json *j, json_t *object, const char *key, const char *s)
{
	set(j, object, key, text_of(s));
}

/* NULL: the member is not there. */
static void set_optional(struct json *j, json_t *object, const char *key, const char *s)
{
	if (s)
		set_text(j, object, key, s);
}

static const char *tone_word(enum ktstr_tone tone)
{
	static const char *const words[] = { "plain", "good", "bad", "warn", "dim" };

	return words[tone];
}

/* ---- blocks ---- */

static void fill_text(struct json *j, json_t *o, const struct ktstr_block *b)
{
	set_text(j, o, "tone", tone_word(b->tone));
	set_text(j, o, "text", b->text);
}

static void fill_values(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *entries = json_array();

	for (size_t i = 0; i + 1 < b->cells.n; i += 2) {
		json_t *entry = json_object();

		set_text(j, entry, "key", b->cells.items[i]);
		set_text(j, entry, "value", b->cells.items[i + 1]);
		add(j, entries, entry);
	}
	set(j, o, "entries", entries);
}

static void fill_diff(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *entries = json_array();

	for (size_t i = 0; i + 2 < b->cells.n; i += 3) {
		json_t *entry = json_object();
		const char *before = b->cells.items[i + 1], *after = b->cells.items[i + 2];

		set_text(j, entry, "key", b->cells.items[i]);
		set_optional(j, entry, "before", *before ? before : NULL);
		set_optional(j, entry, "after", *after ? after : NULL);
		set(j, entry, "changed", json_boolean(*before && *after && strcmp(before, after)));
		add(j, entries, entry);
	}
	set(j, o, "entries", entries);
}

/* A cell of a column of numbers is one where it reads as one, else text; an empty one is null. */
static json_t *cell_of(const char *s, enum ktstr_column_kind kind)
{
	char *end;
	double value;

	if (!*s)
		return json_null();
	if (kind != KTSTR_COLUMN_NUMBER || !strchr("+-0123456789", *s))
		return text_of(s);
	if (!s[strspn(s, "0123456789")] && strlen(s) < 18)
		return json_integer(strtoll(s, NULL, 10));
	value = strtod(s, &end);
	return end == s || *end || !isfinite(value) || s[strspn(s, "+-.0123456789eE")]
		? text_of(s) : json_real(value);
}

static json_t *columns_of(struct json *j, const struct ktstr_block *b)
{
	json_t *columns = json_array();

	for (size_t i = 0; i < b->columns.n; i++) {
		const struct ktstr_column *c = &b->columns.items[i];
		json_t *column = json_object();

		set_text(j, column, "name", c->name);
		set_optional(j, column, "unit", c->unit);
		set_text(j, column, "kind", c->kind == KTSTR_COLUMN_NUMBER ? "number" : "text");
		add(j, columns, column);
	}
	return columns;
}

static void fill_table(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *rows = json_array(), *row = NULL;

	set(j, o, "columns", columns_of(j, b));
	for (size_t i = 0; i < b->cells.n; i++) {
		size_t column = i % b->columns.n;

		if (!column) {
			row = json_array();
			add(j, rows, row);
		}
		add(j, row, cell_of(b->cells.items[i], b->columns.items[column].kind));
	}
	set(j, o, "rows", rows);
}

static void fill_log(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *lines = json_array();

	set_optional(j, o, "title", b->text);
	for (size_t i = 0; i < b->cells.n; i++) {
		const struct ktstr_block_origin *origin = b->origins.n ? &b->origins.items[i] : NULL;
		json_t *line = json_object();

		set_text(j, line, "text", b->cells.items[i]);
		set_optional(j, line, "source", origin ? origin->source : NULL);
		if (origin && origin->time_ns != KTSTR_DOC_NO_TIME)
			set(j, line, "time_ns", ktstr_json_number(origin->time_ns));
		if (origin && origin->notice)
			set(j, line, "notice", json_true());
		add(j, lines, line);
	}
	set(j, o, "lines", lines);
}

static json_t *points_of(struct json *j, const struct ktstr_block *b)
{
	json_t *points = json_array();

	for (size_t i = 0; i < b->times.n; i++) {
		json_t *point = json_array();

		add(j, point, ktstr_json_number(b->times.items[i]));
		for (size_t k = 0; k < b->cells.n; k++) {
			double value = b->numbers.items[i * b->cells.n + k];

			add(j, point, isfinite(value) ? json_real(value) : json_null());
		}
		add(j, points, point);
	}
	return points;
}

static json_t *spans_of(struct json *j, const struct ktstr_block *b)
{
	json_t *spans = json_array();

	for (size_t i = 0; i < b->spans.n; i++) {
		const struct ktstr_block_span *s = &b->spans.items[i];
		json_t *span = json_object();

		set_text(j, span, "label", s->label);
		set_text(j, span, "tone", tone_word(s->tone));
		set(j, span, "begin_ns", ktstr_json_number(s->begin_ns));
		set(j, span, "end_ns", ktstr_json_number(s->end_ns));
		add(j, spans, span);
	}
	return spans;
}

static void fill_series(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *curves = json_array();

	set_optional(j, o, "title", b->text);
	set_optional(j, o, "unit", b->unit);
	for (size_t i = 0; i < b->cells.n; i++)
		add(j, curves, text_of(b->cells.items[i]));
	set(j, o, "curves", curves);
	set(j, o, "points", points_of(j, b));
	set(j, o, "spans", spans_of(j, b));
}

static void fill_chain(struct json *j, json_t *o, const struct ktstr_block *b)
{
	json_t *frames = json_array();

	set_optional(j, o, "title", b->text);
	for (size_t i = 0; i < b->frames.n; i++) {
		const struct ktstr_block_frame *f = &b->frames.items[i];
		json_t *frame = json_object();

		set_text(j, frame, "function", f->function);
		set(j, frame, "offset", ktstr_json_number(f->offset));
		set_text(j, frame, "kind", f->bpf ? "bpf" : "kernel");
		set_optional(j, frame, "place", f->place);
		set_optional(j, frame, "details", f->details);
		add(j, frames, frame);
	}
	set(j, o, "frames", frames);
}

static json_t *block_of(struct json *j, const struct ktstr_block *b)
{
	static void (*const fill[KTSTR_BLOCK_TYPES])(struct json *j, json_t *o,
						     const struct ktstr_block *b) = {
		[KTSTR_BLOCK_HEADLINE] = fill_text, [KTSTR_BLOCK_PARAGRAPH] = fill_text,
		[KTSTR_BLOCK_VALUES] = fill_values, [KTSTR_BLOCK_DIFF] = fill_diff,
		[KTSTR_BLOCK_TABLE] = fill_table,   [KTSTR_BLOCK_LOG] = fill_log,
		[KTSTR_BLOCK_SERIES] = fill_series, [KTSTR_BLOCK_CHAIN] = fill_chain,
	};
	json_t *o = json_object();

	set_text(j, o, "id", b->id);
	set_text(j, o, "type", ktstr_block_type_name(b->type));
	fill[b->type](j, o, b);
	return o;
}

static json_t *sections_of(struct json *j, const struct ktstr_document *doc)
{
	json_t *sections = json_array();

	for (size_t i = 0; i < doc->sections.n; i++) {
		const struct ktstr_doc_section *s = &doc->sections.items[i];
		json_t *section = json_object(), *blocks = json_array();

		set_text(j, section, "id", s->name);
		set_optional(j, section, "title", s->title);
		for (size_t k = 0; k < s->blocks.n; k++)
			add(j, blocks, block_of(j, &s->blocks.items[k]));
		set(j, section, "blocks", blocks);
		add(j, sections, section);
	}
	return sections;
}

/* ---- the summary ---- */

static void set_started(struct json *j, json_t *o, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000u);
	char text[32];
	struct tm tm;

	if (ns && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		set_text(j, o, "started", text);
}

/* Empty: not known. */
static const char *known(const char *s)
{
	return s && *s ? s : NULL;
}

static json_t *run_of(struct json *j, const struct ktstr_summary *s)
{
	json_t *o = json_object();

	set_optional(j, o, "id", known(s->run));
	set_optional(j, o, "folder", known(s->folder));
	set_optional(j, o, "test", known(s->test));
	set_optional(j, o, "description", known(s->description));
	set_optional(j, o, "file", known(s->file));
	set_optional(j, o, "scheduler", known(s->scheduler));
	set_optional(j, o, "topology", known(s->topology));
	set_optional(j, o, "kernel", known(s->kernel));
	set_optional(j, o, "vmm", known(s->vmm));
	set_started(j, o, s->started_ns);
	set_optional(j, o, "again", known(s->again));
	return o;
}

static json_t *attempts_of(struct json *j, const struct ktstr_summary *s)
{
	json_t *attempts = json_array();

	for (size_t i = 0; i < s->attempts.n; i++) {
		const struct ktstr_summary_attempt *a = &s->attempts.items[i];
		json_t *o = json_object();

		set(j, o, "attempt", json_integer((json_int_t)i + 1));
		set_text(j, o, "outcome", ktstr_outcome_word(a->outcome));
		set_text(j, o, "cause", a->cause);
		set_text(j, o, "reason", a->reason);
		set_text(j, o, "signature", a->signature);
		if (a->duration_ns)
			set(j, o, "duration_ns", ktstr_json_number(a->duration_ns));
		if (i)
			set(j, o, "same", json_boolean(a->same));
		add(j, attempts, o);
	}
	return attempts;
}

static json_t *checks_of(struct json *j, const struct ktstr_summary *s)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < s->checks.n; i++) {
		const struct ktstr_summary_check *c = &s->checks.items[i];
		json_t *o = json_object();

		set_text(j, o, "check", c->name);
		set_text(j, o, "outcome", ktstr_outcome_word(c->outcome));
		set(j, o, "asked", json_boolean(c->asked));
		set_text(j, o, "text", c->text);
		add(j, checks, o);
	}
	return checks;
}

static json_t *document_of(struct json *j, const struct ktstr_document *doc)
{
	const struct ktstr_summary *s = &doc->summary;
	json_t *o = json_object(), *footer = json_array();

	set_text(j, o, "schema", "ktstr-report");
	set(j, o, "version", json_integer(FORMAT));
	set_text(j, o, "generator", PACKAGE_STRING);
	if (s->attempts.n)
		set_text(j, o, "outcome", ktstr_outcome_word(s->attempts.items[0].outcome));
	set(j, o, "run", run_of(j, s));
	set(j, o, "attempts", attempts_of(j, s));
	set(j, o, "checks", checks_of(j, s));
	set(j, o, "sections", sections_of(j, doc));
	for (size_t i = 0; i < doc->footer.n; i++)
		add(j, footer, text_of(doc->footer.items[i]));
	set(j, o, "footer", footer);
	return o;
}

static int add_bytes(const char *bytes, size_t len, void *out)
{
	ktstr_buf_add(out, bytes, len);
	return 0;
}

int ktstr_render_json(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err)
{
	struct json j = { .failed = false };
	json_t *o = document_of(&j, doc);

	j.failed |= !o || json_dump_callback(o, add_bytes, out, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	json_decref(o);
	ktstr_put_byte(out, '\n');
	return j.failed || out->failed ? ktstr_err_nomem(err) : 0;
}
