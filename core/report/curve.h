/* SPDX-License-Identifier: GPL-2.0-only */
/* Curves of a series, as renderers draw them: the time cut into parts, and the range in each. */
#ifndef KTSTR_REPORT_CURVE_H
#define KTSTR_REPORT_CURVE_H

#include "report/report.h"

/* What a curve was in a part of the time. */
struct ktstr_curve_part {
	double low, high, last;
	bool any;
};

struct ktstr_curve_range {
	double low, high;
	bool any;
};

/* First and last time that the series has, of points and spans; false when it has none. */
bool ktstr_curve_times(const struct ktstr_block *series, uint64_t *ret_begin, uint64_t *ret_end);

struct ktstr_curve_range ktstr_curve_range(const struct ktstr_block *series, size_t curve);

/* Where a value stands in the range, 0 to 1. */
double ktstr_curve_height(struct ktstr_curve_range range, double value);

/* Appends a value with as many digits as a reader wants of it. */
void ktstr_curve_put_number(struct ktstr_buf *out, double value);

/* The curve in `n` parts of equal length from `begin` to `end`. */
void ktstr_curve_parts(const struct ktstr_block *series, size_t curve, uint64_t begin, uint64_t end,
		       struct ktstr_curve_part *parts, size_t n);

#endif
