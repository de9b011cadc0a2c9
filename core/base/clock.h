/* SPDX-License-Identifier: GPL-2.0-only */
/* Time: nanoseconds of the monotonic clock. */
#ifndef KTSTR_BASE_CLOCK_H
#define KTSTR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define KTSTR_NSEC_PER_USEC 1000ull
#define KTSTR_NSEC_PER_MSEC 1000000ull
#define KTSTR_NSEC_PER_SEC 1000000000ull

static inline uint64_t ktstr_timespec_ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * KTSTR_NSEC_PER_SEC + (uint64_t)ts->tv_nsec;
}

static inline uint64_t ktstr_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ktstr_timespec_ns(&ts);
}

#endif
