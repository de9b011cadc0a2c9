/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: a pipeline file, read, resolved and checked. Immutable; the same plan object drives
 * every attempt of a run.
 */
#ifndef KTSTR_PLAN_PLAN_H
#define KTSTR_PLAN_PLAN_H

#include "base/vec.h"
#include "check/expect.h"
#include "check/limits.h"
#include "plan/flags.h"
#include "plan/include.h"
#include "plan/operation.h"
#include "plan/policy.h"
#include "plan/problem.h"
#include "plan/settings.h"
#include "plugin/registry.h"

#include <ktstr/vmm.h>

/* A plugin as a pipeline names it, with its checked parameters (one value per row of its table). */
struct ktstr_plugin_use {
	const struct ktstr_plugin *plugin;
	const struct ktstr_module_info *module;	/* where it came from */
	struct ktstr_value *values;
	struct ktstr_position at;		/* line 0: not named in the file, a default */
};

/* Workers of one kind in a cgroup. */
struct ktstr_plan_workers {
	struct ktstr_plugin_use workload;
	uint32_t count;
	struct ktstr_placement placement;
};

struct ktstr_plan_cgroup {
	struct ktstr_settings settings;	/* first: see KTSTR_SETTING_KEYS */
	const char *name;		/* a path below the guest's cgroup root */
	KTSTR_VEC(struct ktstr_plan_workers) workers;
	struct ktstr_position at;
};

/* What a scheduler's description says of a flag beside its rule. */
struct ktstr_plan_flag {
	const char *description;	/* NULL: none */
	KTSTR_VEC(const char *) args;
};

struct ktstr_plan_scheduler {
	const char *binary;		/* as written; NULL: the kernel's own scheduler (EEVDF) */
	const char *name;		/* last component, for messages */
	KTSTR_VEC(const char *) args;	/* of its description, of the test, of the flags that are on */
	uint64_t attach_timeout_ns;	/* before scaling */
	const char *file;		/* its description, as messages name it; NULL: none */
	struct ktstr_flag_rules rules;	/* of the description's flags */
	const struct ktstr_plan_flag *flags;	/* one for each of them */
	uint32_t set;			/* those that are on */
};

enum ktstr_metric_form { KTSTR_METRICS_NONE, KTSTR_METRICS_JSON, KTSTR_METRICS_LINES };

/* An external program that runs in the guest. */
struct ktstr_plan_payload {
	const char *name;
	KTSTR_VEC(const char *) command;	/* the program as written, and its arguments */
	const char *file;			/* goes with it, from `dir`; its last argument then is where
						 * the guest has that. NULL: none */
	const char *cgroup;			/* NULL: none */
	bool may_fail;				/* its exit status is no failure of the scenario */
	enum ktstr_metric_form form;		/* how the metrics are found in its output */
	KTSTR_VEC(const char *) metrics;	/* paths or keys */
	struct ktstr_position at;
};

/* A number that the host stores into a BPF map of the guest. */
struct ktstr_plan_map_write {
	const char *map;		/* name, or the end of one: .bss */
	const char *field;		/* path in the value; NULL: the value is a number itself */
	const char *key;		/* as written; NULL: entry 0, or the only one */
	int64_t value;
	uint32_t cpu;			/* of a per-CPU map; KTSTR_PLAN_ALL_CPUS */
};
#define KTSTR_PLAN_ALL_CPUS UINT32_MAX

/* What an operation acts upon is its cgroup by name; what it sets or adds stands there too. */
struct ktstr_plan_op {
	struct ktstr_plan_cgroup cgroup;	/* name NULL or "": none */
	enum ktstr_operation operation;
	const char *to;				/* move-all, swap-cpusets: the second one */
	struct ktstr_affinity affinity;
	struct ktstr_plan_payload payload;	/* run; wait, kill: its name */
	uint64_t timeout_ns;			/* wait: before scaling */
	enum ktstr_change change;		/* scheduler, replace-scheduler */
	struct ktstr_plan_scheduler scheduler;	/* replace-scheduler */
	struct ktstr_plan_map_write write;	/* write-map */
	struct ktstr_position at;
};

/* A step: what is set up, what is done then, and how long it is held. A pipeline without `steps`
 * has one. */
struct ktstr_plan_step {
	const char *name;		/* "" when it has none */
	uint64_t hold_ns, every_ns;	/* every: the operations' interval; 0: they are done once */
	double hold_percent;		/* as written; 0: it was a duration */
	KTSTR_VEC(struct ktstr_plan_cgroup) cgroups;
	KTSTR_VEC(struct ktstr_plan_payload) payloads;
	KTSTR_VEC(struct ktstr_plan_op) ops;
};

/* The attempts that repeat a run whose scheduler died. */
struct ktstr_plan_repro {
	uint32_t attempts;		/* at most; 0: none */
	uint32_t enough;		/* so many that ended as the first attempt did, and no more are begun */
	uint32_t parallel;		/* VMs at once */
};

#define KTSTR_REPRO_ATTEMPTS_MAX 100
#define KTSTR_REPRO_PARALLEL_MAX 16

struct ktstr_plan_sysctl {
	const char *path;		/* below /proc/sys */
	const char *value;
};

