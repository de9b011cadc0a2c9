/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/worker.h"

#include "base/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the gate ---- */

static void futex_set(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void ktstr_gate_open(struct ktstr_gate *gate)
{
	futex_set(&gate->go);
}

/* Lets in those that still wait as well: they find that there is nothing to do. */
void ktstr_gate_stop(struct ktstr_gate *gate)
{
	futex_set(&gate->stop);
	futex_set(&gate->go);
}

/* Waits until the word is set or the time comes; UINT64_MAX: no time. */
static void futex_wait_until(const uint32_t *word, uint64_t until_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until_ns / KTSTR_NSEC_PER_SEC),
		.tv_nsec = (long)(until_ns % KTSTR_NSEC_PER_SEC),
	};

	/* FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock. */
	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE) &&
	       (until_ns == UINT64_MAX || ktstr_now_ns() < until_ns))
		syscall(SYS_futex, word, FUTEX_WAIT_BITSET, 0, until_ns == UINT64_MAX ? NULL : &ts,
			NULL, FUTEX_BITSET_MATCH_ANY);
}

/* ---- the services of ktstr/workload.h ---- */

/* What a worker process knows of itself; the ctx of its services. */
struct life {
	const struct ktstr_job *job;
	int schedstat;			/* /proc/self/schedstat, -1: there is none */
	bool has_first;
	struct ktstr_first_pages first;	/* known if has_first */
};

static const struct ktstr_job *job_of(const struct ktstr_worker *worker)
{
	return ((const struct life *)worker->ctx)->job;
}

static bool is_running(const struct ktstr_worker *worker)
{
	return !__atomic_load_n(&job_of(worker)->gate->stop, __ATOMIC_RELAXED);
}

static void do_sleep(struct ktstr_worker *worker, uint64_t ns)
{
	const struct ktstr_job *job = job_of(worker);
	uint64_t now = ktstr_now_ns();

	ktstr_slot_sleep(job->slot, now, now + ns);
	futex_wait_until(&job->gate->stop, now + ns);
	ktstr_slot_wake(job->slot, ktstr_now_ns());
}

static void set_metric(struct ktstr_worker *worker, const char *name, const char *unit,
		       double value)
{
	ktstr_slot_metric(job_of(worker)->slot, name, unit, value);
}

static void do_block(struct ktstr_worker *worker)
{
	ktstr_slot_block(job_of(worker)->slot, ktstr_now_ns());
}

static void do_unblock(struct ktstr_worker *worker, uint64_t woken_ns)
{
	ktstr_slot_unblock(job_of(worker)->slot, ktstr_now_ns(), woken_ns);
}

/* ---- the life of a worker ---- */

static struct ktstr_where here(void)
{
	struct ktstr_where where = { 0, 0 };

	getcpu(&where.cpu, &where.node);
	return where;
}

/* schedstat lags behind for a task that runs right now; its CPU clock does not. */
static void read_cpu_clock(struct ktstr_counters *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	ret->cpu_ns = ktstr_timespec_ns(&ts);
}

static void read_counters(struct ktstr_counters *ret)
{
	ktstr_counters_read("/proc/self", ret);
	read_cpu_clock(ret);
}

/* One that ended with the step may have done nothing: a worker that was never woken shows none. */
static void after_iteration(const struct life *life, bool running)
{
	struct ktstr_slot *slot = life->job->slot;
	struct ktstr_counters now = { 0 };
	uint64_t now_ns = ktstr_now_ns();

	(running ? ktstr_slot_iteration : ktstr_slot_cut)(slot, now_ns, here());
	if (!ktstr_slot_window_due(slot, now_ns))
		return;
	ktstr_schedstat_read(life->schedstat, &now);
	read_cpu_clock(&now);
	ktstr_slot_window(slot, now_ns, &now);
}

/* On a machine with several nodes: where its memory is, and where it should be. What is not known is
 * not told. */
static void note_pages(const struct life *life)
{
	static const struct ktstr_mem_policy none = { .mode = KTSTR_MEM_INHERIT };
	const struct ktstr_job *job = life->job;
	struct ktstr_slot *slot = job->slot;

	if (!job->map || !life->has_first)
		return;
	slot->has_pages = !ktstr_pages_count(&life->first, slot->pages, NULL);
	slot->has_home = ktstr_pages_home(job->memory ? job->memory : &none, job->map,
					  &slot->home);
}

static int work(const struct life *life, struct ktstr_worker *worker,
		struct ktstr_workload *workload, struct ktstr_err *err)
{
	const struct ktstr_job *job = life->job;
	struct ktstr_slot *slot = job->slot;
	int ret = 0;

	futex_wait_until(&job->gate->go, UINT64_MAX);
	read_counters(&slot->base);
	ktstr_slot_begin(slot, ktstr_now_ns(), here());
	while (!ret && is_running(worker)) {
		ret = job->ops->iterate(workload, worker, err);
		if (!ret)
			after_iteration(life, is_running(worker));
	}
	slot->end_ns = ktstr_now_ns();
	read_counters(&slot->end);
	ktstr_slot_window(slot, slot->end_ns, &slot->end);
	note_pages(life);
	slot->finished = true;
	return ret;
}

static void note_role(const struct ktstr_job *job)
{
	const char *(*role)(const struct ktstr_value *, unsigned) =
		KTSTR_OP(job->ops, struct ktstr_workload_ops, role);
	const char *name = role ? role(job->values, job->index) : NULL;

	snprintf(job->slot->role, sizeof(job->slot->role), "%s", name ? name : "");
}

static int create_and_work(const struct life *life, struct ktstr_worker *worker,
			   struct ktstr_err *err)
{
	const struct ktstr_job *job = life->job;
	struct ktstr_workload *workload = NULL;
	const uint64_t one = 1;
	int ret = job->ops->create(worker, job->values, &workload, err);

	if (ret)
		return ret;
	if (write(job->ready_fd, &one, sizeof(one)) != sizeof(one))
		ret = ktstr_err_errno(err, errno, "telling the engine");
	else
		ret = work(life, worker, workload, err);
	job->ops->destroy(workload);
	return ret;
}

int ktstr_worker_run(const struct ktstr_job *job)
{
	struct life life = {
		.job = job, .schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC),
	};
	struct ktstr_worker worker = {
		.size = sizeof(worker), .ctx = &life,
		.index = job->index, .group_size = job->group_size, .shared = job->shared,
		.running = is_running, .sleep = do_sleep, .metric = set_metric,
		.block = do_block, .unblock = do_unblock,
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	note_role(job);
	job->slot->has_nodes = job->map;
	life.has_first = job->map && !ktstr_pages_first(&life.first, NULL);
	ret = create_and_work(&life, &worker, &err);
	if (ret)
		snprintf(job->slot->error, sizeof(job->slot->error), "%s",
			 err.msg[0] ? err.msg : strerror(-ret));
	if (life.schedstat >= 0)
		close(life.schedstat);
	return ret;
}

static void ignore_signal(int signal)
{
	(void)signal;
}

void ktstr_worker_main(const struct ktstr_job *job)
{
	/* Without SA_RESTART, because it is there to interrupt. */
	struct sigaction action = { .sa_handler = ignore_signal };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != job->engine)	/* it died before the line above */
		_exit(1);
	prctl(PR_SET_NAME, job->name);
	prctl(PR_SET_TIMERSLACK, 1);	/* the default of 50 us is not the scheduler's lateness */
	sigaction(KTSTR_WORKER_SIGNAL, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(ktstr_worker_run(job) ? 1 : 0);
}
