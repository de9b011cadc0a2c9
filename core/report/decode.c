/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bytes that a section's child wrote to blocks, read with distrust. */
#include "report/encode.h"

#include "base/cleanup.h"
#include "base/text.h"

#define NAMED_MAX 512		/* blocks that have an id of their own */

/* The memory of one section, whatever its bytes say; and the ids that are taken. */
struct budget {
	size_t blocks, cells, frames;
	size_t of_type[KTSTR_BLOCK_TYPES];
	const char *named[NAMED_MAX];
	size_t n_named;
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

/* ---- logs ---- */

static int decode_sources(struct ktstr_fields it, struct ktstr_block *block, struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		char **source;

		if (!is_text(&f))
			return wrong(err, "a source is no text");
		if (block->sources.n == KTSTR_DOCUMENT_COLUMNS_MAX)
			return wrong(err, "too many sources");
		source = ktstr_vec_add(&block->sources);
		if (!source || !(*source = copy_text(f.str)))
			return ktstr_err_nomem(err);
	}
	return 0;
}

/* Two numbers each: the source's and whether it is a notice, and the time. Sources came before. */
static int decode_origins(struct ktstr_fields it, struct ktstr_block *block, struct ktstr_err *err)
{
	struct ktstr_field what, time;

	while (ktstr_item_next(&it, &what)) {
		struct ktstr_block_origin *origin;

		if (!ktstr_item_next(&it, &time) || what.type != KTSTR_FIELD_U64 ||
		    time.type != KTSTR_FIELD_U64 || what.u64 >> 1 > block->sources.n)
			return wrong(err, "an origin is none");
		if (block->origins.n == block->cells.n)
			return wrong(err, "more origins than lines");
		origin = ktstr_vec_add(&block->origins);
		if (!origin)
			return ktstr_err_nomem(err);
		origin->time_ns = time.u64;
		origin->notice = what.u64 & 1;
		origin->source = what.u64 >> 1 ? block->sources.items[(what.u64 >> 1) - 1] : NULL;
	}
	return 0;
}

/* ---- series ---- */

static int decode_times(struct ktstr_fields it, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	struct ktstr_field f;
	uint64_t before = 0;

	while (ktstr_item_next(&it, &f)) {
		uint64_t *time;

		if (f.type != KTSTR_FIELD_U64 || f.u64 < before)
			return wrong(err, "times do not ascend");
		if (!left->cells--)
			return wrong(err, "too many points");
		time = ktstr_vec_add(&block->times);
		if (!time)
			return ktstr_err_nomem(err);
		*time = before = f.u64;
	}
	return 0;
}

static int decode_numbers(struct ktstr_fields it, struct budget *left, struct ktstr_block *block,
			  struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		double *number;

		if (f.type != KTSTR_FIELD_F64)
			return wrong(err, "a value of a series is no number");
		if (!left->cells--)
			return wrong(err, "too many points");
		number = ktstr_vec_add(&block->numbers);
		if (!number)
			return ktstr_err_nomem(err);
		*number = f.f64;
	}
	return 0;
}

static int decode_spans(struct ktstr_fields it, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		struct ktstr_str label = { "", 0 };
		struct ktstr_block_span *span;
		uint64_t tone = KTSTR_TONE_PLAIN;

		if (f.type != KTSTR_FIELD_MAP || !left->cells--)
			return wrong(err, "a span is none, or there are too many");
		span = ktstr_vec_add(&block->spans);
		ktstr_get_str(&f.sub, "label", &label);
		if (!span || !(span->label = copy_text(label)))
			return ktstr_err_nomem(err);
		ktstr_get_u64(&f.sub, "tone", &tone);
		span->tone = tone <= KTSTR_TONE_DIM ? (enum ktstr_tone)tone : KTSTR_TONE_PLAIN;
		if (!ktstr_get_u64(&f.sub, "begin", &span->begin_ns) ||
		    !ktstr_get_u64(&f.sub, "end", &span->end_ns) || span->end_ns < span->begin_ns)
			return wrong(err, "a span has no times");
	}
	return 0;
}

