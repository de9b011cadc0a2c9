/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/operation.h"

#include "agent/cgroup.h"
#include "agent/crew.h"
#include "agent/group.h"
#include "agent/program.h"
#include "agent/report.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

/* An operation at hand, and what it did in numbers. */
struct doing {
	struct ktstr_engine *engine;
	const struct ktstr_guest_op *op;
	uint32_t step;
	uint32_t tasks;		/* workers, or processes, that it was about */
	const char *detail;	/* what who carried it out says of it; NULL or "": nothing */
};

/* ---- cgroups ---- */

/* Up to their gates, and through them. */
static int start_workers(struct doing *doing, struct ktstr_err *err)
{
	struct ktstr_engine *engine = doing->engine;
	int ret = ktstr_crew_start(engine, &doing->op->cgroup, doing->step, err);

	if (!ret)
		ret = ktstr_crews_wait_ready(engine, err);
	if (ret || engine->failed || engine->stopped)
		return ret;
	ktstr_crews_open(engine);
	doing->tasks = ktstr_guest_cgroup_workers(&doing->op->cgroup);
	return 0;
}

static int do_add_cgroup(struct doing *doing, struct ktstr_err *err)
{
	int ret = ktstr_group_make(doing->engine, &doing->op->cgroup, doing->step, err);

	if (ret)
		return ret;
	ktstr_group_report(doing->engine, doing->op->cgroup.name,
			   ktstr_guest_cgroup_workers(&doing->op->cgroup),
			   ktstr_guest_cgroup_bound(&doing->op->cgroup));
	return start_workers(doing, err);
}

static int do_stop(struct doing *doing, struct ktstr_err *err)
{
	/* Workers that do not come back are a fault of their own. */
	ktstr_crews_end_in(doing->engine, doing->op->cgroup.name, &doing->tasks);
	return ktstr_programs_end_in(doing->engine, doing->op->cgroup.name, err);
}

static int do_remove_cgroup(struct doing *doing, struct ktstr_err *err)
{
	int ret = do_stop(doing, err);

	return ret ? ret : ktstr_group_remove(doing->engine, doing->op->cgroup.name, err);
}

static void report_cpus(struct doing *doing, const char *name)
{
	if (*name)
		ktstr_group_report(doing->engine, name, ktstr_crews_count(doing->engine, name),
				   ktstr_crews_bound(doing->engine, name));
}

static int do_spawn(struct doing *doing, struct ktstr_err *err)
{
	int ret = start_workers(doing, err);

	if (!ret)
		report_cpus(doing, doing->op->cgroup.name);
	return ret;
}

/* ---- their settings ---- */

static int do_set(struct doing *doing, struct ktstr_err *err)
{
	int ret = ktstr_group_set(doing->engine, &doing->op->cgroup, err);

	if (!ret && doing->op->cgroup.has_cpus)
		report_cpus(doing, doing->op->cgroup.name);
	return ret;
}

static int do_set_cpuset(struct doing *doing, struct ktstr_err *err)
{
	return do_set(doing, err);
}

/* Those of the cgroup above, by number. */
static int set_all(const char *name, struct ktstr_err *err)
{
	const char *slash = strrchr(name, '/');
	_cleanup_free_ char *above = strndup(name, slash ? (size_t)(slash - name) : 0);
	_cleanup_free_ char *list = NULL;
	struct ktstr_buf b = { 0 };
	struct ktstr_cpu_mask cpus;
	int ret = above ? ktstr_cgroup_cpus(KTSTR_CGROUP_ROOT, above, &cpus, err) :
		ktstr_err_nomem(err);

	if (ret)
		return ret;
	ktstr_cpu_list_put(&cpus, &b);
	list = ktstr_buf_steal_str(&b);
	return list ? ktstr_cgroup_set(KTSTR_CGROUP_ROOT, name, "cpuset.cpus", list, err) :
		ktstr_err_nomem(err);
}

/* Kernels like 6.16 let no cgroup with tasks lose the last of its own CPUs, although it would have
 * those of the one above then (validate_change()): they get that list instead. */
static int set_list(struct doing *doing, const char *name, const char *list, struct ktstr_err *err)
{
	int ret = ktstr_cgroup_set(KTSTR_CGROUP_ROOT, name, "cpuset.cpus", list, err);

	if (ret == -ENOSPC && !*list)
		ret = set_all(name, err);
	if (!ret)
		report_cpus(doing, name);
	return ret;
}

static int do_clear_cpuset(struct doing *doing, struct ktstr_err *err)
{
	return set_list(doing, doing->op->cgroup.name, "", err);
}

static int do_swap_cpusets(struct doing *doing, struct ktstr_err *err)
{
	const char *a = doing->op->cgroup.name, *b = doing->op->to;
	_cleanup_free_ char *of_a = NULL, *of_b = NULL;
	int ret = ktstr_cgroup_get(KTSTR_CGROUP_ROOT, a, "cpuset.cpus", &of_a, err);

	if (!ret)
		ret = ktstr_cgroup_get(KTSTR_CGROUP_ROOT, b, "cpuset.cpus", &of_b, err);
	if (!ret)
		ret = set_list(doing, a, of_b, err);
	return ret ? ret : set_list(doing, b, of_a, err);
}

/* ---- their tasks ---- */

static int do_set_affinity(struct doing *doing, struct ktstr_err *err)
{
	int ret = ktstr_crews_bind(doing->engine, doing->op->cgroup.name, &doing->op->affinity,
				   &doing->tasks, err);

	if (!ret)
		report_cpus(doing, doing->op->cgroup.name);
	return ret;
}

