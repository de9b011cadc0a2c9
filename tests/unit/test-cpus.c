/* SPDX-License-Identifier: GPL-2.0-only */
/* Every kind of CPU set and affinity, on machines of several shapes. */
#include "base/cleanup.h"
#include "base/text.h"
#include "plan/cpus.h"

#include <criterion/criterion.h>

static struct ktstr_cpu_map machine(uint32_t nodes, uint32_t llcs, uint32_t cores, uint32_t threads)
{
	const struct ktstr_topology t = { nodes, llcs, cores, threads };
	struct ktstr_cpu_map map;

	cr_assert_eq(ktstr_cpu_map_create(&t, &map), 0);
	return map;
}

static void check_mask(const struct ktstr_cpu_mask *mask, const char *want)
{
	struct ktstr_buf b = { 0 };
	char *text;

	ktstr_cpu_list_put(mask, &b);
	text = ktstr_buf_steal_str(&b);
	cr_expect_str_eq(text, want);
	free(text);
}

static void resolves(const struct ktstr_cpu_map *map, struct ktstr_cpu_spec spec, const char *want)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask;

	cr_assert_eq(ktstr_cpu_spec_resolve(&spec, map, &mask, &err), 0, "%s: %s", want, err.msg);
	check_mask(&mask, want);
}

static void refuses(const struct ktstr_cpu_map *map, struct ktstr_cpu_spec spec, const char *want)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask = { .bits = { 7 } };

	cr_assert_eq(ktstr_cpu_spec_resolve(&spec, map, &mask, &err), -EINVAL, "%s", want);
	cr_expect_str_eq(err.msg, want);
	cr_expect_eq(mask.bits[0], 7, "what is given back on failure was touched");
}

Test(cpus, parts_of_the_topology)
{
	struct ktstr_cpu_map map = machine(2, 4, 2, 2);

	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_ALL }, "0-15");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_LLC, .index = 0 }, "0-3");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_LLC, .index = 3 }, "12-15");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_NUMA, .index = 1 }, "8-15");
	refuses(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_LLC, .index = 4 },
		"there is no last-level cache 4: the machine has 4, numbered from 0");
	refuses(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_NUMA, .index = 2 },
		"there is no NUMA node 2: the machine has 2, numbered from 0");
	ktstr_cpu_map_deinit(&map);
}

Test(cpus, ranges_by_share)
{
	struct ktstr_cpu_map map = machine(1, 1, 10, 1);
	struct ktstr_cpu_spec spec = { .choice = KTSTR_CPUS_RANGE };

	spec.from = 0, spec.to = 0.3;
	resolves(&map, spec, "0-2");
	spec.from = 0.3, spec.to = 1;
	resolves(&map, spec, "3-9");
	spec.from = 0.25, spec.to = 0.75;
	resolves(&map, spec, "2-6");
	spec.from = 0.5, spec.to = 0.55;
	refuses(&map, spec, "from 0.5 to 0.55 of 10 CPUs there is not one");
	spec.from = 0.5, spec.to = 0.5;
	refuses(&map, spec, "a range goes from a share to a larger one, both from 0 to 1: not from "
		"0.5 to 0.5");
	spec.from = -0.1, spec.to = 2;
	refuses(&map, spec, "a range goes from a share to a larger one, both from 0 to 1: not from "
		"-0.1 to 2");
	ktstr_cpu_map_deinit(&map);
}

Test(cpus, parts_without_and_with_overlap)
{
	struct ktstr_cpu_map map = machine(1, 2, 5, 1);
	struct ktstr_cpu_spec spec = { .choice = KTSTR_CPUS_DISJOINT, .of = 3 };

	resolves(&map, spec, "0-2");
	spec.index = 1;
	resolves(&map, spec, "3-5");
	spec.index = 2;
	resolves(&map, spec, "6-9");
	spec.choice = KTSTR_CPUS_OVERLAP;
	spec.from = 0.5;
	resolves(&map, spec, "5-9");
	spec.index = 1;
	resolves(&map, spec, "2-6");
	spec.index = 0;
	resolves(&map, spec, "0-3");
	spec.from = 1;
	resolves(&map, spec, "0-5");
	spec.from = 1.5;
	refuses(&map, spec, "parts overlap by a share from 0 to 1, not by 1.5");
	spec.index = 3;
	refuses(&map, spec, "there is no part 3 of 3: parts are numbered from 0");
	spec.of = 0;
	refuses(&map, spec, "there is no part 3 of 0: parts are numbered from 0");
	spec.of = 11;
	refuses(&map, spec, "10 CPUs cannot be shared out into 11 parts");
	ktstr_cpu_map_deinit(&map);
}

