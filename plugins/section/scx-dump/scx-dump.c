/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/scx-dump: the lines of the kernel's sched_ext_dump trace event. The dump begins with what
 * matters most (who triggered the exit, why, its stack), so a long one is cut at its end.
 */
#include <ktstr/section.h>

#include <stdio.h>

enum { P_LINES };
static const struct ktstr_param params[] = {
	[P_LINES] = { .name = "lines", .type = KTSTR_PARAM_UINT, .def = "300", .max = 1000000,
		      .help = "show at most that many first lines; 0: all" },
};

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	uint64_t cursor = 0, max = values[P_LINES].u64, n = 0;
	struct ktstr_record rec;
	struct ktstr_str text;
	char more[96];

	(void)err;
	if (input->verdicts[0]->outcome == KTSTR_OUTCOME_PASS && !input->backtrace)
		return KTSTR_SECTION_IRRELEVANT;
	while (input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type != KTSTR_REC_SCX_DUMP || !ktstr_get_str(&rec.fields, "text", &text))
			continue;
		if (!n++)
			doc->log_begin(doc, NULL, KTSTR_LOG_ALL, 0);
		if (!max || n <= max)
			doc->log_line(doc, text.s, text.len);
	}
	if (!n)
		return KTSTR_SECTION_IRRELEVANT;
	doc->log_end(doc);
	if (max && n > max) {
		snprintf(more, sizeof(more), "(%llu later line%s not shown)",
			 (unsigned long long)(n - max), n - max == 1 ? "" : "s");
		doc->paragraph(doc, KTSTR_TONE_PLAIN, more);
	}
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_SCX_DUMP,
	.title = "sched_ext dump",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "scx-dump",
	.summary = "what sched_ext dumped when it disabled the scheduler",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-scx-dump", PLUGIN_VERSION, &plugin);
