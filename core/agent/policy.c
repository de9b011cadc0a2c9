/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/policy.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* include/uapi/linux/sched.h has them, and collides with glibc's sched.h. */
#define POLICY_DEADLINE 6
#define POLICY_EXT 7

/* The kernel's struct sched_attr, as far as it is used here (SCHED_ATTR_SIZE_VER0). */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* ---- memory ---- */

static int set_memory(const struct ktstr_mem_policy *memory, struct ktstr_err *err)
{
	static const int modes[KTSTR_MEM_MODES] = {
		[KTSTR_MEM_DEFAULT] = MPOL_DEFAULT, [KTSTR_MEM_LOCAL] = MPOL_LOCAL,
		[KTSTR_MEM_BIND] = MPOL_BIND, [KTSTR_MEM_PREFERRED] = MPOL_PREFERRED,
		[KTSTR_MEM_PREFERRED_MANY] = MPOL_PREFERRED_MANY,
		[KTSTR_MEM_INTERLEAVE] = MPOL_INTERLEAVE,
		[KTSTR_MEM_WEIGHTED_INTERLEAVE] = 6,	/* since 6.9 */
	};
	int mode = modes[memory->mode];
	struct ktstr_cpu_mask nodes = { 0 };

	if (memory->nodes && !ktstr_cpu_list_parse(memory->nodes, &nodes))
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no list of NUMA nodes",
				     memory->nodes);
	mode |= memory->flags & KTSTR_MEM_STATIC_NODES ? MPOL_F_STATIC_NODES : 0;
	mode |= memory->flags & KTSTR_MEM_RELATIVE_NODES ? MPOL_F_RELATIVE_NODES : 0;
	mode |= memory->flags & KTSTR_MEM_NUMA_BALANCING ? MPOL_F_NUMA_BALANCING : 0;
	if (syscall(SYS_set_mempolicy, mode, memory->nodes ? nodes.bits : NULL,
		    memory->nodes ? 1024ul : 0ul))
		return ktstr_err_errno(err, errno, "setting the memory policy %s%s%s",
				       ktstr_mem_mode_name(memory->mode),
				       memory->nodes ? " of node " : "",
				       memory->nodes ? memory->nodes : "");
	return 0;
}

/* ---- CPUs ---- */

int ktstr_policy_bind(int pid, const struct ktstr_cpu_mask *cpus, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	if (!sched_setaffinity(pid, sizeof(cpus->bits), (const cpu_set_t *)cpus->bits))
		return 0;
	ktstr_cpu_list_put(cpus, &b);
	return ktstr_err_errno(err, errno, "binding to CPUs %.*s", (int)b.len,
			       b.data ? (const char *)b.data : "");
}

/* ---- scheduling ---- */

/* What the kernel means by its answers to sched_setattr(). */
static const char *advice(enum ktstr_sched_class class, int code)
{
	if (class == KTSTR_SCHED_DEADLINE && code == EBUSY)
		return "; all deadline tasks together may have sched_rt_runtime_us of the CPUs' "
		       "time";
	if (class == KTSTR_SCHED_DEADLINE && code == EPERM)
		return "; a deadline task may run on all CPUs, so its cgroup has no cpuset";
	if (class == KTSTR_SCHED_EXT && code == EINVAL)
		return "; this kernel has no sched_ext";
	return "";
}

static int set_class(const struct ktstr_placement *placement, struct ktstr_err *err)
{
	static const uint32_t policies[KTSTR_SCHED_CLASSES] = {
		[KTSTR_SCHED_NORMAL] = SCHED_OTHER, [KTSTR_SCHED_BATCH] = SCHED_BATCH,
		[KTSTR_SCHED_IDLE] = SCHED_IDLE, [KTSTR_SCHED_FIFO] = SCHED_FIFO,
		[KTSTR_SCHED_RR] = SCHED_RR, [KTSTR_SCHED_DEADLINE] = POLICY_DEADLINE,
		[KTSTR_SCHED_EXT] = POLICY_EXT,
	};
	const struct ktstr_sched_policy *sched = &placement->sched;
	const struct attr attr = {
		.size = sizeof(attr), .policy = policies[sched->class],
		.nice = placement->has_nice ? (int32_t)placement->nice : 0,
		.priority = sched->priority, .runtime_ns = sched->runtime_ns,
		.deadline_ns = sched->deadline_ns, .period_ns = sched->period_ns,
	};
	int code;

	if (!syscall(SYS_sched_setattr, 0, &attr, 0))
		return 0;
	code = errno;
	return ktstr_err_set(err, -code, "setting the scheduling policy %s: %s%s",
			     ktstr_sched_class_name(sched->class), strerror(code),
			     advice(sched->class, code));
}

int ktstr_policy_apply(const struct ktstr_placement *placement, const struct ktstr_cpu_mask *cpus,
		       struct ktstr_err *err)
{
	int ret = 0;

	if (placement->memory.mode != KTSTR_MEM_INHERIT)
		ret = set_memory(&placement->memory, err);
	if (!ret && cpus)
		ret = ktstr_policy_bind(0, cpus, err);
	if (!ret && placement->has_nice && setpriority(PRIO_PROCESS, 0, (int)placement->nice))
		ret = ktstr_err_errno(err, errno, "setting nice %d", (int)placement->nice);
	if (!ret && placement->sched.class != KTSTR_SCHED_INHERIT)
		ret = set_class(placement, err);
	return ret;
}
