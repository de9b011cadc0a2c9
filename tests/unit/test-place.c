/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of cgroups, and where and how workers are to run: what is read, and what is refused. */
#include "plan-fixture.h"

#define MACHINE "topology: 2n2l2c1t\nscenario: {duration: 1s, cgroups: [{name: a, "

static const struct ktstr_plan_cgroup *first_cgroup(const struct ktstr_plan *plan)
{
	return &plan->steps.items[0].cgroups.items[0];
}

Test(place, a_cgroup_with_every_setting)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", MACHINE
		"cpuset: {overlap: [1, 2, 0.5]}, cpuset.mems: 0-1, cpu.weight: 250,"
		"cpu.max: 20ms/50ms, memory.max: 64M, pids.max: max}]}\n");
	const struct ktstr_settings *s = &first_cgroup(plan)->settings;

	cr_assert(s->has_cpus);
	cr_assert_eq(s->cpus.choice, KTSTR_CPUS_OVERLAP);
	cr_assert_eq(s->cpus.index, 1);
	cr_assert_eq(s->cpus.of, 2);
	cr_assert_eq(s->cpus.from, 0.5);
	cr_assert_str_eq(s->values[KTSTR_SETTING_MEMS], "0-1");
	cr_assert_str_eq(s->values[KTSTR_SETTING_WEIGHT], "250");
	cr_assert_str_eq(s->values[KTSTR_SETTING_CPU_MAX], "20000 50000");
	cr_assert_str_eq(s->values[KTSTR_SETTING_MEMORY_MAX], "67108864");
	cr_assert_str_eq(s->values[KTSTR_SETTING_PIDS_MAX], "max");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(place, shares_of_a_cpu)
{
	static const char *const rows[][2] = {
		{ "150%", "150000 100000" }, { "1%", "1000 100000" }, { "max", "max" },
		{ "1.5ms/10ms", "1500 10000" },
	};
	struct ktstr_registry *registry = fixture_registry();

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = ktstr_asprintf(MACHINE "cpu.max: %s}]}", rows[i][0]);
		struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", text);

		cr_expect_str_eq(first_cgroup(plan)->settings.values[KTSTR_SETTING_CPU_MAX],
				 rows[i][1]);
		ktstr_plan_destroy(plan);
	}
	ktstr_registry_destroy(registry);
}

Test(place, workers_with_everything)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", MACHINE "workers: ["
		"{workload: cpu-spin, affinity: {random: 7}, sched: {policy: rr, priority: 97}},"
		"{workload: cpu-spin, affinity: 0-1, sched: batch, nice: -5,"
		" mempolicy: {mode: bind, nodes: 1, flags: [static-nodes, numa-balancing]}},"
		"{workload: cpu-spin, sched: {policy: deadline, runtime: 2ms, period: 10ms}},"
		"cpu-spin]}]}\n");
	const struct ktstr_plan_workers *w = first_cgroup(plan)->workers.items;

	cr_assert_eq(w[0].placement.affinity.kind, KTSTR_AFFINITY_RANDOM);
	cr_assert_eq(w[0].placement.affinity.seed, 7);
	cr_assert_eq(w[0].placement.sched.class, KTSTR_SCHED_RR);
	cr_assert_eq(w[0].placement.sched.priority, 97);
	cr_assert_not(w[0].placement.has_nice);
	cr_assert_eq(w[1].placement.affinity.kind, KTSTR_AFFINITY_EXACT);
	cr_assert_str_eq(w[1].placement.affinity.list, "0-1");
	cr_assert_eq(w[1].placement.sched.class, KTSTR_SCHED_BATCH);
	cr_assert(w[1].placement.has_nice);
	cr_assert_eq(w[1].placement.nice, -5);
	cr_assert_eq(w[1].placement.memory.mode, KTSTR_MEM_BIND);
	cr_assert_str_eq(w[1].placement.memory.nodes, "1");
	cr_assert_eq(w[1].placement.memory.flags,
		     KTSTR_MEM_STATIC_NODES | KTSTR_MEM_NUMA_BALANCING);
	cr_assert_eq(w[2].placement.sched.runtime_ns, 2000000);
	cr_assert_eq(w[2].placement.sched.deadline_ns, 10000000, "that of the period");
	cr_assert_eq(w[2].placement.sched.period_ns, 10000000);
	cr_assert_eq(w[3].placement.affinity.kind, KTSTR_AFFINITY_INHERIT);
	cr_assert_eq(w[3].placement.sched.class, KTSTR_SCHED_INHERIT);
	cr_assert_eq(w[3].placement.memory.mode, KTSTR_MEM_INHERIT);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(place, words_are_told_as_they_are_written)
{
	for (int i = 0; i < KTSTR_SCHED_CLASSES; i++)
		cr_expect_str_neq(ktstr_sched_class_name(i), "?");
	for (int i = 0; i < KTSTR_MEM_MODES; i++)
		cr_expect_str_neq(ktstr_mem_mode_name(i), "?");
	for (int i = 0; i < KTSTR_AFFINITY_KINDS; i++)
		cr_expect_str_neq(ktstr_affinity_name(i), "?");
	cr_expect_str_eq(ktstr_sched_class_name(KTSTR_SCHED_CLASSES), "?");
}

