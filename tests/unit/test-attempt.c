/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attempts against a machine made up by the test: a vmm whose guest is a forked child that follows a
 * script. Every way an attempt can go is driven through the real loop, journal and verdict.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "probe/plan.h"
#include "run/attempt.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool templates;	/* the plan's `template` */
static unsigned clock_speed = 1;	/* of the guest, times the host's */
static const struct ktstr_probe_plan *probes;	/* of a repro */

/* ---- the guest's side ---- */

struct guest {
	int channel, console;
	uint64_t seq;
	struct ktstr_framer in;
};

typedef void guest_script(struct guest *g);

static void say(struct guest *g, uint32_t type, struct ktstr_buf *payload)
{
	struct ktstr_buf out = { 0 };
	struct ktstr_frame frame;

	ktstr_put_end(payload);
	frame = (struct ktstr_frame){ .type = type, .seq = g->seq++, .guest_ns = 1000 + g->seq,
				      .payload = payload->data, .len = payload->len };
	ktstr_frame_put(&out, &frame);
	if (write(g->channel, out.data, out.len) != (ssize_t)out.len)
		_exit(9);
	ktstr_buf_free(&out);
	ktstr_buf_free(payload);
}

static void say_text(struct guest *g, enum ktstr_rec type, const char *key, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, key, text);
	say(g, type, &b);
}

static void print(struct guest *g, const char *text)
{
	if (write(g->console, text, strlen(text)) < 0)
		_exit(9);
}

/* Reads frames until one of `type` has come; echoes clock frames on the way. */
static void hear(struct guest *g, uint32_t type)
{
	for (;;) {
		struct ktstr_frame frame;
		ssize_t n;

		while (ktstr_framer_next(&g->in, &frame, NULL) > 0) {
			struct ktstr_fields f;
			struct ktstr_buf b = { 0 };
			uint64_t round = 0;

			if (frame.type == type)
				return;
			if (frame.type != KTSTR_MSG_CLOCK)
				continue;
			ktstr_fields_parse(frame.payload, frame.len, &f);
			ktstr_get_u64(&f, "n", &round);
			ktstr_put_begin(&b);
			ktstr_put_u64(&b, "n", round);
			ktstr_put_u64(&b, "guest_ns", ktstr_now_ns() * clock_speed + 5 * KTSTR_NSEC_PER_SEC);
			say(g, KTSTR_MSG_CLOCK, &b);
		}
		n = read(g->channel, ktstr_framer_room(&g->in, 65536), 65536);
		if (n <= 0)
			_exit(0);
		ktstr_framer_filled(&g->in, (size_t)n);
	}
}

static void wait_for_host(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	print(g, KTSTR_SAYS_INIT "\r\n");
	ktstr_put_begin(&b);
	say(g, KTSTR_MSG_WAITING, &b);
	if (templates) {
		hear(g, KTSTR_MSG_SETTLE);
		ktstr_put_begin(&b);
		say(g, KTSTR_MSG_WAITING, &b);
	}
	hear(g, KTSTR_MSG_GREET);
	g->seq = 0;
}

static void say_hello(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	wait_for_host(g);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "protocol", KTSTR_PROTOCOL);
	say(g, KTSTR_REC_HELLO, &b);
}

static void come_up(struct guest *g)
{
	say_hello(g);
	hear(g, KTSTR_MSG_START);
	say_text(g, KTSTR_REC_STAGE, "stage", "mounts");
}

static void finish(struct guest *g, const char *outcome)
{
	say_text(g, KTSTR_REC_DONE, "outcome", outcome);
	hear(g, KTSTR_MSG_BYE);
}

/* ---- the vmm ---- */

struct ktstr_vmm {
	pid_t child;
	int pidfd, channel[2], console[2];
	int epoll, queued;		/* over pidfd and this eventfd: READY waits */
	bool stopped, told, ready, cloned;
};

static guest_script *script;		/* what a guest does */
static guest_script *copied;		/* not NULL: the first machine is a copy whose guest does this */
static unsigned n_machines, n_checkpoints;
static enum ktstr_template_use template_use;	/* of the last machine */
static enum ktstr_vmm_event_type end_event;	/* told before EXITED, NONE: nothing */
static int fail_create;

