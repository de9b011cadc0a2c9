/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/stats.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/vec.h"

#include <ktstr/histogram.h>
#include <math.h>

#define CPU_WORDS (KTSTR_STATS_CPUS / 64)
#define NODES_MAX 1024		/* NUMA nodes of a kernel */
#define LINKS_MAX 200		/* pairs of cgroups; who moves more is not confined */

/* What a KTSTR_REC_CGROUP says of a cpuset: from `ns` on it is so. */
struct cpuset {
	struct ktstr_str cgroup;
	uint64_t ns;			/* guest time */
	struct ktstr_str list;		/* "0-3,5"; empty: it confines nobody */
};

/* Workers may have been moved from one cgroup to the other. */
struct link {
	struct ktstr_str ends[2];
	bool followed;			/* for the worker at hand */
};

/* A phase while it is read. */
struct phase {
	struct ktstr_stats_phase pub;	/* first */
	uint64_t iterations[2];		/* of the whole scenario, at its begin and end */
	bool counted[2];		/* those are known */
};

/* What is made, and what it is made with. The arena owns all that `pub` points to. */
struct stats {
	struct ktstr_stats pub;		/* first: what the caller has */
	struct ktstr_arena *arena;
	KTSTR_VEC(struct ktstr_stats_worker *) workers;
	KTSTR_VEC(struct phase *) phases;
	KTSTR_VEC(struct cpuset) cpusets;
	KTSTR_VEC(struct link) links;
	uint64_t guest_ns, host_ns;	/* the last that was heard of the guest */
};

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

/* ---- CPUs ---- */

static void add_cpus(const struct ktstr_fields *record, const char *key, uint64_t *bits)
{
	struct ktstr_fields cpus;
	struct ktstr_field cpu;

	if (!ktstr_get_sub(record, key, &cpus))
		return;
	while (ktstr_item_next(&cpus, &cpu))
		if (cpu.type == KTSTR_FIELD_U64 && cpu.u64 < KTSTR_STATS_CPUS)
			bits[cpu.u64 / 64] |= 1ull << (cpu.u64 % 64);
}

static bool read_cpu(const char **p, const char *end, uint64_t *ret)
{
	const char *begin = *p;

	for (*ret = 0; *p < end && **p >= '0' && **p <= '9' && *ret < KTSTR_STATS_CPUS; (*p)++)
		*ret = *ret * 10 + (uint64_t)(**p - '0');
	return *p > begin && *ret < KTSTR_STATS_CPUS;
}

bool ktstr_stats_add_cpus(struct ktstr_str list, uint64_t *bits)
{
	const char *p = list.s, *end = list.s + list.len;

	while (p < end) {
		uint64_t first = 0, last;

		if (!read_cpu(&p, end, &first))
			return false;
		last = first;
		if (p < end && *p == '-' && (p++, !read_cpu(&p, end, &last)))
			return false;
		for (; first <= last; first++)
			bits[first / 64] |= 1ull << (first % 64);
		if (p < end && (*p++ != ',' || p == end))
			return false;
	}
	return list.len;
}

/* "0-3,6" in the arena; NULL when memory is out. */
static const char *cpu_list(struct stats *s, const uint64_t *bits)
{
	struct ktstr_buf b = { 0 };
	const char *text;

	for (uint32_t cpu = 0; cpu < KTSTR_STATS_CPUS; cpu++) {
		uint32_t first = cpu;

		while (cpu < KTSTR_STATS_CPUS && bits[cpu / 64] & 1ull << (cpu % 64))
			cpu++;
		if (cpu == first)
			continue;
		ktstr_buf_printf(&b, "%s%u", b.len ? "," : "", first);
		if (cpu > first + 1)
			ktstr_buf_printf(&b, "-%u", cpu - 1);
	}
	text = b.failed ? NULL : ktstr_arena_strndup(s->arena, b.data ? (char *)b.data : "", b.len);
	ktstr_buf_free(&b);
	return text;
}

/* ---- reading ---- */

/* The phase that a worker belongs to: the last begun one of its step (0: none of them), or the
 * last. */
static size_t phase_of(const struct stats *s, const struct ktstr_fields *f)
{
	uint64_t step = 0;

	if (!ktstr_get_u64(f, "step", &step))
		return s->phases.n ? s->phases.n - 1 : SIZE_MAX;
	for (size_t i = s->phases.n; i; i--)
		if (s->phases.items[i - 1]->pub.n == step)
			return i - 1;
	return SIZE_MAX;
}

