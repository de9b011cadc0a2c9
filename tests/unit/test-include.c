/* SPDX-License-Identifier: GPL-2.0-only */
/* Pipelines of several files: what wins, where paths start, which file a problem is told of. */
#include "plan-files.h"
#include "plan/encode.h"
#include "plan/merge.h"

#include <sys/stat.h>

static struct ktstr_plan *plan_of(struct ktstr_registry *registry, const struct file *files)
{
	return fixture_files_plan(registry, files, fixture_options(files));
}

#define FILES(...) (const struct file[]){ __VA_ARGS__, { NULL, NULL } }

/* ---- what wins ---- */

Test(include, own_keys_win_and_mappings_are_merged)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "t/main.yaml", "include: base.yaml\nmemory: 1G\nscenario: {duration: 5s}\n"
				 "scheduler: {args: [-a]}\nsysctls: {b.c: 9, d.e: 4}\n" },
		{ "t/base.yaml", "test: base\nmemory: 256M\ntopology: 1n2l2c1t\n"
				 "scheduler: {binary: ./scx, args: [-x, -y], attach-timeout: 7s}\n"
				 "sysctls: {a.b: 1, b.c: 2}\n"
				 "scenario:\n  duration: 1s\n  cgroups: [{name: busy}]\n" }));

	cr_expect_str_eq(plan->test, "base");
	cr_expect_eq(plan->memory_bytes, 1ull << 30);
	cr_expect_eq(plan->topology.llcs, 2);
	cr_expect_eq(ktstr_plan_duration_ns(plan), 5000000000ull);
	cr_expect_str_eq(plan->steps.items[0].cgroups.items[0].name, "busy");
	cr_expect_str_eq(plan->scheduler.binary, "./scx");
	cr_expect_eq(plan->scheduler.attach_timeout_ns, 7000000000ull);
	cr_assert_eq(plan->scheduler.args.n, 1, "lists are replaced");
	cr_expect_str_eq(plan->scheduler.args.items[0], "-a");
	cr_assert_eq(plan->sysctls.n, 3);
	cr_expect_str_eq(plan->sysctls.items[0].path, "a/b");
	cr_expect_str_eq(plan->sysctls.items[1].path, "b/c", "in the order of the included file");
	cr_expect_str_eq(plan->sysctls.items[1].value, "9");
	cr_expect_str_eq(plan->sysctls.items[2].path, "d/e");
	cr_assert_eq(plan->sources.n, 1);
	cr_expect_str_eq(plan->sources.items[0]->path, "t/base.yaml");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(include, a_later_one_wins_over_an_earlier_one)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "main.yaml", "include: [one.yaml, two.yaml]\nscenario: {duration: 1s}\n" },
		{ "one.yaml", "test: one\ndescription: from one\nmemory: 256M\n" },
		{ "two.yaml", "include: three.yaml\ntest: two\n" },
		{ "three.yaml", "test: three\nmemory: 1G\n" }));

	cr_expect_str_eq(plan->test, "two");
	cr_expect_str_eq(plan->description, "from one");
	cr_expect_eq(plan->memory_bytes, 1ull << 30, "what a later one includes wins too");
	cr_expect_eq(plan->sources.n, 3);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(include, a_mapping_and_a_word_are_not_mixed)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "main.yaml", "include: base.yaml\nscheduler: scx_b\nscenario: {duration: 1s}\n" },
		{ "base.yaml", "scheduler: {binary: scx_a, args: [-x]}\n" }));

	cr_expect_str_eq(plan->scheduler.binary, "scx_b");
	cr_expect_eq(plan->scheduler.args.n, 0);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(include, a_file_that_two_others_need_is_read_once)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "main.yaml", "include: [a.yaml, b.yaml]\n" },
		{ "a.yaml", "include: lib/common.yaml\n" },
		{ "b.yaml", "include: ./lib/../lib//common.yaml\n" },
		{ "lib/common.yaml", "scenario: {duration: 1s}\n" }));

	cr_expect_eq(plan->sources.n, 3);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

/* ---- paths ---- */