static int vmm_create(const struct ktstr_host *host, const struct ktstr_value *values,
		      const struct ktstr_machine *machine, struct ktstr_vmm **ret, struct ktstr_err *err)
{
	(void)host, (void)values;
	if (fail_create)
		return ktstr_err_set(err, fail_create, "this vmm does not want to");
	*ret = calloc(1, sizeof(**ret));
	(*ret)->pidfd = (*ret)->channel[0] = (*ret)->console[0] = -1;
	(*ret)->epoll = epoll_create1(EPOLL_CLOEXEC);
	(*ret)->queued = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	template_use = machine->template_use;
	(*ret)->cloned = ++n_machines == 1 && copied;
	return 0;
}

/* As much room as the kernel gives: what is pushed may then go out in one go, with nothing left to
 * wait for. */
static void widen(int fd)
{
	int bytes = 64 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
}

static void push_ready(struct ktstr_vmm *v)
{
	const uint64_t one = 1;

	v->ready = true;
	cr_assert_eq(write(v->queued, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void watch(struct ktstr_vmm *v, int fd)
{
	struct epoll_event readable = { .events = EPOLLIN };

	cr_assert_eq(epoll_ctl(v->epoll, EPOLL_CTL_ADD, fd, &readable), 0);
}

static int vmm_start(struct ktstr_vmm *v, struct ktstr_err *err)
{
	guest_script *guest = v->cloned ? copied : script;

	(void)err;
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v->channel);
	cr_assert_eq(pipe2(v->console, O_CLOEXEC), 0);
	fcntl(v->console[0], F_SETFL, O_NONBLOCK);
	widen(v->channel[0]);
	v->child = fork();
	if (!v->child) {
		struct guest g = { .channel = v->channel[1], .console = v->console[1] };
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_IGN);
		close(v->channel[0]);
		close(v->console[0]);
		guest(&g);
		_exit(0);
	}
	close(v->channel[1]);
	close(v->console[1]);
	v->pidfd = (int)syscall(SYS_pidfd_open, v->child, 0);
	watch(v, v->pidfd);
	watch(v, v->queued);
	if (v->cloned)
		push_ready(v);
	return 0;
}

static int vmm_checkpoint(struct ktstr_vmm *v, struct ktstr_err *err)
{
	(void)err;
	n_checkpoints++;
	push_ready(v);
	return 0;
}

static int vmm_channel(struct ktstr_vmm *v) { return v->channel[0]; }
static int vmm_console(struct ktstr_vmm *v) { return v->console[0]; }
static int vmm_event_fd(struct ktstr_vmm *v) { return v->epoll; }

static int vmm_next_event(struct ktstr_vmm *v, struct ktstr_vmm_event *ret, struct ktstr_err *err)
{
	siginfo_t info = { 0 };
	uint64_t count;

	(void)err;
	if (v->ready && read(v->queued, &count, sizeof(count)) == sizeof(count)) {
		v->ready = false;
		*ret = (struct ktstr_vmm_event){ .type = KTSTR_VMM_READY, .cloned = v->cloned };
		return 1;
	}
	if (v->child && waitid(P_PID, (id_t)v->child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    !info.si_pid)
		return 0;
	if (!v->child)
		return 0;
	*ret = (struct ktstr_vmm_event){ .type = end_event };
	if (end_event && !v->told && !v->stopped) {
		v->told = true;
		return 1;
	}
	ret->type = KTSTR_VMM_EXITED;
	ret->by_host = v->stopped;
	ret->code = info.si_code == CLD_EXITED ? info.si_status : -1;
	ret->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	snprintf(ret->text, sizeof(ret->text), "last words");
	waitid(P_PID, (id_t)v->child, &info, WEXITED);
	v->child = 0;
	return 1;
}

static void vmm_describe(struct ktstr_vmm *v, struct ktstr_buf *fields)
{
	(void)v;
	ktstr_put_str(fields, "accel", "script");
}

static unsigned vmm_slowness(struct ktstr_vmm *v)
{
	(void)v;
	return 1;
}

/* The test's own thread stands for the only virtual CPU. */
static size_t vmm_vcpu_threads(struct ktstr_vmm *v, pid_t *ret_tids, size_t max)
{
	(void)v;
	if (max)
		ret_tids[0] = gettid();
	return 1;
}

static int vmm_stop(struct ktstr_vmm *v, struct ktstr_err *err)
{
	(void)err;
	v->stopped = true;
	if (v->child)
		kill(v->child, SIGKILL);
	return 0;
}

static void vmm_destroy(struct ktstr_vmm *v)
{
	if (v->child) {
		kill(v->child, SIGKILL);
		waitpid(v->child, NULL, 0);
	}
	ktstr_cleanup_close(&v->pidfd);
	ktstr_cleanup_close(&v->epoll);
	ktstr_cleanup_close(&v->queued);
	ktstr_cleanup_close(&v->channel[0]);
	ktstr_cleanup_close(&v->console[0]);
	free(v);
}

static const struct ktstr_vmm_ops vmm_ops = {
	.size = sizeof(vmm_ops), .create = vmm_create, .start = vmm_start,
	.channel_fd = vmm_channel, .console_fd = vmm_console, .event_fd = vmm_event_fd,
	.next_event = vmm_next_event, .describe = vmm_describe, .slowness = vmm_slowness,
	.vcpu_threads = vmm_vcpu_threads, .stop = vmm_stop, .destroy = vmm_destroy,
	.checkpoint = vmm_checkpoint,
};

static const struct ktstr_plugin vmm_plugin = {
	.size = sizeof(vmm_plugin), .kind = KTSTR_KIND_VMM, .name = "script", .ops = &vmm_ops,
};

/* ---- running one ---- */

static char journal_path[64];
static struct ktstr_payload payload;	/* what is pushed, nothing by default */

static int attempt(struct ktstr_err *err)
{
	static struct ktstr_plan_step step = { .name = "", .hold_ns = KTSTR_NSEC_PER_SEC };
	struct ktstr_plan plan = {
		.file = "t.yaml", .dir = ".", .test = "t", .topology = { 1, 1, 2, 1 },
		.boot_timeout_ns = 300 * KTSTR_NSEC_PER_MSEC, .templates = templates, .vmm = { .plugin = &vmm_plugin },
		.steps = { &step, 1, 1 },
	};
	struct ktstr_kernel kernel = { .release = (char *)"1.2.3", .image = (char *)"/none" };
	struct ktstr_run_options options = { 0 };
	const struct ktstr_attempt_params params = {
		.plan = &plan, .kernel = &kernel, .payload = &payload, .options = &options,
		.initramfs_fd = -1, .number = 1, .of = 1, .journal = journal_path, .state_dir = "/tmp",
		.probes = probes,
	};

	snprintf(journal_path, sizeof(journal_path), "/tmp/ktstr-test-attempt.%d", getpid());
	unlink(journal_path);
	return ktstr_attempt_run(&params, err);
}

/* The attempt's verdict must have this cause, and its reason this text in it. */
static void expect(guest_script *s, enum ktstr_outcome outcome, enum ktstr_cause cause, const char *text)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *j;
	struct ktstr_verdict *v;

	script = s;
	cr_assert_eq(attempt(&err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_journal_open(journal_path, &j, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_verdict_create(j, &v, &err), 0);
	cr_assert_eq(v->outcome, outcome, "%d: %s", v->outcome, v->reason);
	cr_assert_eq(v->cause, cause, "%d: %s", v->cause, v->reason);
	cr_assert(strstr(v->reason, text), "%s", v->reason);
	ktstr_verdict_destroy(v);
	ktstr_journal_destroy(j);
	unlink(journal_path);
}

static unsigned count_records(enum ktstr_rec type)
{
	struct ktstr_journal *j;
	struct ktstr_record rec;
	uint64_t cursor = 0;
	unsigned n = 0;

	cr_assert_eq(ktstr_journal_open(journal_path, &j, NULL), 0);
	while (ktstr_journal_next(j, &cursor, &rec))
		n += rec.type == type;
	ktstr_journal_destroy(j);
	return n;
}

static void passing(struct guest *g)
{
	come_up(g);
	finish(g, "ran");
}

Test(attempt, passes)
{
	expect(passing, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
}

/* A queue that went out whole must be filled again, though nothing is left in it to wait for. */
Test(attempt, pushes_more_than_a_queue_full)
{
	char path[] = "/tmp/ktstr-test-attempt-file.XXXXXX";
	int fd = mkstemp(path);
	struct ktstr_payload_file file = {
		.host_path = path, .guest_path = (char *)"/big", .mode = 0644, .size = 20 << 20,
	};

	cr_assert_eq(ftruncate(fd, 20 << 20), 0);
	payload.files.items = &file;
	payload.files.n = 1;
	expect(passing, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
	close(fd);
	unlink(path);
}

/* Anything in another order is never heard. */
static void probed_early(struct guest *g)
{
	say_hello(g);
	hear(g, KTSTR_MSG_FILE);
	hear(g, KTSTR_MSG_PROBES);
	hear(g, KTSTR_MSG_FILE);
	hear(g, KTSTR_MSG_PLAN);
	hear(g, KTSTR_MSG_START);
	say_text(g, KTSTR_REC_STAGE, "stage", "mounts");
	finish(g, "ran");
}

Test(attempt, tells_what_to_probe_when_the_prober_is_there)
{
	struct ktstr_probe_plan plan = { .n_points = 0 };
	struct ktstr_payload_file files[2];

	for (int i = 0; i < 2; i++)
		files[i] = (struct ktstr_payload_file){
			.host_path = (char *)"/proc/self/exe", .guest_path = (char *)(i ? "/b" : "/a"),
			.mode = 0644, .size = 1000,
		};
	payload.files.items = files;
	payload.files.n = 2;
	payload.n_prober = 1;
	ktstr_put_begin(&plan.guest);
	ktstr_put_end(&plan.guest);
	ktstr_put_begin(&plan.record);
	probes = &plan;
	expect(probed_early, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
	ktstr_buf_free(&plan.guest);
	ktstr_buf_free(&plan.record);
}

Test(attempt, aligns_the_clocks_by_measurement)
{
	struct ktstr_journal *j;
	struct ktstr_record rec;
	uint64_t cursor = 0, rounds = 0;
	int64_t offset = 0;

	script = passing;
	cr_assert_eq(attempt(NULL), 0);
	cr_assert_eq(ktstr_journal_open(journal_path, &j, NULL), 0);
	while (ktstr_journal_next(j, &cursor, &rec) && rec.type != KTSTR_REC_CLOCK)
		;
	cr_assert_eq(rec.type, KTSTR_REC_CLOCK);
	cr_assert(ktstr_get_s64(&rec.fields, "offset_ns", &offset));
	cr_assert(ktstr_get_u64(&rec.fields, "rounds", &rounds) && rounds > 1);
	/* the script's clock is 5 s ahead of CLOCK_MONOTONIC, the journal's began a moment ago */
	cr_assert_gt(offset, 5 * (int64_t)KTSTR_NSEC_PER_SEC);
	ktstr_journal_destroy(j);
	unlink(journal_path);
}

static void probing(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	come_up(g);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", 0);
	ktstr_put_str(&b, "at", "entry");
	ktstr_put_str(&b, "target", "kernel");
	ktstr_put_str(&b, "function", "schedule");
	ktstr_put_bool(&b, "attached", true);
	say(g, KTSTR_REC_PROBE_POINT, &b);
	finish(g, "ran");
}

/* The kernel of these tests has no build id, so that nothing can be its debug information. */
Test(attempt, looks_up_source_lines_when_the_vm_is_over)
{
	struct ktstr_probe_plan plan = { .n_points = 1 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_str why = { "", 0 };
	struct ktstr_record rec, before = { .type = 0 };
	struct ktstr_journal *j;
	uint64_t cursor = 0, ns = UINT64_MAX;

	ktstr_put_begin(&plan.record);
	ktstr_put_begin(&plan.guest);
	ktstr_put_end(&plan.guest);
	probes = &plan;
	script = probing;
	cr_assert_eq(attempt(&err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_journal_open(journal_path, &j, &err), 0, "%s", err.msg);
	while (ktstr_journal_next(j, &cursor, &rec) && rec.type != KTSTR_REC_RUN_END)
		before = rec;
	cr_assert_eq(rec.type, KTSTR_REC_RUN_END);
	cr_assert_eq(before.type, KTSTR_REC_SOURCE);
	cr_assert(ktstr_get_str(&before.fields, "why", &why));
	cr_assert(memmem(why.s, why.len, "has no build id", 15), "%.*s", KTSTR_STR_ARG(why));
	cr_assert(ktstr_get_u64(&rec.fields, "duration_ns", &ns));
	cr_assert(ns <= before.host_ns, "the look-up is no part of what the attempt took");
	ktstr_journal_destroy(j);
	ktstr_buf_free(&plan.record);
	ktstr_buf_free(&plan.guest);
	unlink(journal_path);
	probes = NULL;
}

static void stepping(struct guest *g)
{
	come_up(g);
	say_text(g, KTSTR_REC_STEP, "edge", "begin");
	say_text(g, KTSTR_REC_STEP, "edge", "end");
	finish(g, "ran");
}

/* What a run is judged by, and under which conditions, is in its journal. */
Test(attempt, records_what_the_verdict_needs)
{
	struct ktstr_fields threads, thread;
	struct ktstr_journal *j;
	struct ktstr_record rec;
	struct ktstr_field item;
	uint64_t cursor = 0, tid = 0, n = 0;

	script = stepping;
	cr_assert_eq(attempt(NULL), 0);
	cr_assert_eq(count_records(KTSTR_REC_EXPECT), 1);
	cr_assert_eq(count_records(KTSTR_REC_HOST_NOISE), 2);
	cr_assert_eq(ktstr_journal_open(journal_path, &j, NULL), 0);
	while (ktstr_journal_next(j, &cursor, &rec) && rec.type != KTSTR_REC_HOST_NOISE)
		;
	cr_assert(ktstr_get_sub(&rec.fields, "threads", &threads));
	if (!access("/proc/self/schedstat", R_OK)) {	/* a kernel without CONFIG_SCHED_INFO has none */
		cr_assert(ktstr_item_next(&threads, &item) && item.type == KTSTR_FIELD_MAP);
		thread = item.sub;
		cr_assert(ktstr_get_u64(&thread, "tid", &tid) && tid == (uint64_t)gettid());
		cr_assert(ktstr_get_u64(&thread, "on_cpu_ns", &n));
		cr_assert(ktstr_get_u64(&thread, "run_delay_ns", &n));
	}
	ktstr_journal_destroy(j);
	unlink(journal_path);
}

static void panicking(struct guest *g)
{
	come_up(g);
	print(g, "[    2.0] Kernel panic - not syncing: sysrq triggered crash\r\n");
}

Test(attempt, sees_a_panic)
{
	end_event = KTSTR_VMM_RESET;
	expect(panicking, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_PANIC, "sysrq triggered crash");
}

static void oopsing(struct guest *g)
{
	come_up(g);
	say_text(g, KTSTR_REC_KMSG, "text", "BUG: kernel NULL pointer dereference, address: 0");
	hear(g, KTSTR_MSG_STOP);	/* an oops ends the scenario, and the evidence still comes */
	say_text(g, KTSTR_REC_SCHED_OUT, "text", "evidence");
	finish(g, "failed");
}

Test(attempt, collects_evidence_after_an_oops)
{
	expect(oopsing, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_OOPS, "NULL pointer");
}

static void hanging(struct guest *g)
{
	print(g, "Linux version 1.2.3\r\n");
	pause();
}

Test(attempt, names_a_boot_hang)
{
	expect(hanging, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_BOOT_HANG, "\"vm started\"");
}

static void dying(struct guest *g)
{
	(void)g;
	_exit(3);
}

Test(attempt, names_the_death_of_the_vm)
{
	expect(dying, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_VM_DIED, "exit status 3: last words");
}

Test(attempt, names_a_triple_fault)
{
	end_event = KTSTR_VMM_TRIPLE_FAULT;
	expect(come_up, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_TRIPLE_FAULT, "triple fault");
}

Test(attempt, names_a_reset_that_nobody_asked_for)
{
	end_event = KTSTR_VMM_RESET;
	expect(come_up, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_GUEST_RESET, "reset itself at stage \"mounts\"");
}

static void babbling(struct guest *g)
{
	say_hello(g);
	if (write(g->channel, "this is no frame, and it is long enough to be one", 48) < 0)
		_exit(9);
	pause();
}

Test(attempt, survives_garbage_on_the_channel)
{
	expect(babbling, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_HARNESS, "no frame here");
}

static void posing(struct guest *g)
{
	say_hello(g);
	say_text(g, KTSTR_REC_RUN_END, "outcome", "pass");
	pause();
}

Test(attempt, takes_no_host_records_from_a_guest)
{
	expect(posing, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_HARNESS, "frame of type 10");
}

static void skipping(struct guest *g)
{
	come_up(g);
	g->seq += 7;
	finish(g, "ran");
}

/* ---- templates ---- */

static void greet(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	hear(g, KTSTR_MSG_GREET);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "protocol", KTSTR_PROTOCOL);
	say(g, KTSTR_REC_HELLO, &b);
}

static void copy_passes(struct guest *g)
{
	print(g, KTSTR_SAYS_INIT "\r\n");	/* what its template said is said again */
	greet(g);
	hear(g, KTSTR_MSG_START);
	say_text(g, KTSTR_REC_STAGE, "stage", "mounts");
	finish(g, "ran");
}

static void copy_with_a_fast_clock(struct guest *g)
{
	clock_speed = 9;
	copy_passes(g);
}

static void copy_dies(struct guest *g)
{
	hear(g, KTSTR_MSG_GREET);
	_exit(1);
}

static void copy_says_nothing(struct guest *g)
{
	(void)g;
	pause();
}

static void copy_panics(struct guest *g)
{
	print(g, "Kernel panic - not syncing: a bad copy\r\n");
	pause();
}

/* Its kernel complained, and its agent did not notice. */
static void copy_oopses_and_goes_on(struct guest *g)
{
	print(g, "BUG: kernel NULL pointer dereference, address: 0000000000000008\r\n");
	greet(g);
	pause();
}

/* Counts the stage in the journal of the last attempt, and notes with that text. */
static unsigned count_in_journal(enum ktstr_rec type, const char *key, const char *text)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *j;
	struct ktstr_record rec;
	uint64_t cursor = 0;
	unsigned n = 0;
	char got[1024];

	cr_assert_eq(ktstr_journal_open(journal_path, &j, &err), 0, "%s", err.msg);
	while (ktstr_journal_next(j, &cursor, &rec))
		if (rec.type == type && ktstr_get_cstr(&rec.fields, key, got, sizeof(got)))
			n += strstr(got, text) != NULL;
	ktstr_journal_destroy(j);
	return n;
}

static void run_passing(void)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	templates = true;
	script = passing;
	cr_assert_eq(attempt(&err), 0, "%s", err.msg);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "done"), 1);
}

Test(templates, are_made_of_a_machine_that_waits)
{
	run_passing();
	cr_expect_eq(n_checkpoints, 1);
	cr_expect_eq(template_use, KTSTR_TEMPLATE_COPY);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "kernel booted"), 1);
	unlink(journal_path);
}

Test(templates, are_not_made_when_the_plan_says_so)
{
	expect(passing, KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "");
	cr_expect_eq(n_checkpoints, 0);
	cr_expect_eq(template_use, KTSTR_TEMPLATE_OFF);
}

Test(templates, copy_of_one_is_greeted_at_once)
{
	copied = copy_passes;
	run_passing();
	cr_expect_eq(n_checkpoints, 0);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "cloned"), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "kernel booted"), 0);
	unlink(journal_path);
}

