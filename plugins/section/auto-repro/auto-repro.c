/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/auto-repro: what the attempts that repeated a crash saw. How often it came again; of the attempt that
 * tells most, which task it was about and what that went through, each function of the crash chain with its
 * arguments at entry and at return, and the call chain at the exit; last, what that attempt's scheduler and
 * kernel said.
 */
#include "explain.h"
#include "show.h"

#include <ktstr/text.h>

#include <errno.h>

enum { P_LINES };
static const struct ktstr_param params[] = {
	[P_LINES] = { .name = "lines", .type = KTSTR_PARAM_UINT, .def = "40", .max = 1000000,
		      .help = "last lines of each log of the repeated attempt; 0: all" },
};

/* ---- did it come again? ---- */

static bool was_thrown_out(const struct ktstr_verdict *v)
{
	return v->cause == KTSTR_CAUSE_SCHED_ERROR || v->cause == KTSTR_CAUSE_SCHED_STALL ||
	       v->cause == KTSTR_CAUSE_SCHED_EXIT;
}

/* The attempt that is told about: the first of the same bug, else of another, else the first. */
static size_t choose(const struct ktstr_section_input *input, size_t *ret_same)
{
	size_t same = 0, other = 0;

	*ret_same = 0;
	for (size_t i = 1; i < input->attempts; i++) {
		bool is = ktstr_verdict_is_same(input->verdicts[0], input->verdicts[i]);

		*ret_same += is;
		if (is && !same)
			same = i;
		if (!is && !other && was_thrown_out(input->verdicts[i]))
			other = i;
	}
	return same ? same : other ? other : 1;
}

/* What it did when it did not do the same. */
static void say_otherwise(const struct ktstr_verdict *v, char *buf, size_t size)
{
	if (was_thrown_out(v))
		ktstr_append(buf, size, "met another bug: %s", v->reason);
	else if (v->cause == KTSTR_CAUSE_NONE || v->cause == KTSTR_CAUSE_CHECK)
		ktstr_append(buf, size, "ran normally (the crash did not come again)");
	else if (v->cause == KTSTR_CAUSE_TIMEOUT)
		ktstr_append(buf, size, "timed out%s", v->reason + strcspn(v->reason, " "));	/* timeout (...) */
	else if (v->stage < KTSTR_STAGE_ATTACHED && v->cause != KTSTR_CAUSE_INTERRUPTED)
		ktstr_append(buf, size, "did not come to attach the scheduler: %s", v->reason);
	else
		ktstr_append(buf, size, "ended otherwise: %s", v->reason);
}

static void say_result(const struct ktstr_section_input *input, size_t attempt, size_t same, struct ktstr_doc *doc)
{
	size_t made = input->attempts - 1;
	char text[1024], key[32];

	snprintf(text, sizeof(text), "%zu of %zu", same, made);
	if (same)
		ktstr_append(text, sizeof(text), " (the same bug: %s)", input->verdicts[attempt]->signature);
	doc->value(doc, "reproduced", text);
	if (same)
		return;
	for (size_t i = 1; i < input->attempts; i++) {
		text[0] = '\0';
		say_otherwise(input->verdicts[i], text, sizeof(text));
		if (made > 1 && i == attempt)
			ktstr_append(text, sizeof(text), "; it is the one below");
		if (made > 1)
			snprintf(key, sizeof(key), "repro %zu", i);
		doc->value(doc, made > 1 ? key : "second VM", text);
	}
}

/* Why there is nothing to show of the probes. */
static void say_no_probes(const struct trace *t, struct ktstr_doc *doc)
{
	char text[512];

	if (t->guest_fault[0])
		snprintf(text, sizeof(text), "none: %s", t->guest_fault);
	else if (!t->planned)
		snprintf(text, sizeof(text), "none were planned for this attempt");
	else if (!t->n_points)
		snprintf(text, sizeof(text), "the attempt did not come to attach any");
	else
		snprintf(text, sizeof(text), "%zu of %zu points were attached, and none told anything: no scheduler was "
			 "thrown out", t->n_attached, t->n_points);
	doc->value(doc, "probes", text);
}

