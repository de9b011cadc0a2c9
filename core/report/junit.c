/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JUnit renderer: a run as one test case, as CI systems show it. A failure is the scheduler's or a check's; an
 * error is a run that proves nothing. Attempts that repeated a failure are rerunFailures: the first one stands.
 */
#include "report/markup.h"
#include "report/report.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <time.h>

static void put_attribute(struct ktstr_buf *out, const char *name, const char *text)
{
	ktstr_buf_printf(out, " %s=\"", name);
	ktstr_markup_str(out, text ? text : "");
	ktstr_put_byte(out, '"');
}

/* ---- the run ---- */

/* A run of the same test with another kernel or scheduler is another case. */
static void put_name(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	_cleanup_free_ char *name = ktstr_summary_name(s);

	out->failed |= !name;
	put_attribute(out, "name", name);
}

static void put_property(struct ktstr_buf *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	ktstr_buf_puts(out, "      <property");
	put_attribute(out, "name", name);
	put_attribute(out, "value", text);
	ktstr_buf_puts(out, "/>\n");
}

static void put_properties(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	ktstr_buf_puts(out, "    <properties>\n");
	put_property(out, "kernel", s->kernel);
	put_property(out, "scheduler", s->scheduler);
	put_property(out, "topology", s->topology);
	put_property(out, "vmm", s->vmm);
	put_property(out, "run", s->run);
	put_property(out, "folder", s->folder);
	put_property(out, "again", s->again);
	ktstr_buf_puts(out, "    </properties>\n");
}

static double seconds(const struct ktstr_summary *s)
{
	return s->attempts.n ? (double)s->attempts.items[0].duration_ns / 1e9 : 0;
}

static void put_timestamp(struct ktstr_buf *out, uint64_t ns)
{
	time_t at = (time_t)(ns / 1000000000u);
	char text[32];
	struct tm tm;

	if (ns && gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		put_attribute(out, "timestamp", text);
}

/* ---- how it ended ---- */

static void put_failure(struct ktstr_buf *out, const char *element,
			const struct ktstr_summary_attempt *a, const char *detail)
{
	ktstr_buf_printf(out, "      <%s", element);
	put_attribute(out, "type", a->cause);
	put_attribute(out, "message", a->reason);
	ktstr_put_byte(out, '>');
	ktstr_markup_str(out, detail);
	ktstr_buf_printf(out, "</%s>\n", element);
}

/* What decided, each in a line. */
static char *findings(const struct ktstr_summary *s)
{
	struct ktstr_buf b = { 0 };

	for (size_t i = 0; i < s->checks.n; i++)
		if (s->checks.items[i].outcome == s->attempts.items[0].outcome)
			ktstr_buf_printf(&b, "%s\n", s->checks.items[i].text);
	if (!b.len)
		ktstr_buf_puts(&b, s->attempts.items[0].signature);
	return ktstr_buf_steal_str(&b);
}

static void put_result(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	const struct ktstr_summary_attempt *first = &s->attempts.items[0];
	_cleanup_free_ char *detail = findings(s);

	if (!detail) {
		out->failed = true;
		return;
	}
	switch (first->outcome) {
	case KTSTR_OUTCOME_PASS:
		break;
	case KTSTR_OUTCOME_FAIL:
		put_failure(out, "failure", first, detail);
		break;
	case KTSTR_OUTCOME_INCONCLUSIVE:
		put_failure(out, "error", first, detail);
		break;
	case KTSTR_OUTCOME_SKIP:
		ktstr_buf_puts(out, "      <skipped");
		put_attribute(out, "message", first->reason);
		ktstr_buf_puts(out, "/>\n");
		break;
	}
	for (size_t i = 1; i < s->attempts.n; i++)
		if (s->attempts.items[i].outcome == KTSTR_OUTCOME_FAIL)
			put_failure(out, "rerunFailure", &s->attempts.items[i],
				    s->attempts.items[i].same ? "the same bug" : "another one");
}

static void put_case(struct ktstr_buf *out, const struct ktstr_document *doc, struct ktstr_err *err)
{
	const struct ktstr_render_options options = { .width = 100 };
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	const struct ktstr_summary *s = &doc->summary;

	ktstr_buf_puts(out, "    <testcase");
	put_name(out, s);
	put_attribute(out, "classname", s->test);
	if (s->file && *s->file)
		put_attribute(out, "file", s->file);
	ktstr_buf_printf(out, " time=\"%.3f\">\n", seconds(s));
	if (s->attempts.n)
		put_result(out, s);
	if (ktstr_render_text(doc, &options, &text, err))
		out->failed = true;
	ktstr_buf_puts(out, "      <system-out>");
	ktstr_markup_text(out, text.len ? (char *)text.data : "", text.len);
	ktstr_buf_puts(out, "</system-out>\n    </testcase>\n");
}

/* " tests=... failures=... errors=... skipped=... time=..." */
static void put_counts(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	enum ktstr_outcome outcome = s->attempts.n ? s->attempts.items[0].outcome : KTSTR_OUTCOME_PASS;

	ktstr_buf_printf(out, " tests=\"1\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\"",
			 outcome == KTSTR_OUTCOME_FAIL, outcome == KTSTR_OUTCOME_INCONCLUSIVE,
			 outcome == KTSTR_OUTCOME_SKIP, seconds(s));
}

int ktstr_render_junit(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err)
{
	ktstr_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ktstr\"");
	put_counts(out, &doc->summary);
	ktstr_buf_puts(out, ">\n  <testsuite name=\"ktstr\"");
	put_counts(out, &doc->summary);
	put_timestamp(out, doc->summary.started_ns);
	ktstr_buf_puts(out, ">\n");
	put_properties(out, &doc->summary);
	put_case(out, doc, err);
	ktstr_buf_puts(out, "  </testsuite>\n</testsuites>\n");
	return out->failed ? ktstr_err_nomem(err) : 0;
}
