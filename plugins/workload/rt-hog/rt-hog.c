/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker of a real-time policy that hogs its CPU in bursts: what is under another policy there,
 * a sched_ext scheduler's tasks among it, has to do without the CPU meanwhile.
 */
#include <ktstr/workload-burst.h>

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { P_BURST, P_SLEEP, P_PRIORITY, P_POLICY };

static const char *const policies[] = { "fifo", "rr", NULL };

static const struct ktstr_param params[] = {
	[P_BURST] = KTSTR_PARAM_BURST("10ms"),
	[P_SLEEP] = KTSTR_PARAM_BURST_SLEEP("10ms"),
	[P_PRIORITY] = {
		.name = "priority", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1, .max = 99,
		.help = "real-time priority",
	},
	[P_POLICY] = {
		.name = "policy", .type = KTSTR_PARAM_CHOICE, .def = "fifo", .choices = policies,
		.help = "real-time policy",
	},
};

struct ktstr_workload {
	const struct ktstr_value *values;
	bool real_time;			/* it has its policy */
	struct ktstr_burst burst;
};

static bool may_have_priority(uint64_t priority)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct rlimit limit;

	if (!syscall(SYS_capget, &header, data) && data[0].effective & 1u << CAP_SYS_NICE)
		return true;
	return !getrlimit(RLIMIT_RTPRIO, &limit) && limit.rlim_cur >= priority;
}

static int hog_available(const struct ktstr_value *values, struct ktstr_err *err)
{
	uint64_t priority = values[P_PRIORITY].u64;

	if (may_have_priority(priority))
		return 0;
	return ktstr_err_set(err, -EPERM, "real-time priority %llu needs CAP_SYS_NICE, or "
			     "RLIMIT_RTPRIO", (unsigned long long)priority);
}

static int hog_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker, (void)err;
	ktstr_burst_begin(&w->burst, w->values[P_BURST].u64, w->values[P_SLEEP].u64);
	return 0;
}

/* Not before the step: until then it is none that hogs. */
static int become_real_time(struct ktstr_workload *w, struct ktstr_err *err)
{
	const struct ktstr_value *policy = &w->values[P_POLICY];
	struct sched_param param = { .sched_priority = (int)w->values[P_PRIORITY].u64 };

	if (sched_setscheduler(0, policy->u64 ? SCHED_RR : SCHED_FIFO, &param))
		return ktstr_err_errno(err, errno, "taking policy %s with priority %d", policy->str,
				       param.sched_priority);
	w->real_time = true;
	return 0;
}

static int hog_iterate(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	int ret = w->real_time ? 0 : become_real_time(w, err);

	if (!ret)
		ktstr_burst_slice(&w->burst, worker);
	return ret;
}

KTSTR_DEFINE_STATE(hog_init, KTSTR_NO_DEINIT);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.available = hog_available,
	.create = state_create,
	.iterate = hog_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("rt-hog", PLUGIN_VERSION, "hogs its CPU under a real-time policy, in bursts",
		      params, ops);
