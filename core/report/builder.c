/* SPDX-License-Identifier: GPL-2.0-only */
/* The document builder that a section gets: every call is encoded at once. */
#include "report/encode.h"

#include "base/text.h"

enum open { OPEN_NOTHING, OPEN_VALUES, OPEN_TABLE, OPEN_LOG };

struct line {
	char *text;
	size_t len;
};

struct ktstr_builder {
	struct ktstr_doc doc;
	struct ktstr_buf out;
	size_t max_bytes;
	enum open open;
	size_t columns;			/* of the open table */
	size_t blocks, cells;
	const char *wrong;		/* the first fault, NULL: none */
	/* the open log */
	struct ktstr_fold *fold;	/* NULL: lines go on as they are */
	size_t tail;			/* 0: all */
	KTSTR_VEC(struct line) kept;	/* the last `tail` lines, a ring once it is full */
	size_t lines;			/* that came out of the fold */
};

static void fault(struct ktstr_builder *b, const char *what)
{
	if (!b->wrong)
		b->wrong = what;
}

/* True while there is a point in going on. */
static bool sane(struct ktstr_builder *b)
{
	if (b->out.len > b->max_bytes)
		fault(b, "it says too much");
	if (b->blocks > KTSTR_DOCUMENT_BLOCKS_MAX || b->cells > KTSTR_DOCUMENT_CELLS_MAX)
		fault(b, "it has too many lines or cells");
	return !b->wrong && !b->out.failed;
}

static void close_values(struct ktstr_builder *b)
{
	if (b->open != OPEN_VALUES)
		return;
	ktstr_put_end(&b->out);
	ktstr_put_end(&b->out);
	b->open = OPEN_NOTHING;
}

/* Ready for a new block? `inside` is the fault when a table or log is still open. */
static bool begin(struct ktstr_builder *b, enum ktstr_block_type type, enum ktstr_tone tone,
		  const char *inside)
{
	if (b->open == OPEN_TABLE || b->open == OPEN_LOG)
		fault(b, inside);
	b->blocks++;
	if (!sane(b))
		return false;
	close_values(b);
	ktstr_put_map(&b->out, NULL);
	ktstr_put_u64(&b->out, "type", type);
	ktstr_put_u64(&b->out, "tone", tone);
	return true;
}

static void put_cell(struct ktstr_builder *b, const char *text, size_t len)
{
	b->cells++;
	if (sane(b))
		ktstr_put_text(&b->out, NULL, text, len);
}

static void put_cell_str(struct ktstr_builder *b, const char *text)
{
	put_cell(b, text ? text : "", text ? strlen(text) : 0);
}

/* ---- text ---- */

static void doc_headline(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	if (!begin(b, KTSTR_BLOCK_HEADLINE, tone, "headline() inside of a table or log"))
		return;
	ktstr_put_str(&b->out, "text", text ? text : "");
	ktstr_put_end(&b->out);
}

static void doc_paragraph(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	if (!begin(b, KTSTR_BLOCK_PARAGRAPH, tone, "paragraph() inside of a table or log"))
		return;
	ktstr_put_str(&b->out, "text", text ? text : "");
	ktstr_put_end(&b->out);
}

static void doc_value(struct ktstr_doc *doc, const char *key, const char *text)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_VALUES) {
		if (!begin(b, KTSTR_BLOCK_VALUES, KTSTR_TONE_PLAIN,
			   "value() inside of a table or log"))
			return;
		ktstr_put_array(&b->out, "cells");
		b->open = OPEN_VALUES;
	}
	put_cell_str(b, key);
	put_cell_str(b, text);
}

/* ---- tables ---- */

static void doc_table_begin(struct ktstr_doc *doc, const struct ktstr_column *columns, size_t n)
{
	struct ktstr_builder *b = doc->ctx;

	if (!n || n > KTSTR_DOCUMENT_COLUMNS_MAX)
		fault(b, "a table has no columns or more than 64");
	if (!begin(b, KTSTR_BLOCK_TABLE, KTSTR_TONE_PLAIN,
		   "table_begin() inside of a table or log"))
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
		fault(b, "table_row() outside of a table");
	if (!sane(b))
		return;
	for (size_t i = 0; i < b->columns; i++)
		put_cell_str(b, cells[i]);
}

