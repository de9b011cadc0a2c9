/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads: a group of workers for a moment, on this host. */
#include "sdk/conform-internal.h"

#include "base/clock.h"

#include <ktstr/workload.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP_MAX 256
#define RUN_NS (200 * KTSTR_NSEC_PER_MSEC)	/* a step */

/* In memory of all workers. */
struct group {
	bool over;			/* the step is */
	uint64_t iterations[GROUP_MAX];
	struct ktstr_err errs[GROUP_MAX];	/* what was wrong, code 0: nothing */
};

struct worker {
	struct ktstr_worker worker;
	struct group *group;
	unsigned waits;			/* block() without its unblock() */
	char wrong[128];		/* a rule that it broke */
};

static const struct ktstr_workload_ops *ops_of(const struct conform *c)
{
	return c->plugin->ops;
}

/* ---- a worker's services ---- */

static bool running(const struct ktstr_worker *worker)
{
	const struct worker *w = worker->ctx;

	return !__atomic_load_n(&w->group->over, __ATOMIC_RELAXED);
}

static void sleep_ns(struct ktstr_worker *worker, uint64_t ns)
{
	struct worker *w = worker->ctx;
	struct timespec ts = { (time_t)(ns / KTSTR_NSEC_PER_SEC), (long)(ns % KTSTR_NSEC_PER_SEC) };

	if (w->waits)
		snprintf(w->wrong, sizeof(w->wrong), "sleep() between block() and unblock()");
	if (running(worker))
		nanosleep(&ts, NULL);
}

static void metric(struct ktstr_worker *worker, const char *name, const char *unit, double value)
{
	struct worker *w = worker->ctx;

	(void)unit, (void)value;
	if (!name || !*name)
		snprintf(w->wrong, sizeof(w->wrong), "metric() without a name");
}

static void block(struct ktstr_worker *worker)
{
	struct worker *w = worker->ctx;

	if (w->waits++)
		snprintf(w->wrong, sizeof(w->wrong), "block() twice without unblock()");
}

static void unblock(struct ktstr_worker *worker, uint64_t woken_ns)
{
	struct worker *w = worker->ctx;

	(void)woken_ns;
	if (!w->waits)
		snprintf(w->wrong, sizeof(w->wrong), "unblock() without block()");
	else
		w->waits--;
}

static void worker_init(struct worker *w, struct group *group, unsigned index, unsigned size, void *shared)
{
	*w = (struct worker){ .group = group };
	w->worker = (struct ktstr_worker){
		.size = sizeof(w->worker), .ctx = w, .index = index, .group_size = size, .shared = shared,
		.running = running, .sleep = sleep_ns, .metric = metric, .block = block, .unblock = unblock,
	};
}

/* ---- a group ---- */

static unsigned group_size(const struct conform *c)
{
	unsigned (*op)(const struct ktstr_value *) =
		KTSTR_OP(c->plugin->ops, struct ktstr_workload_ops, group_size);

	return op ? op(c->values) : 1;
}

static size_t shared_bytes(const struct conform *c)
{
	size_t (*op)(const struct ktstr_value *) =
		KTSTR_OP(c->plugin->ops, struct ktstr_workload_ops, shared_bytes);

	return op ? op(c->values) : group_size(c) > 1 ? KTSTR_WORKLOAD_SHARED : 0;
}

static void *map_shared(size_t bytes)
{
	void *p = bytes ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : NULL;

	return p == MAP_FAILED ? NULL : p;
}

static void nudged(int signal)
{
	(void)signal;	/* interrupts the system call that the worker waits in */
}

/* A negative errno when the workload failed or broke a rule. */
static int work(struct conform *c, struct worker *w, struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops = ops_of(c);
	struct ktstr_workload *workload = NULL;
	int ret = ops->create(&w->worker, c->values, &workload, err);

	if (ret)
		return conform_explained("create()", ret, err) ? err->code : ret;
	while (running(&w->worker) && !ret) {
		ret = ops->iterate(workload, &w->worker, err);
		w->group->iterations[w->worker.index]++;
	}
	if (ret && conform_explained("iterate()", ret, err))
		ret = err->code;
	ops->destroy(workload);
	if (!ret && *w->wrong)
		ret = ktstr_err_set(err, -EINVAL, "%s", w->wrong);
	return ret;
}

__attribute__((noreturn))
static void worker_main(struct conform *c, struct group *group, unsigned index, unsigned size, void *shared)
{
	struct sigaction nudge = { .sa_handler = nudged };	/* no SA_RESTART */
	struct worker w;

	sigaction(SIGALRM, &nudge, NULL);
	worker_init(&w, group, index, size, shared);
	group->errs[index].code = work(c, &w, &group->errs[index]);
	/* one that fails must not leave the others waiting for it */
	if (group->errs[index].code)
		__atomic_store_n(&group->over, true, __ATOMIC_RELAXED);
	_exit(0);
}

/* Waits for the workers, which are nudged once the step is over. How many did not end, or crashed. */
static unsigned reap(const struct conform *c, struct group *group, pid_t *pids, unsigned n,
		     struct ktstr_err *err)
{
	uint64_t start = ktstr_now_ns();
	const struct timespec pause = { 0, 5 * KTSTR_NSEC_PER_MSEC };
	unsigned left = n, wrong = 0;

