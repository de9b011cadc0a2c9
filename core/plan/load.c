/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bytes of a pipeline file, and what a caller asks for, to a plan. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plan/scheduler-read.h"

static const char *copy(struct ktstr_reader *r, const char *text, size_t len)
{
	const char *p = ktstr_arena_strndup(r->arena, text, len);

	if (!p)
		r->nomem = true;
	return p;
}

/* The file's name without folder and extension. */
static const char *test_name(struct ktstr_reader *r, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return copy(r, name, ktstr_is_yaml(name) ? (size_t)(strrchr(name, '.') - name) : strlen(name));
}

static const char *folder(struct ktstr_reader *r, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return copy(r, ".", 1);
	return copy(r, path, slash == path ? 1 : (size_t)(slash - path));
}

/* What is said of the file itself. */
static int begin(struct ktstr_reader *r, struct ktstr_plan *plan, const char *path,
		 const void *data, size_t len, struct ktstr_err *err)
{
	plan->text = copy(r, data, len);
	plan->text_len = len;
	plan->file = copy(r, path, strlen(path));
	plan->dir = r->dir = folder(r, path);
	plan->test = test_name(r, path);
	ktstr_limits_defaults(&plan->limits);
	return r->nomem ? ktstr_err_nomem(err) : 0;
}

/* The tree of the file with all that it includes. What is in it may depend on a file that could not
 * be read, so nothing is said of the rest then, as with a mistake in the syntax. */
static int parse(struct ktstr_reader *r, struct ktstr_plan *plan,
		 const struct ktstr_node **ret_root, struct ktstr_err *err)
{
	int ret = ktstr_yaml_parse(plan->text, plan->text_len, plan->arena, r->problems, ret_root,
				   err);

	if (ret)
		return ret;
	*ret_root = ktstr_loader_expand(r->loader, *ret_root);
	if (r->loader->nomem)
		return ktstr_err_nomem(err);
	return *ret_root ? 0 : ktstr_err_set(err, -EINVAL, "%s is no valid pipeline", plan->file);
}

static bool keep_sources(struct ktstr_reader *r, struct ktstr_plan *plan)
{
	size_t n = r->loader->files.n;

	plan->sources.items = ktstr_reader_alloc(r, n, sizeof(*plan->sources.items));
	for (size_t i = 0; plan->sources.items && i < n; i++)
		plan->sources.items[plan->sources.n++] = ktstr_loader_source(r->loader, i);
	return plan->sources.items;
}

/* As if the file said `scheduler: NAME`. */
static int take_scheduler(struct ktstr_reader *r, struct ktstr_plan *plan, struct ktstr_err *err)
{
	const char *name = r->options->scheduler;
	struct ktstr_node node = { .type = KTSTR_NODE_SCALAR, .total = 1 };
	size_t len = strlen(name);

	if (!len || name[len - 1] == '/' || !ktstr_text_is_line(name))
		return ktstr_err_set(err, -EINVAL, "\"%.80s\" is no scheduler's program", name);
	node.text = ktstr_arena_strndup(r->arena, name, len);
	if (!node.text ||
	    (!ktstr_read_scheduler(r, &node, &plan->scheduler, &r->description) && r->nomem))
		return ktstr_err_nomem(err);
	return 0;
}

/* Other flags than those of the file. */
static int take_flags(struct ktstr_reader *r, struct ktstr_plan_scheduler *scheduler,
		      struct ktstr_err *err)
{
	const char *text = r->options->flags;
	int ret;

	if (!scheduler->binary)
		return ktstr_err_set(err, -EINVAL, "flags %.80s: this test has no scheduler", text);
	if (!scheduler->file)
		return ktstr_err_set(err, -EINVAL, "flags %.80s: nothing says what they are of %s; name a "
				     "description of it (.yaml) as the scheduler", text,
				     scheduler->name);
	ret = ktstr_flags_parse(&scheduler->rules, text, &scheduler->set, err);
	if (!ret)
		ret = ktstr_flags_check(&scheduler->rules, scheduler->set, err);
	if (ret)
		ktstr_err_prefix(err, "flags of %s", scheduler->file);
	return ret;
}

/* What can be said once everything is read. */
static int finish(struct ktstr_reader *r, struct ktstr_plan *plan, struct ktstr_err *err)
{
	int ret = r->options->flags ? take_flags(r, &plan->scheduler, err) : 0;
	bool ok;

	if (ret)
		return ret;
	ok = keep_sources(r, plan) && ktstr_scheduler_add_flags(r, &plan->scheduler) &&
	     (plan->only_scheduler || ktstr_lay_description(r, plan, r->description));
	return ok ? 0 : ktstr_err_nomem(err);
}

