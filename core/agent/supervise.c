/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run as the guest sees it: one table of transitions, and for each state what is done on
 * entering it. Every run ends in the same four states, however far it came.
 */
#include "agent/agent.h"

#include "agent/report.h"
#include "base/clock.h"

#define SECONDS(n) ((n) * KTSTR_NSEC_PER_SEC)
#define POLL_ATTACH_NS (50 * KTSTR_NSEC_PER_MSEC)	/* nets behind the kernel's messages */
#define POLL_RUN_NS (500 * KTSTR_NSEC_PER_MSEC)
#define POLL_SETTLE_NS (10 * KTSTR_NSEC_PER_MSEC)
#define SCENARIO_SLACK_NS SECONDS(30)	/* for each step, and once more; on top of the holds */
#define STOP_NS SECONDS(15)
#define PROBE_NS SECONDS(10)
#define DRAIN_NS SECONDS(5)
#define SETTLE_NS SECONDS(1)
#define BYE_NS SECONDS(30)

/* ---- small things ---- */

static unsigned slowness(const struct ktstr_agent *agent)
{
	return agent->plan ? agent->plan->slowness : 1;
}

static void set_deadline(struct ktstr_agent *agent, uint64_t fixed_ns, uint64_t scaled_ns)
{
	agent->deadline.at_ns = ktstr_now_ns() + fixed_ns + scaled_ns * slowness(agent);
}

static void poll_after(struct ktstr_agent *agent, uint64_t ns)
{
	agent->poll.at_ns = ktstr_now_ns() + ns;
}

void ktstr_supervise_raise(struct ktstr_agent *agent, enum ktstr_agent_event event)
{
	agent->raised |= 1u << event;
}

void ktstr_supervise_note(struct ktstr_agent *agent, enum ktstr_outcome outcome, const char *fmt,
			  ...)
{
	va_list ap;

	if (agent->noted)
		return;
	agent->noted = true;
	agent->outcome = outcome;
	va_start(ap, fmt);
	vsnprintf(agent->why, sizeof(agent->why), fmt, ap);
	va_end(ap);
}

void ktstr_supervise_fail(struct ktstr_agent *agent, const char *what, const struct ktstr_err *err)
{
	ktstr_report_fault(&agent->port, what, err);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "%s", err->msg);
	ktstr_supervise_raise(agent, KTSTR_EVENT_FAILED);
}

__attribute__((format(printf, 3, 4)))
static void fault(struct ktstr_agent *agent, const char *what, const char *fmt, ...)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof(err.msg), fmt, ap);
	va_end(ap);
	ktstr_report_fault(&agent->port, what, &err);
}

void ktstr_supervise_report_scx(struct ktstr_agent *agent, bool attached)
{
	struct ktstr_scx_state now;
	struct ktstr_buf b = { 0 };

	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "state", now.state);
	ktstr_put_str(&b, "ops", now.ops[0] ? now.ops : NULL);
	ktstr_put_u64(&b, "enable_seq", now.enable_seq);
	ktstr_put_bool(&b, "attached", attached);
	ktstr_report(&agent->port, KTSTR_REC_SCHED_STATE, 0, &b);
}

/* ---- what a transition leaves behind: reasons and evidence ---- */

static void note_attached(struct ktstr_agent *agent)
{
	if (!agent->plan->command)
		return;
	ktstr_supervise_report_scx(agent, true);
	ktstr_report_stage(&agent->port, KTSTR_STAGE_ATTACHED, 0, 0);
}

static void note_exit_before_attach(struct ktstr_agent *agent)
{
	ktstr_supervise_report_scx(agent, false);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "the scheduler %s before it attached",
			     agent->sched.end);
}

static void note_attach_timeout(struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;

	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	ktstr_supervise_report_scx(agent, false);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED,
			     "the scheduler did not attach within %.1f s: the kernel says \"%s\"",
			     (double)agent->plan->attach_timeout_ns * slowness(agent) / SECONDS(1),
			     now.state);
}

