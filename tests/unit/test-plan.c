/* SPDX-License-Identifier: GPL-2.0-only */
/* Good pipeline files: everything in them arrives in the plan. */
#include "plan-fixture.h"

#include <ktstr/section.h>
#include <unistd.h>

#define SEC 1000000000ull

static const char whole[] =
	"test: crash\n"
	"description: one line\n"
	"kernel: 7.3\n"
	"kernel-args: [quiet, a=1, 5]\n"
	"modules: [loop, ./x.ko]\n"
	"topology: {numa: 2, llcs: 4, cores: 3, threads: 2}\n"
	"memory: 1G\n"
	"boot-timeout: 1m\n"
	"vmm: {plugin: qemu, accel: tcg}\n"
	"scheduler:\n"
	"  binary: ../bin/scx_foo\n"
	"  args: [-v, 3, '', \"two\\nlines\", true]\n"
	"  attach-timeout: 7s\n"
	"scenario:\n"
	"  steps:\n"
	"    - name: first\n"
	"      hold: 250ms\n"
	"      cgroups:\n"
	"        - name: busy\n"
	"          workers:\n"
	"            - cpu-spin\n"
	"            - {workload: bursty, count: 4, burst: 2ms, flag: true, offset: 7, label: x,\n"
	"               colour: blue}\n"
	"            - {workload: pipe, count: 6, bytes: 1M, members: 3}\n"
	"        - {name: idle}\n"
	"    - hold: 2s\n"
	"monitors: [watch]\n"
	"probes: [plugin: look]\n"
	"report: {sections: [b-tail, {plugin: needy, of: it}, head]}\n";

static void check_strings(const char *const *got, size_t n, const char *const *want)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_str_eq(got[i], want[i]);
	cr_assert_null(want[n]);
}

