/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/step.h"

#include "agent/cgroup.h"
#include "agent/report.h"
#include "agent/worker.h"
#include "base/clock.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define READY_NS (10 * KTSTR_NSEC_PER_SEC)	/* these three grow with the plan's slowness */
#define COLLECT_NS (5 * KTSTR_NSEC_PER_SEC)
#define KILL_NS (5 * KTSTR_NSEC_PER_SEC)
#define NUDGE_NS (50 * KTSTR_NSEC_PER_MSEC)

struct member {
	struct ktstr_job job;
	const struct ktstr_guest_cgroup *cgroup;
	uint32_t group;			/* number of its group in the step */
	size_t shared_bytes;		/* of its group */
	pid_t pid;			/* 0: not forked */
	bool ended, killed;		/* killed: by us, because it did not come back */
	siginfo_t end;
};

struct ktstr_step_run {
	const struct ktstr_guest_step *step;
	uint32_t n, m;			/* step n of m */
	struct member *members;
	uint32_t n_members, n_cgroups, n_ready, n_ended;
	void *shared;			/* gate, memory of groups, slots */
	size_t shared_bytes;
	struct ktstr_gate *gate;
	struct ktstr_source ready;	/* eventfd */
	bool stopping;
};

static uint64_t scaled(const struct ktstr_engine *engine, uint64_t ns)
{
	return ns * engine->plan->slowness;
}

/* ---- set up ---- */

/* Fills in the jobs of one workers entry; returns how many there are, or a negative errno. */
static int plan_members(struct ktstr_engine *engine, struct ktstr_step_run *run, uint32_t first,
			const struct ktstr_guest_cgroup *cgroup,
			const struct ktstr_guest_workers *workers, uint32_t *group,
			struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops;
	int ret = ktstr_workloads_get(&engine->workloads, workers, &ops, err);
	unsigned size;

	if (ret)
		return ret;
	size = ktstr_workload_group(ops, workers->values);
	for (uint32_t i = 0; i < workers->count; i++) {
		struct member *m = &run->members[first + i];

		m->cgroup = cgroup;
		m->group = *group + i / size;
		m->shared_bytes = ktstr_workload_shared(ops, workers->values);
		m->job = (struct ktstr_job){
			.ops = ops, .values = workers->values, .name = workers->plugin,
			.index = i % size, .group_size = size, .engine = getpid(),
		};
	}
	*group += workers->count / size;
	return (int)workers->count;
}

static int plan_step(struct ktstr_engine *engine, struct ktstr_step_run *run, struct ktstr_err *err)
{
	uint32_t at = 0, group = 0;

	run->n_members = ktstr_guest_step_workers(run->step);
	run->members = calloc(run->n_members + 1, sizeof(*run->members));
	if (!run->members)
		return ktstr_err_nomem(err);
	for (uint32_t c = 0; c < run->step->n_cgroups; c++) {
		const struct ktstr_guest_cgroup *cgroup = &run->step->cgroups[c];

		for (uint32_t w = 0; w < cgroup->n_workers; w++) {
			int n = plan_members(engine, run, at, cgroup, &cgroup->workers[w], &group,
					     err);

			if (n < 0)
				return n;
			at += (uint32_t)n;
		}
	}
	return 0;
}

/* Hands out what follows the gate, of which `p` is the page: the memory of each group, then the
 * slots. With NULL it only counts. Returns the bytes of it all. */
static size_t lay_out(struct ktstr_step_run *run, char *p)
{
	size_t at = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < run->n_members; i++) {
		struct member *m = &run->members[i];

		if (p)
			m->job.shared = m->shared_bytes ? p + at : NULL;
		if (i + 1 == run->n_members || m[1].group != m->group)
			at += m->shared_bytes;
	}
	for (uint32_t i = 0; p && i < run->n_members; i++) {
		run->members[i].job.gate = (struct ktstr_gate *)p;
		run->members[i].job.slot = (struct ktstr_slot *)(p + at) + i;
	}
	return at + run->n_members * sizeof(struct ktstr_slot);
}

