/* SPDX-License-Identifier: GPL-2.0-only */
/* A buffer that is gone through again and again, to have the caches filled with it. [worker] */
#ifndef KTSTR_WORKLOAD_CACHE_H
#define KTSTR_WORKLOAD_CACHE_H

#include <ktstr/workload.h>

struct ktstr_cache {
	uint8_t *bytes;			/* NULL: none */
	size_t size, stride;
};

/* The rows of both in a parameter table. */
#define KTSTR_PARAM_CACHE_SIZE								\
	{ .name = "size", .type = KTSTR_PARAM_SIZE, .def = "32K", .min = 64,		\
	  .max = 1ll << 32, .help = "bytes of each worker's buffer" }
#define KTSTR_PARAM_CACHE_STRIDE							\
	{ .name = "stride", .type = KTSTR_PARAM_SIZE, .def = "64", .min = 1, .max = 1 << 20, \
	  .help = "bytes from one access to the next" }

static inline void ktstr_cache_deinit(struct ktstr_cache *cache)
{
	free(cache->bytes);
	cache->bytes = NULL;
}

/* Allocates the buffer and writes to all of it, so that no page fault is left for the step. */
static inline int ktstr_cache_init(struct ktstr_cache *cache, size_t size, size_t stride,
				   struct ktstr_err *err)
{
	*cache = (struct ktstr_cache){ .bytes = malloc(size), .size = size, .stride = stride };
	if (!cache->bytes)
		return ktstr_err_set(err, -ENOMEM, "no memory for a buffer of %zu bytes", size);
	memset(cache->bytes, 1, size);
	return 0;
}

/* Reads and writes a byte every stride; ends early when the step does. */
static inline void ktstr_cache_go_through(struct ktstr_cache *cache,
					  const struct ktstr_worker *worker)
{
	volatile uint8_t *bytes = cache->bytes;
	unsigned n = 0;

	for (size_t i = 0; i < cache->size; i += cache->stride) {
		bytes[i]++;
		if (!(++n & 0xfff) && !worker->running(worker))
			return;
	}
}

/* struct ktstr_workload, state_create() and state_destroy() of a workload with such a buffer and
 * nothing else. The arguments are the places of both parameters in its table. */
#define KTSTR_DEFINE_CACHE_STATE(size_param, stride_param)				\
	struct ktstr_workload {								\
		const struct ktstr_value *values;					\
		struct ktstr_cache cache;						\
	};										\
											\
	static int cache_init(struct ktstr_workload *w, struct ktstr_err *err)		\
	{										\
		return ktstr_cache_init(&w->cache, w->values[size_param].u64,		\
					w->values[stride_param].u64, err);		\
	}										\
	KTSTR_DEFINE_STATE(KTSTR_CACHE_INIT, KTSTR_CACHE_DEINIT)

#define KTSTR_CACHE_INIT(w, worker, err) ((void)(worker), cache_init(w, err))
#define KTSTR_CACHE_DEINIT(w) ktstr_cache_deinit(&(w)->cache)

#endif
