/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/judge.h"

#include "base/cleanup.h"
#include "base/text.h"

/* ---- findings ---- */

static void finding_destroy(struct ktstr_finding *f)
{
	if (!f)
		return;
	free((char *)f->text);
	free(f);
}

void ktstr_findings_deinit(struct ktstr_findings *findings)
{
	for (size_t i = 0; i < findings->list.n; i++)
		finding_destroy(findings->list.items[i]);
	ktstr_vec_free(&findings->list);
}

/* Takes `text`; NULL stands for memory that ran out. */
static bool add(struct ktstr_findings *findings, const struct ktstr_judging *j, bool asked,
		enum ktstr_outcome outcome, char *text)
{
	struct ktstr_finding *f = calloc(1, sizeof(*f)), **slot;

	if (f)
		*f = (struct ktstr_finding){ .size = sizeof(*f), .outcome = outcome, .asked = asked,
					     .check = j->check->param.name, .text = text };
	slot = f && text ? ktstr_vec_add(&findings->list) : NULL;
	if (slot) {
		*slot = f;
		return true;
	}
	free(text);
	free(f);
	return false;
}

void ktstr_judging_violated(struct ktstr_judging *j, const struct ktstr_stats_set *group,
			    const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	char **slot = ktstr_vec_add(&j->violations);
	va_list ap;

	if (!slot) {
		j->nomem = true;
		return;
	}
	ktstr_buf_printf(&b, "%s of %.*s%s%.*s in %.*s: ", j->check->param.name,
			 KTSTR_STR_ARG(group->workload), group->role.len ? "/" : "",
			 KTSTR_STR_ARG(group->role), KTSTR_STR_ARG(group->cgroup));
	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	*slot = ktstr_buf_steal_str(&b);
	j->nomem |= !*slot;
}

static void violations_deinit(struct ktstr_judging *j)
{
	for (size_t i = 0; i < j->violations.n; i++)
		free(j->violations.items[i]);
	ktstr_vec_free(&j->violations);
}

/* ---- the rules ---- */

/* What would have come out is told, for whom it helps, and decides nothing. */
static bool add_unjudged(struct ktstr_findings *findings, const struct ktstr_judging *j, bool asked,
			 const char *why)
{
	bool bad = j->violations.n;

	return add(findings, j, asked, asked ? KTSTR_OUTCOME_INCONCLUSIVE : KTSTR_OUTCOME_SKIP,
		   ktstr_asprintf("%s cannot be judged: %s; it would have %s%s%s%s",
				  j->check->param.name, why, bad ? "failed" : "passed",
				  bad ? " (" : "", bad ? j->violations.items[0] : "",
				  bad ? ")" : ""));
}

/* An absent number is no proof of anything, neither is a list of workers with holes in it. */
static bool add_without_violation(struct ktstr_findings *findings, const struct ktstr_judging *j,
				  bool asked)
{
	const char *name = j->check->param.name;

	if (j->stats->lost)
		return add(findings, j, asked, KTSTR_OUTCOME_INCONCLUSIVE,
			   ktstr_asprintf("%s cannot be judged: %llu of the guest's records were "
					  "lost", name, (unsigned long long)j->stats->lost));
	if (!j->measured)
		return add(findings, j, asked,
			   asked ? KTSTR_OUTCOME_INCONCLUSIVE : KTSTR_OUTCOME_SKIP,
			   ktstr_asprintf("%s cannot be judged: no workers reported what it is "
					  "about", name));
	return add(findings, j, asked, KTSTR_OUTCOME_PASS, strdup(""));
}

static bool add_violations(struct ktstr_findings *findings, struct ktstr_judging *j, bool asked)
{
	for (size_t i = 0; i < j->violations.n; i++)
		if (!add(findings, j, asked, KTSTR_OUTCOME_FAIL,
			 ktstr_steal_ptr(j->violations.items[i])))
			return false;
	return true;
}

/* `distrust`: why times are not judged, or NULL. */
static bool judge_one(struct ktstr_findings *findings, struct ktstr_judging *j, bool asked,
		      const char *distrust)
{
	j->check->evaluate(j);
	if (j->nomem)
		return false;
	if (j->check->timing && distrust && j->measured)
		return add_unjudged(findings, j, asked, distrust);
	if (j->violations.n)
		return add_violations(findings, j, asked);
	return add_without_violation(findings, j, asked);
}

/* A ceiling at the most that can be written allows everything: there is nothing to judge. */
static bool is_on(const struct ktstr_check *check, const struct ktstr_value *value)
{
	if (!check->evaluate || !value->set)
		return false;
	if (check->param.type == KTSTR_PARAM_BOOL)
		return value->boolean;
	return check->at_least || value->u64 != (uint64_t)check->param.max;
}

int ktstr_judge(const struct ktstr_expect *expect, const struct ktstr_stats *stats,
		const struct ktstr_conditions *conditions, struct ktstr_findings *findings,
		struct ktstr_err *err)
{
	uint64_t noise = expect->values[KTSTR_CHECK_HOST_NOISE].u64;
	char why[256];
	bool distrust = ktstr_conditions_distrust(conditions, noise, why, sizeof(why));
	bool ok = true;

	for (size_t i = 0; ok && i < KTSTR_CHECK_COUNT; i++) {
		struct ktstr_judging j = {
			.check = &ktstr_checks[i], .limit = &expect->values[i], .stats = stats,
			.slowness = ktstr_conditions_slowness(conditions, noise),
		};

		if (!is_on(j.check, j.limit))
			continue;
		ok = judge_one(findings, &j, expect->asked[i], distrust ? why : NULL);
		violations_deinit(&j);
	}
	return ok ? 0 : ktstr_err_nomem(err);
}
