/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr runs: the stored runs, judged by today's rules, the newest last. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "plugin/registry.h"
#include "report/encode.h"
#include "report/layout.h"
#include "run/prune.h"
#include "run/repro.h"

#include <jansson.h>
#include <time.h>

#define NEVER_CUT 100000	/* columns, where no terminal limits them */

/* One run as this command tells of it; all strings are valid UTF-8. */
struct row {
	char id[256], when[32], test[128];
	const char *outcome;
	size_t repeated, reproduced;	/* attempts that repeated the first one; those that ended like it */
	char *reason, *dir;
};

/* Reasons repeat what a guest said. */
static char *clean(const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_layout_escape(&b, text, strlen(text));
	return ktstr_buf_steal_str(&b);
}

static void row_deinit(struct row *row)
{
	free(row->reason);
	free(row->dir);
}

static void read_run_record(const struct ktstr_stored_run *run, struct row *row)
{
	struct ktstr_record rec;
	uint64_t wall_ns = 0;
	time_t seconds;
	struct tm tm;

	if (!ktstr_show_run_record(run->journals[0], &rec))
		return;
	ktstr_get_cstr(&rec.fields, "test", row->test, sizeof(row->test));
	if (!ktstr_get_u64(&rec.fields, "wall_time_ns", &wall_ns))
		return;
	seconds = (time_t)(wall_ns / 1000000000u);
	if (gmtime_r(&seconds, &tm))
		strftime(row->when, sizeof(row->when), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* A run that cannot be read is a row that says why. */
static bool read_row(const char *id, struct row *row)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_stored_run run;

	snprintf(row->id, sizeof(row->id), "%s", id);
	if (ktstr_stored_run_open(id, &run, &err)) {
		row->outcome = "unreadable";
		row->reason = clean(err.msg);
		row->dir = strdup("");
		return row->reason && row->dir;
	}
	row->outcome = ktstr_outcome_word(run.verdicts[0]->outcome);
	row->reason = clean(run.verdicts[0]->reason);
	row->repeated = run.n - 1;
	for (size_t i = 1; i < run.n; i++)
		row->reproduced += ktstr_verdict_is_same(run.verdicts[0], run.verdicts[i]);
	row->dir = strdup(run.dir);
	read_run_record(&run, row);
	ktstr_stored_run_deinit(&run);
	return row->reason && row->dir;
}

/* ---- as JSON ---- */

static bool print_json(const struct row *rows, size_t n)
{
	json_t *array = json_array();
	_cleanup_free_ char *text = NULL;
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = !json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "id", rows[i].id, "when",
				  rows[i].when, "test", rows[i].test, "outcome", rows[i].outcome,
				  "repeated", (json_int_t)rows[i].repeated, "reproduced",
				  (json_int_t)rows[i].reproduced, "reason", rows[i].reason, "folder",
				  rows[i].dir));
	text = ok ? json_dumps(array, JSON_INDENT(2)) : NULL;
	json_decref(array);
	if (text)
		puts(text);
	return text != NULL;
}

/* ---- as text ---- */

static void say_rows(const struct row *rows, size_t n, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "run", NULL, KTSTR_COLUMN_TEXT }, { "when", NULL, KTSTR_COLUMN_TEXT },
		{ "test", NULL, KTSTR_COLUMN_TEXT }, { "outcome", NULL, KTSTR_COLUMN_TEXT },
		{ "reproduced", NULL, KTSTR_COLUMN_TEXT }, { "reason", NULL, KTSTR_COLUMN_TEXT },
		{ "folder", NULL, KTSTR_COLUMN_TEXT },
	};

	doc->table_begin(doc, columns, KTSTR_ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++) {
		char reproduced[48] = "";

		if (rows[i].repeated)
			snprintf(reproduced, sizeof(reproduced), "%zu of %zu", rows[i].reproduced,
				 rows[i].repeated);
		doc->table_row(doc, (const char *[]){ rows[i].id, rows[i].when, rows[i].test,
						      rows[i].outcome, reproduced, rows[i].reason,
						      rows[i].dir });
	}
	doc->table_end(doc);
}

static int print_text(const struct row *rows, size_t n, struct ktstr_err *err)
{
	struct ktstr_builder *builder = ktstr_builder_create(SIZE_MAX / 2);
	struct ktstr_document *doc = calloc(1, sizeof(*doc));
	struct ktstr_doc_section *section = doc ? ktstr_vec_add(&doc->sections) : NULL;
	const uint8_t *data;
	size_t len;
	int result, ret = -ENOMEM;

	if (builder && section) {
		say_rows(rows, n, ktstr_builder_doc(builder));
		ret = ktstr_builder_finish(builder, 0, "", &data, &len)
			? ktstr_doc_section_decode(data, len, section, &result, err)
			: ktstr_err_nomem(err);
	} else {
		ktstr_err_nomem(err);
	}
	ret = ret ? ktstr_complain(KTSTR_EXIT_INTERNAL, err) : ktstr_show_document(doc, NEVER_CUT);
	ktstr_builder_destroy(builder);
	ktstr_document_destroy(doc);
	return ret;
}

/* ---- the command ---- */

