/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that goes through all nice values, from -20 to 19, computing and yielding at each. Where
 * it may not go below a value it begins there; without CAP_SYS_NICE there is no way back from 19.
 */
#include <ktstr/workload.h>

#include <sched.h>
#include <sys/resource.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("512", 0, "at each nice value"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	int lowest, nice;
};

static int nice_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker, (void)err;
	w->lowest = w->nice = -20;
	return 0;
}

/* The next value; one that is refused was too low. */
static int change(struct ktstr_workload *w, struct ktstr_err *err)
{
	while (setpriority(PRIO_PROCESS, 0, w->nice)) {
		if ((errno != EACCES && errno != EPERM) || w->nice == 19)
			return ktstr_err_errno(err, errno, "setting nice %d", w->nice);
		w->lowest = ++w->nice;
	}
	w->nice = w->nice == 19 ? w->lowest : w->nice + 1;
	return 0;
}

static int nice_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	int ret = change(w, err);

	if (ret)
		return ret;
	worker->metric(worker, "lowest-nice", NULL, w->lowest);
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

KTSTR_DEFINE_STATE(nice_init, KTSTR_NO_DEINIT);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = nice_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("nice-sweep", PLUGIN_VERSION, "goes through all nice values", params, ops);