/* ---- chains ---- */

static int decode_frame(const struct ktstr_fields *fields, struct ktstr_block_frame *frame,
			struct ktstr_err *err)
{
	struct ktstr_str text = { "", 0 };

	ktstr_get_str(fields, "function", &text);
	if (!(frame->function = copy_text(text)))
		return ktstr_err_nomem(err);
	if (ktstr_get_str(fields, "place", &text) && !(frame->place = copy_text(text)))
		return ktstr_err_nomem(err);
	if (ktstr_get_str(fields, "details", &text)) {
		frame->details = copy_text(text);
		if (!frame->details)
			return ktstr_err_nomem(err);
		ktstr_id_clean(frame->details);
	}
	ktstr_get_u64(fields, "offset", &frame->offset);
	ktstr_get_bool(fields, "bpf", &frame->bpf);
	return 0;
}

static int decode_frames(struct ktstr_fields it, struct budget *left, struct ktstr_block *block,
			 struct ktstr_err *err)
{
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		struct ktstr_block_frame *frame;
		int ret;

		if (f.type != KTSTR_FIELD_MAP || !left->frames--)
			return wrong(err, "a frame is none, or there are too many");
		frame = ktstr_vec_add(&block->frames);
		ret = frame ? decode_frame(&f.sub, frame, err) : ktstr_err_nomem(err);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- blocks ---- */

static int decode_text(const struct ktstr_field *f, char **text, struct ktstr_err *err)
{
	if (*text)
		return wrong(err, "a block has a text twice");
	*text = copy_text(f->str);
	return *text ? 0 : ktstr_err_nomem(err);
}

static int decode_number(const struct ktstr_field *f, struct ktstr_block *block,
			 struct ktstr_err *err)
{
	if (ktstr_str_is(f->key, "type")) {
		block->type = (enum ktstr_block_type)f->u64;
		return f->u64 < KTSTR_BLOCK_TYPES ? 0 : wrong(err, "a block is of no known type");
	}
	if (ktstr_str_is(f->key, "tone")) {
		block->tone = f->u64 <= KTSTR_TONE_DIM ? (enum ktstr_tone)f->u64 : KTSTR_TONE_PLAIN;
		return 0;
	}
	return wrong(err, "a block has a field that it should not have");
}

static int decode_array(const struct ktstr_field *f, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	if (ktstr_str_is(f->key, "columns"))
		return decode_columns(f->sub, block, err);
	if (ktstr_str_is(f->key, "cells"))
		return decode_cells(f->sub, left, block, err);
	if (ktstr_str_is(f->key, "sources") && !block->origins.n)
		return decode_sources(f->sub, block, err);
	if (ktstr_str_is(f->key, "origins"))
		return decode_origins(f->sub, block, err);
	if (ktstr_str_is(f->key, "times") && !block->times.n)
		return decode_times(f->sub, left, block, err);
	if (ktstr_str_is(f->key, "numbers"))
		return decode_numbers(f->sub, left, block, err);
	if (ktstr_str_is(f->key, "spans"))
		return decode_spans(f->sub, left, block, err);
	if (ktstr_str_is(f->key, "frames"))
		return decode_frames(f->sub, left, block, err);
	return wrong(err, "a block has a field that it should not have");
}

static int decode_field(const struct ktstr_field *f, struct budget *left, struct ktstr_block *block,
			struct ktstr_err *err)
{
	if (f->type == KTSTR_FIELD_U64)
		return decode_number(f, block, err);
	if (f->type == KTSTR_FIELD_ARRAY)
		return decode_array(f, left, block, err);
	if (is_text(f) && ktstr_str_is(f->key, "text"))
		return decode_text(f, &block->text, err);
	if (is_text(f) && ktstr_str_is(f->key, "unit"))
		return decode_text(f, &block->unit, err);
	if (is_text(f) && ktstr_str_is(f->key, "id"))
		return decode_text(f, &block->id, err);
	return wrong(err, "a block has a field that it should not have");
}

/* What a renderer relies on. */
static int check_block(const struct ktstr_block *block, struct ktstr_err *err)
{
	size_t per_row = block->type == KTSTR_BLOCK_VALUES ? 2 :
			 block->type == KTSTR_BLOCK_DIFF ? 3 :
			 block->type == KTSTR_BLOCK_TABLE ? block->columns.n : 1;

	if (block->type <= KTSTR_BLOCK_PARAGRAPH && !block->text)
		return wrong(err, "a text without text");
	if (!per_row || block->cells.n % per_row)
		return wrong(err, "cells and columns do not agree");
	if (block->origins.n && (block->type != KTSTR_BLOCK_LOG || block->origins.n != block->cells.n))
		return wrong(err, "lines and origins do not agree");
	if (block->type == KTSTR_BLOCK_SERIES &&
	    (!block->cells.n || block->cells.n > KTSTR_DOCUMENT_COLUMNS_MAX ||
	     block->numbers.n != block->times.n * block->cells.n))
		return wrong(err, "points and curves do not agree");
	return 0;
}

static bool is_taken(const struct budget *left, const char *id)
{
	for (size_t i = 0; i < left->n_named; i++)
		if (!strcmp(left->named[i], id))
			return true;
	return false;
}

/* A dot is in no id that a section gives: those that are made here are others. */
static int give_id(struct budget *left, struct ktstr_block *block, struct ktstr_err *err)
{
	size_t n = ++left->of_type[block->type];
	_cleanup_free_ char *wish = block->id;

	block->id = NULL;
	if (!wish || !*wish || left->n_named == NAMED_MAX) {
		block->id = ktstr_asprintf("%s.%zu", ktstr_block_type_name(block->type), n);
		return block->id ? 0 : ktstr_err_nomem(err);
	}
	ktstr_id_clean(wish);
	block->id = strdup(wish);
	for (unsigned k = 2; block->id && is_taken(left, block->id); k++) {
		free(block->id);
		block->id = ktstr_asprintf("%s.%u", wish, k);
	}
	if (!block->id)
		return ktstr_err_nomem(err);
	left->named[left->n_named++] = block->id;
	return 0;
}

static int decode_block(struct ktstr_fields it, struct budget *left,
			struct ktstr_doc_section *section, struct ktstr_err *err)
{
	struct ktstr_block *block;
	struct ktstr_field f;
	int ret;

