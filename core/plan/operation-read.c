/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of a step, read from a pipeline. */
#include "plan/operation.h"
#include "plan/place.h"
#include "plan/scheduler-read.h"

#define TIMEOUT_MIN_NS 100000000ll
#define TIMEOUT_MAX_NS (24ll * 3600 * 1000000000)

/* ---- what several of them take ---- */

static bool read_target(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_cgroup_name(r, node, &((struct ktstr_plan_op *)object)->cgroup.name);
}

static bool read_to(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_cgroup_name(r, node, &((struct ktstr_plan_op *)object)->to);
}

static bool read_op_affinity(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_affinity(r, node, &((struct ktstr_plan_op *)object)->affinity);
}

/* The settings and the workers are those of the operation's cgroup, which stands first in it. */
_Static_assert(offsetof(struct ktstr_plan_op, cgroup.settings) == 0,
	       "the readers of a cgroup's keys take a struct ktstr_plan_op too");

#define TARGET_KEY { .param = { .name = "cgroup", .help = "which one" },			\
	.read = read_target, .form = "a cgroup" }

/* ---- mappings ---- */

static const struct ktstr_key set_cpuset_keys[] = {
	TARGET_KEY,
	{ .param = { .name = "cpuset", .help = "the CPUs that its tasks may use" },
	  .read = ktstr_read_cgroup_cpus, .form = "CPUs such as 0-3,5, or a mapping" },
};

const struct ktstr_schema ktstr_schema_set_cpuset = {
	.name = "set-cpuset",
	.form = "a mapping of `cgroup` and `cpuset`",
	KTSTR_SCHEMA_KEYS(set_cpuset_keys),
};

static const struct ktstr_key set_keys[] = { TARGET_KEY, KTSTR_SETTING_KEYS };

const struct ktstr_schema ktstr_schema_set = {
	.name = "set",
	.form = "a mapping of `cgroup` and settings such as `cpu.weight`",
	KTSTR_SCHEMA_KEYS(set_keys),
};

static const struct ktstr_key spawn_keys[] = {
	{ .param = { .name = "cgroup", .optional = true, .help = "left out: no cgroup at all" },
	  .read = read_target, .form = "a cgroup" },
	{ .param = { .name = "workers", .help = "who is to work there" },
	  .read = ktstr_read_worker_list, .form = "list of workers" },
};

const struct ktstr_schema ktstr_schema_spawn = {
	.name = "spawn",
	.form = "a mapping of `cgroup` and `workers`",
	KTSTR_SCHEMA_KEYS(spawn_keys),
};

static const struct ktstr_key set_affinity_keys[] = {
	TARGET_KEY,
	{ .param = { .name = "affinity", .help = "the CPUs that its workers are bound to" },
	  .read = read_op_affinity, .form = "a word, CPUs such as 0-3,5, or a mapping" },
};

const struct ktstr_schema ktstr_schema_set_affinity = {
	.name = "set-affinity",
	.form = "a mapping of `cgroup` and `affinity`",
	KTSTR_SCHEMA_KEYS(set_affinity_keys),
};

static const struct ktstr_key move_all_keys[] = {
	{ .param = { .name = "from", .help = "the cgroup that is empty afterwards" },
	  .read = read_target, .form = "a cgroup" },
	{ .param = { .name = "to", .help = "the cgroup that has them" },
	  .read = read_to, .form = "a cgroup" },
};

const struct ktstr_schema ktstr_schema_move_all = {
	.name = "move-all",
	.form = "a mapping of `from` and `to`",
	KTSTR_SCHEMA_KEYS(move_all_keys),
};

static bool read_payload_name(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_op *op = object;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "a payload's name"))
		return false;
	op->payload.name = node->text;
	return true;
}

static const struct ktstr_key wait_keys[] = {
	{ .param = { .name = "payload", .help = "which one" },
	  .read = read_payload_name, .form = "a payload's name" },
	{ .param = { .name = "timeout", .type = KTSTR_PARAM_DURATION, .def = "1m",
		     .min = TIMEOUT_MIN_NS, .max = TIMEOUT_MAX_NS,
		     .help = "how long that may take; more in an emulated VM" },
	  .offset = offsetof(struct ktstr_plan_op, timeout_ns) },
};

const struct ktstr_schema ktstr_schema_wait = {
	.name = "wait",
	.form = "a payload's name, or a mapping of `payload` and `timeout`",
	.shorthand = "payload",
	KTSTR_SCHEMA_KEYS(wait_keys),
};

#define WRITE(member) offsetof(struct ktstr_plan_op, write.member)

static const struct ktstr_key write_map_keys[] = {
	{ .param = { .name = "map", .type = KTSTR_PARAM_STRING,
		     .help = "its name, or from a `.` on its end: .bss" },
	  .offset = WRITE(map) },
	{ .param = { .name = "field", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "a variable or member by its path, such as crash or fault.times[2]; left "
			     "out: the map's values are numbers themselves" },
	  .offset = WRITE(field) },
	{ .param = { .name = "value", .type = KTSTR_PARAM_INT, .help = "what is stored there" },
	  .offset = WRITE(value) },
	{ .param = { .name = "key", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "which entry, a number or text; left out: entry 0 of an array, the "
			     "first there is of a hash map" },
	  .offset = WRITE(key) },
	{ .param = { .name = "cpu", .type = KTSTR_PARAM_UINT, .optional = true, .max = 8191,
		     .help = "whose copy in a per-CPU map; left out: those of all CPUs" },
	  .offset = WRITE(cpu) },
};

