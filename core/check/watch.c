/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/watch.h"

#include "base/vec.h"

#include <ktstr/text.h>

#include <stdio.h>

#define DEPTH_PLAUSIBLE 10000		/* deeper: the sample is of something else than a queue */
#define RUN_TICKS_NS \
	40000000ull /* ten ticks of 250 Hz: a vCPU that ran that long has moved its clock */

/* Samples in a row above a limit, up to this one. */
struct tracker {
	uint64_t now, begin_ns;
	double worst;
	uint32_t cpu;
};

struct cpu {
	uint64_t clock, nr_running;
	uint64_t cpu_ns;		/* of its vCPU thread, when the clock last moved */
	uint64_t vcpu_ns;		/* of its vCPU thread, by the last sample of that */
	bool known, vcpu_known;
	struct tracker stall;
};

/* An event counter with a limit on its rate. */
struct rate {
	const char *name;
	enum ktstr_watch_rule rule;
	int64_t last;
	bool known;
};

/* Of the CPUs of a class, in one sample. */
struct spread {
	uint64_t longest, shortest;
	uint32_t at;			/* the CPU with the longest queue */
	bool any;
};

struct ktstr_watcher {
	struct ktstr_limits limits;
	bool scheduler;			/* one is under test: it has event counters */
	bool preparing;			/* a step's workers are being started */
	struct ktstr_watch pub;
	struct tracker trackers[KTSTR_WATCH_RULES];	/* that of stalls is unused */
	struct cpu *cpus;
	struct spread *spreads;		/* by class */
	struct ktstr_cpusets *cpusets;
	struct rate rates[2];
	uint64_t events_ns, events_id;	/* of the last sample of counters */
	bool keep, failed;
	KTSTR_VEC(struct ktstr_watch_sample) queues;
	KTSTR_VEC(struct ktstr_watch_rates) samples;
};

/* 0 when it is not there. */
static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

/* ---- rows ---- */

static void track(struct ktstr_watcher *w, enum ktstr_watch_rule rule, struct tracker *t, bool above,
		  double value, uint32_t cpu, uint64_t at_ns)
{
	struct ktstr_watch_row *row = &w->pub.rows[rule];

	if (!above) {
		t->now = 0;
		return;
	}
	if (!t->now++) {
		t->begin_ns = at_ns;
		t->worst = value;
		t->cpu = cpu;
	}
	if (value > t->worst) {
		t->worst = value;
		t->cpu = cpu;
	}
	if (t->now <= row->samples)
		return;
	*row = (struct ktstr_watch_row){
		.samples = t->now, .begin_ns = t->begin_ns, .end_ns = at_ns, .worst = t->worst,
		.cpu = t->cpu, .sustained = t->now >= w->limits.sustained,
	};
}

/* ---- run queues ---- */

static void add_vcpus(struct ktstr_watcher *w, const struct ktstr_fields *f)
{
	struct ktstr_fields it;
	struct ktstr_field item;

	if (!ktstr_get_sub(f, "cpu_ns", &it))
		return;
	for (size_t i = 0; i < KTSTR_WATCH_CPUS && ktstr_item_next(&it, &item); i++)
		if (item.type == KTSTR_FIELD_U64) {
			w->cpus[i].vcpu_ns = item.u64;
			w->cpus[i].vcpu_known = true;
		}
}

/*
 * A CPU with tasks whose clock stands still although its vCPU ran on the host for ten ticks since.
 * One that the host did not let run, or of which that is not known, is not stalled.
 */
static void follow_clock(struct ktstr_watcher *w, uint32_t cpu, const struct ktstr_fields *f,
			 uint64_t running, uint64_t at_ns)
{
	struct cpu *c = &w->cpus[cpu];
	uint64_t clock = number(f, "clock");
	bool still = c->known && clock && clock == c->clock && (running || c->nr_running);

	if (!still)
		c->cpu_ns = c->vcpu_ns;
	if (w->limits.stall)
		track(w, KTSTR_WATCH_STALL, &c->stall,
		      still && c->vcpu_known && c->vcpu_ns - c->cpu_ns >= RUN_TICKS_NS,
		      (double)(c->vcpu_ns - c->cpu_ns) / 1e6, cpu, at_ns);
	c->clock = clock;
	c->nr_running = running;
	c->known = true;
}

static void add_to_class(struct spread *s, uint32_t cpu, uint64_t running)
{
	if (!s->any || running > s->longest) {
		s->longest = running;
		s->at = cpu;
	}
	if (!s->any || running < s->shortest)
		s->shortest = running;
	s->any = true;
}

