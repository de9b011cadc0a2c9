/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM or emulation.
 *
 * A /dev/kvm that opens is no proof: there are hosts where it creates a VM and cannot run a stock
 * kernel in it. KVM is trusted when the CPU has the feature and a probe VM got past the kernel's
 * boot. What was found is remembered in the state folder until the host boots again.
 */
#ifndef QEMU_ACCEL_H
#define QEMU_ACCEL_H

#include "args.h"

enum qemu_accel_choice { QEMU_ACCEL_AUTO, QEMU_ACCEL_KVM, QEMU_ACCEL_TCG };

struct qemu_accel {
	enum qemu_mode mode;
	char why[512];			/* one line without a full stop */
};

/* Decides. `base` is the machine to boot, its mode and descriptors do not matter. May boot a probe
 * VM, which takes up to ten seconds and happens once for each boot of the host, version of QEMU and
 * kernel. -ENODEV when KVM was demanded and does not work, with the reason. */
int qemu_accel_choose(const struct ktstr_host *host, enum qemu_accel_choice choice,
		      const struct qemu_config *base, const char *version,
		      struct qemu_accel *ret_accel, struct ktstr_err *err);

/* The line of that cpuinfo file that tells `name` of the first CPU, as it is; NULL: none. The caller frees
 * it. */
char *qemu_cpu_line(const char *cpuinfo, const char *name);

/* Is `flag` among the flags of the first CPU in that cpuinfo file? */
bool qemu_cpu_flag(const char *cpuinfo, const char *flag);

/* Boots the kernel of `base` under KVM with one CPU and nothing else (probe.c). 1 when it got past
 * its boot, 0 when not, with the reason in `why`, or a negative errno. */
int qemu_kvm_probe(const struct qemu_config *base, char *why, size_t size, struct ktstr_err *err);

#endif