/* Enabled and thrown out again before it was seen enabled: enable_seq proves the first half. */
static void note_short_life(struct ktstr_agent *agent)
{
	note_attached(agent);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_SCHED_DIED, "%s", "");
}

/* How it died is put into words at the end, when its process and the kernel have said all. */
static void note_died(struct ktstr_agent *agent)
{
	ktstr_supervise_report_scx(agent, false);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_SCHED_DIED, "%s", "");
}

/* A repro without probes still tells whether the crash comes again. */
static void note_unprobed(struct ktstr_agent *agent)
{
	fault(agent, "prober", "the prober was not ready within %llu s and was killed",
	      (unsigned long long)(PROBE_NS * slowness(agent) / SECONDS(1)));
	ktstr_engine_link_kill(&agent->prober);
}

/* The engine has deadlines of its own for the parts of a step; this is for the engine. */
static uint64_t slack_ns(const struct ktstr_agent *agent)
{
	return SCENARIO_SLACK_NS * (1 + (uint64_t)agent->plan->n_steps) +
	       agent->plan->operations_ns;
}

static void note_overdue(struct ktstr_agent *agent)
{
	fault(agent, "engine", "the scenario is not over %llu s after its end was due",
	      (unsigned long long)(slack_ns(agent) * slowness(agent) / SECONDS(1)));
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "the scenario did not come to its end");
}

static void note_stuck(struct ktstr_agent *agent)
{
	fault(agent, "engine", "the scenario engine did not stop when asked to and was killed");
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "the scenario engine did not stop");
	ktstr_engine_link_kill(&agent->engine);
}

static void note_unsettled(struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;

	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	if (agent->prober.pid)
		fault(agent, "prober", "the prober did not hand over what it captured and was killed");
	else if (!ktstr_sched_silent(&agent->sched))
		fault(agent, "scheduler",
		      "a process that the scheduler started outlived it and was killed");
	else
		fault(agent, "sched_ext",
		      "the scheduler's process is gone, but the kernel says \"%s\"", now.state);
}

/* ---- the table ---- */

struct transition {
	enum ktstr_agent_state in;
	enum ktstr_agent_event on;
	enum ktstr_agent_state to;
	void (*note)(struct ktstr_agent *agent);
};

#define IN(state) KTSTR_AGENT_##state
#define ON(event) KTSTR_EVENT_##event

