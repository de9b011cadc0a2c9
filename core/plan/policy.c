/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/policy.h"

static const char *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n && names[i] ? names[i] : "?";
}

const char *ktstr_sched_class_name(enum ktstr_sched_class class)
{
	static const char *const names[KTSTR_SCHED_CLASSES] = {
		[KTSTR_SCHED_INHERIT] = "inherit", [KTSTR_SCHED_NORMAL] = "normal",
		[KTSTR_SCHED_BATCH] = "batch", [KTSTR_SCHED_IDLE] = "idle",
		[KTSTR_SCHED_FIFO] = "fifo", [KTSTR_SCHED_RR] = "rr",
		[KTSTR_SCHED_DEADLINE] = "deadline", [KTSTR_SCHED_EXT] = "ext",
	};

	return name_of(names, KTSTR_SCHED_CLASSES, class);
}

const char *ktstr_mem_mode_name(enum ktstr_mem_mode mode)
{
	static const char *const names[KTSTR_MEM_MODES] = {
		[KTSTR_MEM_INHERIT] = "inherit", [KTSTR_MEM_DEFAULT] = "default",
		[KTSTR_MEM_LOCAL] = "local", [KTSTR_MEM_BIND] = "bind",
		[KTSTR_MEM_PREFERRED] = "preferred",
		[KTSTR_MEM_PREFERRED_MANY] = "preferred-many",
		[KTSTR_MEM_INTERLEAVE] = "interleave",
		[KTSTR_MEM_WEIGHTED_INTERLEAVE] = "weighted-interleave",
	};

	return name_of(names, KTSTR_MEM_MODES, mode);
}

const char *ktstr_affinity_name(enum ktstr_affinity_kind kind)
{
	static const char *const names[KTSTR_AFFINITY_KINDS] = {
		[KTSTR_AFFINITY_INHERIT] = "inherit", [KTSTR_AFFINITY_ALL] = "all",
		[KTSTR_AFFINITY_LLC] = "llc", [KTSTR_AFFINITY_SINGLE] = "single",
		[KTSTR_AFFINITY_EACH] = "each", [KTSTR_AFFINITY_RANDOM] = "random",
		[KTSTR_AFFINITY_EXACT] = "exact",
	};

	return name_of(names, KTSTR_AFFINITY_KINDS, kind);
}
