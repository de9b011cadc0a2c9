/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/exit-trigger: stops the recording when the kernel throws the scheduler out, in the context that made it do
 * so. By the tracepoint where the kernel has it (7.3), else by the first of the functions that every error
 * passes (kernel/sched/ext.c). One that left by itself passes neither before 7.3: there it is where it is unregistered.
 */
#include <ktstr/probe.h>

#include <errno.h>

static int exit_trigger_plan(struct ktstr_planner *planner, const struct ktstr_value *values,
			     struct ktstr_err *err)
{
	static const char *const functions[] = { "scx_claim_exit", "scx_vexit", "scx_exit" };
	struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_TRIGGER, .target = KTSTR_TARGET_TRACEPOINT,
		.function = "sched_ext_exit", .why = "the kernel throws the scheduler out",
	};
	int ret = planner->add(planner, &point, err), found = !ret;

	(void)values;
	if (ret == -ENOENT)
		ret = 0;
	point.target = KTSTR_TARGET_KERNEL;
	for (size_t i = 0; !ret && i < sizeof(functions) / sizeof(functions[0]); i++) {
		point.function = functions[i];
		if (!planner->has(planner, KTSTR_TARGET_KERNEL, functions[i]))
			continue;
		ret = planner->add(planner, &point, err);
		found += !ret;
		ret = ret == -ENOENT ? 0 : ret;
	}
	if (!ret && planner->input->verdicts[0]->cause == KTSTR_CAUSE_SCHED_EXIT) {
		point.function = "bpf_scx_unreg";
		point.why = "user space takes the scheduler away, or is gone";
		ret = planner->add(planner, &point, err);
		found += !ret;
		ret = ret == -ENOENT ? 0 : ret;
	}
	return ret ? ret : found ? 0 :
	       ktstr_err_set(err, -ENOENT, "this kernel has nothing that tells when a scheduler is thrown out");
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = exit_trigger_plan,
};

static const struct ktstr_plugin exit_trigger = {
	.size = sizeof(exit_trigger),
	.kind = KTSTR_KIND_PROBE,
	.name = "exit-trigger",
	.summary = "stops the recording when the scheduler is thrown out",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-exit-trigger", PLUGIN_VERSION, &exit_trigger);
