/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr template: the machines that are kept to be copied. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "cli/pipeline.h"
#include "run/run.h"

#include <time.h>

struct action {
	const char *name;
	int (*run)(struct ktstr_registry *registry, const char *cache_dir, int argc, char **argv);
};

/* ---- every vmm plugin that keeps templates ---- */

typedef int each_fn(const struct ktstr_vmm_ops *ops, void *ctx, struct ktstr_err *err);

/* Stops at the first that does not return 0. */
static int each_vmm(struct ktstr_registry *registry, each_fn *fn, void *ctx, struct ktstr_err *err)
{
	const struct ktstr_plugin *plugin;
	int ret = 0;

	for (size_t i = 0; !ret && (plugin = ktstr_registry_plugin(registry, i, NULL)); i++)
		if (plugin->kind == KTSTR_KIND_VMM &&
		    KTSTR_OP(plugin->ops, struct ktstr_vmm_ops, templates))
			ret = fn(plugin->ops, ctx, err);
	return ret;
}

/* ---- list ---- */

static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%F %T", &tm);
	printf("%s", text);
}

struct list {
	const char *cache_dir;
	size_t n;
	uint64_t bytes;
};

static void print_template(void *ctx, const struct ktstr_template *t)
{
	struct list *list = ctx;

	if (!list->n++)
		printf("%-32s  %6s  %-19s  %s\n", "NAME", "SIZE", "LAST USED", "MACHINE");
	list->bytes += t->bytes;
	printf("%-32s  %3llu MB  ", t->name, (unsigned long long)t->bytes / 1000000);
	print_time(t->used_ns);
	if (t->broken)
		printf("  will not be used: %s\n", t->broken);
	else
		printf("  %s, %s\n", t->kernel, t->machine);
}

static int list_vmm(const struct ktstr_vmm_ops *ops, void *ctx, struct ktstr_err *err)
{
	struct list *list = ctx;

	return ops->templates(list->cache_dir, print_template, list, err);
}

