/* SPDX-License-Identifier: GPL-2.0-only */
/* Plugins as a pipeline names them: found in the registry, their parameters checked. */
#include "base/cleanup.h"
#include "base/text.h"
#include "plan/place.h"
#include "plan/read.h"

#include <ktstr/workload.h>

#include <sys/stat.h>

/* What the keys of a plugin's mapping are read into. */
struct draft {
	enum ktstr_kind kind;
	struct ktstr_plugin_use *use;
	uint32_t count;
	struct ktstr_placement placement;
};

/* ---- finding the plugin ---- */

/* Names of all plugins of a kind, or NULL when memory is out. */
static const char **kind_names(struct ktstr_reader *r, enum ktstr_kind kind, size_t *ret_n)
{
	const struct ktstr_plugin *plugin;
	const char **names;
	size_t n = 0;

	while (ktstr_registry_plugin(r->registry, n, NULL))
		n++;
	names = ktstr_reader_alloc(r, n, sizeof(*names));
	*ret_n = 0;
	for (size_t i = 0; names && i < n; i++) {
		plugin = ktstr_registry_plugin(r->registry, i, NULL);
		if (plugin->kind == kind)
			names[(*ret_n)++] = plugin->name;
	}
	return names;
}

/* True when the file's or the module's name ends in the plugin's: my-cpu-spin.so, cpu-spin. */
static bool may_hold(const struct ktstr_module_info *module, const char *plugin)
{
	const char *slash = strrchr(module->path, '/');
	const char *file = slash ? slash + 1 : module->path;
	size_t len = strlen(plugin), n = strlen(file);

	n -= n > 3 && !strcmp(file + n - 3, ".so") ? 3 : 0;
	return (n >= len && !strncmp(file + n - len, plugin, len)) ||
	       (module->name && !strcmp(module->name, plugin));
}

/* What refused modules have to do with an unknown name; "" when there are none. */
static const char *refusals(struct ktstr_reader *r, const char *name)
{
	const struct ktstr_module_info *module;
	_cleanup_free_ char *text = NULL;
	const char *kept;
	size_t n = 0;

	for (size_t i = 0; (module = ktstr_registry_module(r->registry, i)) && !text; i++) {
		n += module->refusal != KTSTR_REFUSED_NOT;
		if (module->refusal && may_hold(module, name))
			text = ktstr_asprintf("; a module that may have it was refused: %s",
					      module->why);
	}
	if (!n)
		return "";
	if (!text)
		text = ktstr_asprintf("; %zu module%s refused, `ktstr plugins` says why", n,
				      n == 1 ? " was" : "s were");
	kept = text ? ktstr_arena_strndup(r->arena, text, strlen(text)) : NULL;
	if (!kept)
		r->nomem = true;
	return kept ? kept : "";
}

static bool find_by_name(struct ktstr_reader *r, const struct ktstr_node *node, struct draft *draft)
{
	const char **names;
	size_t n;

	draft->use->plugin = ktstr_registry_find(r->registry, draft->kind, node->text,
						 &draft->use->module);
	if (draft->use->plugin)
		return true;
	names = kind_names(r, draft->kind, &n);
	if (!names)
		return false;
	return ktstr_reader_problem(r, node, "no %s plugin `%.80s`%s%s%s",
				    ktstr_kind_name(draft->kind), node->text,
				    node->at.line ? "" : ", the default",
				    ktstr_reader_suggest(r, node->text, names, n),
				    refusals(r, node->text));
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const struct ktstr_module_info *find_module(struct ktstr_reader *r, const char *path)
{
	const struct ktstr_module_info *module;

	for (size_t i = 0; (module = ktstr_registry_module(r->registry, i)); i++)
		if (!module->refusal && same_file(module->path, path))
			return module;
	return NULL;
}

/* The one plugin of the draft's kind in the module. */
static bool take_from_module(struct ktstr_reader *r, const struct ktstr_node *node,
			     const struct ktstr_module_info *module, struct draft *draft)
{
	const char *kind = ktstr_kind_name(draft->kind);
	const struct ktstr_module_info *from;
	const struct ktstr_plugin *plugin;
	struct ktstr_plugin_use found = *draft->use;
	size_t n = 0;

	for (size_t i = 0; (plugin = ktstr_registry_plugin(r->registry, i, &from)); i++)
		if (from == module && plugin->kind == draft->kind) {
			found.plugin = plugin;
			found.module = module;
			n++;
		}
	if (!n)
		return ktstr_reader_problem(r, node, "module %s has no %s plugin", module->path,
					    kind);
	if (n > 1)
		return ktstr_reader_problem(r, node, "module %s has %zu %s plugins; put its folder "
					    "in KTSTR_PLUGIN_PATH and write the name of one",
					    module->path, n, kind);
	*draft->use = found;
	return true;
}

static bool find_by_path(struct ktstr_reader *r, const struct ktstr_node *node, struct draft *draft)
{
	const char *text = ktstr_reader_path(r, node, KTSTR_PATH);
	bool as_is = text && (*text == '/' || !strcmp(r->dir, "."));
	_cleanup_free_ char *path = !text ? NULL : as_is ? strdup(text) :
		ktstr_asprintf("%s/%s", r->dir, text);
	const struct ktstr_module_info *module;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	if (!path) {
		r->nomem = true;
		return false;
	}
	ret = ktstr_registry_load(r->registry, path, &err);
	if (ret < 0) {
		r->nomem |= ret == -ENOMEM;
		return ktstr_reader_problem(r, node, "%s", err.msg);
	}
	module = find_module(r, path);
	if (!module)
		return ktstr_reader_problem(r, node, "%s went away while it was read", path);
	return take_from_module(r, node, module, draft);
}

static bool ends_in_so(const char *text)
{
	size_t len = strlen(text);

	return len > 3 && !strcmp(text + len - 3, ".so");
}

static bool read_name(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;
	struct ktstr_plugin_use *use = draft->use;
	struct ktstr_err err = KTSTR_ERR_INIT;
	char form[64];

	snprintf(form, sizeof(form), "the name of a %s plugin", ktstr_kind_name(draft->kind));
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, form))
		return false;
	if (ends_in_so(node->text) ? !find_by_path(r, node, draft) : !find_by_name(r, node, draft))
		return false;
	use->values = ktstr_reader_alloc(r, use->plugin->n_params, sizeof(*use->values));
	if (!use->values) {
		use->plugin = NULL;
		return false;
	}
	/* -EINVAL: a required one is missing. That is told when it is not among the keys either. */
	ktstr_param_defaults(use->plugin, use->values, &err);
	return true;
}

