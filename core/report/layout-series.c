/* SPDX-License-Identifier: GPL-2.0-only */
/* A series in text: a line per curve, a character per part of its time. */
#include "report/curve.h"
#include "report/layout.h"

#include "base/text.h"

#define PARTS_MAX 40
#define PARTS_MIN 8
#define NAME_WIDTH 26		/* so that series that follow each other stand below each other */

static const char *level(const struct ktstr_curve_part *part, struct ktstr_curve_range range)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	double height = ktstr_curve_height(range, part->high);

	return part->any ? bars[(size_t)(height * 7 + 0.5)] : " ";
}

/* Samples are not taken to the nanosecond: a part that just missed one is as the part before. */
static void fill_gaps(struct ktstr_curve_part *parts, size_t n)
{
	for (size_t i = 1; i + 1 < n; i++)
		if (!parts[i].any && parts[i - 1].any && parts[i + 1].any)
			parts[i] = parts[i - 1];
}

static void put_curve(struct ktstr_buf *out, const struct ktstr_block *block, size_t curve,
		      size_t n_parts)
{
	struct ktstr_curve_range range = ktstr_curve_range(block, curve);
	struct ktstr_curve_part parts[PARTS_MAX];
	const char *name = block->cells.items[curve];
	size_t begin = out->len, wide;

	if (!range.any)
		return;
	ktstr_curve_parts(block, curve, block->times.items[0], block->times.items[block->times.n - 1],
			  parts, n_parts);
	fill_gaps(parts, n_parts);
	ktstr_layout_escape(out, name, strlen(name));
	wide = out->failed ? 0 : ktstr_layout_width((char *)out->data + begin, out->len - begin);
	ktstr_buf_printf(out, "%*s", wide < NAME_WIDTH ? (int)(NAME_WIDTH - wide) : 1, "");
	for (size_t i = 0; i < n_parts; i++)
		ktstr_buf_puts(out, level(&parts[i], range));
	ktstr_buf_puts(out, "  ");
	ktstr_curve_put_number(out, range.low);
	if (range.high > range.low) {
		ktstr_buf_puts(out, " to ");
		ktstr_curve_put_number(out, range.high);
	}
	if (block->unit) {
		ktstr_put_byte(out, ' ');
		ktstr_layout_escape(out, block->unit, strlen(block->unit));
	}
	ktstr_put_byte(out, '\n');
}

void ktstr_layout_series(struct ktstr_buf *out, const struct ktstr_block *block, size_t width)
{
	size_t n_parts = width > NAME_WIDTH + PARTS_MIN ? (width - NAME_WIDTH) * 2 / 3 : PARTS_MIN;

	if (n_parts > PARTS_MAX)
		n_parts = PARTS_MAX;
	if (n_parts > block->times.n)
		n_parts = block->times.n;
	for (size_t i = 0; i < block->cells.n; i++)
		put_curve(out, block, i, n_parts);
}
