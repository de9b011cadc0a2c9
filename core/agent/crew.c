/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/crew.h"

#include "agent/cgroup.h"
#include "agent/group.h"
#include "agent/policy.h"
#include "agent/report.h"
#include "agent/spawn.h"
#include "agent/worker.h"
#include "base/clock.h"

#include <sys/mman.h>
#include <unistd.h>

#define READY_NS (10 * KTSTR_NSEC_PER_SEC)	/* these three grow with the plan's slowness */
#define COLLECT_NS (5 * KTSTR_NSEC_PER_SEC)
#define KILL_NS (5 * KTSTR_NSEC_PER_SEC)
#define NUDGE_NS (50 * KTSTR_NSEC_PER_MSEC)

struct member {
	struct ktstr_job job;
	const struct ktstr_guest_workers *workers;
	uint32_t number;		/* among those of its entry */
	uint32_t group;			/* number of its group in the scenario */
	size_t shared_bytes;		/* of its group */
	pid_t pid;			/* 0: not forked */
	bool ended, killed;		/* killed: by us, because it did not come back */
	bool bound;			/* since its start, by an operation */
	siginfo_t end;
};

struct ktstr_crew {
	struct ktstr_crew *next;
	const struct ktstr_guest_cgroup *cgroup;
	const char *where;		/* the cgroup that they are in by now, "" for none */
	uint32_t step;
	struct member *members;
	uint32_t n_members, n_ended;
	void *shared;			/* gate, memory of groups, slots */
	size_t shared_bytes;
	struct ktstr_gate *gate;
	uint64_t open_ns, stop_ns;	/* when its gate was opened, and said stop */
	bool open, stopping;
};

static uint64_t scaled(const struct ktstr_engine *engine, uint64_t ns)
{
	return ns * engine->plan->slowness;
}

/* ---- set up ---- */

/* Fills in the jobs of one workers entry, from member `first` on. */
static int plan_members(struct ktstr_engine *engine, struct ktstr_crew *crew, uint32_t first,
			const struct ktstr_guest_workers *workers, struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops;
	int ret = ktstr_workloads_get(&engine->workloads, workers, &ops, err);
	unsigned size;

	if (ret)
		return ret;
	size = ktstr_workload_group(ops, workers->values);
	for (uint32_t i = 0; i < workers->count; i++) {
		struct member *m = &crew->members[first + i];

		m->workers = workers;
		m->number = i;
		m->group = engine->next_group + i / size;
		m->shared_bytes = ktstr_workload_shared(ops, workers->values);
		m->job = (struct ktstr_job){
			.ops = ops, .values = workers->values, .name = workers->plugin,
			.index = i % size, .group_size = size, .engine = getpid(),
			.ready_fd = engine->ready.fd,
			.map = engine->map.nodes > 1 ? &engine->map : NULL,
			.memory = &workers->placement.memory,
		};
	}
	engine->next_group += workers->count / size;
	return 0;
}

static int plan_crew(struct ktstr_engine *engine, struct ktstr_crew *crew, struct ktstr_err *err)
{
	uint32_t at = 0, n = ktstr_guest_cgroup_workers(crew->cgroup);

	crew->members = calloc(n, sizeof(*crew->members));
	if (!crew->members)
		return ktstr_err_nomem(err);
	crew->n_members = n;
	for (uint32_t w = 0; w < crew->cgroup->n_workers; w++) {
		int ret = plan_members(engine, crew, at, &crew->cgroup->workers[w], err);

		if (ret)
			return ret;
		at += crew->cgroup->workers[w].count;
	}
	return 0;
}

/* Hands out what follows the gate, of which `p` is the page: the memory of each group, then the
 * slots. With NULL it only counts. Returns the bytes of it all. */
static size_t lay_out(struct ktstr_crew *crew, char *p)
{
	size_t at = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < crew->n_members; i++) {
		struct member *m = &crew->members[i];

		if (p)
			m->job.shared = m->shared_bytes ? p + at : NULL;
		if (i + 1 == crew->n_members || m[1].group != m->group)
			at += m->shared_bytes;
	}
	for (uint32_t i = 0; p && i < crew->n_members; i++) {
		crew->members[i].job.gate = (struct ktstr_gate *)p;
		crew->members[i].job.slot = (struct ktstr_slot *)(p + at) + i;
	}
	return at + crew->n_members * sizeof(struct ktstr_slot);
}

