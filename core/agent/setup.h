/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program expects of a machine besides file systems. [one thread] */
#ifndef KTSTR_AGENT_SETUP_H
#define KTSTR_AGENT_SETUP_H

#include <ktstr/err.h>

#include <stddef.h>
#include <stdint.h>

/* Loopback up, limits lifted that stand in the way of BPF, standard links in /dev. */
int ktstr_setup_machine(struct ktstr_err *err);

/* What makes a machine differ from others that were made from the same snapshot. */
struct ktstr_identity {
	uint64_t wall_time_ns;		/* CLOCK_REALTIME */
	const char *seed;		/* for the kernel's random generator */
	size_t seed_len;
	const char *host_name;		/* whatever it is, a host name is made of it */
};

int ktstr_setup_identity(const struct ktstr_identity *identity, struct ktstr_err *err);

/* Writes the host name that `text` gives: letters, digits and dashes, at most 63, "ktstr" when there is
 * none in it (RFC 1123, section 2.1). */
void ktstr_host_name(const char *text, char ret[64]);

/* Loads a kernel module (.ko, or packed .ko.xz and the like where the kernel unpacks them itself).
 * One that is loaded already is fine. */
int ktstr_setup_module(const char *path, struct ktstr_err *err);

/* Writes a value into the file below `root`, /proc/sys. */
int ktstr_setup_sysctl(const char *root, const char *file, const char *value, struct ktstr_err *err);

#endif
