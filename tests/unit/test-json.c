/* SPDX-License-Identifier: GPL-2.0-only */
/* Corners of the JSON of a report that no golden journal has: the schema's test sees the rest. */
#include "report/encode.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

/* The blocks that `say` says as a section; the caller releases the document. */
static json_t *rendered(void (*say)(struct ktstr_doc *doc), json_t **ret_document)
{
	struct ktstr_builder *builder = ktstr_builder_create(1 << 20);
	struct ktstr_doc_section section = { .name = strdup("tested") };
	struct ktstr_document doc = { .sections = { .items = &section, .n = 1 } };
	struct ktstr_buf out = { 0 };
	json_error_t error;
	const uint8_t *data;
	size_t len;
	int result;

	say(ktstr_builder_doc(builder));
	cr_assert(ktstr_builder_finish(builder, 0, "", &data, &len));
	cr_assert_eq(ktstr_doc_section_decode(data, len, &section, &result, NULL), 0);
	ktstr_builder_destroy(builder);
	cr_assert_eq(ktstr_render_json(&doc, &out, NULL), 0);
	*ret_document = json_loadb((char *)out.data, out.len, JSON_REJECT_DUPLICATES, &error);
	cr_assert(*ret_document, "%s", error.text);
	ktstr_buf_free(&out);
	ktstr_doc_section_deinit(&section);
	return json_object_get(json_array_get(json_object_get(*ret_document, "sections"), 0), "blocks");
}

static const char *text_at(json_t *blocks, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(blocks, i), key));
}

static void say_bytes(struct ktstr_doc *doc)
{
	doc->paragraph(doc, KTSTR_TONE_GOOD, "a\xff\xc3\xa4\033\n\"");
	doc->log_begin(doc, NULL, KTSTR_LOG_ALL, 0);
	doc->log_line(doc, "nul\0byte", 8);
	doc->log_end(doc);
}

Test(json, any_bytes_are_text)
{
	json_t *document, *blocks = rendered(say_bytes, &document), *line;

	cr_assert_str_eq(text_at(blocks, 0, "text"), "a\\xff\xc3\xa4\033\n\"");
	cr_assert_str_eq(text_at(blocks, 0, "tone"), "good");
	line = json_array_get(json_object_get(json_array_get(blocks, 1), "lines"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(line, "text")), "nul^@byte");
	json_decref(document);
}

static const struct {
	const char *cell;
	bool number;
} cells[] = {
	{ "12", true }, { "-3", true }, { "+2.5", true }, { "1e3", true }, { "007", true },
	{ "99999999999999999999", true }, { "0x10", false }, { "nan", false }, { "-inf", false },
	{ "1 (2 failed)", false }, { "-", false },
};

static void say_numbers(struct ktstr_doc *doc)
{
	static const struct ktstr_column column = { "n", NULL, KTSTR_COLUMN_NUMBER };

	doc->table_begin(doc, &column, 1);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cells); i++)
		doc->table_row(doc, &cells[i].cell);
	doc->table_row(doc, (const char *[]){ NULL });
	doc->table_end(doc);
}

Test(json, a_cell_is_a_number_where_it_reads_as_one)
{
	json_t *document, *rows;

	rows = json_object_get(json_array_get(rendered(say_numbers, &document), 0), "rows");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cells); i++) {
		json_t *cell = json_array_get(json_array_get(rows, i), 0);

		cr_assert_eq(json_is_number(cell), cells[i].number, "%s", cells[i].cell);
		if (cells[i].number)
			cr_assert_eq(json_number_value(cell), strtod(cells[i].cell, NULL));
		else
			cr_assert_str_eq(json_string_value(cell), cells[i].cell);
	}
	cr_assert(json_is_null(json_array_get(json_array_get(rows, KTSTR_ARRAY_SIZE(cells)), 0)));
	json_decref(document);
}

static void say_curve(struct ktstr_doc *doc)
{
	static const char *const curves[] = { "a", "b" };

	doc->series_begin(doc, NULL, NULL, curves, 2);
	doc->series_point(doc, UINT64_MAX - 1, (const double[]){ INFINITY, 0.25 });
	doc->series_end(doc);
}

Test(json, what_no_number_of_json_holds)
{
	json_t *document, *point;

	point = json_object_get(json_array_get(rendered(say_curve, &document), 0), "points");
	point = json_array_get(point, 0);
	cr_assert_str_eq(json_string_value(json_array_get(point, 0)), "18446744073709551614");
	cr_assert(json_is_null(json_array_get(point, 1)));
	cr_assert_eq(json_real_value(json_array_get(point, 2)), 0.25);
	json_decref(document);
}
