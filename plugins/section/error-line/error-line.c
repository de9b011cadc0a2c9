/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/error-line: the one line that says which test ended how and why.
 *
 *	ktstr: TEST [scheduler NAME] [topology 1n2l2c1t] [kernel RELEASE] FAILED: REASON
 *
 * A part that is not known, or a scheduler that there was none of, is left out. Where checks
 * decided and the line has no room for all that they found, the rest follows below it.
 */
#include <ktstr/section.h>
#include <ktstr/text.h>

#include <stdio.h>

#define LINE_MAX_BYTES 2048
#define FINDINGS_MAX 20		/* told one by one */

struct line {
	char test[128], scheduler[128], flags[128], topology[32], kernel[128];
};

static void collect(const struct ktstr_section_input *input, struct line *line)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type == KTSTR_REC_RUN) {
			ktstr_get_cstr(&rec.fields, "test", line->test, sizeof(line->test));
			ktstr_get_cstr(&rec.fields, "scheduler", line->scheduler,
				       sizeof(line->scheduler));
			ktstr_get_cstr(&rec.fields, "flags", line->flags, sizeof(line->flags));
			ktstr_get_cstr(&rec.fields, "topology", line->topology,
				       sizeof(line->topology));
			ktstr_get_cstr(&rec.fields, "kernel_release", line->kernel,
				       sizeof(line->kernel));
		} else if (rec.type == KTSTR_REC_HELLO) {
			/* The kernel that answered counts, not the one that was asked for. */
			ktstr_get_cstr(&rec.fields, "release", line->kernel, sizeof(line->kernel));
			return;
		}
	}
}

static void bracket(char *text, size_t size, const char *what, const char *value)
{
	if (*value)
		ktstr_append(text, size, " [%s %s]", what, value);
}

/* The findings of the outcome that decided, when there is more than the one in the reason. */
static void say_findings(const struct ktstr_verdict *v, struct ktstr_doc *doc)
{
	size_t n = 0, told = 0;
	char text[64];

	for (size_t i = 0; i < v->n_findings; i++)
		n += v->findings[i]->outcome == v->outcome;
	for (size_t i = 0; n > 1 && i < v->n_findings && told < FINDINGS_MAX; i++)
		if (v->findings[i]->outcome == v->outcome) {
			doc->paragraph(doc, KTSTR_TONE_PLAIN, v->findings[i]->text);
			told++;
		}
	if (n > 1 && n > told) {
		snprintf(text, sizeof(text), "(%zu more not shown)", n - told);
		doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	}
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	static const struct {
		const char *word;
		enum ktstr_tone tone;
	} outcomes[] = {
		[KTSTR_OUTCOME_PASS] = { "PASSED", KTSTR_TONE_GOOD },
		[KTSTR_OUTCOME_FAIL] = { "FAILED", KTSTR_TONE_BAD },
		[KTSTR_OUTCOME_INCONCLUSIVE] = { "INCONCLUSIVE", KTSTR_TONE_WARN },
		[KTSTR_OUTCOME_SKIP] = { "SKIPPED", KTSTR_TONE_WARN },
	};
	const struct ktstr_verdict *verdict = input->verdicts[0];
	struct line line = { 0 };
	char text[LINE_MAX_BYTES];

	(void)values;
	(void)err;
	collect(input, &line);
	snprintf(text, sizeof(text), "ktstr: %s",
		 *line.test ? line.test : "(a test without a name)");
	bracket(text, sizeof(text), "scheduler", line.scheduler);
	bracket(text, sizeof(text), "flags", line.flags);
	bracket(text, sizeof(text), "topology", line.topology);
	bracket(text, sizeof(text), "kernel", line.kernel);
	ktstr_append(text, sizeof(text), " %s", outcomes[verdict->outcome].word);
	if (verdict->reason && *verdict->reason)
		ktstr_append(text, sizeof(text), ": %s", verdict->reason);
	doc->headline(doc, outcomes[verdict->outcome].tone, text);
	if (verdict->cause == KTSTR_CAUSE_CHECK && verdict->outcome != KTSTR_OUTCOME_PASS)
		say_findings(verdict, doc);
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_ERROR_LINE,
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "error-line",
	.summary = "the line that says which test ended how and why",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-error-line", PLUGIN_VERSION, &plugin);
