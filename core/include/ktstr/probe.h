/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe kind: which points of a crash chain to look at, and how.
 *
 * A probe has two halves. On the host, plan() reads the journal of the attempt that crashed and
 * says what to attach, as a payload of its own making. In the guest of the next attempt, create()
 * gets that payload, attaches, and drain() turns what was captured into KTSTR_REC_PROBE records.
 * An item that could not be attached or read is reported as such, never as 0.
 */
#ifndef KTSTR_PROBE_H
#define KTSTR_PROBE_H

#include <ktstr/section.h>

struct ktstr_probe;			/* the plugin's own */

struct ktstr_probe_ops {
	uint32_t size;

	/* [host] Fills `plan`. 0, KTSTR_SECTION_IRRELEVANT when there is nothing for it to do, or a
	 * negative errno. */
	int (*plan)(const struct ktstr_section_input *input, const struct ktstr_value *values,
		    struct ktstr_buf *plan, struct ktstr_err *err);

	/* [guest] Attaches before the scheduler starts. */
	int (*create)(const struct ktstr_host *host, const struct ktstr_fields *plan,
		      struct ktstr_probe **ret_probe, struct ktstr_err *err);

	/* [guest] Attaches what only exists once the scheduler is loaded. Optional. */
	int (*attached)(struct ktstr_probe *probe, struct ktstr_err *err);

	/* [guest] Hands over what was captured so far, through host->record(). */
	int (*drain)(struct ktstr_probe *probe, struct ktstr_err *err);

	void (*destroy)(struct ktstr_probe *probe);
};

#endif
