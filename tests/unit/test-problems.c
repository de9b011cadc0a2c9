/* SPDX-License-Identifier: GPL-2.0-only */
/* Bad pipeline files: each fault has its place and its words, and all of them come at once. */
#include "plan-fixture.h"
#include "base/file.h"

#include <unistd.h>

/* A text and its problems, each as "line:column: text" and in order. */
struct bad {
	const char *text;
	const char *problems[4];
};

#define SCENARIO "scenario: {duration: 1s}\n"
#define LETTERS "expected letters, digits, `_`, `.` and `-`, and `/` between the names of nested ones"
#define CGROUPS "scenario: {duration: 1s, cgroups: [{name: a, workers: "

static const struct bad types[] = {
	{ "x",
	  { "1:1: expected a mapping: `scenario:` and more, but this is text" } },
	{ "- x",
	  { "1:1: expected a mapping: `scenario:` and more, but this is a list" } },
	{ "~",
	  { "1:1: expected a mapping: `scenario:` and more, but this is empty" } },
	{ "scenario: 5s\n",
	  { "1:11: expected a mapping of `duration` and `cgroups`, or of `steps`, but this is "
	    "text" } },
	{ "scenario:\n",
	  { "1:10: `scenario` has no value; expected a mapping" } },
	{ "scenario: [a]\n",
	  { "1:11: expected a mapping of `duration` and `cgroups`, or of `steps`, but this is "
	    "a list" } },
	{ SCENARIO "test: [a]\n",
	  { "2:7: `test`: expected text, but this is a list" } },
	{ SCENARIO "test: \n",
	  { "2:6: `test` has no value; expected text" } },
	{ SCENARIO "test: ''\n",
	  { "2:7: `test` has no value; expected text" } },
	{ SCENARIO "test: \"a\\nb\"\n",
	  { "2:7: `test` is one line of text" } },
	{ SCENARIO "test: a/b\n",
	  { "2:7: a test's name has no `/` in it" } },
	{ SCENARIO "description: {a: b}\n",
	  { "2:14: `description`: expected text, but this is a mapping" } },
	{ SCENARIO "kernel-args: quiet\n",
	  { "2:14: expected a list of kernel arguments, but this is text" } },
	{ SCENARIO "kernel-args: [[a], '', {b: c}]\n",
	  { "2:15: expected text, but this is a list",
	    "2:20: an empty item",
	    "2:24: expected text, but this is a mapping" } },
	{ SCENARIO "modules: [\"a\\nb\"]\n",
	  { "2:11: expected a line without control characters" } },
	{ SCENARIO "scheduler:\n  binary: x\n  args:\n    -\n    - a\n    - [b]\n",
	  { "5:6: an empty item; write \"\" for an empty text",
	    "7:7: expected text, but this is a list" } },
	{ SCENARIO "scheduler: {binary: x, args: a}\n",
	  { "2:30: expected a list of arguments, but this is text" } },
	{ SCENARIO "sysctls: [a]\n",
	  { "2:10: expected a mapping of sysctls and values, but this is a list" } },
	{ SCENARIO "sysctls:\n  kernel: 1\n  kernel.a: ''\n  a/../b: 1\n  kernel.b: [1]\n",
	  { "3:3: `kernel` is no sysctl; expected a name such as kernel.sched_schedstats",
	    "4:13: a sysctl without a value",
	    "5:3: `a/../b` is no sysctl; expected a name such as kernel.sched_schedstats",
	    "6:13: expected a sysctl's value, but this is a list" } },
	{ SCENARIO "monitors: watch\n",
	  { "2:11: expected a list of plugins, but this is text" } },
	{ SCENARIO "report: head\n",
	  { "2:9: expected a mapping of `sections`, but this is text" } },
	{ SCENARIO "topology: [1]\n",
	  { "2:11: expected a topology such as 1n2l2c1t, or a mapping of numa, llcs, cores and "
	    "threads, but this is a list" } },
	{ CGROUPS "cpu-spin}]}\n",
	  { "1:55: expected a list of workers, but this is text" } },
	{ CGROUPS "[[cpu-spin]]}]}\n",
	  { "1:56: expected a workload's name, or a mapping of `workload`, `count`, `affinity`, "
	    "`sched`, `nice`, `mempolicy` and its "
	    "parameters, but this is a list" } },
	{ CGROUPS "[~]}]}\n",
	  { "1:56: `workload` has no value; expected a workload plugin's name, or the path of "
	    "its module (.so)" } },
	{ "scenario: {duration: 1s, cgroups: [a]}\n",
	  { "1:36: expected a mapping of `name`, settings such as `cpuset`, and `workers`, but this is text" } },
	{ "scenario: {duration: 1s, cgroups: {name: a}}\n",
	  { "1:35: expected a list of cgroups, but this is a mapping" } },
	{ "scenario: {steps: 3}\n",
	  { "1:19: expected a list of steps, but this is text" } },
};