Test(plan, the_machine_and_its_kernel)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "some/dir/file.yaml", whole);

	cr_assert_str_eq(plan->file, "some/dir/file.yaml");
	cr_assert_str_eq(plan->dir, "some/dir");
	cr_assert_eq(plan->text_len, strlen(whole));
	cr_assert_str_eq(plan->text, whole);
	cr_assert_str_eq(plan->test, "crash");
	cr_assert_str_eq(plan->description, "one line");
	cr_assert_str_eq(plan->kernel, "7.3");
	check_strings(plan->kernel_args.items, plan->kernel_args.n,
		      (const char *[]){ "quiet", "a=1", "5", NULL });
	check_strings(plan->modules.items, plan->modules.n,
		      (const char *[]){ "loop", "./x.ko", NULL });
	cr_assert_eq(plan->topology.nodes, 2);
	cr_assert_eq(plan->topology.llcs, 4);
	cr_assert_eq(plan->topology.cores, 3);
	cr_assert_eq(plan->topology.threads, 2);
	cr_assert_eq(plan->memory_bytes, 1ull << 30);
	cr_assert_eq(plan->boot_timeout_ns, 60 * SEC);
	cr_assert_str_eq(plan->vmm.plugin->name, "qemu");
	cr_assert_str_eq(plan->vmm.module->name, "plan-plugins");
	cr_assert_str_eq(plan->vmm.values[0].str, "tcg");
	cr_assert_eq(plan->vmm.values[0].u64, 2);
	cr_assert_eq(plan->vmm.at.line, 9);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, the_scheduler)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "file.yaml", whole);

	cr_assert_str_eq(plan->dir, ".");
	cr_assert_str_eq(plan->scheduler.binary, "../bin/scx_foo");
	cr_assert_str_eq(plan->scheduler.name, "scx_foo");
	check_strings(plan->scheduler.args.items, plan->scheduler.args.n,
		      (const char *[]){ "-v", "3", "", "two\nlines", "true", NULL });
	cr_assert_eq(plan->scheduler.attach_timeout_ns, 7 * SEC);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, the_scenario)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "/file.yaml", whole);
	const struct ktstr_plan_step *step = plan->steps.items;
	const struct ktstr_plan_workers *w = step->cgroups.items[0].workers.items;

	cr_assert_str_eq(plan->dir, "/");
	cr_assert_eq(plan->steps.n, 2);
	cr_assert_eq(ktstr_plan_duration_ns(plan), 2 * SEC + SEC / 4);
	cr_assert_str_eq(step->name, "first");
	cr_assert_eq(step->hold_ns, SEC / 4);
	cr_assert_eq(step->cgroups.n, 2);
	cr_assert_str_eq(step->cgroups.items[0].name, "busy");
	cr_assert_eq(step->cgroups.items[0].workers.n, 3);
	cr_assert_str_eq(w[0].workload.plugin->name, "cpu-spin");
	cr_assert_eq(w[0].count, 1);
	cr_assert_eq(w[1].count, 4);
	cr_assert_eq(w[1].workload.values[0].boolean, true);
	cr_assert_eq(w[1].workload.values[1].s64, 7);
	cr_assert_eq(w[1].workload.values[2].u64, 4);	/* the default */
	cr_assert_eq(w[1].workload.values[3].u64, 2000000);
	cr_assert_str_eq(w[1].workload.values[5].str, "x");
	cr_assert_str_eq(w[1].workload.values[6].str, "blue");
	cr_assert_eq(w[2].count, 6);
	cr_assert_str_eq(step->cgroups.items[1].name, "idle");
	cr_assert_eq(step->cgroups.items[1].workers.n, 0);
	cr_assert_str_eq(step[1].name, "");
	cr_assert_eq(step[1].cgroups.n, 0);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, the_plugins_in_lists_keep_their_order)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "file.yaml", whole);

	cr_assert_eq(plan->monitors.n, 1);
	cr_assert_str_eq(plan->monitors.items[0].plugin->name, "watch");
	cr_assert_eq(plan->probes.n, 1);
	cr_assert_str_eq(plan->probes.items[0].plugin->name, "look");
	cr_assert_eq(plan->sections.n, 3);
	cr_assert_str_eq(plan->sections.items[0].plugin->name, "b-tail");
	cr_assert_str_eq(plan->sections.items[1].plugin->name, "needy");
	cr_assert_str_eq(plan->sections.items[1].values[0].str, "it");
	cr_assert_str_eq(plan->sections.items[2].plugin->name, "head");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, what_is_left_out_has_its_default)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "dir/my.test.yaml",
					       "scenario: {duration: 0s}\n");
	char topology[32];

	cr_assert_str_eq(plan->test, "my.test");
	cr_assert_null(plan->description);
	cr_assert_null(plan->kernel);
	cr_assert_eq(plan->kernel_args.n + plan->modules.n, 0);
	ktstr_topology_format(&plan->topology, topology, sizeof(topology));
	cr_assert_str_eq(topology, "1n1l2c1t");
	cr_assert_eq(plan->memory_bytes, 512ull << 20);
	cr_assert_eq(plan->boot_timeout_ns, 6 * SEC);
	cr_assert_str_eq(plan->vmm.plugin->name, "qemu");
	cr_assert_str_eq(plan->vmm.values[0].str, "auto");
	cr_assert_eq(plan->vmm.at.line, 0);
	cr_assert_null(plan->scheduler.binary);
	cr_assert_null(plan->scheduler.name);
	cr_assert_eq(plan->steps.n, 1);
	cr_assert_str_eq(plan->steps.items[0].name, "");
	cr_assert_eq(plan->steps.items[0].hold_ns, 0);
	cr_assert_eq(plan->monitors.n, 0);
	cr_assert_eq(plan->probes.n, 1);
	/* By place, then name, and none that needs a parameter. */
	cr_assert_eq(plan->sections.n, 3);
	cr_assert_str_eq(plan->sections.items[0].plugin->name, "head");
	cr_assert_str_eq(plan->sections.items[1].plugin->name, "a-dump");
	cr_assert_str_eq(plan->sections.items[2].plugin->name, "b-tail");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, short_forms_anchors_and_merges)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yml",
		"topology: 1n2l2c1t\n"
		"scheduler: scx_simple\n"
		"scenario:\n"
		"  duration: &long 5s\n"
		"  cgroups:\n"
		"    - &busy\n"
		"      name: a\n"
		"      workers: [&b {workload: bursty, burst: 1ms}, {<<: *b, count: 3}]\n"
		"    - {<<: *busy, name: b}\n"
		"report: {sections: []}\n");
	const struct ktstr_plan_cgroup *cgroups = plan->steps.items[0].cgroups.items;

	cr_assert_str_eq(plan->test, "x");
	cr_assert_eq(plan->topology.llcs, 2);
	cr_assert_str_eq(plan->scheduler.name, "scx_simple");
	cr_assert_eq(plan->scheduler.attach_timeout_ns, 5 * SEC);
	cr_assert_eq(plan->steps.items[0].cgroups.n, 2);
	cr_assert_str_eq(cgroups[1].name, "b");
	cr_assert_eq(cgroups[1].workers.n, 2);
	cr_assert_eq(cgroups[1].workers.items[1].count, 3);
	cr_assert_eq(cgroups[1].workers.items[1].workload.values[3].u64, 1000000);
	cr_assert_eq(plan->sections.n, 0);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