static int share_memory(struct ktstr_step_run *run, struct ktstr_err *err)
{
	char *p;

	run->shared_bytes = lay_out(run, NULL);
	p = mmap(NULL, run->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED)
		return ktstr_err_errno(err, errno, "mapping %zu bytes for %u workers",
				       run->shared_bytes, run->n_members);
	run->shared = p;
	run->gate = run->shared;
	lay_out(run, p);
	return 0;
}

static void some_ready(void *ctx, uint32_t events)
{
	struct ktstr_step_run *run = ctx;
	uint64_t n;

	(void)events;
	if (read(run->ready.fd, &n, sizeof(n)) == sizeof(n))
		run->n_ready += (uint32_t)n;
}

static int make_cgroups(struct ktstr_step_run *run, struct ktstr_err *err)
{
	for (; run->n_cgroups < run->step->n_cgroups; run->n_cgroups++) {
		int ret = ktstr_cgroup_create(KTSTR_CGROUP_ROOT,
					      run->step->cgroups[run->n_cgroups].name, err);

		if (ret)
			return ret;
	}
	return 0;
}

/* In the child: what belongs to the engine is closed, so that it ends when the engine does. */
__attribute__((noreturn))
static void child(struct ktstr_engine *engine, const struct ktstr_job *job)
{
	close(engine->agent.source.fd);
	close(engine->children.fd);
	close(engine->loop.epoll);
	ktstr_worker_main(job);
}

static int fork_members(struct ktstr_engine *engine, struct ktstr_step_run *run,
			struct ktstr_err *err)
{
	for (uint32_t i = 0; i < run->n_members; i++) {
		struct member *m = &run->members[i];
		int ret;

		m->job.ready_fd = run->ready.fd;
		m->pid = fork();
		if (m->pid < 0) {
			m->pid = 0;
			return ktstr_err_errno(err, errno, "forking worker %u of %u", i + 1,
					       run->n_members);
		}
		if (!m->pid)
			child(engine, &m->job);
		ret = ktstr_cgroup_add(KTSTR_CGROUP_ROOT, m->cgroup->name, m->pid, err);
		if (ret)
			return ret;
	}
	return 0;
}

static bool all_ready(struct ktstr_engine *engine)
{
	return engine->step->n_ready == engine->step->n_members || engine->step->n_ended;
}

static int wait_ready(struct ktstr_engine *engine, struct ktstr_step_run *run,
		      struct ktstr_err *err)
{
	uint64_t until = ktstr_now_ns() + scaled(engine, READY_NS);

	switch (ktstr_engine_wait(engine, all_ready, until, false)) {
	case KTSTR_WAIT_TIME:
		return ktstr_err_set(
			err, -ETIMEDOUT, "only %u of %u workers got as far as the start in %llu s",
			run->n_ready, run->n_members,
			(unsigned long long)(scaled(engine, READY_NS) / KTSTR_NSEC_PER_SEC));
	case KTSTR_WAIT_MET:
		if (run->n_ready < run->n_members)
			return ktstr_err_set(err, -ECHILD,
					     "step %u of %u could not start all its workers",
					     run->n, run->m);
		return 0;
	case KTSTR_WAIT_STOPPED:
		break;
	}
	return 0;
}

static int set_up(struct ktstr_engine *engine, struct ktstr_step_run *run, struct ktstr_err *err)
{
	int ret = plan_step(engine, run, err);

	if (!ret)
		ret = share_memory(run, err);
	if (ret)
		return ret;
	run->ready = (struct ktstr_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN,
		.ready = some_ready, .ctx = run,
	};
	if (run->ready.fd < 0)
		return ktstr_err_errno(err, errno, "eventfd");
	ret = ktstr_loop_watch(&engine->loop, &run->ready, err);
	if (!ret)
		ret = make_cgroups(run, err);
	if (!ret)
		ret = fork_members(engine, run, err);
	return ret ? ret : wait_ready(engine, run, err);
}

