/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/channel.h"

#include <unistd.h>

/* The virtio console driver takes no more in one write() and copies it whole. */
#define WRITE_MAX 32768

struct entry {
	uint32_t type, len;
	uint64_t guest_ns;
};

void ktstr_guest_channel_init(struct ktstr_guest_channel *channel, int fd, bool is_port)
{
	*channel = (struct ktstr_guest_channel){
		.source = { .fd = fd, .events = EPOLLIN | EPOLLOUT | EPOLLET },
		.is_port = is_port,
	};
}

void ktstr_guest_channel_deinit(struct ktstr_guest_channel *channel, struct ktstr_loop *loop)
{
	ktstr_loop_forget(loop, &channel->source);
	ktstr_framer_deinit(&channel->in);
	for (int i = 0; i < KTSTR_LANE_COUNT; i++)
		ktstr_buf_free(&channel->lanes[i].entries);
	ktstr_buf_free(&channel->wire);
}

void ktstr_guest_channel_send(struct ktstr_guest_channel *channel, enum ktstr_lane lane,
			      uint32_t type, uint64_t guest_ns, const void *payload, size_t len)
{
	struct ktstr_buf *b = &channel->lanes[lane].entries;
	struct entry entry = { type, (uint32_t)len, guest_ns };

	if (!ktstr_buf_reserve(b, sizeof(entry) + len)) {
		b->failed = false;	/* there may be memory for the next one */
		channel->lost++;
		return;
	}
	ktstr_buf_add(b, &entry, sizeof(entry));
	ktstr_buf_add(b, payload, len);
}

size_t ktstr_guest_channel_pending(const struct ktstr_guest_channel *channel)
{
	size_t sum = channel->wire.len - channel->written;

	for (int i = 0; i < KTSTR_LANE_COUNT; i++)
		sum += channel->lanes[i].entries.len - channel->lanes[i].taken;
	return sum;
}

/* Drops what was taken once it is the larger part, so that moving the rest stays cheap. */
static void compact(struct ktstr_buf *b, size_t *taken)
{
	if (!*taken || *taken * 2 < b->len)
		return;
	memmove(b->data, b->data + *taken, b->len - *taken);
	b->len -= *taken;
	*taken = 0;
}

/* Encodes waiting entries until about one write is there. False when memory is out. */
static bool encode_more(struct ktstr_guest_channel *channel)
{
	for (int i = 0; i < KTSTR_LANE_COUNT; i++) {
		struct ktstr_buf *b = &channel->lanes[i].entries;
		size_t *taken = &channel->lanes[i].taken;

		while (*taken < b->len && channel->wire.len < WRITE_MAX) {
			struct ktstr_frame frame = { .seq = channel->out_seq };
			struct entry entry;

			memcpy(&entry, b->data + *taken, sizeof(entry));
			frame.type = entry.type;
			frame.guest_ns = entry.guest_ns;
			frame.payload = b->data + *taken + sizeof(entry);
			frame.len = entry.len;
			ktstr_frame_put(&channel->wire, &frame);
			if (channel->wire.failed)
				return channel->wire.failed = false;
			channel->out_seq++;
			*taken += sizeof(entry) + entry.len;
		}
		compact(b, taken);
	}
	return true;
}

int ktstr_guest_channel_flush(struct ktstr_guest_channel *channel, struct ktstr_err *err)
{
	struct ktstr_buf *wire = &channel->wire;

	for (;;) {
		size_t left;
		ssize_t n;

		if (channel->written == wire->len) {
			wire->len = channel->written = 0;
			if (!encode_more(channel) && !wire->len)
				return ktstr_err_nomem(err);
			if (!wire->len)
				return 0;
		}
		left = wire->len - channel->written;
		n = write(channel->source.fd, wire->data + channel->written,
			  left < WRITE_MAX ? left : WRITE_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return ktstr_err_errno(err, errno, "writing to the channel");
		channel->written += (size_t)n;
	}
}

static int take_frames(struct ktstr_guest_channel *channel, ktstr_frame_fn *fn, void *ctx,
		       struct ktstr_err *err)
{
	struct ktstr_frame frame;
	int ret;

	while ((ret = ktstr_framer_next(&channel->in, &frame, err)) > 0) {
		if (frame.seq != channel->in_seq)
			return ktstr_err_set(
				err, -EBADMSG, "frame %llu came where frame %llu was due",
				(unsigned long long)frame.seq, (unsigned long long)channel->in_seq);
		channel->in_seq++;
		fn(ctx, &frame);
	}
	return ret;
}

int ktstr_guest_channel_receive(struct ktstr_guest_channel *channel, ktstr_frame_fn *fn, void *ctx,
			  struct ktstr_err *err)
{
	int ret = 0;

	while (!ret && channel->source.fd >= 0) {	/* `fn` may close it */
		void *room = ktstr_framer_room(&channel->in, 64 * 1024);
		ssize_t n;

		if (!room)
			return ktstr_err_nomem(err);
		n = read(channel->source.fd, room, 64 * 1024);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != ECONNRESET)
			return ktstr_err_errno(err, errno, "reading from the channel");
		if (n <= 0) {
			channel->at_end = !channel->is_port;
			return 0;
		}
		if (channel->broken)
			continue;
		ktstr_framer_filled(&channel->in, (size_t)n);
		ret = take_frames(channel, fn, ctx, err);
		channel->broken = ret < 0;
	}
	return ret;
}
