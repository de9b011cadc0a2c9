/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A series as an SVG plot. Places across are in percent, so that the plot is as wide as there is room and its
 * text stays as large as any; only the curves are stretched.
 */
#include "report/curve.h"
#include "report/html.h"

#include "base/text.h"

#include <math.h>

#define HEIGHT 198
#define TOP 34			/* above it: names of the steps */
#define BOTTOM 172		/* below it: times */
#define POINTS_MAX 600		/* more are taken together, lowest and highest */
#define COLOURS 6		/* .c0 to .c5 of the style */
#define UNITS 1000		/* of the curves, across and down */

struct plot {
	const struct ktstr_block *block;
	uint64_t begin, end;
	struct ktstr_curve_range range;	/* of all curves, the axis down */
	double step;			/* between its lines */
};

/* ---- axes ---- */

/* 1, 2 or 5 times a power of ten, so that there are about `n` of them. */
static double nice_step(double length, unsigned n)
{
	double rough = length / n, power = pow(10, floor(log10(rough)));
	double digit = rough / power;

	return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

/* Lines of the axis at whole steps; it begins at 0 where the values are not below. */
static void scale(struct plot *p)
{
	struct ktstr_curve_range *r = &p->range;

	for (size_t i = 0; i < p->block->cells.n; i++) {
		struct ktstr_curve_range curve = ktstr_curve_range(p->block, i);

		if (!curve.any)
			continue;
		r->low = r->any && r->low < curve.low ? r->low : curve.low;
		r->high = r->any && r->high > curve.high ? r->high : curve.high;
		r->any = true;
	}
	if (r->low > 0 || !r->any)
		r->low = 0;
	if (r->high <= r->low)
		r->high = r->low + (r->low ? fabs(r->low) : 1);
	p->step = nice_step(r->high / 4 - r->low / 4, 1);
	if (!isfinite(p->step) || p->step <= 0)
		return;
	r->low = floor(r->low / p->step) * p->step;
	r->high = ceil(r->high / p->step) * p->step;
}

static double across(const struct plot *p, uint64_t ns)
{
	double length = p->end > p->begin ? (double)(p->end - p->begin) : 1;
	double at = ns > p->begin ? (double)(ns - p->begin) / length : 0;

	return 100 * (at < 1 ? at : 1);
}

static double down(const struct plot *p, double value)
{
	return BOTTOM - ktstr_curve_height(p->range, value) * (BOTTOM - TOP);
}

static void put_values(struct ktstr_buf *out, const struct plot *p)
{
	for (unsigned i = 0; i <= 6 && p->step > 0; i++) {
		double value = p->range.low + i * p->step, y = down(p, value);

		if (!isfinite(value) || value > p->range.high + p->step / 2)
			break;
		ktstr_buf_printf(out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
				 "<text class=\"y\" x=\"4\" y=\"%.1f\">", y, y, y - 3);
		ktstr_curve_put_number(out, value);
		ktstr_buf_puts(out, "</text>\n");
	}
}

/* At whole steps of the time that the series counts. */
static void put_times(struct ktstr_buf *out, const struct plot *p)
{
	double begin = (double)p->begin / 1e9, length = (double)(p->end - p->begin) / 1e9, step, first;

	if (length <= 0)
		return;
	step = nice_step(length, 5);
	first = ceil(begin / step) * step;
	for (unsigned i = 0; first + i * step <= begin + length * 1.0001; i++) {
		double x = 100 * (first + i * step - begin) / length;
		const char *anchor = x < 2 ? "start" : x > 97 ? "end" : "middle";

		ktstr_buf_printf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
				 "<text x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\" dx=\"%d\">", x, x, BOTTOM,
				 BOTTOM + 4, x, BOTTOM + 18, anchor, x < 2 ? 4 : x > 97 ? -4 : 0);
		ktstr_curve_put_number(out, first + i * step);
		ktstr_buf_puts(out, i ? "</text>\n" : " s</text>\n");
	}
}

