/* SPDX-License-Identifier: GPL-2.0-only */
/* Crash chains, out of what kernels printed. */
#include "base/clock.h"
#include "run/chain.h"
#include "wire/journal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line {
	enum ktstr_rec type;
	const char *text;
};

#define KMSG(text) { KTSTR_REC_KMSG, text }
#define DUMP(text) { KTSTR_REC_SCX_DUMP, text }
#define OUT(text) { KTSTR_REC_SCHED_OUT, text }
#define CONSOLE(text) { KTSTR_REC_CONSOLE, text }

static struct ktstr_chain_reader *read_lines(const struct line *lines, size_t n)
{
	struct ktstr_chain_reader *reader = ktstr_chain_reader_create();

	cr_assert(reader);
	for (size_t i = 0; i < n; i++) {
		struct ktstr_record rec = { .type = lines[i].type };
		struct ktstr_buf b = { 0 };

		ktstr_put_begin(&b);
		ktstr_put_str(&b, "text", lines[i].text);
		ktstr_put_end(&b);
		cr_assert(ktstr_fields_parse(b.data, b.len, &rec.fields));
		ktstr_chain_reader_add(reader, &rec);
		ktstr_buf_free(&b);
	}
	return reader;
}

#define READ(lines) read_lines(lines, sizeof(lines) / sizeof((lines)[0]))

/* "name name(why) ..." with * at those of BPF. */
static void expect_chain(const struct ktstr_chain *chain, const char *source, const char *frames)
{
	char text[2048] = "";

	cr_assert(chain);
	cr_expect_str_eq(chain->source, source);
	for (size_t i = 0; i < chain->n_frames; i++) {
		const struct ktstr_chain_frame *f = chain->frames[i];
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s%s%s%s%s", i ? " " : "", f->name, f->bpf ? "*" : "",
			 f->skipped ? "(" : "", f->skipped ? f->skipped : "", f->skipped ? ")" : "");
	}
	cr_expect_str_eq(text, frames);
}

/* ---- logs of real crashes ---- */

#define LOG_LINES_MAX 128

struct log {
	char *text;
	struct line lines[LOG_LINES_MAX];
	size_t n;
};

/* crash-logs/NAME.txt: "kmsg: " and "dump: " before each line of those; with_dump: the latter, too. */
static void read_log(const char *name, bool with_dump, struct log *log)
{
	char path[512];
	size_t size = 0;
	FILE *f;

	memset(log, 0, sizeof(*log));
	snprintf(path, sizeof(path), "%s/tests/unit/crash-logs/%s.txt", getenv("abs_top_srcdir") ?: ".", name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	cr_assert_gt(getdelim(&log->text, &size, '\0', f), 0);
	fclose(f);
	for (char *p = log->text, *line; (line = strsep(&p, "\n")) && log->n < LOG_LINES_MAX;) {
		bool kmsg = !strncmp(line, "kmsg:", 5), dump = !strncmp(line, "dump:", 5);

		if (kmsg || (dump && with_dump))
			log->lines[log->n++] = (struct line){ kmsg ? KTSTR_REC_KMSG : KTSTR_REC_SCX_DUMP,
							      line + 5 + (line[5] == ' ') };
	}
}

/* Of a chain: the functions that a repro looks at. */
static void list_looked_at(const struct ktstr_chain *chain, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < chain->n_frames; i++)
		if (!chain->frames[i]->skipped)
			n += (size_t)snprintf(text + n, size - n, "%s%s%s", n ? " " : "", chain->frames[i]->name,
					      chain->frames[i]->bpf ? "*" : "");
}

static void expect_log(const char *name, bool with_dump, size_t frames, const char *looked_at)
{
	static struct log log;
	struct ktstr_chain_reader *reader;
	const struct ktstr_chain *chain;
	char text[2048];

	read_log(name, with_dump, &log);
	reader = read_lines(log.lines, log.n);
	chain = ktstr_chain_reader_end(reader);
	cr_assert(chain, "%s", name);
	list_looked_at(chain, text, sizeof(text));
	cr_expect_str_eq(chain->source, with_dump ? "sched_ext dump" : "kernel log", "%s", name);
	cr_expect_eq(chain->n_frames, frames, "%s: %zu frames", name, chain->n_frames);
	cr_expect_str_eq(text, looked_at, "%s: %s", name, text);
	ktstr_chain_reader_destroy(reader);
	free(log.text);
}