static const struct transition table[] = {
	{ IN(IDLE),		ON(START),		IN(PREPARING),	NULL },
	{ IN(IDLE),		ON(STOP),		IN(STOPPING),	NULL },
	{ IN(IDLE),		ON(FAILED),		IN(STOPPING),	NULL },

	{ IN(PREPARING),	ON(READY),		IN(PROBING),	NULL },
	{ IN(PREPARING),	ON(FAILED),		IN(STOPPING),	NULL },
	{ IN(PREPARING),	ON(STOP),		IN(STOPPING),	NULL },

	{ IN(PROBING),		ON(FAILED),		IN(STOPPING),	NULL },
	{ IN(PROBING),		ON(PROBED),		IN(ATTACHING),	NULL },
	{ IN(PROBING),		ON(STOP),		IN(STOPPING),	NULL },
	{ IN(PROBING),		ON(DEADLINE),		IN(ATTACHING),	note_unprobed },

	{ IN(ATTACHING),	ON(FAILED),		IN(STOPPING),	NULL },
	{ IN(ATTACHING),	ON(DISABLED),		IN(STOPPING),	note_short_life },
	{ IN(ATTACHING),	ON(SCHED_GONE),		IN(STOPPING),	note_exit_before_attach },
	{ IN(ATTACHING),	ON(ATTACHED),		IN(RUNNING),	note_attached },
	{ IN(ATTACHING),	ON(FINISHED),		IN(ENDING),	NULL },
	{ IN(ATTACHING),	ON(ENGINE_GONE),	IN(ENDING),	NULL },
	{ IN(ATTACHING),	ON(STOP),		IN(STOPPING),	NULL },
	{ IN(ATTACHING),	ON(DEADLINE),		IN(STOPPING),	note_attach_timeout },

	{ IN(RUNNING),		ON(FAILED),		IN(STOPPING),	NULL },
	{ IN(RUNNING),		ON(DISABLED),		IN(STOPPING),	note_died },
	{ IN(RUNNING),		ON(SCHED_GONE),		IN(STOPPING),	note_died },
	{ IN(RUNNING),		ON(FINISHED),		IN(ENDING),	NULL },
	{ IN(RUNNING),		ON(ENGINE_GONE),	IN(ENDING),	NULL },
	{ IN(RUNNING),		ON(STOP),		IN(STOPPING),	NULL },
	{ IN(RUNNING),		ON(DEADLINE),		IN(STOPPING),	note_overdue },

	{ IN(STOPPING),		ON(FINISHED),		IN(ENDING),	NULL },
	{ IN(STOPPING),		ON(ENGINE_GONE),	IN(ENDING),	NULL },
	{ IN(STOPPING),		ON(DEADLINE),		IN(ENDING),	note_stuck },

	{ IN(ENDING),		ON(SCHED_GONE),		IN(SETTLING),	NULL },
	{ IN(ENDING),		ON(DEADLINE),		IN(ENDING),	NULL },

	{ IN(SETTLING),		ON(SETTLED),		IN(REPORTED),	NULL },
	{ IN(SETTLING),		ON(DEADLINE),		IN(REPORTED),	note_unsettled },

	{ IN(REPORTED),		ON(DEADLINE),		IN(OFF),	NULL },
};

static const struct transition *find(enum ktstr_agent_state state, enum ktstr_agent_event event)
{
	static const struct transition bye = { .on = KTSTR_EVENT_BYE, .to = KTSTR_AGENT_OFF };

	if (event == KTSTR_EVENT_BYE)
		return &bye;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(table); i++)
		if (table[i].in == state && table[i].on == event)
			return &table[i];
	return NULL;
}

bool ktstr_agent_next(enum ktstr_agent_state state, enum ktstr_agent_event event,
		      enum ktstr_agent_state *ret_next)
{
	const struct transition *t = find(state, event);

	if (t)
		*ret_next = t->to;
	return t;
}

/* ---- entering the states ---- */

static void enter_preparing(struct ktstr_agent *agent)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	const char *what;

	if (!agent->plan) {
		ktstr_err_set(&err, -EPROTO, "the host said start and sent no plan");
		ktstr_supervise_fail(agent, "plan", &err);
	} else if (ktstr_agent_prepare(agent, &what, &err)) {
		ktstr_supervise_fail(agent, what, &err);
	} else {
		ktstr_supervise_raise(agent, KTSTR_EVENT_READY);
	}
}

/* It was started when its files were there; it may have died since, too. */
static void enter_probing(struct ktstr_agent *agent)
{
	if (agent->prober.pid && !agent->prober_ready)
		set_deadline(agent, 0, PROBE_NS);
	else
		ktstr_supervise_raise(agent, KTSTR_EVENT_PROBED);
}

/* The engine starts first: it loads its plugins while the scheduler attaches, and its own start
 * does not depend on a scheduler that may be broken. */
static void enter_attaching(struct ktstr_agent *agent)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_engine_link_start(&agent->engine, &err)) {
		ktstr_supervise_fail(agent, "engine", &err);
		return;
	}
	ktstr_engine_link_send(&agent->engine, KTSTR_MSG_PLAN, agent->plan_payload.data,
			       agent->plan_payload.len);
	if (!agent->plan->command) {
		ktstr_supervise_raise(agent, KTSTR_EVENT_ATTACHED);
		return;
	}
	if (ktstr_sched_start(&agent->sched, agent->plan->command, &err)) {
		ktstr_supervise_fail(agent, "scheduler", &err);
		return;
	}
	ktstr_report_stage(&agent->port, KTSTR_STAGE_SCHEDULER_STARTED, 0, 0);
	set_deadline(agent, 0, agent->plan->attach_timeout_ns);
	poll_after(agent, POLL_ATTACH_NS);
}

