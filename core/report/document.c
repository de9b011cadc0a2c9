/* SPDX-License-Identifier: GPL-2.0-only */
/* The document model: what a section's child wrote, read with distrust. */
#include "report/encode.h"

#include "base/text.h"

/* The memory of one section, whatever its bytes say. */
struct budget {
	size_t blocks, cells;
};

/* Fresh memory; NULs inside become "^@", so that nothing behind them is lost. */
static char *copy_text(struct ktstr_str s)
{
	struct ktstr_buf b = { 0 };

	for (size_t at = 0; at < s.len;) {
		const char *nul = memchr(s.s + at, '\0', s.len - at);
		size_t piece = nul ? (size_t)(nul - s.s) - at : s.len - at;

		ktstr_buf_add(&b, s.s + at, piece);
		if (nul)
			ktstr_buf_puts(&b, "^@");
		at += piece + (nul != NULL);
	}
	return ktstr_buf_steal_str(&b);
}

static int wrong(struct ktstr_err *err, const char *what)
{
	return ktstr_err_set(err, -EBADMSG, "its document cannot be read: %s", what);
}

static bool is_text(const struct ktstr_field *f)
{
	return f->type == KTSTR_FIELD_TEXT || f->type == KTSTR_FIELD_BYTES;
}

static int decode_cells(struct ktstr_fields it, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		char **cell;

		if (!is_text(&f))
			return wrong(err, "a cell is no text");
		if (!left->cells--)
			return wrong(err, "too many lines or cells");
		cell = ktstr_vec_add(&block->cells);
		if (!cell || !(*cell = copy_text(f.str)))
			return ktstr_err_nomem(err);
	}
	return 0;
}

static int decode_column(const struct ktstr_fields *fields, struct ktstr_block *block,
			 struct ktstr_err *err)
{
	struct ktstr_str name = { "", 0 }, unit;
	struct ktstr_column *column;
	uint64_t kind = KTSTR_COLUMN_TEXT;

	if (block->columns.n == KTSTR_DOCUMENT_COLUMNS_MAX)
		return wrong(err, "too many columns");
	ktstr_get_str(fields, "name", &name);
	ktstr_get_u64(fields, "kind", &kind);
	if (kind > KTSTR_COLUMN_NUMBER)
		return wrong(err, "a column is of no known kind");
	column = ktstr_vec_add(&block->columns);
	if (!column || !(column->name = copy_text(name)))
		return ktstr_err_nomem(err);
	column->kind = (enum ktstr_column_kind)kind;
	if (ktstr_get_str(fields, "unit", &unit) && !(column->unit = copy_text(unit)))
		return ktstr_err_nomem(err);
	return 0;
}

static int decode_columns(struct ktstr_fields it, struct ktstr_block *block, struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		int ret = f.type == KTSTR_FIELD_MAP ? decode_column(&f.sub, block, err)
						    : wrong(err, "a column is no map");

		if (ret)
			return ret;
	}
	return 0;
}

static int decode_field(const struct ktstr_field *f, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	if (ktstr_str_is(f->key, "type") && f->type == KTSTR_FIELD_U64) {
		block->type = (enum ktstr_block_type)f->u64;
		return f->u64 <= KTSTR_BLOCK_LOG ? 0 : wrong(err, "a block is of no known type");
	}
	if (ktstr_str_is(f->key, "tone") && f->type == KTSTR_FIELD_U64) {
		block->tone = f->u64 <= KTSTR_TONE_DIM ? (enum ktstr_tone)f->u64 : KTSTR_TONE_PLAIN;
		return 0;
	}
	if (ktstr_str_is(f->key, "text") && is_text(f) && !block->text) {
		block->text = copy_text(f->str);
		return block->text ? 0 : ktstr_err_nomem(err);
	}
	if (ktstr_str_is(f->key, "columns") && f->type == KTSTR_FIELD_ARRAY)
		return decode_columns(f->sub, block, err);
	if (ktstr_str_is(f->key, "cells") && f->type == KTSTR_FIELD_ARRAY)
		return decode_cells(f->sub, left, block, err);
	return wrong(err, "a block has a field that it should not have");
}

