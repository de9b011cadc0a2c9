/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks that can be made on what the workers did. One table has their names, parameters and
 * defaults, which pipelines, journals and the manual share, and what judges them.
 */
#ifndef KTSTR_CHECK_CHECKS_H
#define KTSTR_CHECK_CHECKS_H

#include <ktstr/param.h>

#include <stddef.h>

enum ktstr_check_id {
	KTSTR_CHECK_STARVATION, KTSTR_CHECK_MIN_WORK, KTSTR_CHECK_ISOLATION, KTSTR_CHECK_SPREAD,
	KTSTR_CHECK_GAP, KTSTR_CHECK_WAIT, KTSTR_CHECK_THROUGHPUT, KTSTR_CHECK_THROUGHPUT_CV,
	KTSTR_CHECK_ITERATION_RATE, KTSTR_CHECK_WAKE_P99, KTSTR_CHECK_WAKE_CV,
	KTSTR_CHECK_MIGRATION_RATIO, KTSTR_CHECK_NODE_MIGRATION_RATIO, KTSTR_CHECK_PAGE_LOCALITY,
	KTSTR_CHECK_PAGE_MIGRATION, KTSTR_CHECK_HOST_NOISE, KTSTR_CHECK_COUNT,
};

struct ktstr_judging;			/* judge.c: a check while it is evaluated */
typedef void ktstr_check_fn(struct ktstr_judging *judging);

struct ktstr_check {
	struct ktstr_param param;	/* first: the table is one of parameters too */
	bool timing;			/* what it measures depends on how fast the machine is */
	bool at_least;			/* the limit is a floor, not a ceiling */
	ktstr_check_fn *evaluate;	/* NULL: no check, but a limit that others are judged by */
};

extern const struct ktstr_check ktstr_checks[KTSTR_CHECK_COUNT];

/* A limit as it stands in a pipeline file, "15 %", "2 s", "100 per second", into buf. */
void ktstr_check_limit(const struct ktstr_check *check, const struct ktstr_value *limit, char *buf,
		       size_t size);

#endif