Test(include, paths_are_from_the_file_that_has_them)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "tests/a/main.yaml", "include: ../lib/base.yaml\nmodules: [./own.ko]\n" },
		{ "tests/lib/base.yaml", "include: deep/more.yaml\nkernel: ./build\n"
			"scheduler: ../scx_foo\nscenario: {duration: 1s, payloads: "
			"[{command: [./bench, ./x]}, {name: b, command: [bench]}]}\n" },
		{ "tests/lib/deep/more.yaml", "kernel: 7.3\nvmm: qemu\nmodules: [x.ko]\n" }));
	const struct ktstr_plan_payload *payloads = plan->steps.items[0].payloads.items;

	cr_expect_str_eq(plan->kernel, "../lib/build");
	cr_expect_str_eq(plan->modules.items[0], "./own.ko");
	cr_expect_str_eq(plan->scheduler.binary, "../scx_foo");
	cr_expect_str_eq(payloads[0].command.items[0], "../lib/bench");
	cr_expect_str_eq(payloads[0].command.items[1], "./x", "arguments are nobody's business");
	cr_expect_str_eq(payloads[1].command.items[0], "bench");
	ktstr_plan_destroy(plan);
	plan = plan_of(registry, FILES(
		{ "main.yaml", "include: /etc/k/base.yaml\nscenario: {duration: 1s}\n" },
		{ "/etc/k/base.yaml", "include: ../other.yaml\nscheduler: ./scx_foo\nkernel: '6.12'\n" },
		{ "/etc/other.yaml", "modules: [sub/x.ko, y]\n" }));
	cr_expect_str_eq(plan->scheduler.binary, "/etc/k/scx_foo");
	cr_expect_str_eq(plan->kernel, "6.12", "no path");
	cr_expect_str_eq(plan->modules.items[0], "/etc/sub/x.ko");
	cr_expect_str_eq(plan->modules.items[1], "y");
	ktstr_plan_destroy(plan);
	plan = plan_of(registry, FILES(
		{ "a/main.yaml", "include: sub/base.yaml\nscenario: {duration: 1s}\n" },
		{ "a/sub/base.yaml", "scheduler: ../scx_foo\n" }));
	cr_expect_str_eq(plan->scheduler.binary, "./scx_foo", "a path stays one");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(include, a_module_beside_the_file_that_names_it)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = plan_of(registry, FILES(
		{ "main.yaml", "include: " FIXTURES "/base.yaml\n" },
		{ FIXTURES "/base.yaml", "scenario: {duration: 1s, cgroups: [{name: a, workers: "
					 "[lone.so]}]}\n" }));

	cr_expect_str_eq(plan->steps.items[0].cgroups.items[0].workers.items[0].workload.plugin->name,
			 "lone");
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

struct joined {
	const char *dir, *path, *want;
};

