/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a document, to the byte. */
#include "report/encode.h"
#include "report/layout.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <math.h>

/* Renders what `say` says as the only section. */
static char *render(void (*say)(struct ktstr_doc *doc), const char *title, unsigned width, bool colour)
{
	struct ktstr_builder *builder = ktstr_builder_create(1 << 20);
	struct ktstr_document *doc = calloc(1, sizeof(*doc));
	struct ktstr_doc_section *section = ktstr_vec_add(&doc->sections);
	struct ktstr_render_options options = { width, colour };
	struct ktstr_buf out = { 0 };
	const uint8_t *data;
	size_t len;
	int result;

	say(ktstr_builder_doc(builder));
	cr_assert(ktstr_builder_finish(builder, 0, "", &data, &len));
	section->name = strdup("tested");
	section->title = title ? strdup(title) : NULL;
	cr_assert_eq(ktstr_doc_section_decode(data, len, section, &result, NULL), 0);
	ktstr_builder_destroy(builder);
	cr_assert_eq(ktstr_document_footer(doc, NULL, "run: %s", "/tmp/x"), 0);
	cr_assert_eq(ktstr_render_text(doc, &options, &out, NULL), 0);
	ktstr_document_destroy(doc);
	return ktstr_buf_steal_str(&out);
}

static void expect(char *got, const char *want)
{
	cr_assert_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
	free(got);
}

static void say_headline(struct ktstr_doc *doc)
{
	doc->headline(doc, KTSTR_TONE_BAD, "ktstr: t FAILED: a reason that is longer than any width");
}

Test(render, a_headline_is_one_line)
{
	expect(render(say_headline, NULL, 20, false),
	       "ktstr: t FAILED: a reason that is longer than any width\n\nrun: /tmp/x\n");
	expect(render(say_headline, NULL, 20, true),
	       "\033[1;31mktstr: t FAILED: a reason that is longer than any width\033[0m\n\n"
	       "run: /tmp/x\n");
}

static void say_paragraphs(struct ktstr_doc *doc)
{
	doc->paragraph(doc, KTSTR_TONE_WARN, "one two three four five six seven");
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "first line\nawordthatislongerthanthewidth x");
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "");
}

Test(render, paragraphs_wrap)
{
	expect(render(say_paragraphs, "title", 20, false),
	       "--- title ---\none two three four\nfive six seven\nfirst line\n"
	       "awordthatislongerthanthewidth\nx\n\n\nrun: /tmp/x\n");
	expect(render(say_paragraphs, "title", 80, true),
	       "\033[1m--- title ---\033[0m\n\033[33mone two three four five six seven\033[0m\n"
	       "first line\nawordthatislongerthanthewidth x\n\n\nrun: /tmp/x\n");
}

static void say_values(struct ktstr_doc *doc)
{
	doc->value(doc, "stage", "attached; step 1 of 1 and more");
	doc->value(doc, "VM end", "stopped");
	doc->value(doc, "a key that is much too long", "x");
	doc->value(doc, "grün", "y");
}

Test(render, values_align)
{
	expect(render(say_values, "v", 30, false),
	       "--- v ---\nstage:  attached; step 1 of 1\n        and more\nVM end: stopped\n"
	       "a key that is much too long: x\ngrün:   y\n\nrun: /tmp/x\n");
}

static void say_table(struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "cgroup", NULL, KTSTR_COLUMN_TEXT }, { "gap", "ms", KTSTR_COLUMN_NUMBER },
		{ "what", NULL, KTSTR_COLUMN_TEXT },
	};

	doc->table_begin(doc, columns, 3);
	doc->table_row(doc, (const char *[]){ "cg_0", "1.5", "short" });
	doc->table_row(doc, (const char *[]){ "größer_1", "1234567.5", "a text that takes its place" });
	doc->table_row(doc, (const char *[]){ "x\ty", NULL, NULL });
	doc->table_end(doc);
}

Test(render, tables_are_measured_and_cut_visibly)
{
	expect(render(say_table, "t", 80, false),
	       "--- t ---\n"
	       "cgroup        gap ms  what\n"
	       "cg_0             1.5  short\n"
	       "größer_1   1234567.5  a text that takes its place\n"
	       "x       y\n\nrun: /tmp/x\n");
	expect(render(say_table, "t", 34, false),
	       "--- t ---\n"
	       "cgroup        gap ms  what\n"
	       "cg_0             1.5  short\n"
	       "größer_1   1234567.5  a text that…\n"
	       "x       y\n\nrun: /tmp/x\n");
}

Test(render, numbers_are_never_cut)
{
	char *got = render(say_table, "t", 20, false);

	cr_assert(strstr(got, "  1234567.5  a text …\n"), "%s", got);
	free(got);
}

