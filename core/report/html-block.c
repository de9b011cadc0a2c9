/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks in HTML. */
#include "report/html.h"

#include "base/text.h"

#define DIFF_FOLD_MIN 8		/* entries from which on a diff can be folded */

void ktstr_html_id(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		   const struct ktstr_block *block)
{
	ktstr_buf_puts(out, " id=\"");
	ktstr_markup_str(out, section->name);
	ktstr_buf_printf(out, ".%s\"", block->id);
}

const char *ktstr_html_tone(enum ktstr_tone tone)
{
	static const char *const classes[] = { "", "good", "bad", "warn", "dim" };

	return classes[tone];
}

/* ---- text ---- */

static void put_text(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		     const struct ktstr_block *block)
{
	bool headline = block->type == KTSTR_BLOCK_HEADLINE;

	ktstr_buf_puts(out, "<p");
	ktstr_html_id(out, section, block);
	if (headline || block->tone)
		ktstr_buf_printf(out, " class=\"%s%s%s\"", headline ? "headline" : "",
				 headline && block->tone ? " " : "", ktstr_html_tone(block->tone));
	ktstr_put_byte(out, '>');
	ktstr_markup_str(out, block->text);
	ktstr_buf_puts(out, "</p>\n");
}

/* ---- lists ---- */

static void put_values(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		       const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<dl class=\"values\"");
	ktstr_html_id(out, section, block);
	ktstr_buf_puts(out, ">\n");
	for (size_t i = 0; i + 1 < block->cells.n; i += 2) {
		ktstr_buf_puts(out, "<dt>");
		ktstr_markup_str(out, block->cells.items[i]);
		ktstr_buf_puts(out, "</dt><dd>");
		ktstr_markup_str(out, block->cells.items[i + 1]);
		ktstr_buf_puts(out, "</dd>\n");
	}
	ktstr_buf_puts(out, "</dl>\n");
}

static bool changed(const char *before, const char *after)
{
	return *before && *after && strcmp(before, after);
}

static void put_change(struct ktstr_buf *out, const char *key, const char *before, const char *after)
{
	bool differs = changed(before, after), same = !differs && *before && *after;

	ktstr_buf_printf(out, "<tr%s><th scope=\"row\">", differs ? " class=\"changed\"" : "");
	ktstr_markup_str(out, key + strspn(key, " "));
	ktstr_buf_puts(out, "</th><td>");
	ktstr_markup_str(out, before);
	ktstr_buf_puts(out, same ? "</td><td class=\"same\">=" : "</td><td>");
	if (!same)
		ktstr_markup_str(out, after);
	ktstr_buf_puts(out, "</td></tr>\n");
}

