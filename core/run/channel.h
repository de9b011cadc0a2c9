/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's end of the channel: frames out through a bounded queue, frames in. */
#ifndef KTSTR_RUN_CHANNEL_H
#define KTSTR_RUN_CHANNEL_H

#include "wire/frame.h"

#include <stdbool.h>

/* Below this many bytes in the queue its owner may put more. */
#define KTSTR_HOST_CHANNEL_LOW (1u << 20)

struct ktstr_host_channel {
	int fd;				/* borrowed from the vmm */
	struct ktstr_buf out;
	size_t sent;			/* bytes of `out` that are gone already */
	uint64_t out_seq, in_seq;
	struct ktstr_framer in;
	bool closed;			/* the other end is gone */
};

void ktstr_host_channel_init(struct ktstr_host_channel *channel, int fd);
void ktstr_host_channel_deinit(struct ktstr_host_channel *channel);

/* Queues a frame; it goes out when the descriptor takes it. -ENOMEM. */
int ktstr_host_channel_put(struct ktstr_host_channel *channel, uint32_t type, const struct ktstr_buf *payload,
		      struct ktstr_err *err);

static inline size_t ktstr_host_channel_queued(const struct ktstr_host_channel *channel)
{
	return channel->out.len - channel->sent;
}

/* What to poll for. */
short ktstr_host_channel_events(const struct ktstr_host_channel *channel);

/* Writes what the descriptor takes now. A closed other end is no error: see `closed`. */
int ktstr_host_channel_flush(struct ktstr_host_channel *channel, struct ktstr_err *err);

/* Reads a chunk of what is there now: 1 when bytes came, 0 when none wait or the other end is gone. */
int ktstr_host_channel_fill(struct ktstr_host_channel *channel, struct ktstr_err *err);

/* The next frame that has come in whole: 1, 0, or -EBADMSG. *ret_missing counts frames of the
 * sender's sequence that never came. */
int ktstr_host_channel_next(struct ktstr_host_channel *channel, struct ktstr_frame *ret_frame,
		       uint64_t *ret_missing, struct ktstr_err *err);

#endif