/* What a renderer relies on. */
static int check_block(const struct ktstr_block *block, struct ktstr_err *err)
{
	size_t per_row = block->type == KTSTR_BLOCK_VALUES ? 2
		       : block->type == KTSTR_BLOCK_TABLE ? block->columns.n : 1;

	if (block->type <= KTSTR_BLOCK_PARAGRAPH && !block->text)
		return wrong(err, "a text without text");
	if (!per_row || block->cells.n % per_row)
		return wrong(err, "cells and columns do not agree");
	return 0;
}

static int decode_block(struct ktstr_fields it, struct budget *left,
			struct ktstr_doc_section *section, struct ktstr_err *err)
{
	struct ktstr_block *block;
	struct ktstr_field f;

	if (!left->blocks--)
		return wrong(err, "too many blocks");
	block = ktstr_vec_add(&section->blocks);
	if (!block)
		return ktstr_err_nomem(err);
	while (ktstr_field_next(&it, &f)) {
		int ret = decode_field(&f, left, block, err);

		if (ret)
			return ret;
	}
	return check_block(block, err);
}

static int decode_blocks(struct ktstr_fields it, struct ktstr_doc_section *section,
			 struct ktstr_err *err)
{
	struct budget left = { KTSTR_DOCUMENT_BLOCKS_MAX, KTSTR_DOCUMENT_CELLS_MAX };
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		int ret = f.type == KTSTR_FIELD_MAP ? decode_block(f.sub, &left, section, err)
						    : wrong(err, "a block is no map");

		if (ret)
			return ret;
	}
	return 0;
}

int ktstr_doc_section_decode(const void *data, size_t len, struct ktstr_doc_section *section,
			     int *ret_result, struct ktstr_err *err)
{
	struct ktstr_fields top, blocks;
	char message[KTSTR_ERR_MAX];
	int64_t result;

	if (!ktstr_fields_parse(data, len, &top))
		return wrong(err, "it is cut or garbled");
	if (!ktstr_get_s64(&top, "result", &result) || result > KTSTR_SECTION_IRRELEVANT ||
	    result < -4095 || !ktstr_get_sub(&top, "blocks", &blocks))
		return wrong(err, "it has no result");
	*ret_result = (int)result;
	if (result < 0) {
		ktstr_get_cstr(&top, "error", message, sizeof(message));
		ktstr_err_set(err, (int)result, "%s", *message ? message : strerror((int)-result));
		return 0;
	}
	return decode_blocks(blocks, section, err);
}

/* ---- memory ---- */

bool ktstr_doc_section_say(struct ktstr_doc_section *section, enum ktstr_tone tone,
			   const char *text)
{
	struct ktstr_block *block = ktstr_vec_add(&section->blocks);

	if (!block)
		return false;
	block->type = KTSTR_BLOCK_PARAGRAPH;
	block->tone = tone;
	block->text = strdup(text);
	return block->text != NULL;
}

void ktstr_block_deinit(struct ktstr_block *block)
{
	free(block->text);
	for (size_t i = 0; i < block->cells.n; i++)
		free(block->cells.items[i]);
	ktstr_vec_free(&block->cells);
	for (size_t i = 0; i < block->columns.n; i++) {
		free((char *)block->columns.items[i].name);
		free((char *)block->columns.items[i].unit);
	}
	ktstr_vec_free(&block->columns);
}

void ktstr_doc_section_deinit(struct ktstr_doc_section *section)
{
	for (size_t i = 0; i < section->blocks.n; i++)
		ktstr_block_deinit(&section->blocks.items[i]);
	ktstr_vec_free(&section->blocks);
	free(section->name);
	free(section->title);
}

void ktstr_document_destroy(struct ktstr_document *doc)
{
	if (!doc)
		return;
	for (size_t i = 0; i < doc->sections.n; i++)
		ktstr_doc_section_deinit(&doc->sections.items[i]);
	ktstr_vec_free(&doc->sections);
	for (size_t i = 0; i < doc->footer.n; i++)
		free(doc->footer.items[i]);
	ktstr_vec_free(&doc->footer);
	free(doc);
}

int ktstr_document_footer(struct ktstr_document *doc, struct ktstr_err *err, const char *fmt, ...)
{
	char **line = ktstr_vec_add(&doc->footer);
	struct ktstr_buf text = { 0 };
	va_list ap;

	if (!line)
		return ktstr_err_nomem(err);
	va_start(ap, fmt);
	ktstr_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	*line = ktstr_buf_steal_str(&text);
	return *line ? 0 : ktstr_err_nomem(err);
}
