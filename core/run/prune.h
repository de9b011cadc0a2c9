/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeping the run store within bounds: whole runs go, the oldest first, and never one that is still being made. */
#ifndef KTSTR_RUN_PRUNE_H
#define KTSTR_RUN_PRUNE_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stdint.h>

/* A run goes when any of these says so; UINT64_MAX: no limit of that kind. */
struct ktstr_prune {
	uint64_t keep;		/* so many of the newest runs stay */
	uint64_t bytes;		/* the newest ones that fit into that stay, by what they take on disk */
	uint64_t age_ns;	/* those that ended longer ago go */
	bool dry;		/* only say what would go */
};

struct ktstr_pruned {
	uint64_t runs, bytes;	/* that went, or would */
	uint64_t busy;		/* runs that should have gone, but are still being made */
};

/* Calls `gone` (may be NULL) for each run that went or would. An error ends it; what went by then is gone. */
int ktstr_runs_prune(const struct ktstr_prune *limits,
		     void (*gone)(void *ctx, const char *id, uint64_t bytes), void *ctx,
		     struct ktstr_pruned *ret_pruned, struct ktstr_err *err);

#endif
