/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check-samples JOURNAL: what the monitors read from outside against what the guest itself said in
 *the same run.
 *
 *	- lines "select_cpu=N enqueue=N ..." of scx_ktstr, whose own counters are those of its
 *callbacks, against the runs of its BPF programs: not less than half a second before, not more than
 *at the next sample
 *	- "Event counters" of the sched_ext dump against the counters of scx-state: the same names,
 *and values between those of the last sample of a running scheduler and those after it
 *	- "NAME[PID] failed to run for N s" of the kernel's watchdog against how long that task
 *waited by tasks
 *	- what /sys/kernel/sched_ext said of name and enable_seq against every sample of that
 *scheduler
 *
 * Prints a line per comparison that failed, and how many there were. Exit status 1 when one failed,
 *or when there was too little to compare.
 */
#include "base/vec.h"
#include "wire/journal.h"

#include <ctype.h>
#include <inttypes.h>

#define LAG_NS 500000000ull	/* of a line on its way from the scheduler to the journal */
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

/* ---- callbacks ---- */

/* Runs of the program ktstr_<op> in a sample; false when it is not there. */
static bool runs_of(const struct ktstr_record *r, const char *op, uint64_t *ret)
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
			return ktstr_get_u64(&f.sub, "cnt", ret);
	return false;
}

static void check_callback(const struct ktstr_journal *j, const char *op, uint64_t said,
			   uint64_t at_ns, uint64_t cpus)
{
	uint64_t cursor = 0, runs, before = 0, after = 0;
	struct ktstr_record r;

	while (!after && ktstr_journal_next(j, &cursor, &r)) {
		if (!is_sample(&r, "bpf-progs") || !runs_of(&r, op, &runs))
			continue;
		if (r.host_ns + LAG_NS < at_ns)
			before = runs;
		else if (r.host_ns > at_ns)
			after = runs;
	}
	if (!before || !after)
		return;
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

/* ---- events ---- */

struct event {
	char name[64];
	int64_t before, after, dump;
	bool in_sample, in_dump;
};

struct events {
	struct event items[EVENTS_MAX];
	size_t n;
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
	uint64_t kind = 0;
	char name[64];

	ktstr_get_u64(&r->fields, "exit_kind", &kind);
	if (!ktstr_get_sub(&r->fields, "events", &it))
		return;
	while (ktstr_field_next(&it, &f)) {
		struct event *event;

		snprintf(name, sizeof(name), "%.*s", KTSTR_STR_ARG(f.key));
		event = find(e, name);
		if (!event || (f.type != KTSTR_FIELD_U64 && f.type != KTSTR_FIELD_S64))
			continue;
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

struct guest {
	uint64_t cpus, seq;
	char ops[64];
	bool saw_worker;
	bool saw_tasks;		/* there are samples of tasks */
	unsigned stalls;	/* that the watchdog told of */
};

static void check_state(const struct guest *g, const struct ktstr_record *r)
{
	uint64_t seq = 0;
	char ops[64];
	bool root = false;

	ktstr_get_bool(&r->fields, "root", &root);
	if (!root || !g->seq)
		return;
	ktstr_get_u64(&r->fields, "enable_seq", &seq);
	ktstr_get_cstr(&r->fields, "ops", ops, sizeof(ops));
	expect(seq == g->seq, "enable_seq %" PRIu64 ", the guest says %" PRIu64, seq, g->seq);
	expect(!strcmp(ops, g->ops), "ops %s, the guest says %s", ops, g->ops);
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

static void check_record(const struct ktstr_journal *j, struct guest *g, struct events *e,
			 const struct ktstr_record *r)
{
	struct ktstr_str text = { "", 0 };
	struct ktstr_field f;
	bool attached = false;

	ktstr_get_str(&r->fields, "text", &text);
	if (r->type == KTSTR_REC_HELLO)
		ktstr_get_u64(&r->fields, "cpus", &g->cpus);
	if (r->type == KTSTR_REC_SCHED_STATE && ktstr_get_bool(&r->fields, "attached", &attached) &&
	    attached) {
		ktstr_get_u64(&r->fields, "enable_seq", &g->seq);
		ktstr_get_cstr(&r->fields, "ops", g->ops, sizeof(g->ops));
	}
	if (r->type == KTSTR_REC_SCHED_OUT)
		check_line(j, text, r->host_ns, g->cpus);
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
	struct guest guest = { 0 };
	struct ktstr_journal *j;
	struct ktstr_record r;
	uint64_t cursor = 0;

	if (argc != 2 || ktstr_journal_open(argv[1], &j, &err)) {
		fprintf(stderr, "check-samples: %s\n", argc == 2 ? err.msg : "one journal, please");
		return 2;
	}
	while (ktstr_journal_next(j, &cursor, &r))
		check_record(j, &guest, &events, &r);
	check_events(&events);
	expect(!guest.saw_tasks || guest.stalls,
	       "no task that the watchdog named is in the samples of tasks");
	expect(guest.saw_worker, "no sample has a worker in class ext");
	ktstr_journal_destroy(j);
	printf("%u comparisons, %u failed\n", compared, failed);
	return failed || compared < 20;
}
