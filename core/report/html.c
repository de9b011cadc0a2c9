/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTML renderer: one file that needs nothing else and fetches nothing. Everything can be read without its
 * script, which only searches and folds.
 */
#include "report/html.h"

#include "base/text.h"
#include "config.h"
#include "report/page.h"

#include <time.h>

/* ---- the head ---- */

static const struct ktstr_summary_attempt *first_attempt(const struct ktstr_document *doc)
{
	return doc->summary.attempts.n ? &doc->summary.attempts.items[0] : NULL;
}

/* What the page is called. */
static const char *name_of(const struct ktstr_document *doc)
{
	return doc->summary.test && *doc->summary.test ? doc->summary.test : "report";
}

static const char *outcome_tone(enum ktstr_outcome outcome)
{
	return outcome == KTSTR_OUTCOME_PASS ? "good" : outcome == KTSTR_OUTCOME_FAIL ? "bad" : "warn";
}

static void put_head(const struct ktstr_document *doc, struct ktstr_buf *out)
{
	const struct ktstr_summary_attempt *first = first_attempt(doc);

	ktstr_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		       "style-src '" KTSTR_PAGE_STYLE_HASH "'; script-src '" KTSTR_PAGE_SCRIPT_HASH "'; "
		       "base-uri 'none'; form-action 'none'\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		       "<meta name=\"color-scheme\" content=\"light dark\">\n"
		       "<meta name=\"generator\" content=\"" PACKAGE_STRING "\">\n<title>");
	ktstr_markup_str(out, name_of(doc));
	if (first)
		ktstr_buf_printf(out, " %s", ktstr_outcome_word(first->outcome));
	ktstr_buf_puts(out, " - ktstr</title>\n<style>\n");
	ktstr_buf_puts(out, ktstr_page_style);
	ktstr_buf_puts(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#report\">Skip to the report</a>\n");
}

/* ---- the header ---- */

/* Nothing when it is not known. */
static void put_fact(struct ktstr_buf *out, const char *name, const char *text, bool wide, bool mono)
{
	if (!text || !*text)
		return;
	ktstr_buf_printf(out, "<div%s><dt>%s</dt><dd%s>", wide ? " class=\"wide\"" : "", name,
			 mono ? " class=\"mono\"" : "");
	ktstr_markup_str(out, text);
	ktstr_buf_puts(out, "</dd></div>\n");
}

static void put_started(struct ktstr_buf *out, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000u);
	char text[48];
	struct tm tm;

	if (ns && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		put_fact(out, "started", text, false, false);
}

static void put_attempts(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	size_t same = 0;
	char text[64];

	if (s->attempts.n && s->attempts.items[0].duration_ns) {
		snprintf(text, sizeof(text), "%.1f s", (double)s->attempts.items[0].duration_ns / 1e9);
		put_fact(out, "duration", text, false, false);
	}
	for (size_t i = 1; i < s->attempts.n; i++)
		same += s->attempts.items[i].same;
	if (s->attempts.n > 1) {
		snprintf(text, sizeof(text), "%zu of %zu", same, s->attempts.n - 1);
		put_fact(out, "reproduced", text, false, false);
	}
}

static void put_header(const struct ktstr_document *doc, struct ktstr_buf *out)
{
	const struct ktstr_summary_attempt *first = first_attempt(doc);
	const struct ktstr_summary *s = &doc->summary;

	ktstr_buf_puts(out, "<header>\n<div class=\"name\"><h1>");
	ktstr_markup_str(out, name_of(doc));
	ktstr_buf_puts(out, "</h1>");
	if (first)
		ktstr_buf_printf(out, "<p class=\"badge %s\">%s</p>", outcome_tone(first->outcome),
				 ktstr_outcome_word(first->outcome));
	ktstr_buf_puts(out, "</div>\n<dl class=\"facts\">\n");
	put_fact(out, "test", s->description, true, false);
	put_fact(out, "kernel", s->kernel, false, false);
	put_fact(out, "scheduler", s->scheduler, false, false);
	put_fact(out, "topology", s->topology, false, false);
	put_fact(out, "VM", s->vmm, false, false);
	put_started(out, s->started_ns);
	put_attempts(out, s);
	put_fact(out, "signature", first ? first->signature : NULL, true, false);
	put_fact(out, "again", s->again, true, true);
	ktstr_buf_puts(out, "</dl>\n</header>\n");
}

/* ---- contents ---- */

static void put_contents(const struct ktstr_document *doc, struct ktstr_buf *out)
{
	ktstr_buf_puts(out, "<nav aria-label=\"Contents\">\n<form id=\"tools\" role=\"search\" hidden>\n"
		       "<label for=\"search\">Search ( / )</label>\n"
		       "<input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">\n"
		       "<output id=\"result\" for=\"search\"></output>\n"
		       "<button type=\"button\" id=\"unfold\">Unfold all</button>"
		       "<button type=\"button\" id=\"fold\">Fold all</button>\n</form>\n<ol>\n");
	for (size_t i = 0; i < doc->sections.n; i++) {
		const struct ktstr_doc_section *section = &doc->sections.items[i];

		if (!section->title)
			continue;
		ktstr_buf_puts(out, "<li><a href=\"#");
		ktstr_markup_str(out, section->name);
		ktstr_buf_puts(out, "\">");
		ktstr_markup_str(out, section->title);
		ktstr_buf_puts(out, "</a></li>\n");
	}
	ktstr_buf_puts(out, "</ol>\n</nav>\n");
}

/* ---- sections ---- */

static void put_section(const struct ktstr_doc_section *section, struct ktstr_buf *out)
{
	ktstr_buf_puts(out, "<section id=\"");
	ktstr_markup_str(out, section->name);
	ktstr_buf_puts(out, "\">\n");
	if (section->title) {
		ktstr_buf_puts(out, "<details open><summary><h2>");
		ktstr_markup_str(out, section->title);
		ktstr_buf_puts(out, "</h2></summary>\n");
	}
	for (size_t i = 0; i < section->blocks.n; i++)
		ktstr_html_block(out, section, &section->blocks.items[i]);
	ktstr_buf_puts(out, section->title ? "</details>\n</section>\n" : "</section>\n");
}

static void put_footer(const struct ktstr_document *doc, struct ktstr_buf *out)
{
	ktstr_buf_puts(out, "<footer>\n");
	for (size_t i = 0; i < doc->footer.n; i++) {
		ktstr_buf_puts(out, "<p class=\"mono\">");
		ktstr_markup_str(out, doc->footer.items[i]);
		ktstr_buf_puts(out, "</p>\n");
	}
	ktstr_buf_puts(out, "<p>written by " PACKAGE_STRING "</p>\n</footer>\n<script>\n");
	ktstr_buf_puts(out, ktstr_page_script);
	ktstr_buf_puts(out, "</script>\n</body>\n</html>\n");
}

int ktstr_render_html(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err)
{
	put_head(doc, out);
	put_header(doc, out);
	put_contents(doc, out);
	ktstr_buf_puts(out, "<main id=\"report\">\n");
	for (size_t i = 0; i < doc->sections.n; i++)
		put_section(&doc->sections.items[i], out);
	ktstr_buf_puts(out, "</main>\n");
	put_footer(doc, out);
	return out->failed ? ktstr_err_nomem(err) : 0;
}
