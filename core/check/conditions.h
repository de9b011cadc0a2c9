/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether times that were measured in an attempt say something about the scheduler: not in an
 * emulated machine, and not where the host kept the virtual CPUs waiting.
 */
#ifndef KTSTR_CHECK_CONDITIONS_H
#define KTSTR_CHECK_CONDITIONS_H

#include <ktstr/record.h>

#define KTSTR_CONDITIONS_THREADS 255	/* as many CPUs as a machine can have */

/* What the host's scheduler did to a vCPU thread, first and last seen. */
struct ktstr_vcpu_times {
	uint64_t tid, on_cpu_ns[2], run_delay_ns[2];
};

/* Zero-initialise; then add every record of a journal. */
struct ktstr_conditions {
	bool emulated;
	char accel[32];
	size_t n;
	struct ktstr_vcpu_times threads[KTSTR_CONDITIONS_THREADS];
	uint64_t begin_ns, end_ns;	/* host time of the first and the last measurement */
};

void ktstr_conditions_add(struct ktstr_conditions *conditions, const struct ktstr_record *rec);

/* How long a vCPU thread had to wait for the host's CPUs, of the time that it ran, in millionths:
 * of the one that fared worst. False when that is not known: measured less than twice, or the
 * host's kernel does not count. */
bool ktstr_conditions_noise(const struct ktstr_conditions *conditions, uint64_t *ret_noise);

/* Why times cannot be judged, into buf; false when they can. `limit` is the noise that is
 * tolerated. */
bool ktstr_conditions_distrust(const struct ktstr_conditions *conditions, uint64_t limit, char *buf,
			       size_t size);

/* How many times longer it takes there until a worker gets its turn than on a real machine, to be
 * on the safe side; 1 where times can be judged. */
double ktstr_conditions_slowness(const struct ktstr_conditions *conditions, uint64_t limit);

#endif
