/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/plan.h"

#include "plan/place.h"
#include "plan/read.h"
#include "plan/rt-app.h"
#include "plan/scheduler-read.h"
#include "config.h"

#include <ktstr/monitor.h>
#include <ktstr/section.h>

#define MEMORY_MIN (128ll << 20)
#define MEMORY_MAX (1ll << 40)
#define BOOT_MIN_NS 1000000000ll
#define TIMEOUT_MAX_NS (3600ll * 1000000000)
#define PERIOD_MIN_NS 1000000ll
#define PERIOD_MAX_NS (60ll * 1000000000)

/* ---- plugins in lists ---- */

/* What the journal says of a plugin is found by its name: a list has each one once. */
static bool check_once(struct ktstr_reader *r, const struct ktstr_node *node,
		       const struct ktstr_plugin_use *uses, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (uses[i].plugin && uses[k].plugin == uses[i].plugin)
			return ktstr_reader_problem(r, node, "`%s` stands here a second time; the "
						    "first is in line %u", uses[i].plugin->name,
						    uses[k].at.line);
	return true;
}

static bool read_uses(struct ktstr_reader *r, const struct ktstr_node *node, enum ktstr_kind kind,
		      struct ktstr_plugin_use **ret_uses, size_t *ret_n)
{
	struct ktstr_plugin_use *uses;
	bool ok;

	uses = ktstr_read_list(r, node, "a list of plugins", sizeof(*uses));
	ok = uses;
	for (size_t i = 0; uses && i < node->n; i++) {
		const struct ktstr_node *item = node->entries[i].value;

		ok &= ktstr_read_use(r, item, kind, &uses[i]);
		ok &= check_once(r, item, uses, i);
	}
	*ret_uses = uses;
	*ret_n = uses ? node->n : 0;
	return ok;
}

static bool read_monitors(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;

	return read_uses(r, node, KTSTR_KIND_MONITOR, &plan->monitors.items, &plan->monitors.n);
}

static bool read_probes(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;

	return read_uses(r, node, KTSTR_KIND_PROBE, &plan->probes.items, &plan->probes.n);
}

static bool read_sections(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;

	return read_uses(r, node, KTSTR_KIND_SECTION, &plan->sections.items, &plan->sections.n);
}

static bool read_vmm(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_use(r, node, KTSTR_KIND_VMM, &((struct ktstr_plan *)object)->vmm);
}

/* ---- the sections of a pipeline that names none ---- */

static int section_place(const struct ktstr_plugin_use *use)
{
	return ((const struct ktstr_section_ops *)use->plugin->ops)->place;
}

static int compare_sections(const void *a, const void *b)
{
	const struct ktstr_plugin_use *x = a, *y = b;

	if (section_place(x) != section_place(y))
		return section_place(x) < section_place(y) ? -1 : 1;
	return strcmp(x->plugin->name, y->plugin->name);
}

/* Those plugins of a kind that need no parameter, as a list. `wanted` may be NULL: all of them. */
static bool default_uses(struct ktstr_reader *r, enum ktstr_kind kind,
			 bool (*wanted)(const struct ktstr_plugin *), struct ktstr_plugin_use **ret_uses,
			 size_t *ret_n)
{
	const struct ktstr_plugin *plugin;
	struct ktstr_plugin_use use = { 0 }, *uses;
	size_t n = 0;

	while (ktstr_registry_plugin(r->registry, n, NULL))
		n++;
	uses = ktstr_reader_alloc(r, n, sizeof(*uses));
	*ret_uses = uses;
	*ret_n = 0;
	if (!uses)
		return false;
	for (size_t i = 0; (plugin = ktstr_registry_plugin(r->registry, i, &use.module)); i++) {
		if (plugin->kind != kind || (wanted && !wanted(plugin)))
			continue;
		use.plugin = plugin;
		use.values = ktstr_reader_alloc(r, plugin->n_params, sizeof(*use.values));
		if (!use.values)
			return false;
		if (!ktstr_param_defaults(plugin, use.values, NULL))
			uses[(*ret_n)++] = use;
	}
	return true;
}

/* Every section that can be used without a parameter. */
static bool default_sections(struct ktstr_reader *r, struct ktstr_plan *plan)
{
	if (!default_uses(r, KTSTR_KIND_SECTION, NULL, &plan->sections.items, &plan->sections.n))
		return false;
	qsort(plan->sections.items, plan->sections.n, sizeof(*plan->sections.items),
	      compare_sections);
	return true;
}

