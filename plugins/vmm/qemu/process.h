/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU as a child process that cannot outlive us.
 *
 * The child gets SIGKILL when the *thread* that started it ends (PR_SET_PDEATHSIG works by thread),
 * so a VM is started by a thread that lives as long as the VM may: the main thread.
 */
#ifndef QEMU_PROCESS_H
#define QEMU_PROCESS_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

#include <signal.h>
#include <sys/types.h>

/* In the child, fds[i] of the caller is this number plus i. */
#define QEMU_FIRST_FD 3
#define QEMU_MAX_FDS 8

struct qemu_process {
	pid_t pid;			/* 0: none, or reaped */
	int pidfd;			/* readable once it is gone */
	int output;			/* what it writes to stdout and stderr; non-blocking */
};

#define QEMU_PROCESS_INIT { .pid = 0, .pidfd = -1, .output = -1 }

/* Starts argv[0], found on PATH, with those descriptors (/dev/null for -1) and no other, standard input empty, in a
 * session of its own (the terminal's Ctrl-C is for us), without core files. -ENOENT when there is
 * no such program. */
int qemu_process_start(char *const *argv, const int *fds, size_t n_fds,
		       struct qemu_process *ret_process, struct ktstr_err *err);

/* How it ended: 0, or -EAGAIN while it runs. */
int qemu_process_reap(struct qemu_process *process, siginfo_t *ret_info);

void qemu_process_kill(const struct qemu_process *process);

/* Kills it if it still runs, waits for it, closes all. */
void qemu_process_deinit(struct qemu_process *process);

/* Runs argv to its end and collects what it prints. 0; -EIO when it did not exit with 0, with its
 * words; -ETIMEDOUT when it had to be killed after ten seconds. */
int qemu_process_output(char *const *argv, struct ktstr_buf *ret_text, struct ktstr_err *err);

/* A stream socket for us, non-blocking, and one for the child, which decides by itself. */
int qemu_socket_pair(int *ret_ours, int *ret_theirs, struct ktstr_err *err);

/*
 * A pipe for the serial port, our end to be read without blocking. QEMU's port writes byte by byte, and
 * drops what is not taken after a few tries. A pipe joins such writes, so that this one takes a
 * megabyte; a socket's buffer is full after some 300 of them.
 */
int qemu_console_pipe(int *ret_ours, int *ret_theirs, struct ktstr_err *err);

/* Closes *fd unless it is -1, and makes it -1. */
void qemu_close(int *fd);

#endif