struct ktstr_plan {
	const char *file;		/* as given by the user */
	const char *dir;		/* its folder: relative paths in it start here */
	const char *text;		/* its bytes, for the run store */
	size_t text_len;
	KTSTR_VEC(const struct ktstr_source *) sources;	/* the other files, as they were read */

	bool only_scheduler;		/* the file describes one: nothing of the rest but `expect` (a
					 * layer), kernel_args, sysctls, scheduler, test, description */
	const char *test;		/* name */
	const char *description;	/* NULL: none */
	const char *kernel;		/* spec as written, or NULL: the default */
	KTSTR_VEC(const char *) kernel_args;
	KTSTR_VEC(const char *) modules;	/* kernel modules to load, names or paths */
	KTSTR_VEC(struct ktstr_plan_sysctl) sysctls;	/* written in this order, behind the modules */
	struct ktstr_topology topology;
	uint64_t memory_bytes;
	uint64_t boot_timeout_ns;	/* from VM start to the agent's hello, before scaling */
	bool templates;			/* the machine may be copied from a template */
	struct ktstr_plugin_use vmm;
	struct ktstr_plan_scheduler scheduler;
	bool cpu_controller;		/* cgroups have it without a setting that needs it */
	KTSTR_VEC(struct ktstr_plan_cgroup) cgroups;	/* these two for the whole scenario */
	KTSTR_VEC(struct ktstr_plan_payload) payloads;
	KTSTR_VEC(struct ktstr_plan_step) steps;
	KTSTR_VEC(struct ktstr_plugin_use) monitors;
	KTSTR_VEC(struct ktstr_plugin_use) snapshot;	/* that look once more, when a limit is violated */
	uint64_t monitor_period_ns;	/* from one sample to the next */
	struct ktstr_limits limits;	/* of what they see */
	struct ktstr_plan_repro repro;
	KTSTR_VEC(struct ktstr_plugin_use) probes;
	KTSTR_VEC(struct ktstr_plugin_use) sections;	/* in report order */
	struct ktstr_expect expect;	/* all layers, merged */

	struct ktstr_arena *arena;	/* owns everything above */
};

/* Reads and checks a pipeline file. Every problem is appended to `problems`, all in one go; returns
 * 0 when there is none, -EINVAL when there are some (plan untouched), another negative errno with
 * err when the file cannot be read at all. A plugin named by the path of its module is loaded into
 * the registry, which must outlive the plan. */
int ktstr_plan_load(const char *path, struct ktstr_registry *registry,
		    struct ktstr_problems *problems, struct ktstr_plan **ret_plan,
		    struct ktstr_err *err);
/* What a caller can ask for beside the file. */
struct ktstr_plan_options {
	/* A program, without arguments, or a description in place of what the file has under
	 * `scheduler`, which is checked all the same. NULL: the file's own. */
	const char *scheduler;
	const char *flags;		/* which flags are on: "a,b", "a+b" or "default"; NULL: the file's */
	bool descriptions;		/* the file may be a scheduler's description */
	ktstr_read_file_fn *read;	/* for all the files; NULL: from disk */
	void *ctx;			/* for it */
};

/* The same with options. -EINVAL without a problem when these are what is wrong. */
int ktstr_plan_load_for(const char *path, const struct ktstr_plan_options *options,
			struct ktstr_registry *registry, struct ktstr_problems *problems,
			struct ktstr_plan **ret_plan, struct ktstr_err *err);

/* The same for bytes that `path` is said to hold. */
int ktstr_plan_load_bytes(const char *path, const void *data, size_t len,
			  struct ktstr_registry *registry, struct ktstr_problems *problems,
			  struct ktstr_plan **ret_plan, struct ktstr_err *err);
void ktstr_plan_destroy(struct ktstr_plan *plan);

/* All sets of the scheduler's flags that can be on together and have those that the plan has on, in the
 * order of ktstr_flags_enumerate(): with one of their names as the option `flags` the file gives the plan
 * for it. -EINVAL when nothing describes its scheduler, -E2BIG, -ENOMEM. The caller frees *ret_sets. */
int ktstr_plan_flag_sets(const struct ktstr_plan *plan, uint32_t **ret_sets, size_t *ret_n,
			 struct ktstr_err *err);

/* True for a name that ends as those of pipelines and of schedulers' descriptions do: as a scheduler, any
 * other names a program. */
bool ktstr_is_yaml(const char *name);

/* The planned scenario time: the sum of the holds. */
uint64_t ktstr_plan_duration_ns(const struct ktstr_plan *plan);

/* The most that its operations may take on top of that, before scaling. */
uint64_t ktstr_plan_operations_ns(const struct ktstr_plan *plan);

/* True when the host reads or writes the guest's memory in the course of it. */
bool ktstr_plan_needs_ram(const struct ktstr_plan *plan);

/* "1n2l2c1t" into buf; and back: 0 or -EINVAL with what was expected. */
void ktstr_topology_format(const struct ktstr_topology *t, char *buf, size_t size);
int ktstr_topology_parse(const char *text, struct ktstr_topology *ret_topology,
			 struct ktstr_err *err);

#endif
