/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/attempt-internal.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* ---- records ---- */

int attempt_record(struct attempt *a, enum ktstr_rec type, struct ktstr_buf *payload)
{
	return ktstr_journal_record(a->journal, type, payload, a->err);
}

int attempt_note(struct attempt *a, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", text);
	return attempt_record(a, KTSTR_REC_NOTE, &b);
}

int attempt_fault(struct attempt *a, enum ktstr_fault fault, const char *text, size_t len)
{
	struct ktstr_buf b = { 0 };

	struct ktstr_attempt_summary *summary = a->p->summary;

	if (a->faults & 1u << fault)
		return 0;
	if (summary && !a->faults)
		snprintf(summary->fault, sizeof(summary->fault), "%s: %.*s", ktstr_fault_name(fault),
			 (int)len, text);
	a->faults |= 1u << fault;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "what", ktstr_fault_name(fault));
	ktstr_put_text(&b, "text", text, len);
	return attempt_record(a, KTSTR_REC_FAULT, &b);
}

/* ---- deadlines ---- */

/* The agent's ladder from asking a scheduler to end to killing it takes 15 s at most, with no silence longer
 * than 5 s in it (core/agent/supervise.c). */
#define TEARDOWN_SECONDS 30
#define SILENCE_SECONDS 8

/* A copy of a template says hello within a twentieth of this. */
#define COPY_SECONDS 1

/*
 * How long a stage of the guest may take before it counts as hung, in seconds and before scaling. They are
 * several times what the slowest machine measured needed; the guest has shorter deadlines of its
 * own for the parts it can watch itself.
 */
static const unsigned stage_seconds[KTSTR_STAGE_COUNT] = {
	[KTSTR_STAGE_INIT] = 5, [KTSTR_STAGE_MOUNTS] = 5, [KTSTR_STAGE_SCHEDULER_STARTED] = 5,
	[KTSTR_STAGE_ATTACHED] = 5, [KTSTR_STAGE_STEP] = 10, [KTSTR_STAGE_TEARDOWN] = TEARDOWN_SECONDS,
	[KTSTR_STAGE_DONE] = 2,
};

static uint64_t scaled(const struct attempt *a, unsigned seconds)
{
	return (uint64_t)seconds * a->slowness * KTSTR_NSEC_PER_SEC;
}

/* What the plan itself asks for in a stage comes on top. */
static uint64_t running_allowance(const struct attempt *a)
{
	uint64_t ns = scaled(a, stage_seconds[a->stage]);

	if (a->stage == KTSTR_STAGE_SCHEDULER_STARTED)
		ns += a->p->plan->scheduler.attach_timeout_ns * a->slowness;
	if (a->stage == KTSTR_STAGE_STEP)
		ns += ktstr_plan_duration_ns(a->p->plan) +
		      ktstr_plan_operations_ns(a->p->plan) * a->slowness;
	return ns;
}

static uint64_t allowance(const struct attempt *a, enum phase phase)
{
	switch (phase) {
	case PHASE_BOOTING: return a->cloned ? scaled(a, COPY_SECONDS) :
				   a->p->plan->boot_timeout_ns * a->slowness;
	case PHASE_CLOCK: return scaled(a, 2);
	case PHASE_PUSHING: return scaled(a, 5);
	case PHASE_RUNNING: return running_allowance(a);
	case PHASE_STOPPING: return scaled(a, TEARDOWN_SECONDS);
	case PHASE_LOST: return scaled(a, 2);
	default: return 5 * KTSTR_NSEC_PER_SEC;
	}
}

