/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr report: the report of a stored run, made again from its journals. */
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/show.h"

#include <getopt.h>

static int run(int argc, char **argv)
{
	struct ktstr_outputs outputs = { .n = 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry;
	int status = ktstr_outputs_read(&outputs, argc, argv, 1, &ktstr_cmd_report);

	if (status)
		return status;
	if (ktstr_registry_create(&registry, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = ktstr_show_run(argv[optind], registry, &outputs, ktstr_show_backtrace_wanted());
	ktstr_registry_destroy(registry);
	return status;
}

static const struct ktstr_option taken[] = { KTSTR_OUTPUT_HELP, { 0 } };

static const struct ktstr_verb verbs[] = {
	{ .args = "RUN", .word = KTSTR_WORD_RUN, .options = taken,
	  .help = "Makes the report of a stored run again from its journals; nothing is started. RUN is an id out of "
		  "`ktstr runs`, the beginning of one, a folder, or `last`. The exit status is that of the run." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_report = {
	.name = "report",
	.summary = "shows a stored run again; RUN is an id, its beginning, a folder, or \"last\"",
	.verbs = verbs,
	.run = run,
};
