/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedulers: as a pipeline names one, and the files that describe one. What a description says of the
 * machine and of the checks is read into a plan of its own, which then is laid below that of the test.
 */
#include "plan/scheduler-read.h"

#include "base/text.h"

#define ATTACH_MIN_NS 100000000ll
#define ATTACH_MAX_NS (3600ll * 1000000000)
#define ATTACH_HELP "how long it may take to become the kernel's scheduler; more in an emulated VM"

/* As a pipeline has it. */
struct draft {
	struct ktstr_plan_scheduler own;	/* first: the keys' offsets */
	struct ktstr_plan *description;
	KTSTR_VEC(const char *) flags;
};

bool ktstr_is_yaml(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot > name && dot[-1] != '/' && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

static bool read_args(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_scheduler *scheduler = object;

	return ktstr_read_strings(r, node, false, "a list of arguments", &scheduler->args.items,
				  &scheduler->args.n);
}

/* The binary's last component, for messages. */
static bool name_scheduler(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_plan_scheduler *scheduler)
{
	const char *slash = strrchr(scheduler->binary, '/');

	scheduler->name = slash ? slash + 1 : scheduler->binary;
	if (!*scheduler->name)
		return ktstr_reader_problem(r, node, "\"%.80s\" is a folder; expected the "
					    "scheduler's program", scheduler->binary);
	if (ktstr_is_yaml(scheduler->name))
		return ktstr_reader_problem(r, node, "\"%.80s\" is no program; a scheduler's "
					    "description is named under `file`", scheduler->binary);
	return true;
}

/* ---- a description ---- */

static bool read_description_args(struct ktstr_reader *r, const struct ktstr_node *node,
				  void *object)
{
	return read_args(r, node, &((struct ktstr_plan *)object)->scheduler);
}

static bool read_flags(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_flag_rules(r, node, &((struct ktstr_plan *)object)->scheduler);
}

static const struct ktstr_key description_keys[] = {
	{ .param = { .name = KTSTR_INCLUDE_KEY, .optional = true,
		     .help = "files whose keys are here too, unless they are written here" },
	  .read = ktstr_read_include, .form = "a file's path, or a list of them" },
	{ .param = { .name = "description", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "what it is, in one line" },
	  .offset = offsetof(struct ktstr_plan, description) },
	{ .param = { .name = "binary", .type = KTSTR_PARAM_STRING,
		     .help = "the scheduler's program" },
	  .offset = offsetof(struct ktstr_plan, scheduler.binary), .path = KTSTR_PATH_OR_NAME },
	{ .param = { .name = "args", .optional = true,
		     .help = "its arguments; those of a test follow" },
	  .read = read_description_args, .form = "list of text" },
	{ .param = { .name = "attach-timeout", .type = KTSTR_PARAM_DURATION, .def = "5s",
		     .min = ATTACH_MIN_NS, .max = ATTACH_MAX_NS, .help = ATTACH_HELP },
	  .offset = offsetof(struct ktstr_plan, scheduler.attach_timeout_ns) },
	{ .param = { .name = "kernel-args", .optional = true,
		     .help = "added to the kernel's command line in all of its tests" },
	  .read = ktstr_read_kernel_args, .form = "list of text" },
	{ .param = { .name = "sysctls", .optional = true,
		     .help = "what the kernel is set to in all of its tests; a test's own win" },
	  .read = ktstr_read_sysctls, .form = "a mapping such as kernel.sched_schedstats: 0" },
	{ .param = { .name = "expect", .optional = true,
		     .help = "what all of its tests are judged by; a test's own limits win" },
	  .read = ktstr_read_plan_expect, .form = "a mapping" },
	{ .param = { .name = "flags", .optional = true,
		     .help = "what can be switched on in a test, by name" },
	  .read = read_flags, .form = "a mapping of names and flags" },
};

const struct ktstr_schema ktstr_schema_description = {
	.name = "scheduler's description",
	.form = "a mapping: `binary:` and more",
	KTSTR_SCHEMA_KEYS(description_keys),
};

bool ktstr_read_description(struct ktstr_reader *r, const struct ktstr_node *root,
			    struct ktstr_plan *plan)
{
	const struct ktstr_entry *binary = ktstr_node_entry(root, "binary");

	return ktstr_schema_read(&ktstr_schema_description, r, root, plan, NULL) &&
	       name_scheduler(r, binary->value, &plan->scheduler);
}

/* ---- in a pipeline ---- */

/* From a file that has a place of its own among those that the pipeline consists of. */
static bool read_file(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;
	const struct ktstr_node *root;
	struct ktstr_plan *plan;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "the path of a scheduler's description"))
		return false;
	if (!*node->text || !ktstr_text_is_line(node->text))
		return ktstr_reader_problem(r, node, "`file` is a path, one line of text");
	root = ktstr_loader_load(r->loader, node);
	r->nomem |= r->loader->nomem;
	plan = root ? ktstr_reader_alloc(r, 1, sizeof(*plan)) : NULL;
	if (!plan || !ktstr_read_description(r, root, plan))
		return false;
	plan->scheduler.file = root->at.source->path;
	draft->description = plan;
	return true;
}

