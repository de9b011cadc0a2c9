/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/swap.h"

#include "agent/agent.h"
#include "agent/report.h"
#include "base/clock.h"

#define SECONDS(n) ((n) * KTSTR_NSEC_PER_SEC)
#define SETTLE_NS SECONDS(5)
#define POLL_NS (20 * KTSTR_NSEC_PER_MSEC)	/* a net behind the kernel's messages */

/* From asking to killing. */
static const struct {
	int signal;
	unsigned seconds;
} ladder[] = { { SIGINT, 5 }, { SIGTERM, 2 }, { SIGKILL, 5 } };

static uint64_t after(const struct ktstr_agent *agent, uint64_t ns)
{
	return ktstr_now_ns() + ns * agent->plan->slowness;
}

static void set_timers(struct ktstr_agent *agent, uint64_t deadline_ns)
{
	agent->swap.deadline.at_ns = after(agent, deadline_ns);
	agent->swap.poll.at_ns = ktstr_now_ns() + POLL_NS;
}

/* Ends the change, well or not. */
static void answer(struct ktstr_agent *agent, const struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	agent->swap.stage = KTSTR_SWAP_NONE;
	agent->swap.deadline.at_ns = agent->swap.poll.at_ns = 0;
	ktstr_put_begin(&b);
	ktstr_put_bool(&b, "ok", !err);
	ktstr_put_str(&b, "text", err ? err->msg : NULL);
	ktstr_put_end(&b);
	if (!b.failed)
		ktstr_engine_link_send(&agent->engine, KTSTR_MSG_SCHEDULER_DONE, b.data, b.len);
	ktstr_buf_free(&b);
}

__attribute__((format(printf, 2, 3)))
static void refuse(struct ktstr_agent *agent, const char *fmt, ...)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof(err.msg), fmt, ap);
	va_end(ap);
	answer(agent, &err);
}

/* ---- stopping ---- */

static void climb(struct ktstr_agent *agent)
{
	struct ktstr_swap *swap = &agent->swap;

	if (swap->rung == KTSTR_ARRAY_SIZE(ladder)) {
		refuse(agent, "the scheduler's process did not even end by SIGKILL");
		return;
	}
	ktstr_sched_signal(&agent->sched, ladder[swap->rung].signal);
	set_timers(agent, SECONDS(ladder[swap->rung].seconds));
	swap->rung++;
}

/* ---- starting ---- */

static void start(struct ktstr_agent *agent)
{
	struct ktstr_swap *swap = &agent->swap;
	struct ktstr_err err = KTSTR_ERR_INIT;

	ktstr_sched_close(&agent->sched);
	ktstr_scx_read(KTSTR_SCX_DIR, &agent->scx_before);
	agent->disabled = false;
	agent->disabled_line[0] = '\0';
	agent->sched.asked = false;
	agent->sched.end[0] = '\0';
	swap->stage = KTSTR_SWAP_ATTACHING;
	if (ktstr_sched_start(&agent->sched, swap->command, &err)) {
		answer(agent, &err);
		return;
	}
	set_timers(agent, swap->attach_timeout_ns);
}

/* The kernel is done with the old one, and nobody can write to its streams any more. */
static bool is_settled(const struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;

	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	return ktstr_sched_silent(&agent->sched) && !strcmp(now.state, "disabled");
}

static void settle(struct ktstr_agent *agent)
{
	if (!is_settled(agent))
		return;
	agent->swap.absent = true;
	if (agent->swap.starts)
		start(agent);
	else
		answer(agent, NULL);
}

static void look_attached(struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;

	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	switch (ktstr_scx_judge(&agent->scx_before, &now)) {
	case KTSTR_SCX_NOT_YET:
		break;
	case KTSTR_SCX_ATTACHED:
		agent->swap.absent = false;
		ktstr_supervise_report_scx(agent, true);
		answer(agent, NULL);
		break;
	case KTSTR_SCX_GONE:
		refuse(agent, "the scheduler attached and was thrown out at once: %s",
		       agent->disabled_line[0] ? agent->disabled_line : now.state);
		break;
	}
}

/* ---- events ---- */

/* A change that the end of the scenario overtook is nobody's any more. */
static bool is_on(struct ktstr_agent *agent)
{
	if (agent->state != KTSTR_AGENT_RUNNING)
		agent->swap.stage = KTSTR_SWAP_NONE;
	return agent->swap.stage != KTSTR_SWAP_NONE;
}

