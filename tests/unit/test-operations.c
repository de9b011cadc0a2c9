/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps with operations and payloads: what is read, and which cgroups there are when. */
#include "plan-fixture.h"

#define SEC 1000000000ull

static const char all[] =
	"scenario:\n"
	"  duration: 8s\n"
	"  cgroups: [{name: base, cpuset: 0}, {name: in/side}]\n"
	"  steps:\n"
	"    - hold: 25%\n"
	"      every: 100ms\n"
	"      cgroups: [{name: local}]\n"
	"      ops:\n"
	"        - add-cgroup: {name: new, cpu.weight: 7, workers: [bursty]}\n"
	"        - set-cpuset: {cgroup: new, cpuset: {range: [0, 0.5]}}\n"
	"        - clear-cpuset: new\n"
	"        - swap-cpusets: [base, local]\n"
	"        - set: {cgroup: in, pids.max: 9}\n"
	"        - spawn: {cgroup: in/side, workers: [{workload: cpu-spin, count: 3}]}\n"
	"        - spawn: {workers: [bursty]}\n"
	"        - set-affinity: {cgroup: base, affinity: each}\n"
	"        - move-all: {from: new, to: local}\n"
	"        - freeze: local\n"
	"        - thaw: local\n"
	"        - stop: in/side\n"
	"        - remove-cgroup: new\n"
	"    - hold: 12.5%\n";

Test(operations, every_one_is_read)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", all);
	const struct ktstr_plan_step *step = plan->steps.items;
	const struct ktstr_plan_op *op = step->ops.items;

	cr_assert_eq(plan->cgroups.n, 2);
	cr_assert_str_eq(plan->cgroups.items[1].name, "in/side");
	cr_assert_eq(plan->steps.n, 2);
	cr_assert_eq(step->hold_ns, 2 * SEC);
	cr_assert_eq(step->every_ns, SEC / 10);
	cr_assert_eq(step[1].hold_ns, SEC);
	cr_assert_eq(ktstr_plan_duration_ns(plan), 3 * SEC);
	cr_assert_eq(step->ops.n, 13);
	cr_assert_eq(op[0].operation, KTSTR_OP_ADD_CGROUP);
	cr_assert_str_eq(op[0].cgroup.name, "new");
	cr_assert_str_eq(op[0].cgroup.settings.values[KTSTR_SETTING_WEIGHT], "7");
	cr_assert_eq(op[0].cgroup.workers.n, 1);
	cr_assert_eq(op[1].operation, KTSTR_OP_SET_CPUSET);
	cr_assert(op[1].cgroup.settings.has_cpus);
	cr_assert_eq(op[1].cgroup.settings.cpus.to, 0.5);
	cr_assert_eq(op[3].operation, KTSTR_OP_SWAP_CPUSETS);
	cr_assert_str_eq(op[3].cgroup.name, "base");
	cr_assert_str_eq(op[3].to, "local");
	cr_assert_str_eq(op[4].cgroup.name, "in", "it is there because of in/side");
	cr_assert_str_eq(op[4].cgroup.settings.values[KTSTR_SETTING_PIDS_MAX], "9");
	cr_assert_eq(op[5].cgroup.workers.items[0].count, 3);
	cr_assert_str_eq(op[6].cgroup.name, "");
	cr_assert_eq(op[7].affinity.kind, KTSTR_AFFINITY_EACH);
	cr_assert_str_eq(op[8].cgroup.name, "new");
	cr_assert_str_eq(op[8].to, "local");
	cr_assert_eq(op[12].operation, KTSTR_OP_REMOVE_CGROUP);
	cr_assert_eq(op[12].at.line, 21);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

#define STEPS "scenario: {cgroups: [{name: base}], steps: [\n"

