/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/cmd.h"
#include "cli/pipeline.h"
#include "base/text.h"
#include "base/vec.h"
#include "config.h"

#include <getopt.h>

static const struct ktstr_command *const commands[] = {
	&ktstr_cmd_check, &ktstr_cmd_diff, &ktstr_cmd_kernel, &ktstr_cmd_list, &ktstr_cmd_monitor, &ktstr_cmd_plugin, &ktstr_cmd_plugins,
	&ktstr_cmd_report, &ktstr_cmd_runs, &ktstr_cmd_template,
};

static void print_help(void)
{
	printf("ktstr - tests Linux CPU schedulers in a VM and tells why they crashed\n\n"
	       "  ktstr --pipeline FILE [OPTION...]   run the test that FILE describes\n\n"
	       "      --pipeline FILE    a pipeline file (YAML)\n"
	       "      --kernel SPEC      image, build tree, cached version (7.3) or debian[:VERSION|:SUITE]\n"
	       "      --scheduler PROG   a scheduler, or its description (.yaml), in place of the one in FILE\n"
	       "      --flags A,B        which of the scheduler's flags are on; default: none\n"
	       "      --no-template      boot the VM, even if there is a template to copy\n"
	       "      --no-auto-repro    do not repeat a run whose scheduler died\n"
	       "      --auto-repro N     repeat it up to N times, until it died like that again\n"
	       "      --format FORMAT    text, json, html, junit or ktap; may be given several times\n"
	       "      --output FILE      where the format before it goes; without it, standard output\n"
	       "      --help, --version\n\n");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(commands); i++)
		printf("  ktstr %-8s %-24s %s\n", commands[i]->name, commands[i]->usage,
		       commands[i]->summary);
	printf("\nKTSTR_VERBOSE=1 shows the VM's console while it runs; KTSTR_BACKTRACE=1 (or full) adds the\n"
	       "diagnostics section to every report, and verbose. Exit status: 0 passed, 1 failed,\n"
	       "2 inconclusive, 64 usage, 65 bad pipeline file, 69 this host lacks something, 70 internal error.\n");
}

int ktstr_complain(int status, const struct ktstr_err *err)
{
	fprintf(stderr, "ktstr: %s\n", err->msg);
	return status;
}

int ktstr_usage_error(const struct ktstr_command *command, const char *fmt, ...)
{
	va_list ap;

	fputs("ktstr: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (command)
		fprintf(stderr, "\nusage: ktstr %s %s\n", command->name, command->usage);
	else
		fputs("\n`ktstr --help` shows what there is\n", stderr);
	return KTSTR_EXIT_USAGE;
}

static int run_command(int argc, char **argv)
{
	const char *names[KTSTR_ARRAY_SIZE(commands)], *near;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(commands); i++) {
		names[i] = commands[i]->name;
		if (!strcmp(argv[0], names[i]))
			return commands[i]->run(argc, argv);
	}
	near = ktstr_nearest(argv[0], names, KTSTR_ARRAY_SIZE(names));
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
		case 'h': print_help(); return KTSTR_EXIT_PASSED;
		case 'V': puts(PACKAGE_STRING); return KTSTR_EXIT_PASSED;
		default: return KTSTR_EXIT_USAGE;
		}
	}
	if (pipeline.file && optind < argc)
		return ktstr_usage_error(NULL, "%s is one argument too many", argv[optind]);
	if (pipeline.file) {
		int status = ktstr_outputs_check(&pipeline.outputs, NULL);

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
