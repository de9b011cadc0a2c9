/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the section, each written to the document. */
#ifndef AUTO_REPRO_SHOW_H
#define AUTO_REPRO_SHOW_H

#include "story.h"

void show_probes(const struct trace *t, struct ktstr_doc *doc);
void show_subject(const struct trace *t, const struct story *s, struct ktstr_doc *doc);
void show_journey(const struct trace *t, const struct story *s, struct ktstr_doc *doc);
/* The functions of the crash chain, as `first`, the verdict on the attempt that crashed, has it. */
void show_functions(const struct trace *t, const struct story *s, const struct ktstr_verdict *first,
		    struct ktstr_doc *doc);
void show_stack(const struct trace *t, struct ktstr_doc *doc);

/* "bpf/x.bpf.c:106", "" when it is not known. */
void show_place(struct ktstr_str file, uint64_t line, char *buf, size_t size);

#endif
