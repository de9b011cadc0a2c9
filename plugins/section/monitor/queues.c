/* SPDX-License-Identifier: GPL-2.0-only */
#include "monitor.h"

#define DEPTH_PLAUSIBLE 10000		/* deeper: the sample is of something else than a queue */
#define RUN_TICKS_NS \
	40000000ull /* ten ticks of 250 Hz: a vCPU that ran that long has moved its clock */

void track(struct tracker *t, bool above, double value, uint64_t at_ns)
{
	if (!above) {
		t->now = 0;
		return;
	}
	if (!t->now++) {
		t->begin_ns = at_ns;
		t->now_worst = value;
	}
	if (value > t->now_worst)
		t->now_worst = value;
	if (t->now <= t->longest)
		return;
	t->longest = t->now;
	t->longest_begin_ns = t->begin_ns;
	t->longest_end_ns = at_ns;
	t->worst = t->now_worst;
}

void queues_vcpus(struct queues *q, const struct ktstr_record *record)
{
	struct ktstr_fields it;
	struct ktstr_field f;

	if (!ktstr_get_sub(&record->fields, "cpu_ns", &it))
		return;
	for (size_t i = 0; i < CPUS_MAX && ktstr_item_next(&it, &f); i++)
		if (f.type == KTSTR_FIELD_U64) {
			q->cpus[i].vcpu_ns = f.u64;
			q->cpus[i].vcpu_known = true;
		}
}

/*
 * A CPU with tasks whose clock stands still although its vCPU ran on the host for ten ticks since.
 * One that the host did not let run, or of which that is not known, is not stalled.
 */
static void follow_clock(struct cpu *c, const struct ktstr_fields *f, uint64_t at_ns)
{
	uint64_t clock = number(f, "clock"), running = number(f, "nr_running");
	bool still = c->known && clock && clock == c->clock && (running || c->nr_running);

	if (!still)
		c->cpu_ns = c->vcpu_ns;
	track(&c->stall, still && c->vcpu_known && c->vcpu_ns - c->cpu_ns >= RUN_TICKS_NS, 0,
	      at_ns);
	c->clock = clock;
	c->nr_running = running;
	c->known = true;
}

struct sums {
	uint64_t max, min, running, depth, depth_max, depth_cpu;
	size_t n;
};

static struct sums sum_cpus(struct queues *q, struct ktstr_fields cpus, uint64_t at_ns)
{
	struct sums s = { .min = UINT64_MAX };
	struct ktstr_field f;

	for (; s.n < CPUS_MAX && ktstr_item_next(&cpus, &f) && f.type == KTSTR_FIELD_MAP; s.n++) {
		uint64_t running = number(&f.sub, "nr_running"),
			 depth = number(&f.sub, "local_dsq");

		follow_clock(&q->cpus[s.n], &f.sub, at_ns);
		s.max = running > s.max ? running : s.max;
		s.min = running < s.min ? running : s.min;
		s.running += running;
		s.depth += depth;
		if (depth >= s.depth_max) {
			s.depth_max = depth;
			s.depth_cpu = s.n;
		}
	}
	return s;
}

static void add_valid(struct queues *q, const struct sums *s, uint64_t at_ns,
		      const struct thresholds *t)
{
	double imbalance = (double)s->max / (double)(s->min ? s->min : 1);

	if (imbalance < 1)
		imbalance = 1;		/* nobody runs anything */
	if (imbalance > q->imbalance_max) {
		q->imbalance_max = imbalance;
		q->imbalance_max_ns = at_ns;
	}
	if (s->depth_max > q->depth_max || !q->depth_ns) {
		q->depth_max = s->depth_max;
		q->depth_cpu = s->depth_cpu;
		q->depth_ns = at_ns;
	}
	q->imbalance_sum += imbalance;
	q->depth_sum += (double)s->depth;
	q->running_sum += (double)s->running;
	q->readings += s->n;
	track(&q->imbalance, imbalance > (double)t->imbalance, imbalance, at_ns);
	track(&q->depth, s->depth_max > t->depth, (double)s->depth_max, at_ns);
}

void queues_sample(struct queues *q, const struct ktstr_record *record, const struct thresholds *t)
{
	struct ktstr_fields cpus;
	struct sums s;

	if (!ktstr_get_sub(&record->fields, "cpus", &cpus))
		return;
	if (!q->samples++)
		q->first_ns = record->host_ns;
	q->last_ns = record->host_ns;
	q->period_ns = number(&record->fields, "period_ns");
	s = sum_cpus(q, cpus, record->host_ns);
	q->n_cpus = s.n > q->n_cpus ? s.n : q->n_cpus;
	if (s.n && s.depth_max <= DEPTH_PLAUSIBLE)
		add_valid(q, &s, record->host_ns, t);
	else
		q->invalid++;
}

const struct cpu *queues_stalled(const struct queues *q)
{
	const struct cpu *worst = NULL;

	for (size_t i = 0; i < q->n_cpus; i++)
		if (q->cpus[i].stall.longest &&
		    (!worst || q->cpus[i].stall.longest > worst->stall.longest))
			worst = &q->cpus[i];
	return worst;
}
