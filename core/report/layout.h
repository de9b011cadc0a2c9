/* SPDX-License-Identifier: GPL-2.0-only */
/* Plain text on a grid of columns: escaping, measuring, wrapping, tables. */
#ifndef KTSTR_REPORT_LAYOUT_H
#define KTSTR_REPORT_LAYOUT_H

#include "report/report.h"

/* Appends the text so that a terminal shows it and obeys nothing in it: control characters as
 * ^[, bytes that are no UTF-8 and C1 controls as \x9b, tabs as spaces. */
void ktstr_layout_escape(struct ktstr_buf *out, const char *text, size_t len);

/* Columns that escaped text takes: its code points. */
size_t ktstr_layout_width(const char *text, size_t len);

/* Appends a text broken between words, each line but the first after `indent` spaces; a newline
 * in the text begins a new line. A word wider than a line stays whole. Ends in a newline. */
void ktstr_layout_wrap(struct ktstr_buf *out, const char *text, size_t indent, size_t width);

/* Appends the text as valid UTF-8 and nothing else changed: bytes that are none become \x9b. */
void ktstr_layout_repair(struct ktstr_buf *out, const char *text, size_t len);

/* Appends a key-value list or a diff with its keys aligned; a table in measured columns; a line per curve of
 * a series, a character per part of its time. */
void ktstr_layout_values(struct ktstr_buf *out, const struct ktstr_block *block, size_t width);
void ktstr_layout_table(struct ktstr_buf *out, const struct ktstr_block *block, size_t width);
void ktstr_layout_series(struct ktstr_buf *out, const struct ktstr_block *block, size_t width);

#endif