static void arm(struct attempt *a)
{
	const struct itimerspec at = {
		.it_value = { (time_t)(a->deadline_ns / KTSTR_NSEC_PER_SEC),
			      (long)(a->deadline_ns % KTSTR_NSEC_PER_SEC) },
	};

	timerfd_settime(a->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* While evidence is being handed over, a guest that falls silent has died. */
static bool silence_counts(const struct attempt *a)
{
	return a->phase == PHASE_STOPPING ||
	       (a->phase == PHASE_RUNNING && a->stage == KTSTR_STAGE_TEARDOWN);
}

void attempt_heard(struct attempt *a)
{
	uint64_t silence_ns = ktstr_now_ns() + scaled(a, SILENCE_SECONDS);

	if (!silence_counts(a))
		return;
	a->deadline_ns = silence_ns < a->limit_ns ? silence_ns : a->limit_ns;
	arm(a);
}

void attempt_enter(struct attempt *a, enum phase phase)
{
	if (phase >= PHASE_STOPPING)
		ktstr_monitors_end(a->monitors);
	a->phase = phase;
	a->deadline_ns = a->limit_ns = ktstr_now_ns() + allowance(a, phase);
	arm(a);
	attempt_heard(a);
}

/* ---- stages ---- */

/* From here on the kernel is wholly there, and no other machine takes this one's place. */
static void start_monitors(struct attempt *a)
{
	struct ktstr_ram ram[KTSTR_MONITORS_RAM];
	struct ktstr_monitors_params params = {
		.plan = a->p->plan, .btf = a->p->kernel->btf, .build_id = a->p->kernel->build_id,
		.journal = a->journal, .ram = ram,
	};
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!a->machine.wants_ram || a->monitors)
		return;
	params.n_ram = a->ops->ram(a->vmm, ram, KTSTR_MONITORS_RAM);
	params.n_tids = a->ops->vcpu_threads(a->vmm, params.tids, KTSTR_MONITORS_TIDS);
	if (params.n_ram > KTSTR_MONITORS_RAM || params.n_tids > KTSTR_MONITORS_TIDS)
		attempt_note(a, "no monitors: the machine has too many memory ranges or CPUs");
	else if (ktstr_monitors_create(&params, &a->monitors, &err))
		attempt_note(a, err.msg);
}

/* They watch from the first step to the end of the last. */
static void move_monitors(struct attempt *a, enum ktstr_stage stage)
{
	if (stage >= KTSTR_STAGE_MOUNTS && stage < KTSTR_STAGE_TEARDOWN)
		start_monitors(a);
	if (stage == KTSTR_STAGE_STEP)
		ktstr_monitors_begin(a->monitors);
	if (stage >= KTSTR_STAGE_TEARDOWN)
		ktstr_monitors_end(a->monitors);
}

void attempt_reached(struct attempt *a, enum ktstr_stage stage)
{
	const struct ktstr_run_options *o = a->p->options;

	if (stage > a->stage)
		a->stage = stage;
	move_monitors(a, stage);
	if (a->phase == PHASE_PUSHING && stage >= KTSTR_STAGE_MOUNTS)
		a->phase = PHASE_RUNNING;
	if (a->phase == PHASE_RUNNING)
		attempt_enter(a, PHASE_RUNNING);
	if (o->progress)
		o->progress(o->ctx, ktstr_stage_name(stage));
}

int attempt_stage(struct attempt *a, enum ktstr_stage stage)
{
	struct ktstr_buf b = { 0 };

	attempt_reached(a, stage);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "stage", ktstr_stage_name(stage));
	return attempt_record(a, KTSTR_REC_STAGE, &b);
}

void attempt_stage_from_guest(struct attempt *a, const struct ktstr_fields *fields)
{
	struct ktstr_str name = { "", 0 };

	ktstr_get_str(fields, "stage", &name);
	for (unsigned s = 0; s < KTSTR_STAGE_COUNT; s++)
		if (ktstr_str_is(name, ktstr_stage_name(s)))
			attempt_reached(a, s);
}

/* ---- coming to an end ---- */

int attempt_leave(struct attempt *a)
{
	if (a->phase >= PHASE_LEAVING)
		return 0;
	attempt_enter(a, PHASE_LEAVING);
	return a->ops->stop(a->vmm, a->err);
}

int attempt_stop_guest(struct attempt *a, const char *reason)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	if (a->phase < PHASE_CLOCK)
		return attempt_leave(a);
	if (a->phase >= PHASE_STOPPING)
		return 0;
	attempt_enter(a, PHASE_STOPPING);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "reason", reason);
	ktstr_put_end(&b);
	return ktstr_host_channel_put(&a->channel, KTSTR_MSG_STOP, &b, a->err);
}

