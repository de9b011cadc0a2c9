/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults that a line of the kernel's log or of the VM's console tells about. */
#ifndef KTSTR_RUN_FAULT_H
#define KTSTR_RUN_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum ktstr_fault {
	KTSTR_FAULT_NONE,
	KTSTR_FAULT_PANIC,		/* the machine is lost; it resets by itself (panic=-1) */
	KTSTR_FAULT_OOPS,
	KTSTR_FAULT_SOFT_LOCKUP,
	KTSTR_FAULT_HARD_LOCKUP,
	KTSTR_FAULT_HUNG_TASK,
	KTSTR_FAULT_RCU_STALL,
	/* those below are recognised by other means than a line */
	KTSTR_FAULT_TRIPLE_FAULT,
	KTSTR_FAULT_ACCELERATOR,	/* the accelerator gave up */
	KTSTR_FAULT_BOOT_HANG,
	KTSTR_FAULT_TIMEOUT,
	KTSTR_FAULT_PROTOCOL,		/* bytes on the channel that make no sense */
	KTSTR_FAULT_TOPOLOGY,
	KTSTR_FAULT_CLOCK,		/* the guest's clock runs at another speed than the host's */
	KTSTR_FAULT_COUNT,
};

/* "panic", "soft lockup", ...: what KTSTR_REC_FAULT calls it; and back, NONE when unknown. */
const char *ktstr_fault_name(enum ktstr_fault fault);
enum ktstr_fault ktstr_fault_parse(const char *name, size_t len);

/* What one line of kernel log tells. */
enum ktstr_fault ktstr_fault_of_line(const char *text, size_t len);

#endif