static void enter_running(struct ktstr_agent *agent)
{
	static const uint8_t empty[] = { 0xbf, KTSTR_CBOR_BREAK };

	ktstr_engine_link_send(&agent->engine, KTSTR_MSG_START, empty, sizeof(empty));
	set_deadline(agent, ktstr_guest_plan_hold_ns(agent->plan), slack_ns(agent));
	if (agent->plan->command)
		poll_after(agent, POLL_RUN_NS);
}

static void enter_stopping(struct ktstr_agent *agent)
{
	struct ktstr_buf b = { 0 };

	if (!agent->engine.pid) {
		ktstr_supervise_raise(agent, KTSTR_EVENT_ENGINE_GONE);
		return;
	}
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "reason", agent->why);
	ktstr_put_end(&b);
	if (!b.failed)
		ktstr_engine_link_send(&agent->engine, KTSTR_MSG_STOP, b.data, b.len);
	ktstr_buf_free(&b);
	set_deadline(agent, 0, STOP_NS);
}

/* From letting it end by itself to killing it. A scheduler that the kernel threw out is about to
 * notice and to say why, so it is left alone at first; any other one starts on the second rung. */
static const struct {
	int signal;
	unsigned seconds;
} ladder[] = { { 0, 3 }, { SIGINT, 5 }, { SIGTERM, 2 }, { SIGKILL, 5 } };

static void enter_ending(struct ktstr_agent *agent)
{
	if (!agent->rung) {
		ktstr_report_stage(&agent->port, KTSTR_STAGE_TEARDOWN, 0, 0);
		agent->rung = agent->disabled ? 0 : 1;
	}
	if (!agent->sched.pid) {
		ktstr_supervise_raise(agent, KTSTR_EVENT_SCHED_GONE);
		return;
	}
	if (agent->rung == KTSTR_ARRAY_SIZE(ladder)) {
		fault(agent, "scheduler", "the scheduler's process did not even end by SIGKILL");
		ktstr_supervise_raise(agent, KTSTR_EVENT_SCHED_GONE);
		return;
	}
	if (ladder[agent->rung].signal)
		ktstr_sched_signal(&agent->sched, ladder[agent->rung].signal);
	set_deadline(agent, 0, SECONDS(ladder[agent->rung].seconds));
	agent->rung++;
}

/* The kernel has said all about the scheduler once it is disabled again. */
static bool settled(struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;

	if (!agent->plan || !agent->plan->command)
		return true;
	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	return !agent->prober.pid && ktstr_sched_silent(&agent->sched) &&
	       (!now.present || !strcmp(now.state, "disabled"));
}

static void enter_settling(struct ktstr_agent *agent)
{
	static const uint8_t empty[] = { 0xbf, KTSTR_CBOR_BREAK };

	set_deadline(agent, SECONDS(2), agent->prober.pid ? DRAIN_NS : SETTLE_NS);
	if (agent->prober.pid)
		ktstr_engine_link_send(&agent->prober, KTSTR_MSG_STOP, empty, sizeof(empty));
	if (settled(agent))
		ktstr_supervise_raise(agent, KTSTR_EVENT_SETTLED);
	else
		poll_after(agent, POLL_SETTLE_NS);
}

static void collect_rest(struct ktstr_agent *agent)
{
	ktstr_sched_signal(&agent->sched, SIGKILL);	/* what may be left of its process group */
	ktstr_engine_link_kill(&agent->engine);
	ktstr_engine_link_kill(&agent->prober);
	ktstr_sched_close(&agent->sched);
	ktstr_trace_drain(&agent->trace);
	ktstr_kmsg_drain(&agent->kmsg);
	ktstr_loop_forget(&agent->loop, &agent->trace.source);
	ktstr_loop_forget(&agent->loop, &agent->kmsg.source);
	ktstr_loop_forget(&agent->loop, &agent->engine.channel.source);
	ktstr_loop_forget(&agent->loop, &agent->prober.channel.source);
	ktstr_output_close(&agent->engine.output);
	ktstr_output_close(&agent->prober.output);
	if (agent->port.lost)
		ktstr_report_lost(&agent->port, "agent memory", agent->port.lost);
}