static int on_signal(struct attempt *a)
{
	struct signalfd_siginfo info;
	struct ktstr_buf b = { 0 };

	if (read(a->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (a->interrupted)
		return attempt_leave(a);
	a->interrupted = true;
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "signal", info.ssi_signo);
	if (attempt_record(a, KTSTR_REC_INTERRUPT, &b))
		return a->err->code;
	return attempt_stop_guest(a, "interrupted");
}

static int on_deadline(struct attempt *a)
{
	char text[160];
	enum ktstr_fault fault = a->phase == PHASE_BOOTING ? KTSTR_FAULT_BOOT_HANG : KTSTR_FAULT_TIMEOUT;

	if (ktstr_now_ns() < a->deadline_ns)
		return 0;
	if (a->phase == PHASE_LEAVING) {	/* stop() did not help: destroy() will */
		a->phase = PHASE_OVER;
		return 0;
	}
	if (attempt_is_fresh_copy(a))
		return attempt_boot_instead(a, "it did not answer in time");
	snprintf(text, sizeof(text), "nothing more came at stage \"%s\" within %llu s%s",
		 ktstr_stage_name(a->stage),
		 (unsigned long long)((silence_counts(a) ? scaled(a, SILENCE_SECONDS)
				      : allowance(a, a->phase)) / KTSTR_NSEC_PER_SEC),
		 a->phase == PHASE_STOPPING ? ", and the guest did not hand over its evidence" : "");
	if (a->phase != PHASE_LOST && attempt_fault(a, fault, text, strlen(text)))
		return a->err->code;
	return a->phase == PHASE_RUNNING ? attempt_stop_guest(a, "deadline") : attempt_leave(a);
}

/* ---- the loop ---- */

enum { FD_EVENT, FD_CHANNEL, FD_CONSOLE, FD_SIGNAL, FD_TIMER, FD_MONITORS, FD_COUNT };

static int channel_ready(struct attempt *a, short revents)
{
	int ret = 0, n = 0;

	if (revents & (POLLIN | POLLHUP | POLLERR))
		n = ktstr_host_channel_fill(&a->channel, a->err);
	if (n < 0)
		return n;
	if (n)
		ret = conversation_frames(a);
	if (!ret)
		ret = conversation_pump(a);
	if (!ret)
		ret = ktstr_host_channel_flush(&a->channel, a->err);
	return ret;
}

static short channel_events(const struct attempt *a)
{
	short events = ktstr_host_channel_events(&a->channel);

	return events && conversation_has_more(a) ? events | POLLOUT : events;
}

static int turn(struct attempt *a)
{
	struct pollfd p[FD_COUNT] = {
		[FD_EVENT] = { a->ops->event_fd(a->vmm), POLLIN, 0 },
		[FD_CHANNEL] = { a->channel.closed ? -1 : a->channel.fd, channel_events(a), 0 },
		[FD_CONSOLE] = { a->console_closed ? -1 : a->ops->console_fd(a->vmm), POLLIN, 0 },
		[FD_SIGNAL] = { a->signal_fd, POLLIN, 0 },
		[FD_TIMER] = { a->timer_fd, POLLIN, 0 },
		[FD_MONITORS] = { ktstr_monitors_event_fd(a->monitors), POLLIN, 0 },
	};
	int ret = 0;

	if (poll(p, FD_COUNT, -1) < 0)
		return errno == EINTR ? 0 : ktstr_err_errno(a->err, errno, "poll");
	if (p[FD_CONSOLE].revents)
		ret = watch_console(a);
	if (!ret && p[FD_CHANNEL].revents)
		ret = channel_ready(a, p[FD_CHANNEL].revents);
	if (!ret && p[FD_SIGNAL].revents)
		ret = on_signal(a);
	if (!ret && p[FD_MONITORS].revents)
		ret = conversation_answer(a);
	if (!ret && p[FD_EVENT].revents)
		ret = watch_vmm_events(a);
	if (!ret && p[FD_TIMER].revents)
		ret = on_deadline(a);
	if (!ret && a->copy_fault && a->phase != PHASE_OVER)	/* though it may have said hello since */
		ret = attempt_boot_instead(a, ktstr_fault_name(a->copy_fault));
	return ret;
}

/* ---- beginning ---- */

static void host_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	if (level >= KTSTR_LOG_INFO)
		attempt_note(host->ctx, text);
}