static bool add_cgroup(struct stats *s, const struct ktstr_record *rec)
{
	struct cpuset *c = ktstr_vec_add(&s->cpusets);

	if (!c)
		return false;
	*c = (struct cpuset){ .cgroup = { "", 0 }, .ns = rec->guest_ns, .list = { "", 0 } };
	ktstr_get_str(&rec->fields, "name", &c->cgroup);
	ktstr_get_str(&rec->fields, "cpuset", &c->list);
	return true;
}

static bool equal(struct ktstr_str a, struct ktstr_str b)
{
	return a.len == b.len && !memcmp(a.s, b.s, a.len);
}

/* Every CPU that a cgroup's cpusets had since `begin_ns`, into `bits`; false when one of them was
 * no bound, or nothing is known. The one before the begin was in force until the next. */
static bool add_allowed(const struct stats *s, struct ktstr_str cgroup, uint64_t begin_ns,
			uint64_t *bits)
{
	bool known = false;

	for (size_t i = s->cpusets.n; i; i--) {
		const struct cpuset *c = &s->cpusets.items[i - 1];

		if (!equal(c->cgroup, cgroup))
			continue;
		if (!ktstr_stats_add_cpus(c->list, bits))
			return false;
		known = true;
		if (c->ns <= begin_ns)
			break;
	}
	return known;
}

/* The same for the cgroup and all that its workers may have come from. */
static bool add_linked(struct stats *s, struct ktstr_str cgroup, uint64_t begin_ns, uint64_t *bits)
{
	bool ok = add_allowed(s, cgroup, begin_ns, bits);

	for (size_t i = 0; ok && i < s->links.n; i++)
		for (int end = 0; ok && end < 2; end++) {
			struct link *link = &s->links.items[i];

			if (link->followed || !equal(link->ends[end], cgroup))
				continue;
			link->followed = true;
			ok = add_linked(s, link->ends[!end], begin_ns, bits);
		}
	return ok;
}

/* When a worker began is not in its report, which comes some time after its end: its step's begin is
 * early enough. */
static bool cpus_allowed(struct stats *s, const struct ktstr_stats_worker *w, uint64_t *bits)
{
	uint64_t begin_ns = w->phase < s->phases.n ? s->phases.items[w->phase]->pub.begin_ns : 0;

	for (size_t i = 0; i < s->links.n; i++)
		s->links.items[i].followed = false;
	return add_linked(s, w->cgroup, begin_ns, bits);
}

static bool set_confinement(struct stats *s, struct ktstr_stats_worker *w)
{
	uint64_t allowed[CPU_WORDS] = { 0 }, ran_on[CPU_WORDS] = { 0 }, outside = 0;

	if (!s->cpusets.n || s->links.n == LINKS_MAX || !cpus_allowed(s, w, allowed))
		return true;
	add_cpus(&w->record, "cpus", ran_on);
	w->confined = cpu_list(s, allowed);
	for (size_t i = 0; i < CPU_WORDS; i++)
		outside |= ran_on[i] &= ~allowed[i];
	if (outside)
		w->outside = cpu_list(s, ran_on);
	return w->confined && (!outside || w->outside);
}

/* The numbers of a list, up to `max`; the rest of it is left alone. */
static size_t read_list(const struct ktstr_fields *f, const char *key, uint64_t *ret, size_t max)
{
	struct ktstr_fields list;
	struct ktstr_field item;
	size_t n = 0;

	if (!ktstr_get_sub(f, key, &list))
		return 0;
	while (n < max && ktstr_item_next(&list, &item) && item.type == KTSTR_FIELD_U64)
		ret[n++] = item.u64;
	return n;
}

static void read_pages(struct ktstr_stats_worker *w)
{
	uint64_t pages[NODES_MAX], home[NODES_MAX];
	struct ktstr_field ignored;
	size_t n = read_list(&w->record, "pages", pages, NODES_MAX);
	size_t n_home = read_list(&w->record, "home", home, NODES_MAX);

	w->has_pages = ktstr_get(&w->record, "pages", &ignored);
	w->has_home = w->has_pages && n_home;
	for (size_t i = 0; i < n; i++)
		w->pages += pages[i];
	for (size_t i = 0; i < n_home; i++)
		if (home[i] < n) {
			w->home_pages += pages[home[i]];
			pages[home[i]] = 0;	/* a node that stands there twice counts once */
		}
}

