/* SPDX-License-Identifier: GPL-2.0-only */
/* The builder's parts: builder.c is the object, text and tables, the others a kind of block each. */
#ifndef KTSTR_REPORT_BUILDER_H
#define KTSTR_REPORT_BUILDER_H

#include "report/encode.h"

enum open {
	OPEN_NOTHING, OPEN_VALUES, OPEN_DIFF, OPEN_TABLE, OPEN_LOG, OPEN_SERIES, OPEN_CHAIN,
};

#define SOURCES_MAX 64		/* different ones in a log */

struct origin {
	uint64_t time_ns;
	uint32_t source;	/* index + 1; 0: none */
	bool notice;
};

struct line {
	char *text;
	size_t len;
	struct origin origin;
};

struct log {
	struct ktstr_fold *fold;	/* NULL: lines go on as they are */
	size_t tail;			/* 0: all */
	KTSTR_VEC(struct line) kept;	/* the last `tail` lines, a ring once it is full */
	size_t lines;			/* that came out of the fold */
	KTSTR_VEC(char *) sources;
	KTSTR_VEC(struct origin) folded;	/* of the lines that went into the fold */
	KTSTR_VEC(struct origin) origins;	/* of the cells */
	bool told;			/* there is something in those */
};

struct series {
	size_t curves;
	KTSTR_VEC(uint64_t) times;
	KTSTR_VEC(double) numbers;
	KTSTR_VEC(struct ktstr_block_span) spans;
};

struct ktstr_builder {
	struct ktstr_doc doc;
	struct ktstr_buf out;
	size_t max_bytes;
	enum open open;
	size_t columns;			/* of the open table */
	size_t blocks, cells;
	const char *wrong;		/* the first fault, NULL: none */
	char id[KTSTR_DOCUMENT_ID_MAX];	/* of the next block; "": none was given */
	struct log log;
	struct series series;
};

void ktstr_builder_fault(struct ktstr_builder *b, const char *what);

/* True while there is a point in going on. */
bool ktstr_builder_sane(struct ktstr_builder *b);

/* Ready for a new block? `inside` is the fault when one that needs an end is still open. */
bool ktstr_builder_begin(struct ktstr_builder *b, enum ktstr_block_type type, enum ktstr_tone tone,
			 const char *inside);

/* Ends the open block's map. */
void ktstr_builder_end(struct ktstr_builder *b);

void ktstr_builder_cell(struct ktstr_builder *b, const char *text, size_t len);
/* NULL: an empty one. */
void ktstr_builder_cell_str(struct ktstr_builder *b, const char *text);

/* The functions of the document that a part has, and what it keeps. */
void ktstr_builder_log_ops(struct ktstr_doc *doc);
void ktstr_builder_log_deinit(struct ktstr_builder *b);
void ktstr_builder_series_ops(struct ktstr_doc *doc);
void ktstr_builder_series_deinit(struct ktstr_builder *b);

#endif
