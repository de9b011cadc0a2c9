/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of scx_ktstr: two tables, and what comes out of them. */
#ifndef KTSTR_BPF_OPTIONS_H
#define KTSTR_BPF_OPTIONS_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Which of the numbers a fault takes. */
#define KTSTR_FAULT_AFTER 1u
#define KTSTR_FAULT_EVERY 2u
#define KTSTR_FAULT_DELAY 4u

struct ktstr_fault {
	const char *name;	/* of --fault */
	uint32_t kind;		/* enum ktstr_fault_kind */
	const char *field;	/* its member of fault_now; NULL: can be had from the start only */
	unsigned takes;		/* KTSTR_FAULT_* */
	const char *help;
};

extern const struct ktstr_fault ktstr_faults[];
extern const size_t ktstr_n_faults;

enum ktstr_option_id {
	KTSTR_OPT_FAULT,
	KTSTR_OPT_AFTER,
	KTSTR_OPT_EVERY,
	KTSTR_OPT_DELAY,
	KTSTR_OPT_TIMEOUT,
	KTSTR_OPT_EXIT_DUMP_LEN,
	KTSTR_OPT_EXIT_AFTER,
	KTSTR_OPT_EXIT_CODE,
	KTSTR_OPT_CRASH_AFTER,
	KTSTR_OPT_LOG_SPAM,
	KTSTR_OPT_LIST_FAULTS,
	KTSTR_OPT_HELP,
	KTSTR_N_OPTIONS,
};

struct ktstr_options {
	const struct ktstr_fault *fault;	/* NULL: none */
	bool given[KTSTR_N_OPTIONS];
	uint64_t value[KTSTR_N_OPTIONS];	/* durations in ns; the default if not given */
};

/* Parses a command line. -EINVAL with a message for an option or a value that is not known, for a
 * number that the chosen fault does not take, and for anything that is no option. */
int ktstr_options_parse(int argc, char **argv, struct ktstr_options *ret, struct ktstr_err *err);

void ktstr_options_print_help(FILE *out);
void ktstr_options_print_faults(FILE *out);

#endif