static bool add_worker(struct stats *s, const struct ktstr_fields *f)
{
	struct ktstr_stats_worker *w = ktstr_arena_zalloc(s->arena, sizeof(*w));
	struct ktstr_stats_worker **slot = w ? ktstr_vec_add(&s->workers) : NULL;

	if (!slot)
		return false;
	*slot = w;
	*w = (struct ktstr_stats_worker){
		.size = sizeof(*w), .phase = phase_of(s, f), .pid = number(f, "pid"),
		.cgroup = { "", 0 }, .workload = { "", 0 }, .role = { "", 0 },
		.iterations = number(f, "iterations"), .wall_ns = number(f, "wall_ns"),
		.cpu_ns = number(f, "cpu_ns"), .run_delay_ns = number(f, "run_delay_ns"),
		.migrations = number(f, "migrations"), .gap_ns = number(f, "max_gap_ns"),
		.completed = true, .record = *f,
	};
	w->has_wait = ktstr_get_u64(f, "max_runnable_ns", &w->wait_ns);
	ktstr_get_str(f, "cgroup", &w->cgroup);
	ktstr_get_str(f, "workload", &w->workload);
	ktstr_get_str(f, "role", &w->role);
	ktstr_get_bool(f, "completed", &w->completed);
	w->has_node_changes = ktstr_get_u64(f, "node_changes", &w->node_changes);
	w->has_pages_migrated = ktstr_get_u64(f, "pages_migrated", &w->pages_migrated);
	read_pages(w);
	return set_confinement(s, w);
}

static void count_phase(struct phase *p, const struct ktstr_fields *f, int edge)
{
	p->counted[edge] = ktstr_get_u64(f, "iterations", &p->iterations[edge]);
}

static void end_phase(struct stats *s, const struct ktstr_record *rec)
{
	struct phase *p = s->phases.n ? s->phases.items[s->phases.n - 1] : NULL;

	if (!p || p->pub.ended)
		return;
	p->pub.ended = true;
	p->pub.end_ns = rec->guest_ns;
	p->pub.host_end_ns = rec->host_ns;
	count_phase(p, &rec->fields, 1);
}

static bool begin_phase(struct stats *s, const struct ktstr_record *rec)
{
	const struct ktstr_fields *f = &rec->fields;
	struct phase *p = ktstr_arena_zalloc(s->arena, sizeof(*p));
	struct phase **slot = p ? ktstr_vec_add(&s->phases) : NULL;

	if (!slot)
		return false;
	*slot = p;
	p->pub = (struct ktstr_stats_phase){
		.size = sizeof(p->pub), .n = number(f, "n"), .m = number(f, "m"),
		.name = { "", 0 }, .begin_ns = rec->guest_ns, .host_begin_ns = rec->host_ns,
		.workers = number(f, "workers"), .cgroups = number(f, "cgroups"),
		.rate = KTSTR_STATS_NONE,
	};
	ktstr_get_str(f, "name", &p->pub.name);
	count_phase(p, f, 0);
	return true;
}

static bool add_step(struct stats *s, const struct ktstr_record *rec)
{
	struct ktstr_str edge = { "", 0 };

	ktstr_get_str(&rec->fields, "edge", &edge);
	if (ktstr_str_is(edge, "end"))
		end_phase(s, rec);
	return !ktstr_str_is(edge, "begin") || begin_phase(s, rec);
}

/* One per pair of cgroups. */
static bool add_link(struct stats *s, struct ktstr_str a, struct ktstr_str b)
{
	struct link *link;

	for (size_t i = 0; i < s->links.n; i++)
		if (equal(s->links.items[i].ends[0], a) && equal(s->links.items[i].ends[1], b))
			return true;
	if (s->links.n == LINKS_MAX || !(link = ktstr_vec_add(&s->links)))
		return s->links.n == LINKS_MAX;
	link->ends[0] = a;
	link->ends[1] = b;
	return true;
}

