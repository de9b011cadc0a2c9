/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktstr check`: what it prints where, and its exit status. */
#include "plan-fixture.h"
#include "base/file.h"
#include "cli/cmd.h"

#include <criterion/redirect.h>
#include <unistd.h>

/* The two services of main.c, as plain as a test can read them. */
int ktstr_complain(int status, const struct ktstr_err *err)
{
	fprintf(stderr, "complaint: %s\n", err->msg);
	return status;
}

int ktstr_usage_error(const struct ktstr_command *command, const char *fmt, ...)
{
	va_list ap;

	cr_assert_eq(command, &ktstr_cmd_check);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	return KTSTR_EXIT_USAGE;
}

static const char *const files[][2] = {
	{ "good.yaml", "scenario: {duration: 1s}\n" },
	{ "bad.yaml", "scenario: {durration: 1s}\n" },
};

#define BAD "bad.yaml:1:12: unknown key `durration` here; did you mean `duration`? (known: " \
	    "duration, cgroups, payloads, steps, cpu-controller)\nbad.yaml: 1 problem\n"

/* Runs the command on the files above in a fresh folder. */
static void check(const char *const *args, int status, const char *out, const char *errout)
{
	_cleanup_free_ char *plugins = ktstr_asprintf("%s/" FIXTURES, getenv("abs_top_builddir"));
	char dir[] = "/tmp/ktstr-test-check.XXXXXX", *argv[8] = { (char *)"check" };
	int argc = 1;

	cr_assert(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(files); i++)
		cr_assert_eq(ktstr_file_write(files[i][0], files[i][1], strlen(files[i][1]), 0600,
					      NULL), 0);
	for (size_t i = 0; args[i]; i++)
		argv[argc++] = (char *)args[i];
	setenv("KTSTR_PLUGIN_PATH", plugins, 0);
	cr_redirect_stdout();
	cr_redirect_stderr();
	cr_expect_eq(ktstr_cmd_check.run(argc, argv), status);
	fflush(NULL);
	cr_expect_stdout_eq_str(out);
	cr_expect_stderr_eq_str(errout);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(ktstr_remove_tree(dir, NULL), 0);
}

#define CHECK(status, out, errout, ...)							\
	check((const char *const[]){ __VA_ARGS__, NULL }, status, out, errout)

Test(check, a_good_file)
{
	CHECK(0, "good.yaml: fine\n", "", "good.yaml");
}

Test(check, good_and_bad_files)
{
	CHECK(65, "good.yaml: fine\n", BAD, "bad.yaml", "good.yaml");
}

Test(check, a_file_behind_the_end_of_options)
{
	CHECK(0, "good.yaml: fine\n", "", "--", "good.yaml");
}

Test(check, a_file_that_cannot_be_read)
{
	CHECK(69, "good.yaml: fine\n",
	      "complaint: opening none.yaml: No such file or directory\n" BAD,
	      "none.yaml", "bad.yaml", "good.yaml");
}

Test(check, no_file)
{
	CHECK(64, "", "check wants pipeline files", NULL);
}

Test(check, an_option_that_it_does_not_have)
{
	CHECK(64, "", "check has no option --frob", "--frob", "good.yaml");
}

Test(check, a_plugin_folder_that_is_not_there)
{
	setenv("KTSTR_PLUGIN_PATH", "/nonexistent/plugins", 1);
	CHECK(69, "", "complaint: cannot read the plugin folder /nonexistent/plugins of "
	      "KTSTR_PLUGIN_PATH: No such file or directory\n", "good.yaml");
}