/* ---- the mappings ---- */

static const struct ktstr_key use_keys[] = {
	{ .param = { .name = "plugin", .help = "which plugin" },
	  .read = read_name, .form = "a plugin's name, or the path of its module (.so)" },
};

const struct ktstr_schema ktstr_schema_use = {
	.name = "plugin",
	.form = "a plugin's name, or a mapping of `plugin` and its parameters",
	.shorthand = "plugin",
	KTSTR_SCHEMA_KEYS(use_keys),
};

static bool read_affinity(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_affinity(r, node, &((struct draft *)object)->placement.affinity);
}

static bool read_sched(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_sched(r, node, &((struct draft *)object)->placement.sched);
}

static bool read_mempolicy(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_mempolicy(r, node, &((struct draft *)object)->placement.memory);
}

static const struct ktstr_key worker_keys[] = {
	{ .param = { .name = "workload", .help = "what each of the workers does" },
	  .read = read_name, .form = "a workload plugin's name, or the path of its module (.so)" },
	{ .param = { .name = "count", .type = KTSTR_PARAM_UINT, .def = "1", .min = 1, .max = 4096,
		     .help = "how many workers; some workloads want a multiple of their group" },
	  .offset = offsetof(struct draft, count) },
	{ .param = { .name = "affinity", .optional = true,
		     .help = "the CPUs they bind themselves to" },
	  .read = read_affinity, .form = "a word, CPUs such as 0-3,5, or a mapping" },
	{ .param = { .name = "sched", .optional = true, .help = "how they are scheduled" },
	  .read = read_sched, .form = "a policy, or a mapping" },
	{ .param = { .name = "nice", .type = KTSTR_PARAM_INT, .optional = true, .min = -20,
		     .max = 19, .help = "their nice value" },
	  .offset = offsetof(struct draft, placement.nice) },
	{ .param = { .name = "mempolicy", .optional = true,
		     .help = "where their memory comes from" },
	  .read = read_mempolicy, .form = "a mode, or a mapping" },
};

const struct ktstr_schema ktstr_schema_worker = {
	.name = "workers",
	.form = "a workload's name, or a mapping of `workload`, `count`, `affinity`, `sched`, "
		"`nice`, `mempolicy` and its parameters",
	.shorthand = "workload",
	KTSTR_SCHEMA_KEYS(worker_keys),
};

static bool read_draft(struct ktstr_reader *r, const struct ktstr_schema *schema,
		       const struct ktstr_node *node, struct draft *draft)
{
	draft->use->at = node->at;
	return ktstr_schema_read(schema, r, node, draft, draft->use);
}

bool ktstr_read_use(struct ktstr_reader *r, const struct ktstr_node *node, enum ktstr_kind kind,
		    struct ktstr_plugin_use *ret_use)
{
	struct draft draft = { .kind = kind, .use = ret_use };

	return read_draft(r, &ktstr_schema_use, node, &draft);
}

static bool check_group(struct ktstr_reader *r, const struct ktstr_node *node,
			const struct ktstr_plan_workers *workers)
{
	const struct ktstr_plugin *plugin = workers->workload.plugin;
	unsigned (*group_size)(const struct ktstr_value *values) =
		KTSTR_OP(plugin->ops, struct ktstr_workload_ops, group_size);
	const struct ktstr_entry *count = ktstr_node_entry(node, "count");
	unsigned size = group_size ? group_size(workers->workload.values) : 1;

	if (size <= 1 || workers->count % size == 0)
		return true;
	return ktstr_reader_problem(r, count ? count->value : node, "`count` is %u, but %s works "
				    "in groups of %u: write a multiple of %u", workers->count,
				    plugin->name, size, size);
}

/* What the workload itself says of its parameters, taken together. */
static bool check_values(struct ktstr_reader *r, const struct ktstr_node *node,
			 const struct ktstr_plugin_use *use)
{
	int (*check)(const struct ktstr_value *values, struct ktstr_err *err) =
		KTSTR_OP(use->plugin->ops, struct ktstr_workload_ops, check);
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!check || !check(use->values, &err))
		return true;
	return ktstr_reader_problem(r, node, "%s: %s", use->plugin->name, err.msg);
}

bool ktstr_read_workers(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_workers *ret_workers)
{
	struct draft draft = { .kind = KTSTR_KIND_WORKLOAD, .use = &ret_workers->workload };

	if (!read_draft(r, &ktstr_schema_worker, node, &draft))
		return false;
	ret_workers->count = draft.count;
	ret_workers->placement = draft.placement;
	ret_workers->placement.has_nice = ktstr_node_entry(node, "nice");
	return (check_values(r, node, &ret_workers->workload) &&
		check_group(r, node, ret_workers)) &
	       ktstr_check_placement(r, node, &ret_workers->placement);
}
