/* SPDX-License-Identifier: GPL-2.0-only */
/* `monitor-limits`: what the monitors may see. */
#include "plan/read.h"

#define LIMIT(member) offsetof(struct ktstr_limits, member)
#define RATE_MAX 1000000000

static bool read_mode(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const char *const words[] = { "report", "fail", NULL };
	static const struct ktstr_param param = {
		.name = "mode", .type = KTSTR_PARAM_CHOICE, .choices = words,
	};
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	((struct ktstr_limits *)object)->fail = value.u64;
	return true;
}

static const struct ktstr_key limits_keys[] = {
	{ .param = { .name = "mode", .def = "report",
		     .help = "whether a violation fails the run, or is reported only" },
	  .read = read_mode, .form = "one of report, fail" },
	{ .param = { .name = "imbalance", .type = KTSTR_PARAM_UINT, .def = "4", .min = 1,
		     .max = 100000,
		     .help = "at most, of the longest run queue to the shortest, among CPUs that the "
			     "same cgroups may use" },
	  .offset = LIMIT(imbalance) },
	{ .param = { .name = "local-dsq-depth", .type = KTSTR_PARAM_UINT, .unit = "tasks",
		     .def = "50", .max = 10000, .help = "at most, in one CPU's local DSQ" },
	  .offset = LIMIT(depth) },
	{ .param = { .name = "stall", .type = KTSTR_PARAM_BOOL, .def = "true",
		     .help = "whether a CPU whose clock stands still is a violation" },
	  .offset = LIMIT(stall) },
	{ .param = { .name = "fallback-rate", .type = KTSTR_PARAM_UINT, .unit = "per second",
		     .def = "200", .max = RATE_MAX, .help = "at most, of select_cpu_fallback" },
	  .offset = LIMIT(fallback_rate) },
	{ .param = { .name = "keep-last-rate", .type = KTSTR_PARAM_UINT, .unit = "per second",
		     .def = "100", .max = RATE_MAX, .help = "at most, of dispatch_keep_last" },
	  .offset = LIMIT(keep_last_rate) },
	{ .param = { .name = "sustained-samples", .type = KTSTR_PARAM_UINT, .def = "5", .min = 1,
		     .max = 1000000,
		     .help = "how many in a row above a limit are a violation" },
	  .offset = LIMIT(sustained) },
};

const struct ktstr_schema ktstr_schema_limits = {
	.name = "monitor-limits",
	.form = "a mapping of `mode` and limits",
	KTSTR_SCHEMA_KEYS(limits_keys),
};

bool ktstr_read_limits(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_limits *limits = &((struct ktstr_plan *)object)->limits;

	limits->asked = true;
	return ktstr_schema_read(&ktstr_schema_limits, r, node, limits, NULL);
}
