/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running the sections. Each runs in a forked child that hands its document back through a pipe;
 * the parent believes nothing: not that the child ends, nor that it says something sensible.
 */
#include "report/encode.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const struct ktstr_section_limits default_limits = {
	.time_ns = 10 * KTSTR_NSEC_PER_SEC,
	.document_bytes = 64u << 20,
	.memory_bytes = 1u << 30,
};

/* ---- the child ---- */

#if !defined(KTSTR_ASAN) && !defined(__SANITIZE_ADDRESS__)
/* What this process has mapped: journals, and perhaps the memory of a guest. */
static size_t mapped_bytes(void)
{
	_cleanup_buf_ struct ktstr_buf statm = { 0 };

	if (ktstr_file_read("/proc/self/statm", 4096, &statm, NULL))
		return 0;
	ktstr_put_byte(&statm, 0);
	return statm.failed ? 0 : strtoul((char *)statm.data, NULL, 10) *
				  (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_memory(size_t more)
{
	struct rlimit limit;
	size_t mapped = mapped_bytes();

	if (!more || !mapped || getrlimit(RLIMIT_AS, &limit))
		return;
	if (limit.rlim_cur > mapped + more)
		limit.rlim_cur = mapped + more;
	setrlimit(RLIMIT_AS, &limit);
}
#else
/* The shadow memory alone is larger than any limit. */
static void limit_memory(size_t more)
{
	(void)more;
}
#endif

/* A crash of the child is told by its parent, not by handlers or core files of this process; what
 * it prints is no part of the report. */
static void isolate(const struct ktstr_section_limits *limits, pid_t parent)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
				   SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD, SIGALRM };
	struct rlimit no_core = { 0, 0 };
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);	/* what it starts ends with it */
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(own); i++)
		signal(own[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	limit_memory(limits->memory_bytes);
}

__attribute__((noreturn))
static void child(const struct ktstr_section_use *use, const struct ktstr_section_input *input,
		  const struct ktstr_section_limits *limits, int out, pid_t parent)
{
	const struct ktstr_section_ops *ops = use->plugin->ops;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_builder *builder;
	const uint8_t *data;
	size_t len;
	int result;

	isolate(limits, parent);
	builder = ktstr_builder_create(limits->document_bytes);
	if (!builder)
		_exit(ENOMEM);
	result = ops->build(input, use->values, ktstr_builder_doc(builder), &err);
	if (result > KTSTR_SECTION_IRRELEVANT || result < -4095) {
		ktstr_err_set(&err, -EINVAL, "build() returned %d", result);
		result = -EINVAL;
	}
	if (!ktstr_builder_finish(builder, result, err.msg, &data, &len))
		_exit(ENOMEM);
	_exit(-ktstr_write_all(out, data, len));
}

/* ---- the parent ---- */

struct job {
	pid_t pid;
	int pidfd, fd;
	struct ktstr_buf bytes;
	char why[KTSTR_ERR_MAX];	/* why it was stopped or what is wrong; empty: nothing */
};

static void job_deinit(struct job *job)
{
	ktstr_cleanup_close(&job->pidfd);
	ktstr_cleanup_close(&job->fd);
	ktstr_buf_free(&job->bytes);
}

static int job_start(struct job *job, const struct ktstr_section_use *use,
		     const struct ktstr_section_input *input,
		     const struct ktstr_section_limits *limits)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	job->fd = fds[0];
	fcntl(job->fd, F_SETFL, O_NONBLOCK);
	job->pid = fork();
	if (!job->pid)
		child(use, input, limits, fds[1], parent);
	close(fds[1]);
	if (job->pid < 0)
		return -errno;
	job->pidfd = pidfd_open(job->pid, 0);
	return job->pidfd < 0 ? -errno : 0;
}

/* Takes what is in the pipe; false at its end or when there was too much. */
static bool job_read(struct job *job, size_t max)
{
	for (;;) {
		ssize_t n;

		if (!ktstr_buf_reserve(&job->bytes, 64 * 1024))
			return false;
		n = read(job->fd, job->bytes.data + job->bytes.len, 64 * 1024);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		job->bytes.len += (size_t)n;
		if (job->bytes.len > max)
			snprintf(job->why, sizeof(job->why), "was stopped: it says too much, more "
				 "than %zu bytes", max);
		if (!n || *job->why)
			return false;
	}
}

static int left_ms(uint64_t deadline)
{
	uint64_t now = ktstr_now_ns();

	return now < deadline ? (int)((deadline - now) / KTSTR_NSEC_PER_MSEC) + 1 : 0;
}

/* Until the child has ended, or has to be stopped. The end of the child counts, not that of the
 * pipe: somebody else may hold that open. */
