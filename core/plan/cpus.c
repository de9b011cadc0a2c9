/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/cpus.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <inttypes.h>

/* ---- masks and lists ---- */

uint32_t ktstr_cpu_count(const struct ktstr_cpu_mask *mask)
{
	uint32_t n = 0;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(mask->bits); i++)
		n += (uint32_t)__builtin_popcountll(mask->bits[i]);
	return n;
}

/* Digits of a CPU's number at *p. */
static bool parse_cpu(const char **p, uint32_t *ret)
{
	const char *start = *p;

	for (*ret = 0; **p >= '0' && **p <= '9'; (*p)++) {
		*ret = *ret * 10 + (uint32_t)(**p - '0');
		if (*ret >= KTSTR_CPUS_MAX)
			return false;
	}
	return *p > start;
}

bool ktstr_cpu_list_parse(const char *list, struct ktstr_cpu_mask *ret)
{
	struct ktstr_cpu_mask mask = { 0 };

	for (const char *p = list;; p++) {
		uint32_t first, last;

		if (!parse_cpu(&p, &first))
			return false;
		last = first;
		if (*p == '-' && (p++, !parse_cpu(&p, &last)))
			return false;
		if (last < first || (*p && *p != ','))
			return false;
		for (uint32_t cpu = first; cpu <= last; cpu++)
			ktstr_cpu_set(&mask, cpu);
		if (!*p)
			break;
	}
	*ret = mask;
	return true;
}

void ktstr_cpu_list_put(const struct ktstr_cpu_mask *mask, struct ktstr_buf *out)
{
	const char *comma = "";

	for (uint32_t cpu = 0; cpu < KTSTR_CPUS_MAX; cpu++) {
		uint32_t first = cpu;

		if (!ktstr_cpu_isset(mask, cpu))
			continue;
		while (cpu + 1 < KTSTR_CPUS_MAX && ktstr_cpu_isset(mask, cpu + 1))
			cpu++;
		ktstr_buf_printf(out, "%s%" PRIu32, comma, first);
		if (cpu > first)
			ktstr_buf_printf(out, "-%" PRIu32, cpu);
		comma = ",";
	}
}

/* ---- machines ---- */

int ktstr_cpu_map_create(const struct ktstr_topology *topology, struct ktstr_cpu_map *ret)
{
	uint32_t per_llc = topology->cores * topology->threads;
	struct ktstr_cpu_map map = {
		.n = ktstr_topology_cpus(topology),
		.nodes = topology->nodes, .llcs = topology->llcs,
	};

	map.places = calloc(map.n + 1, sizeof(*map.places));
	if (!map.places)
		return -ENOMEM;
	for (uint32_t cpu = 0; cpu < map.n; cpu++)
		map.places[cpu] = (struct ktstr_cpu_place){
			.cpu = cpu, .core = cpu / topology->threads, .llc = cpu / per_llc,
			.node = cpu / per_llc / (topology->llcs / topology->nodes),
		};
	*ret = map;
	return 0;
}

void ktstr_cpu_map_deinit(struct ktstr_cpu_map *map)
{
	free(map->places);
	*map = (struct ktstr_cpu_map){ 0 };
}

/* ---- sets ---- */

/* The CPUs from the first-th up to before the last-th. */
static void take(const struct ktstr_cpu_map *map, size_t first, size_t last,
		 struct ktstr_cpu_mask *ret)
{
	for (size_t i = first; i < last && i < map->n; i++)
		ktstr_cpu_set(ret, map->places[i].cpu);
}

static int take_llc(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
		    struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	if (spec->index >= map->llcs)
		return ktstr_err_set(err, -EINVAL, "there is no last-level cache %" PRIu32 ": the "
				     "machine has %" PRIu32 ", numbered from 0", spec->index,
				     map->llcs);
	for (size_t i = 0; i < map->n; i++)
		if (map->places[i].llc == spec->index)
			ktstr_cpu_set(ret, map->places[i].cpu);
	return 0;
}

static int take_node(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
		     struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	if (spec->index >= map->nodes)
		return ktstr_err_set(err, -EINVAL, "there is no NUMA node %" PRIu32 ": the machine "
				     "has %" PRIu32 ", numbered from 0", spec->index, map->nodes);
	for (size_t i = 0; i < map->n; i++)
		if (map->places[i].node == spec->index)
			ktstr_cpu_set(ret, map->places[i].cpu);
	return 0;
}

