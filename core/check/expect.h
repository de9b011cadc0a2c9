/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test expects of its run: limits for checks, or how it is to fail. Put together in layers
 * (the built-in defaults, those of the scheduler, those of the test) and written into the journal,
 * so that a run can be judged again.
 */
#ifndef KTSTR_CHECK_EXPECT_H
#define KTSTR_CHECK_EXPECT_H

#include "check/checks.h"

#include <ktstr/fields.h>
#include <ktstr/section.h>

#define KTSTR_PATTERN_MAX 255

struct ktstr_expect {
	struct ktstr_value values[KTSTR_CHECK_COUNT];	/* set: the check is to be made */
	bool asked[KTSTR_CHECK_COUNT];	/* somebody wrote it; false: a default */
	enum ktstr_cause fails;		/* the only way to end well; KTSTR_CAUSE_NONE: it is to pass
					 * */
	char pattern[KTSTR_PATTERN_MAX + 1];	/* of the failure's reason; "": any */
};

/* The built-in layer: what the table has as defaults. */
void ktstr_expect_defaults(struct ktstr_expect *expect);

/* Lays `layer` over `into`: what it says wins, the rest stays. A failure is taken over whole. */
void ktstr_expect_merge(struct ktstr_expect *into, const struct ktstr_expect *layer);

/* The fields of KTSTR_REC_EXPECT, into a begun map; and back. */
void ktstr_expect_put(const struct ktstr_expect *expect, struct ktstr_buf *b);
void ktstr_expect_get(const struct ktstr_fields *fields, struct ktstr_expect *ret_expect);

/* ---- failures ---- */

/* The words for the causes that can be expected, NULL-ended; and the cause of the i-th. */
extern const char *const ktstr_failure_names[];
enum ktstr_cause ktstr_failure_cause(size_t i);
/* "scheduler-error"; NULL for a cause that cannot be expected. */
const char *ktstr_failure_name(enum ktstr_cause cause);

/* True when the pattern is found in the text; `*` in it stands for anything. */
bool ktstr_pattern_matches(const char *pattern, const char *text);

#endif