bool ktstr_swap_look(struct ktstr_agent *agent)
{
	if (!is_on(agent))
		return agent->state == KTSTR_AGENT_RUNNING && agent->swap.absent;
	if (agent->swap.stage == KTSTR_SWAP_SETTLING)
		settle(agent);
	else if (agent->swap.stage == KTSTR_SWAP_ATTACHING)
		look_attached(agent);
	return true;
}

bool ktstr_swap_reaped(struct ktstr_agent *agent, const struct ktstr_err *err)
{
	if (!is_on(agent))
		return false;
	if (agent->swap.stage == KTSTR_SWAP_ATTACHING) {
		look_attached(agent);		/* it may have, and ended in the same moment */
		if (agent->swap.stage != KTSTR_SWAP_ATTACHING)
			return false;
		refuse(agent, "the scheduler %s before it attached", err ? err->msg :
		       agent->sched.end);
		return true;
	}
	agent->swap.stage = KTSTR_SWAP_SETTLING;
	set_timers(agent, SETTLE_NS);
	settle(agent);
	return true;
}

static void poll_due(void *ctx)
{
	struct ktstr_agent *agent = ctx;

	ktstr_swap_look(agent);
	if (is_on(agent))
		agent->swap.poll.at_ns = ktstr_now_ns() + POLL_NS;
}

static void deadline_passed(void *ctx)
{
	struct ktstr_agent *agent = ctx;
	struct ktstr_scx_state now;

	if (!is_on(agent))
		return;
	if (agent->swap.stage == KTSTR_SWAP_STOPPING) {
		climb(agent);
		return;
	}
	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	if (agent->swap.stage == KTSTR_SWAP_ATTACHING)
		refuse(agent, "the scheduler did not attach within %.1f s: the kernel says \"%s\"",
		       (double)agent->swap.attach_timeout_ns * agent->plan->slowness / SECONDS(1),
		       now.state);
	else if (ktstr_sched_silent(&agent->sched))
		refuse(agent, "the scheduler's process is gone, but the kernel says \"%s\"",
		       now.state);
	else
		refuse(agent, "a process that the scheduler started outlived it");
}

void ktstr_swap_init(struct ktstr_agent *agent)
{
	agent->swap.deadline = (struct ktstr_timer){ .fire = deadline_passed, .ctx = agent };
	agent->swap.poll = (struct ktstr_timer){ .fire = poll_due, .ctx = agent };
	ktstr_loop_add_timer(&agent->loop, &agent->swap.deadline);
	ktstr_loop_add_timer(&agent->loop, &agent->swap.poll);
}

/* ---- what is asked for ---- */

/* The operation that the fields name; NULL when the plan has none there. */
static const struct ktstr_guest_op *find_op(const struct ktstr_guest_plan *plan,
					    const struct ktstr_fields *fields)
{
	uint64_t step = 0, op = 0;

	ktstr_get_u64(fields, "step", &step);
	ktstr_get_u64(fields, "op", &op);
	if (!step || step > plan->n_steps || op >= plan->steps[step - 1].n_ops)
		return NULL;
	return &plan->steps[step - 1].ops[op];
}

void ktstr_swap_begin(struct ktstr_agent *agent, const struct ktstr_fields *fields)
{
	const struct ktstr_guest_op *op = find_op(agent->plan, fields);
	struct ktstr_swap *swap = &agent->swap;
	bool runs = agent->sched.pid;

	if (!op || agent->state != KTSTR_AGENT_RUNNING || swap->stage != KTSTR_SWAP_NONE) {
		refuse(agent, "the scheduler cannot be changed now");
		return;
	}
	if (!swap->command) {
		swap->command = agent->plan->command;
		swap->attach_timeout_ns = agent->plan->attach_timeout_ns;
	}
	if (op->command && op->command[0]) {
		swap->command = op->command;
		swap->attach_timeout_ns = op->attach_timeout_ns;
	}
	if (!swap->command || (op->change != KTSTR_CHANGE_REPLACE &&
			       runs == (op->change == KTSTR_CHANGE_START))) {
		refuse(agent, runs ? "a scheduler runs already" : "no scheduler runs");
		return;
	}
	swap->starts = op->change != KTSTR_CHANGE_STOP;
	swap->rung = 0;
	if (runs) {
		swap->stage = KTSTR_SWAP_STOPPING;
		climb(agent);
	} else {
		start(agent);
	}
}
