/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that forks a child, which computes and exits, and waits for it: many new tasks. The
 * child's CPU time is its own, not the worker's.
 */
#include <ktstr/workload.h>

#include <sys/wait.h>
#include <unistd.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "by each child"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
};

static size_t fork_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(uint64_t);	/* when the child went */
}

__attribute__((noreturn))
static void child(const struct ktstr_workload *w, const struct ktstr_worker *worker)
{
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	*(uint64_t *)worker->shared = ktstr_worker_now_ns();
	_exit(0);
}

/* Always to its end, which is near: a child left behind would be somebody else's. */
static int wait_for(pid_t pid, struct ktstr_worker *worker, struct ktstr_err *err)
{
	const volatile uint64_t *gone_ns = worker->shared;
	int status;
	pid_t ret;

	worker->block(worker);
	do
		ret = waitpid(pid, &status, 0);
	while (ret < 0 && errno == EINTR);
	worker->unblock(worker, *gone_ns);
	if (ret < 0)
		return ktstr_err_errno(err, errno, "waiting for child %d", pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return ktstr_err_set(err, -ECHILD, "child %d did not exit by itself (status %#x)",
				     pid, (unsigned)status);
	return 0;
}

static int fork_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	pid_t pid = fork();

	if (!pid)
		child(w, worker);
	if (pid < 0)
		return ktstr_err_errno(err, errno, "forking a child");
	return wait_for(pid, worker, err);
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = fork_iterate,
	.destroy = state_destroy,
	.shared_bytes = fork_shared_bytes,
};

KTSTR_DEFINE_WORKLOAD("fork-exit", PLUGIN_VERSION, "forks children that compute a little and exit",
		      params, ops);
