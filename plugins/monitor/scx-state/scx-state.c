/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/scx-state: what sched_ext says of itself (kernel/sched/ext). Fields of a sample:
 *
 *	state		of sched_ext as a whole: enabling, enabled, disabling, disabled
 *	enable_seq	how many schedulers have been enabled since boot
 *	root		whether a scheduler is attached; all that follows is of that one
 *	id		its address: another number is another scheduler (a reload)
 *	ops		its name
 *	exit_kind	0 while it runs
 *	bypass_depth, watchdog_timeout (jiffies)
 *	events		map of every counter of struct scx_event_stats, by its name in lower case
 *without SCX_EV_, summed over the CPUs torn		the scheduler changed while it was being
 *read, twice in a row
 *
 * scx_root is read anew at every sample, so that a reload is followed. Where the counters are has
 *changed: scx_sched.event_stats_cpu until 6.17, scx_sched.pcpu->event_stats since; BTF says which.
 */
#include <ktstr/resolve.h>

#include <ctype.h>

#define NAME_SIZE 48
#define EVENTS_MAX 64
#define STATES_MAX 8

enum {
	OPS_NAME, EXIT_KIND, BYPASS_DEPTH, WATCHDOG, PCPU, PCPU_EVENTS, EVENTS_CPU, EVENTS, N_PATHS,
};

static const char *const names[N_PATHS] = {
	[OPS_NAME] = "scx_sched.ops.name", [EXIT_KIND] = "scx_sched.exit_kind.counter",
	[BYPASS_DEPTH] = "scx_sched.bypass_depth", [WATCHDOG] = "scx_sched.watchdog_timeout",
	[PCPU] = "scx_sched.pcpu", [PCPU_EVENTS] = "scx_sched_pcpu.event_stats",
	[EVENTS_CPU] = "scx_sched.event_stats_cpu", [EVENTS] = "scx_event_stats",
};

/* What older kernels have as variables of their own. */
enum { V_ROOT, V_STATE, V_ENABLE_SEQ, V_BYPASS_DEPTH, V_WATCHDOG, N_VARIABLES };
static const char *const variables[N_VARIABLES] = {
	[V_ROOT] = "scx_root",
	[V_STATE] = "scx_enable_state_var",
	[V_ENABLE_SEQ] = "scx_enable_seq",
	[V_BYPASS_DEPTH] = "scx_bypass_depth",
	[V_WATCHDOG] = "scx_watchdog_timeout",
};

struct entry {
	char name[NAME_SIZE];
	int64_t value;		/* offset of a counter, or value of a constant */
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	uint64_t variables[N_VARIABLES];
	struct entry events[EVENTS_MAX], states[STATES_MAX];
	size_t n_events, n_states;
	int64_t sums[EVENTS_MAX];
	bool told;
};

static void scx_destroy(struct ktstr_monitor *m)
{
	free(m);
}

/* ---- resolving ---- */

/* "SCX_EV_ENQ_SKIP_EXITING" -> "enq_skip_exiting" */
static void shorten(char ret[NAME_SIZE], const char *name, const char *prefix)
{
	size_t skip = strncmp(name, prefix, strlen(prefix)) ? 0 : strlen(prefix), i = 0;

	for (name += skip; name[i] && i < NAME_SIZE - 1; i++)
		ret[i] = (char)tolower((unsigned char)name[i]);
	ret[i] = '\0';
}

static void add_event(void *ctx, const char *name, int64_t offset)
{
	struct ktstr_monitor *m = ctx;

	if (m->n_events == EVENTS_MAX || offset < 0 ||
	    offset > (int64_t)(sizeof(m->sums) - sizeof(m->sums[0])))
		return;
	m->events[m->n_events].value = offset;
	shorten(m->events[m->n_events++].name, name, "SCX_EV_");
}

static void add_state(void *ctx, const char *name, int64_t value)
{
	struct ktstr_monitor *m = ctx;

	if (m->n_states == STATES_MAX)
		return;
	m->states[m->n_states].value = value;
	shorten(m->states[m->n_states++].name, name, "SCX_");
}

static int scx_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
		       struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	uint64_t root;
	int ret = view->guest_ops->symbol(view->guest, variables[V_ROOT], &root, err);

	(void)values;
	if (ret)
		return ret;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	for (size_t i = 0; i < N_VARIABLES; i++)
		m->variables[i] = ktstr_symbol(view, variables[i]);
	view->guest_ops->list(view->guest, "scx_event_stats", add_event, m, NULL);
	view->guest_ops->list(view->guest, "scx_enable_state", add_state, m, NULL);
	return 0;
}

KTSTR_DEFINE_MONITOR_CREATE(scx)

/* ---- reading ---- */

/* An int; false when this kernel has no such variable. */
static bool read_variable(const struct ktstr_monitor *m, unsigned variable, void *ret, size_t size)
{
	uint64_t at = m->variables[variable];

	return at && m->view->guest_ops->bytes(m->view->guest, at, ret, size);
}

static uint64_t read_root(const struct ktstr_monitor *m)
{
	return ktstr_read_pointer(m->view, m->variables[V_ROOT]);
}

