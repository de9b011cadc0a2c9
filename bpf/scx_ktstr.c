/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_ktstr: ktstr's own small sched_ext scheduler, with faults on demand. This half loads the BPF
 * half, which is a part of this program, and then waits for what comes first: a signal, a timer of
 * the command line, or the kernel's word that the scheduler is gone.
 */
#include "object.h"
#include "options.h"

#include "base/clock.h"
#include "base/vec.h"

#include <bpf/libbpf.h>
#include <linux/types.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "scx_ktstr.h"

enum { EXIT_USAGE = 64 };

struct scheduler {
	struct ktstr_options options;
	struct bpf_object *object;
	struct ring_buffer *events;
	struct bpf_link *link;		/* NULL: not attached */
	bool gone;			/* the kernel has ended it */
	bool done;			/* leave the loop with `status` */
	int status;
};

/* ---- phases ---- */

/* What the kernel said about the end; from ops.exit. */
static int on_exit_event(void *ctx, void *data, size_t size)
{
	struct scheduler *s = ctx;
	const struct ktstr_exit_event *event = data;

	if (size < sizeof(*event))
		return -EINVAL;
	fprintf(stderr, "EXIT: %s%s%s%s\n", event->reason, *event->msg ? " (" : "", event->msg,
		*event->msg ? ")" : "");
	s->gone = true;
	s->status = event->kind >= KTSTR_SCX_EXIT_ERROR ? EXIT_FAILURE : EXIT_SUCCESS;
	return 0;
}

static int scheduler_load(struct scheduler *s, struct ktstr_err *err)
{
	int ret = bpf_object__load(s->object), fd;

	if (ret)
		return ktstr_err_errno(err, -ret, "loading the BPF programs");
	fd = bpf_object__find_map_fd_by_name(s->object, "events");
	s->events = ring_buffer__new(fd, on_exit_event, s, NULL);
	return s->events ? 0 : ktstr_err_errno(err, errno, "opening the ring buffer");
}

static int scheduler_attach(struct scheduler *s, struct ktstr_err *err)
{
	int saved;

	s->link = bpf_map__attach_struct_ops(bpf_object__find_map_by_name(s->object, "ktstr_ops"));
	saved = errno;
	/* The kernel says that all went well even if init failed: its word is the exit event. */
	ring_buffer__consume(s->events);
	if (!s->link)
		return ktstr_err_errno(err, saved, "attaching the scheduler");
	if (!s->gone)
		puts("scx_ktstr: attached");
	return 0;
}

static void print_stats(const struct scheduler *s, const char *prefix)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_stats stats;

	if (ktstr_object_read_stats(s->object, &stats, &err)) {
		fprintf(stderr, "scx_ktstr: %s\n", err.msg);
		return;
	}
	printf("%sselect_cpu=%llu enqueue=%llu dispatch=%llu running=%llu moved=%llu "
	       "dropped=%llu\n", prefix, stats.select_cpu, stats.enqueue, stats.dispatch,
	       stats.running, stats.moved, stats.dropped);
}

/* Detaches, which makes the kernel call ops.exit before it returns. */
static void scheduler_stop(struct scheduler *s)
{
	int status = s->status;

	bpf_link__destroy(s->link);
	s->link = NULL;
	if (!s->gone) {
		ring_buffer__consume(s->events);
		s->status = status;
	}
	print_stats(s, "final: ");
}

static void scheduler_deinit(struct scheduler *s)
{
	bpf_link__destroy(s->link);
	ring_buffer__free(s->events);
	bpf_object__close(s->object);
}

/* ---- the loop ---- */

static void on_stats(struct scheduler *s)
{
	print_stats(s, "");
}

static void on_exit_timer(struct scheduler *s)
{
	s->status = (int)s->options.value[KTSTR_OPT_EXIT_CODE];
	s->done = true;
}

static void on_crash_timer(struct scheduler *s)
{
	volatile int *volatile nowhere = NULL;

	(void)s;
	*nowhere = 0;
}

static void on_spam(struct scheduler *s)
{
	(void)s;
	puts("spam: looking for the busiest domain");
	puts("spam: domain 0 is the busiest, and balanced");
	puts("spam: looking again soon");
}

