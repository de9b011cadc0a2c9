/* SPDX-License-Identifier: GPL-2.0-only */
/* The document builder that a section gets: every call is encoded at once. */
#include "report/builder.h"

void ktstr_builder_fault(struct ktstr_builder *b, const char *what)
{
	if (!b->wrong)
		b->wrong = what;
}

bool ktstr_builder_sane(struct ktstr_builder *b)
{
	if (b->out.len > b->max_bytes)
		ktstr_builder_fault(b, "it says too much");
	if (b->blocks > KTSTR_DOCUMENT_BLOCKS_MAX || b->cells > KTSTR_DOCUMENT_CELLS_MAX)
		ktstr_builder_fault(b, "it has too many lines or cells");
	return !b->wrong && !b->out.failed;
}

void ktstr_builder_end(struct ktstr_builder *b)
{
	ktstr_put_end(&b->out);
	b->open = OPEN_NOTHING;
}

/* Lists end with the first call that is about something else. */
static void close_list(struct ktstr_builder *b)
{
	if (b->open != OPEN_VALUES && b->open != OPEN_DIFF)
		return;
	ktstr_put_end(&b->out);
	ktstr_builder_end(b);
}

static bool needs_end(const struct ktstr_builder *b)
{
	return b->open >= OPEN_TABLE;
}

bool ktstr_builder_begin(struct ktstr_builder *b, enum ktstr_block_type type, enum ktstr_tone tone,
			 const char *inside)
{
	if (needs_end(b))
		ktstr_builder_fault(b, inside);
	b->blocks++;
	if (!ktstr_builder_sane(b))
		return false;
	close_list(b);
	ktstr_put_map(&b->out, NULL);
	ktstr_put_u64(&b->out, "type", type);
	if (tone != KTSTR_TONE_PLAIN)
		ktstr_put_u64(&b->out, "tone", tone);
	if (*b->id)
		ktstr_put_str(&b->out, "id", b->id);
	*b->id = '\0';
	return true;
}

void ktstr_builder_cell(struct ktstr_builder *b, const char *text, size_t len)
{
	b->cells++;
	if (ktstr_builder_sane(b))
		ktstr_put_text(&b->out, NULL, text, len);
}

void ktstr_builder_cell_str(struct ktstr_builder *b, const char *text)
{
	ktstr_builder_cell(b, text ? text : "", text ? strlen(text) : 0);
}

static void doc_id(struct ktstr_doc *doc, const char *id)
{
	struct ktstr_builder *b = doc->ctx;

	if (needs_end(b))
		ktstr_builder_fault(b, "id() inside of a block that is not over");
	if (!ktstr_builder_sane(b))
		return;
	close_list(b);
	snprintf(b->id, sizeof(b->id), "%s", id ? id : "");
}

/* ---- text ---- */

static void doc_headline(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	if (!ktstr_builder_begin(b, KTSTR_BLOCK_HEADLINE, tone,
				 "headline() inside of a block that is not over"))
		return;
	ktstr_put_str(&b->out, "text", text ? text : "");
	ktstr_put_end(&b->out);
}

static void doc_paragraph(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	if (!ktstr_builder_begin(b, KTSTR_BLOCK_PARAGRAPH, tone,
				 "paragraph() inside of a block that is not over"))
		return;
	ktstr_put_str(&b->out, "text", text ? text : "");
	ktstr_put_end(&b->out);
}

/* ---- lists ---- */

static void in_list(struct ktstr_builder *b, enum open list, enum ktstr_block_type type,
		    const char *inside)
{
	if (b->open == list ||
	    !ktstr_builder_begin(b, type, KTSTR_TONE_PLAIN, inside))
		return;
	ktstr_put_array(&b->out, "cells");
	b->open = list;
}

static void doc_value(struct ktstr_doc *doc, const char *key, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	in_list(b, OPEN_VALUES, KTSTR_BLOCK_VALUES, "value() inside of a block that is not over");
	ktstr_builder_cell_str(b, key);
	ktstr_builder_cell_str(b, text);
}

