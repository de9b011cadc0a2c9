/* SPDX-License-Identifier: GPL-2.0-only */
/* The summary of a step of GitHub Actions: a file of Markdown that every command of the step adds to. */
#ifndef KTSTR_CLI_STEP_SUMMARY_H
#define KTSTR_CLI_STEP_SUMMARY_H

#include "report/report.h"

/* Adds the run to the file's table, or begins one when the file does not end in it. Commands that run at the same time
 * do not mix their rows. */
int ktstr_step_summary_add(const char *path, const struct ktstr_document *doc, struct ktstr_err *err);

#endif
