/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/channel.h"
#include "agent/report.h"

#include "base/clock.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ktstr_loop loop;
static struct ktstr_guest_channel a, b;
static struct ktstr_buf got;	/* "type " for each frame that came to b */

static void take(void *ctx, const struct ktstr_frame *frame)
{
	(void)ctx;
	ktstr_buf_printf(&got, "%u ", frame->type);
}

static void b_ready(void *ctx, uint32_t events)
{
	(void)ctx, (void)events;
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, NULL), 0);
}

static void setup(void)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	cr_assert_eq(ktstr_loop_init(&loop, NULL), 0);
	ktstr_guest_channel_init(&a, fds[0], false);
	ktstr_guest_channel_init(&b, fds[1], false);
	b.source.ready = b_ready;
}

static void teardown(void)
{
	ktstr_guest_channel_deinit(&a, &loop);
	ktstr_guest_channel_deinit(&b, &loop);
	ktstr_loop_deinit(&loop);
	ktstr_buf_free(&got);
}

static const uint8_t empty[] = { 0xbf, 0xff };

static void expect_got(const char *text)
{
	ktstr_put_byte(&got, 0);
	cr_assert_str_eq((char *)got.data, text);
	got.len = 0;
}

static void send_big(uint32_t type, size_t len)
{
	struct ktstr_buf fields = { 0 };
	char *bytes = calloc(1, len);

	ktstr_put_begin(&fields);
	ktstr_put_bytes(&fields, "b", bytes, len);
	ktstr_put_end(&fields);
	ktstr_guest_channel_send(&a, KTSTR_LANE_NORMAL, type, 1, fields.data, fields.len);
	ktstr_buf_free(&fields);
	free(bytes);
}

Test(channel, frames_arrive_in_order_and_numbered, .init = setup, .fini = teardown)
{
	for (uint32_t i = 1; i <= 3; i++)
		ktstr_guest_channel_send(&a, KTSTR_LANE_NORMAL, i, 0, empty, sizeof(empty));
	cr_assert_neq(ktstr_guest_channel_pending(&a), 0);
	cr_assert_eq(ktstr_guest_channel_flush(&a, NULL), 0);
	cr_assert_eq(ktstr_guest_channel_pending(&a), 0);
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, NULL), 0);
	expect_got("1 2 3 ");
	cr_assert_eq(b.in_seq, 3);
}

Test(channel, an_urgent_frame_overtakes_what_waits, .init = setup, .fini = teardown)
{
	for (uint32_t i = 1; i <= 3; i++)
		send_big(i, 600000);
	ktstr_guest_channel_send(&a, KTSTR_LANE_URGENT, 9, 0, empty, sizeof(empty));
	for (int i = 0; i < 10000 && ktstr_guest_channel_pending(&a); i++) {
		cr_assert_eq(ktstr_guest_channel_flush(&a, NULL), 0);
		cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, NULL), 0);
	}
	expect_got("9 1 2 3 ");
}

Test(channel, a_full_socket_takes_the_rest_later, .init = setup, .fini = teardown)
{
	send_big(1, 3 << 20);
	cr_assert_eq(ktstr_loop_watch(&loop, &b.source, NULL), 0);
	cr_assert_eq(ktstr_guest_channel_flush(&a, NULL), 0);
	cr_assert_neq(ktstr_guest_channel_pending(&a), 0, "a socket holds less than that");
	while (ktstr_guest_channel_pending(&a)) {
		cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
		cr_assert_eq(ktstr_guest_channel_flush(&a, NULL), 0);
	}
	cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	expect_got("1 ");
}

Test(channel, a_missing_frame_breaks_it_once, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	a.out_seq = 1;
	ktstr_guest_channel_send(&a, KTSTR_LANE_NORMAL, 5, 0, empty, sizeof(empty));
	ktstr_guest_channel_flush(&a, NULL);
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, &err), -EBADMSG);
	cr_assert_str_eq(err.msg, "frame 1 came where frame 0 was due");
	ktstr_guest_channel_send(&a, KTSTR_LANE_NORMAL, 5, 0, empty, sizeof(empty));
	ktstr_guest_channel_flush(&a, NULL);
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, &err), 0,
		     "what follows is dropped");
	expect_got("");
}

Test(channel, garbage_breaks_it, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(write(a.source.fd, "hello, this is no frame", 23), 23);
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, &err), -EBADMSG);
	cr_assert(strstr(err.msg, "no frame here"), "%s", err.msg);
}

Test(channel, the_end_of_a_socket_is_an_end_but_an_idle_port_is_none, .init = setup,
     .fini = teardown)
{
	ktstr_loop_forget(&loop, &a.source);
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, NULL), 0);
	cr_assert(b.at_end);
	b.at_end = false;
	b.is_port = true;
	cr_assert_eq(ktstr_guest_channel_receive(&b, take, NULL, NULL), 0);
	cr_assert_not(b.at_end);
}