static void doc_change(struct ktstr_doc *doc, const char *key, const char *before,
		       const char *after)
{
	struct ktstr_builder *b = doc->ctx;

	in_list(b, OPEN_DIFF, KTSTR_BLOCK_DIFF, "change() inside of a block that is not over");
	ktstr_builder_cell_str(b, key);
	ktstr_builder_cell_str(b, before);
	ktstr_builder_cell_str(b, after);
}

/* ---- tables ---- */

static void doc_table_begin(struct ktstr_doc *doc, const struct ktstr_column *columns, size_t n)
{
	struct ktstr_builder *b = doc->ctx;

	if (!n || n > KTSTR_DOCUMENT_COLUMNS_MAX)
		ktstr_builder_fault(b, "a table has no columns or more than 64");
	if (!ktstr_builder_begin(b, KTSTR_BLOCK_TABLE, KTSTR_TONE_PLAIN,
				 "table_begin() inside of a block that is not over"))
		return;
	ktstr_put_array(&b->out, "columns");
	for (size_t i = 0; i < n; i++) {
		ktstr_put_map(&b->out, NULL);
		ktstr_put_str(&b->out, "name", columns[i].name ? columns[i].name : "");
		ktstr_put_str(&b->out, "unit", columns[i].unit);
		ktstr_put_u64(&b->out, "kind", columns[i].kind);
		ktstr_put_end(&b->out);
	}
	ktstr_put_end(&b->out);
	ktstr_put_array(&b->out, "cells");
	b->open = OPEN_TABLE;
	b->columns = n;
}

static void doc_table_row(struct ktstr_doc *doc, const char *const *cells)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_TABLE)
		ktstr_builder_fault(b, "table_row() outside of a table");
	if (!ktstr_builder_sane(b))
		return;
	for (size_t i = 0; i < b->columns; i++)
		ktstr_builder_cell_str(b, cells[i]);
}

static void doc_table_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_TABLE)
		ktstr_builder_fault(b, "table_end() outside of a table");
	if (!ktstr_builder_sane(b))
		return;
	ktstr_put_end(&b->out);
	ktstr_builder_end(b);
}

/* ---- the object ---- */

struct ktstr_builder *ktstr_builder_create(size_t max_bytes)
{
	struct ktstr_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->max_bytes = max_bytes;
	b->doc = (struct ktstr_doc){
		.size = sizeof(b->doc),
		.ctx = b,
		.headline = doc_headline,
		.paragraph = doc_paragraph,
		.value = doc_value,
		.table_begin = doc_table_begin,
		.table_row = doc_table_row,
		.table_end = doc_table_end,
		.id = doc_id,
		.change = doc_change,
	};
	ktstr_builder_log_ops(&b->doc);
	ktstr_builder_series_ops(&b->doc);
	ktstr_put_begin(&b->out);
	ktstr_put_array(&b->out, "blocks");
	return b;
}

struct ktstr_doc *ktstr_builder_doc(struct ktstr_builder *b)
{
	return &b->doc;
}

bool ktstr_builder_finish(struct ktstr_builder *b, int result, const char *error,
			  const uint8_t **ret_data, size_t *ret_len)
{
	if (needs_end(b))
		ktstr_builder_fault(b, "a table, log, series or chain has no end");
	if (b->wrong && result >= 0) {
		result = -EINVAL;
		error = b->wrong;
	}
	if (result) {
		/* What was said so far does not count. */
		b->out.len = 0;
		ktstr_put_begin(&b->out);
		ktstr_put_array(&b->out, "blocks");
	} else {
		close_list(b);
	}
	ktstr_put_end(&b->out);
	ktstr_put_s64(&b->out, "result", result);
	if (result < 0)
		ktstr_put_str(&b->out, "error", error);
	ktstr_put_end(&b->out);
	*ret_data = b->out.data;
	*ret_len = b->out.len;
	return !b->out.failed;
}

void ktstr_builder_destroy(struct ktstr_builder *b)
{
	if (!b)
		return;
	ktstr_builder_log_deinit(b);
	ktstr_builder_series_deinit(b);
	ktstr_buf_free(&b->out);
	free(b);
}