/* What stands behind `name: a, `, and what is said of it; columns are those of the whole line. */
static const struct {
	const char *text, *problem;
} bad[] = {
	{ "cpuset: {llc: 5}", "there is no last-level cache 5: the machine has 2, numbered from 0" },
	{ "cpuset: {numa: 2}", "there is no NUMA node 2: the machine has 2, numbered from 0" },
	{ "cpuset: 2-9", "the machine has no CPU 4-9: it has 4, numbered from 0" },
	{ "cpuset: {disjoint: [2, 2]}", "there is no part 2 of 2: parts are numbered from 0" },
	{ "cpuset: {disjoint: [0, 5]}", "4 CPUs cannot be shared out into 5 parts" },
	{ "cpuset: {disjoint: [0]}", "expected [part, of], but this list has 1 item" },
	{ "cpuset: {range: [0.5, 0.2]}",
	  "a range goes from a share to a larger one, both from 0 to 1: not from 0.5 to 0.2" },
	{ "cpuset: {range: [0, 1.5]}", "expected a share from 0 to 1 such as 0.25, not \"1.5\"" },
	{ "cpuset: {range: [-1, 0.5]}", "expected a share from 0 to 1 such as 0.25, not \"-1\"" },
	{ "cpuset: {holdback: 1}", "holding back the share 1 of 4 CPUs leaves none" },
	{ "cpuset: {holdback: nan}", "expected a share from 0 to 1 such as 0.25, not \"nan\"" },
	{ "cpuset: {llc: 0, numa: 0}", "`numa` beside `llc`: only one of them can be meant" },
	{ "cpuset: {lcc: 0}", "unknown key `lcc` here; did you mean `llc`?" },
	{ "cpuset: some", "expected CPUs such as 0-3,5, not \"some\"" },
	{ "cpuset.mems: 2", "there is no NUMA node 2: the machine has 2, numbered from 0" },
	{ "cpu.weight: 0", "`cpu.weight`: expected unsigned integer 1..10000, not \"0\"" },
	{ "cpu.max: 1", "expected max, a share of one CPU such as 150%" },
	{ "cpu.max: 1us/10ms", "`quota`: expected duration 1ms..1h, not \"1us\"" },
	{ "cpu.max: 1ms/10s", "`period`: expected duration 1ms..1s, not \"10s\"" },
	{ "memory.max: 1K", "`memory.max`: expected size 64K..1T, not \"1K\"" },
	{ "pids.max: 0", "`pids.max`: expected unsigned integer 1..4194304, not \"0\"" },
	{ "workers: [{workload: cpu-spin, sched: fifo}]", "fifo needs a `priority` from 1 to 97" },
	{ "workers: [{workload: cpu-spin, sched: {policy: rr, priority: 0}}]",
	  "`priority`: expected unsigned integer 1..97, not \"0\"" },
	{ "workers: [{workload: cpu-spin, sched: {policy: rr, priority: 98}}]",
	  "`priority`: expected unsigned integer 1..97, not \"98\"" },
	{ "workers: [{workload: cpu-spin, sched: {policy: idle, priority: 3}}]",
	  "`priority` is for fifo and rr, not for idle" },
	{ "workers: [{workload: cpu-spin, sched: {policy: rr, priority: 3, period: 1ms}}]",
	  "`period` is for deadline, not for rr" },
	{ "workers: [{workload: cpu-spin, sched: deadline}]", "deadline needs `runtime` and `period`" },
	{ "workers: [{workload: cpu-spin, sched: {policy: deadline, runtime: 5ms, period: 1ms}}]",
	  "the kernel wants `runtime` <= `deadline` <= `period`" },
	{ "workers: [{workload: cpu-spin, sched: idel}]", "did you mean \"idle\"?" },
	{ "workers: [{workload: cpu-spin, nice: 20}]", "`nice`: expected integer -20..19, not \"20\"" },
	{ "workers: [{workload: cpu-spin, nice: 1, sched: {policy: rr, priority: 3}}]",
	  "`nice` means nothing to rr" },
	{ "workers: [{workload: cpu-spin, affinity: single,"
	  " sched: {policy: deadline, runtime: 1ms, period: 5ms}}]",
	  "the kernel binds no deadline task to CPUs: leave `affinity` out" },
	{ "workers: [{workload: cpu-spin, affinity: 4}]",
	  "the machine has no CPU 4: it has 4, numbered from 0" },
	{ "cpuset: 2-3, workers: [{workload: cpu-spin, affinity: 0-1}]",
	  "none of the CPUs 0-1 is one that the cgroup may use" },
	{ "workers: [{workload: cpu-spin, affinity: singel}]", "did you mean \"single\"?" },
	{ "workers: [{workload: cpu-spin, mempolicy: bind}]", "bind needs `nodes`" },
	{ "workers: [{workload: cpu-spin, mempolicy: {mode: local, nodes: 0}}]",
	  "local takes neither `nodes` nor `flags`" },
	{ "workers: [{workload: cpu-spin, mempolicy: {mode: preferred, nodes: 0-1}}]",
	  "preferred takes one node" },
	{ "workers: [{workload: cpu-spin, mempolicy: {mode: interleave, nodes: 2}}]",
	  "there is no NUMA node 2" },
	{ "workers: [{workload: cpu-spin, mempolicy: {mode: interleave, nodes: 0,"
	  " flags: [static-nodes, relative-nodes]}}]", "nodes are static or relative, not both" },
	{ "workers: [{workload: cpu-spin, mempolicy: {mode: interleave, nodes: 0,"
	  " flags: [numa-balancing]}}]", "numa-balancing is for bind and preferred-many" },
};

