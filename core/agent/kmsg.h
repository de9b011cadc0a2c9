/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel messages: /dev/kmsg, all that is there already and all that comes. [one thread] */
#ifndef KTSTR_AGENT_KMSG_H
#define KTSTR_AGENT_KMSG_H

#include "agent/channel.h"

/* One record of /dev/kmsg. `text` points into the caller's bytes, which were unescaped in place. */
struct ktstr_kmsg_record {
	unsigned level;		/* 0..7, without the facility */
	uint64_t seq, stamp_ns;
	struct ktstr_str text;
};

/* Parses "prio,seq,usec,flags[,...];text\n KEY=value\n...": the text without the key lines and
 * with \xNN turned back into bytes. False when it is no such record. */
bool ktstr_kmsg_parse(char *bytes, size_t len, struct ktstr_kmsg_record *ret);

struct ktstr_kmsg {
	struct ktstr_source source;
	struct ktstr_guest_channel *channel;
	uint64_t next_seq;	/* what should come next */
	bool begun;
	/* Told each message after it was reported. */
	void (*seen)(void *ctx, struct ktstr_str text);
	void *ctx;
};

/* Starts with the oldest message. channel, seen and ctx are set by the caller. */
int ktstr_kmsg_open(struct ktstr_kmsg *kmsg, struct ktstr_loop *loop, struct ktstr_err *err);

/* Reports what is there, but no more than a log buffer can hold. */
void ktstr_kmsg_drain(struct ktstr_kmsg *kmsg);

#endif
