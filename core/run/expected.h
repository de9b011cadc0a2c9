/* SPDX-License-Identifier: GPL-2.0-only */
/* What ended an attempt, held against what its test expects. */
#ifndef KTSTR_RUN_EXPECTED_H
#define KTSTR_RUN_EXPECTED_H

#include "check/judge.h"

/* `v` has its statistics, and outcome and cause as the evidence alone says them, with the words for
 * it in `reason`. Makes the checks, compares with an expected failure, and changes the three
 * accordingly. 0 or -ENOMEM; the findings are there to be dropped either way. */
int ktstr_verdict_judge(struct ktstr_verdict *v, const struct ktstr_expect *expect,
			const struct ktstr_conditions *conditions, struct ktstr_buf *reason,
			struct ktstr_err *err);
void ktstr_verdict_drop_findings(struct ktstr_verdict *v);

#endif
