/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check-samples JOURNAL: what the monitors read from outside against what the guest itself said in the same run.
 *
 *	- lines "select_cpu=N enqueue=N ..." of scx_ktstr, whose own counters are those of its callbacks, against the
 *	  runs of its BPF programs: not less than two seconds before, not more than at the next sample; of each
 *	  scheduler, when it was reloaded
 *	- lines of /proc/schedstat, which a payload printed, against schedstat and sched-domains in the same way
 *	- lines of debugfs' sched/debug, which a payload printed, against the lengths of queues at about that time
 *	- "Event counters" of the sched_ext dump against the counters of scx-state: the same names, and values between
 *	  those of the last sample of a running scheduler and those after it
 *	- "NAME[PID] failed to run for N s" of the kernel's watchdog against how long that task waited by tasks
 *	- what /sys/kernel/sched_ext said of name and enable_seq against every sample of that scheduler
 *
 * Prints a line per comparison that failed, and how many there were. Exit status 1 when one failed, or when there was
 * too little to compare.
 */
#include "base/vec.h"
#include "wire/journal.h"

#include <ctype.h>
#include <inttypes.h>

#define LAG_NS 2000000000ull	/* of a line on its way from the scheduler to the journal, on a busy host */
#define START_LAG_NS 500000000ull	/* of the word that a payload was started */
#define EVENTS_MAX 64

static unsigned compared, failed;

__attribute__((format(printf, 2, 3)))
static void expect(bool good, const char *fmt, ...)
{
	va_list ap;

	compared++;
	if (good)
		return;
	failed++;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static bool is_sample(const struct ktstr_record *r, const char *monitor)
{
	struct ktstr_str who = { "", 0 };

	return r->type == KTSTR_REC_SAMPLE && ktstr_get_str(&r->fields, "monitor", &who) &&
	       ktstr_str_is(who, monitor);
}

/* The samples of a monitor around a time at which the guest said something: the last one before `from_ns`, when it
 * can have read what it said, and the first one behind `to_ns`. False when one of them is not there. */
static bool around(const struct ktstr_journal *j, const char *monitor, uint64_t from_ns, uint64_t to_ns,
		   struct ktstr_record *ret_before, struct ktstr_record *ret_after)
{
	struct ktstr_record r;
	uint64_t cursor = 0;
	bool before = false;

	while (ktstr_journal_next(j, &cursor, &r)) {
		if (!is_sample(&r, monitor))
			continue;
		if (r.host_ns < from_ns) {
			*ret_before = r;
			before = true;
		} else if (r.host_ns > to_ns) {
			*ret_after = r;
			return before;
		}
	}
	return false;
}

/* ---- callbacks ---- */

#define RELOADS_MAX 8

/* The programs whose runs were compared, one id for each scheduler. */
static uint64_t judged[RELOADS_MAX];
static size_t n_judged;

static void note_judged(uint64_t id)
{
	for (size_t i = 0; i < n_judged; i++)
		if (judged[i] == id)
			return;
	if (n_judged < RELOADS_MAX)
		judged[n_judged++] = id;
}

/* Id and runs of the program ktstr_<op> in a sample; false when it is not there. */
static bool runs_of(const struct ktstr_record *r, const char *op, uint64_t *ret_id, uint64_t *ret)
{
	struct ktstr_fields progs;
	struct ktstr_field f;
	char name[64], want[64];

	snprintf(want, sizeof(want), "ktstr_%s", op);
	if (!ktstr_get_sub(&r->fields, "progs", &progs))
		return false;
	while (ktstr_item_next(&progs, &f))
		if (f.type == KTSTR_FIELD_MAP &&
		    ktstr_get_cstr(&f.sub, "name", name, sizeof(name)) && !strcmp(name, want))
			return ktstr_get_u64(&f.sub, "id", ret_id) && ktstr_get_u64(&f.sub, "cnt", ret);
	return false;
}

static void check_callback(const struct ktstr_journal *j, const char *op, uint64_t said,
			   uint64_t at_ns, uint64_t cpus)
{
	uint64_t before, after, id, id_after;
	struct ktstr_record first, last;

	/* Between two schedulers nothing can be said. */
	if (!around(j, "bpf-progs", at_ns < LAG_NS ? 0 : at_ns - LAG_NS, at_ns, &first, &last) || !runs_of(&first, op, &id, &before) ||
	    !runs_of(&last, op, &id_after, &after) || id != id_after || !before)
		return;
	if (!strcmp(op, "running"))
		note_judged(id);
	/* A run counts when it ends, the scheduler's own counter when it begins. */
	expect(said + cpus >= before && said <= after + cpus,
	       "%s: the scheduler says %" PRIu64 ", samples around it %" PRIu64 " and %" PRIu64, op,
	       said, before, after);
}

static void check_line(const struct ktstr_journal *j, struct ktstr_str line, uint64_t at_ns,
		       uint64_t cpus)
{
	unsigned long long select, enqueue, dispatch, running;
	char text[160];

	snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(line));
	if (sscanf(text, "select_cpu=%llu enqueue=%llu dispatch=%llu running=%llu", &select,
		   &enqueue, &dispatch, &running) != 4)
		return;
	check_callback(j, "select_cpu", select, at_ns, cpus);
	check_callback(j, "enqueue", enqueue, at_ns, cpus);
	check_callback(j, "dispatch", dispatch, at_ns, cpus);
	check_callback(j, "running", running, at_ns, cpus);
}

