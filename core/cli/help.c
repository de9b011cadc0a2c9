/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/manual.h"

#define OPTION_WIDTH 22

static void print_options(const struct ktstr_verb *verb, FILE *to)
{
	for (const struct ktstr_option *o = verb->options; o && o->name; o++) {
		char text[64];

		snprintf(text, sizeof(text), "%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(to, "      %-*s %s\n", OPTION_WIDTH, text, o->help);
	}
}

/* Sentences, broken into lines. */
static void print_wrapped(const char *text, const char *lead, int width, FILE *to)
{
	int column = 0;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column && column + 1 + n > width) {
			fputc('\n', to);
			column = 0;
		}
		fprintf(to, "%s%.*s", column ? " " : lead, n, text);
		column += n + (column ? 1 : (int)strlen(lead));
		text += n + (text[n] == ' ');
	}
	fputc('\n', to);
}

static void print_command(const struct ktstr_command *command, FILE *to)
{
	ktstr_command_usage(command, "", to);
	for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++) {
		fputc('\n', to);
		if (verb->name)
			fprintf(to, "  %s:\n", verb->name);
		print_wrapped(verb->help, "  ", 78, to);
		print_options(verb, to);
	}
}

static void print_all(FILE *to)
{
	fputs("ktstr - tests Linux CPU schedulers in a VM and tells why they crashed\n\n"
	      "  ktstr --pipeline FILE [OPTION...]   run the test that FILE describes\n\n", to);
	print_options(&ktstr_cmd_pipeline.verbs[0], to);
	fputs("      --help, --version\n\n", to);
	for (size_t i = 0; ktstr_commands[i]; i++)
		fprintf(to, "  ktstr %-9s %s\n", ktstr_commands[i]->name, ktstr_commands[i]->summary);
	fputs("\n`ktstr help COMMAND` says more of one.\n\n"
	      "KTSTR_VERBOSE=1 shows the VM's console while it runs; KTSTR_BACKTRACE=1 (or full) adds the\n"
	      "diagnostics section to every report, and verbose. Exit status: 0 passed, 1 failed,\n"
	      "2 inconclusive, 64 usage, 65 bad pipeline file, 69 this host lacks something, 70 internal error,\n"
	      "77 skipped.\n", to);
}

int ktstr_help(const struct ktstr_command *command, FILE *to)
{
	if (command)
		print_command(command, to);
	else
		print_all(to);
	return KTSTR_EXIT_PASSED;
}
