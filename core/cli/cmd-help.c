/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr help: what there is, and for packagers what is made of that. */
#include "cli/cmd.h"
#include "cli/manual.h"

static int print_man(const char *name)
{
	const struct ktstr_command *command = ktstr_command_find(name);

	if (!strcmp(name, "ktstr"))
		ktstr_man_program(stdout);
	else if (!strcmp(name, "pipeline"))
		ktstr_man_pipeline(stdout);
	else if (command)
		ktstr_man_command(command, stdout);
	else
		return ktstr_usage_error(&ktstr_cmd_help, "help --man: there is no command %s", name);
	return KTSTR_EXIT_PASSED;
}

static int print_completion(const char *shell)
{
	return ktstr_completion(shell, stdout) ? KTSTR_EXIT_PASSED :
	       ktstr_usage_error(&ktstr_cmd_help, "help --completion: there is none for %s, but for bash, zsh and fish",
				 shell);
}

static int print_names(void)
{
	for (size_t i = 0; ktstr_commands[i]; i++)
		puts(ktstr_commands[i]->name);
	return KTSTR_EXIT_PASSED;
}

static int run(int argc, char **argv)
{
	const struct ktstr_command *command;

	if (argc == 1)
		return ktstr_help(NULL, stdout);
	if (argc == 2 && !strcmp(argv[1], "--commands"))
		return print_names();
	if (argc == 3 && !strcmp(argv[1], "--man"))
		return print_man(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--completion"))
		return print_completion(argv[2]);
	if (argc != 2)
		return ktstr_usage_error(&ktstr_cmd_help, "help: name one command");
	command = ktstr_command_find(argv[1]);
	if (!command)
		return ktstr_usage_error(NULL, "there is no command %s", argv[1]);
	return ktstr_help(command, stdout);
}

static const struct ktstr_option taken[] = {
	{ .name = "--man", .arg = "COMMAND", .word = KTSTR_WORD_COMMAND,
	  .help = "Its manual page, as roff; `ktstr` is that of the program, `pipeline` that of pipeline files" },
	{ .name = "--completion", .arg = "SHELL", .word = KTSTR_WORD_SHELL, .help = "The completions of bash, zsh or fish" },
	{ .name = "--commands", .help = "The names of all commands" },
	{ 0 },
};

static const struct ktstr_verb verbs[] = {
	{ .args = "[COMMAND]", .word = KTSTR_WORD_COMMAND, .options = taken,
	  .help = "Says what there is, or what a command takes. `ktstr COMMAND --help` is the same." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_help = {
	.name = "help",
	.summary = "says what there is, or what a command takes",
	.verbs = verbs,
	.run = run,
};
