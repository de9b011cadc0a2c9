/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptions of schedulers: what of them becomes part of a test, and which flags can be on. */
#include "plan-files.h"

#define FILES(...) (const struct file[]){ __VA_ARGS__, { NULL, NULL } }

#define SCENARIO "scenario: {duration: 1s}\n"
#define FOO \
	"description: a scheduler\n" \
	"binary: ./scx_foo\n" \
	"args: [--slice, '20']\n" \
	"attach-timeout: 7s\n" \
	"kernel-args: [nosmt]\n" \
	"sysctls: {kernel.a: 1, kernel.b: 2}\n" \
	"expect: {gap: 3s, spread: 20%}\n" \
	"flags:\n" \
	"  llc: {args: [--llc], description: keeps tasks on their cache}\n" \
	"  steal: {args: [--steal, '2'], requires: [llc]}\n" \
	"  no-ctrl: {args: [--no-ctrl], excludes: [steal]}\n"

static struct ktstr_registry *registry;

static void begin(void)
{
	registry = fixture_registry();
}

static void end(void)
{
	ktstr_registry_destroy(registry);
}

TestSuite(descriptions, .init = begin, .fini = end);

static struct ktstr_plan *plan_of(const struct file *files)
{
	return fixture_files_plan(registry, files, fixture_options(files));
}

static void has_words(const char *const *items, size_t n, const char *want)
{
	struct ktstr_buf b = { 0 };
	_cleanup_free_ char *got = NULL;

	for (size_t i = 0; i < n; i++)
		ktstr_buf_printf(&b, "%s%s", i ? " " : "", items[i]);
	got = ktstr_buf_steal_str(&b);
	cr_expect_str_eq(got, want, "%s", got);
}

#define HAS(vec, want) has_words((vec).items, (vec).n, want)

static const struct ktstr_value *check_value(const struct ktstr_plan *plan, const char *name,
					     bool *ret_asked)
{
	for (size_t i = 0; i < KTSTR_CHECK_COUNT; i++)
		if (!strcmp(ktstr_checks[i].param.name, name)) {
			*ret_asked = plan->expect.asked[i];
			return &plan->expect.values[i];
		}
	cr_assert_fail("no check %s", name);
	return NULL;
}

static void checks(const struct ktstr_plan *plan, const char *name, bool asked, uint64_t value)
{
	bool was_asked;
	const struct ktstr_value *got = check_value(plan, name, &was_asked);

	cr_expect(got->set, "%s", name);
	cr_expect_eq(was_asked, asked, "%s", name);
	cr_expect_eq(got->u64, value, "%s: %llu", name, (unsigned long long)got->u64);
}

/* ---- what becomes of it ---- */

Test(descriptions, one_is_laid_below_the_test)
{
	struct ktstr_plan *plan = plan_of(FILES(
		{ "t/m.yaml", "scheduler: {file: ../s/foo.yaml, args: [--test, --more]}\n"
			      "kernel-args: [quiet]\nsysctls: {kernel.c: 3, kernel.b: 9}\n"
			      "expect: {spread: 30%}\n" SCENARIO },
		{ "s/foo.yaml", FOO }));

	cr_expect_str_eq(plan->scheduler.binary, "../s/scx_foo");
	cr_expect_str_eq(plan->scheduler.name, "scx_foo");
	cr_expect_str_eq(plan->scheduler.file, "s/foo.yaml");
	cr_expect_eq(plan->scheduler.attach_timeout_ns, 7000000000ull);
	HAS(plan->scheduler.args, "--slice 20 --test --more");
	HAS(plan->kernel_args, "nosmt quiet");
	cr_assert_eq(plan->sysctls.n, 3);
	cr_expect_str_eq(plan->sysctls.items[0].path, "kernel/a");
	cr_expect_str_eq(plan->sysctls.items[1].path, "kernel/b");
	cr_expect_str_eq(plan->sysctls.items[1].value, "9", "the test's wins");
	cr_expect_str_eq(plan->sysctls.items[2].path, "kernel/c");
	checks(plan, "gap", true, 3000000000ull);
	checks(plan, "spread", true, 300000);
	checks(plan, "starvation", false, 1);
	cr_expect_null(plan->description, "it is that of the scheduler");
	cr_expect_str_eq(plan->test, "m");
	cr_expect(!plan->only_scheduler);
	cr_expect_eq(plan->sources.n, 1);
	ktstr_plan_destroy(plan);
}

