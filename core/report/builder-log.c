/* SPDX-License-Identifier: GPL-2.0-only */
/* Logs: lines are folded, the last ones kept, and each knows where it came from. */
#include "report/builder.h"

#define NOWHERE ((struct origin){ .time_ns = KTSTR_DOC_NO_TIME })

/* ---- where lines came from ---- */

/* Its index + 1; 0 for none, or one too many. */
static uint32_t intern_source(struct ktstr_builder *b, const char *source)
{
	char **slot;

	if (!source)
		return 0;
	for (size_t i = 0; i < b->log.sources.n; i++)
		if (!strcmp(b->log.sources.items[i], source))
			return (uint32_t)i + 1;
	if (b->log.sources.n == SOURCES_MAX)
		return 0;
	slot = ktstr_vec_add(&b->log.sources);
	if (!slot || !(*slot = strdup(source))) {
		b->out.failed = true;
		b->log.sources.n -= slot != NULL;
		return 0;
	}
	return (uint32_t)b->log.sources.n;
}

static struct origin read_origin(struct ktstr_builder *b, const struct ktstr_doc_origin *origin)
{
	if (!origin)
		return NOWHERE;
	return (struct origin){ .time_ns = origin->time_ns,
				.source = intern_source(b, origin->source) };
}

static void put_line_cell(struct ktstr_builder *b, const char *text, size_t len,
			  struct origin origin)
{
	struct origin *slot = ktstr_vec_add(&b->log.origins);

	if (!slot) {
		b->out.failed = true;
		return;
	}
	*slot = origin;
	b->log.told |= origin.source || origin.notice || origin.time_ns != KTSTR_DOC_NO_TIME;
	ktstr_builder_cell(b, text, len);
}

static void put_origins(struct ktstr_builder *b)
{
	if (!b->log.told)
		return;
	ktstr_put_array(&b->out, "sources");
	for (size_t i = 0; i < b->log.sources.n; i++)
		ktstr_put_text(&b->out, NULL, b->log.sources.items[i],
			       strlen(b->log.sources.items[i]));
	ktstr_put_end(&b->out);
	ktstr_put_array(&b->out, "origins");
	for (size_t i = 0; i < b->log.origins.n; i++) {
		const struct origin *o = &b->log.origins.items[i];

		ktstr_put_u64(&b->out, NULL, (uint64_t)o->source << 1 | o->notice);
		ktstr_put_u64(&b->out, NULL, o->time_ns);
	}
	ktstr_put_end(&b->out);
}

/* ---- lines ---- */

/* Takes the place of the oldest line once there are `tail` of them. */
static void keep_line(struct ktstr_builder *b, const char *text, size_t len, struct origin origin)
{
	struct log *log = &b->log;
	struct line *line = log->kept.n < log->tail ? ktstr_vec_add(&log->kept)
						    : &log->kept.items[log->lines % log->tail];
	char *copy = malloc(len + 1);

	if (!line || !copy) {
		b->out.failed = true;
		free(copy);
		return;
	}
	free(line->text);
	if (len)
		memcpy(copy, text, len);
	*line = (struct line){ copy, len, origin };
}

static void emit_line(struct ktstr_builder *b, const char *text, size_t len, struct origin origin)
{
	if (b->log.tail)
		keep_line(b, text, len, origin);
	else
		put_line_cell(b, text, len, origin);
	b->log.lines++;
}

static void emit_folded(void *ctx, const char *text, size_t len, size_t n)
{
	struct ktstr_builder *b = ctx;
	struct origin origin = NOWHERE;

	if (n != KTSTR_FOLD_MARKER)
		origin = b->log.folded.items[n];
	else
		origin.notice = true;
	emit_line(b, text, len, origin);
}

static void put_kept(struct ktstr_builder *b)
{
	struct log *log = &b->log;
	size_t gone = log->tail ? log->lines - log->kept.n : 0;
	struct origin origin = NOWHERE;
	char notice[64];
	int len = snprintf(notice, sizeof(notice), "(%zu earlier line%s not shown)", gone,
			   gone == 1 ? "" : "s");

	origin.notice = true;
	if (gone)
		put_line_cell(b, notice, (size_t)len, origin);
	for (size_t i = 0; i < log->kept.n; i++) {
		const struct line *line = &log->kept.items[(log->lines + i) % log->kept.n];

		put_line_cell(b, line->text, line->len, line->origin);
	}
}

/* ---- the calls ---- */

void ktstr_builder_log_deinit(struct ktstr_builder *b)
{
	struct log *log = &b->log;

	for (size_t i = 0; i < log->kept.n; i++)
		free(log->kept.items[i].text);
	ktstr_vec_free(&log->kept);
	for (size_t i = 0; i < log->sources.n; i++)
		free(log->sources.items[i]);
	ktstr_vec_free(&log->sources);
	ktstr_vec_free(&log->folded);
	ktstr_vec_free(&log->origins);
	ktstr_fold_destroy(log->fold);
	*log = (struct log){ .fold = NULL };
}

static void doc_log_begin(struct ktstr_doc *doc, const char *title, enum ktstr_log_fold fold,
			  size_t tail)
{
	struct ktstr_builder *b = doc->ctx;

	if (!ktstr_builder_begin(b, KTSTR_BLOCK_LOG, KTSTR_TONE_PLAIN,
				 "log_begin() inside of a block that is not over"))
		return;
	ktstr_put_str(&b->out, "text", title);
	ktstr_put_array(&b->out, "cells");
	b->open = OPEN_LOG;
	b->log.tail = tail;
	if (fold == KTSTR_LOG_FOLD && !(b->log.fold = ktstr_fold_create()))
		b->out.failed = true;
}

static void doc_log_line_from(struct ktstr_doc *doc, const struct ktstr_doc_origin *from,
			      const char *text, size_t len)
{
	struct ktstr_builder *b = doc->ctx;
	struct origin origin, *slot;

	if (b->open != OPEN_LOG)
		ktstr_builder_fault(b, "log_line() outside of a log");
	if (!ktstr_builder_sane(b))
		return;
	if (!len)
		text = "";
	origin = read_origin(b, from);
	if (!b->log.fold) {
		emit_line(b, text, len, origin);
		return;
	}
	slot = ktstr_vec_add(&b->log.folded);
	if (slot)
		*slot = origin;
	else
		b->out.failed = true;
	ktstr_fold_line(b->log.fold, text, len);
}

static void doc_log_line(struct ktstr_doc *doc, const char *text, size_t len)
{
	doc_log_line_from(doc, NULL, text, len);
}

static void doc_log_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_LOG)
		ktstr_builder_fault(b, "log_end() outside of a log");
	if (!ktstr_builder_sane(b))
		return;
	if (b->log.fold && ktstr_fold_finish(b->log.fold, emit_folded, b))
		b->out.failed = true;
	put_kept(b);
	ktstr_put_end(&b->out);
	put_origins(b);
	ktstr_builder_log_deinit(b);
	ktstr_builder_end(b);
}

void ktstr_builder_log_ops(struct ktstr_doc *doc)
{
	doc->log_begin = doc_log_begin;
	doc->log_line = doc_log_line;
	doc->log_line_from = doc_log_line_from;
	doc->log_end = doc_log_end;
}