static int run_list(struct ktstr_registry *registry, const char *cache_dir, int argc, char **argv)
{
	struct list list = { .cache_dir = cache_dir };
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (argc)
		return ktstr_usage_error(&ktstr_cmd_template, "%s is one argument too many", argv[0]);
	if (each_vmm(registry, list_vmm, &list, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	if (list.n)
		printf("%zu template%s, %llu MB\n", list.n, list.n == 1 ? "" : "s",
		       (unsigned long long)list.bytes / 1000000);
	else
		fprintf(stderr, "no template is kept yet\n");
	return KTSTR_EXIT_PASSED;
}

/* ---- warm ---- */

static int warm_file(struct ktstr_registry *registry, const char *file)
{
	const struct ktstr_run_options options = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	enum ktstr_warm warm;
	int status = ktstr_load_plan(file, &(struct ktstr_plan_options){ 0 }, registry, &plan);

	if (status)
		return status;
	if (ktstr_run_warm(plan, &options, &warm, &err)) {
		ktstr_err_prefix(&err, "%s", file);
		status = ktstr_complain(KTSTR_EXIT_HOST_LACKS, &err);
	} else {
		printf("%s: %s\n", file, warm == KTSTR_WARM_MADE ? "made" : "is there");
	}
	ktstr_plan_destroy(plan);
	return status;
}

/* All files are tried; the worst of them, which is the highest number, is the status. */
static int run_warm(struct ktstr_registry *registry, const char *cache_dir, int argc, char **argv)
{
	int status = KTSTR_EXIT_PASSED;

	(void)cache_dir;
	if (!argc)
		return ktstr_usage_error(&ktstr_cmd_template, "template warm wants pipeline files");
	for (int i = 0; i < argc; i++) {
		int one = warm_file(registry, argv[i]);

		status = one > status ? one : status;
	}
	return status;
}

/* ---- remove ---- */

struct removal {
	const char *cache_dir, *name;	/* name NULL: all */
	const struct ktstr_vmm_ops *ops;
	KTSTR_VEC(char *) names;
	bool nomem;
};

static void note_name(void *ctx, const struct ktstr_template *t)
{
	struct removal *r = ctx;
	char **slot;

	if (r->name && strcmp(r->name, t->name))
		return;
	slot = ktstr_vec_add(&r->names);
	if (slot)
		*slot = strdup(t->name);
	r->nomem |= !slot || !*slot;
}

static int remove_vmm(const struct ktstr_vmm_ops *ops, void *ctx, struct ktstr_err *err)
{
	struct removal *r = ctx;
	size_t first = r->names.n;
	int ret = ops->templates(r->cache_dir, note_name, r, err);

	if (!ret && r->nomem)
		ret = ktstr_err_nomem(err);
	for (size_t i = first; !ret && i < r->names.n; i++) {
		ret = ops->template_remove(r->cache_dir, r->names.items[i], err);
		if (ret == -ENOENT)
			ret = 0;	/* somebody else was faster */
	}
	return ret;
}

static int remove_name(struct ktstr_registry *registry, const char *cache_dir, const char *name)
{
	struct removal r = { .cache_dir = cache_dir, .name = name };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = each_vmm(registry, remove_vmm, &r, &err);
	size_t n = r.names.n;

	for (size_t i = 0; i < n; i++)
		free(r.names.items[i]);
	ktstr_vec_free(&r.names);
	if (ret)
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	if (n || !name)
		return KTSTR_EXIT_PASSED;
	ktstr_err_set(&err, -ENOENT, "there is no template %s; `ktstr template list` shows them", name);
	return ktstr_complain(KTSTR_EXIT_HOST_LACKS, &err);
}

static int run_remove(struct ktstr_registry *registry, const char *cache_dir, int argc, char **argv)
{
	int status = KTSTR_EXIT_PASSED;

	if (!argc)
		return ktstr_usage_error(&ktstr_cmd_template, "template remove wants names, or --all");
	if (argc == 1 && !strcmp(argv[0], "--all"))
		return remove_name(registry, cache_dir, NULL);
	for (int i = 0; i < argc; i++) {
		int one = remove_name(registry, cache_dir, argv[i]);

		status = one > status ? one : status;
	}
	return status;
}

/* ---- the command ---- */

static const struct action actions[] = {
	{ "list", run_list },
	{ "warm", run_warm },
	{ "remove", run_remove },
};

static int run_action(const struct action *action, int argc, char **argv)
{
	_cleanup_free_ char *cache_dir = NULL;
	struct ktstr_registry *registry = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int status;

	if (ktstr_cache_dir("vmm", &cache_dir, &err) || ktstr_registry_create(&registry, &err))
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	status = action->run(registry, cache_dir, argc, argv);
	ktstr_registry_destroy(registry);
	return status;
}

static int run_template(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < KTSTR_ARRAY_SIZE(actions); i++)
		if (!strcmp(argv[1], actions[i].name))
			return run_action(&actions[i], argc - 2, argv + 2);
	if (argc < 2)
		return ktstr_usage_error(&ktstr_cmd_template, "template: what about them?");
	return ktstr_usage_error(&ktstr_cmd_template, "there is no template %s", argv[1]);
}

static const struct ktstr_option remove_options[] = {
	{ .name = "--all", .help = "All of them" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .name = "list", .help = "Lists the booted VMs that are kept to be copied." },
	{ .name = "warm", .args = "FILE...", .word = KTSTR_WORD_YAML,
	  .help = "Makes the templates of these pipelines, unless they are there." },
	{ .name = "remove", .args = "NAME...", .word = KTSTR_WORD_TEMPLATE, .options = remove_options,
	  .help = "Removes some of them, or all." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_template = {
	.name = "template",
	.summary = "the VMs that are kept to be copied",
	.verbs = verbs,
	.run = run_template,
};
