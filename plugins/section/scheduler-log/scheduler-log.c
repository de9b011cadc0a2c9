/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/scheduler-log: what the scheduler wrote on standard output and standard error, in the
 * order in which it came, with repeating cycles folded. Shown unless the run passed.
 */
#include <ktstr/section.h>

enum { P_LINES };
static const struct ktstr_param params[] = {
	[P_LINES] = { .name = "lines", .type = KTSTR_PARAM_UINT, .def = "500", .max = 1000000,
		      .help = "show at most that many last lines after folding; 0: all" },
};

static struct ktstr_doc_origin origin_of(const struct ktstr_record *rec)
{
	uint64_t stream = 1;

	ktstr_get_u64(&rec->fields, "stream", &stream);
	return (struct ktstr_doc_origin){ .size = sizeof(struct ktstr_doc_origin),
					  .source = stream == 2 ? "stderr" : "stdout",
					  .time_ns = rec->guest_ns };
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	struct ktstr_doc_origin origin;
	struct ktstr_record rec;
	struct ktstr_str text;
	uint64_t cursor = 0;
	bool any = false;

	(void)err;
	if (input->verdicts[0]->outcome == KTSTR_OUTCOME_PASS && !input->backtrace)
		return KTSTR_SECTION_IRRELEVANT;
	while (input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type != KTSTR_REC_SCHED_OUT || !ktstr_get_str(&rec.fields, "text", &text))
			continue;
		if (!any)
			doc->log_begin(doc, NULL, KTSTR_LOG_FOLD, values[P_LINES].u64);
		any = true;
		origin = origin_of(&rec);
		doc->log_line_from(doc, &origin, text.s, text.len);
	}
	if (!any)
		return KTSTR_SECTION_IRRELEVANT;
	doc->log_end(doc);
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_SCHEDULER_LOG,
	.title = "scheduler log",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "scheduler-log",
	.summary = "what the scheduler wrote, repeating cycles folded",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-scheduler-log", PLUGIN_VERSION, &plugin);
