/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/kernel-exit: the kernel's functions on the crash chain, as they return: what they changed. Before 6.13 each
 * takes a program of its own to be loaded, so there is a limit; the innermost ones come first.
 */
#include <ktstr/probe.h>

#include <errno.h>

static const struct ktstr_param params[] = {
	{ .name = "limit", .type = KTSTR_PARAM_UINT, .def = "12", .min = 0, .max = 200,
	  .help = "functions at most" },
};

static int add(struct ktstr_planner *planner, const char *function, const char *why, struct ktstr_err *err)
{
	const struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_EXIT, .target = KTSTR_TARGET_KERNEL,
		.function = function, .why = why,
	};
	struct ktstr_err absent = KTSTR_ERR_INIT;
	int ret = planner->add(planner, &point, &absent);

	if (ret && ret != -ENOENT)
		*err = absent;
	return ret == -ENOENT ? 0 : ret;
}

static int kernel_exit_plan(struct ktstr_planner *planner, const struct ktstr_value *values,
			    struct ktstr_err *err)
{
	const struct ktstr_chain *chain = planner->chain;
	uint64_t left = values[0].u64;
	int ret = 0;

	for (size_t i = 0; !ret && left && i < chain->n_frames; i++) {
		const struct ktstr_chain_frame *frame = chain->frames[i];

		if (frame->bpf || frame->skipped || !planner->has(planner, KTSTR_TARGET_KERNEL, frame->name))
			continue;
		ret = add(planner, frame->name, "on the crash chain", err);
		left--;
	}
	if (!ret && left == values[0].u64) {
		ktstr_err_set(err, -ENOENT, "no function of the kernel's is on the crash chain");
		return KTSTR_PROBE_IDLE;
	}
	return ret;
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = kernel_exit_plan,
};

static const struct ktstr_plugin kernel_exit = {
	.size = sizeof(kernel_exit),
	.kind = KTSTR_KIND_PROBE,
	.name = "kernel-exit",
	.summary = "functions of the crash chain, as they return",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-kernel-exit", PLUGIN_VERSION, &kernel_exit);