static const struct bad keys[] = {
	{ "",
	  { "1:1: the file is empty; a pipeline has at least a `scenario:`" } },
	{ "test: a\n",
	  { "1:1: `scenario` is missing here (what runs in the machine); expected a mapping" } },
	{ "scenario: {durration: 5s}\n",
	  { "1:12: unknown key `durration` here; did you mean `duration`? (known: duration, "
	    "cgroups, payloads, steps, cpu-controller)" } },
	{ SCENARIO "zzzzz: 1\n",
	  { "2:1: unknown key `zzzzz` here (known: include, test, description, kernel, kernel-args, "
	    "modules, sysctls, topology, memory, boot-timeout, template, vmm, scheduler, scenario, "
	    "expect, monitors, "
	    "monitor-period, monitor-limits, auto_repro, probes, report)" } },
	{ SCENARIO "test: a\ntest: b\n",
	  { "3:1: key `test` stands here a second time; the first is in line 2" } },
	{ SCENARIO "scheduler: {args: [a]}\n",
	  { "2:12: `binary` is missing here (the scheduler's program); expected text" } },
	{ SCENARIO "vmm: {accel: kvm}\n",
	  { "2:6: `plugin` is missing here (which plugin); expected a plugin's name, or the "
	    "path of its module (.so)" } },
	{ CGROUPS "[{count: 1}]}]}\n",
	  { "1:56: `workload` is missing here (what each of the workers does); expected a "
	    "workload plugin's name, or the path of its module (.so)" } },
	{ CGROUPS "[{workload: bursty, brust: 1ms}]}]}\n",
	  { "1:75: unknown key `brust` here; did you mean `burst`? (known: workload, count, "
	    "affinity, sched, nice, mempolicy, "
	    "flag, offset, depth, burst, buffer, label, colour)" } },
	{ CGROUPS "[pipe]}]}\n",
	  { "1:56: `bytes` is missing here (a required size); expected size" } },
	{ "scenario: {steps: [{hold: 1s, duration: 1s}, {name: x}]}\n",
	  { "1:31: unknown key `duration` here (known: name, hold, every, cgroups, "
	    "payloads, ops)",
	    "1:46: `hold` is missing here (how long the step lasts, once its operations are "
	    "done); expected duration 0s..24h, or a part of the scenario's: 50%" } },
	{ "scenario: {duration: 1s, cgroups: [], steps: [{hold: 1s}]}\n",
	  { "1:22: `duration` beside `steps` is what holds in per cent are parts of, and there is "
	    "none: the steps' holds say how long it lasts" } },
	{ "scenario: {steps: [{hold: 50%}, {hold: 101%}, {hold: x%}]}\n",
	  { "1:40: expected a part of the scenario's `duration` such as 50%, not \"101%\"",
	    "1:54: expected a part of the scenario's `duration` such as 50%, not \"x%\"" } },
	{ "scenario: {steps: [{hold: 50%}]}\n",
	  { "1:27: a hold in per cent needs the scenario's `duration`" } },
	{ "scenario: {steps: [{hold: 1s, every: 100ms}]}\n",
	  { "1:38: `every` without `ops`: there is nothing to repeat" } },
	{ "scenario: {}\n",
	  { "1:11: `duration` is missing here (how long it lasts; with `steps`, what holds in per "
	    "cent are parts of); expected duration 0s..24h" } },
	{ "scenario: {steps: [{hodl: 1s}]}\n",
	  { "1:21: unknown key `hodl` here; did you mean `hold`? (known: name, hold, every, "
	    "cgroups, payloads, ops)" } },
	{ CGROUPS "[{wrokload: bursty, burst: 1ms}]}]}\n",
	  { "1:57: unknown key `wrokload` here; did you mean `workload`? (known: workload, "
	    "count, affinity, sched, "
	    "nice, mempolicy)" } },
	{ CGROUPS "[{workload: pipe, byts: 1}]}]}\n",
	  { "1:73: unknown key `byts` here; did you mean `bytes`? (known: workload, count, "
	    "affinity, sched, nice, mempolicy, "
	    "bytes, members)" } },
	{ SCENARIO "vmm: *x\n",
	  { "2:6: no anchor `&x` above this alias" } },
	{ "scenario: {cgroups: []}\n",
	  { "1:11: `duration` is missing here (how long it lasts; with `steps`, what holds in per "
	    "cent are parts of); expected duration 0s..24h" } },
	{ "scenario: {steps: []}\n",
	  { "1:19: a scenario has at least one step" } },
};

