/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/repro.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "run/store.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* ---- which runs ---- */

bool ktstr_repro_wanted(const struct ktstr_verdict *v)
{
	return v->outcome == KTSTR_OUTCOME_FAIL &&
	       (v->cause == KTSTR_CAUSE_SCHED_ERROR || v->cause == KTSTR_CAUSE_SCHED_STALL ||
		v->cause == KTSTR_CAUSE_SCHED_EXIT);
}

/* ---- an attempt in a child ---- */

/* A message from a child: what it is, then text. The parent alone writes to the terminal. */
enum said { SAID_PROGRESS = 'p', SAID_CONSOLE = 'c', SAID_ERROR = 'e' };
#define SAID_MAX (65536 + 1)	/* a console line is at most 64 KiB */

struct child {
	pid_t pid;
	int channel;
	unsigned number;		/* of the attempt; 0: there is no child here */
	char *journal;
	struct ktstr_err err;		/* what it said of the end of its attempt */
};

static void tell(int channel, enum said said, const char *text, size_t len)
{
	char kind = (char)said;
	struct iovec parts[] = {
		{ &kind, 1 }, { (void *)text, len < SAID_MAX ? len : SAID_MAX - 1 },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	sendmsg(channel, &message, MSG_NOSIGNAL);	/* with no parent there is nobody to tell */
}

static void tell_progress(void *ctx, const char *text)
{
	tell(*(int *)ctx, SAID_PROGRESS, text, strlen(text));
}

static void tell_console(void *ctx, const char *text, size_t len)
{
	tell(*(int *)ctx, SAID_CONSOLE, text, len);
}

/* In the child. Signals of the terminal do not come here: the parent passes them on, each once. */
static void run_child(const struct ktstr_repro_params *p, const struct child *child, int channel)
{
	const struct ktstr_run_options *asked = p->attempt.options;
	struct ktstr_run_options options = *asked;
	struct ktstr_attempt_params attempt = p->attempt;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	options.progress = asked->progress ? tell_progress : NULL;
	options.console = asked->console ? tell_console : NULL;
	options.ctx = &channel;
	attempt.options = &options;
	attempt.number = child->number;
	attempt.of = 1 + p->how.attempts;
	attempt.journal = child->journal;
	ret = ktstr_attempt_run(&attempt, &err);
	if (ret)
		tell(channel, SAID_ERROR, err.msg, strlen(err.msg));
	_exit(ret ? 1 : 0);
}

/* ---- the cycle ---- */

struct cycle {
	const struct ktstr_repro_params *p;
	struct ktstr_err *err;
	struct child children[KTSTR_REPRO_PARALLEL_MAX];
	unsigned begun, running;
	bool over;			/* no more are begun */
	int signal_fd;
	struct ktstr_repro_result result;
};

static int fork_child(struct cycle *c, struct child *child)
{
	_cleanup_close_ int mine = -1, its = -1;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return ktstr_err_errno(c->err, errno, "socketpair");
	mine = pair[0];
	its = pair[1];
	child->pid = fork();
	if (child->pid < 0)
		return ktstr_err_errno(c->err, errno, "fork");
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		if (getppid() == parent)
			run_child(c->p, child, its);
		_exit(1);
	}
	child->channel = ktstr_steal_fd(mine);
	return 0;
}

static struct child *free_slot(struct cycle *c)
{
	for (unsigned i = 0; i < c->p->how.parallel && i < KTSTR_REPRO_PARALLEL_MAX; i++)
		if (!c->children[i].number)
			return &c->children[i];
	return NULL;
}

static void release(struct child *child)
{
	free(child->journal);
	*child = (struct child){ 0 };
}

static int begin(struct cycle *c, struct child *child)
{
	int ret = 0;

	child->number = c->begun + 2;
	child->journal = ktstr_store_journal(c->p->dir, child->number);
	ret = child->journal ? fork_child(c, child) : ktstr_err_nomem(c->err);
	if (ret) {
		ktstr_err_prefix(c->err, "starting repro %u", child->number - 1);
		release(child);
		return ret;
	}
	c->begun++;
	c->running++;
	return 0;
}

/* As many as may run at once. */
static int begin_all(struct cycle *c)
{
	struct child *child;
	int ret = 0;

	while (!ret && !c->over && c->begun < c->p->how.attempts && (child = free_slot(c)))
		ret = begin(c, child);
	return ret;
}

/* ---- what they say ---- */

static void show_progress(const struct cycle *c, const struct child *child, const char *text,
			  int len)
{
	const struct ktstr_run_options *o = c->p->attempt.options;
	char line[256];

	snprintf(line, sizeof(line), "repro %u of %u: %.*s", child->number - 1,
		 c->p->how.attempts, len, text);
	o->progress(o->ctx, line);
}

/* Several VMs may talk at once. */
static void show_console(const struct cycle *c, const struct child *child, const char *text,
			 int len)
{
	const struct ktstr_run_options *o = c->p->attempt.options;
	_cleanup_free_ char *line = ktstr_asprintf("repro %u: %.*s", child->number - 1, len, text);

	if (line)
		o->console(o->ctx, line, strlen(line));
}