static int do_move_all(struct doing *doing, struct ktstr_err *err)
{
	const char *from = doing->op->cgroup.name, *to = doing->op->to;
	int ret = ktstr_cgroup_move_all(KTSTR_CGROUP_ROOT, from, to, &doing->tasks, err);

	if (!ret)
		ktstr_crews_moved(doing->engine, from, to);
	return ret;
}

static int do_freeze(struct doing *doing, struct ktstr_err *err)
{
	return ktstr_group_freeze(doing->engine, doing->op->cgroup.name, true, err);
}

static int do_thaw(struct doing *doing, struct ktstr_err *err)
{
	return ktstr_group_freeze(doing->engine, doing->op->cgroup.name, false, err);
}

/* ---- payloads ---- */

static int do_run(struct doing *doing, struct ktstr_err *err)
{
	return ktstr_program_start(doing->engine, &doing->op->payload, doing->step, err);
}

static int do_wait(struct doing *doing, struct ktstr_err *err)
{
	return ktstr_program_wait(doing->engine, doing->op->payload.name, doing->op->timeout_ns,
				  err);
}

static int do_kill(struct doing *doing, struct ktstr_err *err)
{
	return ktstr_program_kill(doing->engine, doing->op->payload.name, err);
}

/* ---- what others carry out ---- */

static bool is_answered(struct ktstr_engine *engine)
{
	return engine->answered || engine->failed;
}

/* Says which operation it is, and waits for the answer. */
static int ask(struct doing *doing, enum ktstr_msg type, struct ktstr_err *err)
{
	struct ktstr_engine *engine = doing->engine;
	const struct ktstr_guest_step *step = &engine->plan->steps[doing->step - 1];
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "step", doing->step);
	ktstr_put_u64(&b, "op", (uint64_t)(doing->op - step->ops));
	ktstr_put_end(&b);
	if (b.failed)
		return ktstr_err_nomem(err);
	engine->answered = false;
	ktstr_guest_channel_send(&engine->agent, KTSTR_LANE_NORMAL, type, ktstr_now_ns(), b.data,
				 b.len);
	ktstr_buf_free(&b);
	if (ktstr_engine_wait(engine, is_answered, UINT64_MAX, false) != KTSTR_WAIT_MET ||
	    engine->failed)
		return 0;
	if (!engine->answer_ok)
		return ktstr_err_set(err, -EIO, "%s", engine->answer);
	doing->detail = engine->answer;
	return 0;
}

/* The agent supervises the scheduler, and has deadlines for it. */
static int do_scheduler(struct doing *doing, struct ktstr_err *err)
{
	return ask(doing, KTSTR_MSG_SCHEDULER, err);
}

static int do_replace_scheduler(struct doing *doing, struct ktstr_err *err)
{
	return do_scheduler(doing, err);
}

/* The host writes guest memory. It answers also where it cannot, so that no deadline is needed. */
static int do_write_map(struct doing *doing, struct ktstr_err *err)
{
	return ask(doing, KTSTR_MSG_ASK, err);
}

/* ---- the table ---- */

#define HANDLER(symbol, function, name, form, help) do_##function,
static int (*const handlers[])(struct doing *doing, struct ktstr_err *err) = {
	KTSTR_OPERATIONS(HANDLER)
};

static void report(const struct doing *doing, uint64_t round, uint64_t start_ns, int ret,
		   const struct ktstr_err *err)
{
	const struct ktstr_guest_op *op = doing->op;
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "step", doing->step);
	ktstr_put_u64(&b, "round", round);
	ktstr_put_str(&b, "op", ktstr_operation_name(op->operation));
	ktstr_put_str(&b, "target", *op->cgroup.name ? op->cgroup.name : NULL);
	ktstr_put_str(&b, "to", op->to);
	ktstr_put_str(&b, "payload", op->payload.name);
	ktstr_put_str(&b, "change", op->operation == KTSTR_OP_SCHEDULER ?
		      ktstr_change_name(op->change) : NULL);
	ktstr_put_str(&b, "detail", doing->detail && *doing->detail ? doing->detail : NULL);
	ktstr_put_u64(&b, "tasks", doing->tasks);
	ktstr_put_u64(&b, "duration_ns", ktstr_now_ns() - start_ns);
	ktstr_put_bool(&b, "ok", !ret);
	ktstr_put_str(&b, "error", ret ? err->msg : NULL);
	ktstr_report(&doing->engine->agent, KTSTR_REC_OP, start_ns, &b);
}

static void run_one(struct doing *doing, uint64_t round)
{
	const char *name = ktstr_operation_name(doing->op->operation);
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint64_t start_ns = ktstr_now_ns();
	int ret = handlers[doing->op->operation](doing, &err);

	if (!ret && (doing->engine->stopped || doing->engine->failed)) {
		ktstr_err_set(&err, -ECANCELED, "the scenario came to its end meanwhile");
		report(doing, round, start_ns, err.code, &err);
		return;
	}
	report(doing, round, start_ns, ret, &err);
	if (!ret)
		return;
	ktstr_err_prefix(&err, "operation %s of step %u", name, doing->step);
	ktstr_engine_fault(doing->engine, "operation", &err);
}

void ktstr_operations_run(struct ktstr_engine *engine, const struct ktstr_guest_step *step,
			  uint32_t n, uint64_t round)
{
	for (uint32_t i = 0; i < step->n_ops && !engine->failed && !engine->stopped; i++) {
		struct doing doing = { .engine = engine, .op = &step->ops[i], .step = n };

		run_one(&doing, round);
	}
}
