/* SPDX-License-Identifier: GPL-2.0-only */
/* The copies of a run's files in its folder. */
#ifndef KTSTR_RUN_COPIES_H
#define KTSTR_RUN_COPIES_H

#include "plan/plan.h"

/* Below `files/`, as they lie to each other. */
#define KTSTR_COPIES_DIR "files"

/* Writes pipeline.yaml into the run folder `dir`: the pipeline file as it is. One that consists of
 * several files goes below KTSTR_COPIES_DIR with all of them, and pipeline.yaml includes it there. */
int ktstr_copies_write(const struct ktstr_plan *plan, const char *dir, struct ktstr_err *err);

#endif