static int share_memory(struct ktstr_crew *crew, struct ktstr_err *err)
{
	char *p;

	crew->shared_bytes = lay_out(crew, NULL);
	p = mmap(NULL, crew->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED)
		return ktstr_err_errno(err, errno, "mapping %zu bytes for %u workers",
				       crew->shared_bytes, crew->n_members);
	crew->shared = p;
	crew->gate = crew->shared;
	lay_out(crew, p);
	return 0;
}

/* In the child: what belongs to the engine is closed, so that it ends when the engine does. */
static void leave_engine(struct ktstr_engine *engine)
{
	close(engine->agent.source.fd);
	close(engine->children.fd);
	close(engine->loop.epoll);
	ktstr_oom_adjust("0");
}

/* In the child: its cgroup first, whose CPUs are what it can be bound to, then the rest. */
static int take_place(const struct ktstr_engine *engine, const struct ktstr_crew *crew,
		      const struct member *m, struct ktstr_err *err)
{
	const struct ktstr_placement *placement = &m->workers->placement;
	bool bound = placement->affinity.kind != KTSTR_AFFINITY_INHERIT;
	struct ktstr_cpu_mask pool, cpus;
	int ret = 0;

	if (*crew->where)
		ret = ktstr_cgroup_add(KTSTR_CGROUP_ROOT, crew->where, getpid(), err);
	if (!ret && bound)
		ret = ktstr_cgroup_cpus(KTSTR_CGROUP_ROOT, crew->where, &pool, err);
	if (!ret && bound)
		ret = ktstr_affinity_resolve(&placement->affinity, &engine->map, &pool, m->number,
					     &cpus, err);
	return ret ? ret : ktstr_policy_apply(placement, bound ? &cpus : NULL, err);
}

__attribute__((noreturn))
static void child(struct ktstr_engine *engine, const struct ktstr_crew *crew,
		  const struct member *m)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	leave_engine(engine);
	if (take_place(engine, crew, m, &err)) {
		snprintf(m->job.slot->error, sizeof(m->job.slot->error), "%s", err.msg);
		_exit(1);
	}
	ktstr_worker_main(&m->job);
}

static int fork_members(struct ktstr_engine *engine, struct ktstr_crew *crew, struct ktstr_err *err)
{
	for (uint32_t i = 0; i < crew->n_members; i++) {
		struct member *m = &crew->members[i];

		m->pid = fork();
		if (m->pid < 0) {
			m->pid = 0;
			return ktstr_err_errno(err, errno, "forking worker %u of %u of cgroup %s",
					       i + 1, crew->n_members, crew->cgroup->name);
		}
		if (!m->pid)
			child(engine, crew, m);
		engine->n_awaited++;
	}
	/* Later workers have no use for it, and each mapping makes each of their forks slower. */
	madvise(crew->shared, crew->shared_bytes, MADV_DONTFORK);
	return 0;
}

int ktstr_crew_start(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		     uint32_t step, struct ktstr_err *err)
{
	struct ktstr_crew *crew, **end = &engine->crews;
	int ret;

	if (!ktstr_guest_cgroup_workers(cgroup))
		return 0;
	crew = calloc(1, sizeof(*crew));
	if (!crew)
		return ktstr_err_nomem(err);
	crew->cgroup = cgroup;
	crew->where = cgroup->name;
	crew->step = step;
	while (*end)
		end = &(*end)->next;
	*end = crew;		/* from here on it is ended with its step */
	ret = plan_crew(engine, crew, err);
	if (!ret)
		ret = share_memory(crew, err);
	return ret ? ret : fork_members(engine, crew, err);
}

/* ---- the start ---- */

static bool all_ready(struct ktstr_engine *engine)
{
	return engine->n_ready == engine->n_awaited || engine->failed;
}

int ktstr_crews_wait_ready(struct ktstr_engine *engine, struct ktstr_err *err)
{
	uint64_t until = ktstr_now_ns() + scaled(engine, READY_NS);

	if (ktstr_engine_wait(engine, all_ready, until, false) == KTSTR_WAIT_TIME)
		return ktstr_err_set(
			err, -ETIMEDOUT, "only %u of %u workers got as far as the start in %llu s",
			engine->n_ready, engine->n_awaited,
			(unsigned long long)(scaled(engine, READY_NS) / KTSTR_NSEC_PER_SEC));
	return 0;
}

void ktstr_crews_open(struct ktstr_engine *engine)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (!crew->open && crew->gate) {
			crew->open_ns = ktstr_now_ns();
			ktstr_gate_open(crew->gate);
			crew->open = true;
		}
	engine->n_ready = engine->n_awaited = 0;
}

