/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-prober: in an attempt that repeats a crash, it attaches probes before the scheduler starts, and to the
 * scheduler's own programs while that waits at the gate, between their loading and their becoming the
 * kernel's scheduler. The agent is at the other end of descriptor 3.
 */
#include "agent/prober.h"

#include "agent/report.h"
#include "agent/spawn.h"
#include "base/clock.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define CHANNEL_FD 3

/* ---- what is told ---- */

static void say(struct ktstr_prober *p, enum ktstr_msg type)
{
	static const uint8_t empty[] = { 0xbf, KTSTR_CBOR_BREAK };

	ktstr_guest_channel_send(&p->agent, KTSTR_LANE_NORMAL, type, ktstr_now_ns(), empty, sizeof(empty));
	ktstr_guest_channel_flush(&p->agent, NULL);
}

static void report_enums(struct ktstr_prober *p)
{
	struct ktstr_field list, item;
	struct ktstr_fields it;

	if (!ktstr_get(&p->plan, "enums", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	for (it = list.sub; ktstr_item_next(&it, &item);) {
		struct ktstr_buf b = { 0 };

		if (item.type != KTSTR_FIELD_MAP)
			continue;
		ktstr_put_begin(&b);
		ktstr_prober_copy_fields(&b, &item.sub);
		ktstr_report(&p->agent, KTSTR_REC_ENUM, 0, &b);
	}
}

/* ---- what happens ---- */

/* A trigger fired; or a scheduler's programs are loaded and its process waits, or will in a moment. */
static int on_news(void *ctx, void *data, size_t size)
{
	const struct ktstr_news *news = data;
	struct ktstr_prober *p = ctx;

	if (size < sizeof(*news))
		return 0;
	if (news->what == KTSTR_NEWS_TRIGGERED) {	/* what is on the stack is not unloaded yet */
		ktstr_prober_report_trigger(p);
		ktstr_guest_channel_flush(&p->agent, NULL);
		return 0;
	}
	if (p->attached) {
		ktstr_prober_attach_programs(p);
		ktstr_prober_name_callbacks(p);
	}
	ktstr_guest_channel_flush(&p->agent, NULL);
	kill((pid_t)news->pid, SIGCONT);
	return 0;
}

static void news_ready(void *ctx, uint32_t events)
{
	struct ktstr_prober *p = ctx;

	(void)events;
	ring_buffer__consume(p->news_ring);
}

static int open_gate(struct ktstr_prober *p, struct ktstr_err *err)
{
	struct bpf_program *gate = bpf_object__find_program_by_name(p->gate, KTSTR_PROBER_GATE);
	struct ktstr_attachment *a = ktstr_vec_add(&p->attachments);

	if (!a)
		return ktstr_err_nomem(err);
	a->prog_fd = a->link_fd = -1;
	a->link = bpf_program__attach_kprobe(gate, true, "bpf_struct_ops_map_update_elem");
	return a->link ? 0 : ktstr_err_errno(err, errno, "watching for schedulers that are loaded");
}

static int watch_news(struct ktstr_prober *p, struct ktstr_err *err)
{
	p->news_ring = ring_buffer__new(bpf_object__find_map_fd_by_name(p->gate, "ktstr_news_ring"), on_news,
					p, NULL);
	if (!p->news_ring)
		return ktstr_err_errno(err, errno, "the probes' ring buffer");
	/* The loop closes what it watches, and libbpf its own. */
	p->news = (struct ktstr_source){
		.fd = fcntl(ring_buffer__epoll_fd(p->news_ring), F_DUPFD_CLOEXEC, 0), .events = EPOLLIN,
		.ready = news_ready, .ctx = p,
	};
	return ktstr_loop_watch(&p->loop, &p->news, err);
}

static int make_gate(struct ktstr_prober *p, struct ktstr_err *err)
{
	int ret = ktstr_prober_load_gate(p, err);

	if (!ret)
		ret = watch_news(p, err);
	return ret ? ret : open_gate(p, err);
}

/* The scheduler may start as soon as there is a gate that keeps it from being enabled: what is attached after that is
 * attached while it loads. What of it fails is told; the scheduler starts in any case. */
static void attach(struct ktstr_prober *p)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int gate = make_gate(p, &err), rest = gate;

	if (!gate)
		say(p, KTSTR_MSG_PROBES_READY);
	if (!gate)
		rest = ktstr_prober_load(p, &err);
	if (!rest) {
		report_enums(p);
		ktstr_prober_attach_kernel(p);
	} else {
		ktstr_report_fault(&p->agent, "prober", &err);
	}
	if (gate)
		say(p, KTSTR_MSG_PROBES_READY);
	p->attached = !rest;
	if (!rest && ktstr_prober_watch_loads(p, &err))
		ktstr_report_fault(&p->agent, "prober", &err);
	if (!rest)
		ktstr_prober_attach_programs(p);	/* what was loaded meanwhile */
	ktstr_guest_channel_flush(&p->agent, NULL);
}

/* ---- the agent ---- */

static void take_frame(void *ctx, const struct ktstr_frame *frame)
{
	struct ktstr_prober *p = ctx;

	if (frame->type == KTSTR_MSG_STOP)
		p->stopped = true;
	if (frame->type != KTSTR_MSG_PROBES || p->planned)
		return;
	ktstr_buf_add(&p->plan_bytes, frame->payload, frame->len);
	p->planned = !p->plan_bytes.failed &&
		     ktstr_fields_parse(p->plan_bytes.data, p->plan_bytes.len, &p->plan);
}

static void agent_ready(void *ctx, uint32_t events)
{
	struct ktstr_prober *p = ctx;
	bool planned = p->planned;

	if (events & (EPOLLIN | EPOLLHUP))
		ktstr_guest_channel_receive(&p->agent, take_frame, p, NULL);
	if (p->planned && !planned)
		attach(p);
	ktstr_guest_channel_flush(&p->agent, NULL);
	p->stopped = p->stopped || p->agent.at_end;
}

static int begin(struct ktstr_prober *p, struct ktstr_err *err)
{
	int ret;

	if (fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC))
		return ktstr_err_errno(err, errno, "no channel to the agent at descriptor %d: the prober is "
				       "started by ktstr-agent", CHANNEL_FD);
	ret = ktstr_loop_init(&p->loop, err);
	if (ret)
		return ret;
	ktstr_guest_channel_init(&p->agent, CHANNEL_FD, false);
	p->agent.source.ready = agent_ready;
	p->agent.source.ctx = p;
	return ktstr_loop_watch(&p->loop, &p->agent.source, err);
}

