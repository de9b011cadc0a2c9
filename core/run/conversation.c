/* SPDX-License-Identifier: GPL-2.0-only */
/* The conversation with the guest's agent (wire/message.h), from HELLO to BYE. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "run/attempt-internal.h"

#include <sys/random.h>

#define CLOCK_ROUNDS 5
#define CLOCK_TOO_FAR 1.25	/* times faster or slower than the host's */

/* ---- out ---- */

static int send_empty(struct attempt *a, enum ktstr_msg type)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_end(&b);
	return ktstr_host_channel_put(&a->channel, type, &b, a->err);
}

int conversation_greet(struct attempt *a)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	uint8_t seed[KTSTR_GREET_SEED];
	struct timespec now;
	int ret;

	a->greeted = true;
	a->channel.in_seq = a->channel.out_seq = 0;	/* both ends count from here */
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return ktstr_err_errno(a->err, errno, "random bytes for the guest");
	clock_gettime(CLOCK_REALTIME, &now);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "wall_time_ns", ktstr_timespec_ns(&now));
	ktstr_put_bytes(&b, "seed", seed, sizeof(seed));
	ktstr_put_str(&b, "host_name", a->p->plan->test);
	ktstr_put_end(&b);
	ret = ktstr_host_channel_put(&a->channel, KTSTR_MSG_GREET, &b, a->err);
	return ret ? ret : ktstr_host_channel_flush(&a->channel, a->err);
}

static int send_clock(struct attempt *a)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	a->clock.sent_ns = ktstr_now_ns() - a->start_ns;
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", a->clock.done);
	ktstr_put_u64(&b, "host_ns", a->clock.sent_ns);
	ktstr_put_end(&b);
	return ktstr_host_channel_put(&a->channel, KTSTR_MSG_CLOCK, &b, a->err);
}

static int send_plan(struct attempt *a)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	int ret = ktstr_payload_plan(a->p->payload, a->p->plan, a->p->options->backtrace, a->slowness,
				     &b, a->err);

	return ret ? ret : ktstr_host_channel_put(&a->channel, KTSTR_MSG_PLAN, &b, a->err);
}

/* Once the files are there that the prober needs: it gets ready while the others are on their way. */
static int send_probes(struct attempt *a)
{
	if (!a->p->probes || a->sent_probes || a->cursor.file < a->p->payload->n_prober)
		return 0;
	a->sent_probes = true;
	return ktstr_host_channel_put(&a->channel, KTSTR_MSG_PROBES, &a->p->probes->guest, a->err);
}

bool conversation_has_more(const struct attempt *a)
{
	return a->phase == PHASE_PUSHING && !a->sent_all;
}

int conversation_pump(struct attempt *a)
{
	int ret = 0;

	while (conversation_has_more(a) && !ret &&
	       ktstr_host_channel_queued(&a->channel) < KTSTR_HOST_CHANNEL_LOW) {
		_cleanup_buf_ struct ktstr_buf piece = { 0 };

		ret = send_probes(a);
		if (!ret)
			ret = ktstr_payload_next(a->p->payload, &a->cursor, &piece, a->err);
		if (ret == 1) {
			ret = ktstr_host_channel_put(&a->channel, KTSTR_MSG_FILE, &piece, a->err);
		} else if (!ret) {
			a->sent_all = true;
			ret = send_plan(a);
			if (!ret)
				ret = send_empty(a, KTSTR_MSG_START);
		}
	}
	return ret;
}

/* ---- in ---- */

static int protocol_error(struct attempt *a, const char *text)
{
	int ret = attempt_fault(a, KTSTR_FAULT_PROTOCOL, text, strlen(text));

	return ret ? ret : attempt_leave(a);
}

