/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/sched.h"

#include "agent/report.h"
#include "agent/spawn.h"
#include "base/cleanup.h"

static void take_line(void *ctx, const char *text, size_t len, bool partial)
{
	struct ktstr_sched_stream *stream = ctx;
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "stream", stream->number);
	ktstr_put_text(&b, "text", text, len);
	if (partial)
		ktstr_put_bool(&b, "partial", true);
	ktstr_report(stream->sched->channel, KTSTR_REC_SCHED_OUT, 0, &b);
}

static void report_start(struct ktstr_sched *sched)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "pid", (uint64_t)sched->pid);
	ktstr_put_array(&b, "command");
	for (const char *const *arg = sched->command; *arg; arg++)
		ktstr_put_str(&b, NULL, *arg);
	ktstr_put_end(&b);
	ktstr_report(sched->channel, KTSTR_REC_SCHED_START, 0, &b);
}

int ktstr_sched_start(struct ktstr_sched *sched, const char *const *command, struct ktstr_err *err)
{
	_cleanup_close_ int out = -1, errout = -1;
	int *const writes[2] = { &out, &errout };
	struct ktstr_spawn how = { .argv = command, .channel = -1 };
	int ret;

	sched->command = command;
	for (unsigned i = 0; i < 2; i++) {
		sched->streams[i].sched = sched;
		sched->streams[i].number = i + 1;
		ret = ktstr_output_open(&sched->streams[i].output, sched->loop, take_line,
					&sched->streams[i], writes[i], err);
		if (ret)
			return ret;
	}
	how.out = out;
	how.errout = errout;
	ret = ktstr_spawn(&how, &sched->pid, &sched->failure, err);
	if (ret)
		return ret;
	sched->group = sched->pid;
	report_start(sched);
	return 0;
}

void ktstr_sched_signal(struct ktstr_sched *sched, int signal)
{
	sched->asked = true;
	if (sched->group)
		kill(-sched->group, signal);
}

void ktstr_sched_let_on(const struct ktstr_sched *sched)
{
	if (sched->group)
		kill(-sched->group, SIGCONT);
}

static void report_exit(struct ktstr_sched *sched, const siginfo_t *info)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	if (info->si_code == CLD_EXITED)
		ktstr_put_s64(&b, "code", info->si_status);
	else
		ktstr_put_u64(&b, "signal", (uint64_t)info->si_status);
	if (info->si_code == CLD_DUMPED)
		ktstr_put_bool(&b, "core", true);
	ktstr_put_bool(&b, "expected", sched->asked);
	ktstr_report(sched->channel, KTSTR_REC_SCHED_EXIT, 0, &b);
}

int ktstr_sched_reaped(struct ktstr_sched *sched, const siginfo_t *info, struct ktstr_err *err)
{
	int ret;

	sched->pid = 0;
	ktstr_child_end_format(info, sched->end, sizeof(sched->end));
	for (int i = 0; i < 2; i++)
		ktstr_output_drain(&sched->streams[i].output);
	ret = ktstr_spawn_failure(sched->failure, sched->command[0], err);
	close(sched->failure);
	if (!ret)
		report_exit(sched, info);
	return ret;
}

bool ktstr_sched_silent(const struct ktstr_sched *sched)
{
	return !sched->loop || (sched->streams[0].output.source.fd < 0 &&
				sched->streams[1].output.source.fd < 0);
}

void ktstr_sched_close(struct ktstr_sched *sched)
{
	for (int i = 0; i < 2; i++) {
		ktstr_output_drain(&sched->streams[i].output);
		ktstr_output_close(&sched->streams[i].output);
	}
}