/* ---- steps and moments ---- */

static bool is_moment(const struct ktstr_block_span *span)
{
	return span->begin_ns == span->end_ns;
}

/* A nested svg cuts a name that is wider than its step. */
static void put_steps(struct ktstr_buf *out, const struct plot *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->block->spans.n; i++) {
		const struct ktstr_block_span *span = &p->block->spans.items[i];
		double x = across(p, span->begin_ns), width = across(p, span->end_ns) - x;

		if (is_moment(span))
			continue;
		ktstr_buf_printf(out, "<rect class=\"b%u\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"0\" height=\"%d\"/>"
				 "<svg x=\"%.2f%%\" width=\"%.2f%%\" height=\"%d\"><text x=\"4\" y=\"14\">",
				 n++ & 1, x, width, BOTTOM, x, width, TOP);
		ktstr_markup_str(out, span->label);
		ktstr_buf_puts(out, "</text></svg>\n");
	}
}

static void put_moments(struct ktstr_buf *out, const struct plot *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->block->spans.n; i++) {
		const struct ktstr_block_span *span = &p->block->spans.items[i];
		double x = across(p, span->begin_ns);
		bool left = x > 50;

		if (!is_moment(span))
			continue;
		ktstr_buf_printf(out, "<g class=\"%s\"><line class=\"mark\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" "
				 "y2=\"%d\"/><text class=\"mark-label\" x=\"%.2f%%\" y=\"%u\" dx=\"%d\" "
				 "text-anchor=\"%s\">", ktstr_html_tone(span->tone), x, x, TOP - 6, BOTTOM, x,
				 TOP + 8 + 14 * (n++ % 4), left ? -5 : 5, left ? "end" : "start");
		ktstr_markup_str(out, span->label);
		ktstr_buf_puts(out, "</text></g>\n");
	}
}

/* ---- curves ---- */

struct pen {
	struct ktstr_buf *out;
	bool drawing;
};

static void draw_to(struct pen *pen, const struct plot *p, double percent, double value)
{
	double y = UNITS * (1 - ktstr_curve_height(p->range, value));

	ktstr_buf_printf(pen->out, "%s%.1f %.1f", pen->drawing ? "L" : "M", percent / 100 * UNITS, y);
	/* A point without neighbours is a dot. */
	if (!pen->drawing)
		ktstr_buf_puts(pen->out, "h0");
	pen->drawing = true;
}

static void draw_points(struct pen *pen, const struct plot *p, size_t curve)
{
	for (size_t i = 0; i < p->block->times.n; i++) {
		double value = p->block->numbers.items[i * p->block->cells.n + curve];

		if (isfinite(value))
			draw_to(pen, p, across(p, p->block->times.items[i]), value);
		else
			pen->drawing = false;
	}
}

static void draw_parts(struct pen *pen, const struct plot *p, size_t curve)
{
	struct ktstr_curve_part parts[POINTS_MAX];

	ktstr_curve_parts(p->block, curve, p->begin, p->end, parts, POINTS_MAX);
	for (size_t i = 0; i < POINTS_MAX; i++) {
		double x = 100 * ((double)i + 0.5) / POINTS_MAX;

		if (!parts[i].any) {
			pen->drawing = false;
			continue;
		}
		draw_to(pen, p, x, parts[i].high);
		if (parts[i].low < parts[i].high)
			draw_to(pen, p, x, parts[i].low);
	}
}

static void put_curves(struct ktstr_buf *out, const struct plot *p)
{
	ktstr_buf_printf(out, "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" "
			 "preserveAspectRatio=\"none\" overflow=\"visible\">\n", TOP, BOTTOM - TOP, UNITS, UNITS);
	for (size_t i = 0; i < p->block->cells.n; i++) {
		struct pen pen = { .out = out };

		ktstr_buf_printf(out, "<path class=\"c%zu\" vector-effect=\"non-scaling-stroke\" d=\"", i % COLOURS);
		if (p->block->times.n > POINTS_MAX)
			draw_parts(&pen, p, i);
		else
			draw_points(&pen, p, i);
		ktstr_buf_puts(out, "\"/>\n");
	}
	ktstr_buf_puts(out, "</svg>\n");
}

