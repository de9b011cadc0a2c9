/* SPDX-License-Identifier: GPL-2.0-only */
/* What fuzz-memo asks a memo for, and what is in that of the corpus: things of the fixture's kernel, and others. */
#ifndef TESTS_FUZZ_MEMO_H
#define TESTS_FUZZ_MEMO_H

#define MEMO_BUILD_ID "0123456789abcdef"

static const char *const memo_symbols[] = { "runqueues", "nr_cpu_ids", "page_offset_base", "nowhere" };
static const char *const memo_paths[] = {
	"top.in.nr", "top.head->next->name", "top.many[2]", "top.b", "top.gone",
	"top.head->next->next->next->next->next->name",	/* as many pointers as there may be */
};
static const char *const memo_lists[] = { "top", "state", "gone" };

#define MEMO_N(array) (sizeof(array) / sizeof((array)[0]))

#endif