/* The run passes all the same, once, with a machine that booted, and says why. */
static void expect_boot_instead(guest_script *copy, const char *why)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *j;
	struct ktstr_verdict *v;

	copied = copy;
	n_machines = 0;
	run_passing();
	cr_expect_eq(template_use, KTSTR_TEMPLATE_RENEW);
	cr_expect_eq(count_in_journal(KTSTR_REC_NOTE, "text", why), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_NOTE, "text", "the template was removed"), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "kernel booted"), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_FAULT, "what", ""), 0);
	cr_assert_eq(ktstr_journal_open(journal_path, &j, &err), 0);
	cr_assert_eq(ktstr_verdict_create(j, &v, &err), 0);
	cr_expect_eq(v->outcome, KTSTR_OUTCOME_PASS, "%s", v->reason);
	ktstr_verdict_destroy(v);
	ktstr_journal_destroy(j);
	unlink(journal_path);
}

Test(templates, copy_that_dies_boots_instead)
{
	expect_boot_instead(copy_dies, "last words");
}

Test(templates, copy_whose_clock_is_wrong_boots_instead)
{
	expect_boot_instead(copy_with_a_fast_clock, "its clock ran at ");
}

/* Only of a machine that booted first: the one after it is right. */
static void passing_too_fast_at_first(struct guest *g)
{
	clock_speed = n_machines == 1 ? 9 : 1;
	passing(g);
}

