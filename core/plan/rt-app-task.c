/* SPDX-License-Identifier: GPL-2.0-only */
/* A task of an rt-app file, whose times are in microseconds, as workers of a pipeline. */
#include "plan/rt-app.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "config.h"

#define TIME_MAX_US 3600000000ll	/* what a phase may last */
#define LOOPS_MAX 1000000
#define ROUNDS_MAX 1000000000
#define ENTRIES_MAX 12			/* of the mapping that is made */
#define POLICY_ENTRIES 5
#define RT_PRIORITY 10			/* rt-app's default of those policies */

struct task {
	struct ktstr_reader *r;
	const struct ktstr_node *node;	/* its object */
	const char *timer;		/* the name of its timer; NULL: none yet */
	struct ktstr_buf phases;	/* as the workload takes them */
	struct ktstr_entry entries[ENTRIES_MAX], policy[POLICY_ENTRIES];
	size_t n, n_policy;
	long long instances;
	const struct ktstr_entry *cpus, *nodes, *policy_name, *priority;
	const struct ktstr_entry *dl[3];	/* runtime, deadline, period */
};

/* The object that is read: the task's own, or a phase. */
struct part {
	bool is_phase;
	long long loop;			/* as it says */
	struct ktstr_buf events;
};

typedef bool part_fn(struct task *t, struct part *part, const struct ktstr_entry *entry);

/* ---- what is made ---- */

static const struct ktstr_node *make_text(struct task *t, const struct ktstr_node *at,
					  const char *text)
{
	struct ktstr_node *node = ktstr_reader_alloc(t->r, 1, sizeof(*node));
	const char *kept = text ? ktstr_arena_strndup(t->r->arena, text, strlen(text)) : NULL;

	if (!node || !kept) {
		t->r->nomem = true;
		return NULL;
	}
	*node = (struct ktstr_node){ .type = KTSTR_NODE_SCALAR, .at = at->at,
				     .text = kept, .total = 1 };
	return node;
}

__attribute__((format(printf, 5, 6)))
static bool put_to(struct task *t, struct ktstr_entry *entry, const char *key,
		   const struct ktstr_node *at, const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = ktstr_buf_steal_str(&b);
	*entry = (struct ktstr_entry){ key, at->at, make_text(t, at, text) };
	return entry->value;
}

#define put(t, key, at, ...) put_to(t, &(t)->entries[(t)->n++], key, at, __VA_ARGS__)
#define put_policy(t, key, at, ...) put_to(t, &(t)->policy[(t)->n_policy++], key, at, __VA_ARGS__)

static bool put_mapping(struct task *t, const char *key, const struct ktstr_node *at,
			const struct ktstr_entry *entries, size_t n)
{
	struct ktstr_node *node = ktstr_reader_alloc(t->r, 1, sizeof(*node));
	struct ktstr_entry *kept = ktstr_reader_alloc(t->r, n, sizeof(*kept));

	if (!node || !kept)
		return false;
	memcpy(kept, entries, n * sizeof(*kept));
	*node = (struct ktstr_node){ .type = KTSTR_NODE_MAPPING, .at = at->at, .height = 1,
				     .n = n, .entries = kept, .total = n + 1 };
	t->entries[t->n++] = (struct ktstr_entry){ key, at->at, node };
	return true;
}

__attribute__((format(printf, 3, 4)))
static bool problem(struct task *t, const struct ktstr_entry *entry, const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = ktstr_buf_steal_str(&b);
	ktstr_problem_add(t->r->problems, &entry->at, "`%.80s`: %s", entry->key,
			  text ? text : "");
	return false;
}

/* ---- events ---- */

static void add_event(struct part *part, const char *kind, long long us)
{
	ktstr_buf_printf(&part->events, "%s%s", part->events.len ? ", " : "", kind);
	if (us)
		ktstr_buf_printf(&part->events, " %lldus", us);
}

