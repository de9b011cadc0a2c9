/* SPDX-License-Identifier: GPL-2.0-only */
/* The monitors' samples held against limits: each limit kept and violated, and what is no violation. */
#include "check/watch.h"
#include "made-journal.h"

#include <ktstr/text.h>

#define CPUS 4

/* A watcher and the time of its next sample, 100 ms after the one before. */
struct scene {
	struct ktstr_watcher *w;
	uint64_t ns;
};

static void begin(struct scene *s)
{
	s->w = ktstr_watcher_create();
	s->ns = SEC;
	cr_assert(s->w);
}

/* Ends and frees `b`. */
static void add(struct scene *s, enum ktstr_rec type, struct ktstr_buf *b)
{
	struct ktstr_fields f;

	ktstr_put_end(b);
	cr_assert(ktstr_fields_parse(b->data, b->len, &f));
	ktstr_watcher_add(s->w, type, s->ns, &f);
	ktstr_buf_free(b);
}

static void limits(struct scene *s, bool fail)
{
	struct ktstr_limits l;
	struct ktstr_buf b = { 0 };

	ktstr_limits_defaults(&l);
	l.fail = fail;
	ktstr_put_begin(&b);
	ktstr_limits_put(&l, &b);
	add(s, KTSTR_REC_LIMITS, &b);
}

static void run_of(struct scene *s, const char *scheduler)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "scheduler", scheduler);
	add(s, KTSTR_REC_RUN, &b);
}

static void cgroup(struct scene *s, const char *name, const char *cpuset, uint64_t step, bool bound)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", name);
	ktstr_put_str(&b, "cpuset", cpuset);
	ktstr_put_u64(&b, "step", step);
	ktstr_put_bool(&b, "bound", bound);
	add(s, KTSTR_REC_CGROUP, &b);
}

/* Tasks of each CPU, its DSQ's depth, and whether CPU 1's clock moves. */
static void queues(struct scene *s, const uint64_t running[CPUS], uint64_t depth, bool stands)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "monitor", "runqueues");
	ktstr_put_array(&b, "cpus");
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		ktstr_put_map(&b, NULL);
		ktstr_put_u64(&b, "nr_running", running[cpu]);
		ktstr_put_u64(&b, "local_dsq", cpu == 2 ? depth : 0);
		ktstr_put_u64(&b, "clock", stands && cpu == 1 ? 7 : s->ns);
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	add(s, KTSTR_REC_SAMPLE, &b);
}

static void vcpus(struct scene *s, uint64_t cpu_ns)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "monitor", "vcpus");
	ktstr_put_array(&b, "cpu_ns");
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		ktstr_put_u64(&b, NULL, cpu_ns);
	ktstr_put_end(&b);
	add(s, KTSTR_REC_SAMPLE, &b);
}

static void events(struct scene *s, uint64_t id, int64_t fallback, int64_t keep_last)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "monitor", "scx-state");
	ktstr_put_u64(&b, "id", id);
	ktstr_put_map(&b, "events");
	ktstr_put_s64(&b, "select_cpu_fallback", fallback);
	ktstr_put_s64(&b, "dispatch_keep_last", keep_last);
	ktstr_put_end(&b);
	add(s, KTSTR_REC_SAMPLE, &b);
}

#define QUEUES(...) ((const uint64_t[CPUS]){ __VA_ARGS__ })

static void repeat(struct scene *s, unsigned n, const uint64_t running[CPUS], uint64_t depth)
{
	for (; n; n--, s->ns += 100 * MS) {
		queues(s, running, depth, false);
		events(s, 1, 0, 0);
	}
}

/* The state, and the words of the only sustained row, or of what is missing. */
static void end(struct scene *s, enum ktstr_watch_state state, const char *words)
{
	const struct ktstr_watch *r = ktstr_watcher_result(s->w);
	char text[1024] = "";

	ktstr_append(text, sizeof(text), "%s", r->why);
	for (int i = 0; i < KTSTR_WATCH_RULES; i++)
		ktstr_append(text, sizeof(text), "%s", r->rows[i].sustained ? r->rows[i].text : "");
	cr_expect_eq(r->state, state, "%d: %s", r->state, text);
	cr_expect_str_eq(text, words);
	cr_expect_eq(ktstr_watcher_violated(s->w) != KTSTR_WATCH_RULES,
		     state == KTSTR_WATCH_VIOLATED);
	ktstr_watcher_destroy(s->w);
}

/* ---- queues ---- */

