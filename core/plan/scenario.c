/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario: steps, their cgroups, the workers in them. */
#include "plan/read.h"

#define DURATION_MAX_NS (24ll * 3600 * 1000000000)
#define CGROUPS_MAX 1000	/* of a step */
#define NAME_MAX_LEN 128

/* ---- a cgroup ---- */

/* Files of the kernel have names like cgroup.procs: a cgroup that takes one would not be made. */
static bool is_kernel_name(const char *name)
{
	static const char *const prefixes[] = {
		"cgroup.", "cpu.", "cpuset.", "memory.", "pids.", "io.", "irq.", "misc.", "rdma.",
		"hugetlb.", "dmem.",
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Names with `/` between them: each a folder's, none a way out. */
static bool is_cgroup_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	for (;;) {
		size_t len = strspn(text, allowed);

		if (!len || *text == '.' || is_kernel_name(text))
			return false;
		if (!text[len])
			return true;
		if (text[len] != '/')
			return false;
		text += len + 1;
	}
}

bool ktstr_read_cgroup_name(struct ktstr_reader *r, const struct ktstr_node *node,
			    const char **ret)
{
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "a cgroup's name"))
		return false;
	if (!is_cgroup_name(node->text))
		return ktstr_reader_problem(r, node, "\"%.80s\" is no cgroup name: expected "
					    "letters, digits, `_`, `.` and `-`, and `/` between the "
					    "names of nested ones", node->text);
	if (strlen(node->text) > NAME_MAX_LEN)
		return ktstr_reader_problem(r, node, "a cgroup's name has at most %d characters",
					    NAME_MAX_LEN);
	*ret = node->text;
	return true;
}

static bool read_name(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_cgroup_name(r, node, &((struct ktstr_plan_cgroup *)object)->name);
}

static bool read_worker_list(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_cgroup *cgroup = object;
	bool ok;

	cgroup->workers.items = ktstr_read_list(r, node, "a list of workers",
						sizeof(*cgroup->workers.items));
	ok = cgroup->workers.items;
	for (size_t i = 0; cgroup->workers.items && i < node->n; i++)
		ok &= ktstr_read_workers(r, node->entries[i].value,
					 &cgroup->workers.items[cgroup->workers.n++]);
	return ok;
}

static const struct ktstr_key cgroup_keys[] = {
	{ .param = { .name = "name", .help = "what it is called in the guest, unique in its step" },
	  .read = read_name, .form = "letters, digits, `_`, `.` and `-`; `/` between nested ones" },
	KTSTR_SETTING_KEYS,
	{ .param = { .name = "workers", .optional = true, .help = "who works in it" },
	  .read = read_worker_list, .form = "list of workers" },
};

const struct ktstr_schema ktstr_schema_cgroup = {
	.name = "cgroup",
	.form = "a mapping of `name`, settings such as `cpuset`, and `workers`",
	KTSTR_SCHEMA_KEYS(cgroup_keys),
};

/* ---- a step ---- */

/* The nodes of both are needed to name the lines, so names are compared where they stand. */
static bool check_unique(struct ktstr_reader *r, const struct ktstr_node *list, size_t i)
{
	const struct ktstr_entry *name = ktstr_node_entry(list->entries[i].value, "name"), *other;

	if (!name || name->value->type != KTSTR_NODE_SCALAR)
		return true;
	for (size_t k = 0; k < i; k++) {
		other = ktstr_node_entry(list->entries[k].value, "name");
		if (other && other->value->type == KTSTR_NODE_SCALAR &&
		    !strcmp(other->value->text, name->value->text))
			return ktstr_reader_problem(r, name->value, "a second cgroup `%.80s` in "
						    "the same step; the first is in line %u",
						    name->value->text, other->value->line);
	}
	return true;
}

static bool read_cgroups(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_step *step = object;
	bool ok;

	if (node->type == KTSTR_NODE_SEQUENCE && node->n > CGROUPS_MAX)
		return ktstr_reader_problem(r, node, "%zu cgroups in a step; the most are %d",
					    node->n, CGROUPS_MAX);
	step->cgroups.items = ktstr_read_list(r, node, "a list of cgroups",
					      sizeof(*step->cgroups.items));
	ok = step->cgroups.items;
	for (size_t i = 0; step->cgroups.items && i < node->n; i++) {
		ok &= ktstr_schema_read(&ktstr_schema_cgroup, r, node->entries[i].value,
					&step->cgroups.items[step->cgroups.n++], NULL);
		ok &= check_unique(r, node, i);
	}
	return ok;
}

