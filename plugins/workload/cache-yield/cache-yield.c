/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that goes through a buffer and gives up the CPU: a warm cache is lost at every move. */
#include <ktstr/workload-cache.h>

#include <sched.h>

enum { P_SIZE, P_STRIDE };

static const struct ktstr_param params[] = {
	[P_SIZE] = KTSTR_PARAM_CACHE_SIZE,
	[P_STRIDE] = KTSTR_PARAM_CACHE_STRIDE,
};

KTSTR_DEFINE_CACHE_STATE(P_SIZE, P_STRIDE);

static int yield_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	ktstr_cache_go_through(&w->cache, worker);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = yield_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-yield", PLUGIN_VERSION, "goes through a buffer and gives up the CPU",
		      params, ops);
