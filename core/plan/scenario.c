/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario: steps, their cgroups, the workers in them. */
#include "plan/lifetime.h"
#include "plan/place.h"
#include "plan/read.h"
#include "plan/rt-app.h"

#define DURATION_MAX_NS (24ll * 3600 * 1000000000)
#define EVERY_MIN_NS 1000000ll
#define CGROUPS_MAX 1000	/* of a step */
#define WORKERS_MAX 4096
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

/* What one item of the list stands for: an rt-app file has several tasks. */
struct items {
	struct ktstr_plan_workers *workers;
	size_t n;
};

static bool read_item(struct ktstr_reader *r, const struct ktstr_node *node, struct items *ret)
{
	if (ktstr_is_rt_app(node))
		return ktstr_read_rt_app(r, node, &ret->workers, &ret->n);
	ret->workers = ktstr_reader_alloc(r, 1, sizeof(*ret->workers));
	ret->n = ret->workers != NULL;
	return ret->n && ktstr_read_workers(r, node, ret->workers);
}

bool ktstr_read_worker_list(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct items *items = ktstr_read_list(r, node, "a list of workers", sizeof(*items));
	struct ktstr_plan_cgroup *cgroup = object;
	bool ok = items;
	size_t n = 0;

	for (size_t i = 0; items && i < node->n; i++) {
		ok &= read_item(r, node->entries[i].value, &items[i]);
		n += items[i].n;
	}
	cgroup->workers.items = ktstr_reader_alloc(r, n, sizeof(*cgroup->workers.items));
	for (size_t i = 0; items && cgroup->workers.items && i < node->n; i++)
		for (size_t k = 0; k < items[i].n; k++)
			cgroup->workers.items[cgroup->workers.n++] = items[i].workers[k];
	return ok && cgroup->workers.items;
}

static const struct ktstr_key cgroup_keys[] = {
	{ .param = { .name = "name", .help = "what it is called in the guest, unique in its step" },
	  .read = read_name, .form = "letters, digits, `_`, `.` and `-`; `/` between nested ones" },
	KTSTR_SETTING_KEYS,
	{ .param = { .name = "workers", .optional = true, .help = "who works in it" },
	  .read = ktstr_read_worker_list, .form = "list of workers" },
};

const struct ktstr_schema ktstr_schema_cgroup = {
	.name = "cgroup",
	.form = "a mapping of `name`, settings such as `cpuset`, and `workers`",
	KTSTR_SCHEMA_KEYS(cgroup_keys),
};

/* A worker that binds itself to exact CPUs needs one of them in its cgroup. */
static bool check_bound(struct ktstr_reader *r, const struct ktstr_plan_cgroup *cgroup)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask pool, mask;
	struct ktstr_cpu_map map;
	bool ok = true;

	if (!cgroup->settings.has_cpus || !ktstr_reader_map(r, &map))
		return !r->nomem;
	ktstr_cpu_spec_resolve(&cgroup->settings.cpus, &map, &pool, NULL);	/* it was checked */
	for (size_t i = 0; i < cgroup->workers.n; i++) {
		const struct ktstr_plan_workers *workers = &cgroup->workers.items[i];
		const struct ktstr_affinity *affinity = &workers->placement.affinity;

		if (affinity->kind != KTSTR_AFFINITY_EXACT ||
		    !ktstr_affinity_resolve(affinity, &map, &pool, 0, &mask, &err))
			continue;
		ktstr_problem_add(r->problems, &workers->workload.at,
				  "%s", err.msg);
		ok = false;
	}
	ktstr_cpu_map_deinit(&map);
	return ok;
}

bool ktstr_read_cgroup(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_plan_cgroup *cgroup)
{
	cgroup->at = node->at;
	return ktstr_schema_read(&ktstr_schema_cgroup, r, node, cgroup, NULL) &&
	       check_bound(r, cgroup);
}

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
						    name->value->text, other->value->at.line);
	}
	return true;
}

/* Into the vector of a step, or of the plan. */
static bool read_cgroup_list(struct ktstr_reader *r, const struct ktstr_node *node,
			     struct ktstr_plan_cgroup **ret_items, size_t *ret_n)
{
	struct ktstr_plan_cgroup *items;
	bool ok;

	if (node->type == KTSTR_NODE_SEQUENCE && node->n > CGROUPS_MAX)
		return ktstr_reader_problem(r, node, "%zu cgroups in a step; the most are %d",
					    node->n, CGROUPS_MAX);
	items = ktstr_read_list(r, node, "a list of cgroups", sizeof(*items));
	ok = items;
	for (size_t i = 0; items && i < node->n; i++) {
		ok &= ktstr_read_cgroup(r, node->entries[i].value, &items[i]);
		ok &= check_unique(r, node, i);
	}
	*ret_items = items;
	*ret_n = items ? node->n : 0;
	return ok;
}

