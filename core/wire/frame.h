/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: the one byte format of the host-guest channel and of journal files.
 *
 * A frame is a 40-byte little-endian header and a payload (one CBOR map, ktstr/fields.h). The
 * CRC (zlib's crc32) covers the header with its crc field zero, and the payload, so a torn or
 * flipped frame is noticed. The decoder trusts nothing: lengths are bounded, types may be unknown.
 */
#ifndef KTSTR_WIRE_FRAME_H
#define KTSTR_WIRE_FRAME_H

#include <ktstr/err.h>
#include <ktstr/record.h>

#define KTSTR_FRAME_MAGIC 0x4652544bu		/* "KTRF" */
#define KTSTR_FRAME_HEADER 40
#define KTSTR_FRAME_MAX (4u << 20)		/* largest payload */

struct ktstr_frame {
	uint32_t type;			/* enum ktstr_rec or enum ktstr_msg */
	uint64_t seq;			/* counts up from 0 per sender; a gap means loss */
	uint64_t host_ns, guest_ns;	/* as in struct ktstr_record */
	const uint8_t *payload;		/* borrowed */
	size_t len;
};

/* Appends header and payload to `out`. */
void ktstr_frame_put(struct ktstr_buf *out, const struct ktstr_frame *frame);

/* Decodes the frame at the beginning of `data`. Returns its whole length; 0 when more bytes are
 * needed; -EBADMSG with a message when this is no frame (magic, length, CRC, payload no map). */
ssize_t ktstr_frame_get(const void *data, size_t len, struct ktstr_frame *ret_frame,
			struct ktstr_err *err);

/* The same for a frame that ktstr_frame_get() has let through before: its checksum is not computed and its payload
 * not checked again, which is most of what reading costs. 0 when it is not whole. */
size_t ktstr_frame_get_again(const void *data, size_t len, struct ktstr_frame *ret_frame);

/* Frames out of a byte stream. Zero-initialise; release with ktstr_framer_deinit(). */
struct ktstr_framer {
	struct ktstr_buf pending;
	size_t taken;			/* bytes of `pending` already handed out */
};

/* A place for up to `want` more bytes of the stream; NULL when memory is out. Tell
 * ktstr_framer_filled() how many came. Invalidates frames handed out before. */
void *ktstr_framer_room(struct ktstr_framer *framer, size_t want);
void ktstr_framer_filled(struct ktstr_framer *framer, size_t len);

/* The next whole frame: 1; 0 when more bytes are needed; -EBADMSG. Valid until the next room(). */
int ktstr_framer_next(struct ktstr_framer *framer, struct ktstr_frame *ret_frame,
		      struct ktstr_err *err);
void ktstr_framer_deinit(struct ktstr_framer *framer);

#endif