/* ---- /proc/schedstat ---- */

#define DOMAINS_MAX 8
#define IDLE_TYPES 3
#define VALUES_MAX 64

/* Its lines, version 17: what stands behind the last colon of the payload's. */
struct schedstat {
	uint64_t from_ns, to_ns;		/* before it was read, and when the last line came */
	struct {
		char name[16];
		uint64_t count[IDLE_TYPES];	/* lb_count of all CPUs, by idle type */
	} domains[DOMAINS_MAX];
	size_t n;
	unsigned cpus;
};

static size_t read_values(const char *text, uint64_t values[VALUES_MAX])
{
	size_t n = 0;
	char *end;

	while (n < VALUES_MAX) {
		values[n] = strtoull(text, &end, 10);
		if (end == text)
			break;
		n++;
		text = end;
	}
	return n;
}

static bool nth_map(const struct ktstr_record *r, const char *list, size_t n, struct ktstr_fields *ret)
{
	struct ktstr_fields it;
	struct ktstr_field f;

	if (!ktstr_get_sub(&r->fields, list, &it))
		return false;
	while (ktstr_item_next(&it, &f))
		if (!n--) {
			*ret = f.sub;
			return f.type == KTSTR_FIELD_MAP;
		}
	return false;
}

/* "cpu3 0 0 1200 300 ..." */
static void check_cpu_line(const struct ktstr_journal *j, struct schedstat *s, const char *text, uint64_t at_ns)
{
	static const struct {
		const char *key;
		size_t at;
	} keys[] = {
		{ "yld_count", 0 }, { "sched_count", 2 }, { "sched_goidle", 3 }, { "ttwu_count", 4 },
		{ "ttwu_local", 5 }, { "run_delay", 7 }, { "pcount", 8 },
	};
	uint64_t values[VALUES_MAX], before = 0, after = 0;
	struct ktstr_fields first_cpu, last_cpu;
	struct ktstr_record first, last;
	unsigned cpu;
	int used;

	if (sscanf(text, "cpu%u%n", &cpu, &used) != 1 || read_values(text + used, values) < 9)
		return;
	if (!around(j, "schedstat", s->from_ns, at_ns, &first, &last) || !nth_map(&first, "cpus", cpu, &first_cpu) ||
	    !nth_map(&last, "cpus", cpu, &last_cpu)) {
		expect(false, "CPU %u of /proc/schedstat has no samples of schedstat around it", cpu);
		return;
	}
	s->cpus++;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(keys); i++) {
		bool there = ktstr_get_u64(&first_cpu, keys[i].key, &before) &&
			     ktstr_get_u64(&last_cpu, keys[i].key, &after);

		expect(there && values[keys[i].at] >= before && values[keys[i].at] <= after,
		       "%s of CPU %u: /proc/schedstat says %" PRIu64 ", samples around it %" PRIu64 " and %" PRIu64,
		       keys[i].key, cpu, values[keys[i].at], before, after);
	}
}