static bool is_default_monitor(const struct ktstr_plugin *plugin)
{
	const struct ktstr_monitor_ops *ops = plugin->ops;

	return KTSTR_HAS(ops, struct ktstr_monitor_ops, by_default) && ops->by_default;
}

/* All of them: what each has to say is decided when there is a crash. */
static bool default_probes(struct ktstr_reader *r, struct ktstr_plan *plan)
{
	return default_uses(r, KTSTR_KIND_PROBE, NULL, &plan->probes.items, &plan->probes.n);
}

/* Without a scheduler under test there is nothing that they are asked about by default. */
static bool default_monitors(struct ktstr_reader *r, struct ktstr_plan *plan)
{
	return !plan->scheduler.binary ||
	       default_uses(r, KTSTR_KIND_MONITOR, is_default_monitor, &plan->monitors.items,
			    &plan->monitors.n);
}

/* With a scheduler and monitors, all there are have a look at what lasted too long. */
static bool snapshot_monitors(struct ktstr_reader *r, struct ktstr_plan *plan)
{
	return !plan->monitors.n || !plan->scheduler.binary ||
	       default_uses(r, KTSTR_KIND_MONITOR, NULL, &plan->snapshot.items, &plan->snapshot.n);
}

/* What nobody looks at cannot fail. */
static bool check_limits(struct ktstr_reader *r, const struct ktstr_node *root,
			 const struct ktstr_plan *plan)
{
	const struct ktstr_entry *entry = ktstr_node_entry(root, "monitor-limits");

	if (!entry || !plan->limits.fail || plan->monitors.n)
		return true;
	return ktstr_reader_problem(r, entry->value, "`mode: fail` needs `monitors`: this pipeline "
				    "has none");
}

static const struct ktstr_key report_keys[] = {
	{ .param = { .name = "sections", .optional = true,
		     .help = "section plugins in the order of the report; left out: all that need "
			     "no parameter, in their usual order" },
	  .read = read_sections, .form = "list of section plugins" },
};

static const struct ktstr_schema report_schema = {
	.name = "report",
	.form = "a mapping of `sections`",
	KTSTR_SCHEMA_KEYS(report_keys),
};

static bool read_report(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_schema_read(&report_schema, r, node, object, NULL);
}

/* ---- the scheduler ---- */

static bool read_scheduler(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;
	struct ktstr_plan_scheduler unused = { 0 };

	if (r->options->scheduler)
		return ktstr_read_scheduler(r, node, &unused, NULL);
	return ktstr_read_scheduler(r, node, &plan->scheduler, &r->description);
}

/* ---- the pipeline ---- */

bool ktstr_read_kernel_args(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;

	return ktstr_read_strings(r, node, true, "a list of kernel arguments",
				  &plan->kernel_args.items, &plan->kernel_args.n);
}

static bool read_modules(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;

	if (!ktstr_read_strings(r, node, true, "a list of kernel modules", &plan->modules.items,
				&plan->modules.n))
		return false;
	for (size_t i = 0; i < plan->modules.n; i++)
		plan->modules.items[i] = ktstr_reader_path(r, node->entries[i].value,
							   KTSTR_PATH_OR_NAME);
	return !r->nomem;
}

static bool read_topology(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_topology(r, node, &((struct ktstr_plan *)object)->topology);
}

bool ktstr_read_plan_expect(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_expect test = { .fails = KTSTR_CAUSE_NONE };

	if (!ktstr_read_expect(r, node, &test))
		return false;
	ktstr_expect_merge(&((struct ktstr_plan *)object)->expect, &test);
	return true;
}

/* It was followed before anything was read: no tree has the key any more. */
bool ktstr_read_include(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	(void)object;
	return ktstr_reader_problem(r, node, "`" KTSTR_INCLUDE_KEY "` stands at the top of a file");
}

