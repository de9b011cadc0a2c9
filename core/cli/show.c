/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/show.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/cmd.h"

#include <limits.h>
#include <sys/ioctl.h>

/* ---- the terminal ---- */

static bool colour_wanted(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && strcmp(term, "dumb");
}

static unsigned terminal_width(unsigned plain_width)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col
		? size.ws_col : plain_width;
}

int ktstr_show_document(const struct ktstr_document *doc, unsigned plain_width)
{
	const struct ktstr_render_options options = {
		.width = terminal_width(plain_width),
		.colour = colour_wanted(),
	};
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_render_text(doc, &options, &text, &err);

	if (!ret && (ret = ktstr_write_all(STDOUT_FILENO, text.data, text.len)))
		ktstr_err_errno(&err, -ret, "writing the report to standard output");
	return ret ? ktstr_complain(KTSTR_EXIT_INTERNAL, &err) : KTSTR_EXIT_PASSED;
}

static bool is_on(const char *value)
{
	return value && (!strcmp(value, "1") || !strcmp(value, "full"));
}

bool ktstr_show_backtrace_wanted(void)
{
	return is_on(getenv("KTSTR_BACKTRACE")) || is_on(getenv("RUST_BACKTRACE"));
}

/* ---- the run ---- */

bool ktstr_show_run_record(const struct ktstr_journal *journal, struct ktstr_record *ret_record)
{
	uint64_t cursor = 0;

	while (ktstr_journal_next(journal, &cursor, ret_record))
		if (ret_record->type == KTSTR_REC_RUN)
			return true;
	return false;
}

static int status_of(const struct ktstr_verdict *verdict)
{
	switch (verdict->outcome) {
	case KTSTR_OUTCOME_PASS: return KTSTR_EXIT_PASSED;
	case KTSTR_OUTCOME_FAIL: return KTSTR_EXIT_FAILED;
	case KTSTR_OUTCOME_INCONCLUSIVE: return KTSTR_EXIT_INCONCLUSIVE;
	case KTSTR_OUTCOME_SKIP: return KTSTR_EXIT_SKIPPED;
	}
	return KTSTR_EXIT_INTERNAL;
}

/* What is behind the last whole record of a journal is no evidence, but that it is there is. */
static int add_torn(struct ktstr_document *doc, const struct ktstr_stored_run *run,
		    struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < run->n; i++) {
		const char *why;
		size_t bytes = ktstr_journal_torn(run->journals[i], &why);

		if (bytes)
			ret = ktstr_document_footer(doc, err, "note: the last %zu bytes of "
						    "attempt-%zu.journal could not be read: %s",
						    bytes, i + 1, why);
	}
	if (!ret && run->unreadable)
		ret = ktstr_document_footer(doc, err, "note: %s; nothing of that attempt is in this report",
					    run->unreadable);
	return ret;
}

static int add_footer(struct ktstr_document *doc, const struct ktstr_stored_run *run,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *dir = realpath(run->dir, NULL);
	struct ktstr_str rerun = { "", 0 };
	struct ktstr_record rec;
	int ret = add_torn(doc, run, err);

	if (!ret)
		ret = ktstr_document_footer(doc, err, "run: %s", dir ? dir : run->dir);
	if (!ret && ktstr_show_run_record(run->journals[0], &rec) &&
	    ktstr_get_str(&rec.fields, "rerun", &rerun))
		ret = ktstr_document_footer(doc, err, "again: %.*s", KTSTR_STR_ARG(rerun));
	return ret;
}

static int summarize(struct ktstr_document *doc, const struct ktstr_stored_run *run,
		     const struct ktstr_section_input *input, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = realpath(run->dir, NULL);

	return ktstr_document_summarize(doc, input, run->id, dir ? dir : run->dir, err);
}

