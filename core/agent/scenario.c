/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/scenario.h"

#include "agent/crew.h"
#include "agent/group.h"
#include "agent/operation.h"
#include "agent/program.h"
#include "agent/report.h"
#include "agent/topology.h"
#include "base/clock.h"

/* ---- before ---- */

static int load_workloads(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroups,
			  uint32_t n, struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops;

	for (uint32_t c = 0; c < n; c++)
		for (uint32_t w = 0; w < cgroups[c].n_workers; w++) {
			int ret = ktstr_workloads_get(&engine->workloads, &cgroups[c].workers[w],
						      &ops, err);

			if (ret)
				return ret;
		}
	return 0;
}

static int read_machine(struct ktstr_engine *engine, struct ktstr_err *err)
{
	struct ktstr_guest_topology topology;
	int ret = ktstr_guest_topology_read("/sys", &topology, err);

	if (ret)
		return ret;
	engine->map = (struct ktstr_cpu_map){
		.places = topology.cpus.items, .n = topology.cpus.n,
		.nodes = topology.nodes, .llcs = topology.llcs,
	};
	return 0;
}

int ktstr_scenario_prepare(struct ktstr_engine *engine, struct ktstr_err *err)
{
	int ret = read_machine(engine, err);

	if (!ret)
		ret = load_workloads(engine, engine->plan->cgroups, engine->plan->n_cgroups, err);
	for (uint32_t s = 0; !ret && s < engine->plan->n_steps; s++) {
		const struct ktstr_guest_step *step = &engine->plan->steps[s];

		ret = load_workloads(engine, step->cgroups, step->n_cgroups, err);
		for (uint32_t i = 0; !ret && i < step->n_ops; i++)
			ret = load_workloads(engine, &step->ops[i].cgroup, 1, err);
	}
	return ret;
}

/* ---- a step ---- */

/* What the engine itself took of the guest's CPUs so far. */
static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ktstr_timespec_ns(&ts);
}

static void report_edge(struct ktstr_engine *engine, const struct ktstr_guest_step *step,
			uint32_t n, const char *edge)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_u64(&b, "m", engine->plan->n_steps);
	ktstr_put_str(&b, "name", step->name[0] ? step->name : NULL);
	ktstr_put_str(&b, "edge", edge);
	ktstr_put_u64(&b, "cgroups", engine->groups.n);
	ktstr_put_u64(&b, "workers", ktstr_crews_count(engine, NULL));
	ktstr_put_u64(&b, "iterations", ktstr_crews_iterations(engine));
	ktstr_put_u64(&b, "engine_cpu_ns", own_cpu_ns());
	ktstr_report(&engine->agent, KTSTR_REC_STEP, 0, &b);
}

/* The cgroups of a step and their workers, up to their gates. */
static int set_up(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroups,
		  uint32_t n_cgroups, uint32_t step, struct ktstr_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < n_cgroups; i++)
		ret = ktstr_group_make(engine, &cgroups[i], step, err);
	/* Before there is anybody in them: the monitors watch how they come. */
	for (uint32_t i = 0; !ret && i < n_cgroups; i++)
		ktstr_group_report(engine, cgroups[i].name,
				   ktstr_guest_cgroup_workers(&cgroups[i]),
				   ktstr_guest_cgroup_bound(&cgroups[i]));
	for (uint32_t i = 0; !ret && i < n_cgroups; i++)
		ret = ktstr_crew_start(engine, &cgroups[i], step, err);
	if (!ret)
		ret = ktstr_crews_wait_ready(engine, err);
	return ret;
}

/* Ends what belongs to a step, or (0) to the whole scenario. */
static void end(struct ktstr_engine *engine, uint32_t step)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t workers;

	ktstr_crews_end_step(engine, step, &workers);
	if (ktstr_programs_end_step(engine, step, &err))
		ktstr_engine_fault(engine, "payload", &err);
	ktstr_groups_end(engine, step);
}

/* The gates open, and the programs of a list start. */
static void go(struct ktstr_engine *engine, const struct ktstr_guest_payload *payloads,
	       uint32_t n_payloads, uint32_t step)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	ktstr_crews_open(engine);
	for (uint32_t i = 0; i < n_payloads && !engine->failed; i++)
		if (ktstr_program_start(engine, &payloads[i], step, &err))
			ktstr_engine_fault(engine, "payload", &err);
}

static bool has_failed(struct ktstr_engine *engine)
{
	return engine->failed;
}

/* The operations once more at each interval. A round that takes longer delays the next one. */
static void repeat(struct ktstr_engine *engine, const struct ktstr_guest_step *step, uint32_t n,
		   uint64_t end_ns)
{
	uint64_t at = end_ns - step->hold_ns + step->every_ns;

	for (uint64_t round = 1; at < end_ns; round++) {
		uint64_t now;

		if (ktstr_engine_wait(engine, has_failed, at, false) != KTSTR_WAIT_TIME)
			return;
		ktstr_operations_run(engine, step, n, round);
		now = ktstr_now_ns();
		at = at + step->every_ns > now ? at + step->every_ns : now;
	}
}

/* A failure of a worker or an operation ends it, and the word that the scheduler is gone. */
static void hold(struct ktstr_engine *engine, const struct ktstr_guest_step *step, uint32_t n)
{
	uint64_t end_ns;

	ktstr_operations_run(engine, step, n, 0);
	end_ns = ktstr_now_ns() + step->hold_ns;
	if (step->every_ns)
		repeat(engine, step, n, end_ns);
	ktstr_engine_wait(engine, has_failed, end_ns, false);
}

static void carry_out(struct ktstr_engine *engine, const struct ktstr_guest_step *step, uint32_t n)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	ktstr_report_stage(&engine->agent, KTSTR_STAGE_STEP, n, engine->plan->n_steps);
	if (set_up(engine, step->cgroups, step->n_cgroups, n, &err))
		ktstr_engine_fault(engine, "step", &err);
	if (!engine->failed && !engine->stopped) {
		report_edge(engine, step, n, "begin");
		go(engine, step->payloads, step->n_payloads, n);
		hold(engine, step, n);
		report_edge(engine, step, n, "end");
	}
	end(engine, n);
}

void ktstr_scenario_run(struct ktstr_engine *engine)
{
	const struct ktstr_guest_plan *plan = engine->plan;
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (set_up(engine, plan->cgroups, plan->n_cgroups, 0, &err))
		ktstr_engine_fault(engine, "cgroups", &err);
	if (!engine->failed && !engine->stopped)
		go(engine, plan->payloads, plan->n_payloads, 0);
	for (uint32_t i = 0; i < plan->n_steps && !engine->stopped && !engine->failed; i++)
		carry_out(engine, &plan->steps[i], i + 1);
	end(engine, 0);
}