static int host_record(const struct ktstr_host *host, enum ktstr_rec type,
		       const struct ktstr_buf *payload)
{
	struct attempt *a = host->ctx;

	return ktstr_journal_append(a->journal, type, 0, payload->data, payload->len, a->err);
}

static uint64_t host_now(const struct ktstr_host *host)
{
	(void)host;
	return ktstr_now_ns();
}

/* Those that are on; nothing when none is. */
static void put_flags(struct ktstr_buf *b, const struct ktstr_plan_scheduler *scheduler)
{
	struct ktstr_buf name = { 0 };
	_cleanup_free_ char *text = NULL;

	if (!scheduler->set)
		return;
	ktstr_flags_name(&scheduler->rules, scheduler->set, &name);
	text = ktstr_buf_steal_str(&name);
	b->failed |= !text;
	if (text)
		ktstr_put_str(b, "flags", text);
}

static int record_run(struct attempt *a)
{
	const struct ktstr_attempt_params *p = a->p;
	const struct ktstr_plan *plan = p->plan;
	struct ktstr_buf b = { 0 };
	char topology[32];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ktstr_topology_format(&plan->topology, topology, sizeof(topology));
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "test", plan->test);
	ktstr_put_str(&b, "file", plan->file);
	ktstr_put_str(&b, "description", plan->description);
	ktstr_put_u64(&b, "attempt", p->number);
	ktstr_put_u64(&b, "attempts", p->of);
	ktstr_put_str(&b, "scheduler", plan->scheduler.name);
	ktstr_put_str(&b, "scheduler_path", p->payload ? p->payload->scheduler_host : NULL);
	put_flags(&b, &plan->scheduler);
	ktstr_put_str(&b, "topology", topology);
	ktstr_put_u64(&b, "memory_bytes", plan->memory_bytes);
	ktstr_put_str(&b, "kernel", p->options->kernel ? p->options->kernel : plan->kernel);
	ktstr_put_str(&b, "kernel_release", p->kernel->release);
	ktstr_put_str(&b, "kernel_image", p->kernel->image);
	ktstr_put_u64(&b, "duration_ns", ktstr_plan_duration_ns(plan));
	ktstr_put_u64(&b, "steps", plan->steps.n);
	ktstr_put_str(&b, "rerun", p->options->rerun);
	ktstr_put_str(&b, "version", PACKAGE_VERSION);
	ktstr_put_u64(&b, "wall_time_ns", ktstr_timespec_ns(&now));
	ktstr_put_bool(&b, "backtrace", p->options->backtrace);
	ktstr_put_bool(&b, "verbose", p->options->verbose);
	return attempt_record(a, KTSTR_REC_RUN, &b);
}

static int record_expect(struct attempt *a)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_expect_put(&a->p->plan->expect, &b);
	return attempt_record(a, KTSTR_REC_EXPECT, &b);
}

/* What this attempt is to look at, and room for what it will see. */
static int prepare_probes(struct attempt *a)
{
	const struct ktstr_probe_plan *probes = a->p->probes;
	struct ktstr_buf b = { 0 };

	if (!probes)
		return 0;
	if (ktstr_probe_events_create(&a->probe_events, a->err))
		return a->err->code;
	a->sources = ktstr_sources_create();
	if (!a->sources)
		return ktstr_err_nomem(a->err);
	ktstr_buf_add(&b, probes->record.data, probes->record.len);
	return attempt_record(a, KTSTR_REC_REPRO, &b);
}

static int record_limits(struct attempt *a)
{
	struct ktstr_buf b = { 0 };

	if (!a->p->plan->monitors.n)
		return 0;
	ktstr_put_begin(&b);
	ktstr_limits_put(&a->p->plan->limits, &b);
	return attempt_record(a, KTSTR_REC_LIMITS, &b);
}

