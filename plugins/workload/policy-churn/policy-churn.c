/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that goes through the scheduling policies, computing under each. Those that it may not
 * have, or that the kernel does not know, are left out. Without CAP_SYS_NICE there is no way back
 * from SCHED_IDLE, and that is where it stays.
 */
#include <ktstr/workload.h>

#include <sched.h>

#define POLICY_EXT 7		/* SCHED_EXT of linux/sched.h, since 6.12 */

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "under each policy"),
};

static const struct policy {
	int policy, priority;
} policies[] = {
	{ SCHED_OTHER, 0 }, { SCHED_BATCH, 0 }, { SCHED_IDLE, 0 }, { POLICY_EXT, 0 },
	{ SCHED_FIFO, 1 }, { SCHED_RR, 1 },
};

#define N_POLICIES (sizeof(policies) / sizeof(policies[0]))

struct ktstr_workload {
	const struct ktstr_value *values;
	size_t next;
	bool refused[N_POLICIES];
};

static int take(struct ktstr_workload *w, size_t i, struct ktstr_err *err)
{
	struct sched_param param = { .sched_priority = policies[i].priority };

	if (!sched_setscheduler(0, policies[i].policy, &param))
		return 0;
	/* EACCES: the sched_ext scheduler does not want this task (scx_check_setscheduler()). */
	if (errno != EPERM && errno != EINVAL && errno != EACCES)
		return ktstr_err_errno(err, errno, "taking scheduling policy %d",
				       policies[i].policy);
	w->refused[i] = true;
	return 0;
}

static unsigned left(const struct ktstr_workload *w)
{
	unsigned n = 0;

	for (size_t i = 0; i < N_POLICIES; i++)
		n += !w->refused[i];
	return n;
}

static int churn_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	int ret = take(w, w->next, err);
	unsigned n = left(w);

	if (!ret && !n)
		ret = ktstr_err_set(err, -EPERM, "no scheduling policy can be taken");
	if (ret)
		return ret;
	do
		w->next = (w->next + 1) % N_POLICIES;
	while (w->refused[w->next]);
	worker->metric(worker, "policies", NULL, n);
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = churn_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("policy-churn", PLUGIN_VERSION, "goes through the scheduling policies",
		      params, ops);
