/* SPDX-License-Identifier: GPL-2.0-only */
/* What is made from the tables of commands, and of the keys of pipelines: help, manual pages, completions. */
#ifndef KTSTR_CLI_MANUAL_H
#define KTSTR_CLI_MANUAL_H

#include "cli/cmd.h"

/* Prints what a command takes; NULL: all commands, a line each, and how a pipeline is run. Returns KTSTR_EXIT_PASSED. */
int ktstr_help(const struct ktstr_command *command, FILE *to);

/* Manual pages, as roff: of ktstr itself (1), of a command (1), of pipeline files (5). */
void ktstr_man_program(FILE *to);
void ktstr_man_command(const struct ktstr_command *command, FILE *to);
void ktstr_man_pipeline(FILE *to);

/* The completions of a shell: bash, zsh, fish. False when there are none for that shell. */
bool ktstr_completion(const char *shell, FILE *to);

#endif
