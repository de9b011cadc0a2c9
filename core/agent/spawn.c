/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/spawn.h"

#include "base/cleanup.h"
#include "wire/message.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

/* Duplicates above the descriptors that get fixed numbers, so that none overwrites another. */
static int lift(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

void ktstr_oom_adjust(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, score, strlen(score));

	if (fd >= 0)
		close(fd);
	(void)written;
}

/* The calling process; 0, or -1 with errno. */
static int enter(const char *procs)
{
	int fd = procs ? open(procs, O_WRONLY | O_CLOEXEC) : -1;

	return !procs || (fd >= 0 && write(fd, "0", 1) == 1) ? 0 : -1;
}

__attribute__((noreturn))
static void child_exec(const struct ktstr_spawn *how, int failure)
{
	static const char *const env[] = {
		"PATH=" KTSTR_GUEST_ROOT "/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LD_LIBRARY_PATH=" KTSTR_GUEST_LIB,
		"HOME=/",
		"LANG=C.UTF-8",
		"TERM=dumb",
		NULL,
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), saved;
	int out = lift(how->out), errout = lift(how->errout), channel = lift(how->channel);
	sigset_t none;

	failure = lift(failure);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	ktstr_oom_adjust("0");
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(errout, 2) >= 0 &&
	    (how->channel < 0 || dup2(channel, 3) >= 0) && !enter(how->join))
		execve(how->argv[0], (char *const *)how->argv, (char *const *)env);
	saved = errno;
	if (write(failure, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

int ktstr_spawn(const struct ktstr_spawn *how, pid_t *ret_pid, int *ret_failure,
		struct ktstr_err *err)
{
	_cleanup_close_ int get = -1, put = -1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return ktstr_err_errno(err, errno, "pipe for %s", how->argv[0]);
	get = fds[0];
	put = fds[1];
	pid = fork();
	if (pid < 0)
		return ktstr_err_errno(err, errno, "fork for %s", how->argv[0]);
	if (!pid)
		child_exec(how, put);
	setpgid(pid, pid);	/* both do it: a signal to the group must not come too early */
	if (how->fifo) {
		struct sched_param param = { .sched_priority = how->fifo };

		sched_setscheduler(pid, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
	}
	*ret_pid = pid;
	*ret_failure = ktstr_steal_fd(get);
	return 0;
}

void ktstr_fifo_pass_on(void)
{
	struct sched_param param;

	if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO && !sched_getparam(0, &param))
		sched_setscheduler(0, SCHED_FIFO, &param);
}

int ktstr_spawn_failure(int failure, const char *path, struct ktstr_err *err)
{
	int code;

	if (read(failure, &code, sizeof(code)) != sizeof(code))
		return 0;
	if (code == ENOENT && !access(path, F_OK))
		return ktstr_err_set(
			err, -ENOENT,
			"cannot run %s: the file is there, but its interpreter "
			"(the dynamic linker, or the program after #!) is not in the guest",
			path);
	if (code == ENOEXEC)
		return ktstr_err_set(err, -ENOEXEC,
				     "cannot run %s: it is no program for this machine", path);
	return ktstr_err_errno(err, code, "cannot run %s", path);
}
