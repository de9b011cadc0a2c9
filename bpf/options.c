/* SPDX-License-Identifier: GPL-2.0-only */
#include "options.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/vec.h"

#include <getopt.h>
#include <inttypes.h>
#include <linux/types.h>
#include <stdlib.h>

#include "scx_ktstr.h"

#define AFTER KTSTR_FAULT_AFTER

const struct ktstr_fault ktstr_faults[] = {
	{ "enqueue-error", KTSTR_FAULT_ENQUEUE_ERROR, "enqueue_error", AFTER,
	  "scx_bpf_error() in enqueue" },
	{ "dispatch-error", KTSTR_FAULT_DISPATCH_ERROR, "dispatch_error", AFTER,
	  "scx_bpf_error() in dispatch" },
	{ "select-cpu-error", KTSTR_FAULT_SELECT_CPU_ERROR, "select_cpu_error", AFTER,
	  "scx_bpf_error() in select_cpu" },
	{ "init-error", KTSTR_FAULT_INIT_ERROR, NULL, 0,
	  "init fails, so the scheduler never attaches" },
	{ "stall", KTSTR_FAULT_STALL, "stall", AFTER,
	  "dispatch hands out no task any more; the kernel's watchdog ends it" },
	{ "drop", KTSTR_FAULT_DROP, "drop", AFTER | KTSTR_FAULT_EVERY,
	  "enqueue loses each --every'th task (no kernel threads); the watchdog ends it" },
	{ "slow", KTSTR_FAULT_SLOW, "slow", AFTER | KTSTR_FAULT_DELAY,
	  "enqueue and dispatch take --delay each; no error" },
	{ "verifier-reject", KTSTR_FAULT_VERIFIER_REJECT, NULL, 0,
	  "enqueue has a store that the verifier refuses" },
	{ "no-attach", KTSTR_FAULT_NO_ATTACH, NULL, 0,
	  "loads, never attaches, and keeps running" },
	{ "bad-dsq", KTSTR_FAULT_BAD_DSQ, "bad_dsq", AFTER,
	  "enqueue inserts into a queue that does not exist: the kernel's own error" },
	{ "dispatch-loop", KTSTR_FAULT_DISPATCH_LOOP, "dispatch_loop", AFTER,
	  "dispatch keeps the kernel busy with a task that is not queued; the watchdog ends it" },
	{ "misplace", KTSTR_FAULT_MISPLACE, "misplace", AFTER,
	  "enqueue puts tasks bound to one CPU (no kernel threads) where CPU 0 alone looks; the watchdog ends it" },
};
const size_t ktstr_n_faults = KTSTR_ARRAY_SIZE(ktstr_faults);

enum type { FLAG, NUMBER, DURATION, FAULT };

