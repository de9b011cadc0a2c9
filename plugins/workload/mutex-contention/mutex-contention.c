/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers that want the same lock: each computes on its own, then holding it. A holder that is kept
 * off the CPU keeps all the others waiting. The lock is a futex of three states, so that the holder
 * can leave the time for the one it wakes.
 */
#include <ktstr/workload-event.h>

enum { P_CONTENDERS, P_HOLD, P_LOOPS };

static const struct ktstr_param params[] = {
	[P_CONTENDERS] = {
		.name = "contenders", .type = KTSTR_PARAM_UINT, .def = "4", .min = 2, .max = 1024,
		.help = "workers that share a lock: the size of a group",
	},
	[P_HOLD] = {
		.name = "hold-loops", .type = KTSTR_PARAM_UINT, .def = "256", .min = 0,
		.max = 10000000, .help = "rounds of computing with the lock",
	},
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "without the lock"),
};

enum { FREE, HELD, WANTED };

struct lock {
	uint32_t state;
	uint64_t woken_ns;
	uint64_t inside;		/* holders; there is one at most */
} __attribute__((aligned(64)));

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t waits;
};

static unsigned mutex_group_size(const struct ktstr_value *values)
{
	return (unsigned)values[P_CONTENDERS].u64;
}

static size_t mutex_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(struct lock);
}

/* False: the step ended before it was had. Who waited leaves WANTED behind, as there may be
 * more. */
static bool take(struct ktstr_workload *w, struct ktstr_worker *worker, struct lock *lock)
{
	uint32_t was = FREE;

	if (__atomic_compare_exchange_n(&lock->state, &was, HELD, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return true;
	worker->metric(worker, "waits", NULL, (double)++w->waits);
	while (__atomic_exchange_n(&lock->state, WANTED, __ATOMIC_ACQUIRE) != FREE) {
		if (!worker->running(worker))
			return false;
		ktstr_futex_wait(worker, &lock->state, WANTED, &lock->woken_ns);
	}
	return true;
}

static void give(struct lock *lock)
{
	if (__atomic_exchange_n(&lock->state, FREE, __ATOMIC_RELEASE) == WANTED)
		ktstr_futex_wake(&lock->state, &lock->woken_ns, 1);
}

static int mutex_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	struct lock *lock = worker->shared;
	bool alone;

	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	if (!take(w, worker, lock))
		return 0;
	alone = __atomic_add_fetch(&lock->inside, 1, __ATOMIC_RELAXED) == 1;
	ktstr_worker_spin(worker, w->values[P_HOLD].u64);
	__atomic_sub_fetch(&lock->inside, 1, __ATOMIC_RELAXED);
	give(lock);
	return alone ? 0 : ktstr_err_set(err, -EILSEQ, "two workers held the lock at a time");
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = mutex_group_size,
	.create = state_create,
	.iterate = mutex_iterate,
	.destroy = state_destroy,
	.shared_bytes = mutex_shared_bytes,
};

KTSTR_DEFINE_WORKLOAD("mutex-contention", PLUGIN_VERSION, "several that want the same lock", params,
		      ops);
