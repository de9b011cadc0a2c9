/* SPDX-License-Identifier: GPL-2.0-only */
/* Cycles fold, nothing else is lost, and the work stays in proportion to the lines. */
#include "base/text.h"
#include "report/report.h"

#include <criterion/criterion.h>

static void collect(void *ctx, const char *text, size_t len, size_t n)
{
	(void)n;
	ktstr_buf_printf(ctx, "%.*s\n", (int)len, text);
}

__attribute__((format(printf, 2, 3)))
static void line(struct ktstr_fold *fold, const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	ktstr_fold_line(fold, (char *)b.data, b.len);
	ktstr_buf_free(&b);
}

/* Compares what is left, and the lines accounted for with those that went in. */
static void expect(struct ktstr_fold *fold, const char *want)
{
	struct ktstr_buf b = { 0 };
	char *got;

	cr_assert_eq(ktstr_fold_finish(fold, collect, &b), 0);
	got = ktstr_buf_steal_str(&b);
	cr_assert_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
	free(got);
	ktstr_fold_destroy(fold);
}

Test(fold, leaves_what_does_not_repeat)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	line(fold, "libbpf: loading object");
	line(fold, "attached");
	line(fold, "attached");
	line(fold, "%s", "");
	line(fold, "bye");
	expect(fold, "libbpf: loading object\nattached\nattached\n\nbye\n");
	expect(ktstr_fold_create(), "");
}

Test(fold, period_1)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	line(fold, "start");
	for (int i = 0; i < 100; i++)
		line(fold, "tick %d at 0x%x", i, i * 4096);
	line(fold, "end");
	expect(fold, "start\ntick 0 at 0x0\n"
	       "  ... 98 more lines like the one above (the same up to numbers) ...\n"
	       "tick 99 at 0x63000\nend\n");
}

Test(fold, the_last_turn_is_not_printed_when_it_says_nothing_new)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 50; i++)
		line(fold, "waiting");
	expect(fold, "waiting\n  ... 49 more lines like the one above (the same) ...\n");
}

Test(fold, period_2_with_a_cut_last_turn)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 10; i++) {
		line(fold, "enqueue");
		line(fold, "dispatch");
	}
	line(fold, "enqueue");
	expect(fold, "enqueue\ndispatch\n"
	       "  ... 9 more times the 2 lines above (18 lines, the same) ...\nenqueue\n");
}

Test(fold, period_7_needs_three_turns)
{
	for (int turns = 2; turns <= 3; turns++) {
		struct ktstr_fold *fold = ktstr_fold_create();
		struct ktstr_buf want = { 0 };
		char *text;

		for (int i = 0; i < turns; i++)
			for (int k = 0; k < 7; k++) {
				line(fold, "%c step %d", 'a' + k, i);
				if (i == 0 || i == turns - 1)
					ktstr_buf_printf(&want, "%c step %d\n", 'a' + k, i);
				if (turns == 3 && i == 1 && k == 6)
					ktstr_buf_puts(&want, "  ... once more the 7 lines above "
						       "(7 lines, the same up to numbers) ...\n");
			}
		text = ktstr_buf_steal_str(&want);
		expect(fold, text);
		free(text);
	}
}

/* No line's last occurrence is one turn back. */
Test(fold, lines_that_repeat_inside_of_the_cycle)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 20; i++) {
		line(fold, "x");
		line(fold, "x");
		line(fold, "y");
		line(fold, "y");
	}
	expect(fold, "x\nx\ny\ny\n  ... 19 more times the 4 lines above (76 lines, the same) ...\n");
}

Test(fold, cycles_of_cycles)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 10; i++) {
		line(fold, "try %d", i);
		for (int k = 0; k < 20 + i; k++)
			line(fold, "  no answer");
		line(fold, "failed");
	}
	expect(fold, "try 0\n  no answer\n"
	       "  ... 19 more lines like the one above (the same) ...\nfailed\n"
	       "  ... 8 more times the 4 lines above (212 lines, the same up to numbers) ...\n"
	       "try 9\n  no answer\n"
	       "  ... 28 more lines like the one above (the same) ...\nfailed\n");
}

Test(fold, a_broken_cycle_and_a_second_one)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 10; i++)
		line(fold, "a%d", i);
	line(fold, "oops");
	for (int i = 0; i < 10; i++)
		line(fold, "a%d", i);
	for (int i = 0; i < 6; i++) {
		line(fold, "b");
		line(fold, "c");
	}
	expect(fold, "a0\n  ... 8 more lines like the one above (the same up to numbers) ...\na9\n"
	       "oops\n"
	       "a0\n  ... 8 more lines like the one above (the same up to numbers) ...\na9\n"
	       "b\nc\n  ... 5 more times the 2 lines above (10 lines, the same) ...\n");
}