/* ---- hold ---- */

static void report_cgroups(struct ktstr_engine *engine, const struct ktstr_step_run *run)
{
	for (uint32_t c = 0; c < run->step->n_cgroups; c++) {
		struct ktstr_buf b = { 0 };
		uint64_t workers = 0;

		for (uint32_t i = 0; i < run->n_members; i++)
			workers += run->members[i].cgroup == &run->step->cgroups[c];
		ktstr_put_begin(&b);
		ktstr_put_str(&b, "name", run->step->cgroups[c].name);
		ktstr_put_u64(&b, "step", run->n);
		ktstr_put_u64(&b, "workers", workers);
		ktstr_report(&engine->agent, KTSTR_REC_CGROUP, 0, &b);
	}
}

static void report_edge(struct ktstr_engine *engine, const struct ktstr_step_run *run,
			const char *edge)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", run->n);
	ktstr_put_u64(&b, "m", run->m);
	ktstr_put_str(&b, "name", run->step->name[0] ? run->step->name : NULL);
	ktstr_put_str(&b, "edge", edge);
	ktstr_put_u64(&b, "cgroups", run->step->n_cgroups);
	ktstr_put_u64(&b, "workers", run->n_members);
	ktstr_report(&engine->agent, KTSTR_REC_STEP, 0, &b);
}

static bool none_left(struct ktstr_engine *engine)
{
	return engine->step->n_members && engine->step->n_ended == engine->step->n_members;
}

static void hold(struct ktstr_engine *engine, struct ktstr_step_run *run)
{
	report_cgroups(engine, run);
	report_edge(engine, run, "begin");
	ktstr_gate_open(run->gate);
	ktstr_engine_wait(engine, none_left, ktstr_now_ns() + run->step->hold_ns, false);
}

/* ---- collect ---- */

static void signal_members(struct ktstr_step_run *run, int signal)
{
	for (uint32_t i = 0; i < run->n_members; i++)
		if (run->members[i].pid && !run->members[i].ended)
			kill(run->members[i].pid, signal);
}

static bool all_forked_ended(struct ktstr_engine *engine)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; i < engine->step->n_members; i++)
		alive += engine->step->members[i].pid && !engine->step->members[i].ended;
	return !alive;
}

static void read_outside(struct member *m)
{
	char dir[32];

	if (m->job.slot->finished)
		return;
	snprintf(dir, sizeof(dir), "/proc/%d", m->pid);
	ktstr_counters_read(dir, &m->job.slot->end);
	ktstr_slot_close(m->job.slot, ktstr_now_ns());
}

/* Those that did not come back are killed, and that is a failure. */
static void kill_rest(struct ktstr_engine *engine, struct ktstr_step_run *run)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < run->n_members; i++) {
		struct member *m = &run->members[i];

		if (!m->pid || m->ended)
			continue;
		read_outside(m);
		m->killed = true;
		n++;
	}
	if (n) {
		struct ktstr_err err = KTSTR_ERR_INIT;

		ktstr_err_set(&err, -ETIMEDOUT,
			      "%u of %u workers did not come back after the step: killed", n,
			      run->n_members);
		ktstr_engine_fault(engine, "worker", &err);
	}
	signal_members(run, SIGKILL);
	ktstr_engine_wait(engine, all_forked_ended, ktstr_now_ns() + scaled(engine, KILL_NS), true);
}

static void bring_home(struct ktstr_engine *engine, struct ktstr_step_run *run)
{
	uint64_t until = ktstr_now_ns() + scaled(engine, COLLECT_NS);

	run->stopping = true;
	ktstr_gate_stop(run->gate);
	do {		/* a worker on its way into a system call misses a signal: nudge again */
		uint64_t nudge = ktstr_now_ns() + NUDGE_NS;

		signal_members(run, KTSTR_WORKER_SIGNAL);
		if (ktstr_engine_wait(engine, all_forked_ended, nudge < until ? nudge : until,
				      true) == KTSTR_WAIT_MET)
			return;
	} while (ktstr_now_ns() < until);
	kill_rest(engine, run);
}

