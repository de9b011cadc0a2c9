/* SPDX-License-Identifier: GPL-2.0-only */
/* section/auto-repro: its decoders, and how it finds the task that a crash is about. */
#include "decode.h"
#include "story.h"

#include "base/clock.h"
#include "wire/journal.h"

#include <criterion/criterion.h>
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
}

/* ---- the subject ---- */

static void put_point(struct ktstr_journal_writer *w, uint64_t n, const char *at)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_str(&b, "at", at);
	ktstr_put_str(&b, "target", "callback");
	ktstr_put_str(&b, "function", "x_enqueue");
	ktstr_put_bool(&b, "attached", true);
	ktstr_put_u64(&b, "task", 0);
	ktstr_put_array(&b, "items");
	for (int i = 0; i < 2; i++) {
		ktstr_put_map(&b, NULL);
		ktstr_put_str(&b, "name", i ? "comm" : "pid");
		ktstr_put_u64(&b, "param", 0);
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_POINT, 1, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

/* Task 1000 + pid; the value is its second argument. */
static void put_event(struct ktstr_journal_writer *w, uint64_t ns, uint64_t point, uint64_t cpu, uint64_t n,
		      uint64_t pid, uint64_t value)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "point", point);
	ktstr_put_u64(&b, "cpu", cpu);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_u64(&b, "pid", 5);
	ktstr_put_u64(&b, "task", 1000 + pid);
	ktstr_put_array(&b, "args");
	ktstr_put_u64(&b, NULL, 1000 + pid);
	ktstr_put_u64(&b, NULL, value);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "values");
	ktstr_put_u64(&b, NULL, pid);
	ktstr_put_str(&b, NULL, "worker");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_EVENT, ns, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

static void put_trigger(struct ktstr_journal_writer *w, uint64_t ns, uint64_t n, uint64_t kind, uint64_t pid)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "point", 9);
	ktstr_put_u64(&b, "cpu", 0);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_u64(&b, "kind", kind);
	ktstr_put_u64(&b, "pid", pid);
	ktstr_put_str(&b, "comm", "current");
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_PROBE_TRIGGER, ns, b.data, b.len, NULL), 0);
	ktstr_buf_free(&b);
}

/* Task 11 is enqueued and done on CPU 0; with `open`, 12's call is not over; 13 is busy on CPU 1 with 0x1badd. */
static struct ktstr_journal *make_journal(bool open, uint64_t kind, uint64_t current)
{
	char path[] = "/tmp/ktstr-test-auto-repro.XXXXXX";
	struct ktstr_journal_writer *w;
	struct ktstr_journal *j;

	close(mkstemp(path));
	unlink(path);
	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	put_point(w, 1, "entry");
	put_point(w, 2, "exit");
	put_event(w, 100, 1, 0, 0, 11, 0);
	put_event(w, 110, 2, 0, 1, 11, 0);
	put_event(w, 120, 1, 0, 2, 12, 0);
	if (!open)
		put_event(w, 125, 2, 0, 3, 12, 0);
	put_event(w, 90, 1, 1, 0, 13, 0x1badd);
	put_event(w, 128, 2, 1, 1, 13, 0x1badd);
	put_trigger(w, 130, 4, kind, current);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	unlink(path);
	return j;
}

static struct story find(bool open, uint64_t kind, uint64_t current, const char *message)
{
	struct ktstr_verdict verdict = { .size = sizeof(verdict), .exit_message = message };
	struct ktstr_journal *journal = make_journal(open, kind, current);
	const struct ktstr_journal *const journals[] = { journal };
	const struct ktstr_verdict *const verdicts[] = { &verdict };
	const struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = 1, .journals = journals, .verdicts = verdicts,
		.next = ktstr_journal_next,
	};
	struct story story;
	struct trace t;

	cr_assert_eq(trace_read(&t, &input, 0), 0);
	story_find(&t, &story);
	trace_free(&t);
	ktstr_journal_destroy(journal);
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
