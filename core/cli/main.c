/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/cmd.h"
#include "cli/manual.h"
#include "cli/pipeline.h"
#include "base/text.h"
#include "base/vec.h"
#include "config.h"

#include <getopt.h>

/* A command's options may stand anywhere; what is behind "--" is none. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

static int run_command(int argc, char **argv)
{
	const struct ktstr_command *command = ktstr_command_find(argv[0]);
	const char *names[32], *near;
	size_t n = 0;

	if (command && asks_for_help(argc, argv))
		return ktstr_help(command, stdout);
	if (command)
		return command->run(argc, argv);
	for (; ktstr_commands[n] && n < KTSTR_ARRAY_SIZE(names); n++)
		names[n] = ktstr_commands[n]->name;
	near = ktstr_nearest(argv[0], names, n);
	return ktstr_usage_error(NULL, "there is no command %s%s%s%s", argv[0],
				 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* What the pipeline's `attempts` may be. */
static int read_attempts(const char *text, struct ktstr_pipeline_options *pipeline)
{
	static const struct ktstr_param param = {
		.name = "--auto-repro", .type = KTSTR_PARAM_UINT, .min = 1, .max = KTSTR_REPRO_ATTEMPTS_MAX,
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_value value;

	if (ktstr_param_parse(&param, text, &value, &err))
		return ktstr_usage_error(NULL, "--auto-repro: %s", err.msg);
	pipeline->auto_repro = (unsigned)value.u64;
	pipeline->no_auto_repro = false;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pipeline", required_argument, NULL, 'p' }, { "kernel", required_argument, NULL, 'k' },
		{ "scheduler", required_argument, NULL, 's' }, { "flags", required_argument, NULL, 'f' },
		{ "no-template", no_argument, NULL, 'T' },
		{ "no-auto-repro", no_argument, NULL, 'A' }, { "auto-repro", required_argument, NULL, 'a' },
		KTSTR_OUTPUT_OPTIONS,
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 },
	};
	struct ktstr_pipeline_options pipeline = { .program = argv[0] };
	int c;

	/* "+": options behind a command belong to the command */
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'p': pipeline.file = optarg; break;
		case 'k': pipeline.kernel = optarg; break;
		case 's': pipeline.scheduler = optarg; break;
		case 'f': pipeline.flags = optarg; break;
		case 'T': pipeline.no_template = true; break;
		case 'A': pipeline.no_auto_repro = true; pipeline.auto_repro = 0; break;
		case 'a':
			if (read_attempts(optarg, &pipeline))
				return KTSTR_EXIT_USAGE;
			break;
		case KTSTR_OPTION_FORMAT:
		case KTSTR_OPTION_OUTPUT:
			if (ktstr_outputs_option(&pipeline.outputs, c, optarg, NULL))
				return KTSTR_EXIT_USAGE;
			break;
		case 'h': return ktstr_help(NULL, stdout);
		case 'V': puts(PACKAGE_STRING); return KTSTR_EXIT_PASSED;
		default: return KTSTR_EXIT_USAGE;
		}
	}
	if (pipeline.file && optind < argc)
		return ktstr_usage_error(NULL, "%s is one argument too many", argv[optind]);
	if (pipeline.file) {
		int status = ktstr_outputs_check(&pipeline.outputs, NULL);

		pipeline.outputs.step_summary = getenv("GITHUB_STEP_SUMMARY");
		return status ? status : ktstr_pipeline_main(&pipeline);
	}
	if (optind < argc) {
		argc -= optind;
		argv += optind;
		optind = 0;	/* glibc: the command scans anew */
		return run_command(argc, argv);
	}
	return ktstr_usage_error(NULL, "what shall be run? Name a file with --pipeline, or a command");
}
