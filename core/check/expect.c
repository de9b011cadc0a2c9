/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/expect.h"

#include "base/vec.h"
#include "plugin/registry.h"

/* ---- layers ---- */

void ktstr_expect_defaults(struct ktstr_expect *expect)
{
	memset(expect, 0, sizeof(*expect));
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		if (ktstr_checks[i].param.def)
			ktstr_param_parse(&ktstr_checks[i].param, ktstr_checks[i].param.def,
					  &expect->values[i], NULL);
}

void ktstr_expect_merge(struct ktstr_expect *into, const struct ktstr_expect *layer)
{
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		if (layer->values[i].set) {
			into->values[i] = layer->values[i];
			into->asked[i] = layer->asked[i];
		}
	if (layer->fails) {
		into->fails = layer->fails;
		memcpy(into->pattern, layer->pattern, sizeof(into->pattern));
	}
}

/* ---- in the journal ---- */

void ktstr_expect_put(const struct ktstr_expect *expect, struct ktstr_buf *b)
{
	ktstr_put_map(b, "checks");
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++) {
		const struct ktstr_param *param = &ktstr_checks[i].param;

		if (!expect->values[i].set)
			continue;
		if (param->type == KTSTR_PARAM_BOOL)
			ktstr_put_bool(b, param->name, expect->values[i].boolean);
		else
			ktstr_put_u64(b, param->name, expect->values[i].u64);
	}
	ktstr_put_end(b);
	ktstr_put_array(b, "asked");
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		if (expect->asked[i])
			ktstr_put_str(b, NULL, ktstr_checks[i].param.name);
	ktstr_put_end(b);
	ktstr_put_str(b, "fails", ktstr_failure_name(expect->fails));
	if (expect->pattern[0])
		ktstr_put_str(b, "pattern", expect->pattern);
}

static void get_value(const struct ktstr_fields *checks, const struct ktstr_param *param,
		      struct ktstr_value *ret)
{
	if (param->type == KTSTR_PARAM_BOOL)
		ret->set = ktstr_get_bool(checks, param->name, &ret->boolean);
	else
		ret->set = ktstr_get_u64(checks, param->name, &ret->u64);
}

static void get_asked(const struct ktstr_fields *fields, struct ktstr_expect *expect)
{
	struct ktstr_fields asked;
	struct ktstr_field name;

	if (!ktstr_get_sub(fields, "asked", &asked))
		return;
	while (ktstr_item_next(&asked, &name))
		for (size_t i = 0; name.type == KTSTR_FIELD_TEXT && i < KTSTR_CHECK_COUNT; i++)
			if (ktstr_str_is(name.str, ktstr_checks[i].param.name))
				expect->asked[i] = true;
}

void ktstr_expect_get(const struct ktstr_fields *fields, struct ktstr_expect *ret_expect)
{
	struct ktstr_str fails = { "", 0 };
	struct ktstr_fields checks;

	memset(ret_expect, 0, sizeof(*ret_expect));
	if (ktstr_get_sub(fields, "checks", &checks))
		for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
			get_value(&checks, &ktstr_checks[i].param, &ret_expect->values[i]);
	get_asked(fields, ret_expect);
	ktstr_get_str(fields, "fails", &fails);
	for (size_t i = 0; ktstr_failure_names[i]; i++)
		if (ktstr_str_is(fails, ktstr_failure_names[i]))
			ret_expect->fails = ktstr_failure_cause(i);
	ktstr_get_cstr(fields, "pattern", ret_expect->pattern, sizeof(ret_expect->pattern));
}

/* ---- failures ---- */

/* In the order of `failure_causes`. */
const char *const ktstr_failure_names[] = {
	"scheduler-error", "scheduler-stall", "scheduler-exit", "not-attached", "panic", "oops",
	"lockup", "rcu-stall", "triple-fault", "guest-reset", "boot-hang", "timeout", "check", "monitor",
	NULL,
};

static const enum ktstr_cause failure_causes[] = {
	KTSTR_CAUSE_SCHED_ERROR, KTSTR_CAUSE_SCHED_STALL, KTSTR_CAUSE_SCHED_EXIT,
	KTSTR_CAUSE_SCHED_NOT_ATTACHED, KTSTR_CAUSE_PANIC, KTSTR_CAUSE_OOPS, KTSTR_CAUSE_LOCKUP,
	KTSTR_CAUSE_RCU_STALL, KTSTR_CAUSE_TRIPLE_FAULT, KTSTR_CAUSE_GUEST_RESET,
	KTSTR_CAUSE_BOOT_HANG, KTSTR_CAUSE_TIMEOUT, KTSTR_CAUSE_CHECK,
	KTSTR_CAUSE_MONITOR,
};

_Static_assert(KTSTR_ARRAY_SIZE(ktstr_failure_names) == KTSTR_ARRAY_SIZE(failure_causes) + 1,
	       "a word for each cause");

enum ktstr_cause ktstr_failure_cause(size_t i)
{
	return failure_causes[i];
}

const char *ktstr_failure_name(enum ktstr_cause cause)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(failure_causes); i++)
		if (failure_causes[i] == cause)
			return ktstr_failure_names[i];
	return NULL;
}

/* Each piece between two `*` is taken where it is found first: if it fits anywhere, it fits there.
 * */
bool ktstr_pattern_matches(const char *pattern, const char *text)
{
	while (*pattern) {
		size_t len = strcspn(pattern, "*");

		if (len) {
			text = memmem(text, strlen(text), pattern, len);
			if (!text)
				return false;
			text += len;
		}
		pattern += len + (pattern[len] == '*');
	}
	return true;
}