static const struct bad values[] = {
	{ "scenario: {duration: 5}\n",
	  { "1:22: `duration`: expected duration 0s..24h, not \"5\" (a number and its unit: "
	    "1h, 2m, 5s, 250ms, 10us, 100ns)" } },
	{ "scenario: {duration: 25h}\n",
	  { "1:22: `duration`: expected duration 0s..24h, not \"25h\"" } },
	{ SCENARIO "memory: 64M\n",
	  { "2:9: `memory`: expected size 128M..1T, not \"64M\"" } },
	{ SCENARIO "memory: lots\n",
	  { "2:9: `memory`: expected size 128M..1T, not \"lots\" (bytes, or a number and its "
	    "unit: 64K, 512M, 1G)" } },
	{ SCENARIO "boot-timeout: 1ms\n",
	  { "2:15: `boot-timeout`: expected duration 1s..1h, not \"1ms\"" } },
	{ SCENARIO "auto_repro: sometimes\n",
	  { "2:13: expected true, false, a number of attempts, or a mapping, not \"sometimes\"" } },
	{ SCENARIO "auto_repro: 0\n",
	  { "2:13: `attempts`: expected unsigned integer 1..100, not \"0\"" } },
	{ SCENARIO "auto_repro: -1\n",
	  { "2:13: expected true, false, a number of attempts, or a mapping, not \"-1\"" } },
	{ SCENARIO "auto_repro: ~\n",
	  { "2:13: `auto_repro` has no value; expected true, false, a number of attempts, or a "
	    "mapping" } },
	{ SCENARIO "auto_repro: [1]\n",
	  { "2:13: expected true, false, a number of attempts, or a mapping of `attempts`, `enough` "
	    "and `parallel`, but this is a list" } },
	{ SCENARIO "auto_repro: {attempts: 101, parallel: 17, atempts: 1}\n",
	  { "2:24: `attempts`: expected unsigned integer 1..100, not \"101\"",
	    "2:39: `parallel`: expected unsigned integer 1..16, not \"17\"",
	    "2:43: unknown key `atempts` here; did you mean `attempts`? (known: attempts, enough, "
	    "parallel)" } },
	{ SCENARIO "auto_repro: {attempts: 2, enough: 3}\n",
	  { "2:13: `enough` is 3, but there are no more than 2 attempts" } },
	{ SCENARIO "auto-repro: true\n",
	  { "2:1: unknown key `auto-repro` here; did you mean `auto_repro`? (known: include, test, description, "
	    "kernel, kernel-args, modules, sysctls, topology, memory, boot-timeout, template, vmm, scheduler, "
	    "scenario, expect, monitors, monitor-period, monitor-limits, auto_repro, probes, report)" } },
	{ SCENARIO "scheduler: {binary: x, attach-timeout: 2h}\n",
	  { "2:40: `attach-timeout`: expected duration 100ms..1h, not \"2h\"" } },
	{ SCENARIO "scheduler: bin/\n",
	  { "2:12: \"bin/\" is a folder; expected the scheduler's program" } },
	{ SCENARIO "topology: 1n2l\n",
	  { "2:11: expected NUMA nodes, last-level caches, cores and threads like 1n2l2c1t, "
	    "not \"1n2l\"" } },
	{ SCENARIO "topology: 2n3l1c1t\n",
	  { "2:11: 3 last-level caches cannot be shared out evenly among 2 NUMA nodes; llcs "
	    "counts those of the whole machine" } },
	{ SCENARIO "topology: {llcs: 16, cores: 16}\n",
	  { "2:11: 256 CPUs (llcs x cores x threads), but at most 255 are possible" } },
	{ SCENARIO "topology: {numa: 0, cores: 256, sockets: 2}\n",
	  { "2:18: `numa`: expected unsigned integer 1..255, not \"0\"",
	    "2:28: `cores`: expected unsigned integer 1..255, not \"256\"",
	    "2:33: unknown key `sockets` here (known: numa, llcs, cores, threads)" } },
	{ CGROUPS "[{workload: cpu-spin, count: 0}, {workload: cpu-spin, count: 4097}]}]}\n",
	  { "1:84: `count`: expected unsigned integer 1..4096, not \"0\"",
	    "1:116: `count`: expected unsigned integer 1..4096, not \"4097\"" } },
	{ CGROUPS "[{workload: bursty, flag: yes, offset: 11, depth: -1, burst: 1}]}]}\n",
	  { "1:81: `flag`: expected true or false, not \"yes\"",
	    "1:94: `offset`: expected integer -10..10, not \"11\"",
	    "1:105: `depth`: expected unsigned integer 1..64, not \"-1\"",
	    "1:116: `burst`: expected duration, not \"1\" (a number and its unit: 1h, 2m, 5s, "
	    "250ms, 10us, 100ns)" } },
	{ CGROUPS "[{workload: bursty, colour: gren, label: ~, buffer: [1]}]}]}\n",
	  { "1:83: `colour`: expected one of red, green, blue, not \"gren\"; did you mean "
	    "\"green\"?",
	    "1:96: `label` has no value; expected text",
	    "1:107: `buffer`: expected size, but this is a list" } },
	{ CGROUPS "[{workload: pipe, bytes: 1, count: 3},\n"
	  "{workload: pipe, bytes: 1, members: 3}]}]}\n",
	  { "1:90: `count` is 3, but pipe works in groups of 2: write a multiple of 2",
	    "2:1: `count` is 1, but pipe works in groups of 3: write a multiple of 3" } },
	{ CGROUPS "[{workload: pipe, bytes: 13, count: 3}]}]}\n",
	  { "1:56: pipe: 13 bytes do not go round" } },
	{ "scenario: {duration: 1s, cgroups: [{name: a b}, {name: ..}, {name: ''}, {name: [a]}]}\n",
	  { "1:43: \"a b\" is no cgroup name: " LETTERS,
	    "1:56: \"..\" is no cgroup name: " LETTERS,
	    "1:68: \"\" is no cgroup name: " LETTERS,
	    "1:80: expected a cgroup's name, but this is a list" } },
	{ "scenario: {duration: 1s, cgroups: [{name: a}, {name: b},\n{name: a}]}\n",
	  { "2:8: a second cgroup `a` in the same step; the first is in line 1" } },
	{ "scenario: {duration: 1s, cgroups: [{name: "
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]}\n",
	  { "1:43: a cgroup's name has at most 128 characters" } },
};

