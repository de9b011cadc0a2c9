/* SPDX-License-Identifier: GPL-2.0-only */
/* What a pipeline sets in a cgroup: texts for its control files, and its CPUs. */
#ifndef KTSTR_PLAN_SETTINGS_H
#define KTSTR_PLAN_SETTINGS_H

#include "plan/cpus.h"

/* In the order in which they are written. */
enum ktstr_setting {
	KTSTR_SETTING_MEMS,
	KTSTR_SETTING_WEIGHT,
	KTSTR_SETTING_CPU_MAX,
	KTSTR_SETTING_MEMORY_MAX,
	KTSTR_SETTING_PIDS_MAX,
	KTSTR_SETTINGS,
};

struct ktstr_settings {
	bool has_cpus;
	struct ktstr_cpu_spec cpus;		/* for cpuset.cpus */
	const char *values[KTSTR_SETTINGS];	/* as the kernel takes them; NULL: not set */
};

/* The control file of a setting: "cpu.weight". */
const char *ktstr_setting_file(enum ktstr_setting setting);

#endif
