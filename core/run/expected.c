/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/expected.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <ktstr/watch.h>

/* The first finding of that outcome, and how many more there are. */
static bool say_finding(const struct ktstr_verdict *v, enum ktstr_outcome outcome,
			struct ktstr_buf *reason)
{
	const struct ktstr_finding *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < v->n_findings; i++)
		if (v->findings[i]->outcome == outcome) {
			first = first ? first : v->findings[i];
			n++;
		}
	if (!first)
		return false;
	ktstr_buf_printf(reason, "%s (%s", outcome == KTSTR_OUTCOME_FAIL ? "check failed" :
			 "check without result", first->text);
	if (n > 1)
		ktstr_buf_printf(reason, "; and %zu more", n - 1);
	ktstr_buf_puts(reason, ")");
	return true;
}

/* A scenario that was cut short is judged by what cut it, not by what its workers had done till
 * then. */
static int make_checks(struct ktstr_verdict *v, const struct ktstr_expect *expect,
		       const struct ktstr_conditions *conditions, struct ktstr_buf *reason,
		       struct ktstr_err *err)
{
	struct ktstr_findings findings = { .list = { .n = 0 } };
	int ret = v->cause ? 0 :
		  ktstr_judge(expect, v->stats, conditions, &findings, err);

	v->findings = (const struct ktstr_finding *const *)findings.list.items;
	v->n_findings = findings.list.n;
	if (ret || v->cause)
		return ret;
	if (say_finding(v, KTSTR_OUTCOME_FAIL, reason))
		v->outcome = KTSTR_OUTCOME_FAIL;
	else if (say_finding(v, KTSTR_OUTCOME_INCONCLUSIVE, reason))
		v->outcome = KTSTR_OUTCOME_INCONCLUSIVE;
	if (v->outcome != KTSTR_OUTCOME_PASS)
		v->cause = KTSTR_CAUSE_CHECK;
	return 0;
}

/* What the monitors saw decides where the workers' checks found nothing, and where a test says so. Nothing
 * seen proves nothing. */
static void judge_watch(struct ktstr_verdict *v, struct ktstr_buf *reason)
{
	const struct ktstr_watch *watch = v->watch;
	unsigned n = 0;

	bool open = !v->cause || (v->cause == KTSTR_CAUSE_CHECK &&
				  v->outcome == KTSTR_OUTCOME_INCONCLUSIVE &&
				  watch->state == KTSTR_WATCH_VIOLATED);

	if (!open || !watch->decides || watch->state == KTSTR_WATCH_WITHIN)
		return;
	reason->len = 0;
	v->cause = KTSTR_CAUSE_MONITOR;
	v->outcome = watch->state == KTSTR_WATCH_VIOLATED ? KTSTR_OUTCOME_FAIL :
		     KTSTR_OUTCOME_INCONCLUSIVE;
	if (watch->state == KTSTR_WATCH_INCONCLUSIVE) {
		ktstr_buf_printf(reason, "monitors without result (%s)", watch->why);
		return;
	}
	ktstr_buf_puts(reason, "monitors saw a limit violated (");
	for (int i = 0; i < KTSTR_WATCH_RULES; i++)
		if (watch->rows[i].sustained)
			ktstr_buf_printf(reason, "%s%s", n++ ? "; " : "", watch->rows[i].text);
	ktstr_buf_puts(reason, ")");
}

/* The reason names one failed check; the pattern may be of another one. */
static bool is_meant(const struct ktstr_verdict *v, const char *pattern, const char *reason)
{
	bool found = ktstr_pattern_matches(pattern, reason);

	for (size_t i = 0; !found && i < v->n_findings; i++)
		found = v->findings[i]->outcome == KTSTR_OUTCOME_FAIL &&
			ktstr_pattern_matches(pattern, v->findings[i]->text);
	return found;
}

/* The test is to fail in one way. What could not be seen to its end says neither that nor the
 * opposite. */
static void hold_against_failure(struct ktstr_verdict *v, const struct ktstr_expect *expect,
				 struct ktstr_buf *reason)
{
	_cleanup_free_ char *got = NULL;
	bool as_expected;

	if (!expect->fails || v->outcome == KTSTR_OUTCOME_INCONCLUSIVE ||
	    v->outcome == KTSTR_OUTCOME_SKIP)
		return;
	got = ktstr_buf_steal_str(reason);
	if (!got) {
		reason->failed = true;
		return;
	}
	as_expected = v->cause == expect->fails && is_meant(v, expect->pattern, got);
	if (as_expected) {
		v->outcome = KTSTR_OUTCOME_PASS;
		ktstr_buf_printf(reason, "as expected, %s", got);
		return;
	}
	ktstr_buf_printf(reason, "expected to fail by %s", ktstr_failure_name(expect->fails));
	if (expect->pattern[0])
		ktstr_buf_printf(reason, " with \"%s\"", expect->pattern);
	ktstr_buf_printf(reason, ", but %s", v->outcome == KTSTR_OUTCOME_PASS ?
			 "the scenario ran to its end and passed" : got);
	v->outcome = KTSTR_OUTCOME_FAIL;
	v->cause = v->cause ? v->cause : KTSTR_CAUSE_CHECK;
}

int ktstr_verdict_judge(struct ktstr_verdict *v, const struct ktstr_expect *expect,
			const struct ktstr_conditions *conditions, struct ktstr_buf *reason,
			struct ktstr_err *err)
{
	int ret = make_checks(v, expect, conditions, reason, err);

	if (!ret) {
		judge_watch(v, reason);
		hold_against_failure(v, expect, reason);
	}
	return ret;
}

void ktstr_verdict_drop_findings(struct ktstr_verdict *v)
{
	struct ktstr_findings findings = {
		.list = { .items = (struct ktstr_finding **)v->findings, .n = v->n_findings },
	};

	ktstr_findings_deinit(&findings);
}
