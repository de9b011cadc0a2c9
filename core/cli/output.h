/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a report goes, and as what: --format FORMAT and --output FILE, as often as somebody likes. */
#ifndef KTSTR_CLI_OUTPUT_H
#define KTSTR_CLI_OUTPUT_H

#include "cli/cmd.h"
#include "report/report.h"

#define KTSTR_OUTPUTS_MAX 16

struct ktstr_outputs {
	struct {
		enum ktstr_format format;
		const char *path;	/* NULL: standard output */
		bool told;		/* --output was given for it */
	} items[KTSTR_OUTPUTS_MAX];
	size_t n;
	const char *step_summary;	/* $GITHUB_STEP_SUMMARY of a run; NULL: none */
};

/* For getopt_long(); their values are above those of characters. */
enum { KTSTR_OPTION_FORMAT = 256, KTSTR_OPTION_OUTPUT };
#define KTSTR_OUTPUT_OPTIONS								\
	{ "format", required_argument, NULL, KTSTR_OPTION_FORMAT },			\
	{ "output", required_argument, NULL, KTSTR_OPTION_OUTPUT }

/* The same for a command's table. */
#define KTSTR_OUTPUT_HELP								\
	{ .name = "--format", .arg = "FORMAT", .word = KTSTR_WORD_FORMAT, .repeats = true,	\
	  .help = "text, json, html, junit or ktap" },					\
	{ .name = "--output", .arg = "FILE", .word = KTSTR_WORD_FILE, .repeats = true,	\
	  .help = "Where the format before it goes; without it, standard output" }

/* One of those two options. 0, or KTSTR_EXIT_USAGE after saying what is wrong with it. `command` is the
 * one whose options they are, NULL: none. */
int ktstr_outputs_option(struct ktstr_outputs *outputs, int option, const char *value,
			 const struct ktstr_command *command);

/* When all options are read, and before there is a report to lose: 0 when everything can be written as far as one
 * can tell, else an enum ktstr_exit after saying why. */
int ktstr_outputs_check(const struct ktstr_outputs *outputs, const struct ktstr_command *command);

/* The whole command line of a command that takes these options and `n` runs: those stand at argv[optind] then. 0, or an
 * enum ktstr_exit after saying what is wrong. */
int ktstr_outputs_read(struct ktstr_outputs *outputs, int argc, char **argv, int n,
		       const struct ktstr_command *command);

/* Writes the document to all of them, going on when one fails. Text goes to standard output where nothing else
 * does. An enum ktstr_exit, PASSED when everything was written. NULL: text alone. */
int ktstr_outputs_write(const struct ktstr_outputs *outputs, const struct ktstr_document *doc);

/* The same for a single file; NULL and "-" are standard output. */
int ktstr_output_check(const char *path, struct ktstr_err *err);
int ktstr_output_put(const char *path, const struct ktstr_buf *text, struct ktstr_err *err);

#endif
