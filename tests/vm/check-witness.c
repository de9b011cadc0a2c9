/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check-witness JOURNAL: what workers reported of themselves against what the kernel's tracepoints
 * say of them in the same run (sched-witness.c, the payload `witness`). What is compared, for each
 * worker, over the time in which it worked:
 *
 *	- CPU time and run delay: the same
 *	- time asleep or blocked with what came until it ran again: not less than in the trace; as
 *	  much more, at most, as it waited for a CPU where it was about to sleep
 *	- migrations and timeslices: the same, but for the moments between its clock and its counts
 *	- CPUs: none that it was not on, and each that had a good part of its time
 *	- the longest wait: not shorter than the longest one in the trace, and not longer than all
 *	- wake-ups: as many, and not shorter than from the kernel's wake-up to the switch
 *
 * Times are the same when they differ by 2 % of the worker's at most. A virtual CPU that the host
 * stops in the middle of a switch makes the kernel's clock for its counts and that of its trace
 * disagree by as long as that: so this holds for half of the workers, and 15 % for all.
 *
 * Prints a line per worker, and one per comparison that failed. Exit status 1 when one failed, or
 * when there was too little to compare.
 */
#include "base/vec.h"
#include "wire/journal.h"

#include <ktstr/histogram.h>

#include <inttypes.h>

#define EDGE 3			/* events between its clock and its counts */
#define CPUS_MAX 64

enum kind { SWITCH, WAKING, WAKEUP, MIGRATE };

struct event {
	uint64_t ns;
	enum kind kind;
	unsigned cpu;
	uint64_t pid;			/* of a switch: who leaves the CPU */
	uint64_t next;
	bool runnable;			/* the one that leaves would rather stay */
};

static KTSTR_VEC(struct event) events;
static unsigned lost, compared, failed;

/* ---- the trace ---- */

static void take_line(const char *line)
{
	static const char *const kinds[] = { "switch", "waking", "wakeup", "migrate" };
	unsigned long long ns, pid, next = 0;
	char kind[16], state = '?';
	struct event *e;
	unsigned cpu;

	lost += !strncmp(line, "lost ", 5);
	if (sscanf(line, "%llu %15s %u %llu %c %llu", &ns, kind, &cpu, &pid, &state, &next) < 4)
		return;
	e = ktstr_vec_add(&events);
	if (!e)
		abort();
	*e = (struct event){ ns, MIGRATE, cpu, pid, next, state == 'R' };
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			e->kind = (enum kind)i;
}

/* What the trace has of one task. */
struct seen {
	uint64_t cpu_ns, delay_ns, sleep_ns, slices, migrations;
	uint64_t wakes, wake_ns, wait_max_ns;
	uint64_t cpus_ns[CPUS_MAX];
	uint64_t on_ns, ready_ns, off_ns;	/* since when it runs, waits, sleeps; 0: it does not */
	uint64_t waking_ns;		/* ... is being woken */
	unsigned cpu;			/* the last one */
};

/* Only what lies in its time counts. */
struct span {
	uint64_t begin_ns, end_ns;
};

static uint64_t within(const struct span *span, uint64_t from_ns, uint64_t to_ns)
{
	from_ns = from_ns < span->begin_ns ? span->begin_ns : from_ns;
	to_ns = to_ns > span->end_ns ? span->end_ns : to_ns;
	return from_ns && to_ns > from_ns ? to_ns - from_ns : 0;
}

static bool inside(const struct span *span, const struct event *e)
{
	return e->ns >= span->begin_ns && e->ns <= span->end_ns;
}

static void ran(struct seen *s, const struct span *span, unsigned cpu, uint64_t to_ns)
{
	uint64_t ns = s->on_ns ? within(span, s->on_ns, to_ns) : 0;

	s->cpu_ns += ns;
	s->cpus_ns[cpu % CPUS_MAX] += ns;
}

static void leave_cpu(struct seen *s, const struct span *span, const struct event *e)
{
	ran(s, span, e->cpu, e->ns);
	s->on_ns = s->waking_ns = 0;
	s->ready_ns = e->runnable ? e->ns : 0;
	s->off_ns = e->runnable ? 0 : e->ns;
}