static void explain_death(struct ktstr_agent *agent)
{
	const char *line = agent->disabled_line;

	snprintf(agent->why, sizeof(agent->why), "%s%sthe scheduler%s %s", line,
		 line[0] ? "; " : "", line[0] ? "'s process" : "",
		 agent->sched.end[0] ? agent->sched.end : "did not end");
}

static void enter_reported(struct ktstr_agent *agent)
{
	static const char *const names[] = {
		[KTSTR_OUTCOME_RAN] = "ran",
		[KTSTR_OUTCOME_SCHED_DIED] = "scheduler-died",
		[KTSTR_OUTCOME_FAILED] = "failed",
		[KTSTR_OUTCOME_SKIPPED] = "skipped",
	};
	struct ktstr_buf b = { 0 };

	collect_rest(agent);
	if (agent->outcome == KTSTR_OUTCOME_SCHED_DIED)
		explain_death(agent);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "outcome", names[agent->outcome]);
	ktstr_put_str(&b, "text", agent->why[0] ? agent->why : NULL);
	ktstr_report(&agent->port, KTSTR_REC_DONE, 0, &b);
	set_deadline(agent, 0, BYE_NS);
}

static void (*const enter[KTSTR_AGENT_STATES])(struct ktstr_agent *agent) = {
	[KTSTR_AGENT_PREPARING] = enter_preparing,
	[KTSTR_AGENT_PROBING] = enter_probing,
	[KTSTR_AGENT_ATTACHING] = enter_attaching,
	[KTSTR_AGENT_RUNNING] = enter_running,
	[KTSTR_AGENT_STOPPING] = enter_stopping,
	[KTSTR_AGENT_ENDING] = enter_ending,
	[KTSTR_AGENT_SETTLING] = enter_settling,
	[KTSTR_AGENT_REPORTED] = enter_reported,
};

static void handle(struct ktstr_agent *agent, enum ktstr_agent_event event)
{
	const struct transition *t = find(agent->state, event);

	if (!t)
		return;		/* too late, or of no consequence now */
	agent->deadline.at_ns = agent->poll.at_ns = 0;
	agent->raised &= ~(1u << KTSTR_EVENT_DEADLINE); /* it was that of the state now left */
	if (t->note)
		t->note(agent);
	agent->state = t->to;
	if (enter[t->to])
		enter[t->to](agent);
}

void ktstr_supervise_run(struct ktstr_agent *agent)
{
	while (agent->raised && agent->state != KTSTR_AGENT_OFF) {
		int event = __builtin_ctz(agent->raised);

		agent->raised &= ~(1u << event);
		handle(agent, (enum ktstr_agent_event)event);
	}
}

/* ---- events from outside the table ---- */

static void deadline_passed(void *ctx)
{
	ktstr_supervise_raise(ctx, KTSTR_EVENT_DEADLINE);
}

static void look_at_scx(struct ktstr_agent *agent)
{
	struct ktstr_scx_state now;
	enum ktstr_scx_verdict verdict;

	if ((agent->state != KTSTR_AGENT_ATTACHING && agent->state != KTSTR_AGENT_RUNNING) ||
	    !agent->plan->command || ktstr_swap_look(agent))
		return;
	ktstr_scx_read(KTSTR_SCX_DIR, &now);
	verdict = ktstr_scx_judge(&agent->scx_before, &now);
	if (verdict == KTSTR_SCX_ATTACHED && agent->state == KTSTR_AGENT_ATTACHING)
		ktstr_supervise_raise(agent, KTSTR_EVENT_ATTACHED);
	if (verdict == KTSTR_SCX_GONE) {
		agent->disabled = true;
		ktstr_supervise_raise(agent, KTSTR_EVENT_DISABLED);
	}
}