static bool add_operation(struct stats *s, const struct ktstr_fields *f)
{
	struct ktstr_str target = { "", 0 }, to = { "", 0 };
	size_t at = phase_of(s, f);
	bool ok = true;

	ktstr_get_bool(f, "ok", &ok);
	if (at != SIZE_MAX) {
		s->phases.items[at]->pub.operations++;
		s->phases.items[at]->pub.failed_operations += !ok;
	}
	return !ktstr_get_str(f, "target", &target) || !ktstr_get_str(f, "to", &to) ||
	       add_link(s, target, to);
}

static void add_lost(struct stats *s, const struct ktstr_fields *f)
{
	struct ktstr_str source = { "", 0 };

	ktstr_get_str(f, "source", &source);
	if (ktstr_str_is(source, "channel"))
		s->pub.lost += number(f, "count");
}

static bool add_record(struct stats *s, const struct ktstr_record *rec)
{
	if (rec->guest_ns && rec->type != KTSTR_REC_KMSG) {	/* old lines are sent late */
		s->guest_ns = rec->guest_ns;
		s->host_ns = rec->host_ns;
	}
	switch (rec->type) {
	case KTSTR_REC_WORKER: return add_worker(s, &rec->fields);
	case KTSTR_REC_CGROUP: return add_cgroup(s, rec);
	case KTSTR_REC_STEP: return add_step(s, rec);
	case KTSTR_REC_OP: return add_operation(s, &rec->fields);
	case KTSTR_REC_LOST: add_lost(s, &rec->fields); return true;
	default: return true;
	}
}

static void close_phases(struct stats *s)
{
	for (size_t i = 0; i < s->phases.n; i++) {
		struct ktstr_stats_phase *p = &s->phases.items[i]->pub;
		const struct ktstr_stats_phase *next =
			i + 1 < s->phases.n ? &s->phases.items[i + 1]->pub : NULL;

		if (!p->ended) {
			p->end_ns = next ? next->begin_ns : s->guest_ns;
			p->host_end_ns = next ? next->host_begin_ns : s->host_ns;
		}
		if (p->end_ns < p->begin_ns)
			p->end_ns = p->begin_ns;
	}
}

/* ---- order ---- */

int ktstr_stats_compare_names(struct ktstr_str a, struct ktstr_str b)
{
	char left[256], right[256];

	if (a.s == b.s && a.len == b.len)
		return 0;
	snprintf(left, sizeof(left), "%.*s", KTSTR_STR_ARG(a));
	snprintf(right, sizeof(right), "%.*s", KTSTR_STR_ARG(b));
	return strverscmp(left, right);
}

static bool same(struct ktstr_str a, struct ktstr_str b)
{
	return !ktstr_stats_compare_names(a, b);
}

static bool same_cgroup(const struct ktstr_stats_worker *a, const struct ktstr_stats_worker *b)
{
	return same(a->cgroup, b->cgroup);
}

static bool same_group(const struct ktstr_stats_worker *a, const struct ktstr_stats_worker *b)
{
	return same_cgroup(a, b) && same(a->workload, b->workload) && same(a->role, b->role);
}

static bool are_peers(const struct ktstr_stats_worker *a, const struct ktstr_stats_worker *b)
{
	return a->phase == b->phase && same_group(a, b);
}

/* By cgroup, workload, role, phase; the order of the journal decides between equals. */
static int compare_workers(const void *a, const void *b)
{
	const struct ktstr_stats_worker *x = *(const struct ktstr_stats_worker *const *)a;
	const struct ktstr_stats_worker *y = *(const struct ktstr_stats_worker *const *)b;
	int order = ktstr_stats_compare_names(x->cgroup, y->cgroup);

	if (!order)
		order = ktstr_stats_compare_names(x->workload, y->workload);
	if (!order)
		order = ktstr_stats_compare_names(x->role, y->role);
	if (!order)
		order = (x->phase > y->phase) - (x->phase < y->phase);
	if (!order)
		order = (x->record.p > y->record.p) - (x->record.p < y->record.p);
	return order;
}

/* The same within each phase. */
static int compare_by_phase(const void *a, const void *b)
{
	const struct ktstr_stats_worker *x = *(const struct ktstr_stats_worker *const *)a;
	const struct ktstr_stats_worker *y = *(const struct ktstr_stats_worker *const *)b;

	return x->phase != y->phase ? (x->phase < y->phase ? -1 : 1) : compare_workers(a, b);
}

/* ---- sums ---- */

