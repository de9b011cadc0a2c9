/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef QEMU_TSC_H
#define QEMU_TSC_H

#include <stdint.h>

/* The rate of the host's time stamp counter, which an emulated guest sees unchanged; 0 when the
 * host has none or it does not run evenly. Takes two milliseconds. */
uint64_t qemu_tsc_hz(void);

#endif
