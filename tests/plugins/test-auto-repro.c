/* SPDX-License-Identifier: GPL-2.0-only */
/* section/auto-repro: its decoders, and how it finds the task that a crash is about. */
#include "decode.h"
#include "story.h"

#include "base/clock.h"
#include "wire/journal.h"

#include <criterion/criterion.h>
#include <ktstr/text.h>
#include <unistd.h>

#define TEXT(s) ((struct ktstr_str){ s, sizeof(s) - 1 })

/* ---- decoders ---- */

Test(auto_repro, dsq_ids)
{
	static const struct {
		uint64_t id;
		const char *text;
	} cases[] = {
		{ 0x8000000000000000, "invalid" }, { 0x8000000000000001, "global" },
		{ 0x8000000000000002, "local" }, { 0x8000000000000009, "builtin 9" },
		{ 0xc000000000000003, "local on CPU 3" }, { 0xcafef00d, "0xcafef00d" },
	};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decode_dsq(cases[i].id, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].text);
	}
}

Test(auto_repro, flags_and_kinds_without_the_kernels_own_names)
{
	struct trace t = { 0 };
	char text[128];

	decode_flags(&t, "scx_enq_flags", 1ull << 32 | 1 | 1ull << 20, text, sizeof(text));
	cr_expect_str_eq(text, "WAKEUP|PREEMPT|0x100000");
	decode_flags(&t, "scx_enq_flags", 0, text, sizeof(text));
	cr_expect_str_eq(text, "0");
	decode_enum(&t, "scx_exit_kind", 1026, text, sizeof(text));
	cr_expect_str_eq(text, "SCX_EXIT_ERROR_STALL");
	decode_enum(&t, "scx_exit_kind", 77, text, sizeof(text));
	cr_expect_str_eq(text, "77");
}

static void put_enum(struct ktstr_buf *b, const char *name, const char *const *names, const uint64_t *values, int n)
{
	ktstr_put_begin(b);
	ktstr_put_str(b, "name", name);
	ktstr_put_array(b, "values");
	for (int i = 0; i < n; i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "name", names[i]);
		ktstr_put_u64(b, "value", values[i]);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
}

/* 7.3 has the states among the flags; 6.16 has an enumeration of them, and a mask that looks like one. */
Test(auto_repro, the_state_of_a_task_on_either_kernel)
{
	static const char *const old[] = { "SCX_TASK_QUEUED", "SCX_TASK_STATE_SHIFT", "SCX_TASK_STATE_BITS",
					   "SCX_TASK_STATE_MASK" };
	static const char *const states[] = { "SCX_TASK_NONE", "SCX_TASK_ENABLED" };
	static const char *const new[] = { "SCX_TASK_QUEUED", "SCX_TASK_STATE_SHIFT", "SCX_TASK_STATE_BITS",
					   "SCX_TASK_STATE_MASK", "SCX_TASK_ENABLED" };
	struct ktstr_buf b[3] = { 0 };
	struct trace t = { 0 };
	char text[128];

	put_enum(&b[0], "scx_ent_flags", old, (const uint64_t[]){ 1, 8, 2, 0x300 }, 4);
	put_enum(&b[1], "scx_task_state", states, (const uint64_t[]){ 0, 3 }, 2);
	put_enum(&b[2], "scx_ent_flags", new, (const uint64_t[]){ 1, 8, 3, 0x700, 0x400 }, 5);
	cr_assert(ktstr_fields_parse(b[0].data, b[0].len, &t.enums[0]));
	cr_assert(ktstr_fields_parse(b[1].data, b[1].len, &t.enums[1]));
	t.n_enums = 2;
	decode_flags(&t, "scx_ent_flags", 0x301, text, sizeof(text));
	cr_expect_str_eq(text, "ENABLED|QUEUED");
	cr_assert(ktstr_fields_parse(b[2].data, b[2].len, &t.enums[0]));
	t.n_enums = 1;
	decode_flags(&t, "scx_ent_flags", 0x401, text, sizeof(text));
	cr_expect_str_eq(text, "ENABLED|QUEUED");
	for (int i = 0; i < 3; i++)
		ktstr_buf_free(&b[i]);
}

