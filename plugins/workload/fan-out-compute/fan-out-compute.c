/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A messenger that wakes many receivers at once; each thinks for a while, asleep, and multiplies
 * matrices that fill a part of the cache: requests that come in together and are served in
 * parallel.
 */
#include <ktstr/workload-fan-out.h>

enum { P_FAN_OUT, P_FOOTPRINT, P_OPERATIONS, P_SLEEP };

static const struct ktstr_param params[] = {
	[P_FAN_OUT] = KTSTR_PARAM_FAN_OUT,
	[P_FOOTPRINT] = {
		.name = "footprint", .type = KTSTR_PARAM_SIZE, .def = "256K", .min = 24,
		.max = 1ll << 30, .help = "bytes of the three matrices of each receiver",
	},
	[P_OPERATIONS] = {
		.name = "operations", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1, .max = 1000,
		.help = "multiplications in a round",
	},
	[P_SLEEP] = {
		.name = "sleep", .type = KTSTR_PARAM_DURATION, .def = "100us", .min = 0,
		.max = 3600000000000, .help = "time asleep before them",
	},
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint32_t seen;			/* rounds that this receiver has had */
	size_t side;
	uint64_t *cells;		/* of three matrices, one behind the other */
};

static unsigned compute_group_size(const struct ktstr_value *values)
{
	return (unsigned)values[P_FAN_OUT].u64 + 1;
}

static size_t compute_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(struct ktstr_fan_out);
}

static const char *compute_role(const struct ktstr_value *values, unsigned index)
{
	(void)values;
	return ktstr_fan_out_role(index);
}

/* The longest side of three square matrices in so many bytes. */
static size_t side_of(uint64_t bytes)
{
	size_t side = 1;

	while (3 * sizeof(uint64_t) * (side + 1) * (side + 1) <= bytes)
		side++;
	return side;
}

static int make_matrices(struct ktstr_workload *w, struct ktstr_err *err)
{
	size_t n;

	w->side = side_of(w->values[P_FOOTPRINT].u64);
	n = 3 * w->side * w->side;
	w->cells = malloc(n * sizeof(*w->cells));
	if (!w->cells)
		return ktstr_err_set(err, -ENOMEM, "no memory for matrices of %zu bytes",
				     n * sizeof(*w->cells));
	for (size_t i = 0; i < n; i++)
		w->cells[i] = i;
	return 0;
}

static int compute_init(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	return worker->index ? make_matrices(w, err) : 0;
}

static void compute_deinit(struct ktstr_workload *w)
{
	free(w->cells);
}

/* c = a * b, row by row; false when the step ended before. */
static bool multiply(struct ktstr_workload *w, const struct ktstr_worker *worker)
{
	const size_t n = w->side;
	const uint64_t *a = w->cells, *b = a + n * n;
	uint64_t *c = w->cells + 2 * n * n;

	for (size_t i = 0; i < n; i++) {
		if (!worker->running(worker))
			return false;
		for (size_t j = 0; j < n; j++) {
			uint64_t sum = 0;

			for (size_t k = 0; k < n; k++)
				sum += a[i * n + k] * b[k * n + j];
			*(volatile uint64_t *)&c[i * n + j] = sum;
		}
	}
	return true;
}

static void serve(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	uint64_t i = 0;

	if (w->values[P_SLEEP].u64)
		worker->sleep(worker, w->values[P_SLEEP].u64);
	while (i < w->values[P_OPERATIONS].u64 && multiply(w, worker))
		i++;
}

static int compute_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			   struct ktstr_err *err)
{
	struct ktstr_fan_out *fan = worker->shared;

	(void)err;
	if (!worker->index) {
		ktstr_fan_out_send(fan, worker);
	} else if (ktstr_fan_out_receive(fan, worker, &w->seen)) {
		serve(w, worker);
		ktstr_fan_out_done(fan);
	}
	return 0;
}

KTSTR_DEFINE_STATE(compute_init, compute_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = compute_group_size,
	.create = state_create,
	.iterate = compute_iterate,
	.destroy = state_destroy,
	.shared_bytes = compute_shared_bytes,
	.role = compute_role,
};

KTSTR_DEFINE_WORKLOAD("fan-out-compute", PLUGIN_VERSION,
		      "one that wakes many at once, which think and multiply matrices", params,
		      ops);
