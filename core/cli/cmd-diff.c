/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr diff: two stored runs side by side, and what is different. */
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/show.h"

#include <getopt.h>

static int compare(char **names, const struct ktstr_registry *registry, const struct ktstr_outputs *outputs)
{
	struct ktstr_document *first = NULL, *second = NULL, *doc = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int status = ktstr_show_build(names[0], registry, false, &first, NULL);

	if (!status)
		status = ktstr_show_build(names[1], registry, false, &second, NULL);
	if (!status && ktstr_document_compare(first, second, &doc, &err))
		status = ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	if (!status)
		status = ktstr_outputs_write(outputs, doc);
	if (!status && !ktstr_document_same_end(first, second))
		status = KTSTR_EXIT_FAILED;
	ktstr_document_destroy(doc);
	ktstr_document_destroy(second);
	ktstr_document_destroy(first);
	return status;
}

static int run(int argc, char **argv)
{
	struct ktstr_outputs outputs = { .n = 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry;
	int status = ktstr_outputs_read(&outputs, argc, argv, 2, &ktstr_cmd_diff);

	if (status)
		return status;
	if (ktstr_registry_create(&registry, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = compare(argv + optind, registry, &outputs);
	ktstr_registry_destroy(registry);
	return status;
}

static const struct ktstr_option taken[] = { KTSTR_OUTPUT_HELP, { 0 } };

static const struct ktstr_verb verbs[] = {
	{ .args = "RUN RUN", .word = KTSTR_WORD_RUN, .options = taken,
	  .help = "Says what is different between two stored runs: how they ended, and then each value and number of "
		  "their reports that is not the same. Exit status 0 when both ended the same way, 1 when they did not." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_diff = {
	.name = "diff",
	.summary = "what is different between two stored runs",
	.verbs = verbs,
	.run = run,
};
