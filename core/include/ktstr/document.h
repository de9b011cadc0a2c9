/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The document: what a section says, without how it looks.
 *
 * A section calls the functions below on the builder it was given; a renderer turns the blocks
 * into text or anything else. A section owns no formatting: no widths, no padding, no colour.
 * Strings are copied. Text is UTF-8; bytes that are not are shown escaped by the renderer.
 * The builder's error is sticky and core's concern: these functions return nothing. [section]
 */
#ifndef KTSTR_DOCUMENT_H
#define KTSTR_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ktstr_column_kind {
	KTSTR_COLUMN_TEXT,	/* left-aligned */
	KTSTR_COLUMN_NUMBER,	/* right-aligned; cells are formatted numbers */
};

struct ktstr_column {
	const char *name;
	const char *unit;	/* NULL: none */
	enum ktstr_column_kind kind;
};

enum ktstr_tone { KTSTR_TONE_PLAIN, KTSTR_TONE_GOOD, KTSTR_TONE_BAD, KTSTR_TONE_WARN, KTSTR_TONE_DIM };

/* How a log block is shortened; nothing is dropped without a line that says so. */
enum ktstr_log_fold {
	KTSTR_LOG_ALL,		/* every line */
	KTSTR_LOG_FOLD,		/* repeating cycles of lines are folded */
};

struct ktstr_doc {
	uint32_t size;
	void *ctx;		/* core's own */

	/* The one line that stands for the whole report. */
	void (*headline)(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text);

	/* Running text, wrapped by the renderer. */
	void (*paragraph)(struct ktstr_doc *doc, enum ktstr_tone tone, const char *text);

	/* A key and its value; consecutive ones form one list. */
	void (*value)(struct ktstr_doc *doc, const char *key, const char *text);

	/* A table: begin, rows of one cell per column (NULL: empty cell), end. */
	void (*table_begin)(struct ktstr_doc *doc, const struct ktstr_column *columns, size_t n);
	void (*table_row)(struct ktstr_doc *doc, const char *const *cells);
	void (*table_end)(struct ktstr_doc *doc);

	/* Lines as some program wrote them: begin, lines without newline, end. `title` may be NULL.
	 * tail > 0 keeps only that many last lines, after folding, and says how many went. */
	void (*log_begin)(struct ktstr_doc *doc, const char *title, enum ktstr_log_fold fold, size_t tail);
	void (*log_line)(struct ktstr_doc *doc, const char *text, size_t len);
	void (*log_end)(struct ktstr_doc *doc);
};

#endif
