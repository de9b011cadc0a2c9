/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parameters: how a plugin says what may stand under it in a pipeline file.
 *
 * The table is const data of the plugin. Core parses and checks every value before anything
 * starts (type, unit, range, choice, unknown names with the nearest valid one), makes
 * `ktstr plugins show` and the manual from the same table, and hands the values over as an array
 * with one element per table row, in table order:
 *
 *	enum { P_BURST, P_SLEEP };
 *	static const struct ktstr_param params[] = {
 *		[P_BURST] = { .name = "burst", .type = KTSTR_PARAM_DURATION, .def = "10ms", ... },
 *		[P_SLEEP] = { ... },
 *	};
 *	... values[P_BURST].u64		// nanoseconds
 */
#ifndef KTSTR_PARAM_H
#define KTSTR_PARAM_H

#include <stdbool.h>
#include <stdint.h>

enum ktstr_param_type {
	KTSTR_PARAM_BOOL,	/* true, false -> boolean */
	KTSTR_PARAM_INT,	/* -> s64 */
	KTSTR_PARAM_UINT,	/* -> u64 */
	KTSTR_PARAM_DURATION,	/* 5s, 250ms, 10us, 100ns, 2m, 1h; a unit is demanded -> u64, nanoseconds */
	KTSTR_PARAM_SIZE,	/* 64K, 512M, 1G (powers of 1024), or plain bytes -> u64, bytes */
	KTSTR_PARAM_STRING,	/* -> str */
	KTSTR_PARAM_CHOICE,	/* one word of `choices` -> str, and u64 = its index */
	KTSTR_PARAM_PERCENT,	/* 15%, 0.5%; the sign is demanded -> u64, millionths */
};

struct ktstr_param {
	const char *name;		/* lower-case kebab */
	enum ktstr_param_type type;
	const char *unit;		/* for help, where the type does not say it; may be NULL */
	const char *def;		/* default as written in YAML; NULL: the parameter is required */
	int64_t min, max;		/* INT, UINT, DURATION (ns), SIZE (bytes), PERCENT (millionths);
					 * both 0: any value */
	const char *const *choices;	/* CHOICE: NULL-ended */
	const char *help;		/* one line */
	bool optional;			/* with def NULL: may be left out, then value.set is false */
};

struct ktstr_value {
	bool set;			/* false only for an optional parameter that was left out */
	union {
		bool boolean;
		int64_t s64;
		uint64_t u64;
	};
	const char *str;		/* STRING, CHOICE; borrowed: lives as long as the plan */
};

#endif