/* An empty queue counts as one of one: else every idle CPU would be an infinite imbalance. */
static double worst_class(const struct ktstr_watcher *w, uint16_t classes, uint32_t *ret_cpu)
{
	double worst = 1;

	*ret_cpu = KTSTR_WATCH_NO_CPU;
	for (uint16_t i = 0; i < classes; i++) {
		const struct spread *s = &w->spreads[i];
		double ratio = (double)s->longest / (double)(s->shortest ? s->shortest : 1);

		if (s->any && ratio > worst) {
			worst = ratio;
			*ret_cpu = s->at;
		}
	}
	return worst;
}

struct sums {
	uint64_t running, depth, deepest;
	uint32_t deepest_cpu, n;
	double imbalance;
	uint32_t longest_cpu;
};

static uint32_t count_cpus(struct ktstr_fields cpus)
{
	struct ktstr_field f;
	uint32_t n = 0;

	while (n < KTSTR_WATCH_CPUS && ktstr_item_next(&cpus, &f) && f.type == KTSTR_FIELD_MAP)
		n++;
	return n;
}

static struct sums sum_cpus(struct ktstr_watcher *w, struct ktstr_fields cpus, uint64_t at_ns)
{
	struct sums s = { .n = count_cpus(cpus) };
	const struct ktstr_cpu_classes *classes = ktstr_cpusets_classes(w->cpusets, s.n);
	struct ktstr_field f;

	memset(w->spreads, 0, classes->n * sizeof(*w->spreads));
	for (uint32_t cpu = 0; cpu < s.n && ktstr_item_next(&cpus, &f); cpu++) {
		uint64_t running = number(&f.sub, "nr_running"), depth = number(&f.sub, "local_dsq");

		follow_clock(w, cpu, &f.sub, running, at_ns);
		if (classes->class[cpu] != KTSTR_CLASS_NONE)
			add_to_class(&w->spreads[classes->class[cpu]], cpu, running);
		s.running += running;
		s.depth += depth;
		if (depth >= s.deepest) {
			s.deepest = depth;
			s.deepest_cpu = cpu;
		}
	}
	s.imbalance = worst_class(w, classes->n, &s.longest_cpu);
	return s;
}

static void keep_queues(struct ktstr_watcher *w, const struct sums *s, uint64_t at_ns)
{
	struct ktstr_watch_sample *sample = w->keep ? ktstr_vec_add(&w->queues) : NULL;

	w->failed |= w->keep && !sample;
	if (sample)
		*sample = (struct ktstr_watch_sample){ at_ns, s->imbalance,
						       (double)s->running / (double)s->n, s->deepest };
}

static void add_valid(struct ktstr_watcher *w, const struct sums *s, uint64_t at_ns)
{
	struct ktstr_watch *p = &w->pub;

	keep_queues(w, s, at_ns);
	if (s->imbalance > p->imbalance_max) {
		p->imbalance_max = s->imbalance;
		p->imbalance_max_ns = at_ns;
	}
	if (s->deepest > p->depth_max || !p->depth_ns) {
		p->depth_max = s->deepest;
		p->depth_cpu = s->deepest_cpu;
		p->depth_ns = at_ns;
	}
	p->imbalance_sum += s->imbalance;
	p->depth_sum += (double)s->depth;
	p->running_sum += (double)s->running;
	p->readings += s->n;
	track(w, KTSTR_WATCH_IMBALANCE, &w->trackers[KTSTR_WATCH_IMBALANCE],
	      !w->preparing && s->imbalance > (double)w->limits.imbalance, s->imbalance, s->longest_cpu,
	      at_ns);
	track(w, KTSTR_WATCH_DEPTH, &w->trackers[KTSTR_WATCH_DEPTH],
	      !w->preparing && s->deepest > w->limits.depth, (double)s->deepest, s->deepest_cpu, at_ns);
}

static bool are_queues(struct ktstr_fields cpus)
{
	struct ktstr_field first;
	uint64_t n;

	return ktstr_item_next(&cpus, &first) && first.type == KTSTR_FIELD_MAP &&
	       ktstr_get_u64(&first.sub, "nr_running", &n);
}

static void add_queues(struct ktstr_watcher *w, uint64_t at_ns, const struct ktstr_fields *f)
{
	struct ktstr_watch *p = &w->pub;
	struct ktstr_fields cpus;
	struct sums s;

	if (!ktstr_get_sub(f, "cpus", &cpus) || !are_queues(cpus))
		return;
	if (!p->samples++)
		p->first_ns = at_ns;
	p->last_ns = at_ns;
	p->period_ns = number(f, "period_ns");
	s = sum_cpus(w, cpus, at_ns);
	if (s.n && s.deepest <= DEPTH_PLAUSIBLE)
		add_valid(w, &s, at_ns);
	else
		p->invalid++;
}