Test(watch, five_in_a_row_and_not_four)
{
	struct scene s;

	begin(&s);
	for (int i = 0; i < 4; i++) {
		repeat(&s, 4, QUEUES(10, 2, 2, 2), 51);
		repeat(&s, 1, QUEUES(8, 2, 2, 2), 50);
	}
	end(&s, KTSTR_WATCH_WITHIN, "");
	begin(&s);
	repeat(&s, 3, QUEUES(1, 1, 1, 1), 0);
	repeat(&s, 2, QUEUES(10, 2, 2, 2), 0);
	repeat(&s, 3, QUEUES(2, 2, 12, 2), 0);
	repeat(&s, 1, QUEUES(1, 1, 1, 1), 0);
	end(&s, KTSTR_WATCH_VIOLATED, "imbalance ratio 6.00 > 4 (longest on CPU 2) in 5 samples in a "
	    "row, from 0.3 s to 0.7 s");
}

Test(watch, a_local_dsq_that_is_deep)
{
	struct scene s;

	begin(&s);
	repeat(&s, 6, QUEUES(1, 1, 1, 1), 80);
	end(&s, KTSTR_WATCH_VIOLATED, "local DSQ depth 80 > 50 (on CPU 2) in 6 samples in a row, from "
	    "0.0 s to 0.5 s");
	begin(&s);
	repeat(&s, 6, QUEUES(1, 1, 1, 1), 10001);
	end(&s, KTSTR_WATCH_INCONCLUSIVE, "0 usable samples of run queues");
}

static void text_record(struct scene *s, enum ktstr_rec type, const char *key, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, key, text);
	add(s, type, &b);
}

/* Of each step: the engine is busy with what is to come. */
Test(watch, queues_do_not_count_while_workers_are_started)
{
	struct scene s;

	begin(&s);
	for (int step = 0; step < 2; step++) {
		text_record(&s, KTSTR_REC_STAGE, "stage", "step");
		repeat(&s, 9, QUEUES(10, 2, 2, 2), 51);
		text_record(&s, KTSTR_REC_STEP, "edge", "begin");
		repeat(&s, 4, QUEUES(10, 2, 2, 2), 51);
		text_record(&s, KTSTR_REC_STEP, "edge", "end");
	}
	end(&s, KTSTR_WATCH_WITHIN, "");
	begin(&s);
	text_record(&s, KTSTR_REC_STAGE, "stage", "step");
	repeat(&s, 2, QUEUES(10, 2, 2, 2), 0);
	text_record(&s, KTSTR_REC_STEP, "edge", "begin");
	repeat(&s, 5, QUEUES(10, 2, 2, 2), 0);
	end(&s, KTSTR_WATCH_VIOLATED, "imbalance ratio 5.00 > 4 (longest on CPU 0) in 5 samples in a row, from 0.2 s to "
	    "0.6 s");
}

/* ---- cpusets ---- */

/* Two cgroups on halves of the machine, one of them with much more to do. */
Test(watch, only_cpus_that_can_help_each_other_are_compared)
{
	struct scene s;

	begin(&s);
	cgroup(&s, "few", "0-1", 0, false);
	cgroup(&s, "many", "2-3", 0, false);
	repeat(&s, 6, QUEUES(1, 1, 9, 9), 0);
	end(&s, KTSTR_WATCH_WITHIN, "");
	begin(&s);
	cgroup(&s, "few", "0-1", 0, false);
	cgroup(&s, "many", "2-3", 0, false);
	repeat(&s, 6, QUEUES(1, 1, 9, 2), 0);
	end(&s, KTSTR_WATCH_VIOLATED, "imbalance ratio 4.50 > 4 (longest on CPU 2) in 6 samples in a "
	    "row, from 0.0 s to 0.5 s");
	begin(&s);
	cgroup(&s, "all", "0-3", 0, false);
	cgroup(&s, "one", "3", 0, false);
	repeat(&s, 6, QUEUES(1, 1, 1, 9), 0);
	end(&s, KTSTR_WATCH_WITHIN, "");
}

Test(watch, bound_workers_say_nothing)
{
	struct scene s;

	begin(&s);
	cgroup(&s, "pinned", "0-3", 0, true);
	repeat(&s, 6, QUEUES(9, 1, 1, 1), 0);
	end(&s, KTSTR_WATCH_WITHIN, "");
	begin(&s);
	cgroup(&s, "pinned", "0-3", 0, true);
	cgroup(&s, "pinned", "0-3", 0, false);	/* not any more */
	repeat(&s, 5, QUEUES(9, 1, 1, 1), 0);
	end(&s, KTSTR_WATCH_VIOLATED, "imbalance ratio 9.00 > 4 (longest on CPU 0) in 5 samples in a "
	    "row, from 0.0 s to 0.4 s");
}