Test(auto_repro, masks_end_with_the_guest)
{
	struct trace t = { .cpus = 4 };
	char text[64];

	decode_mask(&t, TEXT("\xff\x01\x00"), text, sizeof(text));
	cr_expect_str_eq(text, "0-3");
	t.cpus = 0;
	decode_mask(&t, TEXT("\xff\x01\x00"), text, sizeof(text));
	cr_expect_str_eq(text, "0-8");
	decode_mask(&t, TEXT("\x05"), text, sizeof(text));
	cr_expect_str_eq(text, "0,2");
	decode_mask(&t, TEXT("\0"), text, sizeof(text));
	cr_expect_str_eq(text, "none");
}

Test(auto_repro, arguments_by_their_type)
{
	struct trace t = { 0 };
	char text[64];

	decode_argument(&t, TEXT("cpu"), TEXT("s32"), 0xffffffff, text, sizeof(text));
	cr_expect_str_eq(text, "-1", "sign-extended: it is 32 bits wide");
	decode_argument(&t, TEXT("runnable"), TEXT("bool"), 0xabc01, text, sizeof(text));
	cr_expect_str_eq(text, "true", "only the lowest byte is an argument of that type");
	decode_argument(&t, TEXT("next"), TEXT("struct task_struct *"), 0, text, sizeof(text));
	cr_expect_str_eq(text, "NULL");
	decode_argument(&t, TEXT("dsq_id"), TEXT("u64"), 0xc000000000000001, text, sizeof(text));
	cr_expect_str_eq(text, "local on CPU 1");
	decode_argument(&t, TEXT("wake_flags"), TEXT("u64"), 0x18, text, sizeof(text));
	cr_expect_str_eq(text, "TTWU|SYNC");
	decode_argument(&t, TEXT("deq_flags"), TEXT("u64"), 1, text, sizeof(text));
	cr_expect_str_eq(text, "SLEEP");
	decode_argument(&t, TEXT("enq_flags"), TEXT("u64"), 1ull << 41, text, sizeof(text));
	cr_expect_str_eq(text, "LAST");
	decode_argument(&t, TEXT("kind"), TEXT("enum scx_exit_kind"), 64, text, sizeof(text));
	cr_expect_str_eq(text, "SCX_EXIT_UNREG");
}

/* Items as the journal has them: what could not be read is an array with the error. */
Test(auto_repro, items_by_their_form)
{
	static const struct {
		const char *name, *form, *enumeration, *text;
		uint64_t n;
	} cases[] = {
		{ "scx.dsq->id", "hex", "", "local", 0x8000000000000002 },
		{ "scx.ddsp_enq_flags", "flags", "scx_enq_flags", "PREEMPT", 1ull << 32 },
		{ "kind", "enum", "scx_exit_kind", "SCX_EXIT_ERROR", 1024 },
		{ "__state", "hex", "", "0x402", 0x402 }, { "scx.slice", "unsigned", "", "20000000", 20000000 },
		{ "next", "pointer", "", "0xffff888000000000", 0xffff888000000000 },
	};
	struct ktstr_field value = { .type = KTSTR_FIELD_S64, .s64 = -1 };
	struct trace t = { 0 };
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ktstr_buf b = { 0 };
		struct ktstr_fields item;

		ktstr_put_begin(&b);
		ktstr_put_str(&b, "name", cases[i].name);
		ktstr_put_str(&b, "form", cases[i].form);
		ktstr_put_str(&b, "enum", cases[i].enumeration);
		ktstr_put_end(&b);
		cr_assert(ktstr_fields_parse(b.data, b.len, &item));
		decode_item(&t, &item, &(struct ktstr_field){ .type = KTSTR_FIELD_U64, .u64 = cases[i].n }, text,
			    sizeof(text));
		cr_expect_str_eq(text, cases[i].text);
		decode_item(&t, &item, &value, text, sizeof(text));
		cr_expect_str_eq(text, "-1", "sticky_cpu of a task that sticks to none");
		ktstr_buf_free(&b);
	}
}

Test(auto_repro, what_could_not_be_read_says_so)
{
	static const struct {
		uint64_t error;
		const char *text;
	} cases[] = { { 14, "(not readable: Bad address)" }, { 61, "none" } };
	struct trace t = { 0 };
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ktstr_buf b = { 0 };
		struct ktstr_fields item;
		struct ktstr_field value;

		ktstr_put_begin(&b);
		ktstr_put_str(&b, "name", "scx.slice");
		ktstr_put_array(&b, "value");
		ktstr_put_u64(&b, NULL, cases[i].error);
		ktstr_put_end(&b);
		ktstr_put_end(&b);
		cr_assert(ktstr_fields_parse(b.data, b.len, &item));
		cr_assert(ktstr_get(&item, "value", &value));
		decode_item(&t, &item, &value, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].text);
		ktstr_buf_free(&b);
	}
}

