/* SPDX-License-Identifier: GPL-2.0-only */
/* What a section says arrives as it was said; what is no document is refused with a reason. */
#include "report/encode.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct ktstr_column columns[] = {
	{ "name", NULL, KTSTR_COLUMN_TEXT }, { "gap", "ms", KTSTR_COLUMN_NUMBER },
};

static void say_everything(struct ktstr_doc *doc)
{
	doc->headline(doc, KTSTR_TONE_BAD, "it failed");
	doc->value(doc, "stage", "attached");
	doc->value(doc, "end", NULL);
	doc->paragraph(doc, KTSTR_TONE_WARN, "two\nlines");
	doc->table_begin(doc, columns, 2);
	doc->table_row(doc, (const char *[]){ "cg_0", "1.5" });
	doc->table_row(doc, (const char *[]){ "cg_1", NULL });
	doc->table_end(doc);
	doc->log_begin(doc, "console", KTSTR_LOG_ALL, 2);
	doc->log_line(doc, "first", 5);
	doc->log_line(doc, "a\0b", 3);
	doc->log_line(doc, "\xff", 1);
	doc->log_end(doc);
}

static void check_everything(const struct ktstr_doc_section *s)
{
	const struct ktstr_block *b = s->blocks.items;

	cr_assert_eq(s->blocks.n, 5);
	cr_assert_eq(b[0].type, KTSTR_BLOCK_HEADLINE);
	cr_assert_eq(b[0].tone, KTSTR_TONE_BAD);
	cr_assert_str_eq(b[0].text, "it failed");
	cr_assert_eq(b[1].type, KTSTR_BLOCK_VALUES);
	cr_assert_eq(b[1].cells.n, 4);
	cr_assert_str_eq(b[1].cells.items[2], "end");
	cr_assert_str_eq(b[1].cells.items[3], "");
	cr_assert_str_eq(b[2].text, "two\nlines");
	cr_assert_eq(b[3].type, KTSTR_BLOCK_TABLE);
	cr_assert_eq(b[3].columns.n, 2);
	cr_assert_null(b[3].columns.items[0].unit);
	cr_assert_str_eq(b[3].columns.items[1].unit, "ms");
	cr_assert_eq(b[3].columns.items[1].kind, KTSTR_COLUMN_NUMBER);
	cr_assert_eq(b[3].cells.n, 4);
	cr_assert_str_eq(b[3].cells.items[3], "");
	cr_assert_str_eq(b[4].text, "console");
	cr_assert_eq(b[4].cells.n, 3);
	cr_assert_str_eq(b[4].cells.items[0], "(1 earlier line not shown)");
	cr_assert_str_eq(b[4].cells.items[1], "a^@b");
	cr_assert_str_eq(b[4].cells.items[2], "\xff");
}

static void say_measured(struct ktstr_doc *doc)
{
	static const char *const curves[] = { "depth", "load" };

	doc->id(doc, "queues");
	doc->series_begin(doc, "queues", "tasks", curves, 2);
	doc->series_point(doc, 0, (const double[]){ 1, NAN });
	doc->series_span(doc, KTSTR_TONE_PLAIN, "step 1", 0, 5);
	doc->series_point(doc, 10, (const double[]){ 2.5, -4 });
	doc->series_span(doc, KTSTR_TONE_BAD, "crash", 7, 7);
	doc->series_end(doc);
	doc->change(doc, "slice", "0", "20");
	doc->change(doc, "returned", NULL, "-1");
	doc->id(doc, "call-f.1");
	doc->change(doc, "another list", "1", "1");
	doc->chain_begin(doc, "chain");
	doc->chain_frame(doc, &(struct ktstr_doc_frame){
		.size = sizeof(struct ktstr_doc_frame), .function = "f", .offset = 16, .bpf = true,
		.place = "a.c:1", .details = "call-f.1" });
	doc->chain_frame(doc, &(struct ktstr_doc_frame){
		.size = sizeof(struct ktstr_doc_frame), .function = "g", .details = "call-g" });
	doc->chain_end(doc);
	doc->id(doc, "queues");
	doc->paragraph(doc, KTSTR_TONE_DIM, "the same name");
}