/* ---- event counters ---- */

/* Returns the rate, below 0 when it is not known. */
static double add_rate(struct ktstr_watcher *w, struct rate *r, const struct ktstr_fields *events,
		       bool fresh, uint64_t at_ns)
{
	uint64_t ns = at_ns - w->events_ns;
	int64_t value, grown = 0;
	double limit, rate;
	bool known = r->known;

	if (!ktstr_get_s64(events, r->name, &value))
		return -1;
	/* A new scheduler's counters begin at 0; what falls was scribbled over. */
	if (__builtin_sub_overflow(value, fresh ? 0 : r->last, &grown) || grown < 0)
		grown = 0;
	limit = r->rule == KTSTR_WATCH_FALLBACK ? w->limits.fallback_rate : w->limits.keep_last_rate;
	rate = ns ? (double)grown * 1e9 / (double)ns : 0;
	if (r->known)
		track(w, r->rule, &w->trackers[r->rule], rate > limit, rate, KTSTR_WATCH_NO_CPU,
		      at_ns);
	r->last = value;
	r->known = true;
	return known && ns ? rate : -1;
}

static void keep_rates(struct ktstr_watcher *w, const double *rates, uint64_t at_ns)
{
	struct ktstr_watch_rates *kept;

	if (!w->keep)
		return;
	kept = ktstr_vec_add(&w->samples);
	if (kept)
		*kept = (struct ktstr_watch_rates){ at_ns, rates[0], rates[1] };
	else
		w->failed = true;
}

static void add_events(struct ktstr_watcher *w, uint64_t at_ns, const struct ktstr_fields *f)
{
	uint64_t id = number(f, "id");
	double rates[KTSTR_ARRAY_SIZE(w->rates)];
	struct ktstr_fields events;

	if (!ktstr_get_sub(f, "events", &events))
		return;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(w->rates); i++)
		rates[i] = add_rate(w, &w->rates[i], &events, id != w->events_id, at_ns);
	keep_rates(w, rates, at_ns);
	w->events_ns = at_ns;
	w->events_id = id;
	w->pub.counted++;
}

/* ---- records ---- */

/* Whichever monitor it is of: the fields say what it is. */
static void add_sample(struct ktstr_watcher *w, uint64_t at_ns, const struct ktstr_fields *f)
{
	add_vcpus(w, f);
	add_queues(w, at_ns, f);
	add_events(w, at_ns, f);
}

/* While workers are started, a real-time process of ktstr's own has a CPU, and what waits behind it is not the
 * scheduler's fault. */
static void take_step(struct ktstr_watcher *w, enum ktstr_rec type, const struct ktstr_fields *f)
{
	struct ktstr_str s;

	if (type == KTSTR_REC_STAGE && ktstr_get_str(f, "stage", &s) && ktstr_str_is(s, "step"))
		w->preparing = true;
	else if (type == KTSTR_REC_STEP && ktstr_get_str(f, "edge", &s) && ktstr_str_is(s, "begin"))
		w->preparing = false;
}

void ktstr_watcher_add(struct ktstr_watcher *w, enum ktstr_rec type, uint64_t host_ns,
		       const struct ktstr_fields *f)
{
	struct ktstr_str scheduler;

	take_step(w, type, f);
	switch (type) {
	case KTSTR_REC_SAMPLE: add_sample(w, host_ns, f); break;
	case KTSTR_REC_LIMITS: ktstr_limits_get(f, &w->limits); break;
	case KTSTR_REC_RUN: w->scheduler = ktstr_get_str(f, "scheduler", &scheduler); break;
	default: ktstr_cpusets_add(w->cpusets, type, f); break;
	}
}

void ktstr_watcher_keep(struct ktstr_watcher *w)
{
	w->keep = true;
}

bool ktstr_watcher_failed(const struct ktstr_watcher *w)
{
	return w->failed;
}

void ktstr_watcher_limit(struct ktstr_watcher *w, const struct ktstr_limits *limits)
{
	w->limits = *limits;
}

/* ---- the result ---- */

static double since(const struct ktstr_watch *p, uint64_t ns)
{
	return ns > p->first_ns ? (double)(ns - p->first_ns) / 1e9 : 0;
}