/* One that takes no time is none. */
static bool timed_event(struct task *t, struct part *part, const struct ktstr_entry *entry,
			const char *kind)
{
	long long us;

	if (!ktstr_rt_app_number(t->r, entry, 0, TIME_MAX_US, &us))
		return false;
	if (us)
		add_event(part, kind, us);
	return true;
}

static bool run_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	return timed_event(t, part, entry, "run");
}

static bool runtime_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	return timed_event(t, part, entry, "spin");
}

static bool sleep_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	return timed_event(t, part, entry, "sleep");
}

static bool yield_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)t, (void)entry;
	add_event(part, "yield", 0);
	return true;
}

/* A timer of another name than "unique" is one for all who name it: here each worker has its own. */
static bool check_timer(struct task *t, const struct ktstr_entry *ref)
{
	if (ref->value->type != KTSTR_NODE_SCALAR)
		return problem(t, ref, "expected the timer's name");
	if (t->timer && strcmp(t->timer, ref->value->text))
		return problem(t, ref, "a second timer, after \"%.40s\", in a task: a worker has one",
			       t->timer);
	t->timer = ref->value->text;
	if (strncmp(t->timer, "unique", strlen("unique")) && t->instances > 1)
		return problem(t, ref, "\"%.40s\" is one timer for all instances of the task: each "
			       "worker has its own here; write \"unique\"", t->timer);
	return true;
}

static bool read_timer(struct task *t, const struct ktstr_entry *entry,
		       const struct ktstr_entry **ret_period, bool *ret_absolute)
{
	const struct ktstr_entry *ref = NULL;

	*ret_period = NULL;
	for (size_t i = 0; i < entry->value->n; i++) {
		const struct ktstr_entry *e = &entry->value->entries[i];
		bool mode = !strcmp(e->key, "mode") && e->value->type == KTSTR_NODE_SCALAR;

		if (!strcmp(e->key, "ref"))
			ref = e;
		else if (!strcmp(e->key, "period"))
			*ret_period = e;
		else if (mode && !strcmp(e->value->text, "absolute"))
			*ret_absolute = true;
		else if (!mode || strcmp(e->value->text, "relative"))
			return problem(t, e, "a timer has `ref`, `period`, and `mode` \"relative\" or "
				       "\"absolute\"");
	}
	if (!ref || !*ret_period)
		return problem(t, entry, "a timer needs `ref` and `period`");
	return check_timer(t, ref);
}

static bool timer_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	const struct ktstr_entry *period;
	bool absolute = false;
	long long us;

	if (!ktstr_reader_expect(t->r, entry->value, KTSTR_NODE_MAPPING,
				 "an object with `ref` and `period`") ||
	    !read_timer(t, entry, &period, &absolute) ||
	    !ktstr_rt_app_number(t->r, period, 1, TIME_MAX_US, &us))
		return false;
	add_event(part, absolute ? "timer-absolute" : "timer", us);
	return true;
}

static bool foreign_event(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	return problem(t, entry, "an event without a counterpart (those that have one: run, runtime, "
		       "sleep, timer, yield); `rt-app` under `payloads` has rt-app itself run the "
		       "file");
}

/* An event's name may have something behind it, to tell it from others: run0. */
static const struct { const char *name; part_fn *read; } events[] = {
	{ "run", run_event }, { "runtime", runtime_event }, { "sleep", sleep_event },
	{ "timer", timer_event }, { "yield", yield_event }, { "lock", foreign_event },
	{ "unlock", foreign_event }, { "wait", foreign_event }, { "signal", foreign_event },
	{ "broad", foreign_event }, { "sync", foreign_event }, { "barrier", foreign_event },
	{ "suspend", foreign_event }, { "resume", foreign_event }, { "mem", foreign_event },
	{ "iorun", foreign_event }, { "fork", foreign_event },
};

static part_fn *find_event(const char *key)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz");

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(events); i++)
		if (strlen(events[i].name) == len && !strncmp(events[i].name, key, len))
			return events[i].read;
	return NULL;
}