/* ---- made-up journals ---- */

/* Points: an entry and, where it has one, an exit. */
static const struct made_point {
	uint64_t entry, exit;
	const char *function, *target, *op;
} made_points[] = {
	{ 1, 2, "x_enqueue", "callback", "enqueue" },
	{ 3, 4, "x_select_cpu", "callback", "select_cpu" },
	{ 5, 6, "scx_do_enqueue_task", "kernel", "enqueue" },
	{ 7, 8, "x_dispatch", "callback", "dispatch" },
	{ 9, 0, "do_pick_task_scx", "kernel", "dispatch" },
	{ 10, 0, "scx_bpf_dsq_insert", "kernel", "" },
	{ 11, 0, "task_tick_scx", "kernel", "tick" },
};

enum { ENQUEUE = 1, ENQUEUE_X, SELECT, SELECT_X, DO_ENQUEUE, DO_ENQUEUE_X, DISPATCH, DISPATCH_X, PICK, INSERT, TICK };

/* `task`: its pid; its address is 1000 more, its cgroup "odd" or "even". 0: the event is about none. `value` is its second
 * argument. */
struct made {
	uint64_t ns, point, cpu, n, task, value, current;
};

#define EV(t, p, c, i, ...) { .ns = (t), .point = (p), .cpu = (c), .n = (i), __VA_ARGS__ }

static void put_point(struct ktstr_journal_writer *w, const struct made_point *p, uint64_t n, const char *at)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_str(&b, "at", at);
	ktstr_put_str(&b, "target", p->target);
	ktstr_put_str(&b, "function", p->function);
	ktstr_put_str(&b, "op", p->op);
	ktstr_put_bool(&b, "attached", true);
	ktstr_put_u64(&b, "task", 0);
	ktstr_put_array(&b, "items");
	for (int i = 0; i < 3; i++) {
		ktstr_put_map(&b, NULL);
		ktstr_put_str(&b, "name", (const char *[]){ "pid", "comm", "cgroup" }[i]);
		ktstr_put_u64(&b, "param", 0);
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_POINT, 1, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

#define IDLE UINT64_MAX		/* the task of a CPU that has none: there is one, and its pid is 0 */

static void put_event(struct ktstr_journal_writer *w, const struct made *e)
{
	uint64_t pid = e->task == IDLE ? 0 : e->task, task = e->task ? 1000 + pid : 0;
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "point", e->point);
	ktstr_put_u64(&b, "cpu", e->cpu);
	ktstr_put_u64(&b, "n", e->n);
	ktstr_put_u64(&b, "pid", e->current);
	if (task)
		ktstr_put_u64(&b, "task", task);
	ktstr_put_array(&b, "args");
	ktstr_put_u64(&b, NULL, task);
	ktstr_put_u64(&b, NULL, e->value);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "values");
	ktstr_put_u64(&b, NULL, pid);
	ktstr_put_str(&b, NULL, "worker");
	ktstr_put_str(&b, NULL, pid % 2 ? "odd" : "even");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_EVENT, e->ns, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

struct made_trigger {
	uint64_t ns, n, kind, current;
	const char *message;
};

static void put_trigger(struct ktstr_journal_writer *w, const struct made_trigger *g)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "point", 0);
	ktstr_put_u64(&b, "cpu", 0);
	ktstr_put_u64(&b, "n", g->n);
	ktstr_put_u64(&b, "kind", g->kind);
	ktstr_put_u64(&b, "pid", g->current);
	ktstr_put_str(&b, "comm", "current");
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_TRIGGER, g->ns, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

/* A trace and its story, out of a journal that is made of these events. */
struct made_story {
	struct ktstr_journal *journal, *first;	/* the first attempt, where there is one before it */
	struct ktstr_verdict verdict, first_verdict;
	struct trace t;
	struct story story;
};