/* 0, or an enum ktstr_exit after saying what is wrong. */
static int build(const struct ktstr_stored_run *run, const struct ktstr_section_use *uses, size_t n,
		 bool backtrace, struct ktstr_document **ret_doc)
{
	const struct ktstr_section_input input = {
		.size = sizeof(input),
		.attempts = run->n,
		.journals = (const struct ktstr_journal *const *)run->journals,
		.verdicts = (const struct ktstr_verdict *const *)run->verdicts,
		.backtrace = backtrace,
		.next = ktstr_journal_next,
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_document *doc = NULL;
	int ret = ktstr_document_build(uses, n, &input, NULL, &doc, &err);

	if (!ret)
		ret = add_footer(doc, run, &err);
	if (!ret)
		ret = summarize(doc, run, &input, &err);
	if (!ret) {
		*ret_doc = doc;
		return 0;
	}
	ktstr_document_destroy(doc);
	return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
}

int ktstr_show_plan_run(const char *dir, const struct ktstr_plan *plan,
			const struct ktstr_outputs *outputs, bool backtrace)
{
	_cleanup_free_ struct ktstr_section_use *uses = calloc(plan->sections.n + 1, sizeof(*uses));
	struct ktstr_document *doc = NULL;
	struct ktstr_stored_run run;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int status;

	if (!uses) {
		ktstr_err_nomem(&err);
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	for (size_t i = 0; i < plan->sections.n; i++)
		uses[i] = (struct ktstr_section_use){ plan->sections.items[i].plugin,
						      plan->sections.items[i].values };
	if (ktstr_stored_run_open(dir, &run, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = build(&run, uses, plan->sections.n, backtrace, &doc);
	if (!status)
		status = ktstr_outputs_write(outputs, doc);
	if (!status)
		status = status_of(run.verdicts[0]);
	ktstr_document_destroy(doc);
	ktstr_stored_run_deinit(&run);
	return status;
}

/* ---- every section there is ---- */

struct uses {
	struct ktstr_section_use *items;
	size_t n, cap;
};

static void uses_deinit(struct uses *uses)
{
	for (size_t i = 0; i < uses->n; i++)
		free((void *)uses->items[i].values);
	ktstr_vec_free(uses);
}

static int compare_uses(const void *a, const void *b)
{
	const struct ktstr_plugin *p = ((const struct ktstr_section_use *)a)->plugin;
	const struct ktstr_plugin *q = ((const struct ktstr_section_use *)b)->plugin;
	int left = ((const struct ktstr_section_ops *)p->ops)->place;
	int right = ((const struct ktstr_section_ops *)q->ops)->place;

	return left != right ? (left < right ? -1 : 1) : strcmp(p->name, q->name);
}

/* Sections with a parameter that must be given can only be used by a pipeline. */
static int find_uses(const struct ktstr_registry *registry, struct uses *uses,
		     struct ktstr_err *err)
{
	const struct ktstr_plugin *plugin;

	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, NULL)); i++) {
		struct ktstr_section_use *use;
		struct ktstr_value *values;

		if (plugin->kind != KTSTR_KIND_SECTION)
			continue;
		values = calloc(plugin->n_params + 1, sizeof(*values));
		if (!values)
			return ktstr_err_nomem(err);
		if (ktstr_param_defaults(plugin, values, NULL) || !(use = ktstr_vec_add(uses))) {
			free(values);
			continue;
		}
		*use = (struct ktstr_section_use){ plugin, values };
	}
	if (uses->n)
		qsort(uses->items, uses->n, sizeof(*uses->items), compare_uses);
	return 0;
}

int ktstr_show_build(const char *name, const struct ktstr_registry *registry, bool backtrace,
		     struct ktstr_document **ret_doc, int *ret_outcome)
{
	struct ktstr_stored_run run;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct uses uses = { 0 };
	struct ktstr_record rec;
	int status;

	status = ktstr_stored_run_open(name, &run, &err);
	if (status)
		return ktstr_complain(status == -ENOENT || status == -EINVAL ? KTSTR_EXIT_USAGE
				      : KTSTR_EXIT_INTERNAL, &err);
	if (ktstr_show_run_record(run.journals[0], &rec)) {
		bool asked = false;

		ktstr_get_bool(&rec.fields, "backtrace", &asked);
		backtrace |= asked;
	}
	status = find_uses(registry, &uses, &err) ? ktstr_complain(KTSTR_EXIT_INTERNAL, &err)
						  : build(&run, uses.items, uses.n, backtrace, ret_doc);
	if (!status && ret_outcome)
		*ret_outcome = status_of(run.verdicts[0]);
	uses_deinit(&uses);
	ktstr_stored_run_deinit(&run);
	return status;
}

int ktstr_show_run(const char *name, const struct ktstr_registry *registry,
		   const struct ktstr_outputs *outputs, bool backtrace)
{
	struct ktstr_document *doc = NULL;
	int outcome, status = ktstr_show_build(name, registry, backtrace, &doc, &outcome);

	if (!status)
		status = ktstr_outputs_write(outputs, doc);
	ktstr_document_destroy(doc);
	return status ? status : outcome;
}