/* "domain0 MC 00000003 12 11 ...": eleven values for each idle type. */
static void add_domain_line(struct schedstat *s, const char *text, uint64_t at_ns)
{
	uint64_t values[VALUES_MAX];
	char name[16], mask[128];
	size_t i = 0;
	int used;

	if (sscanf(text, "domain%*u %15s %127s%n", name, mask, &used) != 2 ||
	    read_values(text + used, values) < 11 * IDLE_TYPES)
		return;
	while (i < s->n && strcmp(s->domains[i].name, name))
		i++;
	if (i == DOMAINS_MAX)
		return;
	if (i == s->n)
		strcpy(s->domains[s->n++].name, name);
	for (size_t type = 0; type < IDLE_TYPES; type++)
		s->domains[i].count[type] += values[11 * type];
	s->to_ns = at_ns;
}

static void take_schedstat(const struct ktstr_journal *j, struct schedstat *s, struct ktstr_str line, uint64_t at_ns)
{
	static const char path[] = "/proc/schedstat: ";
	char text[1024];

	snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(line));
	if (strncmp(text, path, sizeof(path) - 1))
		return;
	check_cpu_line(j, s, text + sizeof(path) - 1, at_ns);
	add_domain_line(s, text + sizeof(path) - 1, at_ns);
}

/* ---- sched/debug ---- */

/* "cpu#3, 2596.099 MHz", and later, first of the CPU's own queue: "  .nr_running                    : 5". */
struct debug {
	uint64_t from_ns;	/* before it was read */
	unsigned cpu;		/* that is being described; DEBUG_NONE: none */
	unsigned cpus;
};

#define DEBUG_NONE UINT32_MAX

static bool length_of(const struct ktstr_record *r, unsigned cpu, uint64_t *ret)
{
	struct ktstr_fields fields;

	return is_sample(r, "runqueues") && nth_map(r, "cpus", cpu, &fields) &&
	       ktstr_get_u64(&fields, "nr_running", ret);
}

/* Lengths go up and down: what the guest saw is among those that were sampled around then, but for a task that came
 * and went. */
static void check_length(const struct ktstr_journal *j, unsigned cpu, uint64_t said, uint64_t from_ns,
			 uint64_t at_ns)
{
	uint64_t cursor = 0, length, least = UINT64_MAX, most = 0;
	struct ktstr_record r;

	while (ktstr_journal_next(j, &cursor, &r)) {
		if (r.host_ns < from_ns || r.host_ns > at_ns || !length_of(&r, cpu, &length))
			continue;
		least = length < least ? length : least;
		most = length > most ? length : most;
	}
	expect(least <= most && said + 1 >= least && said <= most + 1, "nr_running of CPU %u: the guest says %" PRIu64
	       ", samples around it from %" PRIu64 " to %" PRIu64, cpu, said, least, most);
}

static void take_debug(const struct ktstr_journal *j, struct debug *d, struct ktstr_str line, uint64_t at_ns)
{
	static const char path[] = "/sys/kernel/debug/sched/debug: ";
	unsigned long long length;
	char text[256];

	snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(line));
	if (strncmp(text, path, sizeof(path) - 1) || sscanf(text + sizeof(path) - 1, "cpu#%u", &d->cpu) == 1 ||
	    d->cpu == DEBUG_NONE || sscanf(text + sizeof(path) - 1, " .nr_running : %llu", &length) != 1)
		return;
	check_length(j, d->cpu, length, d->from_ns, at_ns);
	d->cpu = DEBUG_NONE;
	d->cpus++;
}

/* ---- balancing ---- */

/* lb_count of an idle type and a level, in a sample. */
static bool balanced(const struct ktstr_record *r, const char *name, size_t type, uint64_t *ret)
{
	struct ktstr_fields domain, counters, counts;
	struct ktstr_field f;
	char found[16];

	for (size_t i = 0; nth_map(r, "domains", i, &domain); i++) {
		if (!ktstr_get_cstr(&domain, "name", found, sizeof(found)) || strcmp(found, name) ||
		    !ktstr_get_sub(&domain, "counters", &counters) ||
		    !ktstr_get_sub(&counters, "lb_count", &counts))
			continue;
		for (size_t n = 0; ktstr_item_next(&counts, &f); n++)
			if (n == type && f.type == KTSTR_FIELD_U64)
				return *ret = f.u64, true;
	}
	return false;
}

