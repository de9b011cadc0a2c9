/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-agent: PID 1 of the guest. Says hello as early as it can, then takes orders from the host.
 * It ends by powering off, whatever happens: a PID 1 that exits is a kernel panic.
 */
#include "agent/agent.h"
#include "agent/mounts.h"
#include "agent/port.h"
#include "agent/report.h"
#include "agent/setup.h"
#include "base/clock.h"
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_FIFO 99			/* priority: nothing of a scenario comes before it */
#define PORT_TIMEOUT_NS (30 * KTSTR_NSEC_PER_SEC)
#define QUEUE_BULK (8u << 20)		/* more than this waits: bulk is not read */
#define QUEUE_EVIDENCE (16u << 20)	/* more than this: evidence neither */

/* Standard output is /dev/console, where the kernel found one in the initramfs. */
__attribute__((format(printf, 1, 2)))
static void console(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(STDOUT_FILENO, fmt, ap);
	va_end(ap);
}

__attribute__((noreturn))
static void power_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)		/* it does not return; if it did, exiting would be a panic */
		pause();
}

__attribute__((noreturn))
static void give_up(const char *what, const struct ktstr_err *err)
{
	console("ktstr-agent: %s: %s; powering off\n", what, err->msg);
	power_off();
}

static void crashed(int signal)
{
	static const char text[] = "ktstr-agent: crashed by signal ";
	char line[sizeof(text) + 3];

	memcpy(line, text, sizeof(text) - 1);
	line[sizeof(text) - 1] = (char)('0' + signal / 10);
	line[sizeof(text)] = (char)('0' + signal % 10);
	line[sizeof(text) + 1] = '\n';
	if (write(STDOUT_FILENO, line, sizeof(text) + 2) < 0)
		power_off();
	power_off();
}

static void catch_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = crashed };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- children ---- */

static void reap(void *ctx, uint32_t events)
{
	struct ktstr_agent *agent = ctx;
	struct signalfd_siginfo ignored;
	siginfo_t info;

	(void)events;
	while (read(agent->children.fd, &ignored, sizeof(ignored)) > 0)
		;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) || !info.si_pid)
			return;
		ktstr_supervise_reaped(agent, &info);
	}
}

static int watch_children(struct ktstr_agent *agent, struct ktstr_err *err)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	agent->children = (struct ktstr_source){
		.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = EPOLLIN, .ready = reap, .ctx = agent,
	};
	if (agent->children.fd < 0)
		return ktstr_err_errno(err, errno, "signalfd");
	return ktstr_loop_watch(&agent->loop, &agent->children, err);
}

/* ---- the first words ---- */

static void say_hello(struct ktstr_agent *agent)
{
	struct ktstr_scx_state scx;
	struct ktstr_buf b = { 0 };
	struct sysinfo info;
	struct utsname names;

	uname(&names);
	sysinfo(&info);
	ktstr_scx_read(KTSTR_SCX_DIR, &scx);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "agent", PACKAGE_VERSION);
	ktstr_put_u64(&b, "protocol", KTSTR_PROTOCOL);
	ktstr_put_str(&b, "release", names.release);
	ktstr_put_str(&b, "machine", names.machine);
	ktstr_put_u64(&b, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	ktstr_put_u64(&b, "memory_bytes", (uint64_t)info.totalram * info.mem_unit);
	ktstr_put_u64(&b, "boot_ns", agent->boot_ns);
	ktstr_put_bool(&b, "sched_ext", scx.present);
	if (scx.present)
		ktstr_put_u64(&b, "enable_seq", scx.enable_seq);
	ktstr_report(&agent->port, KTSTR_REC_HELLO, 0, &b);
	ktstr_report_stage(&agent->port, KTSTR_STAGE_INIT, 0, 0);
}

static void say_waiting(struct ktstr_agent *agent)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_end(&b);
	if (!b.failed)
		ktstr_guest_channel_send(&agent->port, KTSTR_LANE_NORMAL, KTSTR_MSG_WAITING,
					 ktstr_now_ns(), b.data, b.len);
	ktstr_buf_free(&b);
}

/* ---- messages from the host ---- */

