/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/manual.h"

#include "plan/schema.h"

#include "config.h"

/* Text as roff takes it: a backslash, a leading dot or quote, and a hyphen mean something there. */
static void put(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			fputc(*text, to);
	}
}

__attribute__((format(printf, 2, 3)))
static void putf(FILE *to, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(to, text);
}

static void head(FILE *to, const char *name, int section, const char *summary)
{
	fputs(".TH ", to);
	put(to, name);
	fprintf(to, " %d \"\" \"%s\" \"ktstr\"\n.nh\n.SH NAME\n", section, PACKAGE_STRING);
	put(to, name);
	fputs(" \\- ", to);
	put(to, summary);
	fputc('\n', to);
}

/* A word in bold and one in italics, on a line of its own. */
static void put_term(FILE *to, const char *bold, const char *italic)
{
	fputs("\\fB", to);
	put(to, bold);
	fputs("\\fR", to);
	if (italic) {
		fputs(" \\fI", to);
		put(to, italic);
		fputs("\\fR", to);
	}
	fputc('\n', to);
}

/* ---- commands ---- */

static void put_synopsis(FILE *to, const struct ktstr_command *command)
{
	fputs(".SH SYNOPSIS\n.nf\n", to);
	for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++) {
		fputs("\\fBktstr", to);
		if (command->name)
			putf(to, " %s", command->name);
		if (verb->name)
			putf(to, " %s", verb->name);
		fputs("\\fR", to);
		for (const struct ktstr_option *o = verb->options; o && o->name; o++)
			putf(to, " [%s%s%s]%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "",
			     o->repeats ? "..." : "");
		if (verb->args)
			putf(to, " %s", verb->args);
		fputc('\n', to);
	}
	fputs(".fi\n", to);
}

static void put_options(FILE *to, const struct ktstr_verb *verb)
{
	for (const struct ktstr_option *o = verb->options; o && o->name; o++) {
		fputs(".TP\n", to);
		put_term(to, o->name, o->arg);
		putf(to, "%s.", o->help);
		fputc('\n', to);
	}
}

static void put_verbs(FILE *to, const struct ktstr_command *command)
{
	fputs(".SH DESCRIPTION\n", to);
	for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++) {
		if (verb->name) {
			fputs(".SS ", to);
			put(to, verb->name);
			fputc('\n', to);
		} else {
			fputs(".PP\n", to);
		}
		put(to, verb->help);
		fputc('\n', to);
		put_options(to, verb);
	}
}

static void put_statuses(FILE *to)
{
	static const struct {
		enum ktstr_exit status;
		const char *meaning;
	} rows[] = {
		{ KTSTR_EXIT_PASSED, "passed" }, { KTSTR_EXIT_FAILED, "failed" },
		{ KTSTR_EXIT_INCONCLUSIVE, "inconclusive: the evidence is missing, or the host was too busy" },
		{ KTSTR_EXIT_USAGE, "the command line is wrong" },
		{ KTSTR_EXIT_BAD_PIPELINE, "a pipeline file is wrong" },
		{ KTSTR_EXIT_HOST_LACKS, "this host lacks something; the message says what to install" },
		{ KTSTR_EXIT_INTERNAL, "ktstr itself failed" }, { KTSTR_EXIT_SKIPPED, "skipped: the guest lacks something" },
	};

	fputs(".SH EXIT STATUS\n", to);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		fprintf(to, ".TP\n%d\n", rows[i].status);
		put(to, rows[i].meaning);
		fputs(".\n", to);
	}
}

static void put_see_also(FILE *to, const struct ktstr_command *but)
{
	fputs(".SH SEE ALSO\n", to);
	if (but)
		fputs(".BR ktstr (1),\n", to);
	for (size_t i = 0; ktstr_commands[i]; i++)
		if (ktstr_commands[i] != but)
			fprintf(to, ".BR ktstr\\-%s (1),\n", ktstr_commands[i]->name);
	fputs(".BR ktstr\\-pipeline (5)\n", to);
}

