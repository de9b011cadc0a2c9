/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that runs out at each allocation in turn: an error, nothing leaked, nothing half-made. */
#include "failing-memory.h"
#include "plan-files.h"
#include "plan/encode.h"

static const char good[] =
	"kernel-args: [a, b]\n"
	"topology: {cores: 4}\n"
	"scheduler: {binary: x, args: [-v]}\n"
	"scenario:\n"
	"  duration: 1s\n"
	"  cgroups:\n"
	"    - {name: a, workers: [&w {workload: bursty, count: 2}, {<<: *w, label: x}]}\n"
	"    - {name: b, workers: [tests/fixtures/plan/.libs/lone.so]}\n"
	"expect: {spread: 5%, fails: {cause: panic, pattern: x}}\n"
	"report: {sections: [head]}\n";

static const char bad[] =
	"tset: [a]\n"
	"a: 1\n"
	"a: 2\n"
	"b: *none\n"
	"vmm: quemu\n"
	"scenario: {cgroups: [{name: a, workers: [none, /none.so, {workload: bursty, x: 1}]}]}\n";

/* The same in several files. */
static const struct file good_files[] = {
	{ "x.yaml", "include: [lib/a.inc, b.inc]\nscheduler: {file: lib/s.yaml, flags: [on], args: [-t]}\n"
		    "sysctls: {a.b: 1, e.f: 2}\nscenario: {duration: 1s}\nkernel-args: [a]\n" },
	{ "lib/a.inc", "include: ../b.inc\nkernel: ./build\nmodules: [./m.ko]\n"
		       "scenario: {payloads: [{command: [./p]}]}\n" },
	{ "b.inc", "topology: 1n1l4c1t\nscenario: {duration: 2s, cgroups: [{name: a}]}\n" },
	{ "lib/s.yaml", "include: t.inc\nflags: {on: {args: [--on]}, off: {excludes: [on]}}\n"
			"expect: {spread: 5%}\nsysctls: {a.b: 2, c.d: 3}\nkernel-args: [b]\n" },
	{ "lib/t.inc", "binary: ./scx\nargs: [-v]\nflags: {on: {description: x}}\n" },
	{ NULL, NULL },
};

static const struct file bad_files[] = {
	{ "x.yaml", "include: [a.inc, b.inc, none]\n" },
	{ "a.inc", "include: x.yaml\nb: *none\n" },
	{ "b.inc", "include: c.inc\n" },
	{ "c.inc", "include: [b.inc, d.inc]\n" },
	{ "d.inc", "[a]" },
	{ NULL, NULL },
};

static const struct file bad_scheduler[] = {
	{ "x.yaml", "scheduler: {file: s.yaml, flags: [c, f]}\nscenario: {duration: 1s}\n" },
	{ "s.yaml", "binary: a\nflags: {a b: {}, c: {requires: [c, d]}, e: {excludes: [e]}}\n" },
	{ NULL, NULL },
};

static int load(struct ktstr_registry *registry, const struct file *files,
		struct ktstr_plan **ret_plan, size_t *ret_problems)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_buf out = { 0 };
	struct ktstr_plan_options options = fixture_options(files);
	int ret = ktstr_plan_load_for("x.yaml", &options, registry, &problems, ret_plan, NULL);

	*ret_problems = ktstr_problems_count(&problems);
	ktstr_problems_print(&problems, "x.yaml", &out);
	ktstr_buf_free(&out);
	ktstr_problems_deinit(&problems);
	return ret;
}

/* Loads the files with one more allocation each time, until none fails. */
static void load_with_ever_more(const struct file *files, bool is_good)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = NULL;
	size_t n = 0, problems;
	int ret;

	do {
		fail_after(n++);
		ret = load(registry, files, &plan, &problems);
		cr_assert_eq(plan != NULL, ret == 0);
		cr_assert_eq(ret == 0, is_good && !failed, "allocation %zu: %d", n, ret);
		cr_assert(!ret || ret == -ENOMEM || (!is_good && ret == -EINVAL && problems),
			  "allocation %zu: %d", n, ret);
	} while (failed);
	left = SIZE_MAX;
	cr_assert_eq(ret, is_good ? 0 : -EINVAL);
	cr_assert_gt(n, 50);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(memory, a_good_file)
{
	load_with_ever_more((const struct file[]){ { "x.yaml", good }, { NULL, NULL } }, true);
}

Test(memory, a_bad_file)
{
	load_with_ever_more((const struct file[]){ { "x.yaml", bad }, { NULL, NULL } }, false);
}

Test(memory, several_files)
{
	load_with_ever_more(good_files, true);
	load_with_ever_more(bad_files, false);
	load_with_ever_more(bad_scheduler, false);
}

static const char *plugin_path(void *ctx, const struct ktstr_module_info *module)
{
	(void)ctx;
	return module->path;
}

Test(memory, the_plan_for_the_guest)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", good);
	struct ktstr_guest_paths paths = { .scheduler = "x", .plugin = plugin_path };
	size_t n = 0;
	int ret;

	do {
		struct ktstr_buf out = { 0 };
		struct ktstr_err err = KTSTR_ERR_INIT;

		fail_after(n++);
		ret = ktstr_plan_encode(plan, &paths, false, 1, &out, &err);
		cr_assert_eq(ret, failed ? -ENOMEM : 0);
		cr_assert_str_eq(err.msg, failed ? "out of memory" : "");
		ktstr_buf_free(&out);
	} while (failed);
	left = SIZE_MAX;
	cr_assert_gt(n, 2);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}