static void check_schedstat(const struct ktstr_journal *j, const struct schedstat *s, uint64_t cpus)
{
	struct ktstr_record first, last;
	uint64_t before = 0, after = 0;

	expect(s->cpus == cpus, "/proc/schedstat has %u CPUs, the guest %" PRIu64, s->cpus, cpus);
	if (!around(j, "sched-domains", s->from_ns, s->to_ns, &first, &last)) {
		expect(false, "no samples of sched-domains around /proc/schedstat");
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		for (size_t type = 0; type < IDLE_TYPES; type++) {
			uint64_t said = s->domains[i].count[type];
			bool there = balanced(&first, s->domains[i].name, type, &before) &&
				     balanced(&last, s->domains[i].name, type, &after);

			expect(there && said >= before && said <= after, "lb_count of %s, idle type %zu: /proc/schedstat "
			       "says %" PRIu64 ", samples around it %" PRIu64 " and %" PRIu64, s->domains[i].name, type,
			       said, before, after);
		}
}

/* ---- events ---- */

struct event {
	char name[64];
	int64_t before, after, dump;
	bool in_sample, in_dump;
};

struct events {
	struct event items[EVENTS_MAX];
	size_t n;
	uint64_t id;			/* of the scheduler that they are of; 0: there was none */
};

static struct event *find(struct events *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->items[i].name, name))
			return &e->items[i];
	if (e->n == EVENTS_MAX)
		return NULL;
	snprintf(e->items[e->n].name, sizeof(e->items[0].name), "%s", name);
	return &e->items[e->n++];
}

/* "   SCX_EV_DISPATCH_KEEP_LAST:       1" */
static void take_dump_line(struct events *e, struct ktstr_str line)
{
	char text[160], name[64];
	long long value;
	struct event *event;

	snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(line));
	if (sscanf(text, " SCX_EV_%63[A-Z_]: %lld", name, &value) != 2)
		return;
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	event = find(e, name);
	if (!event)
		return;
	event->in_dump = true;
	event->dump = value;
}

static void take_events(struct events *e, const struct ktstr_record *r)
{
	struct ktstr_fields it;
	struct ktstr_field f;
	uint64_t kind = 0, id = 0;
	bool fresh;
	char name[64];

	ktstr_get_u64(&r->fields, "exit_kind", &kind);
	ktstr_get_u64(&r->fields, "id", &id);
	fresh = id != e->id;		/* those of another scheduler begin anew */
	e->id = id;
	if (!ktstr_get_sub(&r->fields, "events", &it))
		return;
	while (ktstr_field_next(&it, &f)) {
		struct event *event;

		snprintf(name, sizeof(name), "%.*s", KTSTR_STR_ARG(f.key));
		event = find(e, name);
		if (!event || (f.type != KTSTR_FIELD_U64 && f.type != KTSTR_FIELD_S64))
			continue;
		expect(fresh || !event->in_sample || f.s64 >= event->after, "event %s fell from %" PRId64 " to %" PRId64,
		       name, event->after, f.s64);
		event->in_sample = true;
		event->after = f.s64;
		if (!kind)
			event->before = f.s64;
	}
}

static void check_events(const struct events *e)
{
	bool dumped = false;

	for (size_t i = 0; i < e->n; i++)
		dumped |= e->items[i].in_dump;
	for (size_t i = 0; dumped && i < e->n; i++) {
		const struct event *v = &e->items[i];

		expect(v->in_sample && v->in_dump, "event %s is only in the %s", v->name,
		       v->in_dump ? "dump" : "samples");
		expect(v->before <= v->dump && (v->after == v->before || v->dump <= v->after ||
						!strncmp(v->name, "bypass", 6)),
		       "event %s: the dump says %" PRId64 ", samples %" PRId64 " and %" PRId64,
		       v->name, v->dump, v->before, v->after);
	}
}

/* ---- waiting tasks ---- */

/* How long that task waited in any sample before. */
static uint64_t longest_wait(const struct ktstr_journal *j, uint64_t pid, uint64_t before_ns)
{
	uint64_t cursor = 0, longest = 0;
	struct ktstr_record r;

	while (ktstr_journal_next(j, &cursor, &r) && r.host_ns <= before_ns) {
		struct ktstr_fields it;
		struct ktstr_field f;

		if (!is_sample(&r, "tasks") || !ktstr_get_sub(&r.fields, "tasks", &it))
			continue;
		while (ktstr_item_next(&it, &f)) {
			uint64_t who = 0, wait = 0;

			if (f.type != KTSTR_FIELD_MAP || !ktstr_get_u64(&f.sub, "pid", &who) ||
			    who != pid)
				continue;
			ktstr_get_u64(&f.sub, "wait_ns", &wait);
			longest = wait > longest ? wait : longest;
		}
	}
	return longest;
}

