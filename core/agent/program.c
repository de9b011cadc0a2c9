/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/program.h"

#include "agent/cgroup.h"
#include "agent/group.h"
#include "agent/metrics.h"
#include "agent/output.h"
#include "agent/report.h"
#include "agent/spawn.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define ASK_NS KTSTR_NSEC_PER_SEC		/* these two grow with the plan's slowness */
#define KILL_NS (5 * KTSTR_NSEC_PER_SEC)
#define METRICS_MAX (4u << 20)			/* bytes of output that metrics are looked for in */

struct ktstr_program {
	struct ktstr_program *next;
	struct ktstr_engine *engine;
	const struct ktstr_guest_payload *payload;
	uint32_t step;
	pid_t pid;			/* of the program, and of its process group */
	int failure;			/* tells why exec failed */
	uint64_t start_ns;
	bool ended;
	bool asked, ending;		/* by us to end; among those that are waited for now */
	struct stream {
		struct ktstr_program *program;
		unsigned number;
		struct ktstr_output output;
	} streams[2];
	struct ktstr_buf text;		/* standard output, when metrics are wanted */
};

/* ---- output ---- */

static void take_line(void *ctx, const char *text, size_t len, bool partial)
{
	struct stream *stream = ctx;
	struct ktstr_program *program = stream->program;
	struct ktstr_buf b = { 0 };

	if (stream->number == 1 && *program->payload->metrics &&
	    program->text.len + len < METRICS_MAX) {
		ktstr_buf_add(&program->text, text, len);
		ktstr_buf_add(&program->text, "\n", !partial);
	}
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", program->payload->name);
	ktstr_put_u64(&b, "stream", stream->number);
	ktstr_put_text(&b, "text", text, len);
	if (partial)
		ktstr_put_bool(&b, "partial", true);
	ktstr_report(&program->engine->agent, KTSTR_REC_PAYLOAD_OUT, 0, &b);
}

/* ---- the start ---- */

static struct ktstr_program *find(struct ktstr_engine *engine, const char *name, bool running)
{
	for (struct ktstr_program *p = engine->programs; p; p = p->next)
		if (!strcmp(p->payload->name, name) && (!running || !p->ended))
			return p;
	return NULL;
}

static void report_start(const struct ktstr_program *program)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", program->payload->name);
	ktstr_put_u64(&b, "step", program->step);
	ktstr_put_u64(&b, "pid", (uint64_t)program->pid);
	ktstr_put_str(&b, "cgroup", program->payload->cgroup);
	ktstr_put_array(&b, "command");
	for (const char **arg = program->payload->command; *arg; arg++)
		ktstr_put_str(&b, NULL, *arg);
	ktstr_put_end(&b);
	ktstr_report(&program->engine->agent, KTSTR_REC_PAYLOAD_START, program->start_ns, &b);
}

static int spawn(struct ktstr_program *program, struct ktstr_err *err)
{
	const char *cgroup = program->payload->cgroup;
	_cleanup_free_ char *join = cgroup ?
		ktstr_asprintf(KTSTR_CGROUP_ROOT "/%s/cgroup.procs", cgroup) : NULL;
	struct ktstr_spawn how = {
		.argv = program->payload->command, .channel = -1, .join = join,
	};
	_cleanup_close_ int out = -1, errout = -1;
	int *const writes[2] = { &out, &errout };

	if (cgroup && !join)
		return ktstr_err_nomem(err);
	for (unsigned i = 0; i < 2; i++) {
		struct stream *stream = &program->streams[i];
		int ret;

		stream->program = program;
		stream->number = i + 1;
		ret = ktstr_output_open(&stream->output, &program->engine->loop, take_line, stream,
					writes[i], err);
		if (ret)
			return ret;
	}
	how.out = out;
	how.errout = errout;
	return ktstr_spawn(&how, &program->pid, &program->failure, err);
}

static void program_free(struct ktstr_program *program)
{
	for (int i = 0; i < 2; i++)
		ktstr_output_close(&program->streams[i].output);
	ktstr_buf_free(&program->text);
	free(program);
}

