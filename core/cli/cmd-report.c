/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr report: the report of a stored run, made again from its journals. */
#include "cli/cmd.h"
#include "cli/show.h"

static int run(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry;
	int status;

	if (argc != 2 || argv[1][0] == '-')
		return ktstr_usage_error(&ktstr_cmd_report, "report: name one run; `ktstr runs` "
					 "lists them");
	if (ktstr_registry_create(&registry, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = ktstr_show_run(argv[1], registry, ktstr_show_backtrace_wanted());
	ktstr_registry_destroy(registry);
	return status;
}

const struct ktstr_command ktstr_cmd_report = {
	.name = "report",
	.usage = "RUN",
	.summary = "shows a stored run again; RUN is an id, its beginning, a folder, or \"last\"",
	.run = run,
};
