/* SPDX-License-Identifier: GPL-2.0-only */
/* Scheduling and memory policies of a pipeline file. */
#include "plan/place.h"

#define RUNTIME_MIN_NS 1024			/* sched(7): the kernel refuses less, DL_SCALE */
#define PERIOD_MAX_NS (1ll << 42)		/* an hour and more */

/* ---- scheduling ---- */

static const char *const class_words[] = {
	"inherit", "normal", "batch", "idle", "fifo", "rr", "deadline", "ext", NULL,
};

static bool read_class(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "policy", .type = KTSTR_PARAM_CHOICE, .choices = class_words,
	};
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	((struct ktstr_sched_policy *)object)->class = (enum ktstr_sched_class)value.u64;
	return true;
}

#define TIME_KEY(key, member, text) {								\
	.param = { .name = key, .type = KTSTR_PARAM_DURATION, .optional = true,			\
		   .min = RUNTIME_MIN_NS, .max = PERIOD_MAX_NS, .help = text },			\
	.offset = offsetof(struct ktstr_sched_policy, member),					\
}

static const struct ktstr_key sched_keys[] = {
	{ .param = { .name = "policy", .help = "how the kernel is to schedule them" },
	  .read = read_class,
	  .form = "one of inherit, normal, batch, idle, fifo, rr, deadline, ext" },
	{ .param = { .name = "priority", .type = KTSTR_PARAM_UINT, .optional = true, .min = 1,
		     .max = KTSTR_RT_PRIORITY_MAX,
		     .help = "fifo and rr need one; 98 and 99 are ktstr's own" },
	  .offset = offsetof(struct ktstr_sched_policy, priority) },
	TIME_KEY("runtime", runtime_ns, "deadline needs it: CPU time in each period"),
	TIME_KEY("deadline", deadline_ns,
		 "deadline: when that has to be done; left out: the period"),
	TIME_KEY("period", period_ns, "deadline needs it"),
};

const struct ktstr_schema ktstr_schema_sched = {
	.name = "sched",
	.form = "a policy such as batch, or a mapping of `policy`, `priority`, `runtime`, "
		"`deadline` and `period`",
	.shorthand = "policy",
	KTSTR_SCHEMA_KEYS(sched_keys),
};

static bool is_rt(enum ktstr_sched_class class)
{
	return class == KTSTR_SCHED_FIFO || class == KTSTR_SCHED_RR;
}

/* What belongs to another policy than the one that is named. */
static bool check_foreign(struct ktstr_reader *r, const struct ktstr_node *node,
			  const struct ktstr_sched_policy *sched)
{
	static const char *const times[] = { "runtime", "deadline", "period" };
	const char *name = ktstr_sched_class_name(sched->class);
	const struct ktstr_entry *entry = ktstr_node_entry(node, "priority");
	bool ok = true;

	if (entry && !is_rt(sched->class))
		ok = ktstr_reader_problem(r, entry->value, "`priority` is for fifo and rr, not for "
					  "%s", name);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(times); i++) {
		entry = ktstr_node_entry(node, times[i]);
		if (entry && sched->class != KTSTR_SCHED_DEADLINE)
			ok = ktstr_reader_problem(r, entry->value, "`%s` is for deadline, not for "
						  "%s", times[i], name);
	}
	return ok;
}

static bool check_deadline(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_sched_policy *sched)
{
	if (!sched->runtime_ns || !sched->period_ns)
		return ktstr_reader_problem(r, node, "deadline needs `runtime` and `period`, such "
					    "as {policy: deadline, runtime: 2ms, period: 10ms}");
	if (!sched->deadline_ns)
		sched->deadline_ns = sched->period_ns;
	if (sched->runtime_ns > sched->deadline_ns || sched->deadline_ns > sched->period_ns)
		return ktstr_reader_problem(r, node, "the kernel wants `runtime` <= `deadline` <= "
					    "`period`");
	return true;
}

bool ktstr_read_sched(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_sched_policy *ret)
{
	struct ktstr_sched_policy sched = { 0 };

	if (!ktstr_schema_read(&ktstr_schema_sched, r, node, &sched, NULL) ||
	    !check_foreign(r, node, &sched))
		return false;
	if (is_rt(sched.class) && !sched.priority)
		return ktstr_reader_problem(r, node, "%s needs a `priority` from 1 to %d, such as "
					    "{policy: %s, priority: 10}",
					    ktstr_sched_class_name(sched.class),
					    KTSTR_RT_PRIORITY_MAX,
					    ktstr_sched_class_name(sched.class));
	if (sched.class == KTSTR_SCHED_DEADLINE && !check_deadline(r, node, &sched))
		return false;
	*ret = sched;
	return true;
}

/* ---- memory ---- */

static const char *const mode_words[] = {
	"inherit", "default", "local", "bind", "preferred", "preferred-many", "interleave",
	"weighted-interleave", NULL,
};
static const char *const flag_words[] = {
	"static-nodes", "relative-nodes", "numa-balancing", NULL,
};

