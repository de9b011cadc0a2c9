/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/agent.h"

#include "agent/mounts.h"
#include "agent/report.h"
#include "agent/setup.h"

struct need {
	const char *what;
	int (*meet)(struct ktstr_agent *agent, struct ktstr_err *err);
};

/* ---- what is the same for every run ---- */

static int need_mounts(struct ktstr_agent *agent, struct ktstr_err *err)
{
	(void)agent;
	return ktstr_mounts_rest(err);
}

static int need_machine(struct ktstr_agent *agent, struct ktstr_err *err)
{
	(void)agent;
	return ktstr_setup_machine(err);
}

static int need_topology(struct ktstr_agent *agent, struct ktstr_err *err)
{
	return ktstr_guest_topology_read("/sys", &agent->topology, err);
}

int ktstr_agent_settle(struct ktstr_agent *agent, const char **ret_what, struct ktstr_err *err)
{
	static const struct need needs[] = {
		{ "mounts", need_mounts }, { "machine", need_machine }, { "topology", need_topology },
	};

	for (; agent->n_settled < KTSTR_ARRAY_SIZE(needs); agent->n_settled++) {
		int ret = needs[agent->n_settled].meet(agent, err);

		*ret_what = needs[agent->n_settled].what;
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- and what is not ---- */

static int need_files(struct ktstr_agent *agent, struct ktstr_err *err)
{
	return ktstr_files_check(&agent->files, err);
}

static int need_report(struct ktstr_agent *agent, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	(void)err;
	ktstr_report_stage(&agent->port, KTSTR_STAGE_MOUNTS, 0, 0);
	ktstr_put_begin(&b);
	ktstr_guest_topology_put(&agent->topology, &b);
	ktstr_report(&agent->port, KTSTR_REC_TOPOLOGY, 0, &b);
	return 0;
}

static int need_modules(struct ktstr_agent *agent, struct ktstr_err *err)
{
	for (const char **path = agent->plan->modules; *path; path++) {
		int ret = ktstr_setup_module(*path, err);

		if (ret)
			return ret;
	}
	return 0;
}

static int need_sysctls(struct ktstr_agent *agent, struct ktstr_err *err)
{
	for (uint32_t i = 0; i < agent->plan->n_sysctls; i++) {
		const struct ktstr_guest_setting *sysctl = &agent->plan->sysctls[i];
		int ret = ktstr_setup_sysctl("/proc/sys", sysctl->file, sysctl->value, err);

		if (ret)
			return ret;
	}
	return 0;
}

/* A kernel without sched_ext can run no such scheduler; one without the dump event just has less to
 * tell. */
static int need_sched_ext(struct ktstr_agent *agent, struct ktstr_err *err)
{
	struct ktstr_err trace_err = KTSTR_ERR_INIT;

	if (!agent->plan->command)
		return 0;
	ktstr_scx_read(KTSTR_SCX_DIR, &agent->scx_before);
	if (!agent->scx_before.present)
		return ktstr_err_set(err, -EOPNOTSUPP,
				     "this kernel has no sched_ext: it cannot run %s",
				     agent->plan->command[0]);
	agent->trace.channel = &agent->port;
	if (ktstr_trace_open(&agent->trace, &agent->loop, &trace_err))
		ktstr_report_fault(&agent->port, "trace", &trace_err);
	return 0;
}

int ktstr_agent_prepare(struct ktstr_agent *agent, const char **ret_what, struct ktstr_err *err)
{
	static const struct need needs[] = {
		{ "report", need_report }, { "module", need_modules },
		{ "sysctl", need_sysctls }, { "sched_ext", need_sched_ext },
	};
	int ret = need_files(agent, err);

	*ret_what = "files";
	if (!ret)
		ret = ktstr_agent_settle(agent, ret_what, err);
	for (size_t i = 0; !ret && i < KTSTR_ARRAY_SIZE(needs); i++) {
		ret = needs[i].meet(agent, err);
		*ret_what = needs[i].what;
	}
	return ret;
}
