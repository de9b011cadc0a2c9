/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that counts, and fails when it is told to: what `ktstr plugin test` puts in front of malloc() to see
 * how a plugin gets on without memory and whether it gives back what it took. It is a library of its own,
 * preloaded into that command and into nothing else.
 */
#ifndef KTSTR_SDK_HEAP_H
#define KTSTR_SDK_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define KTSTR_HEAP_SYMBOL "ktstr_heap"	/* where the library keeps its struct ktstr_heap */
#define KTSTR_HEAP_FILE "count-memory.so"

/* Shared by all threads of the process; the counters are atomic. */
struct ktstr_heap {
	int64_t live;		/* allocations that nobody has freed */
	uint64_t asked;		/* how often memory was asked for */
	uint64_t fail_at;	/* when `asked` has reached this number, every further request fails; 0: none does */
	bool failed;		/* one did */
};

#endif
