/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: frames in both directions over one non-blocking descriptor.
 *
 * The agent has two, the virtio port to the host and the socket to the engine; the engine has the
 * other end of that. What is sent is queued without a sequence number and gets it on its way out,
 * so that an urgent frame can overtake what waits. [one thread]
 */
#ifndef KTSTR_AGENT_CHANNEL_H
#define KTSTR_AGENT_CHANNEL_H

#include "agent/loop.h"
#include "wire/frame.h"
#include "wire/message.h"

enum ktstr_lane { KTSTR_LANE_URGENT, KTSTR_LANE_NORMAL, KTSTR_LANE_COUNT };

struct ktstr_guest_channel {
	struct ktstr_source source;
	bool is_port;			/* a virtio port: reading nothing is not its end */
	bool at_end;			/* the other side closed it */
	bool broken;			/* what comes in is no frames: it is read and dropped */
	struct ktstr_framer in;
	struct {
		struct ktstr_buf entries;
		size_t taken;
	} lanes[KTSTR_LANE_COUNT];
	struct ktstr_buf wire;		/* encoded, being written */
	size_t written;
	uint64_t out_seq, in_seq;
	uint64_t lost;			/* records that memory was missing for */
};

typedef void ktstr_frame_fn(void *ctx, const struct ktstr_frame *frame);

/* Takes the descriptor over. source.ready, .ctx and .rank are the caller's to set before the
 * source is watched; it is edge-triggered, so read and write until they would block. */
void ktstr_guest_channel_init(struct ktstr_guest_channel *channel, int fd, bool is_port);
void ktstr_guest_channel_deinit(struct ktstr_guest_channel *channel, struct ktstr_loop *loop);

/* Queues a frame. It goes out with the next flush. */
void ktstr_guest_channel_send(struct ktstr_guest_channel *channel, enum ktstr_lane lane,
			      uint32_t type, uint64_t guest_ns, const void *payload, size_t len);

/* Bytes that wait to be written. */
size_t ktstr_guest_channel_pending(const struct ktstr_guest_channel *channel);

/* Writes until nothing is left or the descriptor would block. */
int ktstr_guest_channel_flush(struct ktstr_guest_channel *channel, struct ktstr_err *err);

/* Reads until it would block and hands every whole frame to `fn`. -EBADMSG when the bytes are no
 * frames or one is missing: told once, from then on all input is dropped. Sets at_end. */
int ktstr_guest_channel_receive(struct ktstr_guest_channel *channel, ktstr_frame_fn *fn, void *ctx,
			  struct ktstr_err *err);

#endif
