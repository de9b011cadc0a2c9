/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of a step: one table, from which come what a pipeline may say (operation-read.c),
 * the manual, and what the guest's engine does (agent/operation.c).
 *
 *	OP(SYMBOL, function, name, value in words, help)
 *
 * Each has read_<function>() on the host and do_<function>() in the guest.
 */
#ifndef KTSTR_PLAN_OPERATION_H
#define KTSTR_PLAN_OPERATION_H

#define KTSTR_OPERATIONS(OP)									\
	OP(ADD_CGROUP, add_cgroup, "add-cgroup", "a mapping as in `cgroups`",			\
	   "makes it and starts its workers, until the end of the step")			\
	OP(REMOVE_CGROUP, remove_cgroup, "remove-cgroup", "a cgroup",				\
	   "ends its workers and removes it")							\
	OP(SET_CPUSET, set_cpuset, "set-cpuset", "a mapping of `cgroup` and `cpuset`",		\
	   "other CPUs for it")									\
	OP(CLEAR_CPUSET, clear_cpuset, "clear-cpuset", "a cgroup",				\
	   "all CPUs again that the one above it has")						\
	OP(SWAP_CPUSETS, swap_cpusets, "swap-cpusets", "[cgroup, cgroup]",			\
	   "each gets the CPUs of the other")							\
	OP(SET, set, "set", "a mapping of `cgroup` and settings", "changes its settings")	\
	OP(SPAWN, spawn, "spawn", "a mapping of `cgroup` and `workers`",			\
	   "starts more workers in it, or outside of all, until the end of the step")		\
	OP(STOP, stop, "stop", "a cgroup", "ends its workers; the cgroup stays")		\
	OP(SET_AFFINITY, set_affinity, "set-affinity", "a mapping of `cgroup` and `affinity`",	\
	   "binds the workers in it anew")							\
	OP(MOVE_ALL, move_all, "move-all", "a mapping of `from` and `to`",			\
	   "moves the tasks of one cgroup into another")					\
	OP(FREEZE, freeze, "freeze", "a cgroup", "stops its tasks where they are")		\
	OP(THAW, thaw, "thaw", "a cgroup", "lets them go on")					\
	OP(RUN, run, "run", "a payload", "starts a program")					\
	OP(WAIT, wait, "wait", "a payload's name, or a mapping",				\
	   "goes on once it has ended")								\
	OP(KILL, kill, "kill", "a payload's name", "ends it")					\
	OP(SCHEDULER, scheduler, "scheduler", "one of start, stop, restart",			\
	   "the pipeline's scheduler, or the one that replaced it; goes on once it has attached, "	\
	   "or the kernel has none")								\
	OP(REPLACE_SCHEDULER, replace_scheduler, "replace-scheduler", "a mapping as `scheduler`", \
	   "stops the one that runs, if one does, and starts this one")				\
	OP(WRITE_MAP, write_map, "write-map", "a mapping of `map`, `field` and `value`",		\
	   "the host stores a number into a BPF map, while nothing in the guest notices")

#define KTSTR_OPERATION_SYMBOL(symbol, function, name, form, help) KTSTR_OP_##symbol,
enum ktstr_operation {
	KTSTR_OPERATIONS(KTSTR_OPERATION_SYMBOL)
	KTSTR_OPERATION_COUNT,
};

/* What becomes of the scheduler. */
enum ktstr_change {
	KTSTR_CHANGE_START, KTSTR_CHANGE_STOP, KTSTR_CHANGE_RESTART, KTSTR_CHANGE_REPLACE,
	KTSTR_CHANGES,
};

static inline const char *ktstr_change_name(enum ktstr_change change)
{
	static const char *const names[] = { "start", "stop", "restart", "replace" };

	return (unsigned)change < KTSTR_CHANGES ? names[change] : "?";
}

/* "add-cgroup": as a pipeline has it; "?" for a value out of range. */
static inline const char *ktstr_operation_name(enum ktstr_operation operation)
{
#define KTSTR_OPERATION_NAME(symbol, function, name, form, help) name,
	static const char *const names[] = { KTSTR_OPERATIONS(KTSTR_OPERATION_NAME) };

	return (unsigned)operation < KTSTR_OPERATION_COUNT ? names[operation] : "?";
}

#endif
