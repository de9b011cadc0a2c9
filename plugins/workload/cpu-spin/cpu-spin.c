/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that wants the CPU all the time. */
#include <ktstr/workload.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("20000", 1, "in one iteration"),
};

struct ktstr_workload {
	uint64_t loops;
};

static int spin_create(struct ktstr_worker *worker, const struct ktstr_value *values,
		       struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));

	(void)worker;
	if (!w)
		return ktstr_err_nomem(err);
	w->loops = values[P_LOOPS].u64;
	*ret_workload = w;
	return 0;
}

static int spin_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	(void)err;
	ktstr_worker_spin(worker, w->loops);
	return 0;
}

static void spin_destroy(struct ktstr_workload *w)
{
	free(w);
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = spin_create,
	.iterate = spin_iterate,
	.destroy = spin_destroy,
};

KTSTR_DEFINE_WORKLOAD("cpu-spin", PLUGIN_VERSION, "computes all the time", params, ops);