void ktstr_man_command(const struct ktstr_command *command, FILE *to)
{
	char name[64];

	snprintf(name, sizeof(name), "ktstr-%s", command->name);
	head(to, name, 1, command->summary);
	put_synopsis(to, command);
	put_verbs(to, command);
	put_statuses(to);
	put_see_also(to, command);
}

/* ---- the program ---- */

static void put_variables(FILE *to)
{
	static const struct {
		const char *name, *meaning;
	} rows[] = {
		{ "KTSTR_BACKTRACE", "1 or full adds the diagnostics section to every report, and is verbose. "
				     "RUST_BACKTRACE is taken for the same." },
		{ "KTSTR_VERBOSE", "1 shows the VM's console while it runs." },
		{ "KTSTR_PLUGIN_PATH", "Folders with plugins, separated by colons, searched before ktstr's own." },
		{ "KTSTR_STATE_DIR", "Where runs are stored, in place of $XDG_STATE_HOME/ktstr." },
		{ "KTSTR_CACHE_DIR", "Where kernels and templates are kept, in place of $XDG_CACHE_HOME/ktstr." },
		{ "KTSTR_LIBEXEC_PATH, KTSTR_DATA_PATH", "Where ktstr's own helper programs and data are, when "
							  "not where it was installed." },
		{ "DEBUGINFOD_URLS", "Servers that are asked for the kernel's debug information, by build id." },
		{ "NO_COLOR", "Anything: no colour." },
		{ "GITHUB_STEP_SUMMARY", "The file that a summary of the run is added to." },
	};

	fputs(".SH ENVIRONMENT\n", to);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		fputs(".TP\n", to);
		put_term(to, rows[i].name, NULL);
		put(to, rows[i].meaning);
		fputc('\n', to);
	}
}

void ktstr_man_program(FILE *to)
{
	head(to, "ktstr", 1, "tests Linux CPU schedulers in a VM and tells why they crashed");
	put_synopsis(to, &ktstr_cmd_pipeline);
	fputs("\\fBktstr\\fR \\fICOMMAND\\fR [ARGUMENT...]\n", to);
	put_verbs(to, &ktstr_cmd_pipeline);
	fputs(".SH COMMANDS\n", to);
	for (size_t i = 0; ktstr_commands[i]; i++) {
		fprintf(to, ".TP\n.BR ktstr\\-%s (1)\n", ktstr_commands[i]->name);
		put(to, ktstr_commands[i]->summary);
		fputc('\n', to);
	}
	put_statuses(to);
	put_variables(to);
	put_see_also(to, NULL);
}

/* ---- pipeline files ---- */

static void put_key(FILE *to, const struct ktstr_key *key)
{
	char value[512];

	fputs(".TP\n", to);
	put_term(to, key->param.name, NULL);
	putf(to, "%s.", key->param.help);
	fputs("\n.br\n", to);
	ktstr_param_describe(&key->param, value, sizeof(value));
	put(to, key->form ? key->form : value);
	if (key->param.def)
		putf(to, "; default %s", key->param.def);
	else if (key->unless)
		putf(to, "; required without %s", key->unless);
	else if (!key->param.optional)
		put(to, "; required");
	fputc('\n', to);
}

void ktstr_man_pipeline(FILE *to)
{
	head(to, "ktstr-pipeline", 5, "what a pipeline file of ktstr may say");
	fputs(".SH DESCRIPTION\n"
	      "A pipeline file describes one test: the machine, the kernel, the scheduler under test, and what runs\n"
	      "meanwhile. It is one YAML document in UTF\\-8. Nearly everything has a default; `ktstr check FILE' tells\n"
	      "everything that is wrong with one.\n"
	      ".PP\nDurations have a unit (5s, 250ms), sizes may have one (512M), percentages have their sign.\n", to);
	for (const struct ktstr_schema *const *s = ktstr_plan_schemas(); *s; s++) {
		fputs(".SH ", to);
		put(to, (*s)->name);
		fputc('\n', to);
		for (size_t i = 0; i < (*s)->n; i++)
			put_key(to, &(*s)->keys[i]);
	}
	put_see_also(to, NULL);
}
