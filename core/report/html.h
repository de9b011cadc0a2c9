/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the HTML renderer. Whatever came from a run goes through <report/markup.h>. */
#ifndef KTSTR_REPORT_HTML_H
#define KTSTR_REPORT_HTML_H

#include "report/markup.h"
#include "report/report.h"

/* Appends ` id="SECTION.BLOCK"`. */
void ktstr_html_id(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		   const struct ktstr_block *block);

/* "good", "bad", "warn", "dim"; "" for a plain one: the class of a tone. */
const char *ktstr_html_tone(enum ktstr_tone tone);

/* Appends a block; one of a series as a plot. */
void ktstr_html_block(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		      const struct ktstr_block *block);
void ktstr_html_plot(struct ktstr_buf *out, const struct ktstr_doc_section *section,
		     const struct ktstr_block *block);

#endif
