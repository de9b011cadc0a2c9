/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/proc.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* In the child: wires the three standard descriptors and becomes the program. */
static void child_exec(const char *const *argv, int out, int errout, int exec_fail, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	int saved;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 &&
	    dup2(errout, 2) >= 0)
		execvp(argv[0], (char *const *)argv);
	saved = errno;
	if (write(exec_fail, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

/* What a program writes, from both pipes. */
struct output {
	int fds[2];
	struct ktstr_buf *bufs[2];
	struct ktstr_lines lines;	/* of the first */
	const struct ktstr_run_watch *watch;
};

static void take(struct output *o, struct pollfd *p, int i)
{
	char chunk[16384];
	ssize_t n = read(p->fd, chunk, sizeof(chunk));

	if (n <= 0) {
		if (!n || errno != EINTR)
			p->fd = -1;
		return;
	}
	ktstr_buf_add(o->bufs[i], chunk, (size_t)n);
	if (!i && o->watch->line)
		ktstr_lines_add(&o->lines, chunk, (size_t)n, o->watch->line, o->watch->ctx);
}

/* Reads both pipes until both have ended. -EINTR when it was stopped. */
static int collect(struct output *o)
{
	struct pollfd p[3] = { { o->fds[0], POLLIN, 0 }, { o->fds[1], POLLIN, 0 },
			       { o->watch->stop_fd, POLLIN, 0 } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 3, -1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (p[2].revents)
			return -EINTR;
		for (int i = 0; i < 2; i++)
			if (p[i].fd >= 0 && p[i].revents)
				take(o, &p[i], i);
	}
	return o->bufs[0]->failed || o->bufs[1]->failed ? -ENOMEM : 0;
}

/* As collect(), and the program does not go on without us. */
static int collect_all(struct output *o, pid_t pid)
{
	int r = collect(o);

	if (r)
		kill(pid, SIGKILL);
	else if (o->watch->line)
		ktstr_lines_flush(&o->lines, o->watch->line, o->watch->ctx);
	ktstr_lines_deinit(&o->lines);
	return r;
}

static void close_pair(int fds[2])
{
	ktstr_cleanup_close(&fds[0]);
	ktstr_cleanup_close(&fds[1]);
}

int ktstr_run_watched(const char *const *argv, const struct ktstr_run_watch *watch,
		      struct ktstr_buf *ret_out, struct ktstr_buf *ret_errout, struct ktstr_err *err)
{
	int out[2] = { -1, -1 }, errout[2] = { -1, -1 }, fail[2] = { -1, -1 };
	struct ktstr_buf ignored = { 0 };
	struct output output = { .watch = watch };
	pid_t parent = getpid(), pid;
	int status = 0, exec_errno = 0, ret;

	if (pipe2(out, O_CLOEXEC) || pipe2(errout, O_CLOEXEC) || pipe2(fail, O_CLOEXEC)) {
		ret = ktstr_err_errno(err, errno, "pipe for %s", argv[0]);
		goto out;
	}
	pid = fork();
	if (pid < 0) {
		ret = ktstr_err_errno(err, errno, "fork for %s", argv[0]);
		goto out;
	}
	if (!pid)
		child_exec(argv, ret_out ? out[1] : 2, ret_errout ? errout[1] : 2, fail[1], parent);
	ktstr_cleanup_close(&out[1]);
	ktstr_cleanup_close(&errout[1]);
	ktstr_cleanup_close(&fail[1]);
	out[1] = errout[1] = fail[1] = -1;
	output.fds[0] = out[0];
	output.fds[1] = errout[0];
	output.bufs[0] = ret_out ? ret_out : &ignored;
	output.bufs[1] = ret_errout ? ret_errout : &ignored;
	ret = collect_all(&output, pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (read(fail[0], &exec_errno, sizeof(exec_errno)) == sizeof(exec_errno))
		ret = ktstr_err_errno(err, exec_errno, "running %s", argv[0]);
	else if (ret == -EINTR)
		ktstr_err_set(err, ret, "%s was interrupted", argv[0]);
	else if (ret)
		ktstr_err_errno(err, -ret, "reading the output of %s", argv[0]);
	else
		ret = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
out:
	ktstr_buf_free(&ignored);
	close_pair(out);
	close_pair(errout);
	close_pair(fail);
	return ret;
}

int ktstr_run(const char *const *argv, struct ktstr_buf *ret_out, struct ktstr_buf *ret_errout,
	      struct ktstr_err *err)
{
	static const struct ktstr_run_watch nobody = { .stop_fd = -1 };

	return ktstr_run_watched(argv, &nobody, ret_out, ret_errout, err);
}

char *ktstr_which(const char *name)
{
	const char *path = getenv("PATH");

	for (const char *p = path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"; *p;) {
		size_t len = strcspn(p, ":");
		char *full = ktstr_asprintf("%.*s/%s", (int)len, p, name);

		if (full && !access(full, X_OK))
			return full;
		free(full);
		p += len + (p[len] == ':');
	}
	return NULL;
}
