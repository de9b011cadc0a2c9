/* SPDX-License-Identifier: GPL-2.0-only */
/* What two lines must have in common to be the same line of a loop. */
#ifndef KTSTR_REPORT_FOLD_LINE_H
#define KTSTR_REPORT_FOLD_LINE_H

#include <stddef.h>
#include <stdint.h>

/* A hash of the line without its numbers and the amount of white space; of an instruction line
 * of the BPF verifier without its address and its register states. [any thread] */
uint64_t ktstr_fold_line_hash(const char *text, size_t len);

#endif
