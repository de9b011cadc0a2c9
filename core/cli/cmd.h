/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands, one file each, and what the program's exit status means. */
#ifndef KTSTR_CLI_CMD_H
#define KTSTR_CLI_CMD_H

#include <ktstr/err.h>

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

struct ktstr_command {
	const char *name;
	const char *usage;	/* what follows "ktstr <name>" */
	const char *summary;	/* one line */
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name; returns enum ktstr_exit */
};

extern const struct ktstr_command ktstr_cmd_check;	/* cmd-check.c */
extern const struct ktstr_command ktstr_cmd_diff;	/* cmd-diff.c */
extern const struct ktstr_command ktstr_cmd_kernel;	/* cmd-kernel.c */
extern const struct ktstr_command ktstr_cmd_list;	/* cmd-list.c */
extern const struct ktstr_command ktstr_cmd_monitor;	/* cmd-monitor.c */
extern const struct ktstr_command ktstr_cmd_plugin;	/* cmd-plugin.c */
extern const struct ktstr_command ktstr_cmd_plugins;	/* cmd-plugins.c */
extern const struct ktstr_command ktstr_cmd_report;	/* cmd-report.c */
extern const struct ktstr_command ktstr_cmd_runs;	/* cmd-runs.c */
extern const struct ktstr_command ktstr_cmd_template;	/* cmd-template.c */

/* Prints "ktstr: <message>" to stderr; returns `status`. */
int ktstr_complain(int status, const struct ktstr_err *err);
/* Prints "ktstr: <text>" and how to get help; returns KTSTR_EXIT_USAGE. */
__attribute__((format(printf, 2, 3)))
int ktstr_usage_error(const struct ktstr_command *command, const char *fmt, ...);

#endif