static void on_clock(struct ktstr_agent *agent, const struct ktstr_fields *fields)
{
	uint64_t now = ktstr_now_ns(), n = 0, host_ns = 0;
	struct ktstr_buf b = { 0 };

	ktstr_get_u64(fields, "n", &n);
	ktstr_get_u64(fields, "host_ns", &host_ns);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_u64(&b, "host_ns", host_ns);
	ktstr_put_u64(&b, "guest_ns", now);
	ktstr_put_end(&b);
	if (!b.failed)
		ktstr_guest_channel_send(&agent->port, KTSTR_LANE_URGENT, KTSTR_MSG_CLOCK, now,
					 b.data, b.len);
	ktstr_buf_free(&b);
}

/* What goes wrong here goes wrong again when it is needed, and is told then. */
static void on_settle(struct ktstr_agent *agent)
{
	struct ktstr_err ignored = KTSTR_ERR_INIT;
	const char *what;

	ktstr_agent_settle(agent, &what, &ignored);
	agent->port.in_seq = 0;		/* of a run's messages MSG_GREET is the first */
	say_waiting(agent);
}

/* The first message of a run: now this machine is one of its own. */
static void on_greet(struct ktstr_agent *agent, const struct ktstr_fields *fields)
{
	struct ktstr_identity identity = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_str seed = { "", 0 };
	char host_name[256] = "";

	if (agent->greeted) {
		ktstr_err_set(&err, -EEXIST, "the host greeted twice");
		ktstr_supervise_fail(agent, "channel", &err);
		return;
	}
	agent->greeted = true;
	agent->port.out_seq = 0;	/* both ends count from here */
	ktstr_get_u64(fields, "wall_time_ns", &identity.wall_time_ns);
	ktstr_get_cstr(fields, "host_name", host_name, sizeof(host_name));
	identity.host_name = host_name;
	ktstr_get_str(fields, "seed", &seed);
	identity.seed = seed.s;
	identity.seed_len = seed.len;
	say_hello(agent);
	if (ktstr_setup_identity(&identity, &err))
		ktstr_supervise_fail(agent, "identity", &err);
	if (ktstr_kmsg_open(&agent->kmsg, &agent->loop, &err))
		ktstr_supervise_fail(agent, "kernel log", &err);
}

static void on_file(struct ktstr_agent *agent, const struct ktstr_fields *fields)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_files_take(&agent->files, fields, &err))
		ktstr_supervise_fail(agent, "files", &err);
}

static void on_plan(struct ktstr_agent *agent, const struct ktstr_frame *frame)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (agent->plan)
		ktstr_err_set(&err, -EEXIST, "the host sent a second plan");
	else if (!ktstr_guest_plan_decode(frame->payload, frame->len, &agent->plan, &err))
		ktstr_buf_add(&agent->plan_payload, frame->payload, frame->len);
	if (err.code)
		ktstr_supervise_fail(agent, "plan", &err);
}

static void on_stop(struct ktstr_agent *agent, const struct ktstr_fields *fields)
{
	char reason[256];

	ktstr_get_cstr(fields, "reason", reason, sizeof(reason));
	ktstr_supervise_note(agent, KTSTR_OUTCOME_FAILED, "stopped by the host: %s", reason);
	ktstr_supervise_raise(agent, KTSTR_EVENT_STOP);
}

/* The host watches, and wants to know how it looks from inside: a dump, or why there is none. */
static void on_dump(struct ktstr_agent *agent)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };

	if (!ktstr_trace_ask_dump(&err))
		return;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", err.msg);
	ktstr_report(&agent->port, KTSTR_REC_NOTE, 0, &b);
}