static void check_measured(const struct ktstr_doc_section *s)
{
	const struct ktstr_block *b = s->blocks.items;

	cr_assert_eq(s->blocks.n, 5);
	cr_assert_eq(b[0].type, KTSTR_BLOCK_SERIES);
	cr_assert_str_eq(b[0].id, "queues");
	cr_assert_str_eq(b[0].unit, "tasks");
	cr_assert_str_eq(b[0].cells.items[1], "load");
	cr_assert_eq(b[0].times.n, 2);
	cr_assert_eq(b[0].times.items[1], 10);
	cr_assert(isnan(b[0].numbers.items[1]));
	cr_assert_eq(b[0].numbers.items[2], 2.5);
	cr_assert_eq(b[0].spans.n, 2);
	cr_assert_str_eq(b[0].spans.items[1].label, "crash");
	cr_assert_eq(b[0].spans.items[1].tone, KTSTR_TONE_BAD);
	cr_assert_eq(b[0].spans.items[1].end_ns, 7);
	cr_assert_eq(b[1].type, KTSTR_BLOCK_DIFF);
	cr_assert_str_eq(b[1].id, "diff.1");
	cr_assert_eq(b[1].cells.n, 6);
	cr_assert_str_eq(b[1].cells.items[4], "");
	cr_assert_str_eq(b[1].cells.items[5], "-1");
	cr_assert_str_eq(b[2].id, "call-f-1");
	cr_assert_eq(b[3].type, KTSTR_BLOCK_CHAIN);
	cr_assert_eq(b[3].frames.n, 2);
	cr_assert_str_eq(b[3].frames.items[0].details, "call-f-1");
	cr_assert(b[3].frames.items[0].bpf);
	cr_assert_null(b[3].frames.items[1].details, "a link to nowhere");
	cr_assert_null(b[3].frames.items[1].place);
	cr_assert_str_eq(b[4].id, "queues.2");
}

static void say_origins(struct ktstr_doc *doc)
{
	const struct ktstr_doc_origin error = { sizeof(error), "stderr", 5 };
	const struct ktstr_doc_origin out = { sizeof(out), "stdout", KTSTR_DOC_NO_TIME };

	doc->log_begin(doc, NULL, KTSTR_LOG_FOLD, 4);
	doc->log_line_from(doc, &error, "gone", 4);
	for (int i = 0; i < 20; i++)
		doc->log_line_from(doc, &out, "again 1", 7);
	doc->log_line_from(doc, &error, "last", 4);
	doc->log_line(doc, "from nowhere", 12);
	doc->log_end(doc);
}

static void check_origins(const struct ktstr_doc_section *s)
{
	const struct ktstr_block *b = s->blocks.items;
	const struct ktstr_block_origin *o = b->origins.items;

	cr_assert_eq(b->cells.n, 5);
	cr_assert_eq(b->origins.n, 5);
	cr_assert_str_eq(b->cells.items[0], "(1 earlier line not shown)");
	cr_assert(o[0].notice);
	cr_assert_null(o[0].source);
	cr_assert_str_eq(o[1].source, "stdout");
	cr_assert_eq(o[1].time_ns, KTSTR_DOC_NO_TIME);
	cr_assert(o[2].notice, "the marker of a fold is no line of the log");
	cr_assert_str_eq(o[3].source, "stderr");
	cr_assert_eq(o[3].time_ns, 5);
	cr_assert_not(o[3].notice);
	cr_assert_null(o[4].source);
}

/* The bytes that `say` leads to; the caller frees them. */
static struct ktstr_buf encoded(void (*say)(struct ktstr_doc *doc), size_t max, int result,
				const char *error)
{
	struct ktstr_builder *builder = ktstr_builder_create(max);
	struct ktstr_buf copy = { 0 };
	const uint8_t *data;
	size_t len;

	say(ktstr_builder_doc(builder));
	cr_assert(ktstr_builder_finish(builder, result, error, &data, &len));
	ktstr_buf_add(&copy, data, len);
	ktstr_builder_destroy(builder);
	return copy;
}

static void round_trip(void (*say)(struct ktstr_doc *doc),
		       void (*check)(const struct ktstr_doc_section *s))
{
	struct ktstr_buf b = encoded(say, 1 << 20, 0, "");
	struct ktstr_doc_section s = { 0 };
	int result = -1;

	cr_assert_eq(ktstr_doc_section_decode(b.data, b.len, &s, &result, NULL), 0);
	cr_assert_eq(result, 0);
	check(&s);
	ktstr_doc_section_deinit(&s);
	ktstr_buf_free(&b);
}

Test(document, round_trip)
{
	round_trip(say_everything, check_everything);
}

Test(document, curves_changes_and_chains_arrive_and_have_ids)
{
	round_trip(say_measured, check_measured);
}

Test(document, lines_know_where_they_came_from)
{
	round_trip(say_origins, check_origins);
}

Test(document, an_error_takes_the_place_of_what_was_said)
{
	struct ktstr_buf b = encoded(say_everything, 1 << 20, -ENOENT, "no such record");
	struct ktstr_doc_section s = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int result = 0;

	cr_assert_eq(ktstr_doc_section_decode(b.data, b.len, &s, &result, &err), 0);
	cr_assert_eq(result, -ENOENT);
	cr_assert_str_eq(err.msg, "no such record");
	cr_assert_eq(s.blocks.n, 0);
	ktstr_doc_section_deinit(&s);
	ktstr_buf_free(&b);
}

