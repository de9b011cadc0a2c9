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
	const struct ktstr_value *values;
	struct ktstr_cache cache;
	struct ktstr_pipe_pair pair;
};

static unsigned cache_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static int cache_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	int ret = ktstr_cache_init(&w->cache, w->values[P_SIZE].u64, w->values[P_STRIDE].u64, err);

	return ret ? ret : ktstr_pipe_pair_open(&w->pair, worker, err);
}

static void cache_deinit(struct ktstr_workload *w)
{
	ktstr_pipe_pair_close(&w->pair);
	ktstr_cache_deinit(&w->cache);
}

static int cache_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	int ret;

	for (uint64_t i = 0; i < w->values[P_PASSES].u64 && worker->running(worker); i++)
		ktstr_cache_go_through(&w->cache, worker);
	ret = ktstr_pipe_exchange(&w->pair, worker, err);
	return ret < 0 ? ret : 0;
}

KTSTR_DEFINE_STATE(cache_init, cache_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = cache_group_size,
	.create = state_create,
	.iterate = cache_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("cache-pipe", PLUGIN_VERSION,
		      "pairs that fill their caches and wake each other through pipes", params,
		      ops);
