/* SPDX-License-Identifier: GPL-2.0-only */
/* `auto_repro`: true, false, a number of attempts, or all there is to say about them. */
#include "plan/read.h"

#include <ctype.h>

#define FORM "true, false, a number of attempts, or a mapping"

static const struct ktstr_key keys[] = {
	{ .param = { .name = "attempts", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1,
		     .max = KTSTR_REPRO_ATTEMPTS_MAX,
		     .help = "how many more attempts may be made" },
	  .offset = offsetof(struct ktstr_plan_repro, attempts) },
	{ .param = { .name = "enough", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1,
		     .max = KTSTR_REPRO_ATTEMPTS_MAX,
		     .help = "how many of them are to end as the first attempt did before no more "
			     "are begun" },
	  .offset = offsetof(struct ktstr_plan_repro, enough) },
	{ .param = { .name = "parallel", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1,
		     .max = KTSTR_REPRO_PARALLEL_MAX, .help = "how many run at once" },
	  .offset = offsetof(struct ktstr_plan_repro, parallel) },
};

const struct ktstr_schema ktstr_schema_auto_repro = {
	.name = "auto_repro",
	.form = FORM " of `attempts`, `enough` and `parallel`",
	.shorthand = "attempts",
	KTSTR_SCHEMA_KEYS(keys),
};

static bool is_word(const struct ktstr_node *node)
{
	return node->type == KTSTR_NODE_SCALAR && !isdigit((unsigned char)*node->text);
}

/* `true` is the mapping with nothing in it; `false` keeps the rest of it for --auto-repro. */
static bool read_word(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_repro *repro)
{
	const struct ktstr_node nothing = { .type = KTSTR_NODE_MAPPING, .at = node->at };

	if (strcmp(node->text, "true") && strcmp(node->text, "false"))
		return ktstr_reader_problem(r, node, "expected " FORM ", not \"%.80s\"",
					    node->text);
	if (!ktstr_schema_read(&ktstr_schema_auto_repro, r, &nothing, repro, NULL))
		return false;
	if (!strcmp(node->text, "false"))
		repro->attempts = 0;
	return true;
}

bool ktstr_read_auto_repro(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_repro *repro = &((struct ktstr_plan *)object)->repro;

	if (is_word(node))
		return read_word(r, node, repro);
	if (!ktstr_schema_read(&ktstr_schema_auto_repro, r, node, repro, NULL))
		return false;
	if (repro->enough > repro->attempts)
		return ktstr_reader_problem(r, node, "`enough` is %u, but there are no more than "
					    "%u attempts", repro->enough, repro->attempts);
	return true;
}