/* The dump and the log have the same stack: where both are, it is that of the dump. */
Test(chain, of_five_kernels)
{
	static const struct {
		const char *name;
		size_t frames;		/* of the stack, each function once */
		const char *looked_at;
	} cases[] = {
		{ "6.16-enqueue-error", 11, "ktstr_enqueue* do_enqueue_task put_prev_task_scx" },
		{ "6.18-enqueue-error", 20, "ktstr_enqueue* do_enqueue_task put_prev_task_scx" },
		{ "6.18-bad-dsq", 15, "find_dsq_for_dispatch do_enqueue_task put_prev_task_scx" },
		{ "6.19-enqueue-error", 25,
		  "ktstr_enqueue* do_enqueue_task enqueue_task_scx enqueue_task ttwu_do_activate try_to_wake_up "
		  "call_timer_fn __run_timers run_timer_softirq" },
		{ "7.0-enqueue-error", 17, "ktstr_enqueue* do_enqueue_task put_prev_task_scx" },
		{ "7.3-enqueue-error", 20,
		  "ktstr_enqueue* scx_do_enqueue_task enqueue_task_scx enqueue_task ttwu_do_activate try_to_wake_up" },
		{ "7.3-bad-dsq", 14,
		  "find_dsq_for_dispatch scx_do_enqueue_task enqueue_task_scx enqueue_task ttwu_do_activate "
		  "try_to_wake_up wake_up_q futex_wake do_futex" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_log(cases[i].name, false, cases[i].frames, cases[i].looked_at);
		expect_log(cases[i].name, true, cases[i].frames, cases[i].looked_at);
	}
}

/* ---- made-up ones, and parts of real ones ---- */

/* 7.3.4, scx_bpf_error() in enqueue: dump and log have the same. */
Test(chain, of_7_3)
{
	static const struct line lines[] = {
		DUMP("ktstr: root"), DUMP("bursty[123] triggered exit kind 1025 on CPU 3:"),
		DUMP("  scx_bpf_error (enqueue fault after 1000 calls)"), DUMP(""), DUMP("Backtrace:"),
		DUMP("  scx_exit_bstr+0xdd/0x110"), DUMP("  scx_bpf_error_bstr+0x60/0xa0"),
		DUMP("  bpf_prog_521d0c8e5811fc04_ktstr_enqueue+0xac/0x278"),
		DUMP("  bpf__sched_ext_ops_enqueue+0x50/0xad"), DUMP("  scx_do_enqueue_task+0x310/0x7d0"),
		DUMP("  put_prev_task_scx+0x35e/0x540"), DUMP("  __schedule+0x282/0x1080"), DUMP(""),
		DUMP("CPU states"), DUMP("  __schedule+0x282/0x1080"),
		KMSG("sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)"),
		KMSG("sched_ext: ktstr: enqueue fault after 1000 calls"), KMSG("   scx_exit_bstr+0xdd/0x110"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "sched_ext dump",
		     "scx_exit_bstr(exit path) scx_bpf_error_bstr(exit path) ktstr_enqueue* "
		     "bpf__sched_ext_ops_enqueue(stub of a callback) scx_do_enqueue_task put_prev_task_scx "
		     "__schedule(the scheduler's entry)");
	ktstr_chain_reader_destroy(reader);
}

/* 6.16.12, the same, without a dump. */
Test(chain, of_6_16_from_the_kernel_log)
{
	static const struct line lines[] = {
		KMSG("sched_ext: BPF scheduler \"ktstr\" enabled"), KMSG("cpu_startup_entry+0x1/0x2"),
		KMSG("sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)"),
		KMSG("sched_ext: ktstr: enqueue fault after 1000 calls"), KMSG("   scx_kf_exit+0x8d/0xc0"),
		KMSG("   scx_bpf_error_bstr+0x66/0x80"),
		KMSG("   bpf_prog_4c2ae1dfac40f104_ktstr_enqueue+0xa7/0x23e"),
		KMSG("   bpf__sched_ext_ops_enqueue+0x4b/0xa8"), KMSG("   do_enqueue_task+0x14d/0x560"),
		KMSG("   put_prev_task_scx+0x308/0x3a0"), KMSG("   irqentry_exit_to_user_mode+0x154/0x220"),
		KMSG("audit: something else"), KMSG("   late_frame+0x1/0x2"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "kernel log",
		     "scx_kf_exit(exit path) scx_bpf_error_bstr(exit path) ktstr_enqueue* "
		     "bpf__sched_ext_ops_enqueue(stub of a callback) do_enqueue_task put_prev_task_scx "
		     "irqentry_exit_to_user_mode(interrupt entry)");
	ktstr_chain_reader_destroy(reader);
}

/* A scheduler prints the dump itself when the kernel's is not read (user_exit_info.h). */
Test(chain, from_the_schedulers_own_log)
{
	static const struct line lines[] = {
		OUT("DEBUG DUMP"), OUT("Backtrace:"), OUT("  find_dsq_for_dispatch+0x8d/0xa0"),
		OUT("  scx_do_enqueue_task+0x1f4/0x7d0"), OUT(""), OUT("Backtrace:"), OUT("  other+0x1/0x2"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "scheduler log",
		     "find_dsq_for_dispatch scx_do_enqueue_task");
	ktstr_chain_reader_destroy(reader);
}

/* 7.3.4, scx_qmap -l: the tick finds that the watchdog does not come to run. */
Test(chain, of_a_stall_has_nothing_to_probe)
{
	static const struct line lines[] = {
		KMSG("sched_ext: BPF scheduler \"qmap\" disabled (runnable task stall)"),
		KMSG("sched_ext: qmap: watchdog failed to check in for 5.004s"), KMSG("   scx_vexit+0x6d/0xa0"),
		KMSG("   __scx_exit+0x4f/0x70"), KMSG("   scx_tick+0xa4/0xb0"), KMSG("   sched_tick+0xbb/0x250"),
		KMSG("   update_process_times+0x94/0xc0"), KMSG("   asm_sysvec_apic_timer_interrupt+0x1a/0x20"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "kernel log",
		     "scx_vexit(exit path) __scx_exit(exit path) scx_tick(watchdog) sched_tick(watchdog) "
		     "update_process_times(watchdog) asm_sysvec_apic_timer_interrupt(interrupt entry)");
	ktstr_chain_reader_destroy(reader);
}

/* The guest's log ended with the line before: the console has the rest. */
Test(chain, from_the_console_when_the_log_ended)
{
	static const struct line lines[] = {
		KMSG("sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)"),
		CONSOLE("[    4.257314] sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)"),
		CONSOLE("[    4.259175] sched_ext: ktstr: enqueue fault"),
		CONSOLE("[    4.259312]    scx_kf_exit+0x8d/0xc0"),
		CONSOLE("[    4.259417][    T7]    bpf_prog_a4b677de1aa3c0a6_ktstr_enqueue+0x49/0x51"),
		CONSOLE("[    4.259463]    do_enqueue_task+0x14d/0x560"), CONSOLE("ktstr-agent: gone"),
		CONSOLE("[    4.259473]    something_else+0x14d/0x560"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "console",
		     "scx_kf_exit(exit path) ktstr_enqueue* do_enqueue_task");
	ktstr_chain_reader_destroy(reader);
}

/* What is printed between an orderly end and the crash belongs to neither. */
Test(chain, begins_with_the_scheduler_that_was_thrown_out)
{
	static const struct line lines[] = {
		KMSG("sched_ext: BPF scheduler \"a\" disabled (unregistered from user space)"),
		KMSG("   warned_about+0x1/0x20"), KMSG("something else"),
		KMSG("sched_ext: BPF scheduler \"b\" disabled (scx_bpf_error)"), KMSG("   culprit+0x1/0x20"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "kernel log", "culprit");
	ktstr_chain_reader_destroy(reader);
}

Test(chain, an_empty_backtrace_is_not_that_of_a_task)
{
	static const struct line lines[] = {
		DUMP("Backtrace:"), DUMP(""), DUMP("CPU states"), DUMP("  __schedule+0x282/0x1080"),
		DUMP("  of_some_task+0x1/0x2"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	cr_assert_null(ktstr_chain_reader_end(reader));
	ktstr_chain_reader_destroy(reader);
}

Test(chain, both_halves_of_a_function_are_one)
{
	static const struct line lines[] = {
		DUMP("Backtrace:"), DUMP("  fn.cold+0x1/0x2"), DUMP("  fn+0x10/0x20"), DUMP("  fn.isra.0+0x1/0x2"),
		DUMP("  bpf_prog_0123456789abcdef_fn+0x1/0x2"),
	};
	struct ktstr_chain_reader *reader = READ(lines);

	expect_chain(ktstr_chain_reader_end(reader), "sched_ext dump", "fn fn*");
	ktstr_chain_reader_destroy(reader);
}

Test(chain, there_is_none_where_none_was_printed)
{
	static const struct line lines[] = { KMSG("sched_ext: BPF scheduler \"x\" enabled"), OUT("done") };
	struct ktstr_chain_reader *reader = READ(lines);

	cr_assert_null(ktstr_chain_reader_end(reader));
	ktstr_chain_reader_destroy(reader);
}

Test(chain, is_bounded_whatever_is_printed)
{
	struct ktstr_chain_reader *reader = ktstr_chain_reader_create();
	const struct ktstr_chain *chain;
	struct ktstr_record rec = { .type = KTSTR_REC_SCX_DUMP };

	for (int i = -1; i < 1000; i++) {
		struct ktstr_buf b = { 0 };
		char text[64];

		snprintf(text, sizeof(text), i < 0 ? "Backtrace:" : "  f%d+0x1/0x2", i);
		ktstr_put_begin(&b);
		ktstr_put_str(&b, "text", text);
		ktstr_put_end(&b);
		cr_assert(ktstr_fields_parse(b.data, b.len, &rec.fields));
		ktstr_chain_reader_add(reader, &rec);
		ktstr_buf_free(&b);
	}
	chain = ktstr_chain_reader_end(reader);
	cr_expect_eq(chain->n_frames, 64);
	ktstr_chain_reader_destroy(reader);
}

/* ---- lines ---- */

static bool parse(const char *text, struct ktstr_chain_line *ret)
{
	return ktstr_chain_parse((struct ktstr_str){ text, strlen(text) }, ret);
}

Test(chain, a_frame_has_an_offset_and_a_length)
{
	static const char *const none[] = {
		"", "schedule", "schedule+5", "two words+0x1/0x2", "fn+0x/0x2", "fn+0x1", "fn+0x1/", "+0x1/0x2",
		"fn+0x1/0x2x", "0x12+0x1/0x2", "[unclosed fn+0x1/0x2", "fn:+0x1/0x2", "? ",
	};
	struct ktstr_chain_line line;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_expect_not(parse(none[i], &line), "%s", none[i]);
}

Test(chain, a_frame_is_found_however_it_is_written)
{
	struct ktstr_chain_line line;

	cr_assert(parse("[   12.345678][    T7]  ? ttwu_do_activate.isra.0+0x1A/0x30 [mod]", &line));
	cr_expect_str_eq(line.symbol, "ttwu_do_activate.isra.0");
	cr_expect_str_eq(line.name, "ttwu_do_activate");
	cr_expect_eq(line.offset, 0x1a);
	cr_expect_eq(line.length, 0x30);
	cr_expect(line.unsure);
	cr_expect_null(line.skipped);

	cr_assert(parse(" [<ffffffff81000000>] fn.constprop.0.cold+0x1/0x2", &line));
	cr_expect_str_eq(line.name, "fn");
	cr_expect_not(line.unsure);

	cr_assert(parse("bpf_prog_0123456789abcdef_layered_enqueue+0x60/0x8c", &line));
	cr_expect(line.bpf);
	cr_expect_str_eq(line.name, "layered_enqueue");

	cr_assert(parse("bpf_prog_0123_short+0x60/0x8c", &line));
	cr_expect_not(line.bpf);

	cr_assert(parse("scx_exit_task+0x1/0x2", &line));
	cr_expect_null(line.skipped);
}
