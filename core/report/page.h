/* SPDX-License-Identifier: GPL-2.0-only */
/* What every page has: its style and its script, page.css and page.js. */
#ifndef KTSTR_REPORT_PAGE_H
#define KTSTR_REPORT_PAGE_H

/* NUL-terminated, each line with its newline. */
extern const char ktstr_page_style[], ktstr_page_script[];

/* SHA-256 of what stands between their tags, for the page's content security policy: a browser runs and applies
 * nothing else, whatever a guest brings into the page. tests/golden/page.test says what they have to be. */
#define KTSTR_PAGE_STYLE_HASH "sha256-MVDt01XwtmY8I+je6IT8D6fd4CBpFO8ZTkrJWf14ZAA="
#define KTSTR_PAGE_SCRIPT_HASH "sha256-BSTRNbjpVdE3MNzl5KgDXdsOLHxrVOC5v50ZOeWPINk="

#endif
