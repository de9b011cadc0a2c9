/* SPDX-License-Identifier: GPL-2.0-only */
/* The workload plugins that a plan names, loaded once before any worker is forked. [engine] */
#ifndef KTSTR_AGENT_WORKLOADS_H
#define KTSTR_AGENT_WORKLOADS_H

#include "agent/plan-decode.h"
#include "base/vec.h"

#include <ktstr/workload.h>

struct ktstr_loaded_module {
	const char *path;
	void *handle;
	const struct ktstr_module *module;
};

struct ktstr_workloads {
	KTSTR_VEC(struct ktstr_loaded_module) modules;
	bool absent;			/* a plugin said that it cannot run in this guest */
};

/* The plugin of a workers entry; loads its module when it is new. Checks that the plugin takes
 * these parameters, can run here, and that the count makes whole groups. `workers` outlives the
 * set. */
int ktstr_workloads_get(struct ktstr_workloads *set, const struct ktstr_guest_workers *workers,
			const struct ktstr_workload_ops **ret_ops, struct ktstr_err *err);

/* Workers that belong together. */
unsigned ktstr_workload_group(const struct ktstr_workload_ops *ops,
			      const struct ktstr_value *values);

/* Bytes that each group shares, in whole pages; 0: none. */
size_t ktstr_workload_shared(const struct ktstr_workload_ops *ops,
			     const struct ktstr_value *values);

/* Unloads, last loaded first. */
void ktstr_workloads_deinit(struct ktstr_workloads *set);

#endif