/* A double that was written as 0.3 is a little less than that: what is meant counts. */
static size_t share_of(double share, size_t n)
{
	return (size_t)(share * (double)n + 1e-9);
}

static bool is_share(double share)
{
	return share >= 0 && share <= 1;
}

static int take_range(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
		      struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	size_t first = share_of(spec->from, map->n), last = share_of(spec->to, map->n);

	if (!is_share(spec->from) || !is_share(spec->to) || spec->from >= spec->to)
		return ktstr_err_set(err, -EINVAL, "a range goes from a share to a larger one, "
				     "both from 0 to 1: not from %g to %g", spec->from, spec->to);
	if (first == last)
		return ktstr_err_set(err, -EINVAL, "from %g to %g of %zu CPUs there is not one",
				     spec->from, spec->to, map->n);
	take(map, first, last, ret);
	return 0;
}

static int take_part(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
		     struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	size_t chunk, more, first, last;

	if (!spec->of || spec->index >= spec->of)
		return ktstr_err_set(err, -EINVAL, "there is no part %" PRIu32 " of %" PRIu32
				     ": parts are numbered from 0", spec->index, spec->of);
	if (spec->of > map->n)
		return ktstr_err_set(err, -EINVAL, "%zu CPUs cannot be shared out into %" PRIu32
				     " parts", map->n, spec->of);
	if (!is_share(spec->from))
		return ktstr_err_set(err, -EINVAL, "parts overlap by a share from 0 to 1, not by %g",
				     spec->from);
	chunk = map->n / spec->of;
	more = spec->choice == KTSTR_CPUS_OVERLAP ? share_of(spec->from, chunk) : 0;
	first = chunk * spec->index;
	last = spec->index + 1 == spec->of ? map->n : first + chunk + more;
	take(map, spec->index ? first - more : 0, last, ret);
	return 0;
}

/* Every CPU of `mask` that the machine does not have is a mistake. */
static int check_present(const struct ktstr_cpu_map *map, const struct ktstr_cpu_mask *mask,
			 struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	struct ktstr_cpu_mask rest = *mask;

	for (size_t i = 0; i < map->n; i++)
		rest.bits[map->places[i].cpu / 64] &= ~(1ull << (map->places[i].cpu % 64));
	if (!ktstr_cpu_count(&rest))
		return 0;
	ktstr_cpu_list_put(&rest, &b);
	return ktstr_err_set(err, -EINVAL, "the machine has no CPU %.*s%s: it has %zu, numbered "
			     "from 0", b.len > 60 ? 60 : (int)b.len, (const char *)b.data,
			     b.len > 60 ? "..." : "", map->n);
}

static int take_list(const char *list, const struct ktstr_cpu_map *map, struct ktstr_cpu_mask *ret,
		     struct ktstr_err *err)
{
	if (!ktstr_cpu_list_parse(list, ret))
		return ktstr_err_set(err, -EINVAL, "\"%.80s\" is no list of CPUs such as 0-3,5",
				     list);
	return check_present(map, ret, err);
}

static int hold_back(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
		     struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	size_t held = is_share(spec->from) ? share_of(spec->from, map->n) : map->n;

	if (held >= map->n)
		return ktstr_err_set(err, -EINVAL, "holding back the share %g of %zu CPUs leaves "
				     "none", spec->from, map->n);
	take(map, 0, map->n - held, ret);
	return 0;
}

int ktstr_cpu_spec_resolve(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
			   struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	struct ktstr_cpu_mask mask = { 0 };
	int r = 0;

	switch (spec->choice) {
	case KTSTR_CPUS_ALL: take(map, 0, map->n, &mask); break;
	case KTSTR_CPUS_LLC: r = take_llc(spec, map, &mask, err); break;
	case KTSTR_CPUS_NUMA: r = take_node(spec, map, &mask, err); break;
	case KTSTR_CPUS_RANGE: r = take_range(spec, map, &mask, err); break;
	case KTSTR_CPUS_DISJOINT:
	case KTSTR_CPUS_OVERLAP: r = take_part(spec, map, &mask, err); break;
	case KTSTR_CPUS_EXACT: r = take_list(spec->list, map, &mask, err); break;
	case KTSTR_CPUS_HOLDBACK: r = hold_back(spec, map, &mask, err); break;
	default: r = ktstr_err_set(err, -EINVAL, "unknown kind of CPU set %d", spec->choice);
	}
	if (!r && !ktstr_cpu_count(&mask))
		r = ktstr_err_set(err, -EINVAL, "the machine has no CPUs there");
	if (!r)
		*ret = mask;
	return r;
}