static int print_rows(char *const *ids, size_t n, bool json)
{
	_cleanup_free_ struct row *rows = calloc(n + 1, sizeof(*rows));
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool ok = rows != NULL;
	int status = KTSTR_EXIT_PASSED;

	for (size_t i = 0; ok && i < n; i++)
		ok = read_row(ids[i], &rows[i]);
	if (ok && json)
		ok = print_json(rows, n);
	else if (ok && n)
		status = print_text(rows, n, &err);
	else if (ok)
		puts("no run is stored yet");
	for (size_t i = 0; rows && i < n; i++)
		row_deinit(&rows[i]);
	if (ok)
		return status;
	ktstr_err_nomem(&err);
	return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
}

/* ---- prune ---- */

enum { PRUNE_KEEP, PRUNE_SIZE, PRUNE_AGE, PRUNE_LIMITS };
static const struct ktstr_param prune_params[PRUNE_LIMITS] = {
	[PRUNE_KEEP] = { .name = "--keep", .type = KTSTR_PARAM_UINT },
	[PRUNE_SIZE] = { .name = "--max-size", .type = KTSTR_PARAM_SIZE },
	[PRUNE_AGE] = { .name = "--older-than", .type = KTSTR_PARAM_DURATION },
};

static void say_gone(void *ctx, const char *id, uint64_t bytes)
{
	const struct ktstr_prune *limits = ctx;

	printf("%s %s (%.1f MB)\n", limits->dry ? "would go:" : "gone:", id, (double)bytes / 1e6);
}

static int prune(struct ktstr_prune *limits)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_pruned pruned;
	int ret = ktstr_runs_prune(limits, say_gone, limits, &pruned, &err);

	printf("%llu run%s%s, %.1f MB\n", (unsigned long long)pruned.runs, pruned.runs == 1 ? "" : "s",
	       limits->dry ? " would go" : " gone", (double)pruned.bytes / 1e6);
	if (pruned.busy)
		printf("%llu still being made, left alone\n", (unsigned long long)pruned.busy);
	return ret ? ktstr_complain(KTSTR_EXIT_INTERNAL, &err) : KTSTR_EXIT_PASSED;
}

/* argv: behind "prune". */
static int read_prune(int argc, char **argv)
{
	struct ktstr_prune limits = { .keep = UINT64_MAX, .bytes = UINT64_MAX, .age_ns = UINT64_MAX };
	uint64_t *const values[PRUNE_LIMITS] = {
		[PRUNE_KEEP] = &limits.keep, [PRUNE_SIZE] = &limits.bytes, [PRUNE_AGE] = &limits.age_ns,
	};
	bool limited = false;

	for (int i = 0; i < argc; i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_value value;
		size_t k = 0;

		if (!strcmp(argv[i], "--dry-run")) {
			limits.dry = true;
			continue;
		}
		while (k < PRUNE_LIMITS && strcmp(argv[i], prune_params[k].name))
			k++;
		if (k == PRUNE_LIMITS)
			return ktstr_usage_error(&ktstr_cmd_runs, "runs prune: unknown word \"%s\"", argv[i]);
		if (i + 1 == argc)
			return ktstr_usage_error(&ktstr_cmd_runs, "runs prune: %s needs a value", argv[i]);
		if (ktstr_param_parse(&prune_params[k], argv[++i], &value, &err))
			return ktstr_usage_error(&ktstr_cmd_runs, "runs prune: %s: %s", argv[i - 1], err.msg);
		*values[k] = value.u64;
		limited = true;
	}
	if (!limited)
		return ktstr_usage_error(&ktstr_cmd_runs, "runs prune: say what may stay: --keep, --max-size or "
					 "--older-than");
	return prune(&limits);
}

static int run(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool json = argc == 2 && !strcmp(argv[1], "--json");
	char **ids;
	size_t n;
	int status;

	if (argc > 1 && !strcmp(argv[1], "prune"))
		return read_prune(argc - 2, argv + 2);
	if (argc > 1 && !json)
		return ktstr_usage_error(&ktstr_cmd_runs, "runs: unknown word \"%s\"", argv[1]);
	if (ktstr_run_ids(&ids, &n, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = print_rows(ids, n, json);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	return status;
}

static const struct ktstr_option list_options[] = {
	{ .name = "--json", .help = "For programs" },
	{ 0 },
};
static const struct ktstr_option prune_options[] = {
	{ .name = "--keep", .arg = "N", .word = KTSTR_WORD_TEXT, .help = "The newest N may stay" },
	{ .name = "--max-size", .arg = "SIZE", .word = KTSTR_WORD_TEXT,
	  .help = "The newest that fit into SIZE on disk may stay" },
	{ .name = "--older-than", .arg = "DURATION", .word = KTSTR_WORD_TEXT,
	  .help = "Those that ended longer ago go" },
	{ .name = "--dry-run", .help = "Only says which would go" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .options = list_options, .help = "Lists the stored runs, the newest last: how they ended, how often a crash was "
					   "reproduced, where they are." },
	{ .name = "prune", .options = prune_options,
	  .help = "Removes whole runs, the oldest first; the strictest limit counts. A run that is still being made "
		  "stays." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_runs = {
	.name = "runs",
	.summary = "lists the stored runs, the newest last, or removes old ones",
	.verbs = verbs,
	.run = run,
};