/* Once settled, the machine is what every run of it begins with. */
static int on_waiting(struct attempt *a)
{
	int (*checkpoint)(struct ktstr_vmm *vmm, struct ktstr_err *err) =
		KTSTR_OP(a->ops, struct ktstr_vmm_ops, checkpoint);

	if (a->greeted)
		return protocol_error(a, "the agent waited twice");
	if (!checkpoint || a->machine.template_use == KTSTR_TEMPLATE_OFF)
		return conversation_greet(a);
	if (a->settled)
		return checkpoint(a->vmm, a->err);
	a->settled = true;
	return send_empty(a, KTSTR_MSG_SETTLE);
}

static int on_hello(struct attempt *a, const struct ktstr_fields *f)
{
	uint64_t protocol = 0;
	char text[128];

	if (a->phase != PHASE_BOOTING || !a->greeted)
		return protocol_error(a, "the agent said hello unasked");
	if (!ktstr_get_u64(f, "protocol", &protocol) || protocol != KTSTR_PROTOCOL) {
		snprintf(text, sizeof(text), "the agent speaks protocol %llu, this ktstr %u",
			 (unsigned long long)protocol, KTSTR_PROTOCOL);
		return protocol_error(a, text);
	}
	if (a->p->summary) {
		a->p->summary->hello = true;
		a->p->summary->cloned = a->cloned;
	}
	if (a->p->warm)
		return attempt_leave(a);
	attempt_enter(a, PHASE_CLOCK);
	return send_clock(a);
}

/*
 * How many times faster the guest's clock runs than the host's, for certain: whatever the exchanges took, at most the time
 * between the first ping and the last echo went by, and at least that between the first echo and the last ping.
 * Below 1: slower. 1: it may be right.
 */
static double clock_speed(const struct clock_round *c, uint64_t heard_ns, uint64_t guest_ns)
{
	double guest = (double)(guest_ns - c->first_guest_ns);
	double at_most = (double)(heard_ns - c->first_sent_ns);
	double at_least = c->sent_ns > c->first_heard_ns ? (double)(c->sent_ns - c->first_heard_ns) : 0;

	if (guest_ns < c->first_guest_ns)
		return 0;
	return guest > at_most ? guest / at_most : guest < at_least ? guest / at_least : 1;
}

/*
 * A kernel that finds out how fast the TSC runs while the host keeps its CPU waiting may get it wrong by far, and everything
 * that it times then. It is seldom, so another one is booted; that one's clock decides.
 */
static int clock_is_wrong(struct attempt *a, double speed)
{
	char text[200];

	snprintf(text, sizeof(text), "its clock ran at %.2f times the speed of the host's", speed);
	if (a->cloned || !a->booted_anew)
		return attempt_boot_instead(a, text);
	snprintf(text, sizeof(text), "its clock runs at %.2f times the speed of the host's, that of another VM before it did, "
		 "too: the host was too busy when the kernel measured its TSC", speed);
	if (attempt_fault(a, KTSTR_FAULT_CLOCK, text, strlen(text)))
		return a->err->code;
	return attempt_leave(a);
}

/* The guest's clock at the middle of the shortest exchange is the best estimate. */
static int on_clock(struct attempt *a, const struct ktstr_fields *f)
{
	uint64_t now = ktstr_now_ns() - a->start_ns, n = 0, guest_ns = 0, rtt;
	struct ktstr_buf b = { 0 };
	double speed;

	if (a->phase != PHASE_CLOCK || !ktstr_get_u64(f, "n", &n) || n != a->clock.done ||
	    !ktstr_get_u64(f, "guest_ns", &guest_ns))
		return 0;	/* an echo from before Ctrl-C */
	rtt = now - a->clock.sent_ns;
	if (!a->clock.done) {
		a->clock.first_sent_ns = a->clock.sent_ns;
		a->clock.first_heard_ns = now;
		a->clock.first_guest_ns = guest_ns;
	}
	if (!a->clock.done || rtt < a->clock.best_rtt_ns) {
		a->clock.best_rtt_ns = rtt;
		a->clock.offset_ns = (int64_t)guest_ns - (int64_t)(a->clock.sent_ns + rtt / 2);
	}
	if (++a->clock.done < CLOCK_ROUNDS)
		return send_clock(a);
	speed = clock_speed(&a->clock, now, guest_ns);
	if (speed > CLOCK_TOO_FAR || speed < 1 / CLOCK_TOO_FAR)
		return clock_is_wrong(a, speed);
	ktstr_put_begin(&b);
	ktstr_put_s64(&b, "offset_ns", a->clock.offset_ns);
	ktstr_put_u64(&b, "rtt_ns", a->clock.best_rtt_ns);
	ktstr_put_u64(&b, "rounds", a->clock.done);
	if (attempt_record(a, KTSTR_REC_CLOCK, &b))
		return a->err->code;
	attempt_enter(a, PHASE_PUSHING);
	return conversation_pump(a);
}

