/* SPDX-License-Identifier: GPL-2.0-only */
#include "wire/frame.h"

#include <zlib.h>

/* Byte offsets in the header. */
enum { H_MAGIC = 0, H_LEN = 4, H_TYPE = 8, H_CRC = 12, H_SEQ = 16, H_HOST = 24, H_GUEST = 32 };

static void put_le(uint8_t *p, uint64_t v, int width)
{
	for (int i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int width)
{
	uint64_t v = 0;

	for (int i = width - 1; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static uint32_t frame_crc(const uint8_t *header, const uint8_t *payload, size_t len)
{
	static const uint8_t zero[4];
	uLong crc = crc32(0, header, H_CRC);

	crc = crc32(crc, zero, sizeof(zero));
	crc = crc32(crc, header + H_SEQ, KTSTR_FRAME_HEADER - H_SEQ);
	return (uint32_t)(len ? crc32(crc, payload, (uInt)len) : crc);
}

void ktstr_frame_put(struct ktstr_buf *out, const struct ktstr_frame *frame)
{
	uint8_t h[KTSTR_FRAME_HEADER];

	put_le(h + H_MAGIC, KTSTR_FRAME_MAGIC, 4);
	put_le(h + H_LEN, frame->len, 4);
	put_le(h + H_TYPE, frame->type, 4);
	put_le(h + H_SEQ, frame->seq, 8);
	put_le(h + H_HOST, frame->host_ns, 8);
	put_le(h + H_GUEST, frame->guest_ns, 8);
	put_le(h + H_CRC, frame_crc(h, frame->payload, frame->len), 4);
	if (!ktstr_buf_reserve(out, sizeof(h) + frame->len))
		return;
	ktstr_buf_add(out, h, sizeof(h));
	ktstr_buf_add(out, frame->payload, frame->len);
}

size_t ktstr_frame_get_again(const void *data, size_t len, struct ktstr_frame *ret_frame)
{
	const uint8_t *h = data;
	size_t payload = len < KTSTR_FRAME_HEADER ? 0 : get_le(h + H_LEN, 4);

	if (len < KTSTR_FRAME_HEADER || len - KTSTR_FRAME_HEADER < payload)
		return 0;
	*ret_frame = (struct ktstr_frame){
		.type = (uint32_t)get_le(h + H_TYPE, 4),
		.seq = get_le(h + H_SEQ, 8),
		.host_ns = get_le(h + H_HOST, 8),
		.guest_ns = get_le(h + H_GUEST, 8),
		.payload = h + KTSTR_FRAME_HEADER,
		.len = payload,
	};
	return KTSTR_FRAME_HEADER + payload;
}

ssize_t ktstr_frame_get(const void *data, size_t len, struct ktstr_frame *ret_frame,
			struct ktstr_err *err)
{
	const uint8_t *h = data;
	struct ktstr_fields fields;
	size_t payload;

	if (len >= 4 && get_le(h + H_MAGIC, 4) != KTSTR_FRAME_MAGIC)
		return ktstr_err_set(err, -EBADMSG, "no frame here: magic is %#x, not %#x",
				     (unsigned)get_le(h + H_MAGIC, 4), KTSTR_FRAME_MAGIC);
	if (len < KTSTR_FRAME_HEADER)
		return 0;
	payload = get_le(h + H_LEN, 4);
	if (payload > KTSTR_FRAME_MAX)
		return ktstr_err_set(err, -EBADMSG, "frame of %zu bytes, the limit is %u", payload,
				     KTSTR_FRAME_MAX);
	if (len - KTSTR_FRAME_HEADER < payload)
		return 0;
	if (get_le(h + H_CRC, 4) != frame_crc(h, h + KTSTR_FRAME_HEADER, payload))
		return ktstr_err_set(err, -EBADMSG, "frame of type %u has a wrong checksum",
				     (unsigned)get_le(h + H_TYPE, 4));
	if (!ktstr_fields_parse(h + KTSTR_FRAME_HEADER, payload, &fields))
		return ktstr_err_set(err, -EBADMSG, "payload of a frame of type %u is no map of fields",
				     (unsigned)get_le(h + H_TYPE, 4));
	return (ssize_t)ktstr_frame_get_again(data, len, ret_frame);
}

void *ktstr_framer_room(struct ktstr_framer *framer, size_t want)
{
	struct ktstr_buf *b = &framer->pending;

	if (framer->taken) {
		memmove(b->data, b->data + framer->taken, b->len - framer->taken);
		b->len -= framer->taken;
		framer->taken = 0;
	}
	return ktstr_buf_reserve(b, want) ? b->data + b->len : NULL;
}

void ktstr_framer_filled(struct ktstr_framer *framer, size_t len)
{
	framer->pending.len += len;
}

int ktstr_framer_next(struct ktstr_framer *framer, struct ktstr_frame *ret_frame,
		      struct ktstr_err *err)
{
	struct ktstr_buf *b = &framer->pending;
	ssize_t n = ktstr_frame_get(b->data + framer->taken, b->len - framer->taken, ret_frame, err);

	if (n <= 0)
		return (int)n;
	framer->taken += (size_t)n;
	return 1;
}

void ktstr_framer_deinit(struct ktstr_framer *framer)
{
	ktstr_buf_free(&framer->pending);
	framer->taken = 0;
}
