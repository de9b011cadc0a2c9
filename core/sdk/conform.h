/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conformance suite: does a module keep the rules of <ktstr/plugin.h> and of its kinds' headers?
 *
 * Each check runs in a process of its own with a deadline, so that a module that crashes or hangs fails
 * that check and no other.
 */
#ifndef KTSTR_SDK_CONFORM_H
#define KTSTR_SDK_CONFORM_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Checks the module in `path` and writes what came of it to `out`, as TAP. `runs` is a folder of recorded runs, each
 * a folder with journals, that sections and probes are given; `limit_ns` is for one check. Returns how many
 * checks failed, or a negative errno when they could not be made.
 */
int ktstr_conform(const char *path, const char *runs, uint64_t limit_ns, FILE *out, struct ktstr_err *err);

/* True when this process counts its memory (sdk/heap.h); without that some checks are skipped. */
bool ktstr_conform_counts_memory(void);

#endif
