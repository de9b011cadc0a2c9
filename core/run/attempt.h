/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One attempt: a VM is booted, the guest is given the run, everything it says is journalled, and
 * the VM is gone again when this returns.
 */
#ifndef KTSTR_RUN_ATTEMPT_H
#define KTSTR_RUN_ATTEMPT_H

#include "run/payload.h"
#include "run/run.h"

/* How far it came, for who does not read the journal. */
struct ktstr_attempt_summary {
	bool hello;			/* the guest came up */
	bool cloned;			/* out of a template */
	char fault[256];		/* the first thing that went wrong, "" */
};

struct ktstr_probe_plan;		/* what a repro looks at: core/probe */

struct ktstr_attempt_params {
	const struct ktstr_plan *plan;
	const struct ktstr_kernel *kernel;
	const struct ktstr_payload *payload;	/* NULL with `warm` */
	const struct ktstr_run_options *options;
	int initramfs_fd;
	unsigned number, of;		/* attempt 1 of the 2 that there may be */
	const struct ktstr_probe_plan *probes;	/* NULL: none */
	const char *journal;		/* path to create; NULL: in memory */
	bool warm;			/* only until the guest came up */
	struct ktstr_attempt_summary *summary;	/* filled in; may be NULL */
	const char *state_dir;		/* for the vmm plugin's memory */
	const char *cache_dir;		/* for its templates */
};

/* 0 when the attempt is in the journal, however it went. A negative errno when the VM could not be
 * made at all, or the journal could not be written (it then ends where that happened). */
int ktstr_attempt_run(const struct ktstr_attempt_params *params, struct ktstr_err *err);

#endif