static const struct bad plugins[] = {
	{ SCENARIO "vmm: quemu\n",
	  { "2:6: no vmm plugin `quemu`; did you mean `qemu`? (known: qemu)" } },
	{ SCENARIO "vmm: cpu-spin\n",
	  { "2:6: no vmm plugin `cpu-spin` (known: qemu)" } },
	{ SCENARIO "vmm: {plugin: qemu, accel: kmv}\n",
	  { "2:28: `accel`: expected one of auto, kvm, tcg, not \"kmv\"; did you mean \"kvm\"?" } },
	{ CGROUPS "[cpu-spn]}]}\n",
	  { "1:56: no workload plugin `cpu-spn`; did you mean `cpu-spin`? (known: bursty, "
	    "cpu-spin, pipe)" } },
	{ CGROUPS "[{workload: nothing-like-it, any: key}]}]}\n",
	  { "1:67: no workload plugin `nothing-like-it` (known: bursty, cpu-spin, pipe)" } },
	{ SCENARIO "monitors: [wacth, look]\n",
	  { "2:12: no monitor plugin `wacth`; did you mean `watch`? (known: watch)",
	    "2:19: no monitor plugin `look` (known: watch)" } },
	{ SCENARIO "monitors: [watch, {plugin: watch}]\n",
	  { "2:19: `watch` stands here a second time; the first is in line 2" } },
	{ SCENARIO "probes: [look, look]\n",
	  { "2:16: `look` stands here a second time; the first is in line 2" } },
	{ SCENARIO "report: {sections: [head, needy, header]}\n",
	  { "2:27: `of` is missing here (a required text); expected text",
	    "2:34: no section plugin `header`; did you mean `head`? (known: a-dump, b-tail, "
	    "head, needy)" } },
	{ CGROUPS "[tests/fixtures/plan/.libs/plan-plugins.so]}]}\n",
	  { "1:56: module tests/fixtures/plan/.libs/plan-plugins.so has 3 workload plugins; "
	    "put its folder in KTSTR_PLUGIN_PATH and write the name of one" } },
	{ SCENARIO "vmm: tests/fixtures/plan/.libs/lone.so\n",
	  { "2:6: module tests/fixtures/plan/.libs/lone.so has no vmm plugin" } },
	{ CGROUPS "[./none.so]}]}\n",
	  { "1:56: ./none.so: cannot be loaded: No such file or directory" } },
	{ CGROUPS "[/none.so]}]}\n",
	  { "1:56: /none.so: cannot be loaded: No such file or directory" } },
};

