/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/rt-app.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "plan/read.h"

#define TASKS_MAX 1000

/* ---- in the pipeline ---- */

struct draft {
	const char *file;
	const char **tasks;	/* only these; NULL: all */
	size_t n_tasks;
};

static bool read_tasks(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;

	return ktstr_read_strings(r, node, true, "a list of tasks", &draft->tasks,
				  &draft->n_tasks);
}

static const struct ktstr_key keys[] = {
	{ .param = { .name = "rt-app", .type = KTSTR_PARAM_STRING,
		     .help = "an rt-app file, from this file's folder" },
	  .offset = offsetof(struct draft, file), .path = KTSTR_PATH },
	{ .param = { .name = "tasks", .optional = true,
		     .help = "those of its tasks that are meant; left out: all" },
	  .read = read_tasks, .form = "list of text" },
};

const struct ktstr_schema ktstr_schema_rt_app = {
	.name = "rt-app",
	.form = "a mapping of `rt-app` and `tasks`",
	KTSTR_SCHEMA_KEYS(keys),
};

bool ktstr_is_rt_app(const struct ktstr_node *node)
{
	return ktstr_node_entry(node, "rt-app") && !ktstr_node_entry(node, "workload");
}

/* ---- the file ---- */

bool ktstr_rt_app_number(struct ktstr_reader *r, const struct ktstr_entry *entry, long long min,
			 long long max, long long *ret)
{
	const struct ktstr_node *node = entry->value;
	char *end = NULL;

	errno = 0;
	if (node->type == KTSTR_NODE_SCALAR && node->plain && *node->text)
		*ret = strtoll(node->text, &end, 10);
	if (end && !*end && !errno && *ret >= min && *ret <= max)
		return true;
	return ktstr_reader_problem(r, node, "`%.80s`: expected a whole number from %lld to %lld",
				    entry->key, min, max);
}

/* What rt-app does beside the tasks, which has no meaning here: it is let pass. */
static bool check_global(struct ktstr_reader *r, const struct ktstr_node *global)
{
	static const char *const known[] = {
		"duration", "calibration", "default_policy", "pi_enabled", "lock_pages", "logdir",
		"log_basename", "log_size", "ftrace", "gnuplot", "io_device", "mem_buffer_size",
		"cumulative_slack",
	};
	bool ok = true;

	for (size_t i = 0; i < global->n; i++) {
		const struct ktstr_entry *entry = &global->entries[i];
		bool found = false;

		for (size_t k = 0; k < KTSTR_ARRAY_SIZE(known); k++)
			found |= !strcmp(known[k], entry->key);
		if (found)
			continue;
		ktstr_problem_add(r->problems, &entry->at, "unknown key `%.80s` "
				  "in `global`%s", entry->key,
				  ktstr_reader_suggest(r, entry->key, known,
						       KTSTR_ARRAY_SIZE(known)));
		ok = false;
	}
	return ok;
}

static bool check_top(struct ktstr_reader *r, const struct ktstr_node *root)
{
	static const char *const known[] = { "tasks", "global", "resources" };
	bool ok = true;

	for (size_t i = 0; i < root->n; i++) {
		const struct ktstr_entry *entry = &root->entries[i];
		bool found = false;

		for (size_t k = 0; k < KTSTR_ARRAY_SIZE(known); k++)
			found |= !strcmp(known[k], entry->key);
		if (!found) {
			ktstr_problem_add(r->problems, &entry->at, "unknown key "
					  "`%.80s`%s", entry->key,
					  ktstr_reader_suggest(r, entry->key, known,
							       KTSTR_ARRAY_SIZE(known)));
			ok = false;
		} else if (!ktstr_reader_expect(r, entry->value, KTSTR_NODE_MAPPING, "an object")) {
			ok = false;
		} else if (!strcmp(entry->key, "global")) {
			ok &= check_global(r, entry->value);
		}
	}
	return ok;
}

/* One of those that the pipeline wants. */
static bool is_wanted(const struct draft *draft, const char *task)
{
	for (size_t i = 0; i < draft->n_tasks; i++)
		if (!strcmp(draft->tasks[i], task))
			return true;
	return !draft->tasks;
}

static bool read_task(struct ktstr_reader *r, const struct ktstr_entry *task,
		      const struct ktstr_node *default_policy, struct ktstr_plan_workers *workers,
		      size_t *ret_n)
{
	struct ktstr_node node;

	if (!ktstr_rt_app_task(r, task, default_policy, &node) ||
	    (node.n && !ktstr_read_workers(r, &node, workers)))
		return false;
	*ret_n += node.n > 0;
	return true;
}