static int on_topology(struct attempt *a, const struct ktstr_fields *f)
{
	const struct ktstr_topology *want = &a->p->plan->topology;
	struct ktstr_topology got;
	uint64_t nodes = 0, llcs = 0, cores = 0, threads = 0;
	char want_text[32], got_text[32], text[128];

	ktstr_get_u64(f, "nodes", &nodes);
	ktstr_get_u64(f, "llcs", &llcs);
	ktstr_get_u64(f, "cores", &cores);
	ktstr_get_u64(f, "threads", &threads);
	got = (struct ktstr_topology){ (uint32_t)nodes, (uint32_t)llcs, (uint32_t)cores,
				       (uint32_t)threads };
	if (!memcmp(want, &got, sizeof(got)))
		return 0;
	ktstr_topology_format(want, want_text, sizeof(want_text));
	ktstr_topology_format(&got, got_text, sizeof(got_text));
	snprintf(text, sizeof(text), "asked for %s, the guest has %s", want_text, got_text);
	if (attempt_fault(a, KTSTR_FAULT_TOPOLOGY, text, strlen(text)))
		return a->err->code;
	return attempt_stop_guest(a, text);
}

static int on_done(struct attempt *a)
{
	int ret = attempt_stage(a, KTSTR_STAGE_DONE);

	if (!ret)
		ret = send_empty(a, KTSTR_MSG_BYE);
	if (!ret)
		ret = ktstr_host_channel_flush(&a->channel, a->err);
	return ret ? ret : attempt_leave(a);
}

static int on_kmsg(struct attempt *a, const struct ktstr_fields *f)
{
	struct ktstr_str text = { "", 0 };

	ktstr_get_str(f, "text", &text);
	return watch_line(a, text.s, text.len);
}

/* A point that makes no sense has no events that do. */
static int on_probe_point(struct attempt *a, const struct ktstr_fields *f)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!a->probe_events || !ktstr_probe_events_point(a->probe_events, f, &err))
		return 0;
	return attempt_note(a, err.msg);
}

static int on_probe_data(struct attempt *a, const struct ktstr_fields *f)
{
	struct ktstr_buf b = { 0 };
	uint64_t unknown = 0;
	int ret;

	if (!a->probe_events)
		return protocol_error(a, "probe data that nobody asked for");
	ret = ktstr_probe_events_write(a->probe_events, f, a->journal, &unknown, a->err);
	if (ret || !unknown)
		return ret;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "source", "probes");
	ktstr_put_u64(&b, "count", unknown);
	return attempt_record(a, KTSTR_REC_LOST, &b);
}

/* ---- operations of the host ---- */

static int send_answer(struct attempt *a, const struct ktstr_err *answer)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_bool(&b, "ok", !answer->code);
	ktstr_put_str(&b, "text", answer->msg);
	ktstr_put_end(&b);
	return ktstr_host_channel_put(&a->channel, KTSTR_MSG_ANSWER, &b, a->err);
}

static int on_ask(struct attempt *a, const struct ktstr_fields *f)
{
	struct ktstr_err refused = KTSTR_ERR_INIT;
	uint64_t step = 0, op = 0;

	ktstr_get_u64(f, "step", &step);
	ktstr_get_u64(f, "op", &op);
	return ktstr_monitors_ask(a->monitors, step, op, &refused) ? send_answer(a, &refused) : 0;
}

