/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/cmd.h"

#include "base/text.h"

const struct ktstr_command *const ktstr_commands[] = {
	&ktstr_cmd_check, &ktstr_cmd_diff, &ktstr_cmd_export, &ktstr_cmd_help, &ktstr_cmd_kernel, &ktstr_cmd_list,
	&ktstr_cmd_monitor, &ktstr_cmd_plugin, &ktstr_cmd_plugins, &ktstr_cmd_report, &ktstr_cmd_runs, &ktstr_cmd_template, NULL,
};

const struct ktstr_command *ktstr_command_find(const char *name)
{
	for (size_t i = 0; ktstr_commands[i]; i++)
		if (!strcmp(ktstr_commands[i]->name, name))
			return ktstr_commands[i];
	return NULL;
}

static void print_verb(const struct ktstr_command *command, const struct ktstr_verb *verb, FILE *to)
{
	fprintf(to, "ktstr%s%s", command->name ? " " : "", command->name ? command->name : "");
	if (verb->name)
		fprintf(to, " %s", verb->name);
	for (const struct ktstr_option *o = verb->options; o && o->name; o++)
		fprintf(to, " [%s%s%s]%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "",
			o->repeats ? "..." : "");
	if (verb->args)
		fprintf(to, " %s", verb->args);
}

void ktstr_command_usage(const struct ktstr_command *command, const char *lead, FILE *to)
{
	for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++) {
		fputs(lead, to);
		print_verb(command, verb, to);
		fputc('\n', to);
	}
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
	fputc('\n', stderr);
	if (command)
		ktstr_command_usage(command, "usage: ", stderr);
	else
		fputs("`ktstr --help` shows what there is\n", stderr);
	return KTSTR_EXIT_USAGE;
}