Test(templates, boots_another_vm_when_the_clock_of_one_is_wrong)
{
	templates = true;
	script = passing_too_fast_at_first;
	cr_assert_eq(attempt(NULL), 0);
	cr_expect_eq(n_machines, 2);
	cr_expect_eq(template_use, KTSTR_TEMPLATE_RENEW);
	cr_expect_eq(count_in_journal(KTSTR_REC_NOTE, "text", "its clock ran at "), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_STAGE, "stage", "done"), 1);
	cr_expect_eq(count_in_journal(KTSTR_REC_FAULT, "what", ""), 0);
	unlink(journal_path);
}

static void passing_too_fast(struct guest *g)
{
	clock_speed = 9;
	passing(g);
}

Test(templates, is_inconclusive_when_no_vm_has_a_clock_that_is_right)
{
	expect(passing_too_fast, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_HARNESS, "too busy when the kernel measured its TSC");
	cr_expect_eq(n_machines, 2);
}

Test(templates, copy_that_says_nothing_boots_instead)
{
	expect_boot_instead(copy_says_nothing, "it did not answer in time");
}

Test(templates, copy_that_panics_boots_instead)
{
	expect_boot_instead(copy_panics, "kernel panic");
}

Test(templates, copy_that_oopses_and_says_hello_boots_instead)
{
	expect_boot_instead(copy_oopses_and_goes_on, "kernel oops");
}