static void check_repro(const char *more, uint32_t attempts, uint32_t enough, uint32_t parallel)
{
	_cleanup_free_ char *text = ktstr_asprintf("scenario: {duration: 1s}\n%s", more);
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "file.yaml", text);

	cr_expect_eq(plan->repro.attempts, attempts, "%s", more);
	cr_expect_eq(plan->repro.enough, enough, "%s", more);
	cr_expect_eq(plan->repro.parallel, parallel, "%s", more);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, how_often_a_crash_is_repeated)
{
	check_repro("", 1, 1, 1);
	check_repro("auto_repro: true\n", 1, 1, 1);
	check_repro("auto_repro: false\n", 0, 1, 1);
	check_repro("auto_repro: 100\n", 100, 1, 1);
	check_repro("auto_repro: {}\n", 1, 1, 1);
	check_repro("auto_repro: {parallel: 16}\n", 1, 1, 16);
	check_repro("auto_repro: {attempts: 5, parallel: 2, enough: 3}\n", 5, 3, 2);
}

static void check_monitors(const char *more, size_t n, uint64_t period_ns)
{
	struct ktstr_registry *registry = fixture_registry();
	char text[256];
	struct ktstr_plan *plan;

	snprintf(text, sizeof(text), "scenario: {duration: 1s}\n%s", more);
	plan = fixture_plan(registry, "x.yaml", text);
	cr_expect_eq(plan->monitors.n, n, "%s: %zu monitors", more, plan->monitors.n);
	cr_expect_eq(plan->monitor_period_ns, period_ns);
	if (n)
		cr_expect_str_eq(plan->monitors.items[0].plugin->name, "watch");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, monitors_that_nobody_named)
{
	check_monitors("", 0, SEC / 10);
	check_monitors("scheduler: scx_simple\n", 1, SEC / 10);
	check_monitors("scheduler: scx_simple\nmonitors: []\n", 0, SEC / 10);
	check_monitors("monitors: [watch]\nmonitor-period: 1ms\n", 1, SEC / 1000);
}

Test(plan, the_same_cgroup_in_two_steps)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml",
		"scenario:\n"
		"  steps: [{hold: 1s, cgroups: [name: a]}, {hold: 1s, cgroups: [name: a]}]\n");

	cr_assert_eq(plan->steps.n, 2);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, a_module_named_by_its_path_is_loaded_once)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "tests/fixtures/x.yaml",
		"scenario:\n"
		"  duration: 1s\n"
		"  cgroups:\n"
		"    - name: a\n"
		"      workers:\n"
		"        [plan/.libs/lone.so, {workload: ./plan/.libs/lone.so, count: 2}, lone]\n");
	const struct ktstr_plan_workers *w = plan->steps.items[0].cgroups.items[0].workers.items;

	for (size_t i = 0; i < 3; i++)
		cr_assert_str_eq(w[i].workload.plugin->name, "lone");
	cr_assert_str_eq(w[0].workload.module->path, "tests/fixtures/plan/.libs/lone.so");
	cr_assert_eq(w[1].workload.module, w[0].workload.module);
	cr_assert_not_null(ktstr_registry_module(registry, 1));
	cr_assert_null(ktstr_registry_module(registry, 2));
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(plan, files)
{
	struct ktstr_registry *registry = fixture_registry();
	char path[] = "/tmp/ktstr-test-plan.XXXXXX";
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, whole, strlen(whole)), (ssize_t)strlen(whole));
	cr_assert_eq(ktstr_plan_load(path, registry, &problems, &plan, &err), 0, "%s", err.msg);
	cr_assert_str_eq(plan->text, whole);
	ktstr_plan_destroy(plan);
	plan = NULL;

	/* Too large is told like other problems of the file. */
	cr_assert_eq(ftruncate(fd, (2 << 20)), 0);
	cr_assert_eq(ktstr_plan_load(path, registry, &problems, &plan, &err), -EINVAL);
	cr_assert_eq(problems.list.n, 1);
	cr_assert_str_eq(problems.list.items[0].text,
			 "the file is larger than 1048576 bytes; that is no pipeline");
	ktstr_problems_deinit(&problems);

	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(ktstr_plan_load(path, registry, &problems, &plan, &err), -EINVAL);
	cr_assert_eq(problems.list.n, 1);
	ktstr_problems_deinit(&problems);
	close(fd);
	unlink(path);

	cr_assert_eq(ktstr_plan_load("/nonexistent/x.yaml", registry, &problems, &plan, &err),
		     -ENOENT);
	cr_assert_str_eq(err.msg, "opening /nonexistent/x.yaml: No such file or directory");
	cr_assert_eq(ktstr_plan_load("/", registry, &problems, &plan, &err), -EISDIR);
	cr_assert_eq(ktstr_problems_count(&problems), 0);
	cr_assert_null(plan);
	ktstr_plan_destroy(NULL);
	ktstr_registry_destroy(registry);
}

