/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cells of a table, as sections show numbers: one way for all of them. Each function fills the cell
 * and returns its text, or NULL (an empty cell) for a number that nothing was measured for, which
 * is any below 0. Inline, as everything that a plugin may call. [any thread]
 */
#ifndef KTSTR_CELLS_H
#define KTSTR_CELLS_H

#include <ktstr/stats.h>

#include <stdio.h>

#define KTSTR_TEXT_COL(name) { name, NULL, KTSTR_COLUMN_TEXT }
#define KTSTR_NUM_COL(name, unit) { name, unit, KTSTR_COLUMN_NUMBER }

struct ktstr_cell {
	char text[128];		/* longer ones are cut */
};

static inline const char *ktstr_cell_count(struct ktstr_cell *cell, uint64_t n)
{
	snprintf(cell->text, sizeof(cell->text), "%llu", (unsigned long long)n);
	return cell->text;
}

static inline const char *ktstr_cell_real(struct ktstr_cell *cell, double x, int digits)
{
	if (x < 0)
		return NULL;
	snprintf(cell->text, sizeof(cell->text), "%.*f", digits, x);
	return cell->text;
}

/* A duration in ms, with a digit behind the point. */
static inline const char *ktstr_cell_ms(struct ktstr_cell *cell, uint64_t ns)
{
	return ktstr_cell_real(cell, (double)ns / 1e6, 1);
}

/* Rates go from a few to millions a second. */
static inline const char *ktstr_cell_rate(struct ktstr_cell *cell, double rate)
{
	return ktstr_cell_real(cell, rate, rate < 100 ? 1 : 0);
}

static inline const char *ktstr_cell_name(struct ktstr_cell *cell, struct ktstr_str name)
{
	snprintf(cell->text, sizeof(cell->text), "%.*s", KTSTR_STR_ARG(name));
	return cell->text;
}

/* What the workers of a group do: its workload, and the role with a slash behind it. */
static inline const char *ktstr_cell_group(struct ktstr_cell *cell,
					   const struct ktstr_stats_set *group)
{
	snprintf(cell->text, sizeof(cell->text), "%.*s%s%.*s", KTSTR_STR_ARG(group->workload),
		 group->role.len ? "/" : "", KTSTR_STR_ARG(group->role));
	return cell->text;
}

/* The s of a plural. */
static inline const char *ktstr_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

#endif