static int serve(struct ktstr_prober *p, struct ktstr_err *err)
{
	int ret = 0;

	while (!ret && !p->stopped)
		ret = ktstr_loop_turn(&p->loop, err);
	if (p->attached)
		ktstr_prober_drain(p);
	say(p, KTSTR_MSG_FINISHED);
	while (!ret && ktstr_guest_channel_pending(&p->agent) && !p->agent.at_end)
		ret = ktstr_loop_turn(&p->loop, err);
	return ret;
}

static void end(struct ktstr_prober *p)
{
	ring_buffer__free(p->news_ring);
	ktstr_loop_forget(&p->loop, &p->news);
	ktstr_prober_forget_loads(p);
	ktstr_prober_unload(p);
	btf__free(p->kernel_btf);
	ktstr_vec_free(&p->probed);
	ktstr_vec_free(&p->unnamed);
	ktstr_vec_free(&p->named);
	ktstr_guest_channel_deinit(&p->agent, &p->loop);
	ktstr_loop_deinit(&p->loop);
	ktstr_buf_free(&p->plan_bytes);
}

int main(void)
{
	struct ktstr_prober p = { .loop.epoll = -1, .news.fd = -1, .stats_fd = -1 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	ktstr_oom_adjust("-1000");
	ret = begin(&p, &err);
	if (!ret)
		ret = serve(&p, &err);
	if (ret)
		fprintf(stderr, "%s\n", err.msg);
	end(&p);
	ktstr_fifo_pass_on();
	return ret ? 1 : 0;
}
