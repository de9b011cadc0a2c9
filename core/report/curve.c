/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/curve.h"

#include "base/text.h"

#include <math.h>

bool ktstr_curve_times(const struct ktstr_block *series, uint64_t *ret_begin, uint64_t *ret_end)
{
	uint64_t begin = UINT64_MAX, end = 0;

	if (series->times.n) {
		begin = series->times.items[0];
		end = series->times.items[series->times.n - 1];
	}
	for (size_t i = 0; i < series->spans.n; i++) {
		const struct ktstr_block_span *span = &series->spans.items[i];

		begin = span->begin_ns < begin ? span->begin_ns : begin;
		end = span->end_ns > end ? span->end_ns : end;
	}
	*ret_begin = begin;
	*ret_end = end;
	return begin != UINT64_MAX;
}

static bool value_of(const struct ktstr_block *series, size_t curve, size_t point, double *ret)
{
	*ret = series->numbers.items[point * series->cells.n + curve];
	return isfinite(*ret);
}

struct ktstr_curve_range ktstr_curve_range(const struct ktstr_block *series, size_t curve)
{
	struct ktstr_curve_range range = { 0 };
	double value;

	for (size_t i = 0; i < series->times.n; i++) {
		if (!value_of(series, curve, i, &value))
			continue;
		range.low = range.any && range.low < value ? range.low : value;
		range.high = range.any && range.high > value ? range.high : value;
		range.any = true;
	}
	return range;
}

void ktstr_curve_parts(const struct ktstr_block *series, size_t curve, uint64_t begin, uint64_t end,
		       struct ktstr_curve_part *parts, size_t n)
{
	double length = end > begin ? (double)(end - begin) : 1, value;

	for (size_t i = 0; i < n; i++)
		parts[i] = (struct ktstr_curve_part){ .any = false };
	for (size_t i = 0; i < series->times.n; i++) {
		size_t at = (size_t)((double)(series->times.items[i] - begin) / length * (double)n);
		struct ktstr_curve_part *part = &parts[at < n ? at : n - 1];

		if (!value_of(series, curve, i, &value))
			continue;
		part->low = part->any && part->low < value ? part->low : value;
		part->high = part->any && part->high > value ? part->high : value;
		part->last = value;
		part->any = true;
	}
}

/* Halves, as the difference of two finite numbers need not be finite. */
double ktstr_curve_height(struct ktstr_curve_range range, double value)
{
	double all = range.high / 2 - range.low / 2, height;

	if (!range.any || all <= 0)
		return 0;
	height = (value / 2 - range.low / 2) / all;
	return height < 0 ? 0 : height > 1 ? 1 : height;
}

void ktstr_curve_put_number(struct ktstr_buf *out, double value)
{
	double size = fabs(value);

	if (size >= 1e9 || (size && size < 0.005))
		ktstr_buf_printf(out, "%.3g", value);
	else
		ktstr_buf_printf(out, "%.*f", value == floor(value) || size >= 100 ? 0 :
				 size >= 10 ? 1 : 2, value);
}