/* Those of earlier rounds, so that a step that repeats one for hours does not grow. */
static void forget_ended(struct ktstr_engine *engine)
{
	for (struct ktstr_program **at = &engine->programs; *at;) {
		struct ktstr_program *program = *at;

		if (!program->ended) {
			at = &program->next;
			continue;
		}
		*at = program->next;
		program_free(program);
	}
}

int ktstr_program_start(struct ktstr_engine *engine, const struct ktstr_guest_payload *payload,
			uint32_t step, struct ktstr_err *err)
{
	struct ktstr_program *program;
	int ret;

	if (find(engine, payload->name, true))
		return ktstr_err_set(err, -EEXIST, "payload %s still runs", payload->name);
	program = calloc(1, sizeof(*program));
	if (!program)
		return ktstr_err_nomem(err);
	program->engine = engine;
	program->payload = payload;
	program->step = step;
	program->start_ns = ktstr_now_ns();
	program->streams[0].output.source.fd = program->streams[1].output.source.fd = -1;
	forget_ended(engine);
	ret = spawn(program, err);
	if (ret) {
		program_free(program);
		return ktstr_err_prefix(err, "payload %s", payload->name);
	}
	program->next = engine->programs;
	engine->programs = program;
	report_start(program);
	return 0;
}

/* ---- the end ---- */

/* The wanted numbers, into the map that is open in `b`; *ret_missing is the first that is not
 * there. */
static void put_metrics(const struct ktstr_program *program, struct ktstr_buf *b,
			const char **ret_missing)
{
	const struct ktstr_guest_payload *payload = program->payload;
	const char *text = (const char *)program->text.data;

	ktstr_put_map(b, "metrics");
	for (const char **name = payload->metrics; *name; name++) {
		bool (*find_number)(const char *, size_t, const char *, double *) =
			payload->json ? ktstr_metric_json : ktstr_metric_line;
		double value;

		if (text && find_number(text, program->text.len, *name, &value))
			ktstr_put_f64(b, *name, value);
		else if (!*ret_missing)
			*ret_missing = *name;
	}
	ktstr_put_end(b);
}

static void report_end(const struct ktstr_program *program, const siginfo_t *info,
		       const char **ret_missing)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", program->payload->name);
	ktstr_put_u64(&b, "step", program->step);
	if (info->si_code == CLD_EXITED)
		ktstr_put_s64(&b, "code", info->si_status);
	else
		ktstr_put_u64(&b, "signal", (uint64_t)info->si_status);
	ktstr_put_bool(&b, "asked", program->asked);
	ktstr_put_u64(&b, "wall_ns", ktstr_now_ns() - program->start_ns);
	put_metrics(program, &b, ret_missing);
	ktstr_report(&program->engine->agent, KTSTR_REC_PAYLOAD_EXIT, 0, &b);
}

/* What is wrong with its end; one that we asked to end may do so as it likes. */
static int judge(struct ktstr_program *program, const siginfo_t *info, const char *missing,
		 struct ktstr_err *err)
{
	char end[64];
	int ret = ktstr_spawn_failure(program->failure, program->payload->command[0], err);

	if (ret || program->asked)
		return ret;
	if (!program->payload->may_fail && (info->si_code != CLD_EXITED || info->si_status)) {
		ktstr_child_end_format(info, end, sizeof(end));
		return ktstr_err_set(err, -ECHILD, "payload %s %s%s", program->payload->name, end,
				     info->si_code != CLD_EXITED &&
				     ktstr_group_out_of_memory(program->payload->cgroup) ?
				     ": its cgroup is out of memory" : "");
	}
	if (missing)
		return ktstr_err_set(err, -ENODATA, "payload %s did not write its metric \"%s\"",
				     program->payload->name, missing);
	return 0;
}