static struct ktstr_journal *make_journal(const struct made *events, size_t n, const struct made_trigger *g)
{
	char path[] = "/tmp/ktstr-test-auto-repro.XXXXXX";
	struct ktstr_journal_writer *w;
	struct ktstr_journal *j;

	close(mkstemp(path));
	unlink(path);
	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	for (size_t i = 0; i < sizeof(made_points) / sizeof(made_points[0]); i++) {
		put_point(w, &made_points[i], made_points[i].entry, "entry");
		if (made_points[i].exit)
			put_point(w, &made_points[i], made_points[i].exit, "exit");
	}
	for (size_t i = 0; i < n; i++)
		put_event(w, &events[i]);
	put_trigger(w, g);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	unlink(path);
	return j;
}

/* Of an attempt that is not the first, when the message of that one is given. */
static struct made_story *tell_of_second(const struct made *events, size_t n, const struct made_trigger *g,
					 struct ktstr_journal *first, const char *message)
{
	struct made_story *m = calloc(1, sizeof(*m));
	const struct ktstr_journal *journals[2];
	const struct ktstr_verdict *verdicts[2];
	struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = first ? 2 : 1, .journals = journals, .verdicts = verdicts,
		.next = ktstr_journal_next,
	};

	cr_assert(m);
	m->journal = make_journal(events, n, g);
	m->first = first;
	m->verdict = (struct ktstr_verdict){ .size = sizeof(m->verdict), .exit_message = g->message };
	m->first_verdict = (struct ktstr_verdict){ .size = sizeof(m->verdict), .exit_message = message };
	journals[0] = first;
	verdicts[0] = &m->first_verdict;
	journals[first ? 1 : 0] = m->journal;
	verdicts[first ? 1 : 0] = &m->verdict;
	cr_assert_eq(trace_read(&m->t, &input, input.attempts - 1), 0);
	story_find(&m->t, &m->story);
	return m;
}

static struct made_story *tell(const struct made *events, size_t n, const struct made_trigger *g)
{
	return tell_of_second(events, n, g, NULL, NULL);
}

#define TELL(events, ...) tell(events, sizeof(events) / sizeof((events)[0]), &(struct made_trigger){ __VA_ARGS__ })

static void forget(struct made_story *m)
{
	trace_free(&m->t);
	ktstr_journal_destroy(m->journal);
	ktstr_journal_destroy(m->first);
	free(m);
}

/* ---- calls ---- */

/* The calls as "FUNCTION@DEPTH:EXIT" with the number of the exit's event, "-" for none. */
static void expect_calls(const struct trace *t, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct call *c = &t->calls[i];
		char exit[16] = "-";

		if (c->exit)
			snprintf(exit, sizeof(exit), "%llu", (unsigned long long)c->exit->n);
		ktstr_append(text, sizeof(text), "%s%.*s@%u:%s", i ? " " : "",
			     KTSTR_STR_ARG(trace_point(t, c->entry)->function), c->depth, exit);
	}
	cr_expect_str_eq(text, expected);
}

Test(calls, nest)
{
	static const struct made events[] = {
		EV(100, DO_ENQUEUE, 0, 0, .task = 11), EV(101, ENQUEUE, 0, 1, .task = 11),
		EV(102, INSERT, 0, 2, .task = 11), EV(103, ENQUEUE_X, 0, 3, .task = 11),
		EV(104, DO_ENQUEUE_X, 0, 4, .task = 11), EV(105, DISPATCH, 0, 5),
		EV(106, DISPATCH_X, 0, 6),
	};
	struct made_story *m = TELL(events, 200, 7, 1024, 0, "");

	expect_calls(&m->t, "scx_do_enqueue_task@0:4 x_enqueue@1:3 scx_bpf_dsq_insert@2:- x_dispatch@0:6");
	forget(m);
}

Test(calls, are_in_the_order_of_their_cpu_however_the_journal_has_them)
{
	static const struct made events[] = {
		EV(103, ENQUEUE_X, 0, 3, .task = 12), EV(101, ENQUEUE_X, 0, 1, .task = 11),
		EV(102, ENQUEUE, 0, 2, .task = 12), EV(90, ENQUEUE, 1, 0, .task = 13),
		EV(100, ENQUEUE, 0, 0, .task = 11),
	};
	struct made_story *m = TELL(events, 200, 7, 1024, 0, "");

	expect_calls(&m->t, "x_enqueue@0:1 x_enqueue@0:3 x_enqueue@0:-");
	cr_expect_eq(m->t.calls[2].entry->cpu, 1);
	forget(m);
}