/* ---- words ---- */

/* "depth, 0 to 7 tasks". */
static void put_curve_words(struct ktstr_buf *out, const struct ktstr_block *block, size_t curve)
{
	struct ktstr_curve_range range = ktstr_curve_range(block, curve);

	ktstr_markup_str(out, block->cells.items[curve]);
	if (!range.any) {
		ktstr_buf_puts(out, ", nothing measured");
		return;
	}
	ktstr_buf_puts(out, ", ");
	ktstr_curve_put_number(out, range.low);
	if (range.high > range.low) {
		ktstr_buf_puts(out, " to ");
		ktstr_curve_put_number(out, range.high);
	}
	if (block->unit) {
		ktstr_put_byte(out, ' ');
		ktstr_markup_str(out, block->unit);
	}
}

/* What somebody is told who does not see the plot. */
static void put_description(struct ktstr_buf *out, const struct plot *p)
{
	ktstr_buf_puts(out, "<title>");
	for (size_t i = 0; i < p->block->cells.n; i++) {
		ktstr_buf_puts(out, i ? "; " : "");
		put_curve_words(out, p->block, i);
	}
	for (size_t i = 0; i < p->block->spans.n; i++) {
		const struct ktstr_block_span *span = &p->block->spans.items[i];

		ktstr_buf_puts(out, "; ");
		ktstr_markup_str(out, span->label);
		if (is_moment(span))
			ktstr_buf_printf(out, " at %.1f s", (double)span->begin_ns / 1e9);
		else
			ktstr_buf_printf(out, " from %.1f to %.1f s", (double)span->begin_ns / 1e9,
					 (double)span->end_ns / 1e9);
	}
	ktstr_buf_puts(out, "</title>\n");
}

static void put_legend(struct ktstr_buf *out, const struct ktstr_block *block)
{
	ktstr_buf_puts(out, "<ul class=\"legend\">\n");
	for (size_t i = 0; i < block->cells.n; i++) {
		ktstr_buf_printf(out, "<li><svg aria-hidden=\"true\" viewBox=\"0 0 28 10\"><path class=\"c%zu\" "
				 "d=\"M1 5H27\"/></svg>", i % COLOURS);
		put_curve_words(out, block, i);
		ktstr_buf_puts(out, "</li>\n");
	}
	ktstr_buf_puts(out, "</ul>\n");
}

static void put_chart(struct ktstr_buf *out, struct plot *p)
{
	scale(p);
	ktstr_buf_printf(out, "<svg class=\"chart\" role=\"img\" height=\"%d\">\n", HEIGHT);
	put_description(out, p);
	put_steps(out, p);
	put_values(out, p);
	put_times(out, p);
	put_curves(out, p);
	put_moments(out, p);
	ktstr_buf_puts(out, "</svg>\n");
}

void ktstr_html_plot(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		     const struct ktstr_block *block)
{
	struct plot p = { .block = block };

	ktstr_buf_puts(out, "<figure");
	ktstr_html_id(out, section, block);
	ktstr_buf_puts(out, ">\n<figcaption>");
	ktstr_markup_str(out, block->text ? block->text : "");
	ktstr_buf_puts(out, "</figcaption>\n");
	put_legend(out, block);
	if (ktstr_curve_times(block, &p.begin, &p.end)) {
		/* Plots of a section are easier to compare when they begin with it. */
		if (p.begin < p.end / 10)
			p.begin = 0;
		put_chart(out, &p);
	}
	ktstr_buf_puts(out, "</figure>\n");
}