static void say_log(struct ktstr_doc *doc)
{
	static const char *const lines[] = {
		"\033[31mred\033[0m", "a\tb\tc", "bell\a", "bad \xff\xc3 byte", "csi \xc2\x9b" "2J",
		"grün …", "", "a line that is longer than the width stays as it is", "cr\r", "\x7f",
	};

	doc->log_begin(doc, "console:", KTSTR_LOG_ALL, 0);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(lines); i++)
		doc->log_line(doc, lines[i], strlen(lines[i]));
	doc->log_end(doc);
}

Test(render, a_log_is_verbatim_and_harmless)
{
	expect(render(say_log, "l", 20, true),
	       "\033[1m--- l ---\033[0m\nconsole:\n^[[31mred^[[0m\na       b       c\nbell^G\n"
	       "bad \\xff\\xc3 byte\ncsi \\x9b2J\ngrün …\n\n"
	       "a line that is longer than the width stays as it is\ncr^M\n^?\n\nrun: /tmp/x\n");
}

static void say_folded_tail(struct ktstr_doc *doc)
{
	doc->log_begin(doc, NULL, KTSTR_LOG_FOLD, 3);
	doc->log_line(doc, "begin", 5);
	for (int i = 0; i < 100; i++) {
		char text[16];

		snprintf(text, sizeof(text), "tick %d", i);
		doc->log_line(doc, text, strlen(text));
	}
	doc->log_line(doc, "end", 3);
	doc->log_end(doc);
}

Test(render, a_log_is_folded_before_it_is_cut)
{
	expect(render(say_folded_tail, "l", 80, false),
	       "--- l ---\n(2 earlier lines not shown)\n"
	       "  ... 98 more lines like the one above (the same up to numbers) ...\ntick 99\nend\n\n"
	       "run: /tmp/x\n");
}

Test(render, a_megabyte_of_tabs)
{
	enum { LEN = 1 << 20 };
	char *tabs = malloc(LEN);
	struct ktstr_buf out = { 0 };

	memset(tabs, '\t', LEN);
	ktstr_layout_escape(&out, tabs, LEN);
	cr_assert_eq(out.len, 8u * LEN);
	free(tabs);
	ktstr_buf_free(&out);
}

static void say_curves(struct ktstr_doc *doc)
{
	static const char *const curves[] = { "depth", "load\033[1m" };

	doc->series_begin(doc, "title", "tasks", curves, 2);
	for (int i = 0; i < 8; i++)
		doc->series_point(doc, (uint64_t)i * 10, (const double[]){ i, NAN });
	doc->series_point(doc, 80, (const double[]){ NAN, 2.5 });
	doc->series_span(doc, KTSTR_TONE_BAD, "no part of the text", 0, 1000);
	doc->series_end(doc);
}

Test(render, a_series_is_a_line_per_curve)
{
	expect(render(say_curves, NULL, 80, false),
	       "depth                     ▁▂▃▄▅▆▇█   0 to 7 tasks\n"
	       "load^[[1m                         ▁  2.50 tasks\n\nrun: /tmp/x\n");
}

static void say_endless_curve(struct ktstr_doc *doc)
{
	static const char *const curves[] = { "x" };

	doc->series_begin(doc, NULL, NULL, curves, 1);
	for (int i = 0; i < 10000; i++)
		doc->series_point(doc, (uint64_t)i, (const double[]){ i % 1000 ? -1e308 : 1e308 });
	doc->series_end(doc);
	doc->series_begin(doc, NULL, NULL, curves, 1);
	doc->series_end(doc);
}

Test(render, a_series_is_as_long_as_there_is_room_for)
{
	expect(render(say_endless_curve, NULL, 40, false),
	       "x                         █████████  -1e+308 to 1e+308\n\nrun: /tmp/x\n");
}

static void say_call(struct ktstr_doc *doc)
{
	doc->change(doc, "slice", "0", "20");
	doc->change(doc, "weight", "100", "100");
	doc->change(doc, "flags", "QUEUED", NULL);
	doc->change(doc, "returned", NULL, "-1");
	doc->chain_begin(doc, "chain");
	doc->chain_frame(doc, &(struct ktstr_doc_frame){
		.size = sizeof(struct ktstr_doc_frame), .function = "f", .offset = 0x1f, .place = "a.c:1" });
	doc->chain_frame(doc, &(struct ktstr_doc_frame){ .size = sizeof(struct ktstr_doc_frame) });
	doc->chain_end(doc);
}

Test(render, calls_and_chains)
{
	expect(render(say_call, NULL, 80, false),
	       "slice:    0 → 20\nweight:   100\nflags:    QUEUED\nreturned: -1\n"
	       "chain\nf+0x1f  a.c:1\n+0x0\n\nrun: /tmp/x\n");
}