static void doc_table_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_TABLE)
		fault(b, "table_end() outside of a table");
	if (!sane(b))
		return;
	ktstr_put_end(&b->out);
	ktstr_put_end(&b->out);
	b->open = OPEN_NOTHING;
}

/* ---- logs ---- */

static void doc_log_begin(struct ktstr_doc *doc, const char *title, enum ktstr_log_fold fold,
			  size_t tail)
{
	struct ktstr_builder *b = doc->ctx;

	if (!begin(b, KTSTR_BLOCK_LOG, KTSTR_TONE_PLAIN, "log_begin() inside of a table or log"))
		return;
	ktstr_put_str(&b->out, "text", title);
	ktstr_put_array(&b->out, "cells");
	b->open = OPEN_LOG;
	b->tail = tail;
	b->lines = 0;
	if (fold == KTSTR_LOG_FOLD && !(b->fold = ktstr_fold_create()))
		b->out.failed = true;
}

/* Takes the place of the oldest line once there are `tail` of them. */
static void keep_line(struct ktstr_builder *b, const char *text, size_t len)
{
	struct line *line = b->kept.n < b->tail ? ktstr_vec_add(&b->kept)
						: &b->kept.items[b->lines % b->tail];
	char *copy = malloc(len + 1);

	if (!line || !copy) {
		b->out.failed = true;
		free(copy);
		return;
	}
	free(line->text);
	if (len)
		memcpy(copy, text, len);
	*line = (struct line){ copy, len };
}

static void emit_line(void *ctx, const char *text, size_t len)
{
	struct ktstr_builder *b = ctx;

	if (b->tail)
		keep_line(b, text, len);
	else
		put_cell(b, text, len);
	b->lines++;
}

static void doc_log_line(struct ktstr_doc *doc, const char *text, size_t len)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_LOG)
		fault(b, "log_line() outside of a log");
	if (!sane(b))
		return;
	if (!len)
		text = "";
	if (b->fold)
		ktstr_fold_line(b->fold, text, len);
	else
		emit_line(b, text, len);
}

static void drop_kept(struct ktstr_builder *b)
{
	for (size_t i = 0; i < b->kept.n; i++)
		free(b->kept.items[i].text);
	ktstr_vec_free(&b->kept);
}

static void put_kept(struct ktstr_builder *b)
{
	size_t gone = b->tail ? b->lines - b->kept.n : 0;
	char notice[64];
	int len = snprintf(notice, sizeof(notice), "(%zu earlier line%s not shown)", gone,
			   gone == 1 ? "" : "s");

	if (gone)
		put_cell(b, notice, (size_t)len);
	for (size_t i = 0; i < b->kept.n; i++) {
		const struct line *line = &b->kept.items[(b->lines + i) % b->kept.n];

		put_cell(b, line->text, line->len);
	}
	drop_kept(b);
}

static void doc_log_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_LOG)
		fault(b, "log_end() outside of a log");
	if (!sane(b))
		return;
	if (b->fold && ktstr_fold_finish(b->fold, emit_line, b))
		b->out.failed = true;
	ktstr_fold_destroy(b->fold);
	b->fold = NULL;
	put_kept(b);
	ktstr_put_end(&b->out);
	ktstr_put_end(&b->out);
	b->open = OPEN_NOTHING;
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
		.log_begin = doc_log_begin,
		.log_line = doc_log_line,
		.log_end = doc_log_end,
	};
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
	if (b->open == OPEN_TABLE || b->open == OPEN_LOG)
		fault(b, "a table or log has no end");
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
		close_values(b);
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
	drop_kept(b);
	ktstr_fold_destroy(b->fold);
	ktstr_buf_free(&b->out);
	free(b);
}