/* Counts that somebody was judged, so that a run without monitor/tasks is none. */
static unsigned check_stall(const struct ktstr_journal *j, struct ktstr_str line, uint64_t at_ns)
{
	const char *says = memmem(line.s, line.len, "] failed to run for ", 20), *pid = says;
	double said = says ? strtod(says + 20, NULL) : 0, seen;

	while (pid > line.s && pid[-1] != '[')
		pid--;
	if (!says || pid == line.s)
		return 0;
	seen = (double)longest_wait(j, strtoull(pid, NULL, 10), at_ns) / 1e9;
	if (!seen)
		return 0;
	expect(seen > said - 1 && seen < said + 1, "%.*s: in samples %.3f s", KTSTR_STR_ARG(line),
	       seen);
	return 1;
}

/* ---- the whole ---- */

/* What the guest told of a scheduler that attached. */
struct told {
	uint64_t seq;
	char ops[64];
	unsigned samples;	/* of it */
};

struct guest {
	uint64_t cpus;
	struct told told[RELOADS_MAX];
	size_t n_told, now;	/* so many of them were told by the time of the record in question */
	struct schedstat schedstat;
	struct debug debug;
	bool saw_worker;
	bool saw_tasks;		/* there are samples of tasks */
	unsigned stalls;	/* that the watchdog told of */
};

/* What every attached scheduler is, before anything is compared. */
static void read_told(const struct ktstr_journal *j, struct guest *g)
{
	struct ktstr_record r;
	uint64_t cursor = 0;
	bool attached;

	while (g->n_told < RELOADS_MAX && ktstr_journal_next(j, &cursor, &r)) {
		struct told *t = &g->told[g->n_told];

		if (r.type != KTSTR_REC_SCHED_STATE || !ktstr_get_bool(&r.fields, "attached", &attached) || !attached)
			continue;
		ktstr_get_u64(&r.fields, "enable_seq", &t->seq);
		ktstr_get_cstr(&r.fields, "ops", t->ops, sizeof(t->ops));
		g->n_told += !g->n_told || t->seq != t[-1].seq;
	}
}

/* The one that was told of last, or the next, which the guest is about to tell of. */
static void check_state(struct guest *g, const struct ktstr_record *r)
{
	uint64_t seq = 0;
	char ops[64] = "";
	bool root = false;
	struct told *t;

	ktstr_get_bool(&r->fields, "root", &root);
	if (!root || !g->now)
		return;
	ktstr_get_u64(&r->fields, "enable_seq", &seq);
	ktstr_get_cstr(&r->fields, "ops", ops, sizeof(ops));
	t = &g->told[g->now - 1];
	if (seq != t->seq && g->now < g->n_told)
		t++;
	expect(seq == t->seq, "enable_seq %" PRIu64 ", the guest says %" PRIu64, seq, t->seq);
	expect(!strcmp(ops, t->ops), "ops %s, the guest says %s", ops, t->ops);
	t->samples++;
}

static void check_reloads(const struct guest *g)
{
	for (size_t i = 0; i < g->n_told; i++)
		expect(g->told[i].samples, "no sample of the scheduler with enable_seq %" PRIu64, g->told[i].seq);
	expect(g->n_told < 2 || n_judged == g->n_told, "%zu schedulers attached, of %zu the callbacks were compared",
	       g->n_told, n_judged);
}

static void check_cpus(struct guest *g, const struct ktstr_record *r)
{
	struct ktstr_fields cpus;
	struct ktstr_field f;
	uint64_t n = 0;
	char comm[32], class[16];

	if (!ktstr_get_sub(&r->fields, "cpus", &cpus))
		return;
	for (; ktstr_item_next(&cpus, &f) && f.type == KTSTR_FIELD_MAP; n++) {
		ktstr_get_cstr(&f.sub, "comm", comm, sizeof(comm));
		ktstr_get_cstr(&f.sub, "class", class, sizeof(class));
		g->saw_worker |= !strcmp(comm, "cpu-spin") && !strcmp(class, "ext");
		expect(*class, "CPU %" PRIu64 ": \"%s\" runs in no known class", n, comm);
	}
	expect(n == g->cpus, "%" PRIu64 " CPUs, the guest says %" PRIu64, n, g->cpus);
}

