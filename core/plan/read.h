/* SPDX-License-Identifier: GPL-2.0-only */
/* The readers of the parts of a pipeline file, and their schemas. */
#ifndef KTSTR_PLAN_READ_H
#define KTSTR_PLAN_READ_H

#include "plan/schema.h"

extern const struct ktstr_schema ktstr_schema_use;		/* use.c */
extern const struct ktstr_schema ktstr_schema_worker;		/* use.c */
extern const struct ktstr_schema ktstr_schema_topology;		/* topology.c */
extern const struct ktstr_schema ktstr_schema_scheduler;	/* scheduler-read.c */
extern const struct ktstr_schema ktstr_schema_description;
extern const struct ktstr_schema ktstr_schema_flag;		/* flag-read.c */
extern const struct ktstr_schema ktstr_schema_scenario;		/* scenario.c */
extern const struct ktstr_schema ktstr_schema_step;
extern const struct ktstr_schema ktstr_schema_cgroup;
extern const struct ktstr_schema ktstr_schema_expect;		/* expect.c */
extern const struct ktstr_schema ktstr_schema_fails;
extern const struct ktstr_schema ktstr_schema_limits;		/* limits.c */
extern const struct ktstr_schema ktstr_schema_operation;	/* operation-read.c */
extern const struct ktstr_schema ktstr_schema_set_cpuset;
extern const struct ktstr_schema ktstr_schema_set;
extern const struct ktstr_schema ktstr_schema_spawn;
extern const struct ktstr_schema ktstr_schema_set_affinity;
extern const struct ktstr_schema ktstr_schema_move_all;
extern const struct ktstr_schema ktstr_schema_write_map;
extern const struct ktstr_schema ktstr_schema_wait;
extern const struct ktstr_schema ktstr_schema_payload;		/* payload-read.c */
extern const struct ktstr_schema ktstr_schema_metrics;
extern const struct ktstr_schema ktstr_schema_auto_repro;	/* repro-read.c */

/* `object` is a zeroed struct ktstr_expect: one layer. */
ktstr_key_fn ktstr_read_expect;

/* `object` is a struct ktstr_plan, whose limits it fills. */
ktstr_key_fn ktstr_read_limits;

/* What can be set in a cgroup. `object` of their readers begins with a struct ktstr_settings. */
#define KTSTR_SETTING_KEY(key, reader, in_words, text)						\
	{ .param = { .name = key, .optional = true, .help = text }, .read = reader,		\
	  .form = in_words }
#define KTSTR_SETTING_KEYS									\
	KTSTR_SETTING_KEY("cpuset", ktstr_read_cgroup_cpus,					\
			  "CPUs such as 0-3,5, or a mapping", "the CPUs that its tasks may use"), \
	KTSTR_SETTING_KEY("cpuset.mems", ktstr_read_cgroup_mems, "NUMA nodes such as 0-1",	\
			  "where their memory may be"),						\
	KTSTR_SETTING_KEY("cpu.weight", ktstr_read_cgroup_weight, "unsigned integer 1..10000",	\
			  "its share against its siblings; the kernel's default is 100"),	\
	KTSTR_SETTING_KEY("cpu.max", ktstr_read_cgroup_cpu_max,					\
			  "max, 150% of a CPU, or a quota and a period: 20ms/100ms",		\
			  "the most CPU time that it may use"),					\
	KTSTR_SETTING_KEY("memory.max", ktstr_read_cgroup_memory, "size 64K..1T, or max",	\
			  "the most memory"),							\
	KTSTR_SETTING_KEY("pids.max", ktstr_read_cgroup_pids,					\
			  "unsigned integer 1..4194304, or max", "the most tasks")
ktstr_key_fn ktstr_read_cgroup_cpus, ktstr_read_cgroup_mems, ktstr_read_cgroup_weight,
	ktstr_read_cgroup_cpu_max, ktstr_read_cgroup_memory, ktstr_read_cgroup_pids;	/* settings.c */

/* `object` is a struct ktstr_topology. */
ktstr_key_fn ktstr_read_topology;

/* `object` is a struct ktstr_plan, whose sysctls it fills. (sysctl.c) */
ktstr_key_fn ktstr_read_sysctls;

/* `object` is a struct ktstr_plan, whose steps it fills. */
ktstr_key_fn ktstr_read_scenario;

/* The same, whose repro it fills. */
ktstr_key_fn ktstr_read_auto_repro;

/* One plugin of that kind: its name, or a mapping of `plugin` and its parameters. */
bool ktstr_read_use(struct ktstr_reader *r, const struct ktstr_node *node, enum ktstr_kind kind,
		    struct ktstr_plugin_use *ret_use);

/* A workload's name, or a mapping of `workload`, `count` and its parameters. */
bool ktstr_read_workers(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_workers *ret_workers);

/* A cgroup's name, a/b for one inside another. */
bool ktstr_read_cgroup_name(struct ktstr_reader *r, const struct ktstr_node *node,
			    const char **ret);

/* A cgroup with all that is in it. */
bool ktstr_read_cgroup(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_plan_cgroup *cgroup);

/* `object` is a struct ktstr_plan_cgroup, or what begins with one. */
ktstr_key_fn ktstr_read_worker_list;

/* `object` is a struct ktstr_plan_step. */
ktstr_key_fn ktstr_read_ops;

/* A scheduler's path, that of its description, or a mapping of `binary` and more. Its flags are set, their
 * arguments are not among its own yet. *ret_description (NULL: not wanted) is untouched without a
 * description. (scheduler-read.c) */
bool ktstr_read_scheduler(struct ktstr_reader *r, const struct ktstr_node *node,
			  struct ktstr_plan_scheduler *scheduler,
			  struct ktstr_plan **ret_description);

/* The tree of a pipeline, without what it includes and with `expect` as a layer. (plan.c) */
bool ktstr_read_pipeline(struct ktstr_reader *r, const struct ktstr_node *root,
			 struct ktstr_plan *plan);

/* What a pipeline and a scheduler's description have in common: `object` is a struct ktstr_plan. (plan.c) */
ktstr_key_fn ktstr_read_include, ktstr_read_kernel_args, ktstr_read_plan_expect;

/* One payload, and a list of them. */
bool ktstr_read_payload(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_payload *payload);
bool ktstr_read_payloads(struct ktstr_reader *r, const struct ktstr_node *node,
			 struct ktstr_plan_payload **ret_items, size_t *ret_n);

/* An array of the arena with one element per item of a list; NULL when there is no room or no
 * list, which is a problem then: "expected <form>". */
void *ktstr_read_list(struct ktstr_reader *r, const struct ktstr_node *node, const char *form,
		      size_t size);

/* A list of scalars of any type, kept as written. `words`: each is to be one line, not empty. */
bool ktstr_read_strings(struct ktstr_reader *r, const struct ktstr_node *node, bool words,
			const char *form, const char ***ret_items, size_t *ret_n);

#endif
