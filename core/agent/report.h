/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that a guest program sends: the few that come from more than one place. */
#ifndef KTSTR_AGENT_REPORT_H
#define KTSTR_AGENT_REPORT_H

#include "agent/channel.h"

#include <signal.h>

/* Ends `fields` (ktstr_put_end), sends it as a record, frees it. guest_ns 0 stands for now. */
void ktstr_report(struct ktstr_guest_channel *channel, enum ktstr_rec type, uint64_t guest_ns,
		  struct ktstr_buf *fields);

/* A stage was reached; n of m for KTSTR_STAGE_STEP, else 0. */
void ktstr_report_stage(struct ktstr_guest_channel *channel, enum ktstr_stage stage, uint64_t n,
			uint64_t m);

/* KTSTR_REC_GUEST_FAULT: `what` is one word for programs, the rest a sentence for people. */
void ktstr_report_fault(struct ktstr_guest_channel *channel, const char *what,
			const struct ktstr_err *err);

/* Evidence that could not be kept. */
void ktstr_report_lost(struct ktstr_guest_channel *channel, const char *source, uint64_t count);

/* How a child ended: "exited with code 3", "was killed by signal 11 (Segmentation fault)". */
void ktstr_child_end_format(const siginfo_t *info, char *buf, size_t size);

#endif