Test(cpus, what_is_held_back)
{
	struct ktstr_cpu_map map = machine(1, 1, 4, 1), one = machine(1, 1, 1, 1);
	struct ktstr_cpu_spec spec = { .choice = KTSTR_CPUS_HOLDBACK };

	resolves(&map, spec, "0-3");
	spec.from = 0.33;
	resolves(&map, spec, "0-2");
	resolves(&one, spec, "0");
	spec.from = 1;
	refuses(&map, spec, "holding back the share 1 of 4 CPUs leaves none");
	ktstr_cpu_map_deinit(&map);
	ktstr_cpu_map_deinit(&one);
}

Test(cpus, exact_ones_have_to_be_there)
{
	struct ktstr_cpu_map map = machine(1, 1, 4, 1);
	struct ktstr_cpu_spec spec = { .choice = KTSTR_CPUS_EXACT };

	spec.list = "0-1,3";
	resolves(&map, spec, "0-1,3");
	spec.list = "3,0,1";
	resolves(&map, spec, "0-1,3");
	spec.list = "2-5";
	refuses(&map, spec, "the machine has no CPU 4-5: it has 4, numbered from 0");
	spec.list = "two";
	refuses(&map, spec, "\"two\" is no list of CPUs such as 0-3,5");
	ktstr_cpu_map_deinit(&map);
}

Test(cpus, lists_that_are_none)
{
	static const char *const bad[] = { "", "-", "1-", "-1", "3-1", "1,", ",1", "1 2", "8192", "x",
					   "1-2-3", "99999999999999999999", "1;2" };
	struct ktstr_cpu_mask mask;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++)
		cr_expect_not(ktstr_cpu_list_parse(bad[i], &mask), "%s", bad[i]);
	cr_assert(ktstr_cpu_list_parse("8191,0,62-65", &mask));
	check_mask(&mask, "0,62-65,8191");
	cr_assert_eq(ktstr_cpu_count(&mask), 6);
}

static void binds(const struct ktstr_cpu_map *map, struct ktstr_affinity affinity, const char *pool,
		  uint32_t worker, const char *want)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask, in;

	cr_assert(ktstr_cpu_list_parse(pool, &in));
	cr_assert_eq(ktstr_affinity_resolve(&affinity, map, &in, worker, &mask, &err), 0, "%s: %s",
		     want, err.msg);
	check_mask(&mask, want);
}

Test(affinity, within_the_pool)
{
	struct ktstr_cpu_map map = machine(1, 2, 4, 1);
	struct ktstr_affinity a = { .kind = KTSTR_AFFINITY_ALL };

	binds(&map, a, "2-3", 0, "0-7");
	a.kind = KTSTR_AFFINITY_LLC;
	binds(&map, a, "2-6", 0, "4-6");
	binds(&map, a, "2-5", 0, "2-3");
	a.kind = KTSTR_AFFINITY_SINGLE;
	binds(&map, a, "2-6", 3, "2");
	a.kind = KTSTR_AFFINITY_EACH;
	binds(&map, a, "2-4", 1, "3");
	binds(&map, a, "2-4", 5, "4");
	a.kind = KTSTR_AFFINITY_EXACT;
	a.list = "0-3";
	binds(&map, a, "2-6", 0, "2-3");
	ktstr_cpu_map_deinit(&map);
}