static const struct timer {
	int option;			/* the option that switches it on; -1: always on */
	uint64_t period_ns;		/* 0: once, when the option's time is over */
	void (*fn)(struct scheduler *s);
} timers[] = {
	{ -1, KTSTR_NSEC_PER_SEC, on_stats },
	{ KTSTR_OPT_EXIT_AFTER, 0, on_exit_timer },
	{ KTSTR_OPT_CRASH_AFTER, 0, on_crash_timer },
	{ KTSTR_OPT_LOG_SPAM, KTSTR_NSEC_PER_MSEC, on_spam },
};

enum { SIGNALS = KTSTR_ARRAY_SIZE(timers), EVENTS, N_FDS };

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / KTSTR_NSEC_PER_SEC),
				  .tv_nsec = (long)(ns % KTSTR_NSEC_PER_SEC) };
}

/* A descriptor per timer that is wanted, -1 for the others. */
static int open_timer(const struct timer *timer, const struct ktstr_options *options, int *ret_fd,
		      struct ktstr_err *err)
{
	struct itimerspec when = { .it_interval = to_timespec(timer->period_ns) };
	uint64_t first = timer->period_ns;

	if (timer->option >= 0 && !options->given[timer->option])
		return 0;
	if (!first)
		first = options->value[timer->option];
	when.it_value = to_timespec(first ? first : 1);
	*ret_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (*ret_fd < 0 || timerfd_settime(*ret_fd, 0, &when, NULL))
		return ktstr_err_errno(err, errno, "setting a timer");
	return 0;
}

/* Before anything else: a signal that comes while the scheduler is loaded is then not lost. */
static int open_signals(int *ret_fd, struct ktstr_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret_fd < 0 ? ktstr_err_errno(err, errno, "signalfd") : 0;
}

static int open_timers(const struct scheduler *s, struct pollfd *fds, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(timers) && !ret; i++)
		ret = open_timer(&timers[i], &s->options, &fds[i].fd, err);
	return ret;
}

static void on_timer(struct scheduler *s, const struct timer *timer, int fd)
{
	uint64_t expired;

	if (read(fd, &expired, sizeof(expired)) == sizeof(expired))
		timer->fn(s);
}

/* Until something ends the scheduler. */
static int loop(struct scheduler *s, struct pollfd fds[N_FDS], struct ktstr_err *err)
{
	while (!s->done && !s->gone) {
		if (poll(fds, N_FDS, -1) < 0 && errno != EINTR)
			return ktstr_err_errno(err, errno, "poll");
		if (fds[EVENTS].revents)
			ring_buffer__consume(s->events);
		for (size_t i = 0; i < KTSTR_ARRAY_SIZE(timers) && !s->gone && !s->done; i++)
			if (fds[i].revents)
				on_timer(s, &timers[i], fds[i].fd);
		if (fds[SIGNALS].revents)
			s->done = true;
	}
	scheduler_stop(s);
	return 0;
}

static int run(struct scheduler *s, struct ktstr_err *err)
{
	struct pollfd fds[N_FDS];
	int ret;

	for (size_t i = 0; i < N_FDS; i++)
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	ret = open_signals(&fds[SIGNALS].fd, err);
	if (!ret)
		ret = ktstr_object_open(&s->options, &s->object, err);
	if (!ret)
		ret = scheduler_load(s, err);
	if (!ret && s->options.fault && s->options.fault->kind == KTSTR_FAULT_NO_ATTACH)
		puts("scx_ktstr: loaded, and not attaching");
	else if (!ret)
		ret = scheduler_attach(s, err);
	if (!ret)
		ret = open_timers(s, fds, err);
	if (!ret) {
		fds[EVENTS].fd = ring_buffer__epoll_fd(s->events);
		ret = loop(s, fds, err);
	}
	for (size_t i = 0; i < N_FDS; i++)
		if (fds[i].fd >= 0 && i != EVENTS)
			close(fds[i].fd);
	return ret;
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct scheduler s = { 0 };
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (ktstr_options_parse(argc, argv, &s.options, &err)) {
		fprintf(stderr, "scx_ktstr: %s\n", err.msg);
		return EXIT_USAGE;
	}
	if (s.options.given[KTSTR_OPT_HELP]) {
		ktstr_options_print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (s.options.given[KTSTR_OPT_LIST_FAULTS]) {
		ktstr_options_print_faults(stdout);
		return EXIT_SUCCESS;
	}
	ret = run(&s, &err);
	if (ret)
		fprintf(stderr, "scx_ktstr: %s\n", err.msg);
	scheduler_deinit(&s);
	return ret ? EXIT_FAILURE : s.status;
}
