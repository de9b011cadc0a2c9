/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/pipeline.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "run/run.h"

#include <limits.h>
#include <stdlib.h>

/* ---- what the environment asks for ---- */

static bool wants_verbose(void)
{
	const char *value = getenv("KTSTR_VERBOSE");

	return (value && !strcmp(value, "1")) || ktstr_show_backtrace_wanted();
}

/* ---- while it runs ---- */

struct progress {
	uint64_t start_ns;
	const char *test;
	bool shown;
};

static void clear_progress(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

static void show_progress(void *ctx, const char *text)
{
	struct progress *p = ctx;

	clear_progress(p);
	fprintf(stderr, "ktstr: %s: %s (%.1f s)", p->test, text,
		(double)(ktstr_now_ns() - p->start_ns) / 1e9);
	fflush(stderr);
	p->shown = true;
}

static void show_warning(void *ctx, const char *text)
{
	clear_progress(ctx);
	fprintf(stderr, "ktstr: %s\n", text);
}

static void show_console(void *ctx, const char *text, size_t len)
{
	clear_progress(ctx);
	fprintf(stderr, "%.*s\n", (int)len, text);
}

/* ---- the command that repeats the run ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-_./+:=,@%", c);
}

/* One word of a shell command: quoted where it has to be. */
static void add_word(struct ktstr_buf *b, const char *word)
{
	bool plain = *word;

	for (const char *p = word; *p; p++)
		plain = plain && is_plain(*p);
	ktstr_buf_puts(b, b->len ? " " : "");
	if (plain) {
		ktstr_buf_puts(b, word);
		return;
	}
	ktstr_buf_puts(b, "'");
	for (const char *p = word; *p; p++)
		if (*p == '\'')
			ktstr_buf_puts(b, "'\\''");
		else
			ktstr_buf_add(b, p, 1);
	ktstr_buf_puts(b, "'");
}

static void add_option(struct ktstr_buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	add_word(b, name);
	add_word(b, value);
}

/* Works from any folder: a name without slash is on PATH. */
static char *rerun_command(const struct ktstr_pipeline_options *o, const char *scheduler)
{
	_cleanup_free_ char *file = realpath(o->file, NULL);
	_cleanup_free_ char *program = strchr(o->program, '/') ? realpath(o->program, NULL) : NULL;
	struct ktstr_buf b = { 0 };

	add_word(&b, program ? program : o->program);
	add_word(&b, "--pipeline");
	add_word(&b, file ? file : o->file);
	add_option(&b, "--kernel", o->kernel);
	add_option(&b, "--scheduler", scheduler);
	add_option(&b, "--flags", o->flags);
	if (o->no_template)
		add_word(&b, "--no-template");
	if (o->no_auto_repro)
		add_word(&b, "--no-auto-repro");
	if (o->auto_repro) {
		char attempts[16];

		snprintf(attempts, sizeof(attempts), "%u", o->auto_repro);
		add_option(&b, "--auto-repro", attempts);
	}
	return ktstr_buf_steal_str(&b);
}

/* ---- the run ---- */

int ktstr_load_plan(const char *file, const struct ktstr_plan_options *options,
		    struct ktstr_registry *registry, struct ktstr_plan **ret_plan)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	int ret = ktstr_plan_load_for(file, options, registry, &problems, ret_plan, &err);

	ktstr_problems_print(&problems, file, &text);
	if (text.len)
		fwrite(text.data, 1, text.len, stderr);
	ktstr_problems_deinit(&problems);
	if (!ret)
		return KTSTR_EXIT_PASSED;
	if (ret == -EINVAL)
		return text.len ? KTSTR_EXIT_BAD_PIPELINE : ktstr_complain(KTSTR_EXIT_USAGE, &err);
	return ktstr_complain(ret == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS, &err);
}

/* Before there is a run folder something is missing on this host; after that it is ktstr that failed. */
static int run_error(const char *dir, int ret, const struct ktstr_err *err)
{
	return ktstr_complain(dir || ret == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS, err);
}

