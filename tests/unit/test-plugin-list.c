/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/text.h"
#include "plugin/list.h"
#include "plugin/loader.h"

#include <criterion/criterion.h>

static struct ktstr_registry *registry;
static char *good, *bad;
static int logged;

static void count_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	(void)host;
	(void)level;
	(void)text;
	logged++;
}

static const struct ktstr_host host = { .size = sizeof(host), .log = count_log };

static void setup(void)
{
	const char *build = getenv("abs_top_builddir");

	cr_assert_not_null(build, "run it by make check: it sets abs_top_builddir");
	registry = ktstr_registry_alloc();
	good = ktstr_asprintf("%s/tests/fixtures/.libs/good.so", build);
	bad = ktstr_asprintf("%s/tests/fixtures/.libs/name.so", build);
	cr_assert_eq(ktstr_registry_load(registry, good, NULL), 0);
	cr_assert_eq(ktstr_registry_load(registry, bad, NULL), -EINVAL);
}

static void teardown(void)
{
	ktstr_registry_destroy(registry);
	free(good);
	free(bad);
}

/* Compares, and frees what it was given. */
static void assert_text(struct ktstr_buf *out, char *want)
{
	char *got = ktstr_buf_steal_str(out);

	cr_assert_str_eq(got, want, "%s", got);
	free(got);
	free(want);
}

Test(list, has_plugins_reasons_and_refused_modules, .init = setup, .fini = teardown)
{
	struct ktstr_buf out = { 0 };

	ktstr_plugins_list(registry, &host, &out);
	assert_text(&out, ktstr_asprintf(
		"vmm/fixture-absent     1.2.3  a vmm that is never there\n"
		"    not here, because program \"fixture-vm\" is missing\n"
		"    install it\n"
		"workload/fixture-good  1.2.3  a workload with every type of parameter\n"
		"monitor/fixture-good   1.2.3  a monitor\n"
		"section/fixture-good   1.2.3  a section\n"
		"probe/fixture-good     1.2.3  a probe\n"
		"\n"
		"modules that were refused:\n"
		"    %s: workload plugin name \"Bad_Name\" is not lower-case kebab "
		"(like cpu-spin)\n",
		bad));
	cr_assert_eq(logged, 1, "the plugin's log goes to the host, not into the list");
}

Test(list, of_nothing_says_what_to_do)
{
	struct ktstr_registry *empty = ktstr_registry_alloc();
	struct ktstr_buf out = { 0 };

	ktstr_plugins_list(empty, &host, &out);
	assert_text(&out, strdup("no plugins found: install ktstr, or name their folders in "
				 "KTSTR_PLUGIN_PATH\n"));
	ktstr_registry_destroy(empty);
}

Test(show, prints_parameters_as_a_table, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf out = { 0 };

	cr_assert_eq(ktstr_plugins_show(registry, &host, "workload/fixture-good", &out, &err), 0,
		     "%s", err.msg);
	assert_text(&out, ktstr_asprintf(
		"workload/fixture-good 1.2.3: a workload with every type of parameter\n"
		"    from %s\n"
		"\n"
		"  NAME    VALUE                              DEFAULT   HELP\n"
		"  burst   duration 1us..10s                  10ms      work this long\n"
		"  calls   unsigned integer 1..64 (a second)  required  work this often\n"
		"  mode    one of slow, fast                  fast      work this way\n"
		"  memory  size                               none      work on this much\n"
		"  nice    integer -20..19                    0         work this nicely\n"
		"  pin     true or false                      false     work in one place\n"
		"  label   text                               \"\"        call it so\n", good));
}

Test(show, says_why_a_plugin_is_not_here_and_that_it_has_no_parameters, .init = setup,
     .fini = teardown)
{
	struct ktstr_buf out = { 0 };

	cr_assert_eq(ktstr_plugins_show(registry, &host, "vmm/fixture-absent", &out, NULL), 0);
	cr_assert_eq(ktstr_plugins_show(registry, &host, "section/fixture-good", &out, NULL), 0);
	assert_text(&out, ktstr_asprintf(
		"vmm/fixture-absent 1.2.3: a vmm that is never there\n"
		"    from %s\n"
		"    not here, because program \"fixture-vm\" is missing\n"
		"    install it\n"
		"\n"
		"  NAME     VALUE  DEFAULT     HELP\n"
		"  program  text   fixture-vm  what to run\n"
		"section/fixture-good 1.2.3: a section\n"
		"    from %s\n"
		"\n"
		"no parameters\n", good, good));
}

Test(show, an_unknown_name_brings_the_nearest_one, .init = setup, .fini = teardown)
{
	static const struct {
		const char *wanted, *message;
	} unknown[] = {
		{ "workload/fixture-god",
		  "there is no plugin \"workload/fixture-god\"; did you mean "
		  "\"workload/fixture-good\"?" },
		{ "fixture-absent",
		  "there is no plugin \"fixture-absent\"; did you mean \"vmm/fixture-absent\"?" },
		{ "zebra",
		  "there is no plugin \"zebra\": `ktstr plugins` lists them as KIND/NAME" },
		{ "", "there is no plugin \"\": `ktstr plugins` lists them as KIND/NAME" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(unknown); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_buf out = { 0 };

		cr_assert_eq(ktstr_plugins_show(registry, &host, unknown[i].wanted, &out, &err),
			     -ENOENT);
		cr_assert_str_eq(err.msg, unknown[i].message);
		cr_assert_eq(out.len, 0);
	}
}