Test(descriptions, a_name_that_ends_in_yaml_is_one)
{
	struct ktstr_plan *plan = plan_of(FILES({ "m.yaml", "scheduler: foo.yaml\n" SCENARIO },
						{ "foo.yaml", FOO }));

	cr_expect_str_eq(plan->scheduler.binary, "./scx_foo");
	HAS(plan->scheduler.args, "--slice 20");
	ktstr_plan_destroy(plan);
	cr_expect(ktstr_is_yaml("a.yaml"));
	cr_expect(ktstr_is_yaml("./x/a.yml"));
	cr_expect(!ktstr_is_yaml("scx_yaml"));
	cr_expect(!ktstr_is_yaml("a.yaml/scx_foo"));
	cr_expect(!ktstr_is_yaml(".yaml"));
	cr_expect(!ktstr_is_yaml("x/.yml"));
}

Test(descriptions, what_a_test_says_of_the_program_wins)
{
	struct ktstr_plan *plan = plan_of(FILES(
		{ "m.yaml", "scheduler: {file: foo.yaml, binary: /opt/scx_bar, attach-timeout: 5s}\n"
			    SCENARIO },
		{ "foo.yaml", FOO }));

	cr_expect_str_eq(plan->scheduler.binary, "/opt/scx_bar");
	cr_expect_str_eq(plan->scheduler.name, "scx_bar");
	cr_expect_eq(plan->scheduler.attach_timeout_ns, 5000000000ull);
	ktstr_plan_destroy(plan);
}

Test(descriptions, one_may_include_another)
{
	struct ktstr_plan *plan = plan_of(FILES(
		{ "m.yaml", "scheduler: {file: s/bar.yaml, flags: [extra, llc]}\n" SCENARIO },
		{ "s/bar.yaml", "include: foo.yaml\nargs: [--bar]\n"
				"flags: {extra: {args: [-x], requires: [llc]}}\n" },
		{ "s/foo.yaml", FOO }));

	HAS(plan->scheduler.args, "--bar --llc -x");
	cr_expect_str_eq(plan->scheduler.binary, "./s/scx_foo" + 2);
	cr_expect_eq(plan->scheduler.rules.n, 4);
	ktstr_plan_destroy(plan);
}

Test(descriptions, a_replacement_is_started_as_it_says)
{
	struct ktstr_plan *plan = plan_of(FILES(
		{ "m.yaml", "scheduler: scx_old\nscenario:\n  steps:\n    - hold: 1s\n      ops:\n"
			    "        - replace-scheduler: {file: foo.yaml, flags: [llc]}\n" },
		{ "foo.yaml", FOO }));
	const struct ktstr_plan_op *op = &plan->steps.items[0].ops.items[0];

	HAS(op->scheduler.args, "--slice 20 --llc");
	cr_expect_str_eq(op->scheduler.binary, "./scx_foo");
	cr_expect_eq(plan->sysctls.n, 0, "the machine is that of the test");
	checks(plan, "starvation", false, 1);
	ktstr_plan_destroy(plan);
}

/* ---- flags ---- */

Test(descriptions, the_arguments_of_flags_come_last)
{
	struct ktstr_plan *plan = plan_of(FILES(
		{ "m.yaml", "scheduler: {file: foo.yaml, args: [-t], flags: [steal, llc]}\n" SCENARIO },
		{ "foo.yaml", FOO }));

	HAS(plan->scheduler.args, "--slice 20 -t --llc --steal 2");
	cr_expect_eq(plan->scheduler.set, 3);
	cr_expect_str_eq(plan->scheduler.flags[0].description, "keeps tasks on their cache");
	ktstr_plan_destroy(plan);
}

static void has_sets(const struct ktstr_plan *plan, const char *want)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };
	_cleanup_free_ uint32_t *sets = NULL;
	_cleanup_free_ char *got = NULL;
	size_t n;

	cr_assert_eq(ktstr_plan_flag_sets(plan, &sets, &n, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < n; i++) {
		ktstr_buf_puts(&b, i ? " " : "");
		ktstr_flags_name(&plan->scheduler.rules, sets[i], &b);
	}
	got = ktstr_buf_steal_str(&b);
	cr_expect_str_eq(got, want, "%s", got);
}