static void job_wait(struct job *job, const struct ktstr_section_limits *limits)
{
	uint64_t deadline = ktstr_now_ns() + limits->time_ns;
	struct pollfd fds[2] = { { job->fd, POLLIN, 0 }, { job->pidfd, POLLIN, 0 } };
	/* The envelope is not the section's. */
	size_t max = limits->document_bytes + 4096;

	while (!(fds[1].revents & POLLIN)) {
		int n = poll(fds, 2, left_ms(deadline));

		if (!n) {
			snprintf(job->why, sizeof(job->why), "was stopped: it did not come to an "
				 "end within %.3g s", (double)limits->time_ns / 1e9);
			return;
		}
		if (n > 0 && fds[0].revents && !job_read(job, max))
			fds[0].fd = -1;
		if (*job->why || job->bytes.failed)
			return;
	}
	if (fds[0].fd >= 0)
		job_read(job, max);
}

/* Ends the child and what it started, in any case. */
static void job_reap(struct job *job)
{
	int status = 0;

	kill(-job->pid, SIGKILL);
	kill(job->pid, SIGKILL);
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (*job->why)
		return;
	if (WIFSIGNALED(status))
		snprintf(job->why, sizeof(job->why), "crashed (signal %d, %s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == ENOMEM && !job->bytes.len)
		snprintf(job->why, sizeof(job->why), "ran out of memory");
	else if (WEXITSTATUS(status) || !job->bytes.len)
		snprintf(job->why, sizeof(job->why), "ended its process by itself (exit status %d)",
			 WEXITSTATUS(status));
}

static int job_run(struct job *job, const struct ktstr_section_use *use,
		   const struct ktstr_section_input *input,
		   const struct ktstr_section_limits *limits)
{
	int ret = job_start(job, use, input, limits);

	if (ret)
		snprintf(job->why, sizeof(job->why), "could not be started: %s", strerror(-ret));
	else
		job_wait(job, limits);
	if (job->pid > 0)
		job_reap(job);
	return job->bytes.failed ? -ENOMEM : 0;
}

/* ---- the document ---- */

/* The bytes become blocks; what is wrong becomes the only block. */
static int fill_section(struct job *job, struct ktstr_doc_section *section, bool *ret_relevant,
			struct ktstr_err *err)
{
	struct ktstr_err why = KTSTR_ERR_INIT;
	_cleanup_free_ char *text = NULL;
	int result = 0, ret = 0;

	*ret_relevant = true;
	if (!*job->why) {
		ret = ktstr_doc_section_decode(job->bytes.data, job->bytes.len, section, &result,
					       &why);
		if (ret == -ENOMEM)
			return ktstr_err_nomem(err);
		*ret_relevant = result != KTSTR_SECTION_IRRELEVANT;
		if (!ret && result >= 0)
			return 0;
		snprintf(job->why, sizeof(job->why), "failed: %.*s", KTSTR_ERR_MAX - 16, why.msg);
	}
	text = ktstr_asprintf("section %s %s; the rest of this report is not affected",
			      section->name, job->why);
	for (size_t i = 0; i < section->blocks.n; i++)
		ktstr_block_deinit(&section->blocks.items[i]);
	section->blocks.n = 0;
	if (!text || !ktstr_doc_section_say(section, KTSTR_TONE_WARN, text))
		return ktstr_err_nomem(err);
	return 0;
}

static int build_section(struct ktstr_document *doc, const struct ktstr_section_use *use,
			 const struct ktstr_section_input *input,
			 const struct ktstr_section_limits *limits, struct ktstr_err *err)
{
	const struct ktstr_section_ops *ops = use->plugin->ops;
	struct ktstr_doc_section *section = ktstr_vec_add(&doc->sections);
	struct job job = { .pid = -1, .pidfd = -1, .fd = -1 };
	bool relevant = true;
	int ret;

	if (!section)
		return ktstr_err_nomem(err);
	section->name = strdup(use->plugin->name);
	section->title = ops->title ? strdup(ops->title) : NULL;
	if (!section->name || (ops->title && !section->title))
		return ktstr_err_nomem(err);
	ret = job_run(&job, use, input, limits);
	if (ret)
		ktstr_err_nomem(err);
	else
		ret = fill_section(&job, section, &relevant, err);
	job_deinit(&job);
	if (!ret && !relevant) {
		ktstr_doc_section_deinit(section);
		doc->sections.n--;
	}
	return ret;
}

int ktstr_document_build(const struct ktstr_section_use *uses, size_t n,
			 const struct ktstr_section_input *input,
			 const struct ktstr_section_limits *limits, struct ktstr_document **ret_doc,
			 struct ktstr_err *err)
{
	struct ktstr_document *doc = calloc(1, sizeof(*doc));

	if (!doc)
		return ktstr_err_nomem(err);
	if (!limits)
		limits = &default_limits;
	for (size_t i = 0; i < n; i++) {
		int ret = build_section(doc, &uses[i], input, limits, err);

		if (ret) {
			ktstr_document_destroy(doc);
			return ret;
		}
	}
	*ret_doc = doc;
	return 0;
}
