/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/schedstat: what /proc/schedstat says of each CPU (kernel/sched/stats.c). A sample's field
 *"cpus" is an array of maps in CPU order:
 *
 *	run_delay	ns that tasks waited for this CPU
 *	pcount		times that a task got it
 *	yld_count, sched_count, sched_goidle, ttwu_count, ttwu_local
 *
 * The second line stands still while the guest's kernel.sched_schedstats is 0.
 */
#include <ktstr/resolve.h>

enum { RUN_DELAY, PCOUNT, YLD_COUNT, SCHED_COUNT, SCHED_GOIDLE, TTWU_COUNT, TTWU_LOCAL, N_PATHS };
static const char *const names[N_PATHS] = {
	[RUN_DELAY] = "rq.rq_sched_info.run_delay",
	[PCOUNT] = "rq.rq_sched_info.pcount",
	[YLD_COUNT] = "rq.yld_count",
	[SCHED_COUNT] = "rq.sched_count",
	[SCHED_GOIDLE] = "rq.sched_goidle",
	[TTWU_COUNT] = "rq.ttwu_count",
	[TTWU_LOCAL] = "rq.ttwu_local",
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	uint64_t runqueues;
	bool told;
};

static void schedstat_destroy(struct ktstr_monitor *m)
{
	free(m);
}

static int schedstat_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			     struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	int ret;

	(void)values;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	ret = view->guest_ops->symbol(view->guest, "runqueues", &m->runqueues, err);
	/* A kernel without CONFIG_SCHED_INFO has none of them. */
	if (!ret)
		ret = view->guest_ops->path(view->guest, names[RUN_DELAY], &m->paths[RUN_DELAY],
					    err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(schedstat)

static int schedstat_sample(struct ktstr_monitor *m, struct ktstr_buf *fields,
			    struct ktstr_err *err)
{
	(void)err;
	if (!m->told)
		ktstr_put_absent(fields, names, m->paths, N_PATHS);
	m->told = true;
	ktstr_put_array(fields, "cpus");
	for (unsigned cpu = 0; cpu < ktstr_topology_cpus(m->view->topology); cpu++) {
		uint64_t rq = m->view->guest_ops->cpu(m->view->guest, m->runqueues, cpu);

		ktstr_put_map(fields, NULL);
		for (size_t i = 0; i < N_PATHS; i++)
			ktstr_put_number(fields, strrchr(names[i], '.') + 1, m->view, &m->paths[i],
					 rq);
		ktstr_put_end(fields);
	}
	ktstr_put_end(fields);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = schedstat_create,
	.sample = schedstat_sample,
	.destroy = schedstat_destroy,
};

static const struct ktstr_plugin schedstat = {
	.size = sizeof(schedstat),
	.kind = KTSTR_KIND_MONITOR,
	.name = "schedstat",
	.summary = "each CPU's scheduling statistics",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-schedstat", PLUGIN_VERSION, &schedstat);