/* ---- properties ---- */

static bool read_part(struct task *t, struct part *part, const struct ktstr_node *node);

static void add_part(struct task *t, struct part *part)
{
	if (!part->events.len)
		return;
	ktstr_buf_puts(&t->phases, t->phases.len ? ", " : "");
	if (part->loop > 1)
		ktstr_buf_printf(&t->phases, "%lld * (%.*s)", part->loop, (int)part->events.len,
				 (const char *)part->events.data);
	else
		ktstr_buf_add(&t->phases, part->events.data, part->events.len);
}

static bool phases(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	bool ok = ktstr_reader_expect(t->r, entry->value, KTSTR_NODE_MAPPING, "an object of phases");

	(void)part;
	for (size_t i = 0; ok && i < entry->value->n; i++) {
		const struct ktstr_node *node = entry->value->entries[i].value;
		struct part phase = { .is_phase = true, .loop = 1 };

		ok = ktstr_reader_expect(t->r, node, KTSTR_NODE_MAPPING, "an object of events");
		ok = ok && read_part(t, &phase, node);
		add_part(t, &phase);
		t->r->nomem |= phase.events.failed;
		ktstr_buf_free(&phase.events);
	}
	return ok;
}

/* -1: for ever, which a phase that others follow cannot be. */
static bool loop(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	bool ok = ktstr_rt_app_number(t->r, entry, part->is_phase ? 1 : -1,
				      part->is_phase ? LOOPS_MAX : ROUNDS_MAX, &part->loop);

	if (ok && !part->loop)
		ok = problem(t, entry, "expected a number of rounds, or -1 for no end");
	if (ok && !part->is_phase && part->loop > 0)
		ok = put(t, "rounds", entry->value, "%lld", part->loop);
	return ok;
}

static bool instance(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)t, (void)part, (void)entry;
	return true;		/* it was read first */
}

static bool delay(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	long long us;

	(void)part;
	return ktstr_rt_app_number(t->r, entry, 0, TIME_MAX_US, &us) &&
	       put(t, "delay", entry->value, "%lldus", us);
}

static bool dl_time(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	t->dl[!strcmp(entry->key, "dl-runtime") ? 0 : !strcmp(entry->key, "dl-deadline") ? 1 : 2] =
		entry;
	return true;
}

static bool keep_cpus(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	t->cpus = entry;
	return true;
}

static bool keep_nodes(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	t->nodes = entry;
	return true;
}

static bool keep_policy(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	t->policy_name = entry;
	return true;
}

static bool keep_priority(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	t->priority = entry;
	return true;
}

static bool no_clamp(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	return problem(t, entry, "utilization clamps have no counterpart here");
}

static bool no_taskgroup(struct task *t, struct part *part, const struct ktstr_entry *entry)
{
	(void)part;
	if (entry->value->type == KTSTR_NODE_SCALAR && !*entry->value->text)
		return true;	/* none */
	return problem(t, entry, "cgroups are those of the pipeline: put the task's workers into "
		       "one by `tasks`");
}

static const struct { const char *name; part_fn *read; bool in_phase; } properties[] = {
	{ "loop", loop, true }, { "phases", phases, false }, { "instance", instance, false },
	{ "delay", delay, false }, { "policy", keep_policy, false },
	{ "priority", keep_priority, false }, { "cpus", keep_cpus, false },
	{ "membind_nodes", keep_nodes, false }, { "nodes_membind", keep_nodes, false },
	{ "dl-runtime", dl_time, false }, { "dl-deadline", dl_time, false },
	{ "dl-period", dl_time, false }, { "util_min", no_clamp, true },
	{ "util_max", no_clamp, true }, { "taskgroup", no_taskgroup, true },
};

/* ---- an object ---- */

