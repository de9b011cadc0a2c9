/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that computes a little and gives up the CPU, all the time: many scheduling decisions. */
#include <ktstr/workload.h>

#include <sched.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("100", 0, "between two yields"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
};

static int yield_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = yield_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("yield", PLUGIN_VERSION, "gives up the CPU after every little piece of work",
		      params, ops);