Test(fold, too_little_to_gain)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 5; i++)
		line(fold, "once again");
	expect(fold, "once again\nonce again\nonce again\nonce again\nonce again\n");
}

Test(fold, verifier_states_go_and_operands_stay)
{
	struct ktstr_fold *fold = ktstr_fold_create();

	for (int i = 0; i < 4; i++) {
		line(fold, "; for (i = 0; i < 8; i++) @ main.bpf.c:31");
		line(fold, "%d: (07) r1 += 1         ; R1_w=%d", 10, i);
		line(fold, "%d: (07) r1 += 2         ; frame1: R1_w=%d", 11, i);
		line(fold, "%d: (07) r1 += 3         ; R1_w=scalar(id=%d)", 12, i);
		line(fold, "%d: (a5) if r1 < 0x8 goto pc-4     ; R1_w=%d", 13, i);
		line(fold, "%d: R1_w=%d R10=fp0", 10, i);
		line(fold, "from 13 to 10: R0=%d %s", i, i % 2 ? "R2=map" : "R10=fp0");
		line(fold, "%d: (07) r2 += 3", 14);
	}
	expect(fold, "; for (i = 0; i < 8; i++) @ main.bpf.c:31\n"
	       "10: (07) r1 += 1         ; R1_w=0\n"
	       "11: (07) r1 += 2         ; frame1: R1_w=0\n"
	       "12: (07) r1 += 3         ; R1_w=scalar(id=0)\n"
	       "13: (a5) if r1 < 0x8 goto pc-4     ; R1_w=0\n"
	       "10: R1_w=0 R10=fp0\n"
	       "from 13 to 10: R0=0 R10=fp0\n"
	       "14: (07) r2 += 3\n"
	       "  ... 2 more times the 8 lines above (16 lines, the same up to numbers) ...\n"
	       "; for (i = 0; i < 8; i++) @ main.bpf.c:31\n"
	       "10: (07) r1 += 1         ; R1_w=3\n"
	       "11: (07) r1 += 2         ; frame1: R1_w=3\n"
	       "12: (07) r1 += 3         ; R1_w=scalar(id=3)\n"
	       "13: (a5) if r1 < 0x8 goto pc-4     ; R1_w=3\n"
	       "10: R1_w=3 R10=fp0\n"
	       "from 13 to 10: R0=3 R2=map\n"
	       "14: (07) r2 += 3\n");
}

Test(fold, other_instructions_are_no_repetition)
{
	struct ktstr_fold *fold = ktstr_fold_create();
	struct ktstr_buf want = { 0 };
	char *text;

	for (int i = 0; i < 40; i++) {
		line(fold, "%d: (b7) r%d = %d", i, i % 10, i);
		ktstr_buf_printf(&want, "%d: (b7) r%d = %d\n", i, i % 10, i);
	}
	text = ktstr_buf_steal_str(&want);
	expect(fold, text);
	free(text);
}

static void count(void *ctx, const char *text, size_t len, size_t n)
{
	(void)text;
	(void)len;
	(void)n;
	(*(size_t *)ctx)++;
}

/* Words that a small generator picks: repetitive, but no cycle. */
static void noise(struct ktstr_fold *fold, size_t lines, unsigned words)
{
	uint32_t state = 1;

	for (size_t i = 0; i < lines; i++) {
		char text[2];

		state = state * 1664525 + 1013904223;
		text[0] = (char)('a' + (state >> 16) % words);
		text[1] = '!';
		ktstr_fold_line(fold, text, sizeof(text));
	}
}

Test(fold, a_million_lines_in_bounded_work)
{
	enum { LINES = 1000000 };

	for (unsigned words = 1; words <= 26; words += 5) {
		struct ktstr_fold *fold = ktstr_fold_create();
		size_t left = 0;

		noise(fold, LINES, words);
		cr_assert_eq(ktstr_fold_finish(fold, count, &left), 0);
		cr_assert_lt(ktstr_fold_work(fold), 40ull * LINES, "%u words: %llu steps", words,
			     (unsigned long long)ktstr_fold_work(fold));
		cr_assert(words > 1 ? left > LINES / 2 : left == 2, "%u words: %zu lines left", words,
			  left);
		ktstr_fold_destroy(fold);
	}
}

Test(fold, long_cycles)
{
	for (size_t period = 200; period <= 4000; period += 1900) {
		struct ktstr_fold *fold = ktstr_fold_create();
		size_t left = 0;

		for (int turn = 0; turn < 3; turn++)
			noise(fold, period, 26);
		cr_assert_eq(ktstr_fold_finish(fold, count, &left), 0);
		cr_assert_eq(left, period + 1, "period %zu: %zu left", period, left);
		ktstr_fold_destroy(fold);
	}
}