static bool read_step_cgroups(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_step *step = object;

	return read_cgroup_list(r, node, &step->cgroups.items, &step->cgroups.n);
}

static bool read_step_payloads(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_step *step = object;

	return ktstr_read_payloads(r, node, &step->payloads.items, &step->payloads.n);
}

static const struct ktstr_param hold_param = {
	.name = "hold", .type = KTSTR_PARAM_DURATION, .max = DURATION_MAX_NS,
};

/* A part of the scenario's duration, which may not have been read yet. */
static bool read_hold_percent(struct ktstr_reader *r, const struct ktstr_node *node,
			      struct ktstr_plan_step *step)
{
	char *end;

	step->hold_percent = strtod(node->text, &end);
	if (*node->text < '0' || *node->text > '9' || strcmp(end, "%") ||
	    !(step->hold_percent > 0 && step->hold_percent <= 100))
		return ktstr_reader_problem(r, node, "expected a part of the scenario's `duration` "
					    "such as 50%%, not \"%.80s\"", node->text);
	return true;
}

static bool read_hold(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_step *step = object;
	struct ktstr_value value;

	if (node->type == KTSTR_NODE_SCALAR && strchr(node->text, '%'))
		return read_hold_percent(r, node, step);
	if (!ktstr_reader_value(r, &hold_param, node, &value))
		return false;
	step->hold_ns = value.u64;
	return true;
}

static const struct ktstr_key step_keys[] = {
	{ .param = { .name = "name", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "for the report" },
	  .offset = offsetof(struct ktstr_plan_step, name) },
	{ .param = { .name = "hold",
		     .help = "how long the step lasts, once its operations are done" },
	  .read = read_hold, .form = "duration 0s..24h, or a part of the scenario's: 50%" },
	{ .param = { .name = "every", .type = KTSTR_PARAM_DURATION, .optional = true,
		     .min = EVERY_MIN_NS, .max = DURATION_MAX_NS,
		     .help = "repeats the operations at this interval until the hold is over" },
	  .offset = offsetof(struct ktstr_plan_step, every_ns) },
	{ .param = { .name = "cgroups", .optional = true, .help = "who works meanwhile" },
	  .read = read_step_cgroups, .form = "list of cgroups" },
	{ .param = { .name = "payloads", .optional = true,
		     .help = "programs that run meanwhile; what still runs at its end is ended" },
	  .read = read_step_payloads, .form = "list of payloads" },
	{ .param = { .name = "ops", .optional = true,
		     .help = "what is done once they work, in this order" },
	  .read = ktstr_read_ops, .form = "list of operations" },
};

const struct ktstr_schema ktstr_schema_step = {
	.name = "step",
	.form = "a mapping of `name`, `hold`, `every`, `cgroups`, `payloads` and `ops`",
	KTSTR_SCHEMA_KEYS(step_keys),
};

/* What a guest takes at once (KTSTR_GUEST_WORKERS_MAX there). */
static bool check_workers(struct ktstr_reader *r, const struct ktstr_node *node,
			  const struct ktstr_plan_cgroup *cgroups, size_t n)
{
	uint64_t workers = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < cgroups[i].workers.n; w++)
			workers += cgroups[i].workers.items[w].count;
	return workers <= WORKERS_MAX ||
	       ktstr_reader_problem(r, node, "%llu workers in a step; the most are %d",
				    (unsigned long long)workers, WORKERS_MAX);
}

static bool read_step(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_step *step)
{
	step->name = "";
	if (!ktstr_schema_read(&ktstr_schema_step, r, node, step, NULL) ||
	    !check_workers(r, node, step->cgroups.items, step->cgroups.n))
		return false;
	return !step->every_ns || step->ops.n ||
	       ktstr_reader_problem(r, ktstr_node_entry(node, "every")->value, "`every` without "
				    "`ops`: there is nothing to repeat");
}

/* ---- the scenario ---- */

struct draft {
	uint64_t duration_ns;
	bool cpu_controller;
	struct ktstr_plan *plan;
};

static bool read_plan_cgroups(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = ((struct draft *)object)->plan;

	return read_cgroup_list(r, node, &plan->cgroups.items, &plan->cgroups.n);
}

