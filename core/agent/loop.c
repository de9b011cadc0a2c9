/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/loop.h"

#include "base/clock.h"

#include <unistd.h>

int ktstr_loop_init(struct ktstr_loop *loop, struct ktstr_err *err)
{
	*loop = (struct ktstr_loop){ .epoll = epoll_create1(EPOLL_CLOEXEC),
				     .limit = KTSTR_RANK_BULK };
	return loop->epoll < 0 ? ktstr_err_errno(err, errno, "epoll_create1") : 0;
}

void ktstr_loop_deinit(struct ktstr_loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->epoll = -1;
	ktstr_vec_free(&loop->sources);
}

static int watch(struct ktstr_loop *loop, struct ktstr_source *source)
{
	struct epoll_event ev = { .events = source->events, .data.ptr = source };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &ev) ? -errno : 0;
}

int ktstr_loop_watch(struct ktstr_loop *loop, struct ktstr_source *source, struct ktstr_err *err)
{
	struct ktstr_source **slot;
	int ret;

	source->held = source->rank > loop->limit;
	ret = source->held ? 0 : watch(loop, source);
	if (ret)
		return ktstr_err_errno(err, -ret, "watching descriptor %d", source->fd);
	slot = ktstr_vec_add(&loop->sources);
	if (!slot) {
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
		return ktstr_err_nomem(err);
	}
	*slot = source;
	return 0;
}

void ktstr_loop_forget(struct ktstr_loop *loop, struct ktstr_source *source)
{
	for (size_t i = 0; i < loop->sources.n; i++)
		if (loop->sources.items[i] == source) {
			if (!source->held)
				epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
			loop->sources.items[i] = loop->sources.items[--loop->sources.n];
			break;
		}
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

void ktstr_loop_add_timer(struct ktstr_loop *loop, struct ktstr_timer *timer)
{
	timer->next = loop->timers;
	loop->timers = timer;
}

/* A held source leaves epoll altogether: with no events asked for, a hang-up would still be told
 * over and over. */
void ktstr_loop_limit(struct ktstr_loop *loop, enum ktstr_rank limit)
{
	if (limit == loop->limit)
		return;
	loop->limit = limit;
	for (size_t i = 0; i < loop->sources.n; i++) {
		struct ktstr_source *s = loop->sources.items[i];
		bool hold = s->rank > limit;

		if (hold && !s->held)
			s->held = !epoll_ctl(loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
		else if (!hold && s->held)
			s->held = watch(loop, s) != 0;
	}
}

/* How long to wait at most; NULL: for ever. */
static const struct timespec *time_left(const struct ktstr_loop *loop, struct timespec *ts)
{
	uint64_t first = UINT64_MAX, now;

	for (const struct ktstr_timer *t = loop->timers; t; t = t->next)
		if (t->at_ns && t->at_ns < first)
			first = t->at_ns;
	if (first == UINT64_MAX)
		return NULL;
	now = ktstr_now_ns();
	first = first > now ? first - now : 0;
	*ts = (struct timespec){ (time_t)(first / KTSTR_NSEC_PER_SEC),
				 (long)(first % KTSTR_NSEC_PER_SEC) };
	return ts;
}

static void fire_timers(struct ktstr_loop *loop)
{
	uint64_t now = ktstr_now_ns();

	for (struct ktstr_timer *t = loop->timers; t; t = t->next)
		if (t->at_ns && t->at_ns <= now) {
			t->at_ns = 0;
			t->fire(t->ctx);
		}
}

int ktstr_loop_turn(struct ktstr_loop *loop, struct ktstr_err *err)
{
	struct epoll_event events[16];
	struct timespec ts;
	int n;

	n = epoll_pwait2(loop->epoll, events, KTSTR_ARRAY_SIZE(events), time_left(loop, &ts), NULL);
	if (n < 0 && errno != EINTR)
		return ktstr_err_errno(err, errno, "epoll_pwait2");
	for (int i = 0; i < n; i++) {
		struct ktstr_source *s = events[i].data.ptr;

		if (s->fd >= 0)		/* an earlier handler may have forgotten it */
			s->ready(s->ctx, events[i].events);
	}
	fire_timers(loop);
	return 0;
}