static void enter_cpu(struct seen *s, const struct span *span, const struct event *e)
{
	uint64_t waited = s->ready_ns ? within(span, s->ready_ns, e->ns) : 0;

	s->slices += inside(span, e);
	s->delay_ns += waited;
	s->wait_max_ns = waited > s->wait_max_ns ? waited : s->wait_max_ns;
	if (s->waking_ns && inside(span, e)) {
		s->wakes++;
		s->wake_ns += within(span, s->waking_ns, e->ns);
	}
	s->on_ns = e->ns;
	s->ready_ns = s->off_ns = s->waking_ns = 0;
	s->cpu = e->cpu;
}

/* One that was about to sleep and still runs is woken without having slept. */
static void wake(struct seen *s, const struct span *span, const struct event *e)
{
	if (s->on_ns || s->ready_ns)
		return;
	s->sleep_ns += s->off_ns ? within(span, s->off_ns, e->ns) : 0;
	s->off_ns = 0;
	s->waking_ns = e->ns;
}

/* From here on the kernel counts its run delay; on its way to another CPU it does not. */
static void enqueue(struct seen *s, const struct event *e)
{
	if (!s->on_ns && !s->ready_ns)
		s->ready_ns = e->ns;
}

static void replay(uint64_t pid, const struct span *span, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < events.n && events.items[i].ns <= span->end_ns; i++) {
		const struct event *e = &events.items[i];

		if (e->kind == SWITCH && e->pid == pid)
			leave_cpu(s, span, e);
		else if (e->kind == SWITCH && e->next == pid)
			enter_cpu(s, span, e);
		else if (e->kind == WAKING && e->pid == pid)
			wake(s, span, e);
		else if (e->kind == WAKEUP && e->pid == pid)
			enqueue(s, e);
		else if (e->kind == MIGRATE && e->pid == pid)
			s->migrations += inside(span, e);
	}
	ran(s, span, s->cpu, span->end_ns);
}

/* ---- the comparison ---- */

static const char *who;

static void expect(bool good, const char *what, uint64_t said, uint64_t saw)
{
	compared++;
	if (good)
		return;
	failed++;
	printf("%s: %s: it says %" PRIu64 ", the trace %" PRIu64 "\n", who, what, said, saw);
}

static bool near(uint64_t a, uint64_t b, uint64_t tolerance)
{
	return (a > b ? a - b : b - a) <= tolerance;
}

/* Times that should agree, of all workers. */
static struct agreement {
	const char *what;
	unsigned n, close;
} agreements[] = { { "CPU time", 0, 0 }, { "run delay", 0, 0 }, { "longest wait", 0, 0 } };
enum { CPU_TIME, RUN_DELAY, LONGEST_WAIT };

/* With `at_least`, to say more is no fault. */
static void agree(unsigned i, uint64_t said, uint64_t saw, uint64_t wall, bool at_least)
{
	bool more = at_least && said > saw;

	agreements[i].n++;
	agreements[i].close += more || near(said, saw, wall / 50);
	expect(more || near(said, saw, wall * 15 / 100), agreements[i].what, said, saw);
}

static void expect_close(void)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(agreements); i++) {
		const struct agreement *a = &agreements[i];

		compared++;
		if (2 * a->close >= a->n)
			continue;
		failed++;
		printf("%s: that of %u of %u workers differs by more than 2 %%\n", a->what,
		       a->n - a->close, a->n);
	}
}

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static void compare_cpus(const struct ktstr_fields *f, const struct seen *s)
{
	bool said[CPUS_MAX] = { false };
	struct ktstr_fields list;
	struct ktstr_field cpu;

	if (!ktstr_get_sub(f, "cpus", &list))
		return;
	while (ktstr_item_next(&list, &cpu))
		said[cpu.u64 % CPUS_MAX] = true;
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		expect(!said[i] || s->cpus_ns[i], "a CPU", i, s->cpus_ns[i]);
		expect(said[i] || s->cpus_ns[i] < s->cpu_ns / 4, "no CPU", i, s->cpus_ns[i]);
	}
}

/* What a worker takes for its wake-up has the kernel's part of it inside. */
static void compare_wakes(const struct ktstr_histogram *h, const struct seen *s, uint64_t slack)
{
	expect(near(h->count, s->wakes, EDGE + s->wakes / 20), "wake-ups", h->count, s->wakes);
	expect(h->sum_ns + slack >= s->wake_ns, "ns of all wake-ups", h->sum_ns, s->wake_ns);
}