static void poll_due(void *ctx)
{
	struct ktstr_agent *agent = ctx;

	look_at_scx(agent);
	if (agent->state == KTSTR_AGENT_SETTLING && settled(agent))
		ktstr_supervise_raise(agent, KTSTR_EVENT_SETTLED);
	poll_after(agent, agent->state == KTSTR_AGENT_RUNNING ? POLL_RUN_NS :
		   agent->state == KTSTR_AGENT_SETTLING ? POLL_SETTLE_NS : POLL_ATTACH_NS);
}

/* A guest without memory kills at random: whatever comes of the scenario then proves nothing. A
 * cgroup that reaches its own limit is another matter, which whoever was killed tells. */
static void look_for_oom(struct ktstr_agent *agent, struct ktstr_str text)
{
	static const char killed[] = "Out of memory: Killed process ";
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (text.len < strlen(killed) || memcmp(text.s, killed, strlen(killed)) ||
	    agent->state >= KTSTR_AGENT_ENDING)
		return;
	ktstr_err_set(&err, -ENOMEM, "the guest is out of memory: %.*s; `memory` gives it more",
		      (int)(text.len > 160 ? 160 : text.len), text.s);
	ktstr_supervise_fail(agent, "memory", &err);
}

/* The kernel announces what it does with a scheduler. */
static void kmsg_seen(void *ctx, struct ktstr_str text)
{
	static const char prefix[] = "sched_ext: ", disabled[] = " disabled (";
	struct ktstr_agent *agent = ctx;

	look_for_oom(agent, text);
	if (text.len < strlen(prefix) || memcmp(text.s, prefix, strlen(prefix)))
		return;
	if (memmem(text.s, text.len, disabled, strlen(disabled)))
		snprintf(agent->disabled_line, sizeof(agent->disabled_line), "%.*s",
			 (int)(text.len - strlen(prefix)), text.s + strlen(prefix));
	look_at_scx(agent);
}

static void engine_finished(void *ctx, struct ktstr_str outcome, struct ktstr_str text)
{
	if (ktstr_str_is(outcome, "failed"))
		ktstr_supervise_note(ctx, KTSTR_OUTCOME_FAILED, "%.*s", KTSTR_STR_ARG(text));
	else if (ktstr_str_is(outcome, "skipped"))
		ktstr_supervise_note(ctx, KTSTR_OUTCOME_SKIPPED, "%.*s", KTSTR_STR_ARG(text));
	ktstr_supervise_raise(ctx, KTSTR_EVENT_FINISHED);
}

static void engine_asks(void *ctx, const struct ktstr_fields *fields)
{
	ktstr_swap_begin(ctx, fields);
}

static void engine_broken(void *ctx, const struct ktstr_err *err)
{
	struct ktstr_agent *agent = ctx;

	ktstr_supervise_fail(agent, "engine", err);
	ktstr_engine_link_kill(&agent->engine);
}

static void engine_reaped(struct ktstr_agent *agent, const siginfo_t *info)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	ktstr_engine_link_reaped(&agent->engine, info, &err);
	if (agent->raised & 1u << KTSTR_EVENT_FINISHED || agent->state >= KTSTR_AGENT_ENDING)
		return;
	ktstr_report_fault(&agent->port, "engine", &err);
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "%s", err.msg);
	ktstr_supervise_raise(agent, KTSTR_EVENT_ENGINE_GONE);
}

static void probes_ready(void *ctx)
{
	struct ktstr_agent *agent = ctx;

	agent->prober_ready = true;
	ktstr_supervise_raise(agent, KTSTR_EVENT_PROBED);
}

