/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that pins itself to one CPU after another, in random order, of those that it had when
 * the step began. When its cpuset changes meanwhile, it goes on with what the kernel then lets it
 * have.
 */
#include <ktstr/workload.h>

#include <sched.h>
#include <unistd.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "on each CPU"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint64_t random;
	cpu_set_t cpus;			/* none: not looked at yet */
};

static int churn_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker, (void)err;
	w->random = (uint64_t)getpid() + 1;
	return 0;
}

static int look(struct ktstr_workload *w, struct ktstr_err *err)
{
	if (sched_getaffinity(0, sizeof(w->cpus), &w->cpus))
		return ktstr_err_errno(err, errno, "reading its CPUs");
	return 0;
}

/* All that there are: the kernel takes those of the cpuset. */
static int look_again(struct ktstr_workload *w, struct ktstr_err *err)
{
	memset(&w->cpus, 0xff, sizeof(w->cpus));
	if (sched_setaffinity(0, sizeof(w->cpus), &w->cpus))
		return ktstr_err_errno(err, errno, "taking all CPUs of its cpuset");
	return look(w, err);
}

static int pick(struct ktstr_workload *w)
{
	uint64_t n = ktstr_worker_random(&w->random) % (uint64_t)CPU_COUNT(&w->cpus);
	int cpu = 0;

	while (!CPU_ISSET(cpu, &w->cpus) || n--)
		cpu++;
	return cpu;
}

static int move(struct ktstr_workload *w, struct ktstr_err *err)
{
	cpu_set_t one;
	int cpu = pick(w);

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (!sched_setaffinity(0, sizeof(one), &one))
		return 0;
	if (errno == EINVAL)		/* no longer in its cpuset */
		return look_again(w, err);
	return ktstr_err_errno(err, errno, "moving to CPU %d", cpu);
}

static int churn_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	int ret = CPU_COUNT(&w->cpus) ? 0 : look(w, err);

	if (!ret)
		ret = move(w, err);
	if (!ret)
		ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	return ret;
}

KTSTR_DEFINE_STATE(churn_init, KTSTR_NO_DEINIT);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = churn_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("affinity-churn", PLUGIN_VERSION, "pins itself to one CPU after another",
		      params, ops);