Test(descriptions, the_sets_of_a_test_have_its_flags)
{
	const struct file *files = FILES({ "m.yaml", "scheduler: {file: foo.yaml}\n" SCENARIO },
					 { "foo.yaml", FOO });
	const struct file *with_llc = FILES(
		{ "m.yaml", "scheduler: {file: foo.yaml, flags: [llc]}\n" SCENARIO },
		{ "foo.yaml", FOO });
	struct ktstr_plan *plan = plan_of(files);

	has_sets(plan, "default llc llc+steal no-ctrl llc+no-ctrl");
	ktstr_plan_destroy(plan);
	plan = plan_of(with_llc);
	has_sets(plan, "llc llc+steal llc+no-ctrl");
	ktstr_plan_destroy(plan);
}

/* ---- what a caller asks for ---- */

static const struct file without[] = {
	{ "t/m.yaml", SCENARIO }, { "s/foo.yaml", FOO }, { "/abs/foo.yaml", FOO }, { NULL, NULL },
};

Test(descriptions, one_can_stand_in_for_the_schedulers_of_a_test)
{
	struct ktstr_plan_options options = fixture_options(without);
	struct ktstr_plan *plan;

	options.scheduler = "/abs/foo.yaml";
	options.flags = "steal+llc";
	plan = fixture_files_plan(registry, without, options);
	cr_expect_str_eq(plan->scheduler.binary, "/abs/scx_foo");
	HAS(plan->scheduler.args, "--slice 20 --llc --steal 2");
	HAS(plan->kernel_args, "nosmt");
	checks(plan, "gap", true, 3000000000ull);
	ktstr_plan_destroy(plan);
}

Test(descriptions, that_of_the_file_is_left_out_then)
{
	const struct file *files = FILES(
		{ "m.yaml", "scheduler: {file: foo.yaml, flags: [llc]}\n" SCENARIO },
		{ "foo.yaml", FOO });
	struct ktstr_plan_options options = fixture_options(files);
	struct ktstr_plan *plan;

	options.scheduler = "scx_bar";
	plan = fixture_files_plan(registry, files, options);
	cr_expect_str_eq(plan->scheduler.binary, "scx_bar");
	cr_expect_eq(plan->scheduler.args.n, 0);
	cr_expect_eq(plan->kernel_args.n, 0);
	cr_expect_eq(plan->sysctls.n, 0);
	ktstr_plan_destroy(plan);
}

Test(descriptions, flags_of_a_caller_are_instead_of_those_of_the_file)
{
	const struct file *files = FILES(
		{ "m.yaml", "scheduler: {file: foo.yaml, flags: [llc]}\n" SCENARIO },
		{ "foo.yaml", FOO });
	struct ktstr_plan_options options = fixture_options(files);
	struct ktstr_plan *plan;

	options.flags = "no-ctrl";
	plan = fixture_files_plan(registry, files, options);
	HAS(plan->scheduler.args, "--slice 20 --no-ctrl");
	ktstr_plan_destroy(plan);
	options.flags = "default";
	plan = fixture_files_plan(registry, files, options);
	HAS(plan->scheduler.args, "--slice 20");
	ktstr_plan_destroy(plan);
}

static void refused(const struct file *files, const char *scheduler, const char *flags,
		    const char *want)
{
	struct ktstr_plan_options options = fixture_options(files);
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;

	options.scheduler = scheduler;
	options.flags = flags;
	cr_expect_eq(ktstr_plan_load_for(files->path, &options, registry, &problems, &plan, &err),
		     -EINVAL);
	cr_expect_eq(ktstr_problems_count(&problems), 0);
	cr_expect_str_eq(err.msg, want, "%s", err.msg);
	cr_expect_null(plan);
}