static bool unknown(struct task *t, const struct ktstr_entry *entry)
{
	const char *names[KTSTR_ARRAY_SIZE(properties) + KTSTR_ARRAY_SIZE(events)];
	size_t n = 0;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(properties); i++)
		names[n++] = properties[i].name;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(events); i++)
		names[n++] = events[i].name;
	ktstr_problem_add(t->r->problems, &entry->at, "unknown key `%.80s`%s",
			  entry->key, ktstr_reader_suggest(t->r, entry->key, names, n));
	return false;
}

static bool read_entry(struct task *t, struct part *part, const struct ktstr_node *node,
		       const struct ktstr_entry *entry)
{
	part_fn *read = find_event(entry->key);

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(properties); i++) {
		if (strcmp(properties[i].name, entry->key))
			continue;
		if (part->is_phase && !properties[i].in_phase)
			return problem(t, entry, "a worker has it from its begin to its end: give it "
				       "to the task, not to a phase");
		if (ktstr_node_entry(node, entry->key) != entry)
			return problem(t, entry, "stands here a second time");
		return properties[i].read(t, part, entry);
	}
	return read ? read(t, part, entry) : unknown(t, entry);
}

static bool read_part(struct task *t, struct part *part, const struct ktstr_node *node)
{
	bool ok = true;

	for (size_t i = 0; i < node->n; i++)
		ok &= read_entry(t, part, node, &node->entries[i]);
	return ok;
}

/* ---- where and how it runs ---- */

/* [0, 2] as "0,2"; NULL with a problem. */
static char *number_list(struct task *t, const struct ktstr_entry *list)
{
	struct ktstr_buf b = { 0 };
	bool ok = ktstr_reader_expect(t->r, list->value, KTSTR_NODE_SEQUENCE, "a list of numbers");

	if (ok && !list->value->n)
		ok = problem(t, list, "an empty list");
	for (size_t i = 0; ok && i < list->value->n; i++) {
		struct ktstr_entry item = list->value->entries[i];
		long long n;

		item.key = list->key;
		ok = ktstr_rt_app_number(t->r, &item, 0, 8191, &n);
		if (ok)
			ktstr_buf_printf(&b, "%s%lld", i ? "," : "", n);
	}
	if (!ok) {
		ktstr_buf_free(&b);
		return NULL;
	}
	return ktstr_buf_steal_str(&b);
}

static bool put_places(struct task *t)
{
	_cleanup_free_ char *cpus = t->cpus ? number_list(t, t->cpus) : NULL;
	_cleanup_free_ char *nodes = t->nodes ? number_list(t, t->nodes) : NULL;
	struct ktstr_entry memory[2];

	if (t->cpus && (!cpus || !put(t, "affinity", t->cpus->value, "%s", cpus)))
		return false;
	if (!t->nodes)
		return true;
	return nodes && put_to(t, &memory[0], "mode", t->nodes->value, "bind") &&
	       put_to(t, &memory[1], "nodes", t->nodes->value, "%s", nodes) &&
	       put_mapping(t, "mempolicy", t->nodes->value, memory, 2);
}

/* rt-app's defaults: the period is the runtime, the deadline the period. */
static bool put_deadline(struct task *t, const struct ktstr_node *at)
{
	static const char *const keys[] = { "runtime", "deadline", "period" };

	if (!t->dl[0])
		return ktstr_reader_problem(t->r, at, "SCHED_DEADLINE needs `dl-runtime`");
	for (int i = 0; i < 3; i++) {
		const struct ktstr_entry *entry = t->dl[i] ? t->dl[i] : i == 2 ? t->dl[0] : NULL;
		long long us;

		if (!entry)
			continue;
		if (!ktstr_rt_app_number(t->r, entry, 1, TIME_MAX_US, &us) ||
		    !put_policy(t, keys[i], entry->value, "%lldus", us))
			return false;
	}
	return true;
}

