/* SPDX-License-Identifier: GPL-2.0-only */
/* From a stored run to its report. */
#ifndef KTSTR_CLI_SHOW_H
#define KTSTR_CLI_SHOW_H

#include "cli/output.h"
#include "plan/plan.h"
#include "report/report.h"
#include "run/run.h"

/* Shows the run in folder `dir` with the sections that its plan names, on standard output or as `outputs` has
 * it. Returns the exit status that its verdict stands for; on an error, after saying so on stderr,
 * KTSTR_EXIT_INTERNAL. */
int ktstr_show_plan_run(const char *dir, const struct ktstr_plan *plan,
			const struct ktstr_outputs *outputs, bool backtrace);

/* The same with every section that needs no parameter. `name` is what ktstr_stored_run_open()
 * takes; KTSTR_EXIT_USAGE when there is no such run. */
int ktstr_show_run(const char *name, const struct ktstr_registry *registry,
		   const struct ktstr_outputs *outputs, bool backtrace);

/* The document of that run, for whoever does more with it than to show it. 0, or an enum ktstr_exit after saying
 * what is wrong. *ret_outcome (may be NULL) is the exit status that its verdict stands for. */
int ktstr_show_build(const char *name, const struct ktstr_registry *registry, bool backtrace,
		     struct ktstr_document **ret_doc, int *ret_outcome);

/* Renders to standard output: colour and width as the terminal allows; where it is no terminal,
 * `plain_width` columns. An enum ktstr_exit, PASSED when it was written. */
int ktstr_show_document(const struct ktstr_document *doc, unsigned plain_width);

/* The RUN record of an attempt; false when its journal ends before it. */
bool ktstr_show_run_record(const struct ktstr_journal *journal, struct ktstr_record *ret_record);

/* KTSTR_BACKTRACE or, for people who come from the Rust tool, RUST_BACKTRACE is 1 or full. */
bool ktstr_show_backtrace_wanted(void);

#endif
