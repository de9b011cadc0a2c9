/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that runs out at each allocation in turn: an error, nothing leaked, nothing half-made. */
#include "failing-memory.h"
#include "plan-fixture.h"
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

static int load(struct ktstr_registry *registry, const char *text, struct ktstr_plan **ret_plan,
		size_t *ret_problems)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_buf out = { 0 };
	int ret = ktstr_plan_load_bytes("x.yaml", text, strlen(text), registry, &problems, ret_plan,
					NULL);

	*ret_problems = ktstr_problems_count(&problems);
	ktstr_problems_print(&problems, "x.yaml", &out);
	ktstr_buf_free(&out);
	ktstr_problems_deinit(&problems);
	return ret;
}

/* Loads the text with one more allocation each time, until none fails. */
static void load_with_ever_more(const char *text, bool is_good)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = NULL;
	size_t n = 0, problems;
	int ret;

	do {
		fail_after(n++);
		ret = load(registry, text, &plan, &problems);
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
	load_with_ever_more(good, true);
}

Test(memory, a_bad_file)
{
	load_with_ever_more(bad, false);
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
