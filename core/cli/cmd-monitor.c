/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr monitor: a run while it runs, on a terminal or as lines of JSON. */
#include "base/cleanup.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/screen.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct session {
	struct ktstr_follow follow;
	struct ktstr_view *view;	/* NULL: JSON */
	int signals;
};

/* A reader that has seen enough (head) is no failure. */
static bool print_json(const struct ktstr_record *record)
{
	_cleanup_free_ char *text = ktstr_view_json(record);

	return text && puts(text) >= 0 && !fflush(stdout);
}

/* All records that there are by now: 1; 0 when nobody reads them any more. */
static int take_records(struct session *s, struct ktstr_err *err)
{
	struct ktstr_record record;
	int n;

	while ((n = ktstr_follow_next(&s->follow, &record, err)) > 0) {
		if (s->view)
			ktstr_view_add(s->view, &record);
		else if (!print_json(&record))
			return 0;
	}
	return n < 0 ? n : 1;
}

static const char *footer(const struct session *s)
{
	return s->follow.over ? " the run is over   q: quit   up, down, page up, page down: scroll" :
	       s->follow.between ? " the attempt is over   q: quit   up, down, page up, page down: scroll" :
	       " q: quit   up, down, page up, page down: scroll";
}

enum { FD_CHANGES, FD_WRITER, FD_SIGNALS, FD_KEYS, N_FDS };

/* Until something is written, pressed or sent; a resize is a signal that poll() is woken by. */
static void wait_news(const struct session *s)
{
	struct pollfd p[N_FDS] = {
		[FD_CHANGES] = { s->follow.over ? -1 : s->follow.changes, POLLIN, 0 },
		[FD_WRITER] = { s->follow.over ? -1 : s->follow.writer, POLLIN, 0 },
		[FD_SIGNALS] = { s->signals, POLLIN, 0 },
		[FD_KEYS] = { s->view ? STDIN_FILENO : -1, POLLIN, 0 },
	};

	poll(p, N_FDS, -1);
}

static bool was_told_to_end(const struct session *s)
{
	struct pollfd p = { s->signals, POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

static int run_session(struct session *s, struct ktstr_err *err)
{
	int ret = take_records(s, err);

	while (ret > 0 && !was_told_to_end(s) && (s->view || !s->follow.over)) {
		if (s->view) {
			ktstr_screen_paint(s->view, footer(s));
			wait_news(s);
			if (!ktstr_screen_keys())
				break;
		} else {
			wait_news(s);
		}
		ret = s->follow.over ? 1 : take_records(s, err);
	}
	return ret < 0 ? ret : 0;
}

static int open_signals(struct ktstr_err *err)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? ktstr_err_errno(err, errno, "signalfd") : fd;
}

static int watch(const char *what, bool json)
{
	struct session s = { .signals = -1 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_follow_open(what, &s.follow, &err), status;

	status = ret == -ENOENT || ret == -EINVAL ? KTSTR_EXIT_USAGE : KTSTR_EXIT_INTERNAL;
	if (!ret)
		ret = s.signals = open_signals(&err);
	if (ret >= 0 && !json) {
		s.view = ktstr_view_create();
		ret = s.view ? ktstr_screen_open(&err) : ktstr_err_nomem(&err);
	}
	if (ret >= 0)
		ret = run_session(&s, &err);
	ktstr_screen_close();
	ktstr_view_destroy(s.view);
	ktstr_follow_deinit(&s.follow);
	ktstr_cleanup_close(&s.signals);
	return ret < 0 ? ktstr_complain(status, &err) : KTSTR_EXIT_PASSED;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { 0 },
	};
	bool json = !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return KTSTR_EXIT_USAGE;
		json = true;
	}
	if (argc - optind != 1)
		return ktstr_usage_error(&ktstr_cmd_monitor, "which run, or which process?");
	return watch(argv[optind], json);
}

static const struct ktstr_option taken[] = {
	{ .name = "--json", .help = "What is journalled, a line each, for programs" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .args = "RUN|PID", .word = KTSTR_WORD_RUN, .options = taken,
	  .help = "Shows a run while it runs: its CPUs, sched_ext, its queues, the tasks that wait longest. PID is "
		  "a ktstr that runs a test, or its VM." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_monitor = {
	.name = "monitor",
	.summary = "a run while it runs: its CPUs, sched_ext, queues",
	.verbs = verbs,
	.run = run,
};