static int record_vmm(struct attempt *a)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "plugin", a->p->plan->vmm.plugin->name);
	ktstr_put_bool(&b, "emulated", a->slowness > 1);
	a->ops->describe(a->vmm, &b);
	return attempt_record(a, KTSTR_REC_VMM, &b);
}

static int describe_machine(struct attempt *a)
{
	const struct ktstr_attempt_params *p = a->p;
	struct ktstr_buf args = { 0 };

	for (size_t i = 0; i < p->plan->kernel_args.n; i++)
		ktstr_buf_printf(&args, "%s%s", i ? " " : "", p->plan->kernel_args.items[i]);
	a->kernel_args = ktstr_buf_steal_str(&args);
	if (!a->kernel_args)
		return ktstr_err_nomem(a->err);
	a->machine = (struct ktstr_machine){
		.size = sizeof(a->machine),
		.topology = p->plan->topology,
		.memory_bytes = p->plan->memory_bytes,
		.kernel_image = p->kernel->image,
		.kernel_elf = p->kernel->pvh ? p->kernel->elf : NULL,
		.kernel_release = p->kernel->release,
		.kernel_build_id = p->kernel->build_id,
		.kernel_hz = p->kernel->hz,
		.initramfs_fd = p->initramfs_fd,
		.kernel_args = a->kernel_args,
		.loads_modules = p->plan->modules.n > 0,
		.verbose = p->options->verbose,
		.state_dir = p->state_dir,
		.cache_dir = p->cache_dir,
		.template_use = p->plan->templates && !p->options->no_template ? KTSTR_TEMPLATE_COPY :
				KTSTR_TEMPLATE_OFF,
		.wants_ram = ktstr_plan_needs_ram(p->plan),
	};
	return 0;
}

static int open_fds(struct attempt *a)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	a->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	a->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (a->signal_fd < 0 || a->timer_fd < 0)
		return ktstr_err_errno(a->err, errno, "signalfd or timerfd");
	return 0;
}

static int start_machine(struct attempt *a)
{
	int ret = a->ops->create(&a->host, a->p->plan->vmm.values, &a->machine, &a->vmm, a->err);

	if (!ret)
		ret = a->ops->start(a->vmm, a->err);
	if (ret)
		return ret;
	a->slowness = a->ops->slowness(a->vmm);
	ktstr_host_channel_init(&a->channel, a->ops->channel_fd(a->vmm));
	ret = record_vmm(a);
	if (!ret)
		ret = attempt_stage(a, KTSTR_STAGE_VM_STARTED);
	attempt_enter(a, PHASE_BOOTING);
	return ret ? ret : watch_vmm_events(a);	/* a copy can be spoken to at once */
}

bool attempt_is_fresh_copy(const struct attempt *a)
{
	return a->cloned && a->phase == PHASE_BOOTING;
}

int attempt_boot_instead(struct attempt *a, const char *why)
{
	char text[700];

	snprintf(text, sizeof(text), a->cloned ?
		 "the copy of the VM's template was no good (%s); the template was removed, and the VM booted" :
		 "the VM was no good (%s); another one was booted", why);
	a->booted_anew |= !a->cloned;
	if (attempt_note(a, text))
		return a->err->code;
	a->ops->destroy(a->vmm);
	a->vmm = NULL;
	ktstr_host_channel_deinit(&a->channel);
	ktstr_lines_deinit(&a->console);
	a->console_closed = a->cloned = a->settled = a->greeted = false;
	a->copy_fault = KTSTR_FAULT_NONE;
	a->clock = (struct clock_round){ 0 };
	a->last_event = (struct ktstr_vmm_event){ 0 };
	a->stage = KTSTR_STAGE_PLANNED;
	if (a->machine.template_use != KTSTR_TEMPLATE_OFF)
		a->machine.template_use = KTSTR_TEMPLATE_RENEW;
	return start_machine(a);
}

static int start(struct attempt *a)
{
	int ret = open_fds(a);

	if (!ret)
		ret = describe_machine(a);
	if (!ret)
		ret = ktstr_journal_create(a->p->journal, a->start_ns, &a->journal, a->err);
	if (!ret)
		ret = record_run(a);
	if (!ret)
		ret = record_expect(a);
	if (!ret)
		ret = record_limits(a);
	if (!ret)
		ret = prepare_probes(a);
	if (!ret)
		ret = attempt_stage(a, KTSTR_STAGE_PLANNED);
	return ret ? ret : start_machine(a);
}

