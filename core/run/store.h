/* SPDX-License-Identifier: GPL-2.0-only */
/* The run store: one folder per run, never changed after the run. */
#ifndef KTSTR_RUN_STORE_H
#define KTSTR_RUN_STORE_H

#include "run/run.h"

/* Makes a fresh folder runs/<date>-<time>-<test>[-n] in the store. The caller frees *ret_dir. */
int ktstr_store_new_run(const char *test, char **ret_dir, struct ktstr_err *err);

/* Says that the run in `dir` is being made, or removed, until the descriptor that is returned is closed or its process
 * ends. -EWOULDBLOCK when somebody else has said so. */
int ktstr_store_lock(const char *dir);

/* The folder of a stored run: by its name, the beginning of one, "last", or a path with a `/`. The
 * caller frees *ret_dir. -ENOENT when there is none, -EINVAL when the beginning is that of several. */
int ktstr_store_find(const char *name, char **ret_dir, struct ktstr_err *err);

/* "DIR/attempt-N.journal"; NULL when memory is out. */
char *ktstr_store_journal(const char *dir, unsigned attempt);

#endif