/* ---- affinities ---- */

static bool in_pool(const struct ktstr_cpu_map *map, const struct ktstr_cpu_mask *pool, size_t i)
{
	return ktstr_cpu_isset(pool, map->places[i].cpu);
}

/* The pool's CPU number `nth`. */
static void take_nth(const struct ktstr_cpu_map *map, const struct ktstr_cpu_mask *pool,
		     uint32_t nth, struct ktstr_cpu_mask *ret)
{
	for (size_t i = 0; i < map->n; i++)
		if (in_pool(map, pool, i) && !nth--) {
			ktstr_cpu_set(ret, map->places[i].cpu);
			return;
		}
}

static void take_best_llc(const struct ktstr_cpu_map *map, const struct ktstr_cpu_mask *pool,
			  struct ktstr_cpu_mask *ret)
{
	uint32_t best = 0, most = 0;

	for (uint32_t llc = 0; llc < map->llcs; llc++) {
		uint32_t n = 0;

		for (size_t i = 0; i < map->n; i++)
			n += map->places[i].llc == llc && in_pool(map, pool, i);
		if (n > most) {
			most = n;
			best = llc;
		}
	}
	for (size_t i = 0; i < map->n; i++)
		if (map->places[i].llc == best && in_pool(map, pool, i))
			ktstr_cpu_set(ret, map->places[i].cpu);
}

/* splitmix64: the same draw for the same seed on every machine. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Half of the pool, at least one: each of those left is taken as likely as is needed. */
static void take_random(const struct ktstr_cpu_map *map, const struct ktstr_cpu_mask *pool,
			uint64_t seed, uint32_t worker, struct ktstr_cpu_mask *ret)
{
	uint32_t left = ktstr_cpu_count(pool), want = left > 1 ? left / 2 : left;
	uint64_t state = seed ^ (uint64_t)worker * 0xd1342543de82ef95ull;

	for (size_t i = 0; i < map->n && want; i++) {
		if (!in_pool(map, pool, i))
			continue;
		if (draw(&state) % left-- < want) {
			ktstr_cpu_set(ret, map->places[i].cpu);
			want--;
		}
	}
}

static int take_exact(const char *list, const struct ktstr_cpu_map *map,
		      const struct ktstr_cpu_mask *pool, struct ktstr_cpu_mask *ret,
		      struct ktstr_err *err)
{
	int r = take_list(list, map, ret, err);

	for (size_t i = 0; !r && i < KTSTR_ARRAY_SIZE(ret->bits); i++)
		ret->bits[i] &= pool->bits[i];
	if (!r && !ktstr_cpu_count(ret))
		r = ktstr_err_set(err, -EINVAL, "none of the CPUs %.80s is one that the cgroup may "
				  "use", list);
	return r;
}

int ktstr_affinity_resolve(const struct ktstr_affinity *affinity, const struct ktstr_cpu_map *map,
			   const struct ktstr_cpu_mask *pool, uint32_t worker,
			   struct ktstr_cpu_mask *ret, struct ktstr_err *err)
{
	uint32_t n = ktstr_cpu_count(pool);
	struct ktstr_cpu_mask mask = { 0 };
	int r = 0;

	switch (affinity->kind) {
	case KTSTR_AFFINITY_ALL: take(map, 0, map->n, &mask); break;
	case KTSTR_AFFINITY_LLC: take_best_llc(map, pool, &mask); break;
	case KTSTR_AFFINITY_SINGLE: take_nth(map, pool, 0, &mask); break;
	case KTSTR_AFFINITY_EACH: take_nth(map, pool, n ? worker % n : 0, &mask); break;
	case KTSTR_AFFINITY_RANDOM: take_random(map, pool, affinity->seed, worker, &mask); break;
	case KTSTR_AFFINITY_EXACT: r = take_exact(affinity->list, map, pool, &mask, err); break;
	default: r = ktstr_err_set(err, -EINVAL, "unknown kind of affinity %d", affinity->kind);
	}
	if (!r && !ktstr_cpu_count(&mask))
		r = ktstr_err_set(err, -EINVAL, "no CPU is left to bind a worker to");
	if (!r)
		*ret = mask;
	return r;
}
