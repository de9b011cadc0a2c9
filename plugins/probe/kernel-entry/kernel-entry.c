/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/kernel-entry: the kernel's functions on the crash chain, as they are entered, and those that a
 * pipeline names.
 */
#include <ktstr/probe.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct ktstr_param params[] = {
	{ .name = "functions", .type = KTSTR_PARAM_STRING, .optional = true,
	  .help = "more functions of the kernel, separated by commas" },
};

static int add(struct ktstr_planner *planner, const char *function, const char *why, struct ktstr_err *err)
{
	const struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_ENTRY, .target = KTSTR_TARGET_KERNEL,
		.function = function, .why = why,
	};
	struct ktstr_err absent = KTSTR_ERR_INIT;
	int ret = planner->add(planner, &point, &absent);

	if (ret && ret != -ENOENT)
		*err = absent;
	return ret == -ENOENT ? 0 : ret;
}

/* "a,b,c" */
static int add_named(struct ktstr_planner *planner, const char *names, struct ktstr_err *err)
{
	int ret = 0;

	while (!ret && names && *names) {
		size_t len = strcspn(names, ", ");
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		if (len)
			ret = add(planner, name, "named by the pipeline", err);
		names += len + (names[len] != '\0');
	}
	return ret;
}

static int kernel_entry_plan(struct ktstr_planner *planner, const struct ktstr_value *values,
			     struct ktstr_err *err)
{
	const struct ktstr_chain *chain = planner->chain;
	const char *named = values[0].set ? values[0].str : NULL;
	int ret = add_named(planner, named, err);

	for (size_t i = 0; !ret && i < chain->n_frames; i++)
		if (!chain->frames[i]->bpf && !chain->frames[i]->skipped)
			ret = add(planner, chain->frames[i]->name, "on the crash chain", err);
	if (!ret && !chain->n_frames && !named) {
		ktstr_err_set(err, -ENOENT, "the crash printed no stack");
		return KTSTR_PROBE_IDLE;
	}
	return ret;
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = kernel_entry_plan,
};

static const struct ktstr_plugin kernel_entry = {
	.size = sizeof(kernel_entry),
	.kind = KTSTR_KIND_PROBE,
	.name = "kernel-entry",
	.summary = "functions of the crash chain, as they are entered",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-kernel-entry", PLUGIN_VERSION, &kernel_entry);