/* Workers that follow each other in the order above. */
struct range {
	struct ktstr_stats_worker *const *items;
	size_t n;
};

typedef bool same_fn(const struct ktstr_stats_worker *a, const struct ktstr_stats_worker *b);

/* The workers at the head of `rest` that are the same; they are taken off it. */
static struct range next_range(struct range *rest, same_fn *is_same)
{
	struct range r = { rest->items, 0 };

	while (r.n < rest->n && is_same(rest->items[0], rest->items[r.n]))
		r.n++;
	rest->items += r.n;
	rest->n -= r.n;
	return r;
}

/* Mean and deviation as numbers come (Welford). */
struct moments {
	double n, mean, m2;
};

static void moments_add(struct moments *m, double x)
{
	double delta = x - m->mean;

	m->n++;
	m->mean += delta / m->n;
	m->m2 += delta * (x - m->mean);
}

static double moments_cv(const struct moments *m)
{
	return m->n >= 2 && m->mean > 0 ? 100 * sqrt(m->m2 / m->n) / m->mean : KTSTR_STATS_NONE;
}

static uint64_t count_cpus(struct range r)
{
	uint64_t bits[CPU_WORDS] = { 0 }, n = 0;

	for (size_t i = 0; i < r.n; i++)
		add_cpus(&r.items[i]->record, "cpus", bits);
	for (size_t i = 0; i < CPU_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(bits[i]);
	return n;
}

static void add_counts(struct ktstr_stats_set *set, const struct ktstr_stats_worker *w)
{
	set->workers++;
	set->unfinished += !w->completed;
	set->idle += !w->iterations;
	set->iterations += w->iterations;
	set->migrations += w->migrations;
	set->cpu_ns += w->cpu_ns;
	set->run_delay_ns += w->run_delay_ns;
	set->has_wait |= w->has_wait;
	set->has_node_changes |= w->has_node_changes;
	set->node_changes += w->node_changes;
	set->pages += w->pages;
	set->has_pages_migrated |= w->has_pages_migrated;
	set->pages_migrated += w->pages_migrated;
}

static uint64_t step_of(const struct stats *s, const struct ktstr_stats_worker *w)
{
	return w->phase < s->phases.n ? s->phases.items[w->phase]->pub.n : 0;
}

static void add_worst(const struct stats *s, struct ktstr_stats_set *set,
		      const struct ktstr_stats_worker *w)
{
	if (w->gap_ns > set->gap_ns) {
		set->gap_ns = w->gap_ns;
		set->gap_pid = w->pid;
		set->gap_step = step_of(s, w);
	}
	if (w->wait_ns > set->wait_ns) {
		set->wait_ns = w->wait_ns;
		set->wait_pid = w->pid;
		set->wait_step = step_of(s, w);
	}
}

/* A few pages are a stack and what libraries need: they say nothing of a worker's memory. */
#define PAGES_MIN 64

static void add_locality(const struct stats *s, struct ktstr_stats_set *set,
			 const struct ktstr_stats_worker *w)
{
	double locality = w->pages ? 100 * (double)w->home_pages / (double)w->pages : 0;

	if (!w->has_home || w->pages < PAGES_MIN ||
	    (set->locality >= 0 && locality >= set->locality))
		return;
	set->locality = locality;
	set->locality_pid = w->pid;
	set->locality_step = step_of(s, w);
	set->locality_pages = w->pages;
	set->locality_home_pages = w->home_pages;
}

static void add_rate(const struct stats *s, struct ktstr_stats_set *set,
		     const struct ktstr_stats_worker *w)
{
	double rate = w->wall_ns ? (double)w->iterations * 1e9 / (double)w->wall_ns : 0;

	set->rate = (set->rate < 0 ? 0 : set->rate) + rate;
	if (set->rate_min < 0 || rate < set->rate_min) {
		set->rate_min = rate;
		set->rate_min_pid = w->pid;
		set->rate_min_step = step_of(s, w);
	}
}

/* How the throughput of peers varies. */
static double peers_cv(struct range r)
{
	struct moments m = { 0 };

	for (size_t i = 0; i < r.n; i++)
		if (r.items[i]->cpu_ns)
			moments_add(&m, (double)r.items[i]->iterations * 1e9 /
					(double)r.items[i]->cpu_ns);
	return moments_cv(&m);
}

/* The shares of peers; false when less than two of them wanted to run. */
static bool peers_shares(struct range r, struct ktstr_stats_set *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < r.n; i++) {
		const struct ktstr_stats_worker *w = r.items[i];
		double wanted = (double)w->cpu_ns + (double)w->run_delay_ns;
		double share = 100 * (double)w->cpu_ns / wanted;

		if (wanted <= 0)
			continue;
		if (!n || share < ret->share_min) {
			ret->share_min = share;
			ret->share_min_pid = w->pid;
		}
		if (!n || share > ret->share_max) {
			ret->share_max = share;
			ret->share_max_pid = w->pid;
		}
		n++;
	}
	return n >= 2;
}