/* What a worker says of itself. */
struct said {
	uint64_t cpu, delay, slices, moves, wait;
	uint64_t off;			/* asleep, blocked, and woken late */
	struct ktstr_histogram wakes;
};

static void print_both(const struct said *said, const struct seen *s)
{
	const struct {
		const char *what;
		uint64_t said, saw;
	} rows[] = {
		{ "CPU us", said->cpu / 1000, s->cpu_ns / 1000 },
		{ "delay us", said->delay / 1000, s->delay_ns / 1000 },
		{ "longest us", said->wait / 1000, s->wait_max_ns / 1000 },
		{ "off us", said->off / 1000, (s->sleep_ns + s->wake_ns) / 1000 },
		{ "wakes us", said->wakes.sum_ns / 1000, s->wake_ns / 1000 },
		{ "wakes", said->wakes.count, s->wakes }, { "slices", said->slices, s->slices },
		{ "migrations", said->moves, s->migrations },
	};

	printf("%s:", who);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++)
		printf(" %s %" PRIu64 "/%" PRIu64, rows[i].what, rows[i].said, rows[i].saw);
	putchar('\n');
}

static void compare(const struct ktstr_fields *f)
{
	uint64_t begin = number(f, "begin_ns"), wall = number(f, "wall_ns"), slack = wall * 15 / 100;
	const struct span span = { begin, begin + wall };
	struct said said = {
		.cpu = number(f, "cpu_ns"), .delay = number(f, "run_delay_ns"),
		.slices = number(f, "timeslices"), .moves = number(f, "migrations"),
		.wait = number(f, "max_runnable_ns"),
	};
	uint64_t off;
	struct seen s;

	replay(number(f, "pid"), &span, &s);
	ktstr_histogram_get(f, "wake", &said.wakes);
	said.off = number(f, "sleep_ns") + number(f, "block_ns") + said.wakes.sum_ns;
	off = s.sleep_ns + s.wake_ns;
	print_both(&said, &s);
	agree(CPU_TIME, said.cpu, s.cpu_ns, wall, false);
	agree(RUN_DELAY, said.delay, s.delay_ns, wall, false);
	agree(LONGEST_WAIT, said.wait, s.wait_max_ns, wall, true);
	expect(said.wait <= said.delay, "ns of its longest wait, of all", said.wait, said.delay);
	expect(said.off + slack >= off && said.off <= off + s.delay_ns + slack,
	       "ns asleep or blocked", said.off, off);
	expect(near(said.slices, s.slices, EDGE), "timeslices", said.slices, s.slices);
	expect(near(said.moves, s.migrations, EDGE), "migrations", said.moves, s.migrations);
	compare_cpus(f, &s);
	if (said.wakes.count)
		compare_wakes(&said.wakes, &s, slack);
}

/* ---- the journal ---- */

static void take(const struct ktstr_record *rec)
{
	const struct ktstr_fields *f = &rec->fields;
	char name[32] = "", text[128] = "";

	if (rec->type == KTSTR_REC_PAYLOAD_OUT && ktstr_get_cstr(f, "name", name, sizeof(name)) &&
	    !strcmp(name, "witness") && ktstr_get_cstr(f, "text", text, sizeof(text)))
		take_line(text);
}

static void judge(const struct ktstr_record *rec)
{
	char text[64], workload[32] = "";

	if (rec->type != KTSTR_REC_WORKER)
		return;
	ktstr_get_cstr(&rec->fields, "workload", workload, sizeof(workload));
	snprintf(text, sizeof(text), "%s %" PRIu64, workload, number(&rec->fields, "pid"));
	who = text;
	compare(&rec->fields);
}

static void each(const struct ktstr_journal *j, void (*fn)(const struct ktstr_record *rec))
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (ktstr_journal_next(j, &cursor, &rec))
		fn(&rec);
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *j = NULL;

	if (argc != 2 || ktstr_journal_open(argv[1], &j, &err)) {
		fprintf(stderr, "check-witness: %s\n", argc == 2 ? err.msg : "one journal, please");
		return 2;
	}
	each(j, take);
	each(j, judge);
	expect_close();
	ktstr_journal_destroy(j);
	printf("%zu events, %u lost, %u comparisons, %u failed\n", events.n, lost, compared, failed);
	ktstr_vec_free(&events);
	return failed || lost || compared < 20;
}