static void check_one(struct ktstr_registry *registry, const struct bad *bad)
{
	_cleanup_free_ char *got = fixture_problems(registry, "f", bad->text, strlen(bad->text));
	_cleanup_buf_ struct ktstr_buf want = { 0 };
	size_t n = 0;

	for (; n < KTSTR_ARRAY_SIZE(bad->problems) && bad->problems[n]; n++)
		ktstr_buf_printf(&want, "f:%s\n", bad->problems[n]);
	ktstr_buf_printf(&want, "f: %zu problem%s\n", n, n == 1 ? "" : "s");
	ktstr_put_byte(&want, 0);
	cr_assert_str_eq(got, (const char *)want.data);
}

static void check_all(const struct bad *bad, size_t n)
{
	struct ktstr_registry *registry = fixture_registry();

	for (size_t i = 0; i < n; i++)
		check_one(registry, &bad[i]);
	ktstr_registry_destroy(registry);
}

Test(problems, values_of_another_form)
{
	check_all(types, KTSTR_ARRAY_SIZE(types));
}

Test(problems, keys_that_are_unknown_missing_or_double)
{
	check_all(keys, KTSTR_ARRAY_SIZE(keys));
}

Test(problems, values_out_of_range)
{
	check_all(values, KTSTR_ARRAY_SIZE(values));
}

Test(problems, plugins_that_are_not_there)
{
	check_all(plugins, KTSTR_ARRAY_SIZE(plugins));
}

/* ---- files with many ---- */

static struct ktstr_buf read_golden(const char *name)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/tests/golden/%s", getenv("abs_top_srcdir"),
						   name);
	struct ktstr_buf bytes = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, &err), 0, "%s", err.msg);
	return bytes;
}

Test(problems, twenty_at_once)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_buf_ struct ktstr_buf text = read_golden("twenty-problems.yaml");
	_cleanup_buf_ struct ktstr_buf want = read_golden("twenty-problems.txt");
	_cleanup_free_ char *got = fixture_problems(registry, "twenty-problems.yaml", text.data,
						    text.len);

	ktstr_put_byte(&want, 0);
	cr_assert_str_eq(got, (const char *)want.data);
	ktstr_registry_destroy(registry);
}

Test(problems, what_is_too_many_is_counted)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	_cleanup_free_ char *got = NULL;

	ktstr_buf_puts(&text, "scenario: {duration: 1s}\n");
	for (int i = 0; i < 300; i++)
		ktstr_buf_printf(&text, "zz%d: 1\n", i);
	got = fixture_problems(registry, "f", text.data, text.len);
	cr_assert(strstr(got, "f:201:1: unknown key `zz199` here"));
	cr_assert_not(strstr(got, "zz200"));
	cr_assert(strstr(got, "\nf: 300 problems, 100 of them not shown\n"));
	ktstr_registry_destroy(registry);
}