static bool read_root(struct ktstr_reader *r, const struct ktstr_node *root,
		      const struct draft *draft, struct ktstr_plan_workers **ret_items,
		      size_t *ret_n)
{
	const struct ktstr_entry *tasks, *global, *policy = NULL;
	bool ok;

	if (!ktstr_reader_expect(r, root, KTSTR_NODE_MAPPING, "an object with `tasks`"))
		return false;
	ok = check_top(r, root);
	tasks = ktstr_node_entry(root, "tasks");
	global = ktstr_node_entry(root, "global");
	if (global)
		policy = ktstr_node_entry(global->value, "default_policy");
	if (!tasks)
		return ktstr_reader_problem(r, root, "`tasks` is missing: without it nobody works");
	if (tasks->value->type != KTSTR_NODE_MAPPING)
		return false;
	if (!tasks->value->n || tasks->value->n > TASKS_MAX)
		return ktstr_reader_problem(r, tasks->value, "expected 1 to %d tasks", TASKS_MAX);
	*ret_items = ktstr_reader_alloc(r, tasks->value->n, sizeof(**ret_items));
	for (size_t i = 0; *ret_items && i < tasks->value->n; i++) {
		const struct ktstr_entry *task = &tasks->value->entries[i];

		if (is_wanted(draft, task->key))
			ok &= read_task(r, task, policy ? policy->value : NULL,
					&(*ret_items)[*ret_n], ret_n);
	}
	return ok && *ret_items;
}

/* Each of `tasks` is to be one of the file. */
static bool check_wanted(struct ktstr_reader *r, const struct ktstr_node *node,
			 const struct ktstr_node *root, const struct draft *draft)
{
	const struct ktstr_entry *list = ktstr_node_entry(node, "tasks");
	const struct ktstr_entry *tasks = ktstr_node_entry(root, "tasks");
	const char **names;
	bool ok = true;

	if (!tasks || tasks->value->type != KTSTR_NODE_MAPPING)
		return true;
	names = ktstr_reader_alloc(r, tasks->value->n, sizeof(*names));
	for (size_t i = 0; names && i < tasks->value->n; i++)
		names[i] = tasks->value->entries[i].key;
	for (size_t i = 0; names && i < draft->n_tasks; i++)
		if (!ktstr_node_entry(tasks->value, draft->tasks[i]))
			ok = ktstr_reader_problem(r, list->value->entries[i].value, "no task `%.80s` "
						  "in %s%s", draft->tasks[i], draft->file,
						  ktstr_reader_suggest(r, draft->tasks[i], names,
								       tasks->value->n));
	return ok && names;
}

/* The problems of the file, told at the place of the pipeline where it is named. */
static void forward(struct ktstr_reader *r, const struct ktstr_node *node, const char *path,
		    const struct ktstr_problems *problems)
{
	for (size_t i = 0; i < problems->list.n; i++) {
		const struct ktstr_problem *p = &problems->list.items[i];

		if (p->line)
			ktstr_reader_problem(r, node, "%s:%u:%u: %s", path, p->line, p->column, p->text);
		else
			ktstr_reader_problem(r, node, "%s: %s", path, p->text);
	}
	if (problems->overflow)
		ktstr_reader_problem(r, node, "%s: %zu more problems", path, problems->dropped);
}

static bool import(struct ktstr_reader *r, const struct ktstr_node *node,
		   const struct draft *draft, const char *path, const struct ktstr_buf *bytes,
		   struct ktstr_plan_workers **ret_items, size_t *ret_n)
{
	const struct ktstr_node *file = ktstr_node_entry(node, "rt-app")->value, *root = NULL;
	struct ktstr_problems problems = { 0 };
	struct ktstr_reader sub = *r;
	int ret;
	bool ok;

	sub.problems = &problems;
	ret = ktstr_json_parse(bytes->data ? (const char *)bytes->data : "", bytes->len, r->arena,
			       &problems, &root, NULL);
	ok = !ret && read_root(&sub, root, draft, ret_items, ret_n) && !problems.list.n;
	r->nomem |= sub.nomem || ret == -ENOMEM;
	forward(r, file, path, &problems);
	ktstr_problems_deinit(&problems);
	if (root && !check_wanted(r, node, root, draft))
		ok = false;
	for (size_t i = 0; ok && i < *ret_n; i++)
		(*ret_items)[i].workload.at = node->at;
	return ok;
}

bool ktstr_read_rt_app(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_plan_workers **ret_items, size_t *ret_n)
{
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	_cleanup_free_ char *path = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct draft draft = { 0 };
	int ret;

	*ret_items = NULL;
	*ret_n = 0;
	if (!ktstr_schema_read(&ktstr_schema_rt_app, r, node, &draft, NULL))
		return false;
	path = *draft.file == '/' || !strcmp(r->dir, ".") ? strdup(draft.file) :
		ktstr_asprintf("%s/%s", r->dir, draft.file);
	ret = path ? ktstr_file_read(path, KTSTR_YAML_MAX_BYTES, &bytes, &err) : -ENOMEM;
	r->nomem |= ret == -ENOMEM;
	if (ret)
		return ktstr_reader_problem(r, ktstr_node_entry(node, "rt-app")->value, "%s",
					    err.msg);
	return import(r, node, &draft, path, &bytes, ret_items, ret_n);
}
