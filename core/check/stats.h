/* SPDX-License-Identifier: GPL-2.0-only */
/* From a journal to <ktstr/stats.h>. */
#ifndef KTSTR_CHECK_STATS_H
#define KTSTR_CHECK_STATS_H

#include "wire/journal.h"

#include <ktstr/stats.h>

/* A pure function of the journal, which must outlive the result. 0 or -ENOMEM. */
int ktstr_stats_create(const struct ktstr_journal *journal, struct ktstr_stats **ret_stats,
		       struct ktstr_err *err);
void ktstr_stats_destroy(struct ktstr_stats *stats);

/* Orders names as people do: cg_2 before cg_10. */
int ktstr_stats_compare_names(struct ktstr_str a, struct ktstr_str b);

#define KTSTR_STATS_CPUS 8192	/* those that are beyond are not counted */

/* Adds the CPUs of "0-3,5" to a mask of KTSTR_STATS_CPUS bits; false when it is no such list. */
bool ktstr_stats_add_cpus(struct ktstr_str list, uint64_t *bits);

#endif
