/* SPDX-License-Identifier: GPL-2.0-only */
/* Two workers that compute in turn and wake each other through pipes. */
#include <ktstr/workload-pipe.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "before each exchange with the partner"),
};

struct ktstr_workload {
	uint64_t loops;
	struct ktstr_pipe_pair pair;
};

static unsigned pipe_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static void pipe_destroy(struct ktstr_workload *w)
{
	if (w)
		ktstr_pipe_pair_close(&w->pair);
	free(w);
}

static int pipe_create(struct ktstr_worker *worker, const struct ktstr_value *values,
		       struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return ktstr_err_nomem(err);
	w->loops = values[P_LOOPS].u64;
	w->pair = (struct ktstr_pipe_pair)KTSTR_PIPE_PAIR_INIT;
	ret = ktstr_pipe_pair_open(&w->pair, worker, err);
	if (ret)
		pipe_destroy(w);
	else
		*ret_workload = w;
	return ret;
}

static int pipe_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	int ret;

	ktstr_worker_spin(worker, w->loops);
	ret = ktstr_pipe_exchange(&w->pair, worker, err);
	return ret < 0 ? ret : 0;
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = pipe_group_size,
	.create = pipe_create,
	.iterate = pipe_iterate,
	.destroy = pipe_destroy,
};

KTSTR_DEFINE_WORKLOAD("pipe-io", PLUGIN_VERSION, "pairs that wake each other through pipes", params,
		      ops);
