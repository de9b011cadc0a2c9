/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that computes a little and gives up the CPU, all the time: many scheduling decisions. */
#include <ktstr/workload.h>

#include <sched.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("100", 0, "between two yields"),
};

struct ktstr_workload {
	uint64_t loops;
};

static int yield_create(struct ktstr_worker *worker, const struct ktstr_value *values,
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

static int yield_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	ktstr_worker_spin(worker, w->loops);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

static void yield_destroy(struct ktstr_workload *w)
{
	free(w);
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = yield_create,
	.iterate = yield_iterate,
	.destroy = yield_destroy,
};

KTSTR_DEFINE_WORKLOAD("yield", PLUGIN_VERSION, "gives up the CPU after every little piece of work",
		      params, ops);
