/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/channel.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static struct ktstr_host_channel host, guest;

static void open_ends(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	ktstr_host_channel_init(&host, ends[0]);
	ktstr_host_channel_init(&guest, ends[1]);
}

static void close_ends(void)
{
	ktstr_host_channel_deinit(&host);
	ktstr_host_channel_deinit(&guest);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(channel, .init = open_ends, .fini = close_ends);

static void put_number(struct ktstr_host_channel *c, uint64_t number, size_t padding)
{
	struct ktstr_buf b = { 0 };
	char *zeros = calloc(1, padding);

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "number", number);
	ktstr_put_bytes(&b, "padding", zeros, padding);
	ktstr_put_end(&b);
	cr_assert_eq(ktstr_host_channel_put(c, 7, &b, NULL), 0);
	ktstr_buf_free(&b);
	free(zeros);
}

static uint64_t number_of(const struct ktstr_frame *frame)
{
	struct ktstr_fields f;
	uint64_t number = UINT64_MAX;

	cr_assert(ktstr_fields_parse(frame->payload, frame->len, &f));
	ktstr_get_u64(&f, "number", &number);
	return number;
}

/* More than any socket buffer takes goes through in order, and the queue does not grow with it. */
Test(channel, carries_more_than_the_socket_takes)
{
	enum { FRAMES = 600, PADDING = 20000 };
	uint64_t sent = 0, seen = 0, missing = 0;
	size_t most = 0;

	while (seen < FRAMES) {
		struct ktstr_frame frame;

		while (sent < FRAMES && ktstr_host_channel_queued(&host) < KTSTR_HOST_CHANNEL_LOW)
			put_number(&host, sent++, PADDING);
		cr_assert_eq(ktstr_host_channel_flush(&host, NULL), 0);
		most = host.out.cap > most ? host.out.cap : most;
		cr_assert_geq(ktstr_host_channel_fill(&guest, NULL), 0);
		while (ktstr_host_channel_next(&guest, &frame, &missing, NULL) > 0) {
			cr_assert_eq(number_of(&frame), seen++);
			cr_assert_eq(missing, 0);
		}
	}
	cr_assert_lt(most, 8 * KTSTR_HOST_CHANNEL_LOW, "the queue grew to %zu bytes", most);
}

Test(channel, an_end_that_is_gone_is_told)
{
	close(ends[1]);
	ends[1] = -1;
	put_number(&host, 1, 100);
	cr_assert_eq(ktstr_host_channel_flush(&host, NULL), 0);
	cr_assert(host.closed);
	cr_assert_eq(ktstr_host_channel_events(&host), 0);
	cr_assert_eq(ktstr_host_channel_fill(&host, NULL), 0);
}

Test(channel, a_frame_from_the_past_is_refused)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_frame frame;
	uint64_t missing;

	put_number(&host, 1, 10);
	host.out_seq = 0;
	put_number(&host, 2, 10);
	ktstr_host_channel_flush(&host, NULL);
	ktstr_host_channel_fill(&guest, NULL);
	cr_assert_eq(ktstr_host_channel_next(&guest, &frame, &missing, &err), 1);
	cr_assert_eq(ktstr_host_channel_next(&guest, &frame, &missing, &err), -EBADMSG);
	cr_assert(strstr(err.msg, "frame 0 came after frame 0"), "%s", err.msg);
}