/* How far the copy came does not count for the machine that booted. */
static void hangs(struct guest *g)
{
	(void)g;
	pause();
}

Test(templates, a_hang_behind_a_bad_copy_is_a_boot_hang)
{
	templates = true;
	copied = copy_dies;
	expect(hangs, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_BOOT_HANG, "at stage \"vm started\"");
}

static void hellos_unasked(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "protocol", KTSTR_PROTOCOL);
	say(g, KTSTR_REC_HELLO, &b);
	hear(g, KTSTR_MSG_BYE);
}

static void waits_twice(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	wait_for_host(g);
	ktstr_put_begin(&b);
	say(g, KTSTR_MSG_WAITING, &b);
	hear(g, KTSTR_MSG_BYE);
}

Test(attempt, greets_before_anything_is_said)
{
	expect(hellos_unasked, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_HARNESS, "hello unasked");
	expect(waits_twice, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_HARNESS, "waited twice");
}

Test(attempt, counts_frames_that_never_came)
{
	script = skipping;
	cr_assert_eq(attempt(NULL), 0);
	cr_assert_eq(count_records(KTSTR_REC_LOST), 1);
	unlink(journal_path);
}

static void wrong_topology(struct guest *g)
{
	struct ktstr_buf b = { 0 };

	come_up(g);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "nodes", 1);
	ktstr_put_u64(&b, "llcs", 2);
	ktstr_put_u64(&b, "cores", 1);
	ktstr_put_u64(&b, "threads", 1);
	say(g, KTSTR_REC_TOPOLOGY, &b);
	hear(g, KTSTR_MSG_STOP);
	finish(g, "ran");
}