Test(plan, topologies_as_text)
{
	struct ktstr_topology t = { 9, 9, 9, 9 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	static const char *const bad[] = { "", "1n", "1n1l2c1t ", " 1n1l2c1t", "1n1l2c", "1l1n2c1t",
					   "-1n1l2c1t", "1n1l2c1tx", "1N1L2C1T", "0001n1l1c1t",
					   "n1l1c1t" };

	cr_assert_eq(ktstr_topology_parse("3n15l1c17t", &t, &err), 0);
	cr_assert(t.nodes == 3 && t.llcs == 15 && t.cores == 1 && t.threads == 17);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		char want[256];

		snprintf(want, sizeof(want), "expected NUMA nodes, last-level caches, cores and "
			 "threads like 1n2l2c1t, not \"%s\"", bad[i]);
		cr_assert_eq(ktstr_topology_parse(bad[i], &t, &err), -EINVAL, "%s", bad[i]);
		cr_assert_str_eq(err.msg, want);
	}
	cr_assert_eq(ktstr_topology_parse("1n1l16c16t", &t, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "256 CPUs (llcs x cores x threads), but at most 255 are "
			 "possible");
	cr_assert_eq(ktstr_topology_parse("1n1l0c1t", &t, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "a topology with a 0 in it has no CPUs");
	cr_assert(t.nodes == 3 && t.llcs == 15, "untouched on failure");
}

/* What --scheduler makes of a file; the caller destroys the plan. */
static struct ktstr_plan *load_for(struct ktstr_registry *registry, const char *text, const char *scheduler,
				   int want)
{
	char path[] = "/tmp/ktstr-test-plan.XXXXXX";
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	cr_assert_eq(ktstr_plan_load_for(path, &(struct ktstr_plan_options){ .scheduler = scheduler },
					 registry, &problems, &plan, &err), want, "%s",
		     err.msg);
	cr_assert_eq(ktstr_problems_count(&problems), 0);
	cr_assert_eq(!plan, want != 0);
	unlink(path);
	return plan;
}

Test(plan, another_scheduler_stands_in_for_that_of_the_file)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = load_for(registry, whole, "/opt/scx_bar", 0);

	cr_assert_str_eq(plan->scheduler.binary, "/opt/scx_bar");
	cr_assert_str_eq(plan->scheduler.name, "scx_bar");
	cr_assert_eq(plan->scheduler.args.n, 0);
	cr_assert_eq(plan->scheduler.attach_timeout_ns, 5 * SEC);
	ktstr_plan_destroy(plan);

	/* One that is there from the start can be changed by operations. */
	plan = load_for(registry, "scenario: {steps: [{hold: 1s, ops: [scheduler: restart]}]}\n", "scx_bar", 0);
	cr_assert_str_eq(plan->scheduler.name, "scx_bar");
	ktstr_plan_destroy(plan);

	load_for(registry, whole, "", -EINVAL);
	load_for(registry, whole, "bin/", -EINVAL);
	load_for(registry, whole, "a\nb", -EINVAL);
	ktstr_registry_destroy(registry);
}