static bool put_priority(struct task *t, const struct ktstr_node *at, const char *class)
{
	bool rt = !strcmp(class, "fifo") || !strcmp(class, "rr");
	long long n = RT_PRIORITY;

	if (t->priority && !ktstr_rt_app_number(t->r, t->priority, rt ? 1 : -20, rt ? 99 : 19, &n))
		return false;
	if (t->priority)
		at = t->priority->value;
	if (rt)
		return put_policy(t, "priority", at, "%lld", n);
	return !t->priority || !strcmp(class, "deadline") || put(t, "nice", at, "%lld", n);
}

static const char *class_of(const char *policy)
{
	static const char *const names[][2] = {
		{ "SCHED_OTHER", "normal" }, { "SCHED_BATCH", "batch" }, { "SCHED_IDLE", "idle" },
		{ "SCHED_FIFO", "fifo" }, { "SCHED_RR", "rr" }, { "SCHED_DEADLINE", "deadline" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++)
		if (!strcmp(names[i][0], policy))
			return names[i][1];
	return NULL;
}

static bool put_sched(struct task *t, const struct ktstr_node *default_policy)
{
	const struct ktstr_node *at = t->policy_name ? t->policy_name->value : default_policy;
	const char *class = "normal";

	if (at) {
		class = at->type == KTSTR_NODE_SCALAR ? class_of(at->text) : NULL;
		if (!class)
			return ktstr_reader_problem(t->r, at, "no policy: expected SCHED_OTHER, "
						    "SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR or "
						    "SCHED_DEADLINE");
		if (!put_policy(t, "policy", at, "%s", class))
			return false;
	}
	if (at && !strcmp(class, "deadline") && !put_deadline(t, at))
		return false;
	return put_priority(t, at ? at : t->node, class) &&
	       (!at || put_mapping(t, "sched", at, t->policy, t->n_policy));
}

/* ---- the task ---- */

static bool read_instances(struct task *t)
{
	const struct ktstr_entry *entry = ktstr_node_entry(t->node, "instance");

	t->instances = 1;
	return !entry || ktstr_rt_app_number(t->r, entry, 0, 4096, &t->instances);
}

static bool make(struct task *t, const struct ktstr_entry *task,
		 const struct ktstr_node *default_policy)
{
	struct part own = { .loop = -1 };
	bool ok = read_part(t, &own, t->node), events = own.events.len;

	own.loop = 1;		/* that of a task is its rounds */
	add_part(t, &own);
	t->r->nomem |= own.events.failed;
	ktstr_buf_free(&own.events);
	if (ok && events && ktstr_node_entry(t->node, "phases"))
		ok = problem(t, task, "events beside `phases`: they belong into a phase");
	if (ok && !t->phases.len)
		ok = problem(t, task, "a task without an event that takes time");
	return ok && put(t, "workload", t->node, "%s", PHASES_WORKLOAD) &&
	       put(t, "count", t->node, "%lld", t->instances) &&
	       put(t, "name", t->node, "%s", task->key) &&
	       put(t, "phases", t->node, "%.*s", (int)t->phases.len,
		   (const char *)t->phases.data) &&
	       put_places(t) && put_sched(t, default_policy);
}

bool ktstr_rt_app_task(struct ktstr_reader *r, const struct ktstr_entry *task,
		       const struct ktstr_node *default_policy, struct ktstr_node *ret_node)
{
	struct task t = { .r = r, .node = task->value };
	struct ktstr_entry *entries;
	bool ok;

	if (!ktstr_reader_expect(r, task->value, KTSTR_NODE_MAPPING, "an object of events"))
		return false;
	*ret_node = (struct ktstr_node){ .type = KTSTR_NODE_MAPPING, .at = task->at };
	ok = read_instances(&t) && make(&t, task, default_policy);
	r->nomem |= t.phases.failed;
	ktstr_buf_free(&t.phases);
	entries = ok && t.instances ? ktstr_reader_alloc(r, t.n, sizeof(*entries)) : NULL;
	if (!entries)
		return ok && !t.instances;
	memcpy(entries, t.entries, t.n * sizeof(*entries));
	ret_node->entries = entries;
	ret_node->n = t.n;
	return true;
}