static void put_diff(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		     const struct ktstr_block *block)
{
	size_t n = block->cells.n / 3, n_changed = 0;
	char *const *cells = block->cells.items;
	bool fold = n >= DIFF_FOLD_MIN;

	for (size_t i = 0; i < n; i++)
		n_changed += changed(cells[3 * i + 1], cells[3 * i + 2]);
	ktstr_buf_puts(out, "<div class=\"scroll\"");
	ktstr_html_id(out, section, block);
	ktstr_put_byte(out, '>');
	if (fold)
		ktstr_buf_printf(out, "<details open><summary class=\"count\">%zu values, %zu changed</summary>", n,
				 n_changed);
	ktstr_buf_puts(out, "<table class=\"diff\">\n<thead><tr><th scope=\"col\">value</th><th scope=\"col\">before</th>"
		       "<th scope=\"col\">after</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++)
		put_change(out, cells[3 * i], cells[3 * i + 1], cells[3 * i + 2]);
	ktstr_buf_printf(out, "</tbody></table>%s</div>\n", fold ? "</details>" : "");
}

/* ---- tables ---- */

static const char *cell_class(const struct ktstr_column *column)
{
	return column->kind == KTSTR_COLUMN_NUMBER ? " class=\"n\"" : "";
}

static void put_columns(struct ktstr_buf *out, const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<thead><tr>");
	for (size_t i = 0; i < block->columns.n; i++) {
		const struct ktstr_column *column = &block->columns.items[i];

		ktstr_buf_printf(out, "<th scope=\"col\"%s>", cell_class(column));
		ktstr_markup_str(out, column->name);
		if (column->unit) {
			ktstr_buf_puts(out, " <span class=\"unit\">");
			ktstr_markup_str(out, column->unit);
			ktstr_buf_puts(out, "</span>");
		}
		ktstr_buf_puts(out, "</th>");
	}
	ktstr_buf_puts(out, "</tr></thead>\n<tbody>\n");
}

/* A text in the first column says what its row is about. */
static void put_rows(struct ktstr_buf *out, const struct ktstr_block *block)
{
	for (size_t i = 0; i < block->cells.n; i++) {
		size_t at = i % block->columns.n;
		const struct ktstr_column *column = &block->columns.items[at];
		bool head = !at && column->kind == KTSTR_COLUMN_TEXT;

		ktstr_buf_printf(out, "%s<%s%s>", at ? "" : "<tr>", head ? "th scope=\"row\"" : "td",
				 cell_class(column));
		ktstr_markup_str(out, block->cells.items[i]);
		ktstr_buf_printf(out, "</%s>%s", head ? "th" : "td", at + 1 == block->columns.n ? "</tr>\n" : "");
	}
}

static void put_table(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		      const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table of ");
	ktstr_markup_str(out, section->title ? section->title : section->name);
	ktstr_put_byte(out, '"');
	ktstr_html_id(out, section, block);
	ktstr_buf_puts(out, "><table>\n");
	put_columns(out, block);
	put_rows(out, block);
	ktstr_buf_puts(out, "</tbody></table></div>\n");
}

/* ---- logs ---- */

/* True when lines have to say where they are from: what is the same for all is said once. */
static bool is_mixed(const struct ktstr_block *block)
{
	if (block->sources.n > 1 && block->origins.n)
		return true;
	for (size_t i = 0; i < block->origins.n; i++)
		if (block->origins.items[i].time_ns != KTSTR_DOC_NO_TIME)
			return true;
	return false;
}

static void put_origin(struct ktstr_buf *out, const struct ktstr_block_origin *origin)
{
	bool timed = origin->time_ns != KTSTR_DOC_NO_TIME;

	if (!timed && !origin->source)
		return;
	ktstr_buf_puts(out, " data-from=\"");
	if (timed)
		ktstr_buf_printf(out, "%.6f ", (double)origin->time_ns / 1e9);
	if (origin->source)
		ktstr_markup_str(out, origin->source);
	ktstr_put_byte(out, '"');
}

static void put_lines(struct ktstr_buf *out, const struct ktstr_block *block)
{
	bool mixed = is_mixed(block);

	for (size_t i = 0; i < block->cells.n; i++) {
		const struct ktstr_block_origin *origin = block->origins.n ? &block->origins.items[i] : NULL;

		ktstr_buf_puts(out, origin && origin->notice ? "<span class=\"l note\"" : "<span class=\"l\"");
		if (mixed)
			put_origin(out, origin);
		ktstr_put_byte(out, '>');
		ktstr_markup_str(out, block->cells.items[i]);
		ktstr_buf_puts(out, "</span>");
	}
}

static void put_log(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		    const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<details open class=\"log\"");
	ktstr_html_id(out, section, block);
	ktstr_buf_puts(out, "><summary>");
	if (block->text) {
		ktstr_markup_str(out, block->text);
		ktstr_put_byte(out, ' ');
	}
	ktstr_buf_printf(out, "<span class=\"count\">%zu line%s", block->cells.n, block->cells.n == 1 ? "" : "s");
	if (block->sources.n == 1 && block->origins.n && !is_mixed(block)) {
		ktstr_buf_puts(out, " from ");
		ktstr_markup_str(out, block->sources.items[0]);
	}
	ktstr_buf_puts(out, "</span></summary><pre tabindex=\"0\" role=\"region\" aria-label=\"");
	ktstr_markup_str(out, block->text ? block->text : section->title ? section->title : section->name);
	ktstr_buf_puts(out, "\">");
	put_lines(out, block);
	ktstr_buf_puts(out, "</pre></details>\n");
}

/* ---- chains ---- */

static void put_function(struct ktstr_buf *out, const struct ktstr_doc_section *section,
			 const struct ktstr_block_frame *f)
{
	ktstr_buf_puts(out, "<code>");
	if (f->details) {
		ktstr_buf_puts(out, "<a href=\"#");
		ktstr_markup_str(out, section->name);
		ktstr_buf_printf(out, ".%s\">", f->details);
	}
	ktstr_markup_str(out, f->function);
	ktstr_buf_printf(out, "%s<span class=\"dim\">+0x%llx</span></code>", f->details ? "</a>" : "",
			 (unsigned long long)f->offset);
}

static void put_chain(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		      const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<figure");
	ktstr_html_id(out, section, block);
	ktstr_buf_puts(out, ">\n");
	if (block->text) {
		ktstr_buf_puts(out, "<figcaption>");
		ktstr_markup_str(out, block->text);
		ktstr_buf_puts(out, "</figcaption>\n");
	}
	ktstr_buf_puts(out, "<ol class=\"chain\">\n");
	for (size_t i = 0; i < block->frames.n; i++) {
		const struct ktstr_block_frame *f = &block->frames.items[i];

		ktstr_buf_printf(out, "<li class=\"%s%s\">", f->bpf ? "bpf" : "kernel", i ? "" : " first");
		put_function(out, section, f);
		ktstr_buf_printf(out, " <span class=\"kind\">%s", f->bpf ? "BPF" : "kernel");
		if (f->place) {
			ktstr_buf_puts(out, ", ");
			ktstr_markup_str(out, f->place);
		}
		ktstr_buf_puts(out, "</span></li>\n");
	}
	ktstr_buf_puts(out, "</ol>\n</figure>\n");
}

void ktstr_html_block(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		      const struct ktstr_block *block)
{
	static void (*const put[KTSTR_BLOCK_TYPES])(struct ktstr_buf *out,
						    const struct ktstr_doc_section *section,
						    const struct ktstr_block *block) = {
		[KTSTR_BLOCK_HEADLINE] = put_text,  [KTSTR_BLOCK_PARAGRAPH] = put_text,
		[KTSTR_BLOCK_VALUES] = put_values,  [KTSTR_BLOCK_DIFF] = put_diff,
		[KTSTR_BLOCK_TABLE] = put_table,    [KTSTR_BLOCK_LOG] = put_log,
		[KTSTR_BLOCK_SERIES] = ktstr_html_plot, [KTSTR_BLOCK_CHAIN] = put_chain,
	};

	put[block->type](out, section, block);
}