/* ---- logs ---- */

static void show_log(const struct lines *log, const char *title, enum ktstr_log_fold fold, uint64_t lines,
		     struct ktstr_doc *doc)
{
	if (!log->n)
		return;
	doc->log_begin(doc, title, fold, lines);
	for (size_t i = 0; i < log->n; i++)
		doc->log_line(doc, log->items[i].s, log->items[i].len);
	doc->log_end(doc);
}

static void show_logs(const struct trace *t, uint64_t lines, struct ktstr_doc *doc)
{
	char text[64];

	snprintf(text, sizeof(text), "%.1f s", (double)t->duration_ns / 1e9);
	doc->value(doc, "repro VM duration", text);
	show_log(&t->scheduler_log, "repro VM scheduler log", KTSTR_LOG_FOLD, lines, doc);
	show_log(&t->dump, "repro VM sched_ext dump", KTSTR_LOG_ALL, lines, doc);
	show_log(&t->kernel_log, "repro VM kernel log", KTSTR_LOG_ALL, lines, doc);
}

/* ---- all of it ---- */

/* The host says why it found none, and how to get them. */
static void show_no_source(const struct trace *t, struct ktstr_doc *doc)
{
	char text[1024];

	if (!t->no_source.len)
		return;
	snprintf(text, sizeof(text), "Source lines of the kernel's functions: %.*s.", KTSTR_STR_ARG(t->no_source));
	doc->paragraph(doc, KTSTR_TONE_DIM, text);
}

static int show_trace(const struct ktstr_section_input *input, size_t attempt, const struct trace *t,
		       struct ktstr_doc *doc)
{
	struct story story;
	int ret = 0;

	show_probes(t, doc);
	story_find(t, &story);
	show_subject(t, &story, doc);
	if (t->trigger.kind == KIND_STALL)
		ret = explain_stall(input, attempt, t, &story, doc);
	show_journey(t, &story, doc);
	show_functions(t, &story, input->verdicts[0], doc);
	show_stack(t, doc);
	show_no_source(t, doc);
	return ret;
}

/* Attempts were allowed, and the one there is was not worth another: why, where a reader would wonder. */
static int say_not_repeated(const struct ktstr_section_input *input, struct ktstr_doc *doc)
{
	struct ktstr_record rec = { 0 };
	uint64_t cursor = 0, allowed = 1;

	while (input->next(input->journals[0], &cursor, &rec) && rec.type != KTSTR_REC_RUN)
		;
	if (rec.type == KTSTR_REC_RUN)
		ktstr_get_u64(&rec.fields, "attempts", &allowed);
	if (allowed < 2 || input->verdicts[0]->cause != KTSTR_CAUSE_SCHED_NOT_ATTACHED)
		return KTSTR_SECTION_IRRELEVANT;
	doc->value(doc, "second VM", "none: the scheduler never attached, so no function of it ran that could be "
		   "looked at");
	return 0;
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	size_t same, attempt;
	struct trace t;
	int ret;

	if (input->attempts < 2)
		return say_not_repeated(input, doc);
	attempt = choose(input, &same);
	ret = trace_read(&t, input, attempt);
	if (ret) {
		trace_free(&t);
		return ktstr_err_set(err, ret, "out of memory for the probes' events");
	}
	say_result(input, attempt, same, doc);
	if (t.trigger.there && (t.trigger.kind >= KIND_ERROR || was_thrown_out(t.verdict)))
		ret = show_trace(input, attempt, &t, doc);
	else
		say_no_probes(&t, doc);
	show_logs(&t, values[P_LINES].u64, doc);
	trace_free(&t);
	return ret ? ktstr_err_set(err, ret, "out of memory for what explains the stall") : 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_AUTO_REPRO,
	.title = "auto-repro",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "auto-repro",
	.summary = "what a repeated attempt saw of the crash, function by function",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-auto-repro", PLUGIN_VERSION, &plugin);