/* False when the child is gone. */
static bool listen_to(const struct cycle *c, struct child *child)
{
	static char message[SAID_MAX];
	ssize_t n = recv(child->channel, message, sizeof(message), 0);

	if (n < 0)
		return errno == EINTR;
	if (!n)
		return false;
	switch (message[0]) {
	case SAID_PROGRESS: show_progress(c, child, message + 1, (int)n - 1); break;
	case SAID_CONSOLE: show_console(c, child, message + 1, (int)n - 1); break;
	case SAID_ERROR: ktstr_err_set(&child->err, -EIO, "%.*s", (int)n - 1, message + 1); break;
	}
	return true;
}

/* ---- how they end ---- */

/* Without a journal, or with one that could not take what went wrong, nobody would know of the
 * attempt. */
static int judge(struct cycle *c, const struct child *child)
{
	struct ktstr_journal *journal = NULL;
	struct ktstr_verdict *verdict = NULL;
	int ret = ktstr_journal_open(child->journal, &journal, c->err);

	if (!ret)
		ret = ktstr_verdict_create(journal, &verdict, c->err);
	if (!ret) {
		c->result.made++;
		c->result.same += ktstr_verdict_is_same(c->p->first, verdict);
		c->over |= verdict->cause == KTSTR_CAUSE_HARNESS;
		if (child->err.code && verdict->cause != KTSTR_CAUSE_HARNESS)
			ret = child->err.code;
	}
	if (ret && child->err.code)
		ktstr_err_set(c->err, child->err.code, "%s", child->err.msg);
	if (ret)
		ktstr_err_prefix(c->err, "repro %u", child->number - 1);
	ktstr_verdict_destroy(verdict);
	ktstr_journal_destroy(journal);
	return ret;
}

static int end(struct cycle *c, struct child *child)
{
	int ret;

	close(child->channel);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	ret = judge(c, child);
	release(child);
	c->running--;
	c->over |= c->result.same >= c->p->how.enough;
	return ret;
}

static void pass_signal_on(struct cycle *c)
{
	struct signalfd_siginfo info;

	if (read(c->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	c->over = true;
	for (size_t i = 0; i < KTSTR_REPRO_PARALLEL_MAX; i++)
		if (c->children[i].number)
			kill(c->children[i].pid, (int)info.ssi_signo);
}

/* Nothing can be waited for any more. */
static int abandon(struct cycle *c, int why)
{
	for (size_t i = 0; i < KTSTR_REPRO_PARALLEL_MAX; i++)
		if (c->children[i].number) {
			kill(c->children[i].pid, SIGKILL);
			end(c, &c->children[i]);
		}
	return ktstr_err_errno(c->err, why, "poll");
}

/* Waits for whatever comes next. */
static int turn(struct cycle *c)
{
	struct pollfd p[1 + KTSTR_REPRO_PARALLEL_MAX] = { { c->signal_fd, POLLIN, 0 } };
	int ret = 0;

	for (size_t i = 0; i < KTSTR_REPRO_PARALLEL_MAX; i++)
		p[1 + i] = (struct pollfd){
			c->children[i].number ? c->children[i].channel : -1, POLLIN, 0,
		};
	if (poll(p, KTSTR_ARRAY_SIZE(p), -1) < 0)
		return errno == EINTR ? 0 : abandon(c, errno);
	if (p[0].revents)
		pass_signal_on(c);
	for (size_t i = 0; i < KTSTR_REPRO_PARALLEL_MAX; i++)
		if (p[1 + i].revents && !listen_to(c, &c->children[i]))
			ret = end(c, &c->children[i]) ?: ret;
	return ret;
}

/* ---- signals ---- */

static void fill_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static int hold_signals(struct cycle *c)
{
	sigset_t set;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return c->signal_fd < 0 ? ktstr_err_errno(c->err, errno, "signalfd") : 0;
}

/* What came in the last moment has done its work: nothing runs any more. */
static void drop_signals(struct cycle *c)
{
	struct signalfd_siginfo info;
	sigset_t set;

	while (c->signal_fd >= 0 && read(c->signal_fd, &info, sizeof(info)) > 0)
		;
	ktstr_cleanup_close(&c->signal_fd);
	fill_set(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int ktstr_repro_run(const struct ktstr_repro_params *params, struct ktstr_repro_result *ret_result,
		    struct ktstr_err *err)
{
	struct cycle c = { .p = params, .err = err, .signal_fd = -1 };
	int ret = hold_signals(&c), failed = ret;

	do {
		if (!failed)
			failed = begin_all(&c);
		if (c.running)
			failed = turn(&c) ?: failed;
		c.over |= failed != 0;
	} while (c.running || (!c.over && c.begun < params->how.attempts));
	drop_signals(&c);
	*ret_result = c.result;
	return failed;
}