static void add_shares(const struct stats *s, struct ktstr_stats_set *set, struct range peers)
{
	struct ktstr_stats_set found = { .size = 0 };

	if (!peers_shares(peers, &found) || found.share_max - found.share_min <= set->spread)
		return;
	set->spread = found.share_max - found.share_min;
	set->share_min = found.share_min;
	set->share_max = found.share_max;
	set->share_min_pid = found.share_min_pid;
	set->share_max_pid = found.share_max_pid;
	set->spread_step = step_of(s, peers.items[0]);
}

/* What is only compared among peers. */
static void sum_peers(const struct stats *s, struct ktstr_stats_set *set, struct range r)
{
	while (r.n) {
		struct range peers = next_range(&r, are_peers);
		double cv = peers_cv(peers);

		add_shares(s, set, peers);
		set->cpu_rate_cv = cv > set->cpu_rate_cv ? cv : set->cpu_rate_cv;
	}
}

/* Deviation / mean, each sample taken for the middle of its bucket. */
static double histogram_cv(const struct ktstr_histogram *h)
{
	double mean = (double)h->sum_ns / (double)h->count, sum = 0;

	for (uint32_t i = 0; i < KTSTR_HISTOGRAM_BUCKETS; i++) {
		double low = (double)ktstr_histogram_low(i);
		double off = low + ((double)ktstr_histogram_high(i) - low) / 2 - mean;

		if (h->buckets[i])
			sum += off * off * (double)h->buckets[i];
	}
	return mean > 0 ? 100 * sqrt(sum / (double)h->count) / mean : KTSTR_STATS_NONE;
}

static void sum_wakes(struct ktstr_stats_set *set, struct range r)
{
	struct ktstr_histogram h = { 0 };

	for (size_t i = 0; i < r.n; i++)
		ktstr_histogram_get(&r.items[i]->record, "wake", &h);
	if (!h.count)
		return;
	set->wakes = h.count;
	set->wake_p50_ns = ktstr_histogram_percentile(&h, 500);
	set->wake_p99_ns = ktstr_histogram_percentile(&h, 990);
	set->wake_max_ns = h.max_ns;
	set->wake_cv = histogram_cv(&h);
}

/* What holds for a set of several is left empty in its names. */
static void name_set(struct ktstr_stats_set *set, struct range r)
{
	const struct ktstr_stats_worker *first = r.items[0], *last = r.items[r.n - 1];

	if (same_cgroup(first, last))
		set->cgroup = first->cgroup;
	if (same_group(first, last)) {
		set->workload = first->workload;
		set->role = first->role;
	}
}

static struct ktstr_stats_set *sum(struct stats *s, struct range r)
{
	struct ktstr_stats_set *set = ktstr_arena_zalloc(s->arena, sizeof(*set));

	if (!set)
		return NULL;
	*set = (struct ktstr_stats_set){
		.size = sizeof(*set), .cgroup = { "", 0 }, .workload = { "", 0 }, .role = { "", 0 },
		.spread = KTSTR_STATS_NONE, .share_min = KTSTR_STATS_NONE,
		.share_max = KTSTR_STATS_NONE, .rate = KTSTR_STATS_NONE,
		.rate_min = KTSTR_STATS_NONE, .cpu_rate = KTSTR_STATS_NONE,
		.cpu_rate_cv = KTSTR_STATS_NONE, .wake_cv = KTSTR_STATS_NONE,
		.locality = KTSTR_STATS_NONE,
	};
	for (size_t i = 0; i < r.n; i++) {
		add_counts(set, r.items[i]);
		add_worst(s, set, r.items[i]);
		add_rate(s, set, r.items[i]);
		add_locality(s, set, r.items[i]);
	}
	set->cpus = count_cpus(r);
	if (set->cpu_ns)
		set->cpu_rate = (double)set->iterations * 1e9 / (double)set->cpu_ns;
	sum_peers(s, set, r);
	sum_wakes(set, r);
	if (r.n)
		name_set(set, r);
	return set;
}