const struct ktstr_schema ktstr_schema_write_map = {
	.name = "write-map",
	.form = "a mapping of `map`, `field` and `value`",
	KTSTR_SCHEMA_KEYS(write_map_keys),
};

/* ---- one function for each ---- */

static bool read_add_cgroup(struct ktstr_reader *r, const struct ktstr_node *node,
			    struct ktstr_plan_op *op)
{
	return ktstr_read_cgroup(r, node, &op->cgroup);
}

static bool read_remove_cgroup(struct ktstr_reader *r, const struct ktstr_node *node,
			       struct ktstr_plan_op *op)
{
	return read_target(r, node, op);
}

static bool read_set_cpuset(struct ktstr_reader *r, const struct ktstr_node *node,
			    struct ktstr_plan_op *op)
{
	return ktstr_schema_read(&ktstr_schema_set_cpuset, r, node, op, NULL);
}

static bool read_clear_cpuset(struct ktstr_reader *r, const struct ktstr_node *node,
			      struct ktstr_plan_op *op)
{
	return read_target(r, node, op);
}

static bool read_swap_cpusets(struct ktstr_reader *r, const struct ktstr_node *node,
			      struct ktstr_plan_op *op)
{
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SEQUENCE, "two cgroups in a list"))
		return false;
	if (node->n != 2)
		return ktstr_reader_problem(r, node, "expected two cgroups, but this list has %zu "
					    "item%s", node->n, node->n == 1 ? "" : "s");
	return read_target(r, node->entries[0].value, op) &
	       read_to(r, node->entries[1].value, op);
}

static bool read_set(struct ktstr_reader *r, const struct ktstr_node *node,
		     struct ktstr_plan_op *op)
{
	if (!ktstr_schema_read(&ktstr_schema_set, r, node, op, NULL))
		return false;
	return node->n > 1 || ktstr_reader_problem(r, node, "nothing is set here: expected a "
						   "setting such as `cpu.weight`");
}

static bool read_spawn(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_plan_op *op)
{
	op->cgroup.name = "";
	return ktstr_schema_read(&ktstr_schema_spawn, r, node, op, NULL);
}

static bool read_stop(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_op *op)
{
	return read_target(r, node, op);
}

static bool read_set_affinity(struct ktstr_reader *r, const struct ktstr_node *node,
			      struct ktstr_plan_op *op)
{
	return ktstr_schema_read(&ktstr_schema_set_affinity, r, node, op, NULL);
}

static bool read_move_all(struct ktstr_reader *r, const struct ktstr_node *node,
			  struct ktstr_plan_op *op)
{
	return ktstr_schema_read(&ktstr_schema_move_all, r, node, op, NULL);
}

static bool read_freeze(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_op *op)
{
	return read_target(r, node, op);
}

static bool read_thaw(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_op *op)
{
	return read_target(r, node, op);
}

static bool read_run(struct ktstr_reader *r, const struct ktstr_node *node,
		     struct ktstr_plan_op *op)
{
	return ktstr_read_payload(r, node, &op->payload);
}

static bool read_wait(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_op *op)
{
	return ktstr_schema_read(&ktstr_schema_wait, r, node, op, NULL);
}

static bool read_kill(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_op *op)
{
	return read_payload_name(r, node, op);
}

static bool read_scheduler(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_plan_op *op)
{
	static const char *const words[] = { "start", "stop", "restart", NULL };
	static const struct ktstr_param param = {
		.name = "scheduler", .type = KTSTR_PARAM_CHOICE, .choices = words,
	};
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	op->change = (enum ktstr_change)value.u64;
	return true;
}

static bool read_replace_scheduler(struct ktstr_reader *r, const struct ktstr_node *node,
				   struct ktstr_plan_op *op)
{
	op->change = KTSTR_CHANGE_REPLACE;
	return ktstr_read_scheduler(r, node, &op->scheduler, NULL) &&
	       ktstr_scheduler_add_flags(r, &op->scheduler);
}

static bool read_write_map(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_plan_op *op)
{
	op->write.cpu = KTSTR_PLAN_ALL_CPUS;
	return ktstr_schema_read(&ktstr_schema_write_map, r, node, op, NULL);
}

/* ---- the table ---- */

/* A key of a mapping: it says which operation it is, and reads its value. */
#define READER(symbol, function, op_name, in_words, text)					\
	static bool key_##function(struct ktstr_reader *r, const struct ktstr_node *node,	\
				   void *object)						\
	{											\
		struct ktstr_plan_op *op = object;						\
												\
		op->operation = KTSTR_OP_##symbol;						\
		return read_##function(r, node, op);						\
	}
KTSTR_OPERATIONS(READER)

#define KEY(symbol, function, op_name, in_words, text)						\
	{ .param = { .name = op_name, .optional = true, .help = text },				\
	  .read = key_##function, .form = in_words },
static const struct ktstr_key operation_keys[] = { KTSTR_OPERATIONS(KEY) };

const struct ktstr_schema ktstr_schema_operation = {
	.name = "operation",
	.form = "a mapping of one operation such as `freeze`",
	KTSTR_SCHEMA_KEYS(operation_keys),
};

bool ktstr_read_ops(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_step *step = object;
	bool ok;

	step->ops.items = ktstr_read_list(r, node, "a list of operations",
					  sizeof(*step->ops.items));
	ok = step->ops.items;
	for (size_t i = 0; step->ops.items && i < node->n; i++) {
		const struct ktstr_node *item = node->entries[i].value;
		struct ktstr_plan_op *op = &step->ops.items[step->ops.n++];

		op->at = item->at;
		ok &= ktstr_schema_read_one(&ktstr_schema_operation, r, item, op);
	}
	return ok;
}
