/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that goes through a buffer all the time, and is slower where another one's is cached. */
#include <ktstr/workload-cache.h>

enum { P_SIZE, P_STRIDE };

static const struct ktstr_param params[] = {
	[P_SIZE] = KTSTR_PARAM_CACHE_SIZE,
	[P_STRIDE] = KTSTR_PARAM_CACHE_STRIDE,
};

KTSTR_DEFINE_CACHE_STATE(P_SIZE, P_STRIDE);

static int pressure_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			    struct ktstr_err *err)
{
	(void)err;
	ktstr_cache_go_through(&w->cache, worker);
	return 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = pressure_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-pressure", PLUGIN_VERSION, "goes through a buffer all the time",
		      params, ops);
