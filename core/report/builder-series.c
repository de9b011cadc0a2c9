/* SPDX-License-Identifier: GPL-2.0-only */
/* Series, which are written at their end, and call chains. */
#include "report/builder.h"

/* ---- series ---- */

void ktstr_builder_series_deinit(struct ktstr_builder *b)
{
	struct series *s = &b->series;

	for (size_t i = 0; i < s->spans.n; i++)
		free(s->spans.items[i].label);
	ktstr_vec_free(&s->spans);
	ktstr_vec_free(&s->times);
	ktstr_vec_free(&s->numbers);
	s->curves = 0;
}

static void doc_series_begin(struct ktstr_doc *doc, const char *title, const char *unit,
			     const char *const *curves, size_t n)
{
	struct ktstr_builder *b = doc->ctx;

	if (!n || n > KTSTR_DOCUMENT_COLUMNS_MAX)
		ktstr_builder_fault(b, "a series has no curves or more than 64");
	if (!ktstr_builder_begin(b, KTSTR_BLOCK_SERIES, KTSTR_TONE_PLAIN,
				 "series_begin() inside of a block that is not over"))
		return;
	ktstr_put_str(&b->out, "text", title);
	ktstr_put_str(&b->out, "unit", unit);
	ktstr_put_array(&b->out, "cells");
	for (size_t i = 0; i < n; i++)
		ktstr_builder_cell_str(b, curves[i]);
	ktstr_put_end(&b->out);
	b->series.curves = n;
	b->open = OPEN_SERIES;
}

static void doc_series_point(struct ktstr_doc *doc, uint64_t time_ns, const double *values)
{
	struct ktstr_builder *b = doc->ctx;
	struct series *s = &b->series;
	uint64_t *time;

	if (b->open != OPEN_SERIES)
		ktstr_builder_fault(b, "series_point() outside of a series");
	if (s->times.n && time_ns < s->times.items[s->times.n - 1])
		ktstr_builder_fault(b, "a point of a series is earlier than the one before");
	b->cells += s->curves;
	if (!ktstr_builder_sane(b))
		return;
	time = ktstr_vec_add(&s->times);
	if (time)
		*time = time_ns;
	for (size_t i = 0; i < s->curves; i++) {
		double *value = ktstr_vec_add(&s->numbers);

		if (value)
			*value = values[i];
		b->out.failed |= !value;
	}
	b->out.failed |= !time;
}

static void doc_series_span(struct ktstr_doc *doc, enum ktstr_tone tone, const char *label,
			    uint64_t begin_ns, uint64_t end_ns)
{
	struct ktstr_builder *b = doc->ctx;
	struct ktstr_block_span *span;

	if (b->open != OPEN_SERIES)
		ktstr_builder_fault(b, "series_span() outside of a series");
	if (end_ns < begin_ns)
		ktstr_builder_fault(b, "a span ends before it begins");
	b->cells++;
	if (!ktstr_builder_sane(b))
		return;
	span = ktstr_vec_add(&b->series.spans);
	if (!span || !(span->label = strdup(label ? label : ""))) {
		b->out.failed = true;
		return;
	}
	span->tone = tone;
	span->begin_ns = begin_ns;
	span->end_ns = end_ns;
}

static void put_span(struct ktstr_buf *out, const struct ktstr_block_span *span)
{
	ktstr_put_map(out, NULL);
	ktstr_put_str(out, "label", span->label);
	ktstr_put_u64(out, "tone", span->tone);
	ktstr_put_u64(out, "begin", span->begin_ns);
	ktstr_put_u64(out, "end", span->end_ns);
	ktstr_put_end(out);
}

static void doc_series_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;
	const struct series *s = &b->series;

	if (b->open != OPEN_SERIES)
		ktstr_builder_fault(b, "series_end() outside of a series");
	if (!ktstr_builder_sane(b))
		return;
	ktstr_put_array(&b->out, "times");
	for (size_t i = 0; i < s->times.n; i++)
		ktstr_put_u64(&b->out, NULL, s->times.items[i]);
	ktstr_put_end(&b->out);
	ktstr_put_array(&b->out, "numbers");
	for (size_t i = 0; i < s->numbers.n; i++)
		ktstr_put_f64(&b->out, NULL, s->numbers.items[i]);
	ktstr_put_end(&b->out);
	ktstr_put_array(&b->out, "spans");
	for (size_t i = 0; i < s->spans.n; i++)
		put_span(&b->out, &s->spans.items[i]);
	ktstr_put_end(&b->out);
	ktstr_builder_series_deinit(b);
	ktstr_builder_end(b);
}

/* ---- call chains ---- */

static void doc_chain_begin(struct ktstr_doc *doc, const char *title)
{
	struct ktstr_builder *b = doc->ctx;

	if (!ktstr_builder_begin(b, KTSTR_BLOCK_CHAIN, KTSTR_TONE_PLAIN,
				 "chain_begin() inside of a block that is not over"))
		return;
	ktstr_put_str(&b->out, "text", title);
	ktstr_put_array(&b->out, "frames");
	b->open = OPEN_CHAIN;
}

static void doc_chain_frame(struct ktstr_doc *doc, const struct ktstr_doc_frame *frame)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_CHAIN)
		ktstr_builder_fault(b, "chain_frame() outside of a chain");
	b->cells++;
	if (!ktstr_builder_sane(b))
		return;
	ktstr_put_map(&b->out, NULL);
	ktstr_put_str(&b->out, "function", frame->function ? frame->function : "");
	ktstr_put_u64(&b->out, "offset", frame->offset);
	ktstr_put_bool(&b->out, "bpf", frame->bpf);
	ktstr_put_str(&b->out, "place", frame->place);
	ktstr_put_str(&b->out, "details", frame->details);
	ktstr_put_end(&b->out);
}

static void doc_chain_end(struct ktstr_doc *doc)
{
	struct ktstr_builder *b = doc->ctx;

	if (b->open != OPEN_CHAIN)
		ktstr_builder_fault(b, "chain_end() outside of a chain");
	if (!ktstr_builder_sane(b))
		return;
	ktstr_put_end(&b->out);
	ktstr_builder_end(b);
}

void ktstr_builder_series_ops(struct ktstr_doc *doc)
{
	doc->series_begin = doc_series_begin;
	doc->series_point = doc_series_point;
	doc->series_span = doc_series_span;
	doc->series_end = doc_series_end;
	doc->chain_begin = doc_chain_begin;
	doc->chain_frame = doc_chain_frame;
	doc->chain_end = doc_chain_end;
}
