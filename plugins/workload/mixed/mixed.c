/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker with a bit of everything: it computes, gives up the CPU, and now and then sleeps. */
#include <ktstr/workload.h>

#include <sched.h>

enum { P_LOOPS, P_SLEEP_EVERY, P_SLEEP };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 1, "between two yields"),
	[P_SLEEP_EVERY] = {
		.name = "sleep-every", .type = KTSTR_PARAM_UINT, .def = "64",
		.min = 0, .max = 1000000000,
		.help = "yields between two sleeps; 0: it never sleeps",
	},
	[P_SLEEP] = {
		.name = "sleep", .type = KTSTR_PARAM_DURATION, .def = "1ms",
		.min = 1000, .max = 3600000000000, .help = "length of such a sleep",
	},
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t yields;
};

static int mixed_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	uint64_t every = w->values[P_SLEEP_EVERY].u64;

	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	if (sched_yield())
		return ktstr_err_errno(err, errno, "sched_yield");
	if (every && ++w->yields % every == 0)
		worker->sleep(worker, w->values[P_SLEEP].u64);
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = mixed_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("mixed", PLUGIN_VERSION, "computes, yields and sleeps a little", params, ops);
