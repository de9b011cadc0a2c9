/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-engine: the dynamic half of the guest's programs. It loads the workload plugins, which the
 * static agent cannot, and carries out the steps of the plan. The agent is at the other end of
 * descriptor 3; when that is gone there is nobody left to work for.
 */
#include "agent/engine.h"

#include "agent/crew.h"
#include "agent/program.h"
#include "agent/report.h"
#include "agent/scenario.h"
#include "agent/spawn.h"
#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define QUEUE_MAX (4u << 20)

void ktstr_engine_fault(struct ktstr_engine *engine, const char *what, const struct ktstr_err *err)
{
	ktstr_report_fault(&engine->agent, what, err);
	if (engine->failed)
		return;
	engine->failed = true;
	snprintf(engine->why, sizeof(engine->why), "%s", err->msg);
}

/* ---- events ---- */

static void take_answer(struct ktstr_engine *engine, const struct ktstr_frame *frame)
{
	struct ktstr_fields fields;

	engine->answer_ok = false;
	engine->answer[0] = '\0';
	if (ktstr_fields_parse(frame->payload, frame->len, &fields)) {
		ktstr_get_bool(&fields, "ok", &engine->answer_ok);
		ktstr_get_cstr(&fields, "text", engine->answer, sizeof(engine->answer));
	}
	engine->answered = true;
}

static void on_message(void *ctx, const struct ktstr_frame *frame)
{
	struct ktstr_engine *engine = ctx;
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (frame->type == KTSTR_MSG_START)
		engine->started = true;
	else if (frame->type == KTSTR_MSG_STOP)
		engine->stopped = true;
	else if (frame->type == KTSTR_MSG_SCHEDULER_DONE || frame->type == KTSTR_MSG_ANSWER)
		take_answer(engine, frame);
	else if (frame->type == KTSTR_MSG_PLAN && !engine->plan &&
		 ktstr_guest_plan_decode(frame->payload, frame->len, &engine->plan, &err))
		ktstr_engine_fault(engine, "plan", &err);
}

static void agent_ready(void *ctx, uint32_t events)
{
	struct ktstr_engine *engine = ctx;
	struct ktstr_err err = KTSTR_ERR_INIT;

	(void)events;
	if (ktstr_guest_channel_receive(&engine->agent, on_message, engine, &err)) {
		ktstr_engine_fault(engine, "channel", &err);
		engine->stopped = true;
	}
	if (engine->agent.at_end)
		_exit(1);	/* the workers die with us */
}

/* A zombie's counts in /proc are read before it is reaped. */
static void children_ready(void *ctx, uint32_t events)
{
	struct ktstr_engine *engine = ctx;
	struct signalfd_siginfo ignored;
	siginfo_t info;

	(void)events;
	while (read(engine->children.fd, &ignored, sizeof(ignored)) > 0)
		;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			return;
		if (!ktstr_programs_child(engine, &info))
			ktstr_crews_child(engine, &info);
		waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
}

static void some_ready(void *ctx, uint32_t events)
{
	struct ktstr_engine *engine = ctx;
	uint64_t n;

	(void)events;
	if (read(engine->ready.fd, &n, sizeof(n)) == sizeof(n))
		engine->n_ready += (uint32_t)n;
}

/* While the agent reads slower than programs write, their output is left where it is. */
static void adapt_to_agent(struct ktstr_engine *engine)
{
	bool much = ktstr_guest_channel_pending(&engine->agent) > QUEUE_MAX;

	ktstr_loop_limit(&engine->loop, much ? KTSTR_RANK_EVIDENCE : KTSTR_RANK_BULK);
}

static void time_came(void *ctx)
{
	((struct ktstr_engine *)ctx)->timed_out = true;
}

enum ktstr_wait ktstr_engine_wait(struct ktstr_engine *engine,
				  bool (*met)(struct ktstr_engine *engine), uint64_t until_ns,
				  bool finish)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	enum ktstr_wait ret;

	engine->timed_out = false;
	engine->timer.at_ns = until_ns == UINT64_MAX ? 0 : until_ns;
	for (;;) {
		if (ktstr_guest_channel_flush(&engine->agent, NULL))
			_exit(1);
		adapt_to_agent(engine);
		if (met(engine))
			ret = KTSTR_WAIT_MET;
		else if (engine->stopped && !finish)
			ret = KTSTR_WAIT_STOPPED;
		else if (engine->timed_out)
			ret = KTSTR_WAIT_TIME;
		else if (!ktstr_loop_turn(&engine->loop, &err))
			continue;
		else
			_exit(1);
		engine->timer.at_ns = 0;
		return ret;
	}
}