Test(affinity, nothing_left_is_told)
{
	struct ktstr_cpu_map map = machine(1, 2, 4, 1);
	struct ktstr_affinity a = { .kind = KTSTR_AFFINITY_EXACT, .list = "0-1" };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask, pool, none = { 0 };

	cr_assert(ktstr_cpu_list_parse("4-7", &pool));
	cr_assert_eq(ktstr_affinity_resolve(&a, &map, &pool, 0, &mask, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "none of the CPUs 0-1 is one that the cgroup may use");
	a.kind = KTSTR_AFFINITY_RANDOM;
	cr_assert_eq(ktstr_affinity_resolve(&a, &map, &none, 0, &mask, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "no CPU is left to bind a worker to");
	ktstr_cpu_map_deinit(&map);
}

/* Half of the pool, the same for the same seed and worker, and not the same for all. */
Test(affinity, random_halves_are_drawn_from_the_seed)
{
	struct ktstr_cpu_map map = machine(1, 1, 16, 1);
	struct ktstr_affinity a = { .kind = KTSTR_AFFINITY_RANDOM, .seed = 7 };
	struct ktstr_cpu_mask first, mask, pool;
	uint32_t different = 0;

	cr_assert(ktstr_cpu_list_parse("1-11", &pool));
	for (uint32_t worker = 0; worker < 20; worker++) {
		cr_assert_eq(ktstr_affinity_resolve(&a, &map, &pool, worker, &mask, NULL), 0);
		cr_expect_eq(ktstr_cpu_count(&mask), 5);
		cr_expect_eq(mask.bits[0] & ~pool.bits[0], 0);
		if (!worker)
			first = mask;
		different += mask.bits[0] != first.bits[0];
	}
	cr_expect_gt(different, 10);
	cr_assert_eq(ktstr_affinity_resolve(&a, &map, &pool, 0, &mask, NULL), 0);
	cr_expect_eq(mask.bits[0], first.bits[0]);
	binds(&map, a, "3", 9, "3");
	ktstr_cpu_map_deinit(&map);
}

/* ---- what holds on any machine ---- */

static const struct ktstr_topology shapes[] = {
	{ 1, 1, 1, 1 }, { 1, 1, 4, 1 }, { 1, 2, 2, 2 }, { 1, 3, 3, 1 }, { 1, 5, 3, 1 }, { 1, 7, 2, 1 },
	{ 2, 4, 4, 1 }, { 3, 3, 1, 1 }, { 4, 8, 4, 1 }, { 1, 14, 9, 2 },
};

static struct ktstr_cpu_mask must_resolve(const struct ktstr_cpu_map *map,
					  struct ktstr_cpu_spec spec)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask;

	cr_assert_eq(ktstr_cpu_spec_resolve(&spec, map, &mask, &err), 0, "%zu CPUs: %s", map->n,
		     err.msg);
	return mask;
}

/* Sets that have every CPU of the machine once, and no other. */
static void expect_partition(const struct ktstr_cpu_map *map, enum ktstr_cpu_choice choice,
			     uint32_t of, const char *what)
{
	struct ktstr_cpu_mask all = must_resolve(map, (struct ktstr_cpu_spec){ KTSTR_CPUS_ALL });
	struct ktstr_cpu_mask sum = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < of; i++) {
		struct ktstr_cpu_mask part = must_resolve(map, (struct ktstr_cpu_spec){
			.choice = choice, .index = i, .of = of });

		n += ktstr_cpu_count(&part);
		for (size_t w = 0; w < KTSTR_ARRAY_SIZE(sum.bits); w++)
			sum.bits[w] |= part.bits[w];
	}
	cr_assert_eq(n, map->n, "%s: %u CPUs in %u sets of a machine with %zu", what, n, of, map->n);
	cr_assert_eq(memcmp(&sum, &all, sizeof(sum)), 0, "%s", what);
}

Test(cpus, parts_of_any_machine_have_each_cpu_once)
{
	for (size_t s = 0; s < KTSTR_ARRAY_SIZE(shapes); s++) {
		struct ktstr_cpu_map map;

		cr_assert_eq(ktstr_cpu_map_create(&shapes[s], &map), 0);
		cr_assert_eq(map.n, ktstr_topology_cpus(&shapes[s]));
		expect_partition(&map, KTSTR_CPUS_LLC, map.llcs, "caches");
		expect_partition(&map, KTSTR_CPUS_NUMA, map.nodes, "nodes");
		for (uint32_t of = 1; of <= map.n; of++)
			expect_partition(&map, KTSTR_CPUS_DISJOINT, of, "parts");
		ktstr_cpu_map_deinit(&map);
	}
}

