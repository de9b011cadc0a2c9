/* SPDX-License-Identifier: GPL-2.0-only */
/* A run as a row of a Markdown table: several runs are one table. */
#include "report/report.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "report/markup.h"

const char ktstr_markdown_head[] =
	"| result | test | scheduler | kernel | topology | time | reproduced | why |\n"
	"| --- | --- | --- | --- | --- | ---: | --- | --- |\n";

/* Nothing in it is Markdown, a link, a mention or the end of the cell. Entities of HTML are text there. */
static void put_cell(struct ktstr_buf *out, const char *text)
{
	_cleanup_buf_ struct ktstr_buf clean = { 0 };

	if (text)
		ktstr_markup_str(&clean, text);
	out->failed |= clean.failed;
	for (size_t i = 0; i < clean.len; i++) {
		char c = (char)clean.data[i];

		if (c == '\n')
			ktstr_put_byte(out, ' ');
		else if (strchr("|*_`[]()~\\!@:/", c))
			ktstr_buf_printf(out, "&#%d;", c);
		else
			ktstr_put_byte(out, (uint8_t)c);
	}
	ktstr_buf_puts(out, " | ");
}

static void put_reproduced(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	size_t same = 0;

	for (size_t i = 1; i < s->attempts.n; i++)
		same += s->attempts.items[i].same;
	if (s->attempts.n > 1)
		ktstr_buf_printf(out, "%zu of %zu", same, s->attempts.n - 1);
	ktstr_buf_puts(out, " | ");
}

int ktstr_markdown_row(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err)
{
	const struct ktstr_summary *s = &doc->summary;
	const struct ktstr_summary_attempt *first = s->attempts.n ? &s->attempts.items[0] : NULL;
	bool passed = first && first->outcome == KTSTR_OUTCOME_PASS;

	ktstr_buf_printf(out, passed ? "| %s | " : "| **%s** | ",
			 first ? ktstr_outcome_word(first->outcome) : "unknown");
	put_cell(out, s->test);
	put_cell(out, s->scheduler);
	put_cell(out, s->kernel);
	put_cell(out, s->topology);
	if (first && first->duration_ns)
		ktstr_buf_printf(out, "%.1f s", (double)first->duration_ns / 1e9);
	ktstr_buf_puts(out, " | ");
	put_reproduced(out, s);
	put_cell(out, first ? first->reason : "");
	if (!out->failed)
		out->data[out->len - 1] = '\n';
	return out->failed ? ktstr_err_nomem(err) : 0;
}