Test(descriptions, flags_of_a_caller_that_cannot_be_on)
{
	const char *foo = "/abs/foo.yaml";

	refused(without, foo, "stael", "flags of /abs/foo.yaml: no flag `stael` (known: llc, steal, "
		"no-ctrl)");
	refused(without, foo, "steal", "flags of /abs/foo.yaml: flag `steal` requires `llc`: add it");
	refused(without, foo, "llc,steal,no-ctrl", "flags of /abs/foo.yaml: flags `no-ctrl` and "
		"`steal` conflict: leave one out");
	refused(without, foo, "", "flags of /abs/foo.yaml: no flag `` (known: llc, steal, no-ctrl)");
	refused(without, NULL, "llc", "flags llc: this test has no scheduler");
	refused(without, "x/scx_bar", "llc", "flags llc: nothing says what they are of scx_bar; name "
		"a description of it (.yaml) as the scheduler");
}

/* ---- by itself ---- */

Test(descriptions, a_description_is_no_pipeline)
{
	const struct file *files = FILES({ "s/foo.yaml", "include: base.inc\n" FOO },
					 { "s/base.inc", "attach-timeout: 9s\n" });
	struct ktstr_plan_options options = fixture_options(files);
	_cleanup_free_ char *problems = fixture_files_problems(registry, files, options);
	struct ktstr_plan *plan;

	cr_expect_str_eq(problems, "s/foo.yaml:1:1: this describes a scheduler and is no pipeline; one "
			 "names it as its `scheduler`\n", "%s", problems);
	options.descriptions = true;
	plan = fixture_files_plan(registry, files, options);
	cr_expect(plan->only_scheduler);
	cr_expect_str_eq(plan->test, "foo");
	cr_expect_str_eq(plan->description, "a scheduler");
	cr_expect_str_eq(plan->scheduler.file, "s/foo.yaml");
	has_sets(plan, "default llc llc+steal no-ctrl llc+no-ctrl");
	ktstr_plan_destroy(plan);
}