static const struct ktstr_key pipeline_keys[] = {
	{ .param = { .name = KTSTR_INCLUDE_KEY, .optional = true,
		     .help = "files whose keys are here too, unless they are written here" },
	  .read = ktstr_read_include, .form = "a file's path, or a list of them" },
	{ .param = { .name = "test", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "the test's name; left out: that of the file without .yaml" },
	  .offset = offsetof(struct ktstr_plan, test) },
	{ .param = { .name = "description", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "what the test is for, in one line" },
	  .offset = offsetof(struct ktstr_plan, description) },
	{ .param = { .name = "kernel", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "an image or a build tree by path, a cached version or its beginning, "
			     "or debian, debian:SUITE, debian:VERSION; left out: the newest cached "
			     "one with sched_ext" },
	  .offset = offsetof(struct ktstr_plan, kernel), .path = KTSTR_PATH_OR_NAME },
	{ .param = { .name = "kernel-args", .optional = true,
		     .help = "added to the kernel's command line" },
	  .read = ktstr_read_kernel_args, .form = "list of text" },
	{ .param = { .name = "modules", .optional = true,
		     .help = "kernel modules to load before the scheduler, by name or path, in "
			     "order" },
	  .read = read_modules, .form = "list of text" },
	{ .param = { .name = "sysctls", .optional = true,
		     .help = "what the kernel is set to before the scheduler starts, in order" },
	  .read = ktstr_read_sysctls, .form = "a mapping such as kernel.sched_schedstats: 0" },
	{ .param = { .name = "topology", .def = "1n1l2c1t", .help = "of the machine's CPUs" },
	  .read = read_topology, .form = "a topology such as 1n2l2c1t, or a mapping" },
	{ .param = { .name = "memory", .type = KTSTR_PARAM_SIZE, .def = "512M", .min = MEMORY_MIN,
		     .max = MEMORY_MAX, .help = "of the machine" },
	  .offset = offsetof(struct ktstr_plan, memory_bytes) },
	{ .param = { .name = "boot-timeout", .type = KTSTR_PARAM_DURATION, .def = "6s",
		     .min = BOOT_MIN_NS, .max = TIMEOUT_MAX_NS,
		     .help = "how long the kernel may take to reach ktstr's agent; more in an "
			     "emulated VM" },
	  .offset = offsetof(struct ktstr_plan, boot_timeout_ns) },
	{ .param = { .name = "template", .type = KTSTR_PARAM_BOOL, .def = "true",
		     .help = "whether the machine may be a copy of one that was booted before" },
	  .offset = offsetof(struct ktstr_plan, templates) },
	{ .param = { .name = "vmm", .def = DEFAULT_VMM, .help = "what boots the machine" },
	  .read = read_vmm, .form = "a vmm plugin" },
	{ .param = { .name = "scheduler", .optional = true,
		     .help = "the scheduler under test; left out: the kernel's own" },
	  .read = read_scheduler,
	  .form = "a program's path, that of a description (.yaml), or a mapping" },
	{ .param = { .name = "scenario", .help = "what runs in the machine" },
	  .read = ktstr_read_scenario, .form = "a mapping" },
	{ .param = { .name = "expect", .optional = true,
		     .help = "what the run is judged by, beside the checks that are made anyway" },
	  .read = ktstr_read_plan_expect, .form = "a mapping" },
	{ .param = { .name = "monitors", .optional = true,
		     .help = "what watches from outside; left out: with a scheduler, those that are "
			     "meant for every run" },
	  .read = read_monitors, .form = "list of monitor plugins" },
	{ .param = { .name = "monitor-period", .type = KTSTR_PARAM_DURATION, .def = "100ms",
		     .min = PERIOD_MIN_NS, .max = PERIOD_MAX_NS,
		     .help = "from one sample of the monitors to the next" },
	  .offset = offsetof(struct ktstr_plan, monitor_period_ns) },
	{ .param = { .name = "monitor-limits", .optional = true,
		     .help = "what they may see, and what becomes of a violation" },
	  .read = ktstr_read_limits, .form = "a mapping" },
	{ .param = { .name = "auto_repro", .def = "true",
		     .help = "whether a run whose scheduler died is repeated to look into it" },
	  .read = ktstr_read_auto_repro, .form = "true, false, a number of attempts, or a mapping" },
	{ .param = { .name = "probes", .optional = true, .help = "what looks into a crash" },
	  .read = read_probes, .form = "list of probe plugins" },
	{ .param = { .name = "report", .optional = true, .help = "what the report consists of" },
	  .read = read_report, .form = "a mapping" },
};

static const struct ktstr_schema pipeline_schema = {
	.name = "pipeline",
	.form = "a mapping: `scenario:` and more",
	KTSTR_SCHEMA_KEYS(pipeline_keys),
};