/* What stands in the lines behind that, and what is said of it. */
static const struct {
	const char *text, *problem;
} bad[] = {
	{ "{hold: 1s, ops: [frezze: base]}", "f:2:18: unknown key `frezze` here; did you mean `freeze`?" },
	{ "{hold: 1s, ops: [{freeze: base, thaw: base}]}",
	  "f:2:33: `thaw` beside `freeze`: only one of them can be meant" },
	{ "{hold: 1s, ops: [{}]}", "f:2:18: expected a mapping of one operation such as `freeze`" },
	{ "{hold: 1s, ops: [freeze]}", "expected a mapping of one operation such as `freeze`, but this "
	  "is text" },
	{ "{hold: 1s, ops: [freeze: a b]}", "\"a b\" is no cgroup name" },
	{ "{hold: 1s, ops: [swap-cpusets: [base]]}", "expected two cgroups, but this list has 1 item" },
	{ "{hold: 1s, ops: [set: {cgroup: base}]}", "nothing is set here" },
	{ "{hold: 1s, ops: [set-cpuset: {cgroup: base}]}", "`cpuset` is missing here" },
	{ "{hold: 1s, ops: [set-cpuset: {cgroup: base, cpuset: {llc: 5}}]}",
	  "there is no last-level cache 5" },
	{ "{hold: 1s, ops: [spawn: {cgroup: base}]}", "`workers` is missing here" },
	{ "{hold: 1s, ops: [stop: bsae]}",
	  "f:2:18: `stop`: there is no cgroup `bsae` at this point; did you mean `base`? (known: base)" },
	{ "{hold: 1s, cgroups: [{name: base}]}",
	  "f:2:22: cgroup `base` is there already: it is made in line 1" },
	{ "{hold: 1s, ops: [add-cgroup: {name: base}]}", "cgroup `base` is there already" },
	{ "{hold: 1s, cgroups: [{name: x}]},\n{hold: 1s, ops: [stop: x]}",
	  "f:3:18: `stop`: there is no cgroup `x` at this point (known: base)" },
	{ "{hold: 1s, ops: [remove-cgroup: base]},\n{hold: 1s, ops: [thaw: base]}",
	  "f:3:18: `thaw`: there is no cgroup `base` at this point (known: none)" },
	{ "{hold: 1s, cgroups: [{name: base/x}], ops: [remove-cgroup: base]}",
	  "cgroup `base` cannot be removed: cgroup `base/x` is in it" },
	{ "{hold: 1s, ops: [move-all: {from: base, to: x}]}", "`move-all`: there is no cgroup `x`" },
	{ "{hold: 1s, every: 10ms, ops: [add-cgroup: {name: x}]}",
	  "cgroup `x` is there already in the second round of `every`: it is made in line 2" },
	{ "{hold: 1s, every: 10ms, ops: [remove-cgroup: base]}",
	  "there is no cgroup `base` at this point in the second round of `every`" },
	{ "{hold: 1s, ops: [wait: it]}", "`wait`: no payload `it` was started before" },
	{ "{hold: 1s, ops: [run: {command: [a]}]},\n{hold: 1s, ops: [kill: a]}",
	  "f:3:18: `kill`: no payload `a` was started before" },
	{ "{hold: 1s, payloads: [{command: [a]}, {command: [b/a]}]}",
	  "f:2:39: a second payload `a`; the first is in line 2: give one a `name`" },
	{ "{hold: 1s, payloads: [{command: []}]}", "expected a program, and its arguments" },
	{ "{hold: 1s, payloads: [{command: [a/]}]}", "\"a/\" is a folder; expected a program" },
	{ "{hold: 1s, payloads: [{command: a}]}",
	  "expected a list of a program and its arguments, but this is text" },
	{ "{hold: 1s, payloads: [{command: [a], cgroup: x}]}",
	  "`a`: there is no cgroup `x` at this point (known: base)" },
	{ "{hold: 1s, payloads: [{command: [a], metrics: {json: []}}]}", "expected at least one name" },
	{ "{hold: 1s, payloads: [{command: [a], metrics: {json: [b], lines: [c]}}]}",
	  "`lines` beside `json`: only one of them can be meant" },
	{ "{hold: 1s, payloads: [{command: [a], metrics: {}}]}",
	  "expected a mapping of `json` or `lines`" },
	{ "{hold: 1s, ops: [run: {command: [a]}, wait: {payload: a, timeout: 5}]}",
	  "`timeout`: expected duration 100ms..24h, not \"5\"" },
	{ "{hold: 1s, ops: [scheduler: stop]}",
	  "f:2:18: `scheduler`: the pipeline has no `scheduler`: the kernel's own cannot be changed" },
	{ "{hold: 1s, ops: [replace-scheduler: x]}", "the pipeline has no `scheduler`" },
	{ "{hold: 1s, ops: [write-map: {map: .bss, field: crash, value: 1}]}",
	  "f:2:18: `write-map`: no scheduler runs at this point" },
	{ "{hold: 1s, every: 1us, ops: [stop: base]}",
	  "`every`: expected duration 1ms..24h, not \"1us\"" },
};