static const struct option_row {
	const char *name;
	enum type type;
	const char *arg;	/* what the help calls its value */
	uint64_t def, min, max;
	unsigned fault_takes;	/* the faults that it goes with; 0: any, or none */
	const char *help;
} rows[KTSTR_N_OPTIONS] = {
	[KTSTR_OPT_FAULT] = { "fault", FAULT, "KIND", 0, 0, 0, 0,
		"what goes wrong; --list-faults lists the kinds" },
	[KTSTR_OPT_AFTER] = { "after", NUMBER, "N", 1000, 1, UINT64_MAX, KTSTR_FAULT_AFTER,
		"the fault starts at the N'th call of its callback (1000)" },
	[KTSTR_OPT_EVERY] = { "every", NUMBER, "N", 100, 1, UINT32_MAX, KTSTR_FAULT_EVERY,
		"drop: each N'th task (100)" },
	[KTSTR_OPT_DELAY] = { "delay", DURATION, "DUR", 100000, 1000, KTSTR_NSEC_PER_SEC,
		KTSTR_FAULT_DELAY, "slow: how long a callback takes (100us)" },
	[KTSTR_OPT_TIMEOUT] = { "timeout", DURATION, "DUR", 5 * KTSTR_NSEC_PER_SEC,
		KTSTR_NSEC_PER_MSEC, 30 * KTSTR_NSEC_PER_SEC, 0,
		"how long a task may wait before the kernel's watchdog acts (5s)" },
	[KTSTR_OPT_EXIT_DUMP_LEN] = { "exit-dump-len", NUMBER, "BYTES", 256 << 10, 4096, 16 << 20,
		0, "room for the kernel's dump (262144)" },
	[KTSTR_OPT_EXIT_AFTER] = { "exit-after", DURATION, "DUR", 0, 0, UINT64_MAX, 0,
		"exit by itself, that long after attaching" },
	[KTSTR_OPT_EXIT_CODE] = { "exit-code", NUMBER, "N", 0, 0, 255, 0,
		"exit status of --exit-after (0)" },
	[KTSTR_OPT_CRASH_AFTER] = { "crash-after", DURATION, "DUR", 0, 0, UINT64_MAX, 0,
		"the user-space half dies of a segmentation fault, that long after attaching" },
	[KTSTR_OPT_LOG_SPAM] = { "log-spam", FLAG, NULL, 0, 0, 0, 0,
		"print the same few lines over and over" },
	[KTSTR_OPT_LIST_FAULTS] = { "list-faults", FLAG, NULL, 0, 0, 0, 0,
		"list the faults, and exit" },
	[KTSTR_OPT_HELP] = { "help", FLAG, NULL, 0, 0, 0, 0, "print this, and exit" },
};

/* A decimal number that ends at *ret_end. */
static int parse_number(const char *text, uint64_t *ret, const char **ret_end)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_end = end;
	return errno ? -ERANGE : 0;
}

static int parse_duration(const char *text, uint64_t *ret)
{
	static const struct { const char *unit; uint64_t ns; } units[] = {
		{ "us", KTSTR_NSEC_PER_USEC }, { "ms", KTSTR_NSEC_PER_MSEC },
		{ "s", KTSTR_NSEC_PER_SEC }, { "m", 60 * KTSTR_NSEC_PER_SEC },
	};
	const char *unit;
	uint64_t n;

	if (parse_number(text, &n, &unit))
		return -EINVAL;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].unit))
			return __builtin_mul_overflow(n, units[i].ns, ret) ? -ERANGE : 0;
	return -EINVAL;
}

static int parse_fault(const char *name, const struct ktstr_fault **ret, struct ktstr_err *err)
{
	const char *names[KTSTR_ARRAY_SIZE(ktstr_faults)], *near;

	for (size_t i = 0; i < ktstr_n_faults; i++) {
		names[i] = ktstr_faults[i].name;
		if (!strcmp(name, names[i])) {
			*ret = &ktstr_faults[i];
			return 0;
		}
	}
	near = ktstr_nearest(name, names, ktstr_n_faults);
	return ktstr_err_set(err, -EINVAL,
			     "--fault: there is no \"%s\"%s%s%s; --list-faults lists them", name,
			     near ? ", did you mean \"" : "", near ? near : "", near ? "\"" : "");
}

static int parse_value(const struct option_row *row, const char *text, uint64_t *ret,
		       struct ktstr_err *err)
{
	bool duration = row->type == DURATION;
	const char *end = "";
	uint64_t n;
	int failed = duration ? parse_duration(text, &n) : parse_number(text, &n, &end);

	if (failed == -EINVAL || *end)
		return ktstr_err_set(err, -EINVAL, "--%s: \"%s\" is no %s", row->name, text,
				     duration ? "duration (500us, 250ms, 3s, 1m)" : "number");
	if (failed || n < row->min || n > row->max)
		return ktstr_err_set(err, -EINVAL,
				     "--%s: %s is out of range (%" PRIu64 " to %" PRIu64 "%s)",
				     row->name, text, row->min, row->max, duration ? " ns" : "");
	*ret = n;
	return 0;
}

