/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr plugin: for people who write plugins. */
#include "base/cleanup.h"
#include "base/install.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "plugin/registry.h"
#include "sdk/conform.h"
#include "sdk/heap.h"
#include "sdk/project.h"

#include "config.h"

/* ---- new ---- */

static int new(const char *kind_name, const char *name, const char *folder)
{
	_cleanup_free_ char *templates = NULL, *own = ktstr_asprintf("ktstr-%s-%s", kind_name, name);
	enum ktstr_kind kind = ktstr_kind_parse(kind_name);
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	if (!kind)
		return ktstr_usage_error(&ktstr_cmd_plugin, "plugin new: there is no kind \"%s\" (known: vmm, "
					 "workload, monitor, section, probe)", kind_name);
	if (!own) {
		ktstr_err_nomem(&err);
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	if (!folder)
		folder = own;
	ret = ktstr_data_folder("sdk/project", &templates, &err);
	if (!ret)
		ret = ktstr_project_new(kind, name, folder, templates, &err);
	if (ret)
		return ktstr_complain(ret == -EINVAL || ret == -EEXIST ? KTSTR_EXIT_USAGE : KTSTR_EXIT_HOST_LACKS,
				      &err);
	printf("%s: the project of a plugin %s/%s. To build and test it:\n"
	       "  cd %s && ./bootstrap && ./configure && make && make check\n", folder, kind_name, name, folder);
	return KTSTR_EXIT_PASSED;
}

/* ---- test ---- */

#ifndef KTSTR_ASAN
/* Starts this command anew behind the library that counts memory. Returns only when that is not to be had. */
static void count_memory(int argc, char **argv)
{
	_cleanup_free_ char *library = NULL;
	_cleanup_free_ char **again = NULL;
	static const char tried[] = "KTSTR_PLUGIN_TEST_HEAP";

	if (getenv(tried) || ktstr_conform_counts_memory() ||
	    (ktstr_libexec_file("core/sdk/.libs/" KTSTR_HEAP_FILE, &library, NULL) &&
	     ktstr_libexec_file("sdk/" KTSTR_HEAP_FILE, &library, NULL)))
		return;
	setenv(tried, "1", 1);
	setenv("LD_PRELOAD", library, 1);
	again = calloc((size_t)argc + 2, sizeof(*again));
	if (!again)
		return;
	again[0] = (char *)"ktstr";
	memcpy(again + 1, argv, (size_t)argc * sizeof(*again));
	execv("/proc/self/exe", again);
}
#else
static void count_memory(int argc, char **argv)
{
	(void)argc, (void)argv;
}
#endif

static int test(int argc, char **argv)
{
	/* for what takes well below a second, on a busy machine */
	static const struct ktstr_param limit = {
		.name = "--timeout", .type = KTSTR_PARAM_DURATION, .min = 1000000, .max = INT64_MAX / 2,
	};
	const char *text = argc == 5 ? argv[3] : "2m";
	struct ktstr_value value;
	_cleanup_free_ char *runs = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	if (ktstr_param_parse(&limit, text, &value, &err))
		return ktstr_usage_error(&ktstr_cmd_plugin, "plugin test --timeout: %s", err.msg);
	count_memory(argc, argv);
	unsetenv("LD_PRELOAD");	/* not for what plugins start */
	ret = ktstr_data_folder("sdk/runs", &runs, &err);
	if (!ret)
		ret = ktstr_conform(argv[argc - 1], runs, value.u64, stdout, &err);
	if (ret < 0)
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	return ret ? KTSTR_EXIT_FAILED : KTSTR_EXIT_PASSED;
}

/* ---- the command ---- */

static int run(int argc, char **argv)
{
	if (argc >= 4 && argc <= 5 && !strcmp(argv[1], "new"))
		return new(argv[2], argv[3], argv[4]);
	if ((argc == 3 || (argc == 5 && !strcmp(argv[2], "--timeout"))) && !strcmp(argv[1], "test"))
		return test(argc, argv);
	if (argc >= 2 && strcmp(argv[1], "new") && strcmp(argv[1], "test"))
		return ktstr_usage_error(&ktstr_cmd_plugin, "plugin: unknown word \"%s\"; `ktstr plugins` lists "
					 "plugins", argv[1]);
	return ktstr_usage_error(&ktstr_cmd_plugin, "plugin: %s", argc < 2 ? "new or test?" :
				 !strcmp(argv[1], "new") ? "new takes a kind, a name, and a folder if you like"
							 : "test takes one module, behind --timeout DURATION if you like");
}

static const struct ktstr_option test_options[] = {
	{ .name = "--timeout", .arg = "DURATION", .word = KTSTR_WORD_TEXT, .help = "For one check (2m)" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .name = "new", .args = "KIND NAME [FOLDER]", .word = KTSTR_WORD_KIND,
	  .help = "Writes a project of a plugin of your own that builds, passes its tests and does something." },
	{ .name = "test", .args = "FILE.so", .word = KTSTR_WORD_MODULE, .options = test_options,
	  .help = "Tells, as TAP, whether a module keeps the rules of plugins. Exit status 1 when it does not." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_plugin = {
	.name = "plugin",
	.summary = "begins a plugin of your own; tells whether a module keeps the rules",
	.verbs = verbs,
	.run = run,
};
