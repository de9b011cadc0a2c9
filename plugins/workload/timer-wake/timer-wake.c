/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker with a period: it is due at fixed times, computes a little, and sleeps until the next
 * one. How late it runs is its wake latency. A period that is over before it got to sleep is an
 * overrun.
 */
#include <ktstr/workload.h>

enum { P_PERIOD, P_LOOPS };

static const struct ktstr_param params[] = {
	[P_PERIOD] = {
		.name = "period", .type = KTSTR_PARAM_DURATION, .def = "1ms", .min = 10000,
		.max = 3600000000000, .help = "time from one wake to the next",
	},
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1000", 0, "in each period"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t period_ns;
	uint64_t due_ns;		/* of the next period; 0: there was none */
	uint64_t overruns;
};

static int periodic_init(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	(void)err;
	w->period_ns = w->values[P_PERIOD].u64;
	worker->metric(worker, "overruns", NULL, 0);
	return 0;
}

/* Late by whole periods: those are not made up for. */
static void skip_missed(struct ktstr_workload *w, struct ktstr_worker *worker, uint64_t now)
{
	uint64_t n = (now - w->due_ns) / w->period_ns + 1;

	w->due_ns += n * w->period_ns;
	w->overruns += n;
	worker->metric(worker, "overruns", NULL, (double)w->overruns);
}

static int periodic_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			    struct ktstr_err *err)
{
	uint64_t now = ktstr_worker_now_ns();

	(void)err;
	w->due_ns = (w->due_ns ? w->due_ns : now) + w->period_ns;
	if (now >= w->due_ns)
		skip_missed(w, worker, now);
	worker->sleep(worker, w->due_ns - now);
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return 0;
}

KTSTR_DEFINE_STATE(periodic_init, KTSTR_NO_DEINIT);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = periodic_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("timer-wake", PLUGIN_VERSION, "sleeps until fixed times, computes a little",
		      params, ops);