Test(include, paths_are_joined_by_their_text)
{
	static const struct joined rows[] = {
		{ ".", "a.yaml", "a.yaml" }, { "", "a", "a" }, { "", ".", "." }, { "a", "..", "." },
		{ "a/b", "../c", "a/c" }, { "a/b", "../../c", "c" }, { "a/b", "../../../c", "../c" },
		{ "..", "../c", "../../c" }, { "../a", "../../c", "../../c" },
		{ "a", "/b//c/./d/", "/b/c/d" }, { "/a", "../../b", "/b" }, { "/", "..", "/" },
		{ "/a/bc", "..", "/a" }, { "a/...", "..", "a" }, { "x", "..y/../z", "x/z" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *got = ktstr_path_join(rows[i].dir, rows[i].path);

		cr_expect_str_eq(got, rows[i].want, "%s, %s: %s", rows[i].dir, rows[i].path, got);
	}
}

/* ---- what is wrong ---- */

struct bad {
	struct file files[5];
	const char *want;
};

#define DURATION "scenario: {duration: 1s}\n"

static const struct bad bad[] = {
	{ { { "m.yaml", DURATION "include: no/such.yaml\n" } },
	  "m.yaml:2:10: no/such.yaml: No such file or directory\n" },
	{ { { "m.yaml", DURATION "include:\n" } },
	  "m.yaml:2:9: expected a file's path, but this is empty\n" },
	{ { { "m.yaml", DURATION "include: []\n" } },
	  "m.yaml:2:10: expected a file's path, or a list of them, but this is empty\n" },
	{ { { "m.yaml", DURATION "include: {a: b}\n" } },
	  "m.yaml:2:10: expected a file's path, but this is a mapping\n" },
	{ { { "m.yaml", DURATION "include: ['', [x], \"a\\nb\", c.yaml]\n" } },
	  "m.yaml:2:11: expected a file's path, but this is empty\n"
	  "m.yaml:2:15: expected a file's path, but this is a list\n"
	  "m.yaml:2:20: a path is one line of text\n"
	  "m.yaml:2:28: c.yaml: No such file or directory\n" },
	{ { { "m.yaml", "include: x/a.yaml\n" }, { "x/a.yaml", "include: b.yaml\n" },
	    { "x/b.yaml", "- a\n" } },
	  "x/b.yaml:1:1: expected a mapping, but this is a list\n" },
	{ { { "m.yaml", "include: [a.yaml, b.yaml]\n" }, { "a.yaml", "a: [\n" }, { "b.yaml", "" } },
	  "a.yaml:2:1: did not find expected node content while parsing a flow node\n"
	  "b.yaml:1:1: the file is empty\n" },
	{ { { "m.yaml", "include: m.yaml\n" } },
	  "m.yaml:1:10: a circle of files: m.yaml -> m.yaml\n" },
	{ { { "x/m.yaml", "include: a.yaml\n" }, { "x/a.yaml", "include: ../x/m.yaml\n" } },
	  "x/a.yaml:1:10: a circle of files: x/m.yaml -> x/a.yaml -> x/m.yaml\n" },
	{ { { "m.yaml", "include: a.yaml\n" }, { "a.yaml", "include: b.yaml\n" },
	    { "b.yaml", "include: [c.yaml]\n" }, { "c.yaml", "include: a.yaml\n" } },
	  "c.yaml:1:10: a circle of files: a.yaml -> b.yaml -> c.yaml -> a.yaml\n" },
	{ { { "m.yaml", "include: a.yaml\ntset: x\n" },
	    { "a.yaml", "memory: 1X\nscenario: {durration: 1s}\n" } },
	  "m.yaml:2:1: unknown key `tset` here; did you mean `test`? (known: include, test, "
	  "description, kernel, kernel-args, modules, sysctls, topology, memory, boot-timeout, "
	  "template, vmm, scheduler, scenario, expect, monitors, monitor-period, monitor-limits, "
	  "auto_repro, probes, report)\n"
	  "a.yaml:1:9: `memory`: expected size 128M..1T, not \"1X\" (bytes, or a number and its "
	  "unit: 64K, 512M, 1G)\n"
	  "a.yaml:2:12: unknown key `durration` here; did you mean `duration`? (known: duration, "
	  "cgroups, payloads, steps, cpu-controller)\n" },
	{ { { "m.yaml", "include: a.yaml\n" },
	    { "a.yaml", "test: x\n" } },
	  "m.yaml:1:1: `scenario` is missing here (what runs in the machine); expected a mapping\n" },
	{ { { "m.yaml", "include: a.yaml\nscenario:\n  steps:\n    - {hold: 1s, cgroups: [{name: b}]}\n" },
	    { "a.yaml", "scenario:\n  cgroups:\n    - {name: b}\n" } },
	  "m.yaml:4:28: cgroup `b` is there already: it is made in line 3 of a.yaml\n" },
	{ { { "t/m.yaml", "include: ../lib/a.yaml\n" },
	    { "lib/a.yaml", "scenario:\n  duration: 1s\n  cgroups: [{name: a, workers: [{rt-app: no.json}]}]\n"
			    "  payloads: [{rt-app: no.json}]\n" } },
	  "lib/a.yaml:3:42: opening t/../lib/no.json: No such file or directory\n"
	  "lib/a.yaml:4:23: t/../lib/no.json: No such file or directory\n" },
	{ { { "m.yaml", "include: a.yaml\nscenario: {include: a.yaml, duration: 1s}\n" },
	    { "a.yaml", "test: x\n" } },
	  "m.yaml:2:12: unknown key `include` here (known: duration, cgroups, payloads, steps, "
	  "cpu-controller)\n" },
};

Test(include, problems_name_their_file)
{
	struct ktstr_registry *registry = fixture_registry();

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *got = fixture_files_problems(registry, bad[i].files,
								  fixture_options(bad[i].files));

		cr_expect_str_eq(got, bad[i].want, "%zu: got\n%swanted\n%s", i, got, bad[i].want);
	}
	ktstr_registry_destroy(registry);
}

/* ---- bounds ---- */

/* Files f0.yaml, f1.yaml, ... which include what follows them: the next one, or all of it. */
struct many {
	unsigned n;
	bool all;
	size_t keys;	/* of each, not the same ones */
};

