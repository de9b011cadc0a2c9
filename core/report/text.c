/* SPDX-License-Identifier: GPL-2.0-only */
/* The text renderer: the document from top to bottom, for a terminal or a file. */
#include "report/layout.h"

#include "base/text.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20

struct text {
	struct ktstr_buf *out;
	size_t width;
	bool colour;
};

static void set_style(struct text *t, const char *sgr)
{
	if (t->colour && sgr)
		ktstr_buf_printf(t->out, "\033[%sm", sgr);
}

static void reset_style(struct text *t, const char *sgr)
{
	if (t->colour && sgr)
		ktstr_buf_puts(t->out, "\033[0m");
}

static const char *tone_style(enum ktstr_tone tone, bool headline)
{
	switch (tone) {
	case KTSTR_TONE_GOOD:
		return headline ? "1;32" : "32";
	case KTSTR_TONE_BAD:
		return headline ? "1;31" : "31";
	case KTSTR_TONE_WARN:
		return headline ? "1;33" : "33";
	case KTSTR_TONE_DIM:
		return "2";
	case KTSTR_TONE_PLAIN:
		break;
	}
	return headline ? "1" : NULL;
}

/* One line, whatever is in it and however long: it is what people search for. */
static void put_line(struct text *t, const char *text, const char *sgr)
{
	set_style(t, sgr);
	ktstr_layout_escape(t->out, text, strlen(text));
	reset_style(t, sgr);
	ktstr_put_byte(t->out, '\n');
}

static void put_paragraph(struct text *t, const struct ktstr_block *block)
{
	const char *sgr = tone_style(block->tone, false);

	set_style(t, sgr);
	ktstr_layout_wrap(t->out, block->text, 0, t->width);
	if (t->out->len)
		t->out->len--;
	reset_style(t, sgr);
	ktstr_put_byte(t->out, '\n');
}

static void put_log(struct text *t, const struct ktstr_block *block)
{
	if (block->text)
		put_line(t, block->text, NULL);
	for (size_t i = 0; i < block->cells.n; i++)
		put_line(t, block->cells.items[i], NULL);
}

static void put_chain(struct text *t, const struct ktstr_block *block)
{
	if (block->text)
		put_line(t, block->text, NULL);
	for (size_t i = 0; i < block->frames.n; i++) {
		const struct ktstr_block_frame *f = &block->frames.items[i];

		ktstr_layout_escape(t->out, f->function, strlen(f->function));
		ktstr_buf_printf(t->out, "+0x%llx", (unsigned long long)f->offset);
		if (f->place) {
			ktstr_buf_puts(t->out, "  ");
			ktstr_layout_escape(t->out, f->place, strlen(f->place));
		}
		ktstr_put_byte(t->out, '\n');
	}
}

static void put_block(struct text *t, const struct ktstr_block *block)
{
	switch (block->type) {
	case KTSTR_BLOCK_HEADLINE:
		put_line(t, block->text, tone_style(block->tone, true));
		break;
	case KTSTR_BLOCK_PARAGRAPH:
		put_paragraph(t, block);
		break;
	case KTSTR_BLOCK_VALUES:
	case KTSTR_BLOCK_DIFF:
		ktstr_layout_values(t->out, block, t->width);
		break;
	case KTSTR_BLOCK_TABLE:
		ktstr_layout_table(t->out, block, t->width);
		break;
	case KTSTR_BLOCK_LOG:
		put_log(t, block);
		break;
	case KTSTR_BLOCK_SERIES:
		ktstr_layout_series(t->out, block, t->width);
		break;
	case KTSTR_BLOCK_CHAIN:
		put_chain(t, block);
		break;
	case KTSTR_BLOCK_TYPES:
		break;
	}
}

static void put_title(struct text *t, const char *title)
{
	set_style(t, "1");
	ktstr_buf_puts(t->out, "--- ");
	ktstr_layout_escape(t->out, title, strlen(title));
	ktstr_buf_puts(t->out, " ---");
	reset_style(t, "1");
	ktstr_put_byte(t->out, '\n');
}

int ktstr_render_text(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		      struct ktstr_buf *out, struct ktstr_err *err)
{
	struct text t = { out, options->width ? options->width : WIDTH_DEFAULT, options->colour };
	size_t before = out->len;

	if (t.width < WIDTH_MIN)
		t.width = WIDTH_MIN;
	for (size_t i = 0; i < doc->sections.n; i++) {
		const struct ktstr_doc_section *section = &doc->sections.items[i];

		if (out->len > before)
			ktstr_put_byte(out, '\n');
		if (section->title)
			put_title(&t, section->title);
		for (size_t j = 0; j < section->blocks.n; j++)
			put_block(&t, &section->blocks.items[j]);
	}
	if (doc->footer.n && out->len > before)
		ktstr_put_byte(out, '\n');
	for (size_t i = 0; i < doc->footer.n; i++)
		put_line(&t, doc->footer.items[i], NULL);
	return out->failed ? ktstr_err_nomem(err) : 0;
}
