/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two pipes between the members of a group of two, one for each direction. Member 0 makes them,
 * member 1 opens them through /proc, so that nothing has to be inherited. Both keep both ends of
 * both pipes: who is left at the end of a step gets no SIGPIPE.
 *
 *	struct ktstr_pipe_pair pair = { 0 };
 *
 *	ktstr_pipe_pair_open(&pair, worker, err);	in create(); uses worker->shared
 *	... ktstr_pipe_send(&pair, err), ktstr_pipe_receive(&pair, worker, err) ...
 *	ktstr_pipe_pair_close(&pair);			in destroy()
 */
#ifndef KTSTR_WORKLOAD_PIPE_H
#define KTSTR_WORKLOAD_PIPE_H

#include <ktstr/workload-event.h>

#include <fcntl.h>

/* In the group's memory. */
struct ktstr_pipe_meeting {
	struct ktstr_event ready;
	int32_t pid;			/* of member 0 */
	int32_t fds[4];			/* its descriptors: the pipe to member 1, the one back */
};

struct ktstr_pipe_pair {
	int n;				/* descriptors that are open */
	int fds[4];			/* read and write end of two pipes */
	int in, out;			/* those that this member reads and writes */
};

static inline void ktstr_pipe_pair_close(struct ktstr_pipe_pair *pair)
{
	while (pair->n)
		close(pair->fds[--pair->n]);
}

static inline int ktstr_pipe_pair_make(struct ktstr_pipe_pair *pair,
				       struct ktstr_pipe_meeting *meeting, struct ktstr_err *err)
{
	for (; pair->n < 4; pair->n += 2)
		if (pipe(pair->fds + pair->n))
			return ktstr_err_errno(err, errno, "making the pipes of a pair of workers");
	for (int i = 0; i < 4; i++)
		meeting->fds[i] = pair->fds[i];
	meeting->pid = getpid();
	ktstr_event_signal(&meeting->ready);
	return 0;
}

static inline int ktstr_pipe_pair_join(struct ktstr_pipe_pair *pair, struct ktstr_worker *worker,
				       struct ktstr_pipe_meeting *meeting, struct ktstr_err *err)
{
	char path[64];

	if (!ktstr_event_wait(worker, &meeting->ready, 0))
		return ktstr_worker_not_met(err);
	for (; pair->n < 4; pair->n++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", meeting->pid, meeting->fds[pair->n]);
		pair->fds[pair->n] = open(path, pair->n % 2 ? O_WRONLY : O_RDONLY);
		if (pair->fds[pair->n] < 0)
			return ktstr_err_errno(err, errno, "opening the partner's pipe %s", path);
	}
	return 0;
}

/* Both members call it, in their create(). On failure the caller closes *pair. */
static inline int ktstr_pipe_pair_open(struct ktstr_pipe_pair *pair, struct ktstr_worker *worker,
				       struct ktstr_err *err)
{
	struct ktstr_pipe_meeting *meeting = worker->shared;
	int ret = worker->index ? ktstr_pipe_pair_join(pair, worker, meeting, err)
				: ktstr_pipe_pair_make(pair, meeting, err);

	pair->in = pair->fds[worker->index ? 0 : 2];
	pair->out = pair->fds[worker->index ? 3 : 1];
	return ret;
}

/* Sends a message, which is the time: the partner that waits for it is woken by it. */
static inline int ktstr_pipe_send(struct ktstr_pipe_pair *pair, struct ktstr_err *err)
{
	uint64_t now = ktstr_worker_now_ns();
	ssize_t n;

	do
		n = write(pair->out, &now, sizeof(now));
	while (n < 0 && errno == EINTR);
	return n < 0 ? ktstr_err_errno(err, errno, "writing to the partner's pipe") : 0;
}

/* Waits for a message. 1: there was one, 0: the step ended, or a negative errno. */
static inline int ktstr_pipe_receive(struct ktstr_pipe_pair *pair, struct ktstr_worker *worker,
				     struct ktstr_err *err)
{
	uint64_t sent_ns = 0;
	ssize_t n;

	do {
		if (!worker->running(worker))
			return 0;
		worker->block(worker);
		n = read(pair->in, &sent_ns, sizeof(sent_ns));
		worker->unblock(worker, n > 0 ? sent_ns : 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? ktstr_err_errno(err, errno, "reading from the partner's pipe") : 1;
}

/* One exchange: member 0 sends and waits for the answer, member 1 answers. As
 * ktstr_pipe_receive(). */
static inline int ktstr_pipe_exchange(struct ktstr_pipe_pair *pair, struct ktstr_worker *worker,
				      struct ktstr_err *err)
{
	int ret = worker->index ? 0 : ktstr_pipe_send(pair, err);

	if (!ret)
		ret = ktstr_pipe_receive(pair, worker, err);
	if (ret > 0 && worker->index && ktstr_pipe_send(pair, err))
		ret = err ? err->code : -EIO;
	return ret;
}

#endif
