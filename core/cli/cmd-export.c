/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr export: a stored run for other programs. */
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "plan/plan.h"
#include "report/trace.h"
#include "run/run.h"

#include <getopt.h>

#define SECONDS_DEFAULT 10.0

struct wish {
	const char *run, *path;
	double seconds;		/* before the end; 0: all */
	uint64_t attempt;	/* 0: the first in which probes saw the end, else the first */
};

static int read_option(const char *name, const char *text, const struct ktstr_param *param,
		       struct ktstr_value *ret_value)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_param_parse(param, text, ret_value, &err))
		return ktstr_usage_error(&ktstr_cmd_export, "--%s: %s", name, err.msg);
	return 0;
}

static int read_options(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' }, { "attempt", required_argument, NULL, 'a' },
		{ "output", required_argument, NULL, 'o' }, { 0 },
	};
	static const struct ktstr_param seconds = { .name = "seconds", .type = KTSTR_PARAM_UINT, .max = 86400 };
	static const struct ktstr_param attempt = { .name = "attempt", .type = KTSTR_PARAM_UINT, .min = 1,
						    .max = KTSTR_REPRO_ATTEMPTS_MAX + 1 };
	struct ktstr_value value;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || (c == 's' && read_option("seconds", optarg, &seconds, &value)) ||
		    (c == 'a' && read_option("attempt", optarg, &attempt, &value)))
			return KTSTR_EXIT_USAGE;
		if (c == 's')
			wish->seconds = (double)value.u64;
		else if (c == 'a')
			wish->attempt = value.u64;
		else
			wish->path = optarg;
	}
	if (argc - optind != 2)
		return ktstr_usage_error(&ktstr_cmd_export, "export: what of which run? `ktstr runs` lists them");
	if (strcmp(argv[optind], "trace"))
		return ktstr_usage_error(&ktstr_cmd_export, "export %s: there is trace", argv[optind]);
	wish->run = argv[optind + 1];
	return 0;
}

/* Index of the attempt to show; run->n when there is no such attempt. */
static size_t choose(const struct ktstr_stored_run *run, uint64_t attempt)
{
	if (attempt)
		return attempt <= run->n ? attempt - 1 : run->n;
	for (size_t i = 0; i < run->n; i++)
		if (ktstr_trace_has_end(run->journals[i]))
			return i;
	return 0;
}

static int export(const struct ktstr_stored_run *run, const struct wish *wish)
{
	const struct ktstr_trace_options options = {
		.name = run->id, .length_ns = (uint64_t)(wish->seconds * 1e9),
	};
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	size_t i = choose(run, wish->attempt);

	if (i == run->n)
		return ktstr_usage_error(&ktstr_cmd_export, "--attempt %llu: the run has %zu",
					 (unsigned long long)wish->attempt, run->n);
	if (ktstr_trace_render(run->journals[i], &options, &text, &err) ||
	    ktstr_output_put(wish->path, &text, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	return KTSTR_EXIT_PASSED;
}

static int run(int argc, char **argv)
{
	struct wish wish = { .seconds = SECONDS_DEFAULT };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_stored_run stored;
	int status = read_options(argc, argv, &wish), ret;

	if (status)
		return status;
	if (ktstr_output_check(wish.path, &err))
		return ktstr_complain(KTSTR_EXIT_HOST_LACKS, &err);
	ret = ktstr_stored_run_open(wish.run, &stored, &err);
	if (ret)
		return ktstr_complain(ret == -ENOENT || ret == -EINVAL ? KTSTR_EXIT_USAGE : KTSTR_EXIT_INTERNAL, &err);
	status = export(&stored, &wish);
	ktstr_stored_run_deinit(&stored);
	return status;
}

static const struct ktstr_option taken[] = {
	{ .name = "--seconds", .arg = "N", .word = KTSTR_WORD_TEXT, .help = "So many before the end (10); 0: all" },
	{ .name = "--attempt", .arg = "N", .word = KTSTR_WORD_TEXT,
	  .help = "Of that one; by default the first in which probes saw the end, else the first" },
	{ .name = "--output", .arg = "FILE", .word = KTSTR_WORD_FILE, .help = "Where it goes; without it, standard output" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .name = "trace", .args = "RUN", .word = KTSTR_WORD_RUN, .options = taken,
	  .help = "Writes the last seconds of a run as a trace for Perfetto or chrome://tracing: the tasks of each CPU, the "
		  "scheduler's callbacks, the depth of queues." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_export = {
	.name = "export",
	.summary = "the last seconds of a run for Perfetto or chrome://tracing",
	.verbs = verbs,
	.run = run,
};
