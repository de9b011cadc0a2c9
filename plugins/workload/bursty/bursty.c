/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker that computes for a while, then sleeps. */
#include <ktstr/workload-burst.h>

enum { P_BURST, P_SLEEP };

static const struct ktstr_param params[] = {
	[P_BURST] = KTSTR_PARAM_BURST("50ms"),
	[P_SLEEP] = KTSTR_PARAM_BURST_SLEEP("100ms"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	struct ktstr_burst burst;
};

static int bursty_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker, (void)err;
	ktstr_burst_begin(&w->burst, w->values[P_BURST].u64, w->values[P_SLEEP].u64);
	return 0;
}

static int bursty_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	(void)err;
	ktstr_burst_slice(&w->burst, worker);
	return 0;
}

KTSTR_DEFINE_STATE(bursty_init, KTSTR_NO_DEINIT);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = bursty_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("bursty", PLUGIN_VERSION, "computes for a while and sleeps, in turn", params,
		      ops);
