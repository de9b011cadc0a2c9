/* SPDX-License-Identifier: GPL-2.0-only */
/* The plan as it arrives in the guest (plan/encode.h), decoded and checked. */
#ifndef KTSTR_AGENT_PLAN_DECODE_H
#define KTSTR_AGENT_PLAN_DECODE_H

#include "plan/operation.h"
#include "plan/policy.h"

#include <ktstr/err.h>
#include <ktstr/fields.h>
#include <ktstr/param.h>

struct ktstr_guest_workers {
	const char *module;		/* path of the plugin's .so */
	const char *plugin;		/* its name */
	uint32_t count;
	struct ktstr_value *values;
	uint32_t n_values;
	struct ktstr_placement placement;
};

struct ktstr_guest_setting {
	const char *file, *value;	/* "cpu.weight", "100" */
};

struct ktstr_guest_cgroup {
	const char *name;		/* path below the cgroup root; "": none */
	bool has_cpus;
	struct ktstr_cpu_spec cpus;
	struct ktstr_guest_setting *settings;
	uint32_t n_settings;
	struct ktstr_guest_workers *workers;
	uint32_t n_workers;		/* entries, not processes */
};

/* An external program. */
struct ktstr_guest_payload {
	const char *name;
	const char **command;		/* NULL-ended; empty where only the name is needed */
	const char *cgroup;		/* NULL: none */
	bool may_fail, json;
	const char **metrics;		/* NULL-ended */
};

struct ktstr_guest_op {
	enum ktstr_operation operation;
	struct ktstr_guest_cgroup cgroup;	/* what it acts upon, and what it adds or sets */
	const char *to;				/* the second cgroup; NULL: none */
	struct ktstr_affinity affinity;
	struct ktstr_guest_payload payload;	/* name NULL: none */
	uint64_t timeout_ns;
	enum ktstr_change change;
	const char **command;		/* of another scheduler, NULL-ended; empty: none */
	uint64_t attach_timeout_ns;
};

struct ktstr_guest_step {
	const char *name;
	uint64_t hold_ns, every_ns;
	struct ktstr_guest_cgroup *cgroups;
	uint32_t n_cgroups;
	struct ktstr_guest_payload *payloads;
	uint32_t n_payloads;
	struct ktstr_guest_op *ops;
	uint32_t n_ops;
};

/* Immutable. Everything in it lives until destroy. */
struct ktstr_guest_plan {
	const char **command;		/* of the scheduler, NULL-ended; NULL: no scheduler */
	uint64_t attach_timeout_ns;
	const char **modules;		/* NULL-ended */
	struct ktstr_guest_setting *sysctls;	/* files below /proc/sys */
	uint32_t n_sysctls;
	bool backtrace;
	bool cpu_controller;		/* for each cgroup; else where a setting needs it */
	unsigned slowness;		/* at least 1 */
	uint64_t operations_ns;		/* the most that they may take, before scaling */
	struct ktstr_guest_cgroup *cgroups;	/* these two for the whole scenario */
	uint32_t n_cgroups;
	struct ktstr_guest_payload *payloads;
	uint32_t n_payloads;
	struct ktstr_guest_step *steps;
	uint32_t n_steps;
	struct ktstr_arena *arena;
};

#define KTSTR_GUEST_WORKERS_MAX 4096	/* processes of one step */

/* -EINVAL with the place in the plan, -ENOMEM. */
int ktstr_guest_plan_decode(const void *payload, size_t len, struct ktstr_guest_plan **ret_plan,
			    struct ktstr_err *err);
void ktstr_guest_plan_destroy(struct ktstr_guest_plan *plan);

/* Processes of a cgroup, of a step. */
uint32_t ktstr_guest_cgroup_workers(const struct ktstr_guest_cgroup *cgroup);
/* True when some are bound to CPUs of their own. */
bool ktstr_guest_cgroup_bound(const struct ktstr_guest_cgroup *cgroup);
uint32_t ktstr_guest_step_workers(const struct ktstr_guest_step *step);
/* Sum of the holds. */
uint64_t ktstr_guest_plan_hold_ns(const struct ktstr_guest_plan *plan);

#endif
