/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernel's functions that a repro speaks of are in its source: what was probed, and what was on the
 * stack at the exit. Names are collected while records come, and looked up when the VM is gone, so that
 * nothing of it costs the VM time.
 */
#ifndef KTSTR_RUN_SOURCES_H
#define KTSTR_RUN_SOURCES_H

#include "kernel/debuginfo.h"
#include "wire/journal.h"

/* As many as the auto-repro section takes. */
#define KTSTR_SOURCES_MAX 512

struct ktstr_sources;

/* NULL when memory is out. */
struct ktstr_sources *ktstr_sources_create(void);
void ktstr_sources_destroy(struct ktstr_sources *sources);

/* Takes note of what a record names, of whatever kind it is. What is more than KTSTR_SOURCES_MAX, or does not
 * fit into memory, is left out. `sources` may be NULL. */
void ktstr_sources_hear(struct ktstr_sources *sources, enum ktstr_rec type, const struct ktstr_fields *fields);

/* Journals a KTSTR_REC_SOURCE for each that has a line, or one that says why none has. Nothing when no name was
 * heard, or when `options` says to stop. */
int ktstr_sources_write(const struct ktstr_sources *sources, const struct ktstr_kernel *kernel,
			const struct ktstr_debuginfo_options *options, struct ktstr_journal_writer *journal,
			struct ktstr_err *err);

#endif
