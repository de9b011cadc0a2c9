/* SPDX-License-Identifier: GPL-2.0-only */
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_TIMEOUT_MS 10000

void qemu_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int qemu_socket_pair(int *ret_ours, int *ret_theirs, struct ktstr_err *err)
{
	int pair[2], saved;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return ktstr_err_errno(err, errno, "socket pair for the VM");
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK)) {
		saved = errno;
		close(pair[0]);
		close(pair[1]);
		return ktstr_err_errno(err, saved, "socket pair for the VM");
	}
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

#define CONSOLE_PIPE_BYTES (1 << 20)

int qemu_console_pipe(int *ret_ours, int *ret_theirs, struct ktstr_err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK))
		return ktstr_err_errno(err, errno, "pipe for the VM's console");
	fcntl(pair[0], F_SETPIPE_SZ, CONSOLE_PIPE_BYTES);	/* what the user's limits leave is enough */
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

/* In the child: descriptor from[i] becomes number i, in two passes, as the ranges may overlap. */
static bool place_fds(const int *from, int n, int *ret_last)
{
	int high[QEMU_FIRST_FD + QEMU_MAX_FDS + 1];

	for (int i = 0; i < n; i++) {
		high[i] = fcntl(from[i], F_DUPFD, n);
		if (high[i] < 0)
			return false;
	}
	for (int i = 0; i < n; i++)
		if (dup2(high[i], i) < 0)
			return false;
	*ret_last = n - 1;
	return !fcntl(n - 1, F_SETFD, FD_CLOEXEC) && !close_range((unsigned)n, ~0u, 0);
}

/* In the child: what we, or who started us (nohup, a shell's `&`), ignore or block is our affair. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);	/* SIGKILL, SIGSTOP and libc's own stay as they are */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: becomes the program, or writes the errno to `report`, an end that exec closes. */
static void child_exec(char *const *argv, int output, const int *fds, size_t n_fds, int report,
		       pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	int from[QEMU_FIRST_FD + QEMU_MAX_FDS + 1];
	int saved;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setsid();
	setrlimit(RLIMIT_CORE, &no_core);
	reset_signals();
	from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	from[1] = from[2] = output;
	for (size_t i = 0; i < n_fds; i++)
		from[QEMU_FIRST_FD + i] = fds[i] < 0 ? from[0] : fds[i];
	from[QEMU_FIRST_FD + n_fds] = report;
	if (from[0] >= 0 && place_fds(from, (int)(QEMU_FIRST_FD + n_fds + 1), &report))
		execvp(argv[0], argv);
	saved = errno;
	if (write(report, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

/* The errno that the child met before it became the program, 0 when it became it. */
static int exec_errno(int report)
{
	int saved = 0;
	ssize_t n;

	do
		n = read(report, &saved, sizeof(saved));
	while (n < 0 && errno == EINTR);
	return n == sizeof(saved) ? saved : 0;
}

static int start_child(char *const *argv, const int *fds, size_t n_fds, int output[2], int report[2],
		       struct qemu_process *process, struct ktstr_err *err)
{
	pid_t parent = getpid();
	int saved;

	if (pipe2(output, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		return ktstr_err_errno(err, errno, "pipe for %s", argv[0]);
	process->pid = fork();
	if (process->pid < 0) {
		process->pid = 0;
		return ktstr_err_errno(err, errno, "fork for %s", argv[0]);
	}
	if (!process->pid)
		child_exec(argv, output[1], fds, n_fds, report[1], parent);
	qemu_close(&report[1]);
	process->output = output[0];
	output[0] = -1;
	process->pidfd = pidfd_open(process->pid, 0);
	if (process->pidfd < 0 || fcntl(process->output, F_SETFL, O_NONBLOCK))
		return ktstr_err_errno(err, errno, "watching %s", argv[0]);
	saved = exec_errno(report[0]);
	return saved ? ktstr_err_errno(err, saved, "running %s", argv[0]) : 0;
}

int qemu_process_start(char *const *argv, const int *fds, size_t n_fds,
		       struct qemu_process *ret_process, struct ktstr_err *err)
{
	struct qemu_process process = QEMU_PROCESS_INIT;
	int output[2] = { -1, -1 }, report[2] = { -1, -1 };
	int ret;

	if (n_fds > QEMU_MAX_FDS)
		return ktstr_err_set(err, -EINVAL, "%zu descriptors for %s", n_fds, argv[0]);
	ret = start_child(argv, fds, n_fds, output, report, &process, err);
	for (int i = 0; i < 2; i++) {
		qemu_close(&output[i]);
		qemu_close(&report[i]);
	}
	if (ret)
		qemu_process_deinit(&process);
	else
		*ret_process = process;
	return ret;
}

int qemu_process_reap(struct qemu_process *process, siginfo_t *ret_info)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG))
		return -errno;
	if (!info.si_pid)
		return -EAGAIN;
	process->pid = 0;
	*ret_info = info;
	return 0;
}

void qemu_process_kill(const struct qemu_process *process)
{
	if (process->pid > 0)
		kill(process->pid, SIGKILL);
}

void qemu_process_deinit(struct qemu_process *process)
{
	qemu_process_kill(process);
	while (process->pid > 0 && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	process->pid = 0;
	qemu_close(&process->pidfd);
	qemu_close(&process->output);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads until the other end is closed; false at the deadline. */
static bool read_to_end(int fd, struct ktstr_buf *text)
{
	int64_t end = now_ms() + OUTPUT_TIMEOUT_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[4096];
	ssize_t n;

	while ((left = end - now_ms()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			ktstr_buf_add(text, chunk, (size_t)n);
		else if (!n || (errno != EINTR && errno != EAGAIN))
			return true;
	}
	return false;
}

int qemu_process_output(char *const *argv, struct ktstr_buf *ret_text, struct ktstr_err *err)
{
	struct qemu_process process;
	siginfo_t info = { 0 };
	int ret = qemu_process_start(argv, NULL, 0, &process, err);

	if (ret)
		return ret;
	if (!read_to_end(process.output, ret_text)) {
		qemu_process_deinit(&process);
		return ktstr_err_set(err, -ETIMEDOUT, "%s %s has not ended after %d s", argv[0],
				     argv[1], OUTPUT_TIMEOUT_MS / 1000);
	}
	while (waitid(P_PID, (id_t)process.pid, &info, WEXITED) && errno == EINTR)
		;
	process.pid = 0;
	qemu_process_deinit(&process);
	if (ret_text->failed)
		return ktstr_err_nomem(err);
	if (info.si_code != CLD_EXITED || info.si_status)
		return ktstr_err_set(err, -EIO, "%s %s failed: %.*s", argv[0], argv[1],
				     (int)ret_text->len, (char *)ret_text->data);
	return 0;
}
