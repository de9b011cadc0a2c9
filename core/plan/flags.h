/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flags of a scheduler as an axis of tests: which sets of them can be on together.
 *
 * A set is valid when it has all that its flags require and no two that conflict. Pure functions over
 * a table of rules; nothing is read or started.
 */
#ifndef KTSTR_PLAN_FLAGS_H
#define KTSTR_PLAN_FLAGS_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ktstr_buf;

#define KTSTR_FLAGS_MAX 32u		/* a set is a word: bit i is the i-th rule */
#define KTSTR_FLAG_SETS_MAX 1024u	/* more would be tests that nobody waits for */
#define KTSTR_FLAG_NONE "default"	/* the name of the set without flags */

struct ktstr_flag_rule {
	const char *name;	/* no `+` or `,` in it, and not KTSTR_FLAG_NONE */
	uint32_t requires;	/* these have to be on with it */
	uint32_t conflicts;	/* these cannot be; counts in both directions */
};

/* At most KTSTR_FLAGS_MAX. The order is that of the names in a set's name: a flag that is added at the end
 * leaves the names, and the order, of all earlier sets as they were. */
struct ktstr_flag_rules {
	const struct ktstr_flag_rule *items;
	size_t n;
};

/* The set with everything that it requires, directly or not. */
uint32_t ktstr_flags_closure(const struct ktstr_flag_rules *rules, uint32_t set);

/* 0; or -EINVAL and what is missing, or which two cannot be on together. */
int ktstr_flags_check(const struct ktstr_flag_rules *rules, uint32_t set, struct ktstr_err *err);

/* All valid sets that have the `required` flags (with what these require) and none of the `excluded`
 * ones, in the order of their bits as numbers: default, a, b, a+b, c, ... At least one: -EINVAL and why
 * when there can be none, -E2BIG when there are more than KTSTR_FLAG_SETS_MAX, -ENOMEM. The caller
 * frees *ret_sets. */
int ktstr_flags_enumerate(const struct ktstr_flag_rules *rules, uint32_t required,
			  uint32_t excluded, uint32_t **ret_sets, size_t *ret_n,
			  struct ktstr_err *err);

/* Appends the set's name: "a+b", or KTSTR_FLAG_NONE. */
void ktstr_flags_name(const struct ktstr_flag_rules *rules, uint32_t set, struct ktstr_buf *out);

/* The set that "a,b", "a+b" or KTSTR_FLAG_NONE names, in any order; it need not be valid. -EINVAL for
 * a flag that is unknown, with those that there are, or named twice. */
int ktstr_flags_parse(const struct ktstr_flag_rules *rules, const char *text, uint32_t *ret_set,
		      struct ktstr_err *err);

#endif
