/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of real kernels, and what they tell. */
#include "base/vec.h"
#include "run/fault.h"

#include <criterion/criterion.h>

static const struct {
	const char *line;
	enum ktstr_fault fault;
} lines[] = {
	{ "[    3.2] Kernel panic - not syncing: sysrq triggered crash", KTSTR_FAULT_PANIC },
	{ "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000b00", KTSTR_FAULT_PANIC },
	{ "BUG: kernel NULL pointer dereference, address: 0000000000000000", KTSTR_FAULT_OOPS },
	{ "Oops: Oops: 0002 [#1] SMP NOPTI", KTSTR_FAULT_OOPS },
	{ "kernel BUG at kernel/sched/core.c:4711!", KTSTR_FAULT_OOPS },
	{ "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [spin:99]", KTSTR_FAULT_SOFT_LOCKUP },
	{ "watchdog: Watchdog detected hard LOCKUP on cpu 3", KTSTR_FAULT_HARD_LOCKUP },
	{ "INFO: task kworker/0:1:42 blocked for more than 120 seconds.", KTSTR_FAULT_HUNG_TASK },
	{ "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", KTSTR_FAULT_RCU_STALL },
	{ "rcu: INFO: rcu_preempt self-detected stall on CPU", KTSTR_FAULT_RCU_STALL },
	{ "sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)", KTSTR_FAULT_NONE },
	{ "RAMDISK: [mem 0x1f000000-0x1fffffff]", KTSTR_FAULT_NONE },
	{ "", KTSTR_FAULT_NONE },
};

Test(fault, lines_are_told_apart)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(lines); i++)
		cr_assert_eq(ktstr_fault_of_line(lines[i].line, strlen(lines[i].line)), lines[i].fault,
			     "%s", lines[i].line);
}

Test(fault, names_go_both_ways)
{
	for (unsigned f = 1; f < KTSTR_FAULT_COUNT; f++) {
		const char *name = ktstr_fault_name(f);

		cr_assert_eq(ktstr_fault_parse(name, strlen(name)), f, "%s", name);
	}
	cr_assert_eq(ktstr_fault_parse("nothing such", 12), KTSTR_FAULT_NONE);
}