/* ---- the scenario ---- */

static bool has_plan(struct ktstr_engine *engine)
{
	return engine->plan || engine->failed;
}

static bool is_started(struct ktstr_engine *engine)
{
	return engine->started;
}

static bool is_flushed(struct ktstr_engine *engine)
{
	return !ktstr_guest_channel_pending(&engine->agent);
}

/* What is not here is no failure of anybody. */
static void skip(struct ktstr_engine *engine, const struct ktstr_err *err)
{
	engine->skipped = true;
	snprintf(engine->why, sizeof(engine->why), "%s", err->msg);
}

static void run_scenario(struct ktstr_engine *engine)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_engine_wait(engine, has_plan, UINT64_MAX, false) != KTSTR_WAIT_MET ||
	    engine->failed)
		return;
	if (ktstr_scenario_prepare(engine, &err)) {
		if (engine->workloads.absent)
			skip(engine, &err);
		else
			ktstr_engine_fault(engine, "workload", &err);
		return;
	}
	if (ktstr_engine_wait(engine, is_started, UINT64_MAX, false) == KTSTR_WAIT_MET)
		ktstr_scenario_run(engine);
}

static void say_finished(struct ktstr_engine *engine)
{
	const char *outcome = engine->failed ? "failed" :
		engine->skipped ? "skipped" : engine->stopped ? "stopped" : "ran";
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "outcome", outcome);
	ktstr_put_str(&b, "text", engine->failed || engine->skipped ? engine->why : NULL);
	ktstr_put_end(&b);
	if (!b.failed)
		ktstr_guest_channel_send(&engine->agent, KTSTR_LANE_NORMAL, KTSTR_MSG_FINISHED,
					 ktstr_now_ns(), b.data, b.len);
	ktstr_buf_free(&b);
	ktstr_engine_wait(engine, is_flushed, UINT64_MAX, true);
}

static int begin(struct ktstr_engine *engine, struct ktstr_err *err)
{
	sigset_t mask;
	int ret;

	if (fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC))
		return ktstr_err_errno(err, errno,
				       "no channel to the agent at descriptor %d: the engine is "
				       "started by ktstr-agent",
				       CHANNEL_FD);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	ret = ktstr_loop_init(&engine->loop, err);
	if (ret)
		return ret;
	ktstr_guest_channel_init(&engine->agent, CHANNEL_FD, false);
	engine->agent.source.ready = agent_ready;
	engine->agent.source.ctx = engine;
	engine->children = (struct ktstr_source){
		.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = EPOLLIN, .ready = children_ready, .ctx = engine,
	};
	engine->timer = (struct ktstr_timer){ .fire = time_came, .ctx = engine };
	ktstr_loop_add_timer(&engine->loop, &engine->timer);
	engine->ready = (struct ktstr_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN,
		.ready = some_ready, .ctx = engine,
	};
	if (engine->children.fd < 0 || engine->ready.fd < 0)
		return ktstr_err_errno(err, errno, "signalfd and eventfd");
	ret = ktstr_loop_watch(&engine->loop, &engine->agent.source, err);
	if (!ret)
		ret = ktstr_loop_watch(&engine->loop, &engine->children, err);
	return ret ? ret : ktstr_loop_watch(&engine->loop, &engine->ready, err);
}

static void end(struct ktstr_engine *engine)
{
	ktstr_workloads_deinit(&engine->workloads);
	ktstr_guest_plan_destroy(engine->plan);
	ktstr_programs_deinit(engine);
	ktstr_cpu_map_deinit(&engine->map);
	ktstr_vec_free(&engine->groups);
	ktstr_loop_forget(&engine->loop, &engine->ready);
	ktstr_loop_forget(&engine->loop, &engine->children);
	ktstr_guest_channel_deinit(&engine->agent, &engine->loop);
	ktstr_loop_deinit(&engine->loop);
}

int main(void)
{
	struct ktstr_engine engine = { .loop.epoll = -1 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	ktstr_oom_adjust("-1000");	/* it is the one who can tell what happened */
	ret = begin(&engine, &err);
	if (ret) {
		fprintf(stderr, "%s\n", err.msg);
	} else {
		run_scenario(&engine);
		say_finished(&engine);
		end(&engine);
	}
	ktstr_fifo_pass_on();
	return ret ? 1 : 0;
}
