/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two workers that go through their buffers in turn and wake each other through pipes: what a wake
 * that moves a worker to another CPU costs in cache misses.
 */
#include <ktstr/workload-cache.h>
#include <ktstr/workload-pipe.h>

enum { P_SIZE, P_STRIDE, P_PASSES };

static const struct ktstr_param params[] = {
	[P_SIZE] = KTSTR_PARAM_CACHE_SIZE,
	[P_STRIDE] = KTSTR_PARAM_CACHE_STRIDE,
	[P_PASSES] = {
		.name = "passes", .type = KTSTR_PARAM_UINT, .def = "2", .min = 1, .max = 100000,
		.help = "times through the buffer before each exchange with the partner",
	},
};

struct ktstr_workload {
	uint64_t passes;
	struct ktstr_cache cache;
	struct ktstr_pipe_pair pair;
};

static unsigned cache_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static void cache_destroy(struct ktstr_workload *w)
{
	if (w) {
		ktstr_pipe_pair_close(&w->pair);
		ktstr_cache_deinit(&w->cache);
	}
	free(w);
}

static int cache_create(struct ktstr_worker *worker, const struct ktstr_value *values,
			struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return ktstr_err_nomem(err);
	w->passes = values[P_PASSES].u64;
	w->pair = (struct ktstr_pipe_pair)KTSTR_PIPE_PAIR_INIT;
	ret = ktstr_cache_init(&w->cache, values[P_SIZE].u64, values[P_STRIDE].u64, err);
	if (!ret)
		ret = ktstr_pipe_pair_open(&w->pair, worker, err);
	if (ret)
		cache_destroy(w);
	else
		*ret_workload = w;
	return ret;
}

static int cache_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	int ret;

	for (uint64_t i = 0; i < w->passes && worker->running(worker); i++)
		ktstr_cache_go_through(&w->cache, worker);
	ret = ktstr_pipe_exchange(&w->pair, worker, err);
	return ret < 0 ? ret : 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = cache_group_size,
	.create = cache_create,
	.iterate = cache_iterate,
	.destroy = cache_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-pipe", PLUGIN_VERSION,
		      "pairs that fill their caches and wake each other through pipes", params, ops);
