/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/prober.h"

#include "agent/report.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define BATCH 128	/* events in one message */

struct batch {
	struct ktstr_prober *p;
	struct ktstr_buf events;
	size_t n;
};

static void send_batch(struct batch *batch)
{
	struct ktstr_buf b = { 0 };

	if (!batch->n)
		return;
	ktstr_put_begin(&b);
	ktstr_put_bytes(&b, "events", batch->events.data, batch->events.len);
	ktstr_put_end(&b);
	if (!b.failed && !batch->events.failed)
		ktstr_guest_channel_send(&batch->p->agent, KTSTR_LANE_NORMAL, KTSTR_MSG_PROBE_DATA, 0,
					 b.data, b.len);
	ktstr_buf_free(&b);
	batch->events.len = batch->n = 0;
	ktstr_guest_channel_flush(&batch->p->agent, NULL);
}

static void add_event(struct batch *batch, const struct ktstr_event *event)
{
	if (event->point == KTSTR_NO_POINT)
		return;
	ktstr_buf_add(&batch->events, event, sizeof(*event));
	if (++batch->n == BATCH)
		send_batch(batch);
}

static struct ktstr_ring *ring_of(const struct ktstr_prober *p, unsigned cpu)
{
	return (struct ktstr_ring *)(p->rings + cpu * sizeof(struct ktstr_ring));
}

/* Oldest first. One that was being written when all stopped has another number in it. */
static void drain_ring(struct batch *batch, const struct ktstr_ring *ring)
{
	uint64_t head = ring->head, n = head > KTSTR_RING_EVENTS ? head - KTSTR_RING_EVENTS : 0;

	for (; n < head; n++) {
		const struct ktstr_event *event = &ring->events[n % KTSTR_RING_EVENTS];

		if (event->n == n)
			add_event(batch, event);
	}
}

/* ---- what the rings do not have any more, but a task's own history has ---- */

struct old {
	const struct ktstr_event **items;
	size_t n;
};

static void collect_journey(struct old *old, const struct ktstr_prober *p, unsigned cpu,
			    const struct ktstr_journey *journey)
{
	uint64_t head = journey->head, n = head > KTSTR_JOURNEY_EVENTS ? head - KTSTR_JOURNEY_EVENTS : 0;

	for (; n < head; n++) {
		const struct ktstr_event *event = &journey->events[n % KTSTR_JOURNEY_EVENTS];

		if (event->cpu == cpu && event->n != UINT64_MAX &&
		    event->n + KTSTR_RING_EVENTS < ring_of(p, cpu)->head)
			old->items[old->n++] = event;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct ktstr_event *x = *(const struct ktstr_event *const *)a,
				 *y = *(const struct ktstr_event *const *)b;

	return x->n < y->n ? -1 : x->n > y->n;
}

static void drain_journeys(struct batch *batch, unsigned cpu)
{
	struct old old = { calloc(KTSTR_JOURNEYS * KTSTR_JOURNEY_EVENTS, sizeof(*old.items)), 0 };

	for (unsigned i = 0; old.items && i < KTSTR_JOURNEYS; i++)
		collect_journey(&old, batch->p, cpu,
				(struct ktstr_journey *)(batch->p->journeys + i * sizeof(struct ktstr_journey)));
	if (old.n)
		qsort(old.items, old.n, sizeof(*old.items), by_number);
	for (size_t i = 0; i < old.n; i++)
		add_event(batch, old.items[i]);
	free(old.items);
}

/* CPU by CPU, in the order in which they happened there. */
static void send_events(struct ktstr_prober *p)
{
	struct batch batch = { .p = p };

	for (unsigned cpu = 0; cpu < p->n_cpus; cpu++) {
		drain_journeys(&batch, cpu);
		drain_ring(&batch, ring_of(p, cpu));
	}
	send_batch(&batch);
	ktstr_buf_free(&batch.events);
}

void ktstr_prober_report_trigger(struct ktstr_prober *p)
{
	const struct ktstr_control *c = p->control;
	int bytes = c->stack_bytes;
	struct ktstr_buf b = { 0 };

	if (!c->fired || p->told_trigger)
		return;
	p->told_trigger = true;
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "point", c->point);
	ktstr_put_u64(&b, "cpu", c->cpu);
	ktstr_put_u64(&b, "n", c->n);
	ktstr_put_u64(&b, "pid", c->pid);
	ktstr_put_text(&b, "comm", c->comm, strnlen(c->comm, sizeof(c->comm)));
	ktstr_put_u64(&b, "kind", c->kind);
	ktstr_prober_put_stack(&b, (const uint64_t *)c->stack,
			       bytes > 0 ? (unsigned)((size_t)bytes / sizeof(c->stack[0])) : 0);
	ktstr_report(&p->agent, KTSTR_REC_PROBE_TRIGGER, c->time_ns, &b);
}

/* ---- the end ---- */

struct cost {
	uint64_t run_ns, runs, missed;
};

static void add_cost(struct cost *cost, int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &len))
		return;
	cost->run_ns += info.run_time_ns;
	cost->runs += info.run_cnt;
	cost->missed += info.recursion_misses;
}

static struct cost cost_of(const struct ktstr_prober *p)
{
	struct bpf_program *program;
	struct cost cost = { 0 };

	bpf_object__for_each_program(program, p->object)
		add_cost(&cost, bpf_program__fd(program));
	for (size_t i = 0; i < p->attachments.n; i++)
		add_cost(&cost, p->attachments.items[i].prog_fd);
	return cost;
}

static void send_end(struct ktstr_prober *p)
{
	struct cost cost = cost_of(p);
	uint64_t events = 0, lost = 0;
	struct ktstr_buf b = { 0 };

	for (unsigned cpu = 0; cpu < p->n_cpus; cpu++) {
		uint64_t head = ring_of(p, cpu)->head;

		events += head;
		lost += head > KTSTR_RING_EVENTS ? head - KTSTR_RING_EVENTS : 0;
	}
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "points", p->n_points);
	ktstr_put_u64(&b, "attached", p->n_attached);
	ktstr_put_u64(&b, "events", events);
	ktstr_put_u64(&b, "lost", lost);
	ktstr_put_u64(&b, "missed", cost.missed);
	if (p->stats_fd >= 0) {
		ktstr_put_u64(&b, "runs", cost.runs);
		ktstr_put_u64(&b, "cost_ns", cost.run_ns);
	}
	ktstr_put_bool(&b, "triggered", p->control->fired);
	ktstr_report(&p->agent, KTSTR_REC_PROBE_END, 0, &b);
}

void ktstr_prober_drain(struct ktstr_prober *p)
{
	p->control->frozen = 2;
	__sync_synchronize();
	ktstr_prober_report_trigger(p);
	if (p->control->fired)
		send_events(p);
	send_end(p);
}