/* ---- ending ---- */

/* The VM's end was not seen as an event: it is ended by destroy(). */
static int finish_record(struct attempt *a)
{
	struct ktstr_buf b = { 0 };

	if (!a->ended && a->vmm) {
		ktstr_put_begin(&b);
		ktstr_put_str(&b, "how", "killed");
		if (attempt_record(a, KTSTR_REC_VM_END, &b))
			return a->err->code;
	}
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "duration_ns", a->over_ns - a->start_ns);
	return attempt_record(a, KTSTR_REC_RUN_END, &b);
}

/* The first signal stays for drop_signals(). */
static bool has_signal(void *ctx)
{
	const struct attempt *a = ctx;
	struct pollfd p = { a->signal_fd, POLLIN, 0 };

	return a->interrupted || poll(&p, 1, 0) > 0;
}

static void pass_progress_on(void *ctx, const char *text)
{
	const struct ktstr_run_options *o = ((const struct attempt *)ctx)->p->options;

	if (o->progress)
		o->progress(o->ctx, text);
}

/* The VM is over; servers that are asked for debug information may take their time. */
static int record_sources(struct attempt *a)
{
	const struct ktstr_debuginfo_options options = {
		.progress = pass_progress_on, .stop = has_signal, .ctx = a,
	};

	return ktstr_sources_write(a->sources, a->p->kernel, &options, a->journal, a->err);
}

/* What kept the attempt from going on belongs into its journal, if that still takes anything. */
static void record_error(struct attempt *a, const char *text)
{
	struct ktstr_err *caller = a->err;
	struct ktstr_err ignored = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };

	a->err = &ignored;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "what", "harness");
	ktstr_put_str(&b, "text", text);
	attempt_record(a, KTSTR_REC_FAULT, &b);
	finish_record(a);
	a->err = caller;
}

static void drop_signals(struct attempt *a)
{
	struct signalfd_siginfo info;
	sigset_t mask;

	if (a->signal_fd < 0)
		return;
	while (read(a->signal_fd, &info, sizeof(info)) > 0)
		;
	close(a->signal_fd);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

static void deinit(struct attempt *a)
{
	ktstr_monitors_destroy(a->monitors);
	ktstr_probe_events_destroy(a->probe_events);
	ktstr_sources_destroy(a->sources);
	if (a->vmm)
		a->ops->destroy(a->vmm);
	ktstr_host_channel_deinit(&a->channel);
	ktstr_lines_deinit(&a->console);
	ktstr_payload_cursor_deinit(&a->cursor);
	ktstr_cleanup_close(&a->timer_fd);
	drop_signals(a);
	ktstr_journal_close(a->journal);
	free(a->kernel_args);
}

int ktstr_attempt_run(const struct ktstr_attempt_params *params, struct ktstr_err *err)
{
	struct attempt a = {
		.p = params,
		.err = err,
		.start_ns = ktstr_now_ns(),
		.ops = params->plan->vmm.plugin->ops,
		.slowness = 1,
		.signal_fd = -1,
		.timer_fd = -1,
		.cursor = { .fd = -1 },
	};
	int ret;

	a.host = (struct ktstr_host){
		.size = sizeof(a.host), .abi_major = KTSTR_ABI_MAJOR, .abi_minor = KTSTR_ABI_MINOR,
		.ctx = &a, .log = host_log, .record = host_record, .now_ns = host_now,
	};
	ret = start(&a);
	while (!ret && a.phase != PHASE_OVER)
		ret = turn(&a);
	a.over_ns = ktstr_now_ns();
	if (!ret)
		ret = record_sources(&a);
	if (!ret)
		ret = finish_record(&a);
	else if (a.journal)
		record_error(&a, err->msg);
	if (!ret)
		ret = ktstr_journal_sync(a.journal, err);
	deinit(&a);
	return ret;
}
