/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A workload for the bench: in its one iteration it starts `count` processes as barely as can be,
 * which is to fork each, to move it into a cgroup, and to wait until all of them have come as far
 * as reading from a pipe. How long that took is its metric "took".
 */
#include <ktstr/workload.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP "/sys/fs/cgroup/bench-fork"

enum { P_COUNT };

static const struct ktstr_param params[] = {
	[P_COUNT] = {
		.name = "processes", .type = KTSTR_PARAM_UINT, .def = "1000", .min = 1,
		.max = 10000, .help = "how many it starts",
	},
};

struct ktstr_workload {
	const struct ktstr_value *values;
	bool done;
	int ready, gate[2];
};

__attribute__((noreturn))
static void child(const struct ktstr_workload *w)
{
	const uint64_t one = 1;
	char byte;

	if (write(w->ready, &one, sizeof(one)) != sizeof(one))
		_exit(1);
	close(w->gate[1]);
	_exit(read(w->gate[0], &byte, 1) < 0);
}

static int move(pid_t pid)
{
	char text[16];
	int fd = open(GROUP "/cgroup.procs", O_WRONLY), len;
	ssize_t n;

	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d", pid);
	n = write(fd, text, (size_t)len);
	close(fd);
	return n == len ? 0 : -EIO;
}

static int start_all(struct ktstr_workload *w, struct ktstr_err *err)
{
	uint64_t count = w->values[P_COUNT].u64, ready = 0, n;

	for (uint64_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid)
			child(w);
		if (pid < 0 || move(pid))
			return ktstr_err_errno(err, errno, "process %llu",
					       (unsigned long long)i + 1);
	}
	while (ready < count) {
		if (read(w->ready, &n, sizeof(n)) != sizeof(n)) {
			if (errno == EINTR)	/* it goes on, whatever the step does */
				continue;
			return ktstr_err_errno(err, errno, "waiting for all to be there");
		}
		ready += n;
	}
	return 0;
}

static int bench_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker;
	w->ready = eventfd(0, 0);
	if (w->ready < 0 || pipe(w->gate))
		return ktstr_err_errno(err, errno, "descriptors");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		return ktstr_err_errno(err, errno, "creating " GROUP);
	return 0;
}

static int bench_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	uint64_t begin = ktstr_worker_now_ns();
	int ret;

	if (w->done) {
		worker->sleep(worker, 1000000000);
		return 0;
	}
	w->done = true;
	ret = start_all(w, err);
	worker->metric(worker, "took", "ns", (double)(ktstr_worker_now_ns() - begin));
	close(w->gate[1]);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return ret;
}

static void bench_deinit(struct ktstr_workload *w)
{
	(void)w;
	rmdir(GROUP);
}

KTSTR_DEFINE_STATE(bench_init, bench_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = bench_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("bench-fork", PLUGIN_VERSION, "forks many, moves each, waits for all", params,
		      ops);
