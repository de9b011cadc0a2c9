/* SPDX-License-Identifier: GPL-2.0-only */
/* Running programs, and looking on while they run. */
#include "base/cleanup.h"
#include "base/proc.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/eventfd.h>

struct seen {
	char text[256];
	int stop_fd;		/* written to when the line "stop" comes; -1: never */
};

static void see(void *ctx, const char *line, size_t len, bool partial)
{
	struct seen *s = ctx;
	size_t used = strlen(s->text);

	snprintf(s->text + used, sizeof(s->text) - used, "%.*s%s", (int)len, line, partial ? "~" : "|");
	if (s->stop_fd >= 0 && len == 4 && !memcmp(line, "stop", 4))
		cr_assert_eq(eventfd_write(s->stop_fd, 1), 0);
}

Test(proc, lines_are_told_as_they_come_and_kept)
{
	const char *const argv[] = { "sh", "-c", "echo one; echo two >&2; printf 'thr'; printf 'ee\\nend'; exit 3",
				     NULL };
	struct seen seen = { .stop_fd = -1 };
	const struct ktstr_run_watch watch = { .line = see, .ctx = &seen, .stop_fd = -1 };
	_cleanup_buf_ struct ktstr_buf out = { 0 }, errout = { 0 };

	cr_assert_eq(ktstr_run_watched(argv, &watch, &out, &errout, NULL), 3);
	cr_assert_str_eq(seen.text, "one|three|end~");
	cr_assert(out.len == 13 && !memcmp(out.data, "one\nthree\nend", 13));
	cr_assert(errout.len == 4 && !memcmp(errout.data, "two\n", 4));
}

/* The program would not end by itself, and its child, which holds the pipes, does not even hear of the kill. */
Test(proc, a_program_is_stopped_in_the_middle, .timeout = 60)
{
	const char *const argv[] = { "sh", "-c", "sleep 300 & echo $!; echo stop; trap '' TERM; wait", NULL };
	struct seen seen = { .stop_fd = eventfd(0, EFD_CLOEXEC) };
	const struct ktstr_run_watch watch = { .line = see, .ctx = &seen, .stop_fd = seen.stop_fd };
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int child;

	cr_assert_eq(ktstr_run_watched(argv, &watch, &out, NULL, &err), -EINTR);
	cr_assert_str_eq(err.msg, "sh was interrupted");
	cr_assert_eq(sscanf(seen.text, "%d|stop|", &child), 1);
	cr_assert_eq(kill(child, SIGKILL), 0);
	close(seen.stop_fd);
}

Test(proc, a_program_that_is_not_there_is_said)
{
	const char *const argv[] = { "ktstr-no-such-program", NULL };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_run(argv, NULL, NULL, &err), -ENOENT);
	cr_assert(strstr(err.msg, "running ktstr-no-such-program"), "%s", err.msg);
}
