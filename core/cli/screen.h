/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of `ktstr monitor`. One at a time; whatever ends the process gives the terminal back. */
#ifndef KTSTR_CLI_SCREEN_H
#define KTSTR_CLI_SCREEN_H

#include "cli/view.h"

#include <ktstr/err.h>

/* -ENOTTY when the terminal can show nothing. */
int ktstr_screen_open(struct ktstr_err *err);
void ktstr_screen_close(void);

/* Paints the view, from the line that was scrolled to; `footer` stands in the last row. */
void ktstr_screen_paint(struct ktstr_view *view, const char *footer);

/* Takes the keys that were pressed, and resizes; false when one of them means the end. */
bool ktstr_screen_keys(void);

#endif