	if (!left->blocks--)
		return wrong(err, "too many blocks");
	block = ktstr_vec_add(&section->blocks);
	if (!block)
		return ktstr_err_nomem(err);
	while (ktstr_field_next(&it, &f)) {
		ret = decode_field(&f, left, block, err);
		if (ret)
			return ret;
	}
	ret = check_block(block, err);
	return ret ? ret : give_id(left, block, err);
}

/* What leads to no block of the section leads nowhere. */
static void drop_dead_links(const struct budget *left, struct ktstr_block *block)
{
	for (size_t i = 0; i < block->frames.n; i++) {
		struct ktstr_block_frame *frame = &block->frames.items[i];

		if (!frame->details || is_taken(left, frame->details))
			continue;
		free(frame->details);
		frame->details = NULL;
	}
}

static int decode_blocks(struct ktstr_fields it, struct ktstr_doc_section *section,
			 struct ktstr_err *err)
{
	struct budget left = { .blocks = KTSTR_DOCUMENT_BLOCKS_MAX, .cells = KTSTR_DOCUMENT_CELLS_MAX,
			       .frames = KTSTR_DOCUMENT_FRAMES_MAX };
	struct ktstr_field f;

	while (ktstr_item_next(&it, &f)) {
		int ret = f.type == KTSTR_FIELD_MAP ? decode_block(f.sub, &left, section, err)
						    : wrong(err, "a block is no map");

		if (ret)
			return ret;
	}
	for (size_t i = 0; i < section->blocks.n; i++)
		drop_dead_links(&left, &section->blocks.items[i]);
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
