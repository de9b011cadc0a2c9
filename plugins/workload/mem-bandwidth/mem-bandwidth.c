/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that wants the memory's bandwidth: a[i] = b[i] + 3 * c[i] over three arrays that no
 * cache holds, a slice in each iteration.
 */
#include <ktstr/workload.h>

enum { P_SIZE };

static const struct ktstr_param params[] = {
	[P_SIZE] = {
		.name = "size", .type = KTSTR_PARAM_SIZE, .def = "24M", .min = 3 * 4096,
		.max = 1ll << 40, .help = "bytes of each worker's three arrays",
	},
};

#define SLICE 32768		/* elements in an iteration */

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t *a, *b, *c;		/* in one allocation, a's */
	size_t n, at;
	uint64_t bytes;			/* read and written so far */
};

/* Written to, so that there is memory behind all of it. */
static int make_arrays(struct ktstr_workload *w, size_t bytes, struct ktstr_err *err)
{
	w->n = bytes / 3 / sizeof(*w->a);
	w->a = malloc(bytes);
	if (!w->a)
		return ktstr_err_set(err, -ENOMEM, "no memory for arrays of %zu bytes", bytes);
	memset(w->a, 1, bytes);
	w->b = w->a + w->n;
	w->c = w->b + w->n;
	return 0;
}

static int bandwidth_init(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	(void)worker;
	return make_arrays(w, w->values[P_SIZE].u64, err);
}

static void bandwidth_deinit(struct ktstr_workload *w)
{
	free(w->a);
}

static int bandwidth_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			     struct ktstr_err *err)
{
	size_t end = w->n - w->at < SLICE ? w->n : w->at + SLICE;

	(void)err;
	w->bytes += 3 * sizeof(*w->a) * (end - w->at);
	for (size_t i = w->at; i < end; i++)
		w->a[i] = w->b[i] + 3 * w->c[i];
	__asm__ volatile("" : : "r"(w->a) : "memory");
	w->at = end == w->n ? 0 : end;
	worker->metric(worker, "moved", "bytes", (double)w->bytes);
	return 0;
}

KTSTR_DEFINE_STATE(bandwidth_init, bandwidth_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = bandwidth_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("mem-bandwidth", PLUGIN_VERSION, "streams through arrays that no cache holds",
		      params, ops);
