/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/payloads: the external programs of the scenario: how each ended, its metrics, and the
 * last lines that it wrote.
 */
#include <ktstr/section.h>
#include <ktstr/text.h>

#include <stdio.h>

#define PLACE 150	/* behind the stats */

enum { P_LINES };
static const struct ktstr_param params[] = {
	[P_LINES] = { .name = "lines", .type = KTSTR_PARAM_UINT, .def = "40", .max = 1000000,
		      .help = "show at most that many last lines of each after folding; 0: all" },
};

static void put_metrics(const struct ktstr_fields *f, char *text, size_t size)
{
	struct ktstr_fields metrics;
	struct ktstr_field m;

	if (!ktstr_get_sub(f, "metrics", &metrics))
		return;
	while (ktstr_field_next(&metrics, &m))
		if (m.type == KTSTR_FIELD_F64)
			ktstr_append(text, size, ", %.*s %g", KTSTR_STR_ARG(m.key), m.f64);
}

/* "exited with code 0 after 1.2 s, p99 31" */
static void put_end(struct ktstr_doc *doc, const struct ktstr_fields *f)
{
	uint64_t wall_ns = 0, signal = 0;
	char name[64], text[1024] = "";
	bool asked = false;
	int64_t code = 0;

	ktstr_get_cstr(f, "name", name, sizeof(name));
	ktstr_get_u64(f, "wall_ns", &wall_ns);
	ktstr_get_bool(f, "asked", &asked);
	if (ktstr_get_s64(f, "code", &code))
		ktstr_append(text, sizeof(text), "exited with code %lld", (long long)code);
	else if (ktstr_get_u64(f, "signal", &signal))
		ktstr_append(text, sizeof(text), "was killed by signal %llu",
			     (unsigned long long)signal);
	ktstr_append(text, sizeof(text), "%s after %.1f s", asked ? ", as it was told to end," : "",
		     (double)wall_ns / 1e9);
	put_metrics(f, text, sizeof(text));
	doc->value(doc, name, text);
}

static bool is_of(const struct ktstr_record *rec, struct ktstr_str name)
{
	struct ktstr_str s = { "", 0 };

	return ktstr_get_str(&rec->fields, "name", &s) && ktstr_str_equal(s, name);
}

/* All that programs of that name wrote, from the record at `cursor` on. */
static void put_log(const struct ktstr_section_input *input, const struct ktstr_value *values,
		    struct ktstr_doc *doc, uint64_t cursor, struct ktstr_str name)
{
	struct ktstr_record rec;
	struct ktstr_str text;
	char title[96];
	bool any = false;

	snprintf(title, sizeof(title), "%.*s wrote", KTSTR_STR_ARG(name));
	while (input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type != KTSTR_REC_PAYLOAD_OUT || !is_of(&rec, name) ||
		    !ktstr_get_str(&rec.fields, "text", &text))
			continue;
		if (!any)
			doc->log_begin(doc, title, KTSTR_LOG_FOLD, values[P_LINES].u64);
		any = true;
		doc->log_line(doc, text.s, text.len);
	}
	if (any)
		doc->log_end(doc);
}

/* True when a program of that name started before the record `until`. */
static bool seen_before(const struct ktstr_section_input *input, uint64_t until,
			struct ktstr_str name)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (input->next(input->journals[0], &cursor, &rec) && rec.seq < until)
		if (rec.type == KTSTR_REC_PAYLOAD_START && is_of(&rec, name))
			return true;
	return false;
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	struct ktstr_record rec;
	struct ktstr_str name;
	uint64_t cursor = 0;
	bool any = false;

	(void)err;
	while (input->next(input->journals[0], &cursor, &rec))
		if (rec.type == KTSTR_REC_PAYLOAD_EXIT) {
			put_end(doc, &rec.fields);
			any = true;
		}
	cursor = 0;
	while (input->next(input->journals[0], &cursor, &rec)) {
		if (rec.type != KTSTR_REC_PAYLOAD_START ||
		    !ktstr_get_str(&rec.fields, "name", &name) ||
		    seen_before(input, rec.seq, name))
			continue;
		put_log(input, values, doc, cursor, name);
		any = true;
	}
	return any ? 0 : KTSTR_SECTION_IRRELEVANT;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = PLACE,
	.title = "payloads",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "payloads",
	.summary = "how the scenario's programs ended, their metrics and what they wrote",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-payloads", PLUGIN_VERSION, &plugin);