/* ---- the end ---- */

/* Those that are being brought home. */
static void signal_stopping(struct ktstr_engine *engine, int signal)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; crew->stopping && i < crew->n_members; i++)
			if (crew->members[i].pid && !crew->members[i].ended)
				kill(crew->members[i].pid, signal);
}

static bool all_home(struct ktstr_engine *engine)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; crew->stopping && i < crew->n_members; i++)
			if (crew->members[i].pid && !crew->members[i].ended)
				return false;
	return true;
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

static uint32_t mark_killed(struct ktstr_crew *crew)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < crew->n_members; i++) {
		struct member *m = &crew->members[i];

		if (!m->pid || m->ended)
			continue;
		read_outside(m);
		m->killed = true;
		n++;
	}
	return n;
}

/* Those that did not come back are killed; a failure, unless their gate never opened. */
static void kill_rest(struct ktstr_engine *engine)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t late = 0, all = 0;

	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (crew->stopping) {
			uint32_t n = mark_killed(crew);

			late += crew->open ? n : 0;
			all += crew->n_members;
		}
	if (late) {
		ktstr_err_set(&err, -ETIMEDOUT,
			      "%u of %u workers did not come back after the step: killed", late,
			      all);
		ktstr_engine_fault(engine, "worker", &err);
	}
	signal_stopping(engine, SIGKILL);
	ktstr_engine_wait(engine, all_home, ktstr_now_ns() + scaled(engine, KILL_NS), true);
}

static bool any_open(const struct ktstr_engine *engine)
{
	for (const struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (crew->stopping && crew->open)
			return true;
	return false;
}

/* Workers whose gate never opened have nothing to tell: they are not waited for. */
static void bring_home(struct ktstr_engine *engine)
{
	uint64_t until = ktstr_now_ns() + (any_open(engine) ? scaled(engine, COLLECT_NS) : 0);

	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (crew->stopping && crew->gate) {
			crew->stop_ns = ktstr_now_ns();
			ktstr_gate_stop(crew->gate);
		}
	while (ktstr_now_ns() < until) {
		/* One on its way into a system call misses a signal: nudge again. */
		uint64_t nudge = ktstr_now_ns() + NUDGE_NS;

		signal_stopping(engine, KTSTR_WORKER_SIGNAL);
		if (ktstr_engine_wait(engine, all_home, nudge < until ? nudge : until, true) ==
		    KTSTR_WAIT_MET)
			return;
	}
	if (!all_home(engine))
		kill_rest(engine);
}

static void report_member(struct ktstr_engine *engine, const struct ktstr_crew *crew,
			  const struct member *m)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "cgroup", *crew->cgroup->name ? crew->cgroup->name : "/");
	ktstr_put_u64(&b, "group", m->group);
	ktstr_put_str(&b, "workload", m->job.name);
	ktstr_put_u64(&b, "pid", (uint64_t)m->pid);
	ktstr_put_u64(&b, "step", crew->step);
	ktstr_put_u64(&b, "open_ns", crew->stop_ns - crew->open_ns);
	ktstr_slot_put(m->job.slot, &b);
	ktstr_put_bool(&b, "completed", m->job.slot->finished && m->ended &&
		       m->end.si_code == CLD_EXITED && !m->end.si_status);
	if (m->ended && m->end.si_code == CLD_EXITED)
		ktstr_put_s64(&b, "code", m->end.si_status);
	else if (m->ended)
		ktstr_put_u64(&b, "signal", (uint64_t)m->end.si_status);
	ktstr_report(&engine->agent, KTSTR_REC_WORKER, 0, &b);
}

static void crew_free(struct ktstr_crew *crew)
{
	if (crew->shared)
		munmap(crew->shared, crew->shared_bytes);
	free(crew->members);
	free(crew);
}

/* Those that never started are not told of: nobody would know what to make of their zeroes. */
static uint32_t report_crew(struct ktstr_engine *engine, const struct ktstr_crew *crew)
{
	for (uint32_t i = 0; crew->open && i < crew->n_members; i++) {
		report_member(engine, crew, &crew->members[i]);
		engine->past_iterations += crew->members[i].job.slot->iterations;
	}
	return crew->n_members;
}

