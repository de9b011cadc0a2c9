/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of runs in the summary of a step: rows of one table, harmless, whole. */
#include "base/file.h"
#include "base/text.h"
#include "cli/step-summary.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW "| **failed** | crash | scx&#95;x | 7.3.4 | 1n2l | 2.5 s | 1 of 2 | scheduler error |\n"

static char path[128];

static void setup(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/step-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

TestSuite(step_summary, .init = setup, .fini = teardown);

/* A failed run whose reason is `reason`, repeated twice, once with success. */
static struct ktstr_document crash(const char *reason)
{
	static struct ktstr_summary_attempt attempts[3];

	attempts[0] = (struct ktstr_summary_attempt){ .outcome = KTSTR_OUTCOME_FAIL, .cause = "check",
						      .reason = (char *)reason, .signature = (char *)"",
						      .duration_ns = 2500000000 };
	attempts[1] = attempts[2] = attempts[0];
	attempts[2].same = true;
	return (struct ktstr_document){ .summary = {
		.test = (char *)"crash", .scheduler = (char *)"scx_x", .kernel = (char *)"7.3.4",
		.topology = (char *)"1n2l", .attempts = { .items = attempts, .n = 3 } } };
}

static void add(const char *reason)
{
	struct ktstr_document doc = crash(reason);
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_step_summary_add(path, &doc, &err), 0, "%s", err.msg);
}

static void put(const char *text)
{
	cr_assert_eq(ktstr_file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void expect(const char *want)
{
	struct ktstr_buf b = { 0 };
	char *got;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &b, NULL), 0);
	got = ktstr_buf_steal_str(&b);
	cr_assert_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
	free(got);
}

static void expect_table(const char *before, const char *rows)
{
	char *want = ktstr_asprintf("%s%s%s", before, ktstr_markdown_head, rows);

	expect(want);
	free(want);
}

Test(step_summary, runs_of_a_step_are_one_table)
{
	add("scheduler error");
	add("scheduler error");
	expect_table("", ROW ROW);
	unlink(path);
	add("scheduler error");
	expect_table("", ROW);
}

Test(step_summary, what_others_wrote_stays)
{
	put("# Tests\nsome words");
	add("scheduler error");
	expect_table("# Tests\nsome words\n\n", ROW);
	put("| a | table |\n| --- | --- |\n| of | others |\n");
	add("scheduler error");
	expect_table("| a | table |\n| --- | --- |\n| of | others |\n\n", ROW);
}

Test(step_summary, another_table_begins_where_the_first_is_over)
{
	char *text = ktstr_asprintf("%s" ROW "\nwords\n", ktstr_markdown_head), *before;

	put(text);
	add("scheduler error");
	before = ktstr_asprintf("%s\n", text);
	expect_table(before, ROW);
	free(text);
	free(before);
}

Test(step_summary, a_reason_is_text)
{
	add("a|b\n<img src=x> [x](http://y) @you `c` \x1b[1m \xe2\x80\xae");
	expect_table("", "| **failed** | crash | scx&#95;x | 7.3.4 | 1n2l | 2.5 s | 1 of 2 | a&#124;b "
		     "&lt;img src=x&gt; &#91;x&#93;&#40;http&#58;&#47;&#47;y&#41; &#64;you &#96;c&#96; ^&#91;&#91;1m "
		     "&#92;u202e |\n");
}

Test(step_summary, rows_of_runs_at_the_same_time_are_whole)
{
	enum { RUNS = 12 };
	struct ktstr_buf rows = { 0 };
	char *text;

	for (int i = 0; i < RUNS; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct ktstr_document doc = crash("scheduler error");

			_exit(ktstr_step_summary_add(path, &doc, NULL) != 0);
		}
		cr_assert_gt(pid, 0);
		ktstr_buf_puts(&rows, ROW);
	}
	for (int i = 0, status; i < RUNS; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	text = ktstr_buf_steal_str(&rows);
	expect_table("", text);
	free(text);
}

Test(step_summary, what_cannot_be_is_told)
{
	struct ktstr_document doc = crash("scheduler error");
	struct ktstr_err err = KTSTR_ERR_INIT;
	char *full = malloc((1 << 20) + 1);

	memset(full, 'x', 1 << 20);
	full[1 << 20] = '\0';
	put(full);
	cr_assert_eq(ktstr_step_summary_add(path, &doc, &err), -EFBIG);
	cr_assert(strstr(err.msg, "no room for another row"), "%s", err.msg);
	cr_assert(strstr(err.msg, path), "%s", err.msg);
	expect(full);
	free(full);
	cr_assert_eq(ktstr_step_summary_add("/nowhere/at/all", &doc, &err), -ENOENT);
}