void ktstr_supervise_probe(struct ktstr_agent *agent, const void *probes, size_t len)
{
	struct ktstr_err err = KTSTR_ERR_INIT, later = KTSTR_ERR_INIT;
	const char *what;

	if (agent->prober.pid)
		return;
	/* What cannot be settled is told when the run wants to begin. */
	ktstr_agent_settle(agent, &what, &later);
	if (ktstr_engine_link_start(&agent->prober, &err))
		ktstr_report_fault(&agent->port, "prober", &err);
	ktstr_engine_link_send(&agent->prober, KTSTR_MSG_PROBES, probes, len);
}

static void prober_finished(void *ctx, struct ktstr_str outcome, struct ktstr_str text)
{
	(void)ctx, (void)outcome, (void)text;
}

static void prober_broken(void *ctx, const struct ktstr_err *err)
{
	struct ktstr_agent *agent = ctx;

	ktstr_report_fault(&agent->port, "prober", err);
	ktstr_engine_link_kill(&agent->prober);
}

/* Without it the run goes on; a scheduler that it held at its gate must not wait for ever. */
static void prober_reaped(struct ktstr_agent *agent, const siginfo_t *info)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	ktstr_engine_link_reaped(&agent->prober, info, &err);
	if (info->si_code != CLD_EXITED || info->si_status)
		ktstr_report_fault(&agent->port, "prober", &err);
	ktstr_sched_let_on(&agent->sched);
	ktstr_supervise_raise(agent, KTSTR_EVENT_PROBED);
	if (agent->state == KTSTR_AGENT_SETTLING && settled(agent))
		ktstr_supervise_raise(agent, KTSTR_EVENT_SETTLED);
}

static void sched_reaped(struct ktstr_agent *agent, const siginfo_t *info)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_sched_reaped(&agent->sched, info, &err);

	if (ktstr_swap_reaped(agent, ret ? &err : NULL))
		return;
	if (ret) {
		ktstr_report_fault(&agent->port, "scheduler", &err);
		ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "%s", err.msg);
	}
	/* Whether it attached first, and was thrown out, is worth more than that it ended. */
	look_at_scx(agent);
	ktstr_supervise_raise(agent, KTSTR_EVENT_SCHED_GONE);
}

void ktstr_supervise_reaped(struct ktstr_agent *agent, const siginfo_t *info)
{
	if (info->si_pid == agent->sched.pid)
		sched_reaped(agent, info);
	else if (info->si_pid == agent->engine.pid)
		engine_reaped(agent, info);
	else if (info->si_pid == agent->prober.pid)
		prober_reaped(agent, info);
}

void ktstr_supervise_init(struct ktstr_agent *agent)
{
	agent->deadline = (struct ktstr_timer){ .fire = deadline_passed, .ctx = agent };
	agent->poll = (struct ktstr_timer){ .fire = poll_due, .ctx = agent };
	ktstr_loop_add_timer(&agent->loop, &agent->deadline);
	ktstr_loop_add_timer(&agent->loop, &agent->poll);
	agent->kmsg = (struct ktstr_kmsg){
		.source.fd = -1, .channel = &agent->port, .seen = kmsg_seen, .ctx = agent,
	};
	agent->trace.source.fd = -1;
	ktstr_swap_init(agent);
	agent->sched.loop = &agent->loop;
	agent->sched.channel = &agent->port;
	for (int i = 0; i < 2; i++)
		agent->sched.streams[i].output.source.fd = -1;
	agent->prober = (struct ktstr_engine_link){
		.program = KTSTR_GUEST_PROBER, .name = "ktstr-prober", .loop = &agent->loop,
		.host = &agent->port, .finished = prober_finished, .ready = probes_ready,
		.broken = prober_broken, .ctx = agent, .failure = -1, .channel.source.fd = -1,
		.output.source.fd = -1,
	};
	agent->engine = (struct ktstr_engine_link){
		.program = KTSTR_GUEST_ENGINE, .name = "scenario engine", .loop = &agent->loop,
		.host = &agent->port, .finished = engine_finished,
		.scheduler = engine_asks, .broken = engine_broken, .ctx = agent, .failure = -1,
		.channel.source.fd = -1, .output.source.fd = -1,
	};
}
