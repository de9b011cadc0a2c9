/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/trace.h"

#include "agent/report.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <fcntl.h>

#define TRACEFS "/sys/kernel/tracing"
#define DRAIN_MAX 4096		/* reads; each brings up to a page */

enum ktstr_trace_kind ktstr_trace_parse(struct ktstr_str line, struct ktstr_str *ret_text,
					uint64_t *ret_lost)
{
	static const char event[] = ": sched_ext_dump: ", lost[] = " [LOST ";
	const char *hit = memmem(line.s, line.len, event, strlen(event));
	const char *end = line.s + line.len;
	uint64_t n = 0;

	if (hit) {
		hit += strlen(event);
		*ret_text = (struct ktstr_str){ hit, (size_t)(end - hit) };
		return KTSTR_TRACE_DUMP;
	}
	hit = memmem(line.s, line.len, lost, strlen(lost));
	if (line.len < 4 || memcmp(line.s, "CPU:", 4) || !hit)
		return KTSTR_TRACE_OTHER;
	for (hit += strlen(lost); hit < end && *hit >= '0' && *hit <= '9'; hit++)
		n = n * 10 + (uint64_t)(*hit - '0');
	*ret_lost = n ? n : 1;
	return KTSTR_TRACE_LOST;
}

static void take_line(void *ctx, const char *text, size_t len, bool partial)
{
	struct ktstr_trace *trace = ctx;
	struct ktstr_buf b = { 0 };
	struct ktstr_str dump;
	uint64_t lost;

	(void)partial;
	switch (ktstr_trace_parse((struct ktstr_str){ text, len }, &dump, &lost)) {
	case KTSTR_TRACE_DUMP:
		ktstr_put_begin(&b);
		ktstr_put_text(&b, "text", dump.s, dump.len);
		ktstr_report(trace->channel, KTSTR_REC_SCX_DUMP, 0, &b);
		break;
	case KTSTR_TRACE_LOST:
		ktstr_report_lost(trace->channel, "sched_ext_dump", lost);
		break;
	case KTSTR_TRACE_OTHER:
		break;
	}
}

static bool read_some(struct ktstr_trace *trace)
{
	char bytes[8192];
	ssize_t n = read(trace->source.fd, bytes, sizeof(bytes));

	if (n > 0)
		ktstr_lines_add(&trace->lines, bytes, (size_t)n, take_line, trace);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void trace_ready(void *ctx, uint32_t events)
{
	struct ktstr_trace *trace = ctx;

	(void)events;
	for (int i = 0; i < 8 && read_some(trace); i++)
		;
}

void ktstr_trace_drain(struct ktstr_trace *trace)
{
	if (trace->source.fd < 0)
		return;
	for (int i = 0; i < DRAIN_MAX && read_some(trace); i++)
		;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : ktstr_write_all(fd, text, strlen(text));
}

int ktstr_trace_ask_dump(struct ktstr_err *err)
{
	int ret = write_file("/proc/sysrq-trigger", "D");

	return ret ? ktstr_err_errno(err, -ret, "asking the kernel for a sched_ext dump") : 0;
}

int ktstr_trace_open(struct ktstr_trace *trace, struct ktstr_loop *loop, struct ktstr_err *err)
{
	static const char enable[] = TRACEFS "/events/sched_ext/sched_ext_dump/enable";
	int ret = write_file(enable, "1");

	if (ret)
		return ktstr_err_errno(err, -ret, "switching on %s", enable);
	/* Half full is when poll() would report a buffer otherwise. */
	write_file(TRACEFS "/buffer_percent", "0");
	trace->source = (struct ktstr_source){
		.fd = open(TRACEFS "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC),
		.events = EPOLLIN,
		.rank = KTSTR_RANK_BULK,
		.ready = trace_ready,
		.ctx = trace,
	};
	if (trace->source.fd < 0)
		return ktstr_err_errno(err, errno, "opening " TRACEFS "/trace_pipe");
	return ktstr_loop_watch(loop, &trace->source, err);
}