static void end_stopping(struct ktstr_engine *engine, uint32_t *ret_workers)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (crew->stopping && ktstr_group_wake(engine, crew->where, &err))
			ktstr_engine_fault(engine, "cgroup", &err);
	bring_home(engine);
	*ret_workers = 0;
	for (struct ktstr_crew **at = &engine->crews; *at;) {
		struct ktstr_crew *crew = *at;

		if (!crew->stopping) {
			at = &crew->next;
			continue;
		}
		*ret_workers += report_crew(engine, crew);
		*at = crew->next;
		crew_free(crew);
	}
}

void ktstr_crews_end_step(struct ktstr_engine *engine, uint32_t step, uint32_t *ret_workers)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		crew->stopping = crew->step == step;
	end_stopping(engine, ret_workers);
}

void ktstr_crews_end_in(struct ktstr_engine *engine, const char *cgroup, uint32_t *ret_workers)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		crew->stopping = !strcmp(crew->where, cgroup);
	end_stopping(engine, ret_workers);
}

/* ---- meanwhile ---- */

int ktstr_crews_bind(struct ktstr_engine *engine, const char *cgroup,
		     const struct ktstr_affinity *affinity, uint32_t *ret_workers,
		     struct ktstr_err *err)
{
	struct ktstr_cpu_mask pool, cpus;
	int ret = ktstr_cgroup_cpus(KTSTR_CGROUP_ROOT, cgroup, &pool, err);

	*ret_workers = 0;
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; !ret && i < crew->n_members; i++) {
			if (strcmp(crew->where, cgroup) || crew->members[i].ended)
				continue;
			if (affinity->kind == KTSTR_AFFINITY_INHERIT)
				cpus = pool;
			else
				ret = ktstr_affinity_resolve(affinity, &engine->map, &pool,
							     *ret_workers, &cpus, err);
			if (!ret)
				ret = ktstr_policy_bind(crew->members[i].pid, &cpus, err);
			*ret_workers += !ret;
			crew->members[i].bound |= !ret && affinity->kind != KTSTR_AFFINITY_INHERIT;
		}
	return ret;
}

bool ktstr_crews_bound(const struct ktstr_engine *engine, const char *cgroup)
{
	for (const struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; i < crew->n_members && !strcmp(crew->where, cgroup); i++) {
			const struct member *m = &crew->members[i];

			if (!m->ended && (m->bound || m->workers->placement.affinity.kind !=
					  KTSTR_AFFINITY_INHERIT))
				return true;
		}
	return false;
}

void ktstr_crews_moved(struct ktstr_engine *engine, const char *from, const char *to)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (!strcmp(crew->where, from))
			crew->where = to;
}

uint32_t ktstr_crews_count(const struct ktstr_engine *engine, const char *cgroup)
{
	uint32_t n = 0;

	for (const struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		if (!cgroup || !strcmp(crew->where, cgroup))
			n += crew->n_members - crew->n_ended;
	return n;
}

uint64_t ktstr_crews_iterations(const struct ktstr_engine *engine)
{
	uint64_t n = engine->past_iterations;

	for (const struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; crew->open && i < crew->n_members; i++)
			n += __atomic_load_n(&crew->members[i].job.slot->iterations,
					     __ATOMIC_RELAXED);
	return n;
}

static struct member *find_member(struct ktstr_engine *engine, pid_t pid,
				  struct ktstr_crew **ret_crew)
{
	for (struct ktstr_crew *crew = engine->crews; crew; crew = crew->next)
		for (uint32_t i = 0; i < crew->n_members; i++)
			if (crew->members[i].pid == pid && !crew->members[i].ended) {
				*ret_crew = crew;
				return &crew->members[i];
			}
	return NULL;
}

void ktstr_crews_child(struct ktstr_engine *engine, const siginfo_t *info)
{
	struct ktstr_crew *crew;
	struct member *m = find_member(engine, info->si_pid, &crew);
	struct ktstr_err err = KTSTR_ERR_INIT;
	char end[64];

	if (!m)
		return;
	read_outside(m);
	m->ended = true;
	m->end = *info;
	crew->n_ended++;
	if (m->killed || (crew->stopping && info->si_code == CLD_EXITED && !info->si_status))
		return;
	ktstr_child_end_format(info, end, sizeof(end));
	ktstr_err_set(&err, -ECHILD, "a %s worker in cgroup %s (pid %d) %s%s%s%s", m->job.name,
		      *crew->where ? crew->where : "/", m->pid, end,
		      m->job.slot->error[0] ? ": " : "", m->job.slot->error,
		      info->si_code != CLD_EXITED && ktstr_group_out_of_memory(crew->where) ?
		      ": its cgroup is out of memory" : "");
	ktstr_engine_fault(engine, "worker", &err);
}
