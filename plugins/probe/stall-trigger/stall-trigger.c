/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/stall-trigger: what the kernel's watchdog has to say of a stall: which task, and for how long it did not run. It
 * stands in the message, which is there when the function that makes it returns; the exit-trigger has
 * stopped the recording by then.
 */
#include <ktstr/probe.h>

#include <errno.h>

static int stall_trigger_plan(struct ktstr_planner *planner, const struct ktstr_value *values,
			      struct ktstr_err *err)
{
	static const char *const functions[] = { "scx_vexit", "scx_exit" };
	struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_EXIT, .target = KTSTR_TARGET_KERNEL,
		.why = "makes the message of the exit",
	};

	(void)values;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		point.function = functions[i];
		if (planner->has(planner, KTSTR_TARGET_KERNEL, functions[i]))
			return planner->add(planner, &point, err);
	}
	ktstr_err_set(err, -ENOENT, "this kernel has no function that makes the message of an exit");
	return KTSTR_PROBE_IDLE;
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = stall_trigger_plan,
};

static const struct ktstr_plugin stall_trigger = {
	.size = sizeof(stall_trigger),
	.kind = KTSTR_KIND_PROBE,
	.name = "stall-trigger",
	.summary = "what the watchdog says of a stall",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-stall-trigger", PLUGIN_VERSION, &stall_trigger);