Test(descriptions, there_are_no_sets_without_one)
{
	struct ktstr_plan *plan = plan_of(FILES({ "m.yaml", "scheduler: scx_foo\n" SCENARIO }));
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t *sets;
	size_t n;

	cr_expect_eq(ktstr_plan_flag_sets(plan, &sets, &n, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "m.yaml names the program of a scheduler, and no description with "
			 "its flags");
	ktstr_plan_destroy(plan);
	plan = plan_of(FILES({ "m.yaml", SCENARIO }));
	cr_expect_eq(ktstr_plan_flag_sets(plan, &sets, &n, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "m.yaml names no scheduler");
	ktstr_plan_destroy(plan);
}

/* ---- what is wrong ---- */

struct bad {
	const char *pipeline, *description;
	const char *want;
};

#define PLAIN "scheduler: f.yaml\n" SCENARIO
#define BINARY "binary: x\n"

static const struct bad bad[] = {
	{ "scheduler: no.yaml\n" SCENARIO, FOO,
	  "m.yaml:1:12: no.yaml: No such file or directory\n" },
	{ "scheduler: {file: [f.yaml]}\n" SCENARIO, FOO,
	  "m.yaml:1:19: expected the path of a scheduler's description, but this is a list\n" },
	{ "scheduler: {file: ''}\n" SCENARIO, FOO,
	  "m.yaml:1:19: `file` is a path, one line of text\n" },
	{ "scheduler: {args: [a]}\n" SCENARIO, FOO,
	  "m.yaml:1:12: `binary` is missing here (the scheduler's program); expected text\n" },
	{ "scheduler: {binary: f.yaml}\n" SCENARIO, FOO,
	  "m.yaml:1:21: \"f.yaml\" is no program; a scheduler's description is named under `file`\n" },
	{ "scheduler: m.yaml\n" SCENARIO, FOO,
	  "m.yaml:1:12: a circle of files: m.yaml -> m.yaml\n" },
	{ "scheduler: {file: f.yaml, flags: [lcl, llc, llc]}\n" SCENARIO, FOO,
	  "m.yaml:1:35: no flag `lcl`; did you mean `llc`? (known: llc, steal, no-ctrl)\n"
	  "m.yaml:1:45: flag `llc` stands here twice\n" },
	{ "scheduler: {file: f.yaml, flags: [steal]}\n" SCENARIO, FOO,
	  "m.yaml:1:34: flag `steal` requires `llc`: add it\n" },
	{ "scheduler: {file: f.yaml, flags: [llc, steal, no-ctrl]}\n" SCENARIO, FOO,
	  "m.yaml:1:34: flags `no-ctrl` and `steal` conflict: leave one out\n" },
	{ "scheduler: {binary: scx_foo, flags: [llc]}\n" SCENARIO, FOO,
	  "m.yaml:1:37: `flags` are those of a scheduler's description: name one under `file`\n" },
	{ "scheduler: {file: f.yaml, flags: llc}\n" SCENARIO, FOO,
	  "m.yaml:1:34: expected a list of the scheduler's flags, but this is text\n" },
	{ PLAIN, SCENARIO,
	  "f.yaml:1:1: `binary` is missing here (the scheduler's program); expected text\n"
	  "f.yaml:1:1: unknown key `scenario` here (known: include, description, binary, args, "
	  "attach-timeout, kernel-args, sysctls, expect, flags)\n" },
	{ PLAIN, BINARY "expect: {gpa: 1s}\n",
	  "f.yaml:2:10: unknown key `gpa` here; did you mean `gap`? (known: " },
	{ PLAIN, "binary: ./\n",
	  "f.yaml:1:9: \"./\" is a folder; expected the scheduler's program\n" },
	{ PLAIN, BINARY "flags: [a]\n",
	  "f.yaml:2:8: expected a mapping of names and flags, but this is a list\n" },
	{ PLAIN, BINARY "flags: {a+b: {}, 'c d': {}, default: {}, '': {}}\n",
	  "f.yaml:2:9: \"a+b\" is no name of a flag: expected one word without `+` or `,`, and not "
	  "`default`, which is the set without flags\n"
	  "f.yaml:2:18: \"c d\" is no name of a flag: expected one word without `+` or `,`, and not "
	  "`default`, which is the set without flags\n"
	  "f.yaml:2:29: \"default\" is no name of a flag: expected one word without `+` or `,`, and "
	  "not `default`, which is the set without flags\n"
	  "f.yaml:2:42: \"\" is no name of a flag: expected one word without `+` or `,`, and not "
	  "`default`, which is the set without flags\n" },
	{ PLAIN, BINARY "flags: {alpha: {requires: [xyz], args: x}, beta: [x]}\n",
	  "f.yaml:2:28: no flag `xyz` (known: alpha, beta)\n"
	  "f.yaml:2:40: expected a list of arguments, but this is text\n"
	  "f.yaml:2:50: expected a mapping of `args`, `requires`, `excludes` and `description`, but "
	  "this is a list\n" },
	{ PLAIN, BINARY "flags:\n  a: {requires: [b]}\n  b: {requires: [c]}\n  c: {excludes: [a]}\n",
	  "f.yaml:3:3: flag `a` can never be on, with all that it requires: flags `c` and `a` "
	  "conflict: leave one out\n" },
	{ PLAIN, BINARY "flags:\n  a: {excludes: [a]}\n",
	  "f.yaml:3:3: flag `a` can never be on, with all that it requires: flags `a` and `a` "
	  "conflict: leave one out\n" },
};

Test(descriptions, problems_name_their_file)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		const struct file *files = FILES({ "m.yaml", bad[i].pipeline },
						 { "f.yaml", bad[i].description });
		_cleanup_free_ char *got = fixture_files_problems(registry, files,
								  fixture_options(files));
		size_t len = strlen(bad[i].want);

		if (bad[i].want[len - 1] != '\n')
			got[len] = '\0';
		cr_expect_str_eq(got, bad[i].want, "%zu: got\n%swanted\n%s", i, got, bad[i].want);
	}
}

Test(descriptions, there_are_at_most_32_flags)
{
	struct ktstr_buf b = { 0 };
	_cleanup_free_ char *text = NULL, *got = NULL;
	const struct file *files;

	ktstr_buf_puts(&b, BINARY "flags:\n");
	for (int i = 0; i < 33; i++)
		ktstr_buf_printf(&b, "  f%d: {}\n", i);
	text = ktstr_buf_steal_str(&b);
	files = FILES({ "m.yaml", PLAIN }, { "f.yaml", text });
	got = fixture_files_problems(registry, files, fixture_options(files));
	cr_expect_str_eq(got, "f.yaml:3:3: 33 flags; expected at most 32\n", "%s", got);
	*strstr(text, "  f32") = '\0';
	ktstr_plan_destroy(plan_of(files));
}
