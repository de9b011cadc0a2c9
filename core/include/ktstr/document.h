/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The document: what a section says, without how it looks.
 *
 * A section calls the functions below on the builder it was given; a renderer turns the blocks
 * into text or anything else. A section owns no formatting: no widths, no padding, no colour.
 * Strings are copied. Text is UTF-8; bytes that are not are shown escaped by the renderer.
 * The builder's error is sticky and core's concern: these functions return nothing. [section]
 *
 * Every block has an id, unique in its section, by which programs find it and links lead to it: the
 * one that id() gave it, or one that core makes of its type and number ("table.2").
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

/* A time that is not known. */
#define KTSTR_DOC_NO_TIME UINT64_MAX

/* Where a line of a log came from. */
struct ktstr_doc_origin {
	uint32_t size;
	const char *source;	/* "stderr", "console"; NULL: not known. A log has a few different ones */
	uint64_t time_ns;	/* when, on the clock of the source, or KTSTR_DOC_NO_TIME */
};

/* A function of a call chain. */
struct ktstr_doc_frame {
	uint32_t size;
	const char *function;
	uint64_t offset;	/* of the call in its code */
	bool bpf;		/* a BPF program's, not the kernel's */
	const char *place;	/* "kernel/sched/ext.c:1234"; NULL: not known */
	const char *details;	/* the id of the block that tells of this call; NULL: none does */
};

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

	/* The id of the block that the next call begins: letters, digits, `-` and `_`; any other
	 * character becomes a `-`. Where two are the same the later gets a number. */
	void (*id)(struct ktstr_doc *doc, const char *id);

	/* As log_line(), with where it came from. Text shows the line alone. */
	void (*log_line_from)(struct ktstr_doc *doc, const struct ktstr_doc_origin *origin,
			      const char *text, size_t len);

	/* Something before and after: at entry and at return, in one run and in another. Consecutive
	 * ones form one list, as those of value() do. NULL: it was not there, or was not seen; equal
	 * ones did not change. */
	void (*change)(struct ktstr_doc *doc, const char *key, const char *before, const char *after);

	/* Curves over time that share a unit: begin, points in the order of their times, end. A point
	 * has a value per curve, NAN where nothing was measured. All times of a section count from
	 * one moment, in ns. A span is a time that has a name, as a step of the scenario; one that
	 * ends where it begins is a moment. Spans may come before, between and behind the points. */
	void (*series_begin)(struct ktstr_doc *doc, const char *title, const char *unit,
			     const char *const *curves, size_t n);
	void (*series_point)(struct ktstr_doc *doc, uint64_t time_ns, const double *values);
	void (*series_span)(struct ktstr_doc *doc, enum ktstr_tone tone, const char *label,
			    uint64_t begin_ns, uint64_t end_ns);
	void (*series_end)(struct ktstr_doc *doc);

	/* Functions that called each other, the innermost first: begin, frames, end. `title` may be
	 * NULL. */
	void (*chain_begin)(struct ktstr_doc *doc, const char *title);
	void (*chain_frame)(struct ktstr_doc *doc, const struct ktstr_doc_frame *frame);
	void (*chain_end)(struct ktstr_doc *doc);
};

#endif
