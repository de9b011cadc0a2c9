/* SPDX-License-Identifier: GPL-2.0-only */
/* Text inside of HTML and XML: whatever a guest says, it is shown and does nothing. */
#ifndef KTSTR_REPORT_MARKUP_H
#define KTSTR_REPORT_MARKUP_H

#include <ktstr/fields.h>

/*
 * Appends the text so that it can stand in an element and in a quoted attribute of HTML 5 and XML 1.0. What is no
 * text is shown as text reports show it (^[, \x9b); so is what XML may not have, and what would hide text or
 * turn its direction (\u202e). Newlines stay.
 */
void ktstr_markup_text(struct ktstr_buf *out, const char *text, size_t len);
void ktstr_markup_str(struct ktstr_buf *out, const char *text);

#endif