Test(attempt, fails_when_the_topology_differs)
{
	expect(wrong_topology, KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_TOPOLOGY,
	       "asked for 1n1l2c1t, the guest has 1n2l1c1t");
}

static void waiting_for_stop(struct guest *g)
{
	come_up(g);
	kill(getppid(), SIGINT);
	hear(g, KTSTR_MSG_STOP);
	finish(g, "ran");
}

Test(attempt, comes_to_an_orderly_end_on_ctrl_c)
{
	expect(waiting_for_stop, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_INTERRUPTED, "Ctrl-C");
}

static void interrupted_boot(struct guest *g)
{
	(void)g;
	kill(getppid(), SIGINT);
	pause();
}

Test(attempt, ends_at_once_on_ctrl_c_during_boot)
{
	expect(interrupted_boot, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_INTERRUPTED, "Ctrl-C");
}

Test(attempt, reports_a_vmm_that_cannot_be_made)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	fail_create = -ENODEV;
	cr_assert_eq(attempt(&err), -ENODEV);
	cr_assert_str_eq(err.msg, "this vmm does not want to");
	cr_assert_eq(count_records(KTSTR_REC_FAULT), 1);
	cr_assert_eq(count_records(KTSTR_REC_RUN_END), 1);
	unlink(journal_path);
}