Test(problems, too_many_cgroups)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	_cleanup_free_ char *got = NULL;

	ktstr_buf_puts(&text, "scenario: {duration: 1s, cgroups: [");
	for (int i = 0; i <= 1000; i++)
		ktstr_buf_printf(&text, "{name: c%d}, ", i);
	ktstr_buf_puts(&text, "]}");
	got = fixture_problems(registry, "f", text.data, text.len);
	cr_assert_str_eq(got, "f:1:35: 1001 cgroups in a step; the most are 1000\nf: 1 problem\n");
	ktstr_registry_destroy(registry);
}

Test(problems, an_anchored_fault_is_told_once)
{
	static const char text[] = "scenario:\n"
		"  steps:\n"
		"    - hold: 1s\n"
		"      cgroups: &c [{name: a, workers: [bursti]}]\n"
		"    - {hold: 1s, cgroups: *c}\n";
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *got = fixture_problems(registry, "f", text, strlen(text));

	cr_assert_str_eq(got, "f:4:40: no workload plugin `bursti`; did you mean `bursty`? (known: "
			 "bursty, cpu-spin, pipe)\nf: 1 problem\n");
	ktstr_registry_destroy(registry);
}

Test(problems, none_print_nothing)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_buf out = { 0 };

	ktstr_problems_print(&problems, "f", &out);
	cr_assert_eq(out.len, 0);
	ktstr_problems_deinit(&problems);
}

/* ---- registries of another kind ---- */

Test(problems, without_the_default_vmm)
{
	static const char text[] = "scenario: {duration: 1s}\n";
	struct ktstr_registry *registry = ktstr_registry_alloc();
	_cleanup_free_ char *got = NULL;

	cr_assert(registry);
	got = fixture_problems(registry, "f", text, strlen(text));
	cr_assert_str_eq(got, "f: no vmm plugin `qemu`, the default (known: none)\nf: 1 problem\n");
	ktstr_registry_destroy(registry);
}

/* A file that is no module, below a fresh folder; the caller frees the path. */
static char *no_module(const char *dir, const char *name)
{
	char *path = ktstr_asprintf("%s/%s", dir, name);

	cr_assert_eq(ktstr_file_write(path, "no ELF", 6, 0600, NULL), 0);
	return path;
}

Test(problems, refused_modules_are_mentioned)
{
	static const char text[] = CGROUPS "[fancy, other]}]}\n";
	struct ktstr_registry *registry = fixture_registry();
	char dir[] = "/tmp/ktstr-test-problems.XXXXXX";
	_cleanup_free_ char *path = NULL, *got = NULL, *want = NULL;

	cr_assert(mkdtemp(dir));
	path = no_module(dir, "my-fancy.so");
	cr_assert_eq(ktstr_registry_load(registry, path, NULL), -EINVAL);
	got = fixture_problems(registry, "f", text, strlen(text));
	want = ktstr_asprintf("f:1:56: no workload plugin `fancy` (known: bursty, cpu-spin, pipe); "
			      "a module that may have it was refused: %s: cannot be loaded: file "
			      "too short\n"
			      "f:1:63: no workload plugin `other` (known: bursty, cpu-spin, pipe); "
			      "1 module was refused, `ktstr plugins` says why\n"
			      "f: 2 problems\n", path);
	cr_assert_str_eq(got, want);
	cr_assert_eq(ktstr_remove_tree(dir, NULL), 0);
	ktstr_registry_destroy(registry);
}

Test(problems, a_path_to_what_is_no_module)
{
	struct ktstr_registry *registry = fixture_registry();
	char dir[] = "/tmp/ktstr-test-problems.XXXXXX";
	_cleanup_free_ char *path = NULL, *text = NULL, *got = NULL, *want = NULL;

	cr_assert(mkdtemp(dir));
	path = no_module(dir, "x.so");
	text = ktstr_asprintf(CGROUPS "[%s]}]}\n", path);
	got = fixture_problems(registry, "f", text, strlen(text));
	want = ktstr_asprintf("f:1:56: %s: cannot be loaded: file too short\nf: 1 problem\n", path);
	cr_assert_str_eq(got, want);
	cr_assert_eq(ktstr_remove_tree(dir, NULL), 0);
	ktstr_registry_destroy(registry);
}
