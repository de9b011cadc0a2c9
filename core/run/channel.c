/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK (256u << 10)

void ktstr_host_channel_init(struct ktstr_host_channel *channel, int fd)
{
	*channel = (struct ktstr_host_channel){ .fd = fd };
}

void ktstr_host_channel_deinit(struct ktstr_host_channel *channel)
{
	ktstr_buf_free(&channel->out);
	ktstr_framer_deinit(&channel->in);
}

/* Moves what waits to the front, once that is little beside what is gone. */
static void drop_sent(struct ktstr_host_channel *channel)
{
	size_t left = ktstr_host_channel_queued(channel);

	if (!channel->sent || channel->sent < left)
		return;
	memmove(channel->out.data, channel->out.data + channel->sent, left);
	channel->out.len = left;
	channel->sent = 0;
}

int ktstr_host_channel_put(struct ktstr_host_channel *channel, uint32_t type, const struct ktstr_buf *payload,
		      struct ktstr_err *err)
{
	const struct ktstr_frame frame = {
		.type = type,
		.seq = channel->out_seq,
		.payload = payload->data,
		.len = payload->len,
	};

	drop_sent(channel);
	ktstr_frame_put(&channel->out, &frame);
	if (channel->out.failed || payload->failed)
		return ktstr_err_nomem(err);
	channel->out_seq++;
	return 0;
}

short ktstr_host_channel_events(const struct ktstr_host_channel *channel)
{
	if (channel->closed)
		return 0;
	return ktstr_host_channel_queued(channel) ? POLLIN | POLLOUT : POLLIN;
}

static bool peer_gone(int e)
{
	return e == EPIPE || e == ECONNRESET;
}

int ktstr_host_channel_flush(struct ktstr_host_channel *channel, struct ktstr_err *err)
{
	while (!channel->closed && ktstr_host_channel_queued(channel)) {
		ssize_t n = send(channel->fd, channel->out.data + channel->sent,
				 ktstr_host_channel_queued(channel), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			channel->sent += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (peer_gone(errno))
			channel->closed = true;
		else if (errno != EINTR)
			return ktstr_err_errno(err, errno, "writing to the VM's channel");
	}
	return 0;
}

int ktstr_host_channel_fill(struct ktstr_host_channel *channel, struct ktstr_err *err)
{
	void *room = ktstr_framer_room(&channel->in, READ_CHUNK);
	ssize_t n;

	if (!room)
		return ktstr_err_nomem(err);
	do {
		n = channel->closed ? 0 : recv(channel->fd, room, READ_CHUNK, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		ktstr_framer_filled(&channel->in, (size_t)n);
		return 1;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 && !peer_gone(errno))
		return ktstr_err_errno(err, errno, "reading from the VM's channel");
	channel->closed = true;
	return 0;
}

int ktstr_host_channel_next(struct ktstr_host_channel *channel, struct ktstr_frame *ret_frame,
		       uint64_t *ret_missing, struct ktstr_err *err)
{
	int n = ktstr_framer_next(&channel->in, ret_frame, err);

	if (n <= 0)
		return n;
	if (ret_frame->seq < channel->in_seq)
		return ktstr_err_set(err, -EBADMSG, "frame %llu came after frame %llu",
				     (unsigned long long)ret_frame->seq,
				     (unsigned long long)channel->in_seq - 1);
	*ret_missing = ret_frame->seq - channel->in_seq;
	channel->in_seq = ret_frame->seq + 1;
	return 1;
}