static bool has_argument(const struct ktstr_fields *f, const char *wanted)
{
	struct ktstr_fields command;
	struct ktstr_field argument;

	if (!ktstr_get_sub(f, "command", &command))
		return false;
	while (ktstr_item_next(&command, &argument))
		if (argument.type == KTSTR_FIELD_TEXT && ktstr_str_is(argument.str, wanted))
			return true;
	return false;
}

static void take_payload(const struct ktstr_journal *j, struct guest *g, struct ktstr_str line, uint64_t at_ns)
{
	take_schedstat(j, &g->schedstat, line, at_ns);
	take_debug(j, &g->debug, line, at_ns);
}

static void check_record(const struct ktstr_journal *j, struct guest *g, struct events *e,
			 const struct ktstr_record *r)
{
	struct ktstr_str text = { "", 0 };
	struct ktstr_field f;
	bool attached = false;
	uint64_t seq;

	ktstr_get_str(&r->fields, "text", &text);
	if (r->type == KTSTR_REC_HELLO)
		ktstr_get_u64(&r->fields, "cpus", &g->cpus);
	if (r->type == KTSTR_REC_SCHED_STATE && ktstr_get_bool(&r->fields, "attached", &attached) && attached &&
	    ktstr_get_u64(&r->fields, "enable_seq", &seq))
		while (g->now < g->n_told && (!g->now || g->told[g->now - 1].seq != seq))
			g->now++;
	if (r->type == KTSTR_REC_SCHED_OUT)
		check_line(j, text, r->host_ns, g->cpus);
	if (r->type == KTSTR_REC_PAYLOAD_START && has_argument(&r->fields, "/proc/schedstat"))
		g->schedstat.from_ns = r->host_ns - START_LAG_NS;
	if (r->type == KTSTR_REC_PAYLOAD_START && has_argument(&r->fields, "/sys/kernel/debug/sched/debug"))
		g->debug.from_ns = r->host_ns - START_LAG_NS;
	if (r->type == KTSTR_REC_PAYLOAD_OUT)
		take_payload(j, g, text, r->host_ns);
	g->saw_tasks |= is_sample(r, "tasks");
	if (r->type == KTSTR_REC_KMSG)
		g->stalls += check_stall(j, text, r->host_ns);
	if (r->type == KTSTR_REC_SCX_DUMP)
		take_dump_line(e, text);
	if (r->type == KTSTR_REC_SAMPLE)
		expect(!ktstr_get(&r->fields, "error", &f) && !ktstr_get(&r->fields, "absent", &f),
		       "something is absent on this kernel");
	if (is_sample(r, "scx-state")) {
		check_state(g, r);
		take_events(e, r);
	}
	if (is_sample(r, "runqueues"))
		check_cpus(g, r);
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct events events = { 0 };
	struct guest guest = { .debug = { .cpu = DEBUG_NONE } };
	struct ktstr_journal *j;
	struct ktstr_record r;
	uint64_t cursor = 0;

	if (argc != 2 || ktstr_journal_open(argv[1], &j, &err)) {
		fprintf(stderr, "check-samples: %s\n", argc == 2 ? err.msg : "one journal, please");
		return 2;
	}
	read_told(j, &guest);
	while (ktstr_journal_next(j, &cursor, &r))
		check_record(j, &guest, &events, &r);
	check_events(&events);
	if (guest.schedstat.from_ns)
		check_schedstat(j, &guest.schedstat, guest.cpus);
	check_reloads(&guest);
	expect(!guest.debug.from_ns || guest.debug.cpus == guest.cpus, "sched/debug has %u CPUs, the guest %" PRIu64,
	       guest.debug.cpus, guest.cpus);
	expect(!guest.saw_tasks || guest.stalls,
	       "no task that the watchdog named is in the samples of tasks");
	expect(guest.saw_worker, "no sample has a worker in class ext");
	ktstr_journal_destroy(j);
	printf("%u comparisons, %u failed\n", compared, failed);
	return failed || compared < 20;
}
