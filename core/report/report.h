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
	KTSTR_BLOCK_LOG, KTSTR_BLOCK_DIFF, KTSTR_BLOCK_SERIES, KTSTR_BLOCK_CHAIN, KTSTR_BLOCK_TYPES,
};

/* "paragraph". */
const char *ktstr_block_type_name(enum ktstr_block_type type);

/* Of a line of a log. */
struct ktstr_block_origin {
	const char *source;		/* one of the block's sources; NULL: not known */
	uint64_t time_ns;		/* or KTSTR_DOC_NO_TIME */
	bool notice;			/* no line of the log, but what was left out of it */
};

/* Of a series. begin_ns == end_ns: a moment. */
struct ktstr_block_span {
	char *label;
	enum ktstr_tone tone;
	uint64_t begin_ns, end_ns;
};

/* Of a chain; `place` and `details` may be NULL. */
struct ktstr_block_frame {
	char *function, *place, *details;
	uint64_t offset;
	bool bpf;
};

/* One block of a section. Which members mean something depends on the type. */
struct ktstr_block {
	enum ktstr_block_type type;
	enum ktstr_tone tone;
	char *id;				/* unique in its section, [A-Za-z0-9_.-]+ */
	char *text;				/* headline, paragraph; title of others or NULL */
	char *unit;				/* of a series or NULL */
	/* values: key, text; diff: key, before, after ("": not there); table: rows; log: lines;
	 * series: names of its curves */
	KTSTR_VEC(char *) cells;
	KTSTR_VEC(struct ktstr_column) columns;	/* table; owns name and unit */
	KTSTR_VEC(struct ktstr_block_origin) origins;	/* log: none, or one per line */
	KTSTR_VEC(char *) sources;		/* log: what its origins point to */
	KTSTR_VEC(uint64_t) times;		/* series: of its points, ascending */
	KTSTR_VEC(double) numbers;		/* series: a value per curve of each point; NAN: none */
	KTSTR_VEC(struct ktstr_block_span) spans;	/* series */
	KTSTR_VEC(struct ktstr_block_frame) frames;	/* chain */
};

/* All strings are NUL-terminated and owned; a NUL inside a text stands as "^@". */
struct ktstr_doc_section {
	char *name;		/* of the plugin */
	char *title;		/* NULL: no title line */
	KTSTR_VEC(struct ktstr_block) blocks;
};

/* One attempt of the run. */
struct ktstr_summary_attempt {
	enum ktstr_outcome outcome;
	const char *cause;	/* "scheduler-error", "none" */
	char *reason, *signature;
	uint64_t duration_ns;	/* 0: it did not come to its end */
	bool same;		/* the same bug as the first */
};

/* What one check of the first attempt said. */
struct ktstr_summary_check {
	char *name, *text;
	enum ktstr_outcome outcome;
	bool asked;
};

/* The run in a few words, for whoever shows one line of it. "" where something is not known. */
struct ktstr_summary {
	char *run, *folder;	/* id; where its journals are */
	char *test, *description, *file, *scheduler, *topology, *kernel, *vmm, *again;
	uint64_t started_ns;	/* CLOCK_REALTIME; 0: not known */
	KTSTR_VEC(struct ktstr_summary_attempt) attempts;	/* the first decides */
	KTSTR_VEC(struct ktstr_summary_check) checks;
};

struct ktstr_document {
	struct ktstr_summary summary;
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

/* Fills the document's summary from the journals. `run` is the id, `folder` where they are. */
int ktstr_document_summarize(struct ktstr_document *doc, const struct ktstr_section_input *input,
			     const char *run, const char *folder, struct ktstr_err *err);

/* "crash [scheduler scx_x] [topology 1n2l2c1t] [kernel 7.3.4]": what tells this variant of a test from others.
 * NULL when memory is out; the caller frees it. */
char *ktstr_summary_name(const struct ktstr_summary *summary);

/* "passed", "failed", "inconclusive", "skipped". */
const char *ktstr_outcome_word(enum ktstr_outcome outcome);

/* Appends a line to the footer. */
__attribute__((format(printf, 3, 4)))
int ktstr_document_footer(struct ktstr_document *doc, struct ktstr_err *err, const char *fmt, ...);

/* Two documents as one that says what is different between them; logs are not compared. */
int ktstr_document_compare(const struct ktstr_document *a, const struct ktstr_document *b,
			   struct ktstr_document **ret_doc, struct ktstr_err *err);

/* By their summaries, the first attempts had the same outcome and cause, and of crashes the same signature. */
bool ktstr_document_same_end(const struct ktstr_document *a, const struct ktstr_document *b);

/* ---- renderers ---- */

struct ktstr_render_options {
	unsigned width;		/* columns; 80 when not a terminal */
	bool colour;
};

/* Appends the whole report as text, UTF-8, ending in a newline. */
int ktstr_render_text(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		      struct ktstr_buf *out, struct ktstr_err *err);

enum ktstr_format {
	KTSTR_FORMAT_TEXT, KTSTR_FORMAT_JSON, KTSTR_FORMAT_HTML, KTSTR_FORMAT_JUNIT, KTSTR_FORMAT_KTAP,
};

/* The i-th format's name, NULL behind the last; the format of that name, false when there is none. */
const char *ktstr_format_name(size_t i);
bool ktstr_format_find(const char *name, enum ktstr_format *ret_format);

/* Appends the whole report. Only text heeds the options. */
int ktstr_render(const struct ktstr_document *doc, enum ktstr_format format,
		 const struct ktstr_render_options *options, struct ktstr_buf *out,
		 struct ktstr_err *err);

/* Appends the report as one JSON document, as docs/report.schema.json describes it. */
int ktstr_render_json(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);

/* Appends the report as one HTML file that needs nothing else. */
int ktstr_render_html(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);

/* Append the run as a JUnit XML file with one test case, and as KTAP with one test. */
int ktstr_render_junit(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);
int ktstr_render_ktap(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);

/* The head of a table of runs in Markdown, and the run as a row of it. */
extern const char ktstr_markdown_head[];
int ktstr_markdown_row(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);

/* ---- folding ---- */

/* Folds repeating cycles of lines. Two lines are the same when they differ only in numbers, or, in
 * a log of the BPF verifier, in register states. Of each cycle the first turn is kept, a marker
 * that says how often it came again and how many lines that was, and the last turn if it is not
 * byte for byte the first. Nothing else is dropped. Time and memory are linear in the lines. */
struct ktstr_fold;
struct ktstr_fold *ktstr_fold_create(void);
void ktstr_fold_line(struct ktstr_fold *fold, const char *text, size_t len);

#define KTSTR_FOLD_MARKER SIZE_MAX

/* Calls `line` for what remains, markers included; text is not NUL-terminated. `n` is the number of the line
 * as it came, from 0 on, or KTSTR_FOLD_MARKER. May be called again. -ENOMEM when memory ran out, here or
 * before; nothing has been said then. */
typedef void ktstr_fold_line_fn(void *ctx, const char *text, size_t len, size_t n);
int ktstr_fold_finish(struct ktstr_fold *fold, ktstr_fold_line_fn *line, void *ctx);

/* Steps done so far: comparisons, table look-ups, hashes. For the tests of the bound. */
uint64_t ktstr_fold_work(const struct ktstr_fold *fold);
void ktstr_fold_destroy(struct ktstr_fold *fold);

#endif