bool ktstr_programs_child(struct ktstr_engine *engine, const siginfo_t *info)
{
	struct ktstr_program *program = engine->programs;
	struct ktstr_err err = KTSTR_ERR_INIT;
	const char *missing = NULL;

	while (program && (program->ended || program->pid != info->si_pid))
		program = program->next;
	if (!program)
		return false;
	program->ended = true;
	/* What it leaves behind goes too. It is not reaped yet: its group cannot be another's. */
	kill(-program->pid, SIGKILL);
	for (int i = 0; i < 2; i++) {
		ktstr_output_drain(&program->streams[i].output);
		ktstr_output_close(&program->streams[i].output);
	}
	report_end(program, info, &missing);
	if (judge(program, info, missing, &err))
		ktstr_engine_fault(engine, "payload", &err);
	close(program->failure);
	return true;
}

static bool all_ended(struct ktstr_engine *engine)
{
	for (const struct ktstr_program *p = engine->programs; p; p = p->next)
		if (p->ending && !p->ended)
			return false;
	return true;
}

static void signal_ending(struct ktstr_engine *engine, int signal)
{
	for (struct ktstr_program *p = engine->programs; p; p = p->next)
		if (p->ending && !p->ended) {
			p->asked = true;
			kill(-p->pid, signal);
		}
}

/* Those that are marked. */
static int end_marked(struct ktstr_engine *engine, struct ktstr_err *err)
{
	unsigned slow = engine->plan->slowness;
	int ret = 0;

	for (struct ktstr_program *p = engine->programs; p && !ret; p = p->next)
		if (p->ending && !p->ended && p->payload->cgroup)
			ret = ktstr_group_wake(engine, p->payload->cgroup, err);
	signal_ending(engine, SIGTERM);
	if (ktstr_engine_wait(engine, all_ended, ktstr_now_ns() + ASK_NS * slow, true) ==
	    KTSTR_WAIT_TIME) {
		signal_ending(engine, SIGKILL);
		if (ktstr_engine_wait(engine, all_ended, ktstr_now_ns() + KILL_NS * slow, true) ==
		    KTSTR_WAIT_TIME)
			ret = ktstr_err_set(err, -ETIMEDOUT, "a payload did not even end by "
					    "SIGKILL");
	}
	return ret;
}

int ktstr_program_kill(struct ktstr_engine *engine, const char *name, struct ktstr_err *err)
{
	for (struct ktstr_program *p = engine->programs; p; p = p->next)
		p->ending = !p->ended && !strcmp(p->payload->name, name);
	return end_marked(engine, err);
}

int ktstr_programs_end_step(struct ktstr_engine *engine, uint32_t step, struct ktstr_err *err)
{
	for (struct ktstr_program *p = engine->programs; p; p = p->next)
		p->ending = !p->ended && p->step == step;
	return end_marked(engine, err);
}

int ktstr_programs_end_in(struct ktstr_engine *engine, const char *cgroup, struct ktstr_err *err)
{
	for (struct ktstr_program *p = engine->programs; p; p = p->next)
		p->ending = !p->ended && p->payload->cgroup && !strcmp(p->payload->cgroup, cgroup);
	return end_marked(engine, err);
}

/* ---- waiting ---- */

static bool awaited_ended(struct ktstr_engine *engine)
{
	return engine->failed || !find(engine, engine->awaited_program, true);
}

int ktstr_program_wait(struct ktstr_engine *engine, const char *name, uint64_t timeout_ns,
		       struct ktstr_err *err)
{
	uint64_t ns = timeout_ns * engine->plan->slowness;

	engine->awaited_program = name;
	if (ktstr_engine_wait(engine, awaited_ended, ktstr_now_ns() + ns, false) != KTSTR_WAIT_TIME)
		return 0;
	return ktstr_err_set(err, -ETIMEDOUT, "payload %s still runs after %.1f s", name,
			     (double)ns / (double)KTSTR_NSEC_PER_SEC);
}

void ktstr_programs_deinit(struct ktstr_engine *engine)
{
	while (engine->programs) {
		struct ktstr_program *program = engine->programs;

		engine->programs = program->next;
		program_free(program);
	}
}