static bool read_plan_payloads(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = ((struct draft *)object)->plan;

	return ktstr_read_payloads(r, node, &plan->payloads.items, &plan->payloads.n);
}

static bool read_steps(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = ((struct draft *)object)->plan;
	bool ok;

	plan->steps.items = ktstr_read_list(r, node, "a list of steps", sizeof(*plan->steps.items));
	ok = plan->steps.items;
	if (ok && !node->n)
		ok = ktstr_reader_problem(r, node, "a scenario has at least one step");
	for (size_t i = 0; plan->steps.items && i < node->n; i++)
		ok &= read_step(r, node->entries[i].value, &plan->steps.items[plan->steps.n++]);
	return ok;
}

static const struct ktstr_key scenario_keys[] = {
	{ .param = { .name = "duration", .type = KTSTR_PARAM_DURATION, .max = DURATION_MAX_NS,
		     .help = "how long it lasts; with `steps`, what holds in per cent are parts "
			     "of" },
	  .offset = offsetof(struct draft, duration_ns), .unless = "steps" },
	{ .param = { .name = "cgroups", .optional = true,
		     .help = "who works meanwhile, through all of its steps" },
	  .read = read_plan_cgroups, .form = "list of cgroups" },
	{ .param = { .name = "payloads", .optional = true,
		     .help = "programs that run through all of its steps" },
	  .read = read_plan_payloads, .form = "list of payloads" },
	{ .param = { .name = "steps", .optional = true,
		     .help = "one after the other; left out: one that lasts `duration`" },
	  .read = read_steps, .form = "list of steps" },
	{ .param = { .name = "cpu-controller", .type = KTSTR_PARAM_BOOL, .def = "true",
		     .help = "whether all cgroups have the cpu controller, or only where `cpu.weight` or "
			     "`cpu.max` needs it" },
	  .offset = offsetof(struct draft, cpu_controller) },
};

const struct ktstr_schema ktstr_schema_scenario = {
	.name = "scenario",
	.form = "a mapping of `duration` and `cgroups`, or of `steps`",
	KTSTR_SCHEMA_KEYS(scenario_keys),
};

/* Turns holds in per cent into time. */
static bool resolve_holds(struct ktstr_reader *r, const struct ktstr_node *node,
			  const struct draft *draft)
{
	const struct ktstr_entry *duration = ktstr_node_entry(node, "duration");
	const struct ktstr_entry *steps = ktstr_node_entry(node, "steps");
	bool used = false, ok = true;

	for (size_t i = 0; i < draft->plan->steps.n; i++) {
		struct ktstr_plan_step *step = &draft->plan->steps.items[i];
		const struct ktstr_entry *hold =
			ktstr_node_entry(steps->value->entries[i].value, "hold");

		if (step->hold_percent <= 0)
			continue;
		used = true;
		if (!duration)
			ok = ktstr_reader_problem(r, hold->value, "a hold in per cent needs the "
						  "scenario's `duration`");
		step->hold_ns = (uint64_t)((double)draft->duration_ns * step->hold_percent / 100);
	}
	if (steps && duration && !used)
		ok = ktstr_reader_problem(r, duration->value, "`duration` beside `steps` is what "
					  "holds in per cent are parts of, and there is none: the "
					  "steps' holds say how long it lasts");
	return ok;
}

/* Without steps there is one, which has the cgroups. */
static bool make_only_step(struct ktstr_reader *r, const struct draft *draft)
{
	struct ktstr_plan *plan = draft->plan;
	struct ktstr_plan_step *step = ktstr_reader_alloc(r, 1, sizeof(*step));

	if (!step)
		return false;
	step->name = "";
	step->hold_ns = draft->duration_ns;
	step->cgroups.items = plan->cgroups.items;
	step->cgroups.n = plan->cgroups.n;
	step->payloads.items = plan->payloads.items;
	step->payloads.n = plan->payloads.n;
	plan->cgroups.items = NULL;
	plan->cgroups.n = 0;
	plan->payloads.items = NULL;
	plan->payloads.n = 0;
	plan->steps.items = step;
	plan->steps.n = 1;
	return true;
}

bool ktstr_read_scenario(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;
	struct draft draft = { .plan = plan };

	if (!ktstr_schema_read(&ktstr_schema_scenario, r, node, &draft, NULL) ||
	    !resolve_holds(r, node, &draft) ||
	    !check_workers(r, node, plan->cgroups.items, plan->cgroups.n))
		return false;
	plan->cpu_controller = draft.cpu_controller;
	if (!plan->steps.n && !make_only_step(r, &draft))
		return false;
	return ktstr_check_lifetimes(r, plan);
}