static int run_and_show(const struct ktstr_plan *plan, const struct ktstr_pipeline_options *o,
			const char *scheduler)
{
	_cleanup_free_ char *rerun = rerun_command(o, scheduler), *dir = NULL;
	struct progress progress = { .start_ns = ktstr_now_ns(), .test = plan->test };
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool verbose = wants_verbose();
	const struct ktstr_run_options run = {
		.kernel = o->kernel,
		.backtrace = ktstr_show_backtrace_wanted(),
		.verbose = verbose,
		.no_template = o->no_template,
		.no_auto_repro = o->no_auto_repro,
		.auto_repro = o->auto_repro,
		.rerun = rerun,
		.progress = isatty(STDERR_FILENO) && !verbose ? show_progress : NULL,
		.warn = show_warning,
		.console = verbose ? show_console : NULL,
		.ctx = &progress,
	};
	int ret = ktstr_run_plan(plan, &run, &dir, &err), status;

	clear_progress(&progress);
	if (ret && !dir)
		return run_error(dir, ret, &err);
	status = ktstr_show_plan_run(dir, plan, &o->outputs, run.backtrace);
	return ret ? run_error(dir, ret, &err) : status;
}

/* A path on the command line is from the working folder, one in the file from the file's. */
static int find_scheduler(const char *given, char **ret_scheduler, struct ktstr_err *err)
{
	if (!given)
		return 0;
	*ret_scheduler = strchr(given, '/') || ktstr_is_yaml(given) ? realpath(given, NULL) :
		strdup(given);
	return *ret_scheduler ? 0 : ktstr_err_errno(err, errno, "scheduler %s", given);
}

static int load_and_run(const struct ktstr_pipeline_options *options, const char *scheduler,
			struct ktstr_registry *registry)
{
	const struct ktstr_plan_options plan_options = { .scheduler = scheduler, .flags = options->flags };
	struct ktstr_plan *plan = NULL;
	int status = ktstr_load_plan(options->file, &plan_options, registry, &plan);

	if (!status)
		status = run_and_show(plan, options, scheduler);
	ktstr_plan_destroy(plan);
	return status;
}

int ktstr_pipeline_main(const struct ktstr_pipeline_options *options)
{
	_cleanup_free_ char *scheduler = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry = NULL;
	int status;

	if (find_scheduler(options->scheduler, &scheduler, &err))
		return ktstr_complain(err.code == -ENOMEM ? KTSTR_EXIT_INTERNAL :
				      KTSTR_EXIT_HOST_LACKS, &err);
	if (ktstr_registry_create(&registry, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = load_and_run(options, scheduler, registry);
	ktstr_registry_destroy(registry);
	return status;
}

static const struct ktstr_option taken[] = {
	{ .name = "--kernel", .arg = "SPEC", .word = KTSTR_WORD_KERNEL,
	  .help = "In place of the file's: an image, a build tree, a cached version (7.3) or debian[:VERSION|:SUITE]" },
	{ .name = "--scheduler", .arg = "PROGRAM", .word = KTSTR_WORD_FILE,
	  .help = "A scheduler, or its description (.yaml), in place of the file's" },
	{ .name = "--flags", .arg = "A,B", .word = KTSTR_WORD_TEXT, .help = "Which of the scheduler's flags are on; by default none" },
	{ .name = "--no-template", .help = "Boots the VM, even if there is a template to copy" },
	{ .name = "--no-auto-repro", .help = "Does not repeat a run whose scheduler died" },
	{ .name = "--auto-repro", .arg = "N", .word = KTSTR_WORD_TEXT,
	  .help = "Repeats it up to N times, until it died like that again" },
	KTSTR_OUTPUT_HELP,
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .args = "--pipeline FILE", .word = KTSTR_WORD_YAML, .options = taken,
	  .help = "Runs the test that FILE describes: boots a kernel in a VM, starts the scheduler under test, drives the "
		  "workload, watches, and prints the report. When the scheduler died, the run is repeated with probes on "
		  "the crash chain." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_pipeline = {
	.summary = "runs the test that FILE describes",
	.verbs = verbs,
};
