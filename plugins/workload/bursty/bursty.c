/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that computes for a while, then sleeps. */
#include <ktstr/workload-burst.h>

enum { P_BURST, P_SLEEP };

static const struct ktstr_param params[] = {
	[P_BURST] = KTSTR_PARAM_BURST("50ms"),
	[P_SLEEP] = KTSTR_PARAM_BURST_SLEEP("100ms"),
};

struct ktstr_workload {
	struct ktstr_burst burst;
};

static int bursty_create(struct ktstr_worker *worker, const struct ktstr_value *values,
			 struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));

	(void)worker;
	if (!w)
		return ktstr_err_nomem(err);
	ktstr_burst_begin(&w->burst, values[P_BURST].u64, values[P_SLEEP].u64);
	*ret_workload = w;
	return 0;
}

static int bursty_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	(void)err;
	ktstr_burst_slice(&w->burst, worker);
	return 0;
}

static void bursty_destroy(struct ktstr_workload *w)
{
	free(w);
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = bursty_create,
	.iterate = bursty_iterate,
	.destroy = bursty_destroy,
};

KTSTR_DEFINE_WORKLOAD("bursty", PLUGIN_VERSION, "computes for a while and sleeps, in turn", params,
		      ops);