static void describe(const struct ktstr_watcher *w, enum ktstr_watch_rule rule,
		     struct ktstr_watch_row *row)
{
	const struct ktstr_limits *l = &w->limits;
	const struct {
		const char *what, *where;
		uint32_t limit;
		int digits;
	} words[KTSTR_WATCH_RULES] = {
		[KTSTR_WATCH_IMBALANCE] = { "imbalance ratio", "longest on", l->imbalance, 2 },
		[KTSTR_WATCH_DEPTH] = { "local DSQ depth", "on", l->depth, 0 },
		[KTSTR_WATCH_FALLBACK] = { "select_cpu_fallback/s", NULL, l->fallback_rate, 1 },
		[KTSTR_WATCH_KEEP_LAST] = { "dispatch_keep_last/s", NULL, l->keep_last_rate, 1 },
	};

	row->text[0] = '\0';
	if (rule == KTSTR_WATCH_STALL)
		ktstr_append(row->text, sizeof(row->text), "stall of CPU %u", row->cpu);
	else
		ktstr_append(row->text, sizeof(row->text), "%s %.*f > %u", words[rule].what,
			     words[rule].digits, row->worst, words[rule].limit);
	if (words[rule].where)
		ktstr_append(row->text, sizeof(row->text), " (%s CPU %u)", words[rule].where,
			     row->cpu);
	ktstr_append(row->text, sizeof(row->text), " in %llu samples in a row, from %.1f s to %.1f s",
		     (unsigned long long)row->samples, since(&w->pub, row->begin_ns),
		     since(&w->pub, row->end_ns));
	if (rule == KTSTR_WATCH_STALL)
		ktstr_append(row->text, sizeof(row->text),
			     ": its clock stood still while its vCPU ran for %.0f ms", row->worst);
}

/* What is missing for "within the limits"; "" when nothing is. */
static void find_missing(const struct ktstr_watcher *w, char *why, size_t size)
{
	uint64_t usable = w->pub.samples - w->pub.invalid;

	why[0] = '\0';
	if (usable < w->limits.sustained)
		snprintf(why, size, "%llu usable sample%s of run queues", (unsigned long long)usable,
			 usable == 1 ? "" : "s");
	else if (!w->pub.counted && w->scheduler)
		snprintf(why, size, "no event counters; run queues within their limits");
}

const struct ktstr_watch *ktstr_watcher_result(struct ktstr_watcher *w)
{
	struct ktstr_watch *p = &w->pub;

	p->decides = w->limits.fail;
	p->queues = w->queues.items;
	p->n_queues = w->queues.n;
	p->rates = w->samples.items;
	p->n_rates = w->samples.n;
	find_missing(w, p->why, sizeof(p->why));
	p->state = p->why[0] ? KTSTR_WATCH_INCONCLUSIVE : KTSTR_WATCH_WITHIN;
	for (int i = 0; i < KTSTR_WATCH_RULES; i++) {
		if (!p->rows[i].sustained)
			continue;
		describe(w, i, &p->rows[i]);
		p->state = KTSTR_WATCH_VIOLATED;
	}
	return p;
}

enum ktstr_watch_rule ktstr_watcher_violated(const struct ktstr_watcher *w)
{
	int i = 0;

	while (i < KTSTR_WATCH_RULES && !w->pub.rows[i].sustained)
		i++;
	return i;
}

/* ---- life ---- */

struct ktstr_watcher *ktstr_watcher_create(void)
{
	struct ktstr_watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	ktstr_limits_defaults(&w->limits);
	w->pub.size = sizeof(w->pub);
	w->pub.depth_cpu = KTSTR_WATCH_NO_CPU;
	w->rates[0] = (struct rate){ .name = "select_cpu_fallback", .rule = KTSTR_WATCH_FALLBACK };
	w->rates[1] = (struct rate){ .name = "dispatch_keep_last", .rule = KTSTR_WATCH_KEEP_LAST };
	w->cpus = calloc(KTSTR_WATCH_CPUS, sizeof(*w->cpus));
	w->spreads = calloc(KTSTR_WATCH_CPUS, sizeof(*w->spreads));
	w->cpusets = ktstr_cpusets_create();
	if (w->cpus && w->spreads && w->cpusets)
		return w;
	ktstr_watcher_destroy(w);
	return NULL;
}

void ktstr_watcher_destroy(struct ktstr_watcher *w)
{
	if (!w)
		return;
	ktstr_cpusets_destroy(w->cpusets);
	free(w->cpus);
	free(w->spreads);
	ktstr_vec_free(&w->queues);
	ktstr_vec_free(&w->samples);
	free(w);
}
