/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program expects of a machine besides file systems. [one thread] */
#ifndef KTSTR_AGENT_SETUP_H
#define KTSTR_AGENT_SETUP_H

#include <ktstr/err.h>

#include <stdint.h>

/* Loopback up, a host name, limits lifted that stand in the way of BPF, standard links in /dev. */
int ktstr_setup_machine(struct ktstr_err *err);

/* Sets CLOCK_REALTIME. A clone of a snapshot would otherwise live in the past. */
int ktstr_setup_clock(uint64_t wall_time_ns, struct ktstr_err *err);

/* Loads a kernel module (.ko, or packed .ko.xz and the like where the kernel unpacks them itself).
 * One that is loaded already is fine. */
int ktstr_setup_module(const char *path, struct ktstr_err *err);

#endif
