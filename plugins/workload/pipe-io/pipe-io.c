/* SPDX-License-Identifier: GPL-2.0-only */
/* Two workers that compute in turn and wake each other through pipes. */
#include <ktstr/workload-pipe.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "before each exchange with the partner"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	struct ktstr_pipe_pair pair;
};

static unsigned pipe_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static int pipe_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	return ktstr_pipe_pair_open(&w->pair, worker, err);
}

static void pipe_deinit(struct ktstr_workload *w)
{
	ktstr_pipe_pair_close(&w->pair);
}

static int pipe_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	int ret;

	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	ret = ktstr_pipe_exchange(&w->pair, worker, err);
	return ret < 0 ? ret : 0;
}

KTSTR_DEFINE_STATE(pipe_init, pipe_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = pipe_group_size,
	.create = state_create,
	.iterate = pipe_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("pipe-io", PLUGIN_VERSION, "pairs that wake each other through pipes", params,
		      ops);
