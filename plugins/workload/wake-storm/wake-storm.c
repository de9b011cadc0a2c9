/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thundering herd: a waker that wakes everybody at fixed times, whether or not they have done
 * what they were woken for the last time. Who is still at it then misses a round, and says so.
 */
#include <ktstr/workload-event.h>

enum { P_HERD, P_PERIOD, P_LOOPS };

static const struct ktstr_param params[] = {
	[P_HERD] = {
		.name = "herd", .type = KTSTR_PARAM_UINT, .def = "7", .min = 1, .max = 1023,
		.help = "workers that a waker wakes; a group is one more",
	},
	[P_PERIOD] = {
		.name = "period", .type = KTSTR_PARAM_DURATION, .def = "10ms", .min = 10000,
		.max = 3600000000000, .help = "time from one round to the next",
	},
	[P_LOOPS] = KTSTR_PARAM_LOOPS("10000", 0, "by each of the herd in a round"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t due_ns;		/* the waker's next round; 0: there was none */
	uint32_t seen;			/* rounds so far, when one of the herd looked last */
	uint64_t missed;
};

static unsigned storm_group_size(const struct ktstr_value *values)
{
	return (unsigned)values[P_HERD].u64 + 1;
}

static size_t storm_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(struct ktstr_event);
}

static const char *storm_role(const struct ktstr_value *values, unsigned index)
{
	(void)values;
	return index ? "herd" : "waker";
}

static void wake_herd(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	uint64_t period = w->values[P_PERIOD].u64, now = ktstr_worker_now_ns();

	w->due_ns = w->due_ns ? w->due_ns + period : now + period;
	if (w->due_ns > now)
		worker->sleep(worker, w->due_ns - now);
	if (worker->running(worker))
		ktstr_event_signal(worker->shared);
}

static void run_along(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	struct ktstr_event *storm = worker->shared;
	uint32_t seq;

	if (!ktstr_event_wait(worker, storm, w->seen))
		return;
	seq = ktstr_event_seq(storm);
	w->missed += seq - w->seen - 1;
	w->seen = seq;
	worker->metric(worker, "missed", NULL, (double)w->missed);
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
}

static int storm_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	(void)err;
	if (worker->index)
		run_along(w, worker);
	else
		wake_herd(w, worker);
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = storm_group_size,
	.create = state_create,
	.iterate = storm_iterate,
	.destroy = state_destroy,
	.shared_bytes = storm_shared_bytes,
	.role = storm_role,
};

KTSTR_DEFINE_WORKLOAD("wake-storm", PLUGIN_VERSION, "one that wakes a whole herd at fixed times",
		      params, ops);
