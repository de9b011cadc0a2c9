/* SPDX-License-Identifier: GPL-2.0-only */
#include "tsc.h"

#if defined(__x86_64__)

#include <time.h>
#include <x86intrin.h>

#define SPAN_NS 2000000ull
#define TRIES 8

/* A pair of readings, and how many ticks may lie between them. */
struct pair {
	uint64_t tsc, ns, slack;
};

/* The closest pair of some, so that an interruption between the two readings does not count. */
static struct pair read_pair(void)
{
	struct pair best = { .slack = UINT64_MAX };

	for (int i = 0; i < TRIES; i++) {
		struct timespec ts;
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		after = __rdtsc();
		if (after - before < best.slack) {
			best.slack = after - before;
			best.tsc = before + best.slack / 2;
			best.ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
		}
	}
	return best;
}

uint64_t qemu_tsc_hz(void)
{
	struct pair begin = read_pair(), end;
	uint64_t ticks, ns;

	do
		end = read_pair();
	while (end.ns - begin.ns < SPAN_NS);
	ticks = end.tsc - begin.tsc;
	ns = end.ns - begin.ns;
	/* More slack than one in a thousand: the host was too busy to tell. */
	if (end.tsc <= begin.tsc || (begin.slack + end.slack) > ticks / 1000)
		return 0;
	return (uint64_t)((unsigned __int128)ticks * 1000000000 / ns);
}

#else

uint64_t qemu_tsc_hz(void)
{
	return 0;
}

#endif