#define CGROUPS_KEY {										\
	.param = { .name = "cgroups", .optional = true, .help = "who works meanwhile" },	\
	.read = read_cgroups, .form = "list of cgroups",					\
}

static const struct ktstr_key step_keys[] = {
	{ .param = { .name = "name", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "for the report" },
	  .offset = offsetof(struct ktstr_plan_step, name) },
	{ .param = { .name = "hold", .type = KTSTR_PARAM_DURATION, .max = DURATION_MAX_NS,
		     .help = "how long the step lasts" },
	  .offset = offsetof(struct ktstr_plan_step, hold_ns) },
	CGROUPS_KEY,
};

const struct ktstr_schema ktstr_schema_step = {
	.name = "step",
	.form = "a mapping of `name`, `hold` and `cgroups`",
	KTSTR_SCHEMA_KEYS(step_keys),
};

/* ---- the scenario ---- */

/* The short form's keys are those of its only step, which comes first for that reason. */
struct draft {
	struct ktstr_plan_step only;
	struct ktstr_plan *plan;
};

static bool read_steps(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = ((struct draft *)object)->plan;
	bool ok;

	plan->steps.items = ktstr_read_list(r, node, "a list of steps", sizeof(*plan->steps.items));
	ok = plan->steps.items;
	if (ok && !node->n)
		ok = ktstr_reader_problem(r, node, "a scenario has at least one step");
	for (size_t i = 0; plan->steps.items && i < node->n; i++) {
		struct ktstr_plan_step *step = &plan->steps.items[plan->steps.n++];

		step->name = "";
		ok &= ktstr_schema_read(&ktstr_schema_step, r, node->entries[i].value, step, NULL);
	}
	return ok;
}

static const struct ktstr_key scenario_keys[] = {
	{ .param = { .name = "duration", .type = KTSTR_PARAM_DURATION, .max = DURATION_MAX_NS,
		     .help = "how long it lasts; or write `steps`" },
	  .offset = offsetof(struct draft, only.hold_ns), .unless = "steps" },
	CGROUPS_KEY,
	{ .param = { .name = "steps", .optional = true,
		     .help = "one after the other, instead of `duration` and `cgroups`" },
	  .read = read_steps, .form = "list of steps" },
};

const struct ktstr_schema ktstr_schema_scenario = {
	.name = "scenario",
	.form = "a mapping of `duration` and `cgroups`, or of `steps`",
	KTSTR_SCHEMA_KEYS(scenario_keys),
};

/* Either the one form or the other. */
static bool check_form(struct ktstr_reader *r, const struct ktstr_node *node)
{
	static const char *const short_keys[] = { "duration", "cgroups" };
	const struct ktstr_entry *steps = ktstr_node_entry(node, "steps");
	bool ok = true;

	for (size_t i = 0; steps && i < KTSTR_ARRAY_SIZE(short_keys); i++) {
		const struct ktstr_entry *entry = ktstr_node_entry(node, short_keys[i]);

		if (!entry)
			continue;
		ktstr_problem_add(r->problems, entry->line, entry->column, "`%s` beside `steps` "
				  "(line %u): a scenario has either steps, or a duration and "
				  "cgroups of its own", entry->key, steps->line);
		ok = false;
	}
	return ok;
}

bool ktstr_read_scenario(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;
	struct draft draft = { .only.name = "", .plan = plan };
	bool ok = ktstr_schema_read(&ktstr_schema_scenario, r, node, &draft, NULL);

	ok &= check_form(r, node);
	if (!ok || plan->steps.n)
		return ok;
	plan->steps.items = ktstr_reader_alloc(r, 1, sizeof(*plan->steps.items));
	if (!plan->steps.items)
		return false;
	plan->steps.items[plan->steps.n++] = draft.only;
	return true;
}
