/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/tasks: the tasks that wait longest for a CPU, of class ext and of class fair. Fields:
 *
 *	waiting		how many wait
 *	tasks		the longest waiting of them: array of maps with pid, comm, cpu (whose run
 *queue), class, wait_ns, and dsq (id) when it is in one
 *	partial		there were too many to look at
 *
 * Since when a task waits is sched_info.last_queued, which is 0 while it runs; "now" is its run
 *queue's clock.
 */
#include <ktstr/resolve.h>

#define COUNT_MAX 64
#define TASKS_MAX 16384		/* looked at in a sample */

enum { P_COUNT };
static const struct ktstr_param params[] = {
	[P_COUNT] = { .name = "count",
		      .type = KTSTR_PARAM_UINT,
		      .def = "8",
		      .min = 1,
		      .max = COUNT_MAX,
		      .help = "how many of the longest waiting tasks" },
};

enum { CLOCK, SCX_LIST, SCX_NODE, FAIR_LIST, FAIR_NODE, QUEUED, PID, COMM, DSQ, DSQ_ID, N_PATHS };
static const char *const names[N_PATHS] = {
	[CLOCK] = "rq.clock",
	[SCX_LIST] = "rq.scx.runnable_list",
	[SCX_NODE] = "task_struct.scx.runnable_node",
	[FAIR_LIST] = "rq.cfs_tasks",
	[FAIR_NODE] = "task_struct.se.group_node",
	[QUEUED] = "task_struct.sched_info.last_queued",
	[PID] = "task_struct.pid",
	[COMM] = "task_struct.comm",
	[DSQ] = "task_struct.scx.dsq",
	[DSQ_ID] = "task_struct.scx.dsq->id",
};

struct waiter {
	uint64_t task, wait_ns;
	unsigned cpu;
	const char *class;
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	uint64_t runqueues;
	struct waiter top[COUNT_MAX];		/* longest first */
	size_t n_top, count;
	uint64_t waiting, seen;
	bool told;
};

static void tasks_destroy(struct ktstr_monitor *m)
{
	free(m);
}

static int tasks_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			 struct ktstr_err *err)
{
	static const unsigned needed[] = { CLOCK, QUEUED, PID };
	const struct ktstr_guest_view *view = m->view;
	int ret;

	m->count = values[P_COUNT].u64;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	ret = view->guest_ops->symbol(view->guest, "runqueues", &m->runqueues, err);
	for (size_t i = 0; !ret && i < sizeof(needed) / sizeof(needed[0]); i++)
		ret = view->guest_ops->path(view->guest, names[needed[i]], &m->paths[needed[i]],
					    err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(tasks)

static void add_task(struct ktstr_monitor *m, const struct waiter *w)
{
	size_t i;

	m->waiting++;
	if (m->n_top == m->count && w->wait_ns <= m->top[m->count - 1].wait_ns)
		return;
	i = m->n_top < m->count ? m->n_top++ : m->count - 1;
	for (; i && m->top[i - 1].wait_ns < w->wait_ns; i--)
		m->top[i] = m->top[i - 1];
	m->top[i] = *w;
}

/* The list may change under us: it ends at its head, at what cannot be read, or when enough was
 * seen. */
static void walk_list(struct ktstr_monitor *m, uint64_t rq, unsigned cpu, unsigned list,
		      unsigned node, const char *class)
{
	uint64_t head, at, clock, queued;

	if (!m->paths[list].there || !m->paths[node].there ||
	    !m->view->guest_ops->follow(m->view->guest, &m->paths[list], rq, &head) ||
	    !ktstr_read(m->view, &m->paths[CLOCK], rq, &clock))
		return;
	for (at = ktstr_read_pointer(m->view, head); at && at != head && m->seen < TASKS_MAX;
	     m->seen++) {
		struct waiter w = { .task = at - m->paths[node].offset[0],
				    .cpu = cpu,
				    .class = class };

		if (!ktstr_read(m->view, &m->paths[QUEUED], w.task, &queued))
			return;
		w.wait_ns = clock > queued ? clock - queued : 0;
		if (queued)
			add_task(m, &w);
		at = ktstr_read_pointer(m->view, at);
	}
}

static void put_task(struct ktstr_monitor *m, struct ktstr_buf *fields, const struct waiter *w)
{
	ktstr_put_map(fields, NULL);
	ktstr_put_number(fields, "pid", m->view, &m->paths[PID], w->task);
	ktstr_put_name(fields, "comm", m->view, &m->paths[COMM], w->task);
	ktstr_put_u64(fields, "cpu", w->cpu);
	ktstr_put_str(fields, "class", w->class);
	ktstr_put_u64(fields, "wait_ns", w->wait_ns);
	ktstr_put_number(fields, "dsq", m->view, &m->paths[DSQ_ID], w->task);
	ktstr_put_end(fields);
}

static int tasks_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	(void)err;
	if (!m->told)
		ktstr_put_absent(fields, names, m->paths, N_PATHS);
	m->told = true;
	m->n_top = 0;
	m->waiting = m->seen = 0;
	for (unsigned cpu = 0; cpu < ktstr_topology_cpus(m->view->topology); cpu++) {
		uint64_t rq = m->view->guest_ops->cpu(m->view->guest, m->runqueues, cpu);

		walk_list(m, rq, cpu, SCX_LIST, SCX_NODE, "ext");
		walk_list(m, rq, cpu, FAIR_LIST, FAIR_NODE, "fair");
	}
	ktstr_put_u64(fields, "waiting", m->waiting);
	ktstr_put_array(fields, "tasks");
	for (size_t i = 0; i < m->n_top; i++)
		put_task(m, fields, &m->top[i]);
	ktstr_put_end(fields);
	if (m->seen >= TASKS_MAX)
		ktstr_put_bool(fields, "partial", true);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = tasks_create,
	.sample = tasks_sample,
	.destroy = tasks_destroy,
};

static const struct ktstr_plugin tasks = {
	.size = sizeof(tasks),
	.kind = KTSTR_KIND_MONITOR,
	.name = "tasks",
	.summary = "the tasks that wait longest for a CPU",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-tasks", PLUGIN_VERSION, &tasks);