int conversation_answer(struct attempt *a)
{
	struct ktstr_err answer = KTSTR_ERR_INIT;
	int ret = ktstr_monitors_answer(a->monitors, &answer) ? send_answer(a, &answer) : 0;

	if (!ret && ktstr_monitors_want_dump(a->monitors) && a->phase == PHASE_RUNNING)
		ret = send_empty(a, KTSTR_MSG_DUMP);
	return ret;
}

/* What a guest may put into the journal: its own kinds of records, and nothing in the host's name. */
static bool guest_may_say(uint32_t type)
{
	return type == KTSTR_REC_STAGE || type == KTSTR_REC_NOTE ||
	       (type >= KTSTR_REC_HELLO && type < KTSTR_REC_MAP_WRITE && type != KTSTR_REC_SAMPLE &&
		type != KTSTR_REC_REPRO && type != KTSTR_REC_PROBE_EVENT);
}

static int on_record(struct attempt *a, const struct ktstr_frame *frame, const struct ktstr_fields *f)
{
	int ret = ktstr_journal_append(a->journal, frame->type, frame->guest_ns, frame->payload,
				       frame->len, a->err);

	if (ret)
		return ret;
	ktstr_monitors_hear(a->monitors, frame->type, f);
	ktstr_sources_hear(a->sources, frame->type, f);
	switch (frame->type) {
	case KTSTR_REC_HELLO: return on_hello(a, f);
	case KTSTR_REC_TOPOLOGY: return on_topology(a, f);
	case KTSTR_REC_KMSG: return on_kmsg(a, f);
	case KTSTR_REC_DONE: return on_done(a);
	case KTSTR_REC_PROBE_POINT: return on_probe_point(a, f);
	case KTSTR_REC_STEP:
		attempt_reached(a, KTSTR_STAGE_STEP);
		return noise_record(a);
	case KTSTR_REC_STAGE:
		attempt_stage_from_guest(a, f);
		return 0;
	default: return 0;
	}
}

static int on_frame(struct attempt *a, const struct ktstr_frame *frame, uint64_t missing)
{
	struct ktstr_fields f;
	struct ktstr_buf b = { 0 };
	char text[64];

	if (missing) {
		ktstr_put_begin(&b);
		ktstr_put_str(&b, "source", "channel");
		ktstr_put_u64(&b, "count", missing);
		if (attempt_record(a, KTSTR_REC_LOST, &b))
			return a->err->code;
	}
	if (!ktstr_fields_parse(frame->payload, frame->len, &f))
		return protocol_error(a, "a frame without fields");
	if (frame->type == KTSTR_MSG_WAITING)
		return on_waiting(a);
	if (frame->type == KTSTR_MSG_CLOCK)
		return on_clock(a, &f);
	if (frame->type == KTSTR_MSG_PROBE_DATA)
		return on_probe_data(a, &f);
	if (frame->type == KTSTR_MSG_ASK)
		return on_ask(a, &f);
	if (guest_may_say(frame->type))
		return on_record(a, frame, &f);
	snprintf(text, sizeof(text), "a frame of type %u", frame->type);
	return protocol_error(a, text);
}

int conversation_frames(struct attempt *a)
{
	struct ktstr_err bad = KTSTR_ERR_INIT;
	struct ktstr_frame frame;
	uint64_t missing = 0;
	int ret = 0, n = 0;

	while (!ret && (n = ktstr_host_channel_next(&a->channel, &frame, &missing, &bad)) > 0) {
		attempt_heard(a);
		ret = on_frame(a, &frame, missing);
	}
	if (!ret && n < 0) {
		ret = protocol_error(a, bad.msg);
		a->channel.closed = true;	/* nothing that follows can be made sense of */
	}
	return ret;
}
