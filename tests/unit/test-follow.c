/* SPDX-License-Identifier: GPL-2.0-only */
/* Journals that are followed while processes of the test write them, one step at a time. */
#include "cli/follow.h"

#include "base/file.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static struct ktstr_follow follow;

static void set_up(void)
{
	strcpy(dir, "/tmp/ktstr-test-follow.XXXXXX");
	cr_assert(mkdtemp(dir));
	setenv("KTSTR_STATE_DIR", dir, 1);
}

static void tear_down(void)
{
	ktstr_follow_deinit(&follow);
	ktstr_remove_tree(dir, NULL);
}

TestSuite(follow, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- who writes ---- */

/* The program tests/unit/follow-writer; another than the test's, as ktstr is. */
struct process {
	pid_t pid;
	FILE *to, *from;
};

static struct process start(void)
{
	struct process p = { 0 };
	char *path = ktstr_asprintf("%s/tests/unit/follow-writer", getenv("abs_top_builddir"));
	int in[2], out[2];

	cr_assert(getenv("abs_top_builddir"), "run it by make check");
	cr_assert_eq(pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC), 0);
	p.pid = fork();
	if (!p.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, dir, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p.to = fdopen(in[1], "w");
	p.from = fdopen(out[0], "r");
	free(path);
	return p;
}

static void tell(struct process p, const char *what)
{
	char answer[8];

	fprintf(p.to, "%s\n", what);
	fflush(p.to);
	cr_assert(fgets(answer, sizeof(answer), p.from));
	cr_assert_str_eq(answer, "ok\n");
}

static void end(struct process p)
{
	fclose(p.to);
	fclose(p.from);
	cr_assert_eq(waitpid(p.pid, NULL, 0), p.pid);
}

/* ---- who reads ---- */

static void wait_news(void)
{
	struct pollfd p[2] = { { follow.changes, POLLIN, 0 }, { follow.writer, POLLIN, 0 } };

	cr_assert_gt(poll(p, 2, 50000), 0, "nothing happened");
}

/* What came next: an attempt's number, 0 for the end of one, -1 when there is nothing more. */
static int next(void)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_record record;
	uint64_t n = 0;
	int r;

	while (!(r = ktstr_follow_next(&follow, &record, &err)) && !follow.over)
		wait_news();
	cr_assert_geq(r, 0, "%s", err.msg);
	if (!r)
		return -1;
	ktstr_get_u64(&record.fields, "attempt", &n);
	return (int)n;
}

static void open_by_pid(pid_t pid)
{
	char *text = ktstr_asprintf("%d", pid);
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_follow_open(text, &follow, &err), 0, "%s", err.msg);
	free(text);
}

Test(follow, the_next_attempt_comes_after_the_first)
{
	struct process p = start();

	tell(p, "begin 1");
	open_by_pid(p.pid);
	cr_assert_eq(next(), 1);
	cr_assert_not(follow.between);
	tell(p, "end 1");
	cr_assert_eq(next(), 0);
	cr_assert(follow.between && !follow.over);
	tell(p, "begin 2");
	cr_assert_eq(next(), 2);
	cr_assert_not(follow.between);
	tell(p, "end 2");
	cr_assert_eq(next(), 0);
	cr_assert(follow.between && !follow.over, "there may be a third one");
	end(p);
	cr_assert_eq(next(), -1);
}

/* As ktstr repeats a run: in children, here side by side, the first of which is killed. */
Test(follow, attempts_side_by_side_come_one_after_the_other)
{
	struct process p = start();
	struct ktstr_record record;

	tell(p, "begin 1");
	open_by_pid(p.pid);
	tell(p, "end 1");
	tell(p, "fork 2");
	tell(p, "fork 3");
	cr_assert_eq(next(), 1);
	cr_assert_eq(next(), 0);
	cr_assert_eq(next(), 2);
	tell(p, "finish 3");
	cr_assert_eq(ktstr_follow_next(&follow, &record, NULL), 0, "the second one is not over");
	cr_assert_not(follow.over || follow.between);
	tell(p, "kill 2");
	cr_assert_eq(next(), 3);
	cr_assert_eq(next(), 0);
	end(p);
	cr_assert_eq(next(), -1);
}

Test(follow, an_attempt_that_a_child_runs_is_not_the_last)
{
	struct process p = start();

	tell(p, "begin 1");
	tell(p, "end 1");
	tell(p, "fork 2");
	open_by_pid(p.pid);
	cr_assert_eq(next(), 2);
	tell(p, "finish 2");
	cr_assert_eq(next(), 0);
	cr_assert_not(follow.over);
	tell(p, "begin 3");
	cr_assert_eq(next(), 3);
	end(p);
	cr_assert_eq(next(), -1);
}

Test(follow, a_run_that_is_over_is_read_to_its_end)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct process p = start();

	tell(p, "begin 1");
	tell(p, "end 1");
	tell(p, "begin 2");
	end(p);
	cr_assert_eq(ktstr_follow_open(dir, &follow, &err), 0, "%s", err.msg);
	cr_assert_eq(next(), 2);
	cr_assert_eq(next(), -1);
}

Test(follow, what_runs_no_test_is_said)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_follow_open("1", &follow, &err), -ENOENT);
	cr_assert(strstr(err.msg, "process 1 is no ktstr that runs a test"), "%s", err.msg);
}