/* A set for each stretch of workers that are the same. */
static bool sum_each(struct stats *s, struct range r, same_fn *is_same,
		     const struct ktstr_stats_set *const **ret_sets, size_t *ret_n)
{
	const struct ktstr_stats_set **sets;
	struct range rest = r;
	size_t n = 0;

	while (rest.n && next_range(&rest, is_same).n)
		n++;
	sets = ktstr_arena_zalloc(s->arena, (n + 1) * sizeof(*sets));
	for (size_t i = 0; sets && i < n; i++) {
		sets[i] = sum(s, next_range(&r, is_same));
		if (!sets[i])
			return false;
	}
	*ret_sets = sets;
	*ret_n = n;
	return sets;
}

static bool same_phase(const struct ktstr_stats_worker *a, const struct ktstr_stats_worker *b)
{
	return a->phase == b->phase;
}

/* By the counts of both edges, which have the workers of the whole scenario in them too; else by
 * what its own workers reported. */
static double phase_rate(const struct phase *p)
{
	uint64_t ns = p->pub.end_ns - p->pub.begin_ns;

	if (!p->counted[0] || !p->counted[1] || p->iterations[1] < p->iterations[0] || !ns)
		return p->pub.all->rate;
	return (double)(p->iterations[1] - p->iterations[0]) * 1e9 / (double)ns;
}

static bool sum_phases(struct stats *s)
{
	struct range rest = { s->workers.items, s->workers.n };

	if (rest.n)
		qsort(s->workers.items, rest.n, sizeof(*s->workers.items), compare_by_phase);
	for (size_t i = 0; i < s->phases.n; i++) {
		struct ktstr_stats_phase *p = &s->phases.items[i]->pub;
		struct range r = { rest.items, 0 };

		if (rest.n && rest.items[0]->phase == i)
			r = next_range(&rest, same_phase);
		p->all = sum(s, r);
		if (!p->all || !sum_each(s, r, same_group, &p->groups, &p->n_groups))
			return false;
		p->rate = phase_rate(s->phases.items[i]);
	}
	return true;
}

static bool sum_run(struct stats *s)
{
	struct range all = { s->workers.items, s->workers.n };

	if (all.n)
		qsort(s->workers.items, all.n, sizeof(*s->workers.items), compare_workers);
	s->pub.all = sum(s, all);
	return s->pub.all &&
	       sum_each(s, all, same_cgroup, &s->pub.cgroups, &s->pub.n_cgroups) &&
	       sum_each(s, all, same_group, &s->pub.groups, &s->pub.n_groups);
}

/* ---- the whole ---- */

static bool fill(struct stats *s, const struct ktstr_journal *journal)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (ktstr_journal_next(journal, &cursor, &rec))
		if (!add_record(s, &rec))
			return false;
	close_phases(s);
	if (!sum_phases(s) || !sum_run(s))
		return false;
	s->pub.size = sizeof(s->pub);
	s->pub.phases = (const struct ktstr_stats_phase *const *)s->phases.items;
	s->pub.n_phases = s->phases.n;
	s->pub.workers = (const struct ktstr_stats_worker *const *)s->workers.items;
	s->pub.n_workers = s->workers.n;
	return true;
}

int ktstr_stats_create(const struct ktstr_journal *journal, struct ktstr_stats **ret_stats,
		       struct ktstr_err *err)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (s)
		s->arena = ktstr_arena_create();
	if (!s || !s->arena || !fill(s, journal)) {
		ktstr_stats_destroy(s ? &s->pub : NULL);
		return ktstr_err_nomem(err);
	}
	*ret_stats = &s->pub;
	return 0;
}

void ktstr_stats_destroy(struct ktstr_stats *stats)
{
	struct stats *s = (struct stats *)stats;

	if (!s)
		return;
	ktstr_vec_free(&s->workers);
	ktstr_vec_free(&s->phases);
	ktstr_vec_free(&s->cpusets);
	ktstr_vec_free(&s->links);
	ktstr_arena_destroy(s->arena);
	free(s);
}