static void on_message(void *ctx, const struct ktstr_frame *frame)
{
	struct ktstr_agent *agent = ctx;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_fields fields;

	ktstr_fields_parse(frame->payload, frame->len, &fields);	/* the framer checked it */
	if (agent->state == KTSTR_AGENT_REPORTED && frame->type != KTSTR_MSG_BYE)
		return;		/* nothing follows DONE */
	switch (frame->type) {
	case KTSTR_MSG_SETTLE:
		on_settle(agent);
		break;
	case KTSTR_MSG_GREET:
		on_greet(agent, &fields);
		ktstr_guest_channel_flush(&agent->port, NULL);
		break;
	case KTSTR_MSG_CLOCK:
		on_clock(agent, &fields);
		ktstr_guest_channel_flush(&agent->port, NULL);
		break;
	case KTSTR_MSG_FILE:
		on_file(agent, &fields);
		break;
	case KTSTR_MSG_PLAN:
		on_plan(agent, frame);
		break;
	case KTSTR_MSG_PROBES:
		ktstr_supervise_probe(agent, frame->payload, frame->len);
		break;
	case KTSTR_MSG_START:
		ktstr_supervise_raise(agent, KTSTR_EVENT_START);
		break;
	case KTSTR_MSG_STOP:
		on_stop(agent, &fields);
		break;
	case KTSTR_MSG_DUMP:
		on_dump(agent);
		break;
	case KTSTR_MSG_ANSWER:
		ktstr_engine_link_send(&agent->engine, KTSTR_MSG_ANSWER, frame->payload, frame->len);
		break;
	case KTSTR_MSG_BYE:
		ktstr_supervise_raise(agent, KTSTR_EVENT_BYE);
		break;
	default:
		ktstr_err_set(&err, -EPROTO, "the host sent a message of unknown type %#x",
			      frame->type);
		ktstr_report_fault(&agent->port, "channel", &err);
	}
}

static void port_ready(void *ctx, uint32_t events)
{
	struct ktstr_agent *agent = ctx;
	struct ktstr_err err = KTSTR_ERR_INIT;

	(void)events;
	if (!ktstr_guest_channel_receive(&agent->port, on_message, agent, &err))
		return;
	/* What comes behind a torn frame cannot be understood; what is here can still be sent. */
	ktstr_supervise_fail(agent, "channel", &err);
	ktstr_supervise_raise(agent, KTSTR_EVENT_STOP);
}

/* ---- beginning ---- */

/* A stalled scheduler must not starve the harness; what this starts is scheduled as usual. */
static int become_fifo(struct ktstr_err *err)
{
	struct sched_param param = { .sched_priority = AGENT_FIFO };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		return ktstr_err_errno(err, errno, "becoming SCHED_FIFO");
	return 0;
}

static int begin(struct ktstr_agent *agent, struct ktstr_err *err)
{
	int fd, ret;

	ret = ktstr_loop_init(&agent->loop, err);
	if (!ret)
		ret = ktstr_port_open(PORT_TIMEOUT_NS, &fd, err);
	if (ret)
		return ret;
	ktstr_guest_channel_init(&agent->port, fd, true);
	agent->port.source.ready = port_ready;
	agent->port.source.ctx = agent;
	ktstr_supervise_init(agent);
	ret = ktstr_loop_watch(&agent->loop, &agent->port.source, err);
	if (ret)
		return ret;
	ret = become_fifo(err);
	if (!ret)
		ret = watch_children(agent, err);
	if (ret)
		return ret;
	say_waiting(agent);
	return ktstr_guest_channel_flush(&agent->port, err);
}

/* Leaves sources unread while the host is slow; takes them up again once half of it is gone. */
static void adapt_to_host(struct ktstr_agent *agent)
{
	size_t pending = ktstr_guest_channel_pending(&agent->port);

	if (pending > QUEUE_EVIDENCE)
		ktstr_loop_limit(&agent->loop, KTSTR_RANK_CONTROL);
	else if (pending > QUEUE_BULK && agent->loop.limit == KTSTR_RANK_BULK)
		ktstr_loop_limit(&agent->loop, KTSTR_RANK_EVIDENCE);
	else if (pending < QUEUE_BULK / 2)
		ktstr_loop_limit(&agent->loop, KTSTR_RANK_BULK);
}

int main(void)
{
	static struct ktstr_agent agent = { .files = KTSTR_FILES_INIT("") };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	if (getpid() != 1) {
		fprintf(stderr, "ktstr-agent is PID 1 of a test machine; it does nothing here\n");
		return 64;
	}
	agent.boot_ns = ktstr_now_ns();
	catch_crashes();
	console(KTSTR_SAYS_INIT "\n");
	ret = ktstr_mounts_early(&err);
	if (ret)
		give_up("no file systems", &err);
	ret = begin(&agent, &err);
	if (ret)
		give_up("no way to the host", &err);
	while (agent.state != KTSTR_AGENT_OFF) {
		ret = ktstr_loop_turn(&agent.loop, &err);
		if (!ret)
			ktstr_supervise_run(&agent);
		if (!ret)
			ret = ktstr_guest_channel_flush(&agent.port, &err);
		if (ret)
			give_up("lost the host", &err);
		adapt_to_host(&agent);
	}
	power_off();
}