static bool read_flag_names(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;

	return ktstr_read_strings(r, node, true, "a list of the scheduler's flags",
				  &draft->flags.items, &draft->flags.n);
}

static const struct ktstr_key scheduler_keys[] = {
	{ .param = { .name = "file", .optional = true, .help = "the scheduler's description" },
	  .read = read_file, .form = "a file's path" },
	{ .param = { .name = "binary", .type = KTSTR_PARAM_STRING,
		     .help = "the scheduler's program" },
	  .offset = offsetof(struct draft, own.binary), .path = KTSTR_PATH_OR_NAME,
	  .unless = "file" },
	{ .param = { .name = "args", .optional = true, .help = "its arguments" },
	  .read = read_args, .form = "list of text" },
	{ .param = { .name = "flags", .optional = true,
		     .help = "which of the flags in `file` are on" },
	  .read = read_flag_names, .form = "list of flags" },
	{ .param = { .name = "attach-timeout", .type = KTSTR_PARAM_DURATION, .def = "5s",
		     .min = ATTACH_MIN_NS, .max = ATTACH_MAX_NS, .help = ATTACH_HELP },
	  .offset = offsetof(struct draft, own.attach_timeout_ns) },
};

const struct ktstr_schema ktstr_schema_scheduler = {
	.name = "scheduler",
	.form = "a program's path, that of a description (.yaml), or a mapping of `binary` or `file`, "
		"`args`, `flags` and `attach-timeout`",
	.shorthand = "binary",
	KTSTR_SCHEMA_KEYS(scheduler_keys),
};

static bool read_draft(struct ktstr_reader *r, const struct ktstr_node *node, struct draft *draft)
{
	struct ktstr_entry entry = { "file", node->at, node };
	struct ktstr_node mapping = {
		.type = KTSTR_NODE_MAPPING, .at = node->at, .n = 1, .entries = &entry,
	};
	bool is_file = node->type == KTSTR_NODE_SCALAR && ktstr_is_yaml(node->text);

	return ktstr_schema_read(&ktstr_schema_scheduler, r, is_file ? &mapping : node, draft, NULL);
}

/* The second list behind the first. */
static bool append(struct ktstr_reader *r, const char *const *first, size_t n_first,
		   const char *const *second, size_t n_second, const char ***ret_items,
		   size_t *ret_n)
{
	const char **items = ktstr_reader_alloc(r, n_first + n_second, sizeof(*items));

	if (!items)
		return false;
	for (size_t i = 0; i < n_first; i++)
		items[i] = first[i];
	for (size_t i = 0; i < n_second; i++)
		items[n_first + i] = second[i];
	*ret_items = items;
	*ret_n = n_first + n_second;
	return true;
}

/* What the pipeline says over what the description says. */
static bool lay_over(struct ktstr_reader *r, const struct ktstr_node *node, struct draft *draft)
{
	const struct ktstr_plan_scheduler *under = &draft->description->scheduler;
	struct ktstr_plan_scheduler *own = &draft->own;

	own->file = under->file;
	own->rules = under->rules;
	own->flags = under->flags;
	if (!own->binary)
		own->binary = under->binary;
	if (!ktstr_node_entry(node, "attach-timeout"))
		own->attach_timeout_ns = under->attach_timeout_ns;
	return append(r, under->args.items, under->args.n, own->args.items, own->args.n,
		      &own->args.items, &own->args.n);
}

