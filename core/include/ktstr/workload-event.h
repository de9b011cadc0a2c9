/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for each other in the memory of a group: an event that happens again and again, on one
 * futex word. Whoever makes it happen leaves the time, so that those who were woken know how long
 * they waited for a CPU. Zeroed memory is a good event.
 */
#ifndef KTSTR_WORKLOAD_EVENT_H
#define KTSTR_WORKLOAD_EVENT_H

#include <ktstr/workload.h>

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Alone on its cache line. */
struct ktstr_event {
	uint32_t seq;			/* how often it happened */
	uint64_t woken_ns;		/* when it happened last */
} __attribute__((aligned(64)));

static inline uint32_t ktstr_event_seq(const struct ktstr_event *event)
{
	return __atomic_load_n(&event->seq, __ATOMIC_ACQUIRE);
}

/* Wakes at most `waiters` of those that sleep on the word, after leaving the time. */
static inline void ktstr_futex_wake(uint32_t *word, uint64_t *woken_ns, int waiters)
{
	__atomic_store_n(woken_ns, ktstr_worker_now_ns(), __ATOMIC_RELAXED);
	syscall(SYS_futex, word, FUTEX_WAKE, waiters, NULL, NULL, 0);
}

/* Sleeps while *word is `value`, until it is woken or the step ends; may come back for nothing. */
static inline void ktstr_futex_wait(struct ktstr_worker *worker, uint32_t *word, uint32_t value,
				    const uint64_t *woken_ns)
{
	long ret;

	worker->block(worker);
	ret = syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
	worker->unblock(worker, ret ? 0 : __atomic_load_n(woken_ns, __ATOMIC_RELAXED));
}

/* Makes it happen, for all who wait. [worker] */
static inline void ktstr_event_signal(struct ktstr_event *event)
{
	__atomic_add_fetch(&event->seq, 1, __ATOMIC_RELEASE);
	ktstr_futex_wake(&event->seq, &event->woken_ns, INT_MAX);
}

/* Waits until it happened more often than `seen`; false when the step ended before. [worker] */
static inline bool ktstr_event_wait(struct ktstr_worker *worker, struct ktstr_event *event,
				    uint32_t seen)
{
	while (ktstr_event_seq(event) == seen) {
		if (!worker->running(worker))
			return false;
		ktstr_futex_wait(worker, &event->seq, seen, &event->woken_ns);
	}
	return true;
}

/* What create() returns when the step ended before a group had met. */
static inline int ktstr_worker_not_met(struct ktstr_err *err)
{
	return ktstr_err_set(err, -ECANCELED, "the step ended before the group had met");
}

#endif