Test(place, what_cannot_be_is_told_with_its_place)
{
	struct ktstr_registry *registry = fixture_registry();

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = ktstr_asprintf(MACHINE "%s}]}\n", bad[i].text);
		_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

		cr_expect(strstr(got, bad[i].problem), "%s: %s", bad[i].text, got);
		cr_expect(!strncmp(got, "f:2:", 4) && strstr(got, "f: 1 problem\n"), "%s: %s",
			  bad[i].text, got);
	}
	ktstr_registry_destroy(registry);
}

Test(place, more_workers_than_a_guest_takes)
{
	static const char text[] = "scenario: {cgroups: [{name: a, workers: [{workload: cpu-spin, count: "
				   "4096}, cpu-spin]}], steps: [{hold: 1s, cgroups: [{name: b, workers: "
				   "[{workload: cpu-spin, count: 4096}]}]}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

	cr_assert_str_eq(got, "f:1:11: 4097 workers in a step; the most are 4096\nf: 1 problem\n");
	ktstr_registry_destroy(registry);
}

/* A topology that is wrong is one problem, and not one more for each set. */
Test(place, nothing_is_held_against_a_wrong_topology)
{
	static const char text[] = "topology: {numa: 5, llcs: 3}\n"
				   "scenario: {duration: 1s, cgroups: [{name: a, cpuset: {llc: 9},"
				   " cpuset.mems: 7}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

	cr_assert(strstr(got, "f: 1 problem\n"), "%s", got);
	ktstr_registry_destroy(registry);
}

Test(place, names_of_nested_cgroups)
{
	static const char *const names[] = { "a//b", "/a", "a/", "a/..", "a/.b", "cgroup.procs",
					     "a/cpu.max", "a b/c" };
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", "scenario: {duration: 1s, cgroups: "
					       "[{name: a/b-1/c_2.d}, {name: cpu}]}\n");

	cr_assert_str_eq(first_cgroup(plan)->name, "a/b-1/c_2.d");
	ktstr_plan_destroy(plan);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = ktstr_asprintf("scenario: {duration: 1s, cgroups: "
							   "[{name: %s}]}\n", names[i]);
		_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

		cr_expect(strstr(got, "is no cgroup name"), "%s: %s", names[i], got);
	}
	ktstr_registry_destroy(registry);
}
