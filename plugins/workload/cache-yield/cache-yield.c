/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that goes through a buffer and gives up the CPU: a warm cache is lost at every move. */
#include <ktstr/workload-cache.h>

#include <sched.h>

enum { P_SIZE, P_STRIDE };

static const struct ktstr_param params[] = {
	[P_SIZE] = KTSTR_PARAM_CACHE_SIZE,
	[P_STRIDE] = KTSTR_PARAM_CACHE_STRIDE,
};

struct ktstr_workload {
	struct ktstr_cache cache;
};

static void yield_destroy(struct ktstr_workload *w)
{
	if (w)
		ktstr_cache_deinit(&w->cache);
	free(w);
}

static int yield_create(struct ktstr_worker *worker, const struct ktstr_value *values,
			struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));
	int ret;

	(void)worker;
	if (!w)
		return ktstr_err_nomem(err);
	ret = ktstr_cache_init(&w->cache, values[P_SIZE].u64, values[P_STRIDE].u64, err);
	if (ret)
		yield_destroy(w);
	else
		*ret_workload = w;
	return ret;
}

static int yield_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	ktstr_cache_go_through(&w->cache, worker);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = yield_create,
	.iterate = yield_iterate,
	.destroy = yield_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-yield", PLUGIN_VERSION, "goes through a buffer and gives up the CPU",
		      params, ops);
