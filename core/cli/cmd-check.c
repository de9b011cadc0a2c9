/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr check: are these pipeline files right? Nothing is started. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "plan/plan.h"

static int complain(int ret, const struct ktstr_err *err)
{
	return ktstr_complain(ret == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS, err);
}

/* What one file adds to the exit status: nothing, a bad pipeline, or something worse. */
static int check_file(const char *path, struct ktstr_registry *registry)
{
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	const struct ktstr_plan_options options = { .descriptions = true };
	int ret = ktstr_plan_load_for(path, &options, registry, &problems, &plan, &err);
	int status = KTSTR_EXIT_PASSED;

	if (!ret) {
		printf("%s: fine\n", path);
	} else if (ret == -EINVAL && ktstr_problems_count(&problems)) {
		ktstr_problems_print(&problems, path, &text);
		fwrite(text.data, 1, text.len, stderr);
		status = KTSTR_EXIT_BAD_PIPELINE;
	} else {
		status = complain(ret, &err);
	}
	ktstr_plan_destroy(plan);
	ktstr_problems_deinit(&problems);
	return status;
}

/* All files are checked; the worst of them, which is the highest number, is the status. */
static int run_check(int argc, char **argv)
{
	struct ktstr_registry *registry = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int first = 1, status = KTSTR_EXIT_PASSED, ret;

	if (argc > 1 && !strcmp(argv[1], "--"))
		first = 2;
	else if (argc > 1 && argv[1][0] == '-')
		return ktstr_usage_error(&ktstr_cmd_check, "check has no option %s", argv[1]);
	if (first >= argc)
		return ktstr_usage_error(&ktstr_cmd_check, "check wants pipeline files");
	ret = ktstr_registry_create(&registry, &err);
	if (ret < 0)
		return complain(ret, &err);
	for (int i = first; i < argc; i++) {
		int one = check_file(argv[i], registry);

		status = one > status ? one : status;
	}
	ktstr_registry_destroy(registry);
	return status;
}

static const struct ktstr_verb verbs[] = {
	{ .args = "FILE...", .word = KTSTR_WORD_YAML,
	  .help = "Reads pipelines and descriptions of schedulers, and tells every problem of each as file:line:column. "
		  "Nothing is started." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_check = {
	.name = "check",
	.summary = "check pipelines and descriptions of schedulers, start nothing",
	.verbs = verbs,
	.run = run_check,
};
