/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report: sections read journals and fill a document, a renderer turns the document into bytes.
 */
#ifndef KTSTR_REPORT_REPORT_H
#define KTSTR_REPORT_REPORT_H

#include "base/vec.h"

#include <ktstr/section.h>

/* ---- the document model ---- */

enum ktstr_block_type {
	KTSTR_BLOCK_HEADLINE, KTSTR_BLOCK_PARAGRAPH, KTSTR_BLOCK_VALUES, KTSTR_BLOCK_TABLE,
	KTSTR_BLOCK_LOG,
};

/* One block of a section. Which members mean something depends on the type. */
struct ktstr_block {
	enum ktstr_block_type type;
	enum ktstr_tone tone;
	char *text;				/* headline, paragraph; title of a log or NULL */
	KTSTR_VEC(char *) cells;		/* values: key, text, ...; table: row by row; log: lines */
	KTSTR_VEC(struct ktstr_column) columns;	/* table; owns name and unit */
};

struct ktstr_doc_section {
	char *name;		/* of the plugin */
	char *title;		/* NULL: no title line */
	KTSTR_VEC(struct ktstr_block) blocks;
};

struct ktstr_document {
	KTSTR_VEC(struct ktstr_doc_section) sections;	/* in report order, only relevant ones */
	KTSTR_VEC(char *) footer;			/* last lines: where the run is, how to rerun it */
};

/* Runs the sections, each in a forked child with a deadline, and collects what they say. `uses` are in
 * report order with their checked values. A section that fails, crashes or hangs leaves one line. */
struct ktstr_section_use {
	const struct ktstr_plugin *plugin;
	const struct ktstr_value *values;
};
int ktstr_document_build(const struct ktstr_section_use *uses, size_t n,
			 const struct ktstr_section_input *input, struct ktstr_document **ret_doc,
			 struct ktstr_err *err);
void ktstr_document_destroy(struct ktstr_document *doc);

/* ---- renderers ---- */

struct ktstr_render_options {
	unsigned width;		/* columns; 80 when not a terminal */
	bool colour;
};

/* Appends the whole report as text, UTF-8, ending in a newline. */
int ktstr_render_text(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		      struct ktstr_buf *out, struct ktstr_err *err);

/* ---- folding ---- */

/* Folds repeating cycles of lines: an array of lines in, an array out, both of borrowed or owned
 * strings; markers say how many lines went. Linear time and memory. */
struct ktstr_fold;
struct ktstr_fold *ktstr_fold_create(void);
void ktstr_fold_line(struct ktstr_fold *fold, const char *text, size_t len);
/* Calls `line` for what remains, markers included; text is not NUL-terminated. */
void ktstr_fold_finish(struct ktstr_fold *fold,
		       void (*line)(void *ctx, const char *text, size_t len), void *ctx);
void ktstr_fold_destroy(struct ktstr_fold *fold);

#endif
