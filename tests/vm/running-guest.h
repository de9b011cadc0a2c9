/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of a guest that a ktstr runs: the memfd that it has open. */
#ifndef TESTS_VM_RUNNING_GUEST_H
#define TESTS_VM_RUNNING_GUEST_H

#include <ktstr/vmm.h>

/* Maps it shared. False when that process has none. The machine must be too small to have a hole in
 * its memory. */
bool running_guest_ram(const char *pid, struct ktstr_ram *ret_ram);

#endif