static int read_many(void *ctx, const char *path, struct ktstr_buf *ret, struct ktstr_err *err)
{
	const struct many *many = ctx;
	unsigned i;

	cr_assert_eq(sscanf(path, "f%u.yaml", &i), 1);
	if (i >= many->n)
		return ktstr_err_errno(err, ENOENT, "%s", path);
	if (i + 1 < many->n) {
		ktstr_buf_printf(ret, "include: [f%u.yaml", i + 1);
		for (unsigned k = i + 2; many->all && k < many->n; k++)
			ktstr_buf_printf(ret, ", f%u.yaml", k);
		ktstr_buf_puts(ret, "]\n");
	}
	ktstr_buf_printf(ret, "sysctls:\n  a.f%u: 1\n", i);
	for (size_t k = 0; k < many->keys; k++)
		ktstr_buf_printf(ret, "  k.%u.%zu: 1\n", i, k);
	if (!i)
		ktstr_buf_puts(ret, DURATION);
	return 0;
}

static char *problems_of_many(struct many many)
{
	struct ktstr_registry *registry = fixture_registry();
	char *text = fixture_files_problems(registry, FILES({ "f0.yaml", NULL }),
					    (struct ktstr_plan_options){ .read = read_many,
									 .ctx = &many });

	ktstr_registry_destroy(registry);
	return text;
}

static void many_are_fine(struct many many)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_files_plan(registry, FILES({ "f0.yaml", NULL }),
						     (struct ktstr_plan_options){ .read = read_many,
										  .ctx = &many });

	cr_expect_eq(plan->sysctls.n, many.n);
	cr_expect_eq(plan->sources.n, many.n - 1);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(include, depth_and_number_have_bounds)
{
	_cleanup_free_ char *deep = problems_of_many((struct many){ .n = 18 });
	_cleanup_free_ char *wide = problems_of_many((struct many){ .n = 66, .all = true });
	_cleanup_free_ char *large = problems_of_many((struct many){ .n = 15, .all = true,
								     .keys = 4000 });

	many_are_fine((struct many){ .n = 17 });
	many_are_fine((struct many){ .n = 17, .all = true });
	cr_expect_eq(strncmp(deep, "f16.yaml:1:11: files inside each other more than 16 deep: "
			     "f0.yaml -> f1.yaml -> ", 80), 0, "%s", deep);
	cr_expect(strstr(wide, "more than 16 deep"), "%s", wide);
	cr_expect(strstr(large, "more than 400000 values with all files"), "%s", large);
}

Test(include, there_are_at_most_64_files)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_buf_ struct ktstr_buf list = { 0 };
	struct file files[68] = { { "m.yaml", NULL } };
	_cleanup_free_ char *text = NULL, *got = NULL;

	ktstr_buf_puts(&list, DURATION "include:\n");
	for (size_t i = 0; i < 65; i++) {
		files[i + 1].path = ktstr_asprintf("%zu.yaml", i);
		files[i + 1].text = "test: x\n";
		ktstr_buf_printf(&list, "- %zu.yaml\n", i);
	}
	files[0].text = text = ktstr_buf_steal_str(&list);
	got = fixture_files_problems(registry, files, fixture_options(files));
	cr_expect_str_eq(got, "m.yaml:67:3: more than 64 files\n");
	*strstr(text, "- 64.yaml") = '\0';
	ktstr_plan_destroy(plan_of(registry, files));
	for (size_t i = 0; i < 65; i++)
		free((char *)files[i + 1].path);
	ktstr_registry_destroy(registry);
}

/* ---- on disk ---- */

Test(include, only_ordinary_files_are_read)
{
	struct ktstr_registry *registry = fixture_registry();
	char dir[] = "/tmp/ktstr-test-include.XXXXXX", path[64];
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	struct ktstr_buf out = { 0 };
	_cleanup_free_ char *got = NULL, *want = NULL;
	const char text[] = DURATION "include: [pipe, ., base.yaml]\n", base[] = "memory: 1G\n";

	cr_assert(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(mkfifo("pipe", 0600), 0);
	cr_assert_eq(ktstr_file_write("main.yaml", text, strlen(text), 0600, NULL), 0);
	cr_assert_eq(ktstr_file_write("base.yaml", base, strlen(base), 0600, NULL), 0);
	snprintf(path, sizeof(path), "%s/main.yaml", dir);
	cr_expect_eq(ktstr_plan_load(path, registry, &problems, &plan, &err), -EINVAL);
	ktstr_problems_print(&problems, path, &out);
	got = ktstr_buf_steal_str(&out);
	want = ktstr_asprintf("%1$s/main.yaml:2:11: %1$s/pipe is no ordinary file\n"
			      "%1$s/main.yaml:2:17: %1$s is no ordinary file\n"
			      "%1$s/main.yaml: 2 problems\n", dir);
	cr_expect_str_eq(got, want, "%s", got);
	ktstr_problems_deinit(&problems);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(ktstr_remove_tree(dir, NULL), 0);
	ktstr_registry_destroy(registry);
}
