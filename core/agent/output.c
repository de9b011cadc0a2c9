/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/output.h"

#include "base/cleanup.h"

#include <fcntl.h>

#define DRAIN_MAX 64		/* reads: more than a pipe holds */

/* One read; false when nothing is there, or nothing will come any more. */
static bool read_some(struct ktstr_output *output)
{
	char bytes[16384];
	ssize_t n = read(output->source.fd, bytes, sizeof(bytes));

	if (n > 0) {
		ktstr_lines_add(&output->lines, bytes, (size_t)n, output->line, output->ctx);
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (!n || errno != EAGAIN)
		ktstr_output_close(output);
	return false;
}

static void output_ready(void *ctx, uint32_t events)
{
	struct ktstr_output *output = ctx;

	(void)events;
	read_some(output);
}

int ktstr_output_open(struct ktstr_output *output, struct ktstr_loop *loop, ktstr_line_fn *line,
		      void *ctx, int *ret_write, struct ktstr_err *err)
{
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC))
		return ktstr_err_errno(err, errno, "pipe for a program's output");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*output = (struct ktstr_output){
		.source = { .fd = fds[0], .events = EPOLLIN, .rank = KTSTR_RANK_BULK,
			    .ready = output_ready, .ctx = output },
		.loop = loop, .line = line, .ctx = ctx,
	};
	ret = ktstr_loop_watch(loop, &output->source, err);
	if (ret) {
		close(fds[1]);
		ktstr_loop_forget(loop, &output->source);
		return ret;
	}
	*ret_write = fds[1];
	return 0;
}

void ktstr_output_drain(struct ktstr_output *output)
{
	for (int i = 0; i < DRAIN_MAX && output->source.fd >= 0 && read_some(output); i++)
		;
}

void ktstr_output_close(struct ktstr_output *output)
{
	if (!output->loop || output->source.fd < 0)
		return;
	ktstr_lines_flush(&output->lines, output->line, output->ctx);
	ktstr_lines_deinit(&output->lines);
	ktstr_loop_forget(output->loop, &output->source);
}