static void row_outside(struct ktstr_doc *doc)
{
	doc->table_row(doc, (const char *[]){ "x" });
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "too late");
}

static void line_outside(struct ktstr_doc *doc) { doc->log_line(doc, "x", 1); }
static void end_outside(struct ktstr_doc *doc) { doc->table_end(doc); }
static void log_end_outside(struct ktstr_doc *doc) { doc->log_end(doc); }
static void no_columns(struct ktstr_doc *doc) { doc->table_begin(doc, columns, 0); }
static void table_open(struct ktstr_doc *doc) { doc->table_begin(doc, columns, 2); }

static void log_in_table(struct ktstr_doc *doc)
{
	doc->table_begin(doc, columns, 2);
	doc->log_begin(doc, NULL, KTSTR_LOG_FOLD, 0);
}

static void log_open(struct ktstr_doc *doc)
{
	doc->log_begin(doc, NULL, KTSTR_LOG_FOLD, 10);
	doc->log_line(doc, "kept", 4);
}

static void point_outside(struct ktstr_doc *doc) { doc->series_point(doc, 1, (const double[]){ 1 }); }
static void frame_outside(struct ktstr_doc *doc)
{
	doc->chain_frame(doc, &(struct ktstr_doc_frame){ .size = sizeof(struct ktstr_doc_frame) });
}
static void no_curves(struct ktstr_doc *doc) { doc->series_begin(doc, NULL, NULL, NULL, 0); }

static const char *const curve[] = { "x" };

static void time_goes_back(struct ktstr_doc *doc)
{
	doc->series_begin(doc, NULL, NULL, curve, 1);
	doc->series_point(doc, 2, (const double[]){ 1 });
	doc->series_point(doc, 1, (const double[]){ 1 });
}

static void span_goes_back(struct ktstr_doc *doc)
{
	doc->series_begin(doc, NULL, NULL, curve, 1);
	doc->series_span(doc, KTSTR_TONE_PLAIN, "x", 2, 1);
}

static void id_inside(struct ktstr_doc *doc)
{
	doc->chain_begin(doc, NULL);
	doc->id(doc, "x");
}

static void too_much(struct ktstr_doc *doc)
{
	for (int i = 0; i < 100; i++)
		doc->paragraph(doc, KTSTR_TONE_PLAIN, "a line that goes on for a while and longer");
}

Test(document, wrong_calls_are_told)
{
	static const struct {
		void (*say)(struct ktstr_doc *doc);
		const char *message;
	} cases[] = {
		{ row_outside, "table_row() outside of a table" },
		{ line_outside, "log_line() outside of a log" },
		{ end_outside, "table_end() outside of a table" },
		{ log_end_outside, "log_end() outside of a log" },
		{ no_columns, "a table has no columns or more than 64" },
		{ log_in_table, "log_begin() inside of a block that is not over" },
		{ table_open, "a table, log, series or chain has no end" },
		{ log_open, "a table, log, series or chain has no end" },
		{ point_outside, "series_point() outside of a series" },
		{ frame_outside, "chain_frame() outside of a chain" },
		{ no_curves, "a series has no curves or more than 64" },
		{ time_goes_back, "a point of a series is earlier than the one before" },
		{ span_goes_back, "a span ends before it begins" },
		{ id_inside, "id() inside of a block that is not over" },
		{ too_much, "it says too much" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cases); i++) {
		struct ktstr_buf b = encoded(cases[i].say, 1000, 0, "");
		struct ktstr_doc_section s = { 0 };
		struct ktstr_err err = KTSTR_ERR_INIT;
		int result = 0;

		cr_assert_eq(ktstr_doc_section_decode(b.data, b.len, &s, &result, &err), 0);
		cr_assert_eq(result, -EINVAL, "case %zu", i);
		cr_assert_str_eq(err.msg, cases[i].message);
		ktstr_doc_section_deinit(&s);
		ktstr_buf_free(&b);
	}
}

static void refused(const void *data, size_t len, const char *message)
{
	struct ktstr_doc_section s = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int result = 99;

	cr_assert_eq(ktstr_doc_section_decode(data, len, &s, &result, &err), -EBADMSG, "%s", message);
	cr_assert(strstr(err.msg, message), "%s is not %s", err.msg, message);
	ktstr_doc_section_deinit(&s);
}

/* A document whose only block is made by `block`. */
static void refused_block(void (*block)(struct ktstr_buf *b), const char *message)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "result", 0);
	ktstr_put_array(&b, "blocks");
	block(&b);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	refused(b.data, b.len, message);
	ktstr_buf_free(&b);
}

static void no_map(struct ktstr_buf *b) { ktstr_put_u64(b, NULL, 7); }

static void unknown_type(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", 77);
	ktstr_put_end(b);
}

static void no_text(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", KTSTR_BLOCK_HEADLINE);
	ktstr_put_end(b);
}

