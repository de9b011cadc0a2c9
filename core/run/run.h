/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs: from a plan to journals and verdicts.
 *
 * A run is a folder in the run store ($XDG_STATE_HOME/ktstr/runs/<id>): pipeline.yaml (a copy;
 * see run/copies.h), attempt-1.journal, ... Nothing in it is ever changed afterwards.
 */
#ifndef KTSTR_RUN_RUN_H
#define KTSTR_RUN_RUN_H

#include "kernel/kernel.h"
#include "plan/plan.h"
#include "wire/journal.h"

#include <ktstr/section.h>

struct ktstr_run_options {
	const char *kernel;		/* --kernel, overrides the plan; NULL: not given */
	bool backtrace, verbose;
	bool no_template;		/* --no-template, overrides the plan */
	bool no_auto_repro;		/* --no-auto-repro, the same */
	unsigned auto_repro;		/* --auto-repro N, the same; 0: not given */
	const char *rerun;		/* the command that repeats this run */
	/* Told as an attempt goes on, for a progress line; may be NULL. */
	void (*progress)(void *ctx, const char *text);
	/* What went wrong without being the run's fault: its verdict stands. May be NULL. */
	void (*warn)(void *ctx, const char *text);
	/* Each console line as it comes, for KTSTR_VERBOSE; may be NULL. */
	void (*console)(void *ctx, const char *text, size_t len);
	void *ctx;
};

/* Carries the plan out; the journals are in the run's folder when it returns. When the scheduler died
 * there is more than one: see run/repro.h. A failing test is no error. Errors are those that keep a run from
 * existing at all (no kernel, no QEMU, bad scheduler file, no disk); *ret_dir is then NULL, or the folder with
 * what there is. The caller frees it. */
int ktstr_run_plan(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   char **ret_dir, struct ktstr_err *err);

/* What became of a template: see ktstr_run_warm(). */
enum ktstr_warm { KTSTR_WARM_MADE, KTSTR_WARM_THERE };

/* Makes sure that there is a template of the plan's machine, and that a copy of it comes up. Nothing is
 * stored of it. */
int ktstr_run_warm(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   enum ktstr_warm *ret_warm, struct ktstr_err *err);

/* ---- the store ---- */

/* A stored run, opened: its journals and their verdicts. A later attempt whose journal cannot be read does not
 * take those before it along. */
struct ktstr_stored_run {
	char *dir, *id;
	size_t n;
	char *unreadable;	/* why attempt n + 1 cannot be read; NULL: there is no such attempt */
	struct ktstr_journal **journals;
	struct ktstr_verdict **verdicts;
};

/* `name` is a folder, a run id, a unique beginning of one, or "last". */
int ktstr_stored_run_open(const char *name, struct ktstr_stored_run *ret_run, struct ktstr_err *err);
void ktstr_stored_run_deinit(struct ktstr_stored_run *run);

/* Ids of all stored runs, oldest first; *ret_ids and its strings are malloc'ed. */
int ktstr_run_ids(char ***ret_ids, size_t *ret_n, struct ktstr_err *err);

/* ---- verdict ---- */

/* The verdict on one attempt: a pure function of its journal, which must outlive it. Released by the
 * destroy below. */
int ktstr_verdict_create(const struct ktstr_journal *journal, struct ktstr_verdict **ret_verdict,
			 struct ktstr_err *err);
void ktstr_verdict_destroy(struct ktstr_verdict *verdict);

#endif
