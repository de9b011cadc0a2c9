/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommands, one file each, and what the program's exit status means. What a command takes is data: usage lines,
 * manual pages and the completions of shells are made from the same tables.
 */
#ifndef KTSTR_CLI_CMD_H
#define KTSTR_CLI_CMD_H

#include <ktstr/err.h>

#include <stdbool.h>

enum ktstr_exit {
	KTSTR_EXIT_PASSED = 0,
	KTSTR_EXIT_FAILED = 1,
	KTSTR_EXIT_INCONCLUSIVE = 2,
	KTSTR_EXIT_NOTHING_RAN = 4,
	KTSTR_EXIT_USAGE = 64,
	KTSTR_EXIT_BAD_PIPELINE = 65,
	KTSTR_EXIT_HOST_LACKS = 69,	/* QEMU, a kernel, a permission; the message says what to install */
	KTSTR_EXIT_INTERNAL = 70,
	KTSTR_EXIT_SKIPPED = 77,
};

/* What a word of a command line is: what a shell offers there. */
enum ktstr_word {
	KTSTR_WORD_NONE,	/* there is none */
	KTSTR_WORD_TEXT,	/* nothing that could be offered */
	KTSTR_WORD_FILE, KTSTR_WORD_FOLDER, KTSTR_WORD_YAML, KTSTR_WORD_MODULE,
	KTSTR_WORD_FORMAT, KTSTR_WORD_KERNEL, KTSTR_WORD_KIND, KTSTR_WORD_PLUGIN, KTSTR_WORD_RUN,
	KTSTR_WORD_SHELL, KTSTR_WORD_TEMPLATE, KTSTR_WORD_COMMAND,
};

struct ktstr_option {
	const char *name;	/* "--json" */
	const char *arg;	/* "FILE"; NULL: it takes none */
	enum ktstr_word word;	/* what that is */
	const char *help;	/* one sentence without a period */
	bool repeats;		/* may be given several times */
};

/* One way to use a command. */
struct ktstr_verb {
	const char *name;	/* "fetch"; NULL: the command without such a word */
	const char *args;	/* what follows, as in a usage line; NULL: nothing */
	enum ktstr_word word;	/* what the arguments are */
	const char *help;	/* sentences */
	const struct ktstr_option *options;	/* ended by one without a name; NULL: none */
};

struct ktstr_command {
	const char *name;
	const char *summary;	/* one line */
	const struct ktstr_verb *verbs;	/* ended by one without help */
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name; returns enum ktstr_exit */
};

/* ktstr without a command: runs a pipeline. Its name is NULL. */
extern const struct ktstr_command ktstr_cmd_pipeline;	/* pipeline.c */

/* All others, in the order of their names; NULL-ended. */
extern const struct ktstr_command *const ktstr_commands[];	/* commands.c */

extern const struct ktstr_command ktstr_cmd_check;	/* cmd-check.c */
extern const struct ktstr_command ktstr_cmd_diff;	/* cmd-diff.c */
extern const struct ktstr_command ktstr_cmd_export;	/* cmd-export.c */
extern const struct ktstr_command ktstr_cmd_help;	/* cmd-help.c */
extern const struct ktstr_command ktstr_cmd_kernel;	/* cmd-kernel.c */
extern const struct ktstr_command ktstr_cmd_list;	/* cmd-list.c */
extern const struct ktstr_command ktstr_cmd_monitor;	/* cmd-monitor.c */
extern const struct ktstr_command ktstr_cmd_plugin;	/* cmd-plugin.c */
extern const struct ktstr_command ktstr_cmd_plugins;	/* cmd-plugins.c */
extern const struct ktstr_command ktstr_cmd_report;	/* cmd-report.c */
extern const struct ktstr_command ktstr_cmd_runs;	/* cmd-runs.c */
extern const struct ktstr_command ktstr_cmd_template;	/* cmd-template.c */

/* The command of that name, or NULL. */
const struct ktstr_command *ktstr_command_find(const char *name);

/* The usage lines of a command, each with `lead` in front of it and a newline behind. */
void ktstr_command_usage(const struct ktstr_command *command, const char *lead, FILE *to);

/* Prints "ktstr: <message>" to stderr; returns `status`. */
int ktstr_complain(int status, const struct ktstr_err *err);
/* Prints "ktstr: <text>" and how to get help; returns KTSTR_EXIT_USAGE. */
__attribute__((format(printf, 2, 3)))
int ktstr_usage_error(const struct ktstr_command *command, const char *fmt, ...);

#endif