	while (left) {
		uint64_t now = ktstr_now_ns();
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			left--;
			if (WIFSIGNALED(status) && !wrong++)
				ktstr_err_set(err, -EINVAL, "a worker crashed (signal %d, %s)",
					      WTERMSIG(status), strsignal(WTERMSIG(status)));
			for (unsigned i = 0; i < n; i++)
				pids[i] = pids[i] == pid ? 0 : pids[i];
			continue;
		}
		if (now - start > RUN_NS)
			__atomic_store_n(&group->over, true, __ATOMIC_RELAXED);
		if (now - start > c->limit_ns / 2)
			break;
		for (unsigned i = 0; i < n; i++)
			if (pids[i] > 0 && __atomic_load_n(&group->over, __ATOMIC_RELAXED))
				kill(pids[i], SIGALRM);
		nanosleep(&pause, NULL);
	}
	if (left && !wrong)
		ktstr_err_set(err, -EINVAL, "%u of %u workers did not end when the step did", left, n);
	return wrong + left;
}

static int run_group(struct conform *c, struct group *group, void *shared, struct ktstr_err *err)
{
	unsigned n = group_size(c);
	pid_t pids[GROUP_MAX] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i])
			worker_main(c, group, i, n, shared);
		if (pids[i] < 0)
			return ktstr_err_errno(err, errno, "fork");
	}
	if (reap(c, group, pids, n, err))
		return err->code;
	for (unsigned i = 0; i < n; i++)
		if (group->errs[i].code) {
			*err = group->errs[i];
			return err->code;
		}
	return 0;
}

/* ---- the checks ---- */

static int describes(struct conform *c, struct ktstr_err *err)
{
	int (*check)(const struct ktstr_value *, struct ktstr_err *) =
		KTSTR_OP(c->plugin->ops, struct ktstr_workload_ops, check);
	const char *(*role)(const struct ktstr_value *, unsigned) =
		KTSTR_OP(c->plugin->ops, struct ktstr_workload_ops, role);
	unsigned n;

	conform_doing(c, "check(), group_size(), shared_bytes() and role()");
	if (check && check(c->values, err))
		return ktstr_err_prefix(err, "check() refuses the defaults");
	n = group_size(c);
	if (!n || n > GROUP_MAX)
		return ktstr_err_set(err, -EINVAL, "group_size() says %u by default, 1 to %u can be "
				     "used", n, GROUP_MAX);
	for (unsigned i = 0; role && i < n; i++) {
		const char *name = role(c->values, i);

		if (name && (!*name || strlen(name) > 23))
			return ktstr_err_set(err, -EINVAL, "role() of member %u has %zu bytes, 1 to 23 are "
					     "shown", i, strlen(name));
	}
	if (shared_bytes(c) > (1ull << 30))
		return ktstr_err_set(err, -EINVAL, "shared_bytes() says %zu", shared_bytes(c));
	return CONFORM_OK;
}

/* Not every host lets everybody do everything: what the kernel refuses is no fault of the plugin. */
static int lacks(int ret)
{
	if (ret != -EPERM && ret != -EACCES && ret != -ENOSYS && ret != -EOPNOTSUPP && ret != -ENOENT)
		return ret;
	return CONFORM_SKIPPED;
}

static int works(struct conform *c, struct ktstr_err *err)
{
	int (*available)(const struct ktstr_value *, struct ktstr_err *) =
		KTSTR_OP(c->plugin->ops, struct ktstr_workload_ops, available);
	struct group *group = map_shared(sizeof(*group));
	void *shared = map_shared(shared_bytes(c));
	int ret;

	if (!group || (!shared && shared_bytes(c)))
		return ktstr_err_nomem(err);
	conform_doing(c, "its workers' work");
	if (available && (ret = available(c->values, err)))
		return conform_explained("available()", ret, err) ? err->code : CONFORM_SKIPPED;
	ret = run_group(c, group, shared, err);
	if (ret)
		return lacks(ret);
	for (unsigned i = 0; i < group_size(c); i++)
		if (!group->iterations[i])
			return ktstr_err_set(err, -EINVAL, "worker %u of %u did nothing", i, group_size(c));
	return CONFORM_OK;
}

/* A worker that comes when the step is over already: made, and taken apart. */
static int one_life(struct conform *c, struct ktstr_err *err)
{
	static struct group group = { .over = true };
	const struct ktstr_workload_ops *ops = ops_of(c);
	size_t bytes = shared_bytes(c);
	void *shared = map_shared(bytes);
	struct ktstr_workload *workload = NULL;
	struct worker w;
	int ret;

	worker_init(&w, &group, 0, group_size(c), shared);
	ret = ops->create(&w.worker, c->values, &workload, err);
	if (!ret)
		ops->destroy(workload);
	if (shared)
		munmap(shared, bytes);
	return ret;
}

static int leaks(struct conform *c, struct ktstr_err *err)
{
	return conform_leaks_nothing(c, one_life, err);
}

static int no_memory(struct conform *c, struct ktstr_err *err)
{
	return conform_survives(c, one_life, err);
}

const struct conform_check conform_workload_checks[] = {
	{ "describes a group that can be", describes },
	{ "works until the step is over, and no longer", works },
	{ "leaks nothing", leaks },
	{ "stands it when memory runs out", no_memory },
	{ 0 },
};
