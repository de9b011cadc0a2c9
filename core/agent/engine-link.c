/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/engine-link.h"

#include "agent/report.h"
#include "agent/spawn.h"
#include "base/cleanup.h"

#include <fcntl.h>
#include <sys/socket.h>

/* Records go on as they are, with the time that the engine gave them. */
static void take_frame(void *ctx, const struct ktstr_frame *frame)
{
	struct ktstr_engine_link *link = ctx;
	struct ktstr_str outcome = { "failed", 6 }, text = { "", 0 };
	struct ktstr_fields fields;

	if (frame->type == KTSTR_MSG_SCHEDULER) {
		if (ktstr_fields_parse(frame->payload, frame->len, &fields))
			link->scheduler(link->ctx, &fields);
		return;
	}
	if (frame->type == KTSTR_MSG_PROBES_READY) {
		link->ready(link->ctx);
		return;
	}
	if (frame->type != KTSTR_MSG_FINISHED) {
		ktstr_guest_channel_send(link->host, KTSTR_LANE_NORMAL, frame->type,
					 frame->guest_ns, frame->payload, frame->len);
		return;
	}
	if (ktstr_fields_parse(frame->payload, frame->len, &fields)) {
		ktstr_get_str(&fields, "outcome", &outcome);
		ktstr_get_str(&fields, "text", &text);
	}
	link->finished(link->ctx, outcome, text);
}

static void socket_ready(void *ctx, uint32_t events)
{
	struct ktstr_engine_link *link = ctx;
	struct ktstr_err err = KTSTR_ERR_INIT;

	if ((events & (EPOLLIN | EPOLLHUP)) &&
	    ktstr_guest_channel_receive(&link->channel, take_frame, link, &err))
		link->broken(link->ctx, &err);
	/* A write to an engine that has died is no news: its end is told when it is reaped. */
	if (link->channel.source.fd >= 0)
		ktstr_guest_channel_flush(&link->channel, NULL);
	if (link->channel.at_end)
		ktstr_loop_forget(link->loop, &link->channel.source);
}

/* The engine itself writes nothing; the dynamic linker, libc or a plugin may. It goes into the
 * kernel log, so that it can be read in place, and the last of it into the report of its end. */
static void take_line(void *ctx, const char *text, size_t len, bool partial)
{
	struct ktstr_engine_link *link = ctx;
	_cleanup_close_ int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	(void)partial;
	snprintf(link->last_words, sizeof(link->last_words), "%.*s", (int)len, text);
	if (kmsg >= 0)
		dprintf(kmsg, "<6>%s: %.*s\n", strrchr(link->program, '/') + 1, len > 900 ? 900 : (int)len, text);
}

int ktstr_engine_link_start(struct ktstr_engine_link *link, struct ktstr_err *err)
{
	const char *const argv[] = { link->program, NULL };
	struct ktstr_spawn how = { .argv = argv, .fifo = KTSTR_ENGINE_FIFO };
	_cleanup_close_ int theirs = -1, out = -1;
	int fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		return ktstr_err_errno(err, errno, "socket to the %s", link->name);
	theirs = fds[1];
	ktstr_guest_channel_init(&link->channel, fds[0], false);
	link->channel.source.rank = KTSTR_RANK_EVIDENCE;
	link->channel.source.ready = socket_ready;
	link->channel.source.ctx = link;
	ret = ktstr_loop_watch(link->loop, &link->channel.source, err);
	if (!ret)
		ret = ktstr_output_open(&link->output, link->loop, take_line, link, &out, err);
	if (ret)
		return ret;
	how.out = how.errout = out;
	how.channel = theirs;
	return ktstr_spawn(&how, &link->pid, &link->failure, err);
}

void ktstr_engine_link_send(struct ktstr_engine_link *link, enum ktstr_msg type,
			    const void *payload, size_t len)
{
	if (link->channel.source.fd < 0)
		return;
	ktstr_guest_channel_send(&link->channel, KTSTR_LANE_NORMAL, type, 0, payload, len);
	ktstr_guest_channel_flush(&link->channel, NULL);
}

void ktstr_engine_link_reaped(struct ktstr_engine_link *link, const siginfo_t *info,
			      struct ktstr_err *err)
{
	char end[64];

	link->pid = 0;
	if (link->channel.source.fd >= 0)
		socket_ready(link, EPOLLIN);
	ktstr_output_drain(&link->output);
	ktstr_output_close(&link->output);
	if (!ktstr_spawn_failure(link->failure, link->program, err)) {
		ktstr_child_end_format(info, end, sizeof(end));
		ktstr_err_set(err, -ECHILD, "the %s %s%s%s", link->name, end,
			      link->last_words[0] ? "; its last words: " : "", link->last_words);
	}
	close(link->failure);
}

void ktstr_engine_link_kill(struct ktstr_engine_link *link)
{
	if (link->pid)
		kill(-link->pid, SIGKILL);
}
