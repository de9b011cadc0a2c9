/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of what the monitors see, as a pipeline has them and as the journal keeps them. */
#ifndef KTSTR_CHECK_LIMITS_H
#define KTSTR_CHECK_LIMITS_H

#include <ktstr/fields.h>

struct ktstr_limits {
	uint32_t imbalance;		/* longest / shortest run queue, at most */
	uint32_t depth;			/* tasks in one local DSQ */
	uint32_t fallback_rate, keep_last_rate;	/* per second */
	uint32_t sustained;		/* samples in a row that are a violation */
	bool stall;			/* a CPU that stands still is one */
	bool fail;			/* a violation fails the run; false: it is reported */
	bool asked;			/* the pipeline has them: worth disturbing the guest. Not journalled */
};

/* What a pipeline without any has. */
void ktstr_limits_defaults(struct ktstr_limits *limits);

/* The fields of KTSTR_REC_LIMITS, into a begun map; and back, over the defaults. */
void ktstr_limits_put(const struct ktstr_limits *limits, struct ktstr_buf *b);
void ktstr_limits_get(const struct ktstr_fields *fields, struct ktstr_limits *ret_limits);

#endif
