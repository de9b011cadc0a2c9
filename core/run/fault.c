/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/fault.h"

#include "base/vec.h"

#include <string.h>

static const char *const names[KTSTR_FAULT_COUNT] = {
	[KTSTR_FAULT_NONE] = "none",
	[KTSTR_FAULT_PANIC] = "kernel panic",
	[KTSTR_FAULT_OOPS] = "kernel oops",
	[KTSTR_FAULT_SOFT_LOCKUP] = "soft lockup",
	[KTSTR_FAULT_HARD_LOCKUP] = "hard lockup",
	[KTSTR_FAULT_HUNG_TASK] = "hung task",
	[KTSTR_FAULT_RCU_STALL] = "RCU stall",
	[KTSTR_FAULT_TRIPLE_FAULT] = "triple fault",
	[KTSTR_FAULT_ACCELERATOR] = "accelerator failure",
	[KTSTR_FAULT_BOOT_HANG] = "boot hang",
	[KTSTR_FAULT_TIMEOUT] = "timeout",
	[KTSTR_FAULT_PROTOCOL] = "protocol error",
	[KTSTR_FAULT_TOPOLOGY] = "topology mismatch",
	[KTSTR_FAULT_CLOCK] = "wrong clock",
};

/*
 * The first match counts, so the more specific texts come first: "BUG: soft lockup" is also a "BUG:".
 * The sources are panic() (kernel/panic.c), die messages (arch/x86/kernel/dumpstack.c, mm/fault.c,
 * lib/bug.c), watchdog_timer_fn() (kernel/watchdog.c), check_hung_task() (kernel/hung_task.c) and
 * print_cpu_stall() / print_other_cpu_stall() / rcu_check_gp_kthread_starvation()
 * (kernel/rcu/tree_stall.h). Texts have been the same from 6.12 to 7.3.
 */
static const struct {
	const char *text;
	enum ktstr_fault fault;
} patterns[] = {
	{ "Kernel panic - not syncing", KTSTR_FAULT_PANIC },
	{ "watchdog: BUG: soft lockup", KTSTR_FAULT_SOFT_LOCKUP },
	{ "BUG: soft lockup", KTSTR_FAULT_SOFT_LOCKUP },
	{ "Watchdog detected hard LOCKUP", KTSTR_FAULT_HARD_LOCKUP },
	{ "detected stalls on CPUs/tasks", KTSTR_FAULT_RCU_STALL },
	{ "self-detected stall on CPU", KTSTR_FAULT_RCU_STALL },
	{ "kthread starved for", KTSTR_FAULT_RCU_STALL },
	{ "blocked for more than", KTSTR_FAULT_HUNG_TASK },
	{ "kernel BUG at ", KTSTR_FAULT_OOPS },
	{ "BUG: kernel NULL pointer dereference", KTSTR_FAULT_OOPS },
	{ "BUG: unable to handle page fault", KTSTR_FAULT_OOPS },
	{ "BUG: stack guard page was hit", KTSTR_FAULT_OOPS },
	{ "Oops: ", KTSTR_FAULT_OOPS },
};

const char *ktstr_fault_name(enum ktstr_fault fault)
{
	return (unsigned)fault < KTSTR_FAULT_COUNT ? names[fault] : "unknown fault";
}

enum ktstr_fault ktstr_fault_parse(const char *name, size_t len)
{
	for (unsigned f = 1; f < KTSTR_FAULT_COUNT; f++)
		if (strlen(names[f]) == len && !memcmp(names[f], name, len))
			return (enum ktstr_fault)f;
	return KTSTR_FAULT_NONE;
}

enum ktstr_fault ktstr_fault_of_line(const char *text, size_t len)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(patterns); i++)
		if (memmem(text, len, patterns[i].text, strlen(patterns[i].text)))
			return patterns[i].fault;
	return KTSTR_FAULT_NONE;
}