static const struct ktstr_node *value_of(const struct ktstr_node *node, const char *key)
{
	const struct ktstr_entry *entry = ktstr_node_entry(node, key);

	return entry ? entry->value : node;
}

static bool set_flags(struct ktstr_reader *r, const struct ktstr_node *node, struct draft *draft)
{
	const struct ktstr_node *list = value_of(node, "flags");
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool ok = true;

	if (draft->flags.n && !draft->description)
		return ktstr_reader_problem(r, list, "`flags` are those of a scheduler's "
					    "description: name one under `file`");
	for (size_t i = 0; i < draft->flags.n; i++)
		ok &= ktstr_read_flag(r, list->entries[i].value, &draft->own.rules,
				      &draft->own.set);
	if (ok && ktstr_flags_check(&draft->own.rules, draft->own.set, &err))
		return ktstr_reader_problem(r, list, "%s", err.msg);
	return ok;
}

bool ktstr_read_scheduler(struct ktstr_reader *r, const struct ktstr_node *node,
			  struct ktstr_plan_scheduler *scheduler,
			  struct ktstr_plan **ret_description)
{
	struct draft draft = { 0 };

	if (!read_draft(r, node, &draft) || (draft.description && !lay_over(r, node, &draft)) ||
	    !name_scheduler(r, value_of(node, "binary"), &draft.own) || !set_flags(r, node, &draft))
		return false;
	*scheduler = draft.own;
	if (ret_description)
		*ret_description = draft.description;
	return true;
}

bool ktstr_scheduler_add_flags(struct ktstr_reader *r, struct ktstr_plan_scheduler *scheduler)
{
	for (size_t i = 0; i < scheduler->rules.n; i++) {
		const struct ktstr_plan_flag *flag = &scheduler->flags[i];

		if (scheduler->set & UINT32_C(1) << i &&
		    !append(r, scheduler->args.items, scheduler->args.n, flag->args.items,
			    flag->args.n, &scheduler->args.items, &scheduler->args.n))
			return false;
	}
	return true;
}

/* ---- below a test ---- */

static const struct ktstr_plan_sysctl *find_sysctl(const struct ktstr_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->sysctls.n; i++)
		if (!strcmp(plan->sysctls.items[i].path, path))
			return &plan->sysctls.items[i];
	return NULL;
}

/* Those of the description in its order, with the test's values where it has some; then the test's. */
static bool lay_sysctls(struct ktstr_reader *r, struct ktstr_plan *plan,
			const struct ktstr_plan *under)
{
	struct ktstr_plan_sysctl *items =
		ktstr_reader_alloc(r, plan->sysctls.n + under->sysctls.n, sizeof(*items));
	size_t n = 0;

	if (!items)
		return false;
	for (; n < under->sysctls.n; n++) {
		const struct ktstr_plan_sysctl *below = &under->sysctls.items[n];
		const struct ktstr_plan_sysctl *own = find_sysctl(plan, below->path);

		items[n] = own ? *own : *below;
	}
	for (size_t i = 0; i < plan->sysctls.n; i++)
		if (!find_sysctl(under, plan->sysctls.items[i].path))
			items[n++] = plan->sysctls.items[i];
	plan->sysctls.items = items;
	plan->sysctls.n = n;
	return true;
}

bool ktstr_lay_description(struct ktstr_reader *r, struct ktstr_plan *plan,
			   const struct ktstr_plan *under)
{
	struct ktstr_expect expect;

	ktstr_expect_defaults(&expect);
	if (under)
		ktstr_expect_merge(&expect, &under->expect);
	ktstr_expect_merge(&expect, &plan->expect);
	plan->expect = expect;
	return !under ||
	       (lay_sysctls(r, plan, under) &&
		append(r, under->kernel_args.items, under->kernel_args.n, plan->kernel_args.items,
		       plan->kernel_args.n, &plan->kernel_args.items, &plan->kernel_args.n));
}