/* What a step, or an operation, takes away does not confine any more. */
Test(watch, cpusets_end)
{
	struct scene s;
	struct ktstr_buf b = { 0 };

	begin(&s);
	cgroup(&s, "of-step", "0", 1, false);
	cgroup(&s, "gone", "1-3", 0, false);
	repeat(&s, 5, QUEUES(9, 1, 1, 1), 0);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "edge", "begin");
	ktstr_put_u64(&b, "n", 2);
	add(&s, KTSTR_REC_STEP, &b);
	b = (struct ktstr_buf){ 0 };
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "op", "remove-cgroup");
	ktstr_put_str(&b, "target", "gone");
	add(&s, KTSTR_REC_OP, &b);
	repeat(&s, 5, QUEUES(9, 1, 1, 1), 0);
	end(&s, KTSTR_WATCH_VIOLATED, "imbalance ratio 9.00 > 4 (longest on CPU 0) in 5 samples in a "
	    "row, from 0.5 s to 0.9 s");
}

/* ---- stalls ---- */

static void stand(struct scene *s, uint64_t vcpu_step)
{
	for (unsigned i = 0; i < 8; i++, s->ns += 100 * MS) {
		queues(s, QUEUES(1, 1, 1, 1), 0, true);
		vcpus(s, i * vcpu_step);
		events(s, 1, 0, 0);
	}
}

Test(watch, a_clock_that_stands_still)
{
	struct scene s;

	begin(&s);
	stand(&s, 50 * MS);
	end(&s, KTSTR_WATCH_VIOLATED, "stall of CPU 1 in 6 samples in a row, from 0.2 s to 0.7 s: its "
	    "clock stood still while its vCPU ran for 300 ms");
}

/* The host did not let the vCPU run. */
Test(watch, a_preempted_vcpu_is_not_stalled)
{
	struct scene s;

	begin(&s);
	stand(&s, 1 * MS);
	end(&s, KTSTR_WATCH_WITHIN, "");
}

/* ---- rates ---- */

Test(watch, rates_of_each_interval)
{
	struct scene s;

	begin(&s);
	for (int64_t i = 0; i < 8; i++, s.ns += 100 * MS) {
		queues(&s, QUEUES(1, 1, 1, 1), 0, false);
		events(&s, 1, 1000 + i * 30, i * 10);
	}
	end(&s, KTSTR_WATCH_VIOLATED, "select_cpu_fallback/s 300.0 > 200 in 7 samples in a row, from "
	    "0.1 s to 0.7 s");
	begin(&s);
	for (int64_t i = 0; i < 8; i++, s.ns += 100 * MS) {
		queues(&s, QUEUES(1, 1, 1, 1), 0, false);
		events(&s, 1, 0, i * 11);
	}
	end(&s, KTSTR_WATCH_VIOLATED, "dispatch_keep_last/s 110.0 > 100 in 7 samples in a row, from "
	    "0.1 s to 0.7 s");
}

/* A new scheduler begins at 0, which is no fall and no rise. */
Test(watch, a_reload_is_no_rate)
{
	struct scene s;

	begin(&s);
	for (int64_t i = 0; i < 10; i++, s.ns += 100 * MS) {
		queues(&s, QUEUES(1, 1, 1, 1), 0, false);
		events(&s, (uint64_t)i, 20, 0);
	}
	end(&s, KTSTR_WATCH_WITHIN, "");
}

/* ---- no data ---- */

Test(watch, nothing_seen_proves_nothing)
{
	struct scene s;

	begin(&s);
	end(&s, KTSTR_WATCH_INCONCLUSIVE, "0 usable samples of run queues");
	begin(&s);
	repeat(&s, 1, QUEUES(1, 1, 1, 1), 0);
	end(&s, KTSTR_WATCH_INCONCLUSIVE, "1 usable sample of run queues");
	for (int scheduler = 0; scheduler < 2; scheduler++) {
		begin(&s);
		run_of(&s, scheduler ? "scx_foo" : NULL);
		for (int i = 0; i < 5; i++, s.ns += 100 * MS)
			queues(&s, QUEUES(1, 1, 1, 1), 0, false);
		end(&s, scheduler ? KTSTR_WATCH_INCONCLUSIVE : KTSTR_WATCH_WITHIN,
		    scheduler ? "no event counters; run queues within their limits" : "");
	}
}

Test(watch, limits_are_those_of_the_journal)
{
	struct scene s;

	for (int fail = 0; fail < 2; fail++) {
		begin(&s);
		limits(&s, fail);
		cr_expect_eq(ktstr_watcher_result(s.w)->decides, fail);
		ktstr_watcher_destroy(s.w);
	}
}
