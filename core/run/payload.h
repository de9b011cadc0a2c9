/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The payload of a run: every file that the guest gets over the channel, and the plan as it is told
 * to the guest. Made once per run, before any VM starts, so that what is missing is found early.
 *
 * In the guest: programs in KTSTR_GUEST_ROOT/bin, plugins in KTSTR_GUEST_ROOT/plugins, kernel modules in
 * KTSTR_GUEST_ROOT/modules, other files in KTSTR_GUEST_FILES, libraries in KTSTR_GUEST_LIB, program interpreters at their own path.
 */
#ifndef KTSTR_RUN_PAYLOAD_H
#define KTSTR_RUN_PAYLOAD_H

#include "kernel/kernel.h"
#include "plan/plan.h"
#include "wire/message.h"

#include <sys/types.h>

struct ktstr_payload_file {
	char *host_path, *guest_path;
	mode_t mode;
	uint64_t size;
};

struct ktstr_payload {
	KTSTR_VEC(struct ktstr_payload_file) files;
	size_t n_prober;		/* of them, the first ones: what the prober needs to run */
	char *scheduler;		/* its path in the guest, or NULL */
	KTSTR_VEC(char *) modules;	/* kernel modules in the guest, in plan order */
	char *scheduler_host;		/* its path on the host, or NULL */
};

int ktstr_payload_create(const struct ktstr_plan *plan, const struct ktstr_kernel *kernel,
			 struct ktstr_payload **ret_payload, struct ktstr_err *err);

/* Adds the program that attaches probes, for attempts that repeat a crash. It and its libraries come first, so
 * that it can start while the rest is on its way. */
int ktstr_payload_add_prober(struct ktstr_payload *payload, struct ktstr_err *err);
void ktstr_payload_destroy(struct ktstr_payload *payload);

/* The payload of KTSTR_MSG_PLAN. */
int ktstr_payload_plan(const struct ktstr_payload *payload, const struct ktstr_plan *plan,
		       bool backtrace, unsigned slowness, struct ktstr_buf *out,
		       struct ktstr_err *err);

/* Reading the files piece by piece, as KTSTR_MSG_FILE payloads. Zero-initialise, fd = -1. */
struct ktstr_payload_cursor {
	size_t file;
	uint64_t offset;
	int fd;
};

/* The next piece into `out` (a finished map): 1, 0 behind the last, or a negative errno. */
int ktstr_payload_next(const struct ktstr_payload *payload, struct ktstr_payload_cursor *cursor,
		       struct ktstr_buf *out, struct ktstr_err *err);
void ktstr_payload_cursor_deinit(struct ktstr_payload_cursor *cursor);

#endif