/* No pipeline has a `binary`, and no description a `scenario`. */
static bool describes_scheduler(const struct ktstr_node *root)
{
	return ktstr_node_entry(root, "binary") && !ktstr_node_entry(root, "scenario");
}

static bool read_as_description(struct ktstr_reader *r, const struct ktstr_node *root,
				struct ktstr_plan *plan)
{
	if (!r->options->descriptions)
		return ktstr_reader_problem(r, root, "this describes a scheduler and is no "
					    "pipeline; one names it as its `scheduler`");
	plan->only_scheduler = true;
	plan->scheduler.file = plan->file;
	return ktstr_read_description(r, root, plan);
}

static int read_tree(struct ktstr_reader *r, struct ktstr_plan *plan,
		     const struct ktstr_node *root, size_t problems_before, struct ktstr_err *err)
{
	int ret = r->options->scheduler ? take_scheduler(r, plan, err) : 0;
	bool ok;

	if (ret)
		return ret;
	if (describes_scheduler(root))
		ok = read_as_description(r, root, plan);
	else
		ok = ktstr_read_pipeline(r, root, plan);
	if (r->nomem)
		return ktstr_err_nomem(err);
	if (!ok || ktstr_problems_count(r->problems) != problems_before)
		return ktstr_err_set(err, -EINVAL, "%s is no valid pipeline", plan->file);
	return finish(r, plan, err);
}

static int load_into(struct ktstr_plan *plan, const char *path,
		     const struct ktstr_plan_options *options, const void *data, size_t len,
		     struct ktstr_registry *registry, struct ktstr_problems *problems,
		     struct ktstr_err *err)
{
	struct ktstr_loader loader = {
		.problems = problems, .arena = plan->arena, .read = options->read,
		.ctx = options->ctx,
	};
	struct ktstr_reader r = {
		.problems = problems, .arena = plan->arena, .registry = registry,
		.topology = &plan->topology, .options = options, .loader = &loader,
	};
	size_t before = ktstr_problems_count(problems);
	const struct ktstr_node *root;
	int ret = begin(&r, plan, path, data, len, err);

	loader.file = plan->file;
	loader.dir = plan->dir;
	if (!ret)
		ret = parse(&r, plan, &root, err);
	if (!ret)
		ret = read_tree(&r, plan, root, before, err);
	ktstr_loader_deinit(&loader);
	return ret;
}

static int load_bytes(const char *path, const struct ktstr_plan_options *options,
		      const void *data, size_t len, struct ktstr_registry *registry,
		      struct ktstr_problems *problems, struct ktstr_plan **ret_plan,
		      struct ktstr_err *err)
{
	struct ktstr_arena *arena = ktstr_arena_create();
	struct ktstr_plan *plan = arena ? ktstr_arena_zalloc(arena, sizeof(*plan)) : NULL;
	int ret;

	if (!plan) {
		ktstr_arena_destroy(arena);
		return ktstr_err_nomem(err);
	}
	plan->arena = arena;
	ret = load_into(plan, path, options, data, len, registry, problems, err);
	if (ret < 0)
		ktstr_plan_destroy(plan);
	else
		*ret_plan = plan;
	return ret;
}

int ktstr_plan_load_bytes(const char *path, const void *data, size_t len,
			  struct ktstr_registry *registry, struct ktstr_problems *problems,
			  struct ktstr_plan **ret_plan, struct ktstr_err *err)
{
	return load_bytes(path, &(struct ktstr_plan_options){ 0 }, data, len, registry, problems,
			  ret_plan, err);
}

int ktstr_plan_load_for(const char *path, const struct ktstr_plan_options *options,
			struct ktstr_registry *registry, struct ktstr_problems *problems,
			struct ktstr_plan **ret_plan, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	int ret = options->read ? options->read(options->ctx, path, &bytes, err) :
		ktstr_file_read(path, KTSTR_YAML_MAX_BYTES, &bytes, err);

	/* Too large is a problem of the file like others: the bytes that were read show it. */
	if (ret < 0 && ret != -EFBIG)
		return ret;
	return load_bytes(path, options, bytes.data ? (const char *)bytes.data : "", bytes.len,
			  registry, problems, ret_plan, err);
}

int ktstr_plan_load(const char *path, struct ktstr_registry *registry,
		    struct ktstr_problems *problems, struct ktstr_plan **ret_plan,
		    struct ktstr_err *err)
{
	return ktstr_plan_load_for(path, &(struct ktstr_plan_options){ 0 }, registry, problems,
				   ret_plan, err);
}

void ktstr_plan_destroy(struct ktstr_plan *plan)
{
	if (plan)
		ktstr_arena_destroy(plan->arena);
}
