/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `ktstr monitor` shows of a run: made from its records, one by one, and told as lines of text.
 * Nothing here knows a terminal.
 */
#ifndef KTSTR_CLI_VIEW_H
#define KTSTR_CLI_VIEW_H

#include <ktstr/record.h>

struct ktstr_view;

/* NULL when memory is out. */
struct ktstr_view *ktstr_view_create(void);
void ktstr_view_destroy(struct ktstr_view *view);

void ktstr_view_add(struct ktstr_view *view, const struct ktstr_record *record);

/* Calls `fn` for each line, without control characters and not cut: `bold` ones are headings, `alarm`
 * ones say that something is wrong. */
typedef void ktstr_view_line_fn(void *ctx, const char *text, bool bold, bool alarm);
void ktstr_view_lines(struct ktstr_view *view, ktstr_view_line_fn *fn, void *ctx);

/* The record as one line of JSON, without a newline; NULL when memory is out. The caller frees it. */
char *ktstr_view_json(const struct ktstr_record *record);

#endif