static int unknown(const char *arg, struct ktstr_err *err)
{
	const char *names[KTSTR_N_OPTIONS], *near = NULL;

	for (int i = 0; i < KTSTR_N_OPTIONS; i++)
		names[i] = rows[i].name;
	if (!strncmp(arg, "--", 2))
		near = ktstr_nearest(arg + 2, names, KTSTR_N_OPTIONS);
	return ktstr_err_set(err, -EINVAL, "unknown option %s%s%s; --help lists the options", arg,
			     near ? ", did you mean --" : "", near ? near : "");
}

/* A number that the fault would ignore is a mistake of the caller's. */
static int check_fault_takes(const struct ktstr_options *o, struct ktstr_err *err)
{
	for (int i = 0; i < KTSTR_N_OPTIONS; i++) {
		if (!o->given[i] || !rows[i].fault_takes)
			continue;
		if (!o->fault)
			return ktstr_err_set(err, -EINVAL, "--%s needs a --fault", rows[i].name);
		if (!(o->fault->takes & rows[i].fault_takes))
			return ktstr_err_set(err, -EINVAL, "--fault %s takes no --%s",
					     o->fault->name, rows[i].name);
	}
	if (o->given[KTSTR_OPT_EXIT_CODE] && !o->given[KTSTR_OPT_EXIT_AFTER])
		return ktstr_err_set(err, -EINVAL, "--exit-code needs an --exit-after");
	return 0;
}

static int take(int id, const char *text, struct ktstr_options *o, struct ktstr_err *err)
{
	o->given[id] = true;
	switch (rows[id].type) {
	case FLAG:
		return 0;
	case FAULT:
		return parse_fault(text, &o->fault, err);
	default:
		return parse_value(&rows[id], text, &o->value[id], err);
	}
}

int ktstr_options_parse(int argc, char **argv, struct ktstr_options *ret, struct ktstr_err *err)
{
	struct option longs[KTSTR_N_OPTIONS + 1] = { 0 };
	struct ktstr_options o = { 0 };
	int id, failed, at;

	for (int i = 0; i < KTSTR_N_OPTIONS; i++) {
		o.value[i] = rows[i].def;
		longs[i].name = rows[i].name;
		longs[i].has_arg = rows[i].arg ? required_argument : no_argument;
		longs[i].val = i;
	}
	optind = 0;
	opterr = 0;
	while (at = optind ? optind : 1, (id = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
		if (id == ':')
			return ktstr_err_set(err, -EINVAL, "%s needs a value", argv[at]);
		if (id == '?')
			return unknown(argv[at], err);
		failed = take(id, optarg, &o, err);
		if (failed)
			return failed;
	}
	if (optind < argc)
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no option; --help lists the options",
				     argv[optind]);
	failed = check_fault_takes(&o, err);
	if (!failed)
		*ret = o;
	return failed;
}

void ktstr_options_print_help(FILE *out)
{
	fputs("scx_ktstr: a small sched_ext scheduler that fails when it is told to\n\n"
	      "usage: scx_ktstr [OPTION...]\n\n", out);
	for (int i = 0; i < KTSTR_N_OPTIONS; i++)
		fprintf(out, "  --%s %-*s %s\n", rows[i].name, 22 - (int)strlen(rows[i].name),
			rows[i].arg ? rows[i].arg : "", rows[i].help);
	fputs("\nWithout a fault it schedules fairly until SIGINT or SIGTERM, and prints a line\n"
	      "of statistics per second. Exit status: 0 stopped, 1 failed, 64 bad command line.\n",
	      out);
}

void ktstr_options_print_faults(FILE *out)
{
	for (size_t i = 0; i < ktstr_n_faults; i++) {
		const struct ktstr_fault *f = &ktstr_faults[i];

		fprintf(out, "%-17s %s\n%18sat run time: %s%s\n", f->name, f->help, "",
			f->field ? "fault_now." : "no", f->field ? f->field : "");
	}
}