Test(operations, what_cannot_be_done_is_told_with_its_place)
{
	struct ktstr_registry *registry = fixture_registry();

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = ktstr_asprintf(STEPS "%s]}\n", bad[i].text);
		_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

		cr_expect(strstr(got, bad[i].problem), "%s: %s", bad[i].text, got);
		cr_expect(strstr(got, "f: 1 problem\n"), "%s: %s", bad[i].text, got);
	}
	ktstr_registry_destroy(registry);
}

Test(operations, payloads)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml",
		"scenario:\n"
		"  cgroups: [{name: base}]\n"
		"  payloads: [{command: [./a/prog, -x, 5], cgroup: base, may-fail: true,"
		" metrics: {lines: [p99, ops]}}]\n"
		"  steps:\n"
		"    - hold: 1s\n"
		"      every: 400ms\n"
		"      payloads: [{command: [prog], name: other}]\n"
		"      ops: [run: {command: [b], metrics: {json: [x.0]}}, wait: b, kill: prog,"
		" wait: {payload: other, timeout: 2s}]\n");
	const struct ktstr_plan_payload *p = plan->payloads.items;
	const struct ktstr_plan_op *op = plan->steps.items[0].ops.items;

	cr_assert_eq(plan->payloads.n, 1);
	cr_assert_str_eq(p->name, "prog");
	cr_assert_eq(p->command.n, 3);
	cr_assert_str_eq(p->command.items[0], "./a/prog");
	cr_assert_str_eq(p->command.items[2], "5");
	cr_assert_str_eq(p->cgroup, "base");
	cr_assert(p->may_fail);
	cr_assert_eq(p->form, KTSTR_METRICS_LINES);
	cr_assert_eq(p->metrics.n, 2);
	cr_assert_str_eq(plan->steps.items[0].payloads.items[0].name, "other");
	cr_assert_not(plan->steps.items[0].payloads.items[0].may_fail);
	cr_assert_eq(op[0].payload.form, KTSTR_METRICS_JSON);
	cr_assert_str_eq(op[1].payload.name, "b");
	cr_assert_eq(op[1].timeout_ns, 60 * SEC);
	cr_assert_str_eq(op[2].payload.name, "prog");
	cr_assert_eq(op[3].timeout_ns, 2 * SEC);
	cr_assert_eq(ktstr_plan_operations_ns(plan), 3 * 62 * SEC, "three rounds");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(operations, changes_of_the_scheduler)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml",
		"scheduler: scx_a\n"
		"scenario: {steps: [{hold: 1s, ops: [scheduler: restart, scheduler: stop]},\n"
		"{hold: 0s, ops: [scheduler: start, replace-scheduler: {binary: ./b/scx_b,"
		" args: [-x], attach-timeout: 2s}]}]}\n");
	const struct ktstr_plan_op *op = plan->steps.items[1].ops.items;

	cr_assert_eq(plan->steps.items[0].ops.items[0].change, KTSTR_CHANGE_RESTART);
	cr_assert_eq(plan->steps.items[0].ops.items[1].change, KTSTR_CHANGE_STOP);
	cr_assert_eq(op[0].change, KTSTR_CHANGE_START);
	cr_assert_eq(op[1].operation, KTSTR_OP_REPLACE_SCHEDULER);
	cr_assert_eq(op[1].change, KTSTR_CHANGE_REPLACE);
	cr_assert_str_eq(op[1].scheduler.name, "scx_b");
	cr_assert_str_eq(op[1].scheduler.args.items[0], "-x");
	cr_assert_eq(op[1].scheduler.attach_timeout_ns, 2 * SEC);
	cr_assert_eq(ktstr_plan_operations_ns(plan), (3 * 25 + 22) * SEC);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(operations, writes_into_maps)
{
	static const char wrong[] =
		"scheduler: scx_a\n"
		"scenario: {steps: [{hold: 1s, ops: [write-map: {map: .bss, value: x},\n"
		"write-map: {map: .bss, feild: a, value: 1}, write-map: .bss, scheduler: stop,\n"
		"write-map: {map: .bss, field: a, value: 1}]}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml",
		"scheduler: scx_a\n"
		"scenario: {steps: [{hold: 1s, ops: [write-map: {map: .bss, field: \"a.b[1]\", value: -2},"
		" write-map: {map: m, value: 1, key: x, cpu: 3}]}]}\n");
	const struct ktstr_plan_op *op = plan->steps.items[0].ops.items;
	_cleanup_free_ char *got = fixture_problems(registry, "f", wrong, strlen(wrong));

	cr_assert_eq(op[0].operation, KTSTR_OP_WRITE_MAP);
	cr_assert_str_eq(op[0].write.map, ".bss");
	cr_assert_str_eq(op[0].write.field, "a.b[1]");
	cr_assert_eq(op[0].write.value, -2);
	cr_assert_null(op[0].write.key);
	cr_assert_eq(op[0].write.cpu, KTSTR_PLAN_ALL_CPUS);
	cr_assert_null(op[1].write.field);
	cr_assert_str_eq(op[1].write.key, "x");
	cr_assert_eq(op[1].write.cpu, 3);
	cr_assert_eq(ktstr_plan_operations_ns(plan), 10 * SEC);
	cr_assert(ktstr_plan_needs_ram(plan));
	cr_assert(strstr(got, "`value`: expected integer"), "%s", got);
	cr_assert(strstr(got, "unknown key `feild` here; did you mean `field`?"), "%s", got);
	cr_assert(strstr(got, "expected a mapping of `map`, `field` and `value`"), "%s", got);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(operations, a_scheduler_is_started_once_and_stopped_once)
{
	static const char text[] =
		"scheduler: scx_a\n"
		"scenario: {steps: [{hold: 1s, ops: [scheduler: start]},\n"
		"{hold: 1s, ops: [scheduler: stop, scheduler: restart, scheduler: stop,"
		" scheduler: begin]}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));
	static const char twice[] = "scheduler: scx_a\nscenario: {steps: [{hold: 1s, every: 100ms,"
				    " ops: [scheduler: stop]}]}\n";
	_cleanup_free_ char *again = NULL;

	cr_assert(strstr(got, "`scheduler`: expected one of start, stop, restart, not \"begin\""), "%s",
		  got);
	again = fixture_problems(registry, "f", twice, strlen(twice));
	cr_assert(strstr(again, "`scheduler`: no scheduler runs at this point in the second round of "
			 "`every`"), "%s", again);
	ktstr_registry_destroy(registry);
}

Test(operations, all_that_is_wrong_is_told_at_once)
{
	static const char text[] = STEPS
		"{hold: 1s, ops: [stop: a, freeze: b, add-cgroup: {name: base}]}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

	cr_assert(strstr(got, "f: 3 problems\n"), "%s", got);
	ktstr_registry_destroy(registry);
}

Test(operations, a_name_is_free_again_behind_its_step)
{
	struct ktstr_registry *registry = fixture_registry();

	ktstr_plan_destroy(fixture_plan(registry, "x.yaml", STEPS
					"{hold: 1s, cgroups: [{name: x/y}]},\n"
					"{hold: 1s, cgroups: [{name: x}]},\n"
					"{hold: 1s, every: 10ms, ops: [add-cgroup: {name: x/y},"
					" remove-cgroup: x/y]}]}\n"));
	ktstr_registry_destroy(registry);
}