const struct ktstr_schema *const *ktstr_plan_schemas(void)
{
	static const struct ktstr_schema *const schemas[] = {
		&pipeline_schema, &ktstr_schema_topology, &ktstr_schema_scheduler,
		&ktstr_schema_description, &ktstr_schema_flag,
		&ktstr_schema_scenario, &ktstr_schema_step, &ktstr_schema_cgroup,
		&ktstr_schema_operation, &ktstr_schema_set_cpuset, &ktstr_schema_set,
		&ktstr_schema_spawn, &ktstr_schema_set_affinity, &ktstr_schema_move_all,
		&ktstr_schema_write_map,
		&ktstr_schema_payload, &ktstr_schema_metrics, &ktstr_schema_wait,
		&ktstr_schema_cpuset, &ktstr_schema_worker, &ktstr_schema_rt_app,
		&ktstr_schema_affinity,
		&ktstr_schema_sched, &ktstr_schema_mempolicy, &ktstr_schema_expect,
		&ktstr_schema_fails, &ktstr_schema_limits, &ktstr_schema_use,
		&ktstr_schema_auto_repro, &report_schema, NULL,
	};

	return schemas;
}

/* The name becomes a part of file names. */
static bool check_test(struct ktstr_reader *r, const struct ktstr_node *root,
		       const struct ktstr_plan *plan)
{
	const struct ktstr_entry *entry = ktstr_node_entry(root, "test");

	if (!entry || !strchr(plan->test, '/'))
		return true;
	return ktstr_reader_problem(r, entry->value, "a test's name has no `/` in it");
}

bool ktstr_read_pipeline(struct ktstr_reader *r, const struct ktstr_node *root,
			 struct ktstr_plan *plan)
{
	bool ok = ktstr_schema_read(&pipeline_schema, r, root, plan, NULL);

	ok &= check_test(r, root, plan);
	return ok && (plan->sections.items || default_sections(r, plan)) &&
	       (ktstr_node_entry(root, "monitors") || default_monitors(r, plan)) &&
	       (ktstr_node_entry(root, "probes") || default_probes(r, plan)) &&
	       snapshot_monitors(r, plan) && check_limits(r, root, plan);
}

/* ---- what a plan amounts to ---- */

int ktstr_plan_flag_sets(const struct ktstr_plan *plan, uint32_t **ret_sets, size_t *ret_n,
			 struct ktstr_err *err)
{
	const struct ktstr_plan_scheduler *scheduler = &plan->scheduler;
	int ret;

	if (!scheduler->binary)
		return ktstr_err_set(err, -EINVAL, "%s names no scheduler", plan->file);
	if (!scheduler->file)
		return ktstr_err_set(err, -EINVAL, "%s names the program of a scheduler, and no "
				     "description with its flags", plan->file);
	ret = ktstr_flags_enumerate(&scheduler->rules, scheduler->set, 0, ret_sets, ret_n, err);
	if (ret)
		ktstr_err_prefix(err, "%s", scheduler->file);
	return ret;
}

uint64_t ktstr_plan_duration_ns(const struct ktstr_plan *plan)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < plan->steps.n; i++)
		ns += plan->steps.items[i].hold_ns;
	return ns;
}

/* As often as a step can do its operations. */
static uint64_t rounds(const struct ktstr_plan_step *step)
{
	return step->every_ns ? 1 + step->hold_ns / step->every_ns : 1;
}

/* The guest's own deadlines for ending a scheduler add up to that (core/agent/swap.c). */
#define STOP_SCHEDULER_NS (20 * 1000000000ull)

/* The host may have to find the guest's kernel first. */
#define WRITE_MAP_NS (5 * 1000000000ull)

static uint64_t op_ns(const struct ktstr_plan *plan, const struct ktstr_plan_op *op)
{
	if (op->operation == KTSTR_OP_SCHEDULER)
		return STOP_SCHEDULER_NS + plan->scheduler.attach_timeout_ns;
	if (op->operation == KTSTR_OP_REPLACE_SCHEDULER)
		return STOP_SCHEDULER_NS + op->scheduler.attach_timeout_ns;
	if (op->operation == KTSTR_OP_WRITE_MAP)
		return WRITE_MAP_NS;
	return op->timeout_ns;
}

uint64_t ktstr_plan_operations_ns(const struct ktstr_plan *plan)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ktstr_plan_step *step = &plan->steps.items[i];

		for (size_t k = 0; k < step->ops.n; k++)
			ns += op_ns(plan, &step->ops.items[k]) * rounds(step);
	}
	return ns;
}

bool ktstr_plan_needs_ram(const struct ktstr_plan *plan)
{
	bool needs = plan->monitors.n;

	for (size_t i = 0; i < plan->steps.n; i++)
		for (size_t k = 0; k < plan->steps.items[i].ops.n; k++)
			needs |= plan->steps.items[i].ops.items[k].operation == KTSTR_OP_WRITE_MAP;
	return needs;
}
