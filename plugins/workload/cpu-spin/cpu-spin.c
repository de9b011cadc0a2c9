/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that wants the CPU all the time. */
#include <ktstr/workload.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("20000", 1, "in one iteration"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
};

static int spin_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	(void)err;
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = spin_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("cpu-spin", PLUGIN_VERSION, "computes all the time", params, ops);
