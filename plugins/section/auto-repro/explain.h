/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a task stalled: what the probes and the monitors saw of it, and what follows from that. */
#ifndef AUTO_REPRO_EXPLAIN_H
#define AUTO_REPRO_EXPLAIN_H

#include "story.h"

/* 0 or -ENOMEM. */
int explain_stall(const struct ktstr_section_input *input, size_t attempt, const struct trace *t,
		  const struct story *story, struct ktstr_doc *doc);

#endif