static uint64_t events_of_cpu(const struct ktstr_monitor *m, uint64_t sch, unsigned cpu)
{
	const struct ktstr_guest_view *v = m->view;
	uint64_t percpu, at;

	if (ktstr_read(v, &m->paths[PCPU], sch, &percpu) && percpu && m->paths[PCPU_EVENTS].there) {
		at = v->guest_ops->cpu(v->guest, percpu, cpu);
		return at && v->guest_ops->follow(v->guest, &m->paths[PCPU_EVENTS], at, &at) ? at
											     : 0;
	}
	return ktstr_read(v, &m->paths[EVENTS_CPU], sch, &percpu)
		       ? v->guest_ops->cpu(v->guest, percpu, cpu)
		       : 0;
}

/* False when a CPU's counters cannot be read: a sum without them would look like a fall. */
static bool sum_events(struct ktstr_monitor *m, uint64_t sch)
{
	int64_t counters[EVENTS_MAX];
	size_t size = m->paths[EVENTS].size;

	if (!m->n_events || !size)
		return false;
	if (size > sizeof(counters))
		size = sizeof(counters);
	memset(m->sums, 0, sizeof(m->sums));
	for (unsigned cpu = 0; cpu < ktstr_topology_cpus(m->view->topology); cpu++) {
		uint64_t at = events_of_cpu(m, sch, cpu);

		if (!at || !m->view->guest_ops->bytes(m->view->guest, at, counters, size))
			return false;
		for (size_t i = 0; i < m->n_events; i++)
			if ((size_t)m->events[i].value + sizeof(counters[0]) <= size)
				m->sums[i] = (int64_t)((uint64_t)m->sums[i] +
						       (uint64_t)counters[m->events[i].value / 8]);
	}
	return true;
}

static void put_events(struct ktstr_monitor *m, struct ktstr_buf *fields)
{
	ktstr_put_map(fields, "events");
	for (size_t i = 0; i < m->n_events; i++)
		ktstr_put_s64(fields, m->events[i].name, m->sums[i]);
	ktstr_put_end(fields);
}

static void put_state(struct ktstr_monitor *m, struct ktstr_buf *fields)
{
	int32_t state;
	int64_t seq;

	if (read_variable(m, V_STATE, &state, sizeof(state)))
		for (size_t i = 0; i < m->n_states; i++)
			if (m->states[i].value == state)
				ktstr_put_str(fields, "state", m->states[i].name);
	if (read_variable(m, V_ENABLE_SEQ, &seq, sizeof(seq)))
		ktstr_put_s64(fields, "enable_seq", seq);
}

static void put_scheduler(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t sch)
{
	uint64_t watchdog;
	int32_t depth;

	ktstr_put_u64(fields, "id", sch);
	ktstr_put_name(fields, "ops", m->view, &m->paths[OPS_NAME], sch);
	ktstr_put_number(fields, "exit_kind", m->view, &m->paths[EXIT_KIND], sch);
	if (!ktstr_put_number(fields, "bypass_depth", m->view, &m->paths[BYPASS_DEPTH], sch) &&
	    read_variable(m, V_BYPASS_DEPTH, &depth, sizeof(depth)))
		ktstr_put_s64(fields, "bypass_depth", depth);
	if (!ktstr_put_number(fields, "watchdog_timeout", m->view, &m->paths[WATCHDOG], sch) &&
	    read_variable(m, V_WATCHDOG, &watchdog, sizeof(watchdog)))
		ktstr_put_u64(fields, "watchdog_timeout", watchdog);
}

static void put_absent(struct ktstr_monitor *m, struct ktstr_buf *fields)
{
	bool counters = m->n_events && (m->paths[EVENTS_CPU].there || m->paths[PCPU_EVENTS].there);
	bool depth = m->paths[BYPASS_DEPTH].there || m->variables[V_BYPASS_DEPTH];

	if (m->told || (counters && depth && m->variables[V_STATE]))
		return;
	ktstr_put_array(fields, "absent");
	if (!counters)
		ktstr_put_str(fields, NULL, "scx_event_stats");
	if (!depth)
		ktstr_put_str(fields, NULL, names[BYPASS_DEPTH]);
	if (!m->variables[V_STATE])
		ktstr_put_str(fields, NULL, variables[V_STATE]);
	ktstr_put_end(fields);
}

static int scx_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	uint64_t sch = read_root(m);
	size_t begin;

	(void)err;
	put_absent(m, fields);
	m->told = true;
	put_state(m, fields);
	begin = fields->len;
	for (int attempt = 0;; attempt++) {
		uint64_t again;

		ktstr_put_bool(fields, "root", sch);
		if (sch)
			put_scheduler(m, fields, sch);
		if (sch && sum_events(m, sch))
			put_events(m, fields);
		again = read_root(m);
		if (again == sch)
			return 0;
		if (attempt) {
			ktstr_put_bool(fields, "torn", true);
			return 0;
		}
		sch = again;
		fields->len = begin;
	}
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = scx_create,
	.sample = scx_sample,
	.destroy = scx_destroy,
	.by_default = true,
};

static const struct ktstr_plugin scx_state = {
	.size = sizeof(scx_state),
	.kind = KTSTR_KIND_MONITOR,
	.name = "scx-state",
	.summary = "sched_ext's state, the attached scheduler and its event counters",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-scx-state", PLUGIN_VERSION, &scx_state);
