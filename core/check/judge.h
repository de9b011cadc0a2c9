/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making the checks: from statistics and what was expected to findings. judge.c has the rules that
 * are the same for all of them (what counts as measured, when times are not judged), checks.c what
 * each of them looks at.
 */
#ifndef KTSTR_CHECK_JUDGE_H
#define KTSTR_CHECK_JUDGE_H

#include "base/vec.h"
#include "check/conditions.h"
#include "check/expect.h"

#include <ktstr/stats.h>

/* Owned; in the order of the table, all failures of a check next to each other. */
struct ktstr_findings {
	KTSTR_VEC(struct ktstr_finding *) list;
};

/* Makes every check that `expect` has on. 0 or -ENOMEM; release what there is either way. */
int ktstr_judge(const struct ktstr_expect *expect, const struct ktstr_stats *stats,
		const struct ktstr_conditions *conditions, struct ktstr_findings *findings,
		struct ktstr_err *err);
void ktstr_findings_deinit(struct ktstr_findings *findings);

/* ---- for checks.c ---- */

struct ktstr_judging {
	const struct ktstr_check *check;
	const struct ktstr_value *limit;
	const struct ktstr_stats *stats;
	double slowness;		/* of the machine: see ktstr_conditions_slowness() */
	size_t measured;		/* things that were held against the limit */
	KTSTR_VEC(char *) violations;
	bool nomem;
};

/* A violation in words: "<check> of <group> in <cgroup>: <text>". */
__attribute__((format(printf, 3, 4)))
void ktstr_judging_violated(struct ktstr_judging *j, const struct ktstr_stats_set *group,
			    const char *fmt, ...);

#endif