/* The same function for another task, out of an interrupt; a return on another CPU; one of another current task. */
Test(calls, end_with_the_return_that_is_theirs)
{
	static const struct made events[] = {
		EV(100, ENQUEUE, 0, 0, .task = 11), EV(101, ENQUEUE, 0, 1, .task = 12),
		EV(102, ENQUEUE_X, 0, 2, .task = 12), EV(103, ENQUEUE_X, 0, 3, .task = 11),
		EV(104, ENQUEUE, 0, 4, .task = 13, .current = 5),
		EV(105, ENQUEUE_X, 0, 5, .task = 13, .current = 6),
		EV(106, ENQUEUE_X, 1, 0, .task = 13, .current = 5),
	};
	struct made_story *m = TELL(events, 200, 7, 1024, 0, "");

	expect_calls(&m->t, "x_enqueue@0:3 x_enqueue@1:2 x_enqueue@0:-");
	forget(m);
}

Test(calls, whose_return_was_lost_hold_up_nothing)
{
	static const struct made events[] = {
		EV(100, DO_ENQUEUE, 0, 0, .task = 11), EV(101, ENQUEUE, 0, 1, .task = 11),
		EV(103, DO_ENQUEUE_X, 0, 3, .task = 11), EV(104, ENQUEUE, 0, 4, .task = 12),
		EV(105, ENQUEUE_X, 0, 5, .task = 12), EV(106, DO_ENQUEUE_X, 0, 6, .task = 12),
	};
	struct made_story *m = TELL(events, 200, 7, 1024, 0, "");

	expect_calls(&m->t, "scx_do_enqueue_task@0:3 x_enqueue@1:- x_enqueue@0:5");
	forget(m);
}

/* ---- the subject ---- */

/* Task 11 is enqueued and done on CPU 0; with `open`, 12's call is not over; 13 is busy on CPU 1 with 0x1badd. */
static struct story find(bool open, uint64_t kind, uint64_t current, const char *message)
{
	static const struct made events[] = {
		EV(100, ENQUEUE, 0, 0, .task = 11, .current = 5),
		EV(110, ENQUEUE_X, 0, 1, .task = 11, .current = 5),
		EV(90, ENQUEUE, 1, 0, .task = 13, .value = 0x1badd, .current = 5),
		EV(128, ENQUEUE_X, 1, 1, .task = 13, .value = 0x1badd, .current = 5),
		EV(120, ENQUEUE, 0, 2, .task = 12, .current = 5),
		EV(125, ENQUEUE_X, 0, 3, .task = 12, .current = 5),
	};
	size_t n = sizeof(events) / sizeof(events[0]);
	struct made_story *m = tell(events, n - open, &(struct made_trigger){ 130, 4, kind, current, message });
	struct story story = m->story;

	forget(m);
	return story;
}

Test(auto_repro, the_subject_is_whom_the_open_calls_are_about)
{
	struct story s = find(true, 1025, 0, "for worker[11] a value 0x1badd");

	cr_expect_eq(s.pid, 12);
	cr_expect_str_eq(s.comm, "worker");
	cr_expect_not(s.guess);
	cr_expect_eq(s.n_journey, 1);
}

Test(auto_repro, else_the_message_names_it)
{
	cr_expect_eq(find(false, 1024, 0, "non-existent DSQ for worker[11]").pid, 11);
	cr_expect_eq(find(false, 1024, 0, "non-existent DSQ 0x1badd").pid, 13);
}

Test(auto_repro, of_a_stall_the_message_comes_first)
{
	cr_expect_eq(find(true, 1026, 0, "worker[11] failed to run for 5.123s").pid, 11);
}

Test(auto_repro, who_was_running_is_a_guess)
{
	struct story s = find(false, 1024, 13, "no names here [12]");

	cr_expect_eq(s.pid, 13);
	cr_expect(s.guess);
}

Test(auto_repro, who_unregisters_the_scheduler_is_none)
{
	struct story s = find(true, 64, 13, "");

	cr_expect_eq(s.pid, 13);
	cr_expect_not(s.guess);
}