Test(channel, writing_to_nobody_is_an_error, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	signal(SIGPIPE, SIG_IGN);
	ktstr_loop_forget(&loop, &b.source);
	ktstr_guest_channel_send(&a, KTSTR_LANE_NORMAL, 5, 0, empty, sizeof(empty));
	cr_assert_eq(ktstr_guest_channel_flush(&a, &err), -EPIPE);
	cr_assert_str_eq(err.msg, "writing to the channel: Broken pipe");
}

/* ---- the loop ---- */

struct pipe_source {
	struct ktstr_source source;
	int write, calls;
};

static void count(void *ctx, uint32_t events)
{
	(void)events;
	((struct pipe_source *)ctx)->calls++;
}

static void make_pipe(struct pipe_source *p, enum ktstr_rank rank)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	*p = (struct pipe_source){
		.source = { .fd = fds[0],
			    .events = EPOLLIN,
			    .rank = rank,
			    .ready = count,
			    .ctx = p },
		.write = fds[1],
	};
	cr_assert_eq(ktstr_loop_watch(&loop, &p->source, NULL), 0);
	cr_assert_eq(write(p->write, "x", 1), 1);
}

Test(loop, leaves_sources_behind_the_limit_alone, .init = setup, .fini = teardown)
{
	struct pipe_source bulk, evidence, control;

	make_pipe(&bulk, KTSTR_RANK_BULK);
	make_pipe(&control, KTSTR_RANK_CONTROL);
	ktstr_loop_limit(&loop, KTSTR_RANK_EVIDENCE);
	make_pipe(&evidence, KTSTR_RANK_EVIDENCE);
	close(bulk.write);	/* not even a hang-up wakes a held source */
	cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	cr_assert_eq(bulk.calls, 0);
	cr_assert_eq(evidence.calls, 1);
	cr_assert_eq(control.calls, 1);
	ktstr_loop_limit(&loop, KTSTR_RANK_CONTROL);
	cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	cr_assert_eq(evidence.calls, 1);
	ktstr_loop_limit(&loop, KTSTR_RANK_BULK);
	cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	cr_assert_eq(bulk.calls, 1);
	cr_assert_eq(evidence.calls, 2);
	ktstr_loop_forget(&loop, &bulk.source);
	ktstr_loop_forget(&loop, &evidence.source);
	ktstr_loop_forget(&loop, &control.source);
	close(evidence.write);
	close(control.write);
}

static void forget_other(void *ctx, uint32_t events)
{
	struct pipe_source *const *pair = ctx;

	(void)events;
	for (int i = 0; i < 2; i++)
		ktstr_loop_forget(&loop, &pair[i]->source);
}

Test(loop, a_source_may_be_forgotten_while_its_event_waits, .init = setup, .fini = teardown)
{
	struct pipe_source one, two, *pair[2] = { &one, &two };

	make_pipe(&one, KTSTR_RANK_CONTROL);
	make_pipe(&two, KTSTR_RANK_CONTROL);
	one.source.ready = two.source.ready = forget_other;
	one.source.ctx = two.source.ctx = pair;
	cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	cr_assert_eq(one.source.fd, -1);
	cr_assert_eq(two.source.fd, -1);
	close(one.write);
	close(two.write);
}

static void fire(void *ctx)
{
	++*(int *)ctx;
}

Test(loop, a_timer_fires_once, .init = setup, .fini = teardown)
{
	int fired = 0, other = 0;
	struct ktstr_timer timer = { .fire = fire, .ctx = &fired },
			   off = { .fire = fire, .ctx = &other };

	ktstr_loop_add_timer(&loop, &timer);
	ktstr_loop_add_timer(&loop, &off);
	timer.at_ns = ktstr_now_ns() + KTSTR_NSEC_PER_MSEC;
	while (!fired)
		cr_assert_eq(ktstr_loop_turn(&loop, NULL), 0);
	cr_assert_eq(fired, 1);
	cr_assert_eq(timer.at_ns, 0);
	cr_assert_eq(other, 0);
}

Test(report, ends_are_put_into_words)
{
	char text[64];

	ktstr_child_end_format(&(siginfo_t){ .si_code = CLD_EXITED, .si_status = 3 }, text,
			       sizeof(text));
	cr_assert_str_eq(text, "exited with code 3");
	ktstr_child_end_format(&(siginfo_t){ .si_code = CLD_KILLED, .si_status = SIGSEGV }, text,
			       sizeof(text));
	cr_assert_str_eq(text, "was killed by signal 11 (Segmentation fault)");
}