static bool contains(const struct ktstr_cpu_mask *outer, const struct ktstr_cpu_mask *inner)
{
	for (size_t w = 0; w < KTSTR_ARRAY_SIZE(outer->bits); w++)
		if (inner->bits[w] & ~outer->bits[w])
			return false;
	return true;
}

/* A part that overlaps has the plain part in it and grows with the share; what is held back and the
 * range that is left are the same CPUs. */
Test(cpus, overlaps_and_shares_of_any_machine)
{
	for (size_t s = 0; s < KTSTR_ARRAY_SIZE(shapes); s++) {
		struct ktstr_cpu_spec spec = { .choice = KTSTR_CPUS_OVERLAP, .of = 2 };
		struct ktstr_cpu_mask smaller, larger;
		struct ktstr_cpu_map map;

		cr_assert_eq(ktstr_cpu_map_create(&shapes[s], &map), 0);
		for (spec.index = 0; map.n > 1 && spec.index < 2; spec.index++) {
			spec.choice = KTSTR_CPUS_DISJOINT, spec.from = 0;
			smaller = must_resolve(&map, spec);
			spec.choice = KTSTR_CPUS_OVERLAP;
			for (int tenth = 0; tenth <= 10; tenth++, smaller = larger) {
				spec.from = tenth / 10.0;
				larger = must_resolve(&map, spec);
				cr_assert(contains(&larger, &smaller));
			}
		}
		smaller = must_resolve(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_HOLDBACK });
		larger = must_resolve(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_RANGE, .to = 1 });
		cr_assert_eq(memcmp(&smaller, &larger, sizeof(smaller)), 0);
		ktstr_cpu_map_deinit(&map);
	}
}

/* The guest's numbers may have holes: a CPU that is offline. Places count, and not numbers. */
Test(cpus, a_machine_with_holes)
{
	struct ktstr_cpu_place places[] = {
		{ 0, 0, 0, 0 }, { 2, 0, 0, 1 }, { 5, 1, 1, 2 }, { 9, 1, 1, 3 },
	};
	const struct ktstr_cpu_map map = { places, KTSTR_ARRAY_SIZE(places), 2, 2 };

	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_ALL }, "0,2,5,9");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_LLC, .index = 1 }, "5,9");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_NUMA }, "0,2");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_RANGE, .from = 0.5, .to = 1 }, "5,9");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_DISJOINT, .index = 1, .of = 4 }, "2");
	resolves(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_HOLDBACK, .from = 0.5 }, "0,2");
	refuses(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPUS_EXACT, .list = "0-2" },
		"the machine has no CPU 1: it has 4, numbered from 0");
	binds(&map, (struct ktstr_affinity){ .kind = KTSTR_AFFINITY_EACH }, "2,5,9", 4, "5");
	binds(&map, (struct ktstr_affinity){ .kind = KTSTR_AFFINITY_LLC }, "2,5,9", 0, "5,9");
	binds(&map, (struct ktstr_affinity){ .kind = KTSTR_AFFINITY_ALL }, "2", 0, "0,2,5,9");
}

/* A value that no reader makes, in a plan that a guest was sent. */
Test(cpus, a_kind_that_is_none_is_refused)
{
	struct ktstr_cpu_map map = machine(1, 1, 4, 1);
	struct ktstr_affinity a = { .kind = KTSTR_AFFINITY_KINDS };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask, pool;

	refuses(&map, (struct ktstr_cpu_spec){ .choice = KTSTR_CPU_CHOICES }, "unknown kind of CPU set 8");
	cr_assert(ktstr_cpu_list_parse("0-3", &pool));
	cr_assert_eq(ktstr_affinity_resolve(&a, &map, &pool, 0, &mask, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "unknown kind of affinity 7");
	a.kind = KTSTR_AFFINITY_INHERIT;
	cr_assert_eq(ktstr_affinity_resolve(&a, &map, &pool, 0, &mask, &err), -EINVAL,
		     "who is not bound is not asked");
	ktstr_cpu_map_deinit(&map);
}