/* 6.16 calls ops.dispatch() out of a function that is told what ran before: the idle task. */
Test(auto_repro, the_idle_task_is_nobody)
{
	static const struct made events[] = { EV(100, DO_ENQUEUE, 0, 0, .task = IDLE), EV(101, DISPATCH, 0, 1) };
	struct made_story *m = TELL(events, 102, 2, 1025, 0, "dispatch fault");

	cr_expect(m->story.nobody);
	cr_expect_eq(m->story.n_journey, 2, "that of the CPU");
	forget(m);
}

/* ---- the task of the first attempt ---- */

/* A journal with a worker of that pid, in a cgroup below another. */
static struct ktstr_journal *make_first(uint64_t pid)
{
	char path[] = "/tmp/ktstr-test-auto-repro.XXXXXX";
	struct ktstr_journal_writer *w;
	struct ktstr_buf b = { 0 };
	struct ktstr_journal *j;

	close(mkstemp(path));
	unlink(path);
	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "cgroup", "both/even");
	ktstr_put_u64(&b, "pid", pid);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_WORKER, 1, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	unlink(path);
	return j;
}

/* 21 was seen first, but is of another cgroup; 20 runs on; 22 is not seen any more. */
static struct made_story *second(const char *message, const char *first_message)
{
	static const struct made events[] = {
		EV(100, ENQUEUE, 0, 0, .task = 21), EV(101, ENQUEUE_X, 0, 1, .task = 21),
		EV(102, ENQUEUE, 0, 2, .task = 20), EV(103, ENQUEUE_X, 0, 3, .task = 20),
		EV(104, ENQUEUE, 0, 4, .task = 22), EV(105, ENQUEUE_X, 0, 5, .task = 22),
		EV(106, ENQUEUE, 0, 6, .task = 20), EV(107, ENQUEUE_X, 0, 7, .task = 20),
	};

	return tell_of_second(events, sizeof(events) / sizeof(events[0]),
			      &(struct made_trigger){ 200, 8, 1026, 7, message }, make_first(10), first_message);
}

Test(victim, is_found_by_name_and_cgroup_when_the_message_names_none)
{
	struct made_story *m = second("watchdog failed to check in for 5.0s", "worker[10] failed to run for 5.1s");

	cr_expect_eq(m->story.pid, 22);
	cr_expect(m->story.is_victim);
	cr_expect_not(m->story.guess);
	forget(m);
}

Test(victim, is_who_the_message_names_when_it_does)
{
	struct made_story *m = second("worker[20] failed to run for 5.0s", "worker[10] failed to run for 5.1s");

	cr_expect_eq(m->story.pid, 20);
	cr_expect(m->story.is_victim, "another pid, the same name and cgroup");
	forget(m);
	m = second("worker[21] failed to run for 5.0s", "worker[10] failed to run for 5.1s");
	cr_expect_eq(m->story.pid, 21);
	cr_expect_not(m->story.is_victim, "of another cgroup");
	forget(m);
}

Test(victim, whose_cgroup_is_not_known_is_found_by_name)
{
	struct made_story *m = second("watchdog failed to check in for 5.0s", "worker[11] failed to run for 5.1s");

	cr_expect_eq(m->story.pid, 21, "the one not seen for the longest time");
	forget(m);
	m = second("watchdog failed to check in for 5.0s", "nobody[11] failed to run for 5.1s");
	cr_expect(m->story.guess);
	forget(m);
}

Test(victim, may_have_a_name_with_blanks)
{
	static const struct {
		const char *message, *name;
	} cases[] = {
		{ "my own task[12] failed to run for 5.123s", "my own task" },
		{ "non-existent DSQ 0x5 for my own task[12]", "my own task" },
		{ "SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for a b[12]", "a b" },
		{ "SCX_DSQ_LOCAL[_ON] cannot move migration disabled a b[12] from CPU 0 to 1", "a b" },
		{ "what a scheduler says of task[12] itself", "task" },
		{ "kworker/1:1[12] failed to run for 5.123s", "kworker/1:1" },
		{ "before (task[12])", "task" },
	};
	char comm[32];
	uint64_t pid;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert(trace_named_task(cases[i].message, comm, sizeof(comm), &pid), "%s", cases[i].message);
		cr_expect_str_eq(comm, cases[i].name);
		cr_expect_eq(pid, 12);
	}
	cr_expect_not(trace_named_task("nobody [12], and [x]", comm, sizeof(comm), &pid));
	cr_expect_not(trace_named_task("[12]", comm, sizeof(comm), &pid));
}

