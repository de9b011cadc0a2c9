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
	KTSTR_VEC(char *) cells;		/* values: key, text; table: rows; log: lines */
	KTSTR_VEC(struct ktstr_column) columns;	/* table; owns name and unit */
};

/* All strings are NUL-terminated and owned; a NUL inside a text stands as "^@". */
struct ktstr_doc_section {
	char *name;		/* of the plugin */
	char *title;		/* NULL: no title line */
	KTSTR_VEC(struct ktstr_block) blocks;
};

struct ktstr_document {
	KTSTR_VEC(struct ktstr_doc_section) sections;	/* in report order, only relevant ones */
	KTSTR_VEC(char *) footer;			/* last lines: where the run is, ... */
};

struct ktstr_section_use {
	const struct ktstr_plugin *plugin;
	const struct ktstr_value *values;
};

/* What one section may take before it is stopped. */
struct ktstr_section_limits {
	uint64_t time_ns;
	size_t document_bytes;		/* of what it says */
	size_t memory_bytes;		/* beyond what this process has; 0, under ASan: no limit */
};

/* Runs the sections, each in a forked child with a deadline, and collects what they say. `uses`
 * are in report order with their checked values. A section that fails, crashes or hangs leaves one
 * line. NULL limits: 10 s, 64 MiB, 1 GiB. Fails only when memory is out. */
int ktstr_document_build(const struct ktstr_section_use *uses, size_t n,
			 const struct ktstr_section_input *input,
			 const struct ktstr_section_limits *limits, struct ktstr_document **ret_doc,
			 struct ktstr_err *err);
void ktstr_document_destroy(struct ktstr_document *doc);

/* Appends a line to the footer. */
__attribute__((format(printf, 3, 4)))
int ktstr_document_footer(struct ktstr_document *doc, struct ktstr_err *err, const char *fmt, ...);

/* ---- renderers ---- */

struct ktstr_render_options {
	unsigned width;		/* columns; 80 when not a terminal */
	bool colour;
};

/* Appends the whole report as text, UTF-8, ending in a newline. */
int ktstr_render_text(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		      struct ktstr_buf *out, struct ktstr_err *err);

/* ---- folding ---- */

/* Folds repeating cycles of lines. Two lines are the same when they differ only in numbers, or, in
 * a log of the BPF verifier, in register states. Of each cycle the first turn is kept, a marker
 * that says how often it came again and how many lines that was, and the last turn if it is not
 * byte for byte the first. Nothing else is dropped. Time and memory are linear in the lines. */
struct ktstr_fold;
struct ktstr_fold *ktstr_fold_create(void);
void ktstr_fold_line(struct ktstr_fold *fold, const char *text, size_t len);

/* Calls `line` for what remains, markers included; text is not NUL-terminated. May be called again.
 * -ENOMEM when memory ran out, here or before; nothing has been said then. */
int ktstr_fold_finish(struct ktstr_fold *fold,
		      void (*line)(void *ctx, const char *text, size_t len), void *ctx);

/* Steps done so far: comparisons, table look-ups, hashes. For the tests of the bound. */
uint64_t ktstr_fold_work(const struct ktstr_fold *fold);
void ktstr_fold_destroy(struct ktstr_fold *fold);

#endif
