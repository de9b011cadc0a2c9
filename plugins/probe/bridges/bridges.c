/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe/bridges: the functions of the kernel that call the scheduler's callbacks, and those by which its programs
 * place a task. What a callback is called for, and the task, are known there by the kernel's own names on
 * every kernel: which of the names it has, its BTF says.
 */
#include <ktstr/probe.h>

#include <errno.h>
#include <stdio.h>

#define NAMES 4

/* kernel/sched/ext.c from 6.16 to 7.3. Of the names of a row, one kernel has one. */
static const struct {
	const char *op;
	const char *names[NAMES];
	bool leaves;			/* its return is worth a program of its own */
} bridges[] = {
	{ "select_cpu", { "select_task_rq_scx" }, true },
	{ "enqueue", { "scx_do_enqueue_task", "do_enqueue_task" }, true },
	{ "runnable", { "enqueue_task_scx" }, false },
	{ "quiescent", { "dequeue_task_scx" }, false },
	{ "dispatch", { "scx_dispatch_sched", "balance_one", "do_pick_task_scx", "balance_scx" }, false },
	{ "running", { "set_next_task_scx" }, false },
	{ "stopping", { "put_prev_task_scx" }, false },
	{ "tick", { "task_tick_scx" }, false },
	{ "yield", { "yield_task_scx" }, false },
	{ "set_cpumask", { "set_cpus_allowed_scx" }, false },
	{ "set_weight", { "reweight_task_scx" }, false },
	{ "init_task", { "scx_init_task", "__scx_init_task" }, false },
	{ "enable", { "scx_enable_task", "__scx_enable_task" }, false },
	{ "exit_task", { "scx_exit_task", "scx_disable_and_exit_task" }, false },
	{ NULL, { "scx_bpf_dsq_insert" }, false },
	{ NULL, { "scx_bpf_dsq_insert___v2" }, false },
	{ NULL, { "scx_bpf_dsq_insert_vtime", "__scx_bpf_dsq_insert_vtime" }, false },
	{ NULL, { "scx_dispatch_enqueue", "dispatch_enqueue" }, false },
};

static int add(struct ktstr_planner *planner, size_t i, const char *name, struct ktstr_err *err)
{
	char why[64];
	struct ktstr_point point = {
		.size = sizeof(point), .at = KTSTR_POINT_ENTRY, .target = KTSTR_TARGET_KERNEL,
		.function = name, .op = bridges[i].op, .why = why,
	};
	int ret;

	if (bridges[i].op)
		snprintf(why, sizeof(why), "calls ops.%s", bridges[i].op);
	else
		snprintf(why, sizeof(why), "places a task");
	ret = planner->add(planner, &point, err);
	point.at = KTSTR_POINT_EXIT;
	return ret || !bridges[i].leaves ? ret : planner->add(planner, &point, err);
}

static int bridges_plan(struct ktstr_planner *planner, const struct ktstr_value *values, struct ktstr_err *err)
{
	int ret = 0;

	(void)values;
	for (size_t i = 0; !ret && i < sizeof(bridges) / sizeof(bridges[0]); i++)
		for (size_t n = 0; n < NAMES && bridges[i].names[n]; n++) {
			if (!planner->has(planner, KTSTR_TARGET_KERNEL, bridges[i].names[n]))
				continue;
			ret = add(planner, i, bridges[i].names[n], err);
			break;
		}
	return ret;
}

static const struct ktstr_probe_ops ops = {
	.size = sizeof(ops),
	.plan = bridges_plan,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_PROBE,
	.name = "bridges",
	.summary = "the kernel's functions that call the scheduler, or that it places tasks by",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("probe-bridges", PLUGIN_VERSION, &plugin);