/* ---- its journey ---- */

/* "FUNCTION" or "FUNCTION*TIMES", in order. */
static void expect_journey(const struct made_story *m, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < m->story.n_journey; i++) {
		ktstr_append(text, sizeof(text), "%s%.*s", i ? " " : "",
			     KTSTR_STR_ARG(trace_point(&m->t, m->story.journey[i]->entry)->function));
		if (m->story.repeats[i])
			ktstr_append(text, sizeof(text), "*%u", m->story.repeats[i] + 1);
	}
	cr_expect_str_eq(text, expected);
}

Test(journey, goes_over_cpus_in_time_and_ends_with_the_trigger)
{
	static const struct made events[] = {
		EV(130, DO_ENQUEUE, 0, 0, .task = 11), EV(131, ENQUEUE, 0, 1, .task = 11),
		EV(100, SELECT, 1, 0, .task = 11), EV(101, SELECT_X, 1, 1, .task = 11),
		EV(102, ENQUEUE, 1, 2, .task = 12), EV(103, ENQUEUE_X, 1, 3, .task = 12),
		EV(110, TICK, 1, 4, .task = 11), EV(111, INSERT, 1, 5, .task = 11),
		/* after it, on either CPU */
		EV(150, SELECT, 1, 6, .task = 11), EV(139, SELECT, 0, 3, .task = 11),
	};
	struct made_story *m = TELL(events, 140, 2, 1025, 0, "");

	cr_expect_eq(m->story.pid, 11);
	expect_journey(m, "x_select_cpu scx_bpf_dsq_insert scx_do_enqueue_task x_enqueue");
	cr_expect_not(story_was_open(&m->t, m->story.journey[0]));
	cr_expect(story_was_open(&m->t, m->story.journey[3]));
	cr_expect_eq(story_last_call(&m->t, &m->story, "x_enqueue", true), m->story.journey[3]);
	cr_expect_null(story_last_call(&m->t, &m->story, "x_enqueue", false));
	forget(m);
}

Test(journey, has_a_row_of_the_same_once)
{
	struct made events[2 * 9];
	struct made_story *m;

	for (uint64_t i = 0; i < 9; i++) {
		uint64_t point = i < 5 ? ENQUEUE : i == 5 ? SELECT : ENQUEUE;

		events[2 * i] = (struct made)EV(100 + 2 * i, point, 0, 2 * i, .task = 11);
		events[2 * i + 1] = (struct made)EV(101 + 2 * i, point + 1, 0, 2 * i + 1, .task = 11);
	}
	m = TELL(events, 130, 18, 1026, 0, "worker[11] failed to run for 5.1s");
	expect_journey(m, "x_enqueue*5 x_select_cpu x_enqueue*3");
	forget(m);
}

Test(journey, keeps_the_last_steps)
{
	struct made events[100];
	struct made_story *m;

	for (uint64_t i = 0; i < 100; i++)
		events[i] = (struct made)EV(100 + i, i % 2 ? INSERT : PICK, 0, i, .task = 11);
	m = TELL(events, 300, 100, 1026, 0, "worker[11] failed to run for 5.1s");
	cr_expect_eq(m->story.n_journey, JOURNEY_MAX);
	cr_expect_eq(m->story.journey[JOURNEY_MAX - 1]->entry->n, 99);
	cr_expect_eq(m->story.journey[0]->entry->n, 100 - JOURNEY_MAX);
	forget(m);
}

/* ---- who set the value ---- */

#define BAD 0xcafef00d

/* As history-and-arm64.md has it: select_cpu sets it, and the kernel notices when the task is enqueued. */
Test(culprit, is_the_callback_that_was_left_with_the_value)
{
	static const struct made events[] = {
		EV(100, SELECT, 0, 0, .task = 11), EV(101, SELECT_X, 0, 1, .task = 11, .value = BAD),
		EV(102, DO_ENQUEUE, 0, 2, .task = 11, .value = BAD),
		EV(103, ENQUEUE, 0, 3, .task = 11, .value = BAD),
		EV(104, ENQUEUE_X, 0, 4, .task = 11, .value = BAD),
	};
	struct made_story *m = TELL(events, 105, 5, 1024, 0, "non-existent DSQ 0xcafef00d");

	cr_assert(m->story.culprit);
	cr_expect_eq(m->story.culprit->entry->point, SELECT);
	cr_expect_eq(m->story.value, BAD);
	forget(m);
}

