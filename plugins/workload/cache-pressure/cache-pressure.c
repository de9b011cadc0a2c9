/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that goes through a buffer all the time, and is slower where another one's is cached. */
#include <ktstr/workload-cache.h>

enum { P_SIZE, P_STRIDE };

static const struct ktstr_param params[] = {
	[P_SIZE] = KTSTR_PARAM_CACHE_SIZE,
	[P_STRIDE] = KTSTR_PARAM_CACHE_STRIDE,
};

struct ktstr_workload {
	struct ktstr_cache cache;
};

static void pressure_destroy(struct ktstr_workload *w)
{
	if (w)
		ktstr_cache_deinit(&w->cache);
	free(w);
}

static int pressure_create(struct ktstr_worker *worker, const struct ktstr_value *values,
			   struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));
	int ret;

	(void)worker;
	if (!w)
		return ktstr_err_nomem(err);
	ret = ktstr_cache_init(&w->cache, values[P_SIZE].u64, values[P_STRIDE].u64, err);
	if (ret)
		pressure_destroy(w);
	else
		*ret_workload = w;
	return ret;
}

static int pressure_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			    struct ktstr_err *err)
{
	(void)err;
	ktstr_cache_go_through(&w->cache, worker);
	return 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = pressure_create,
	.iterate = pressure_iterate,
	.destroy = pressure_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-pressure", PLUGIN_VERSION, "goes through a buffer all the time",
		      params, ops);
