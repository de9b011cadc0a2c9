/* SPDX-License-Identifier: GPL-2.0-only */
/* Problems of a pipeline file: collected, sorted, printed all together as file:line:column. */
#ifndef KTSTR_PLAN_PROBLEM_H
#define KTSTR_PLAN_PROBLEM_H

#include "base/vec.h"
#include "plan/source.h"

#include <ktstr/fields.h>

struct ktstr_problem {
	char *file;		/* NULL: the pipeline file */
	unsigned line, column;	/* from 1; 0 when the whole file is meant */
	char *text;		/* what is wrong and what was expected */
};

struct ktstr_problems {
	KTSTR_VEC(struct ktstr_problem) list;
	bool overflow;		/* more than KTSTR_PROBLEMS_MAX: the rest was counted, not kept */
	size_t dropped;
};

#define KTSTR_PROBLEMS_MAX 200

/* Adds one; the very same text at the same place counts once. */
__attribute__((format(printf, 3, 4)))
void ktstr_problem_add(struct ktstr_problems *problems, const struct ktstr_position *at,
		       const char *fmt, ...);
/* How many there are, those that were not kept included. */
size_t ktstr_problems_count(const struct ktstr_problems *problems);
/* Lines "file:line:column: text" in file order, those of the pipeline `file` first, and a closing
 * count; nothing when there are none. */
void ktstr_problems_print(struct ktstr_problems *problems, const char *file, struct ktstr_buf *out);
void ktstr_problems_deinit(struct ktstr_problems *problems);

#endif