static void odd_values(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", KTSTR_BLOCK_VALUES);
	ktstr_put_array(b, "cells");
	ktstr_put_str(b, NULL, "alone");
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void table_without_columns(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", KTSTR_BLOCK_TABLE);
	ktstr_put_end(b);
}

static void cell_of_another_type(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", KTSTR_BLOCK_LOG);
	ktstr_put_array(b, "cells");
	ktstr_put_bool(b, NULL, true);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void strange_field(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "colour", 3);
	ktstr_put_end(b);
}

static void many_columns(struct ktstr_buf *b)
{
	ktstr_put_map(b, NULL);
	ktstr_put_array(b, "columns");
	for (int i = 0; i < 65; i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void begin_type(struct ktstr_buf *b, enum ktstr_block_type type)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", type);
}

static void put_numbers(struct ktstr_buf *b, const char *key, uint64_t first, uint64_t second)
{
	ktstr_put_array(b, key);
	ktstr_put_u64(b, NULL, first);
	ktstr_put_u64(b, NULL, second);
	ktstr_put_end(b);
}

static void series_without_curves(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_SERIES);
	put_numbers(b, "times", 1, 2);
	ktstr_put_end(b);
}

static void times_descend(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_SERIES);
	put_numbers(b, "times", 2, 1);
	ktstr_put_end(b);
}

static void numbers_are_none(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_SERIES);
	put_numbers(b, "numbers", 2, 1);
	ktstr_put_end(b);
}

static void origin_without_line(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_LOG);
	put_numbers(b, "origins", 0, 1);
	ktstr_put_end(b);
}

static void origin_without_source(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_LOG);
	ktstr_put_array(b, "cells");
	ktstr_put_str(b, NULL, "line");
	ktstr_put_end(b);
	put_numbers(b, "origins", 2, 1);
	ktstr_put_end(b);
}

static void span_without_times(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_SERIES);
	ktstr_put_array(b, "spans");
	ktstr_put_map(b, NULL);
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void frame_is_none(struct ktstr_buf *b)
{
	begin_type(b, KTSTR_BLOCK_CHAIN);
	put_numbers(b, "frames", 1, 1);
	ktstr_put_end(b);
}

Test(document, hostile_bytes_are_refused)
{
	refused("", 0, "cut or garbled");
	refused("hello", 5, "cut or garbled");
	refused("\xa0", 1, "no result");
	refused("\xa1\x66result\x00", 9, "no result");
	refused("\xa2\x66result\x02\x66" "blocks\x80", 17, "no result");
	refused_block(no_map, "a block is no map");
	refused_block(unknown_type, "of no known type");
	refused_block(no_text, "a text without text");
	refused_block(odd_values, "do not agree");
	refused_block(table_without_columns, "do not agree");
	refused_block(cell_of_another_type, "a cell is no text");
	refused_block(strange_field, "should not have");
	refused_block(many_columns, "too many columns");
	refused_block(series_without_curves, "points and curves do not agree");
	refused_block(times_descend, "times do not ascend");
	refused_block(numbers_are_none, "no number");
	refused_block(origin_without_line, "more origins than lines");
	refused_block(origin_without_source, "an origin is none");
	refused_block(span_without_times, "a span has no times");
	refused_block(frame_is_none, "a frame is none");
}

/* Every format has to cope with what the reader lets through. */
static void render_all(struct ktstr_doc_section *s)
{
	struct ktstr_document doc = { .sections = { .items = s, .n = 1 } };
	struct ktstr_render_options options = { .width = 40 };

	for (size_t format = 0; ktstr_format_name(format); format++) {
		struct ktstr_buf out = { 0 };

		cr_assert_eq(ktstr_render(&doc, (enum ktstr_format)format, &options, &out, NULL), 0);
		ktstr_buf_free(&out);
	}
}

static void flip_every_bit(void (*say)(struct ktstr_doc *doc))
{
	struct ktstr_buf b = encoded(say, 1 << 20, 0, "");

	for (size_t bit = 0; bit < b.len * 8; bit++) {
		struct ktstr_doc_section s = { .name = strdup("x") };
		int result;

		b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (!ktstr_doc_section_decode(b.data, b.len, &s, &result, NULL))
			render_all(&s);
		b.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		ktstr_doc_section_deinit(&s);
	}
	ktstr_buf_free(&b);
}

Test(document, no_flip_of_a_bit_leads_astray)
{
	flip_every_bit(say_everything);
	flip_every_bit(say_measured);
	flip_every_bit(say_origins);
}

Test(document, no_cut_is_taken_for_whole)
{
	struct ktstr_buf b = encoded(say_everything, 1 << 20, 0, "");

	for (size_t len = 0; len < b.len; len++)
		refused(b.data, len, "cut or garbled");
	ktstr_buf_free(&b);
}
