/* SPDX-License-Identifier: GPL-2.0-only */
/* Whatever a section does, the report has a line about it and everything else. */
#include "base/clock.h"
#include "base/text.h"
#include "config.h"
#include "report/report.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int build_fn(const struct ktstr_section_input *input, const struct ktstr_value *values,
		     struct ktstr_doc *doc, struct ktstr_err *err);

#define BUILD(name) static int name(const struct ktstr_section_input *input,			\
				    const struct ktstr_value *values, struct ktstr_doc *doc,	\
				    struct ktstr_err *err)

BUILD(speaks)
{
	char text[64];

	(void)err;
	snprintf(text, sizeof(text), "%zu attempts, %llu", input->attempts,
		 (unsigned long long)values[0].u64);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	printf("what a section prints is no part of the report\n");
	return 0;
}

BUILD(is_irrelevant)
{
	(void)input, (void)values, (void)err;
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "never seen");
	return KTSTR_SECTION_IRRELEVANT;
}

BUILD(fails)
{
	(void)input, (void)values, (void)doc;
	return ktstr_err_set(err, -ENODATA, "no sample in the journal");
}

BUILD(fails_without_words)
{
	(void)input, (void)values, (void)doc, (void)err;
	return -ENODATA;
}

BUILD(returns_nonsense)
{
	(void)input, (void)values, (void)doc, (void)err;
	return 42;
}

BUILD(crashes)
{
	(void)input, (void)values, (void)err;
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "before the crash");
	raise(SIGSEGV);
	return 0;
}

BUILD(hangs)
{
	(void)input, (void)values, (void)doc, (void)err;
	while (pause() < 0)
		;
	return 0;
}

BUILD(exits)
{
	(void)input, (void)values, (void)doc, (void)err;
	_exit(3);
}

static bool was_open[256];

/* The one descriptor to write to that the test did not have before leads to the parent. */
static void write_to_parent(const char *bytes, size_t len)
{
	for (int fd = 3; fd < 256; fd++)
		if (!was_open[fd] && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY &&
		    write(fd, bytes, len) < 0)
			_exit(9);
}

BUILD(writes_garbage)
{
	(void)input, (void)values, (void)doc, (void)err;
	write_to_parent("\xde\xad\xbe\xef", 4);
	_exit(0);
}

BUILD(writes_without_end)
{
	static char zeros[65536];

	(void)input, (void)values, (void)doc, (void)err;
	while (getppid() > 0)
		write_to_parent(zeros, sizeof(zeros));
	return 0;
}

BUILD(says_too_much)
{
	(void)input, (void)values, (void)err;
	for (int i = 0; i < 100000; i++)
		doc->paragraph(doc, KTSTR_TONE_PLAIN, "this goes on and on");
	return 0;
}

BUILD(eats_memory)
{
	(void)input, (void)values, (void)doc;
	for (size_t total = 0; total < (size_t)64 << 30; total += 1 << 20) {
		char *p = malloc(1 << 20);

		if (!p)
			return ktstr_err_nomem(err);
		memset(p, 1, 1 << 20);
	}
	return 0;
}

static int lifeline[2];		/* the test reads its end when nobody has the other any more */

/* A grandchild that keeps the pipe open must not keep the report waiting, nor live on. */
BUILD(leaves_a_child)
{
	(void)input, (void)values, (void)err;
	if (!fork()) {
		pause();
		_exit(0);
	}
	doc->paragraph(doc, KTSTR_TONE_PLAIN, "said");
	return 0;
}

static const struct ktstr_section_limits limits = {
	.time_ns = 20 * KTSTR_NSEC_PER_SEC,
	.document_bytes = 1 << 20,
	.memory_bytes = 256 << 20,
};