static bool read_mode(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "mode", .type = KTSTR_PARAM_CHOICE, .choices = mode_words,
	};
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	((struct ktstr_mem_policy *)object)->mode = (enum ktstr_mem_mode)value.u64;
	return true;
}

static bool read_mem_nodes(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_nodes(r, node, &((struct ktstr_mem_policy *)object)->nodes);
}

static bool read_flags(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "flags", .type = KTSTR_PARAM_CHOICE, .choices = flag_words,
	};
	struct ktstr_mem_policy *memory = object;
	bool ok = ktstr_reader_expect(r, node, KTSTR_NODE_SEQUENCE, "a list of flags");

	for (size_t i = 0; ok && i < node->n; i++) {
		struct ktstr_value value;

		ok = ktstr_reader_value(r, &param, node->entries[i].value, &value);
		if (ok)
			memory->flags |= 1u << value.u64;
	}
	return ok;
}

static const struct ktstr_key mempolicy_keys[] = {
	{ .param = { .name = "mode", .help = "as set_mempolicy(2) has them" },
	  .read = read_mode,
	  .form = "one of inherit, default, local, bind, preferred, preferred-many, interleave, "
		  "weighted-interleave" },
	{ .param = { .name = "nodes", .optional = true,
		     .help = "all modes but inherit, default and local need them" },
	  .read = read_mem_nodes, .form = "NUMA nodes such as 0-1" },
	{ .param = { .name = "flags", .optional = true, .help = "how the kernel is to take them" },
	  .read = read_flags, .form = "list of static-nodes, relative-nodes, numa-balancing" },
};

const struct ktstr_schema ktstr_schema_mempolicy = {
	.name = "mempolicy",
	.form = "a mode such as local, or a mapping of `mode`, `nodes` and `flags`",
	.shorthand = "mode",
	KTSTR_SCHEMA_KEYS(mempolicy_keys),
};

/* mm/mempolicy.c, mpol_new() and sanitize_mpol_flags(). */
static bool check_memory(struct ktstr_reader *r, const struct ktstr_node *node,
			 const struct ktstr_mem_policy *memory)
{
	const char *name = ktstr_mem_mode_name(memory->mode);
	unsigned both = KTSTR_MEM_STATIC_NODES | KTSTR_MEM_RELATIVE_NODES;

	if (memory->mode >= KTSTR_MEM_BIND && !memory->nodes)
		return ktstr_reader_problem(r, node, "%s needs `nodes`", name);
	if (memory->mode < KTSTR_MEM_BIND && (memory->nodes || memory->flags))
		return ktstr_reader_problem(r, node, "%s takes neither `nodes` nor `flags`", name);
	if (memory->mode == KTSTR_MEM_PREFERRED && strpbrk(memory->nodes, ",-"))
		return ktstr_reader_problem(r, node, "preferred takes one node; preferred-many "
					    "takes several");
	if ((memory->flags & both) == both)
		return ktstr_reader_problem(r, node, "nodes are static or relative, not both");
	if (memory->flags & KTSTR_MEM_NUMA_BALANCING && memory->mode != KTSTR_MEM_BIND &&
	    memory->mode != KTSTR_MEM_PREFERRED_MANY)
		return ktstr_reader_problem(r, node, "numa-balancing is for bind and "
					    "preferred-many, not for %s", name);
	return true;
}

bool ktstr_read_mempolicy(struct ktstr_reader *r, const struct ktstr_node *node,
			  struct ktstr_mem_policy *ret)
{
	struct ktstr_mem_policy memory = { 0 };

	if (!ktstr_schema_read(&ktstr_schema_mempolicy, r, node, &memory, NULL) ||
	    !check_memory(r, node, &memory))
		return false;
	*ret = memory;
	return true;
}

/* ---- together ---- */

bool ktstr_check_placement(struct ktstr_reader *r, const struct ktstr_node *node,
			   const struct ktstr_placement *placement)
{
	const char *name = ktstr_sched_class_name(placement->sched.class);
	const struct ktstr_entry *nice = ktstr_node_entry(node, "nice");
	const struct ktstr_entry *affinity = ktstr_node_entry(node, "affinity");
	bool ok = true;

	if (nice && (is_rt(placement->sched.class) ||
		     placement->sched.class == KTSTR_SCHED_DEADLINE))
		ok = ktstr_reader_problem(r, nice->value, "`nice` means nothing to %s", name);
	/* __sched_setscheduler(): a deadline task may run on its whole root domain, or not. */
	if (affinity && placement->affinity.kind != KTSTR_AFFINITY_INHERIT &&
	    placement->sched.class == KTSTR_SCHED_DEADLINE)
		ok = ktstr_reader_problem(r, affinity->value, "the kernel binds no deadline task "
					  "to CPUs: leave `affinity` out");
	return ok;
}
