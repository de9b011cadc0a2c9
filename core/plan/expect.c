/* SPDX-License-Identifier: GPL-2.0-only */
/* `expect`: what a test, or a scheduler in each of its tests, expects of a run. */
#include "plan/read.h"

/* ---- the failure ---- */

struct failure {
	const char *cause, *pattern;
};

static const struct ktstr_key fails_keys[] = {
	{ .param = { .name = "cause", .type = KTSTR_PARAM_CHOICE, .choices = ktstr_failure_names,
		     .help = "what is to end the run" },
	  .offset = offsetof(struct failure, cause) },
	{ .param = { .name = "pattern", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "found in the reason that the report's first line gives; `*` stands for "
			     "anything" },
	  .offset = offsetof(struct failure, pattern) },
};

const struct ktstr_schema ktstr_schema_fails = {
	.name = "fails",
	.form = "a cause, or a mapping of `cause` and `pattern`",
	.shorthand = "cause",
	KTSTR_SCHEMA_KEYS(fails_keys),
};

static bool read_fails(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_expect *expect = object;
	struct failure failure = { NULL, "" };
	const struct ktstr_entry *pattern;

	if (!ktstr_schema_read(&ktstr_schema_fails, r, node, &failure, NULL))
		return false;
	if (strlen(failure.pattern) > KTSTR_PATTERN_MAX) {
		pattern = ktstr_node_entry(node, "pattern");
		return ktstr_reader_problem(r, pattern->value, "a pattern has at most %d bytes",
					    KTSTR_PATTERN_MAX);
	}
	for (size_t i = 0; ktstr_failure_names[i]; i++)
		if (!strcmp(failure.cause, ktstr_failure_names[i]))
			expect->fails = ktstr_failure_cause(i);
	strcpy(expect->pattern, failure.pattern);
	return true;
}

/* ---- all of it ---- */

static const struct ktstr_key expect_keys[] = {
	{ .param = { .name = "fails", .optional = true,
		     .help = "the run is to end like that; then any other end is a failure" },
	  .read = read_fails, .form = "a cause, or a mapping" },
};

const struct ktstr_schema ktstr_schema_expect = {
	.name = "expect",
	.form = "a mapping of checks and their limits, or of `fails`",
	KTSTR_SCHEMA_KEYS(expect_keys),
};

bool ktstr_read_expect(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	/* The checks are keys as the parameters of a plugin are: the rows of a table. */
	static const struct ktstr_plugin table = {
		.size = sizeof(table), .name = "expect", .params = &ktstr_checks[0].param,
		.n_params = KTSTR_CHECK_COUNT, .param_size = sizeof(ktstr_checks[0]),
	};
	struct ktstr_expect *expect = object;
	struct ktstr_plugin_use use = { .plugin = &table, .values = expect->values };
	bool ok = ktstr_schema_read(&ktstr_schema_expect, r, node, expect, &use);

	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		expect->asked[i] = expect->values[i].set;
	return ok;
}
