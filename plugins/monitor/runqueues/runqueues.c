/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/runqueues: each CPU's run queue (struct rq of kernel/sched/sched.h), what runs there, and
 *its local DSQ. A sample's field "cpus" is an array of maps in CPU order:
 *
 *	nr_running, scx_nr_running, local_dsq (tasks in the local DSQ), clock (ns, old on an idle
 *CPU), scx_flags, pid, comm, class (of what runs: stop, dl, rt, fair, ext, idle)
 */
#include <ktstr/resolve.h>

enum {
	NR_RUNNING, CLOCK, CURR, SCX_NR_RUNNING, LOCAL_DSQ, SCX_FLAGS, PID, COMM, CLASS, N_PATHS,
};

static const char *const names[N_PATHS] = {
	[NR_RUNNING] = "rq.nr_running", [CLOCK] = "rq.clock", [CURR] = "rq.curr",
	[SCX_NR_RUNNING] = "rq.scx.nr_running", [LOCAL_DSQ] = "rq.scx.local_dsq.nr",
	[SCX_FLAGS] = "rq.scx.flags", [PID] = "task_struct.pid", [COMM] = "task_struct.comm",
	[CLASS] = "task_struct.sched_class",
};

static const struct { const char *symbol, *name;
} classes[] = {
	{ "stop_sched_class", "stop" }, { "dl_sched_class", "dl" },
	{ "rt_sched_class", "rt" },	{ "fair_sched_class", "fair" },
	{ "ext_sched_class", "ext" },	{ "idle_sched_class", "idle" },
};
#define N_CLASSES (sizeof(classes) / sizeof(classes[0]))

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	uint64_t classes[N_CLASSES];
	uint64_t *rqs;			/* a CPU's run queue never moves */
	unsigned cpus;
	bool told;			/* what is absent */
};

static void runqueues_destroy(struct ktstr_monitor *m)
{
	free(m->rqs);
	free(m);
}

static int find_rqs(struct ktstr_monitor *m, struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	uint64_t runqueues;
	int ret = view->guest_ops->symbol(view->guest, "runqueues", &runqueues, err);

	if (ret)
		return ret;
	if (!m->paths[NR_RUNNING].there)
		return view->guest_ops->path(view->guest, names[NR_RUNNING], &m->paths[NR_RUNNING],
					     err);
	m->cpus = ktstr_topology_cpus(view->topology);
	m->rqs = calloc(m->cpus, sizeof(*m->rqs));
	if (!m->rqs)
		return ktstr_err_nomem(err);
	for (unsigned cpu = 0; cpu < m->cpus; cpu++)
		m->rqs[cpu] = view->guest_ops->cpu(view->guest, runqueues, cpu);
	return 0;
}

static int runqueues_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			     struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	int ret;

	(void)values;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	for (size_t i = 0; i < N_CLASSES; i++)
		m->classes[i] = ktstr_symbol(view, classes[i].symbol);
	ret = find_rqs(m, err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(runqueues)

static void put_task(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t task)
{
	uint64_t class;

	ktstr_put_number(fields, "pid", m->view, &m->paths[PID], task);
	ktstr_put_name(fields, "comm", m->view, &m->paths[COMM], task);
	if (!ktstr_read(m->view, &m->paths[CLASS], task, &class))
		return;
	for (size_t i = 0; i < N_CLASSES; i++)
		if (class && class == m->classes[i])
			ktstr_put_str(fields, "class", classes[i].name);
}

static void put_cpu(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t rq)
{
	static const struct { const char *key; unsigned path;
	} numbers[] = {
		{ "nr_running", NR_RUNNING }, { "scx_nr_running", SCX_NR_RUNNING },
		{ "local_dsq", LOCAL_DSQ },   { "clock", CLOCK },
		{ "scx_flags", SCX_FLAGS },
	};
	uint64_t task;

	ktstr_put_map(fields, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ktstr_put_number(fields, numbers[i].key, m->view, &m->paths[numbers[i].path], rq);
	if (ktstr_read(m->view, &m->paths[CURR], rq, &task))
		put_task(m, fields, task);
	ktstr_put_end(fields);
}

static int runqueues_sample(struct ktstr_monitor *m, struct ktstr_buf *fields,
			    struct ktstr_err *err)
{
	(void)err;
	if (!m->told)
		ktstr_put_absent(fields, names, m->paths, N_PATHS);
	m->told = true;
	ktstr_put_array(fields, "cpus");
	for (unsigned cpu = 0; cpu < m->cpus; cpu++)
		put_cpu(m, fields, m->rqs[cpu]);
	ktstr_put_end(fields);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = runqueues_create,
	.sample = runqueues_sample,
	.destroy = runqueues_destroy,
	.by_default = true,
};

static const struct ktstr_plugin runqueues = {
	.size = sizeof(runqueues),
	.kind = KTSTR_KIND_MONITOR,
	.name = "runqueues",
	.summary = "each CPU's run queue, local DSQ and running task",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-runqueues", PLUGIN_VERSION, &runqueues);
