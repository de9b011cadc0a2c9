/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/bpf-callbacks: every callback of the scheduler, entered and left, and the functions of its BPF programs
 * that are on the crash chain. The callback that is to blame is often not on it: it ran earlier, for the
 * same task.
 */
#include <ktstr/probe.h>

#include <errno.h>

static int add_both(struct ktstr_planner *planner, enum ktstr_point_target target, const char *function,
		    const char *why, struct ktstr_err *err)
{
	struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_ENTRY, .target = target, .function = function,
		.why = why,
	};
	int ret = planner->add(planner, &point, err);

	point.at = KTSTR_POINT_EXIT;
	return ret ? ret : planner->add(planner, &point, err);
}

static int bpf_callbacks_plan(struct ktstr_planner *planner, const struct ktstr_value *values,
			      struct ktstr_err *err)
{
	const struct ktstr_chain *chain = planner->chain;
	int ret = add_both(planner, KTSTR_TARGET_CALLBACK, "*", "a callback of the scheduler", err);

	(void)values;
	for (size_t i = 0; !ret && i < chain->n_frames; i++)
		if (chain->frames[i]->bpf && !chain->frames[i]->skipped)
			ret = add_both(planner, KTSTR_TARGET_PROGRAM, chain->frames[i]->name,
				       "on the crash chain", err);
	return ret;
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = bpf_callbacks_plan,
};

static const struct ktstr_plugin bpf_callbacks = {
	.size = sizeof(bpf_callbacks),
	.kind = KTSTR_KIND_PROBE,
	.name = "bpf-callbacks",
	.summary = "the scheduler's callbacks, entered and left",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-bpf-callbacks", PLUGIN_VERSION, &bpf_callbacks);