/* The text of a report of three sections: one that speaks, the tested one, one that speaks. */
static char *report(build_fn *build, const struct ktstr_section_limits *with)
{
	static const struct ktstr_section_ops good_ops = {
		.size = sizeof(good_ops), .title = "good", .build = speaks,
	};
	static const struct ktstr_plugin good = {
		.size = sizeof(good), .kind = KTSTR_KIND_SECTION, .name = "good", .ops = &good_ops,
	};
	struct ktstr_section_ops ops = { .size = sizeof(ops), .title = "tested", .build = build };
	struct ktstr_plugin plugin = {
		.size = sizeof(plugin), .kind = KTSTR_KIND_SECTION, .name = "fixture", .ops = &ops,
	};
	struct ktstr_value value = { .set = true, .u64 = 7 };
	struct ktstr_section_use uses[] = { { &good, &value }, { &plugin, &value }, { &good, &value } };
	struct ktstr_section_input input = { .size = sizeof(input), .attempts = 2 };
	struct ktstr_render_options options = { .width = 500 };
	struct ktstr_document *doc = NULL;
	struct ktstr_buf out = { 0 };

	for (int fd = 0; fd < 256; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	cr_assert_eq(ktstr_document_build(uses, 3, &input, with, &doc, NULL), 0);
	cr_assert_eq(ktstr_render_text(doc, &options, &out, NULL), 0);
	ktstr_document_destroy(doc);
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "a child was left");
	return ktstr_buf_steal_str(&out);
}

/* The tested section says `text` and the two others are whole. */
static void expect(build_fn *build, const struct ktstr_section_limits *with, const char *text)
{
	char *got = report(build, with);
	char *want = ktstr_asprintf("--- good ---\n2 attempts, 7\n\n--- tested ---\n%s\n\n"
				    "--- good ---\n2 attempts, 7\n", text);

	cr_assert_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
	free(got);
	free(want);
}

#define UNAFFECTED "; the rest of this report is not affected"

Test(sections, irrelevant_ones_are_not_there)
{
	char *got = report(is_irrelevant, &limits);

	cr_assert_str_eq(got, "--- good ---\n2 attempts, 7\n\n--- good ---\n2 attempts, 7\n");
	free(got);
}

Test(sections, errors_are_told)
{
	expect(fails, &limits, "section fixture failed: no sample in the journal" UNAFFECTED);
	expect(fails_without_words, &limits, "section fixture failed: No data available" UNAFFECTED);
	expect(returns_nonsense, &limits, "section fixture failed: build() returned 42" UNAFFECTED);
}

Test(sections, crashes_are_told)
{
	expect(crashes, &limits, "section fixture crashed (signal 11, Segmentation fault)" UNAFFECTED);
	expect(exits, &limits, "section fixture ended its process by itself (exit status 3)" UNAFFECTED);
}

Test(sections, a_hanging_one_is_stopped)
{
	struct ktstr_section_limits short_time = limits;

	short_time.time_ns = 3 * KTSTR_NSEC_PER_SEC;
	expect(hangs, &short_time,
	       "section fixture was stopped: it did not come to an end within 3 s" UNAFFECTED);
}

Test(sections, garbage_is_refused)
{
	expect(writes_garbage, &limits, "section fixture failed: its document cannot be read: it is cut "
	       "or garbled" UNAFFECTED);
	expect(writes_without_end, &limits, "section fixture was stopped: it says too much, more than "
	       "1052672 bytes" UNAFFECTED);
	expect(says_too_much, &limits, "section fixture failed: it says too much" UNAFFECTED);
}

Test(sections, memory_is_limited)
{
#if defined(KTSTR_ASAN)
	cr_skip_test("under AddressSanitizer there is no limit");
#endif
	expect(eats_memory, &limits, "section fixture failed: out of memory" UNAFFECTED);
}

Test(sections, a_left_child_keeps_nobody_waiting, .timeout = 60)
{
	char c;

	cr_assert_eq(pipe(lifeline), 0);
	expect(leaves_a_child, &limits, "said");
	close(lifeline[1]);
	cr_assert_eq(read(lifeline[0], &c, 1), 0, "somebody holds the pipe");
}

Test(sections, defaults_are_there)
{
	char *got = report(speaks, NULL);

	cr_assert(strstr(got, "--- tested ---\n2 attempts, 7\n"));
	free(got);
}