static void report_member(struct ktstr_engine *engine, const struct member *m)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "cgroup", m->cgroup->name);
	ktstr_put_u64(&b, "group", m->group);
	ktstr_put_str(&b, "workload", m->job.name);
	ktstr_put_u64(&b, "pid", (uint64_t)m->pid);
	ktstr_slot_put(m->job.slot, &b);
	ktstr_put_bool(&b, "completed", m->job.slot->finished && m->ended &&
		       m->end.si_code == CLD_EXITED && !m->end.si_status);
	if (m->ended && m->end.si_code == CLD_EXITED)
		ktstr_put_s64(&b, "code", m->end.si_status);
	else if (m->ended)
		ktstr_put_u64(&b, "signal", (uint64_t)m->end.si_status);
	ktstr_report(&engine->agent, KTSTR_REC_WORKER, 0, &b);
}

static void collect(struct ktstr_engine *engine, struct ktstr_step_run *run)
{
	bring_home(engine, run);
	for (uint32_t i = 0; i < run->n_members; i++)
		report_member(engine, &run->members[i]);
	report_edge(engine, run, "end");
}

/* ---- the whole of it ---- */

static void tear_down(struct ktstr_engine *engine, struct ktstr_step_run *run)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (run->members && !all_forked_ended(engine)) {	/* set_up failed halfway */
		for (uint32_t i = 0; i < run->n_members; i++)
			run->members[i].killed = true;
		signal_members(run, SIGKILL);
		ktstr_engine_wait(engine, all_forked_ended,
				  ktstr_now_ns() + scaled(engine, KILL_NS), true);
	}
	while (run->n_cgroups)
		if (ktstr_cgroup_remove(KTSTR_CGROUP_ROOT,
					run->step->cgroups[--run->n_cgroups].name, &err))
			ktstr_engine_fault(engine, "cgroup", &err);
	ktstr_loop_forget(&engine->loop, &run->ready);
	if (run->shared)
		munmap(run->shared, run->shared_bytes);
	free(run->members);
}

int ktstr_step_carry_out(struct ktstr_engine *engine, const struct ktstr_guest_step *step,
			 uint32_t n, uint32_t m, struct ktstr_err *err)
{
	struct ktstr_step_run run = { .step = step, .n = n, .m = m, .ready.fd = -1 };
	int ret;

	engine->step = &run;
	ktstr_report_stage(&engine->agent, KTSTR_STAGE_STEP, n, m);
	ret = set_up(engine, &run, err);
	if (!ret && !engine->stopped)
		hold(engine, &run);
	if (!ret)
		collect(engine, &run);
	tear_down(engine, &run);
	engine->step = NULL;
	return ret;
}

static struct member *find_member(struct ktstr_step_run *run, pid_t pid)
{
	for (uint32_t i = 0; run && i < run->n_members; i++)
		if (run->members[i].pid == pid)
			return &run->members[i];
	return NULL;
}

void ktstr_step_ended(struct ktstr_engine *engine, const siginfo_t *info)
{
	struct ktstr_step_run *run = engine->step;
	struct member *m = find_member(run, info->si_pid);
	struct ktstr_err err = KTSTR_ERR_INIT;
	char end[64];

	if (!m)
		return;
	read_outside(m);
	m->ended = true;
	m->end = *info;
	run->n_ended++;
	if (m->killed || (run->stopping && info->si_code == CLD_EXITED && !info->si_status))
		return;
	ktstr_child_end_format(info, end, sizeof(end));
	ktstr_err_set(&err, -ECHILD, "a %s worker in cgroup %s (pid %d) %s%s%s", m->job.name,
		      m->cgroup->name, m->pid, end, m->job.slot->error[0] ? ": " : "",
		      m->job.slot->error);
	ktstr_engine_fault(engine, "worker", &err);
}
