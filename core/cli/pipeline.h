/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktstr --pipeline FILE`: load, run, report. */
#ifndef KTSTR_CLI_PIPELINE_H
#define KTSTR_CLI_PIPELINE_H

#include <stdbool.h>

#include "cli/output.h"
#include "plan/plan.h"

struct ktstr_pipeline_options {
	const char *program;	/* as the user called it, for the command that repeats the run */
	const char *file;
	const char *kernel;	/* NULL: the pipeline's own */
	const char *scheduler;	/* the same; a path is from the working folder */
	const char *flags;	/* which of its flags are on; NULL: as the pipeline says */
	bool no_template;	/* --no-template */
	bool no_auto_repro;	/* --no-auto-repro */
	unsigned auto_repro;	/* --auto-repro N; 0: not given */
	struct ktstr_outputs outputs;	/* --format, --output */
};

/* Loads a pipeline file and prints what is wrong with it. Returns enum ktstr_exit. */
int ktstr_load_plan(const char *file, const struct ktstr_plan_options *options,
		    struct ktstr_registry *registry, struct ktstr_plan **ret_plan);

/* Returns enum ktstr_exit. */
int ktstr_pipeline_main(const struct ktstr_pipeline_options *options);

#endif