/* It is gone from the task's fields when the callback returns: what was called inside had it. */
Test(culprit, is_the_callback_inside_which_the_value_was_passed_on)
{
	static const struct made events[] = {
		EV(100, ENQUEUE, 0, 0, .task = 11), EV(101, INSERT, 0, 1, .task = 11, .value = BAD),
		EV(102, ENQUEUE_X, 0, 2, .task = 11), EV(103, DO_ENQUEUE, 0, 3, .task = 11),
	};
	struct made_story *m = TELL(events, 104, 4, 1024, 0, "non-existent DSQ 0xcafef00d");

	cr_assert(m->story.culprit);
	cr_expect_eq(m->story.culprit->entry->point, ENQUEUE);
	forget(m);
}

Test(culprit, is_not_who_found_the_value_there)
{
	static const struct made events[] = {
		EV(102, ENQUEUE, 0, 3, .task = 11, .value = BAD),
		EV(103, ENQUEUE_X, 0, 4, .task = 11, .value = BAD),
		EV(104, DO_ENQUEUE, 0, 5, .task = 11, .value = BAD),
	};
	struct made_story *m = TELL(events, 105, 6, 1024, 0, "non-existent DSQ 0xcafef00d");

	cr_expect(m->story.has_value);
	cr_expect_null(m->story.culprit);
	forget(m);
}

Test(culprit, is_not_sought_for_a_number_that_is_everywhere)
{
	static const struct made events[] = {
		EV(100, SELECT, 0, 0, .task = 11), EV(101, SELECT_X, 0, 1, .task = 11, .value = 0x5),
		EV(102, DO_ENQUEUE, 0, 2, .task = 11, .value = 0x5),
	};
	struct made_story *m = TELL(events, 105, 5, 1024, 0, "non-existent DSQ 0x5");

	cr_expect_not(m->story.has_value);
	forget(m);
}

/* ---- a dispatch loop ---- */

/* `picks` times the kernel looks for a task on CPU 1, and asks the scheduler `times` times each time. */
static struct made_story *loop(uint64_t picks, uint64_t times, const char *message)
{
	size_t n = 0, room = picks * (1 + 3 * times);
	struct made *events = calloc(room, sizeof(*events));
	struct made_story *m;

	cr_assert(events);
	for (uint64_t pick = 0; pick < picks; pick++) {
		events[n] = (struct made)EV(100 + n, PICK, 1, n);
		n++;
		for (uint64_t i = 0; i < times; i++) {
			events[n] = (struct made)EV(100 + n, DISPATCH, 1, n);
			events[n + 1] = (struct made)EV(101 + n, INSERT, 1, n + 1, .task = 2);
			events[n + 2] = (struct made)EV(102 + n, DISPATCH_X, 1, n + 2);
			n += 3;
		}
	}
	m = tell(events, n, &(struct made_trigger){ 100000, 0, 1026, 7, message });
	free(events);
	return m;
}

Test(loop, is_many_calls_for_one_pick)
{
	struct made_story *m = loop(2, 20, "watchdog failed to check in for 5.004s");
	const struct call *inside;

	cr_assert(m->story.loop);
	cr_expect_eq(m->story.loop_times, 20);
	cr_expect_eq(m->story.cpu, 1, "which is not the trigger's");
	cr_expect(m->story.nobody);
	cr_expect_eq(m->story.n_journey, JOURNEY_MAX, "that of the CPU in the loop");
	inside = story_inside(&m->t, m->story.loop);
	cr_assert(inside);
	cr_expect_eq(inside->entry->task, 1002);
	forget(m);
}

Test(loop, has_a_subject_when_the_message_names_one)
{
	struct made_story *m = loop(1, 20, "worker[11] failed to run for 5.1s");

	cr_expect(m->story.loop);
	cr_expect_not(m->story.nobody);
	cr_expect_eq(m->story.pid, 11);
	forget(m);
}

Test(loop, is_not_many_picks)
{
	struct made_story *m = loop(20, 2, "watchdog failed to check in for 5.004s");

	cr_expect_null(m->story.loop);
	cr_expect(m->story.guess);
	forget(m);
}
