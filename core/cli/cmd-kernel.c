/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel: get kernels, say which there are and what can be done with one. */
#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "kernel/facts.h"
#include "kernel/kernel.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

/* What follows `ktstr kernel ACTION`. */
struct args {
	const char *spec;	/* NULL: none */
	bool json, debug;
};

struct action {
	const char *name;
	bool takes_spec, needs_spec, takes_json, takes_debug;
	int (*run)(const struct args *args);
};

static int complain(int code, const struct ktstr_err *err)
{
	int status = code == -ENOMEM ? KTSTR_EXIT_INTERNAL :
		     code == -EINVAL ? KTSTR_EXIT_USAGE : KTSTR_EXIT_HOST_LACKS;

	return ktstr_complain(status, err);
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void print_progress(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text);
}

static int run_fetch(const struct args *args)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;
	int r = (args->debug ? ktstr_kernel_fetch_debug : ktstr_kernel_fetch)(
		args->spec ? args->spec : "debian", print_progress, NULL, &k, &err);

	if (r)
		return complain(r, &err);
	printf("%s\n", k.release);
	if (!k.sched_ext)
		fprintf(stderr, "%s has no sched_ext: no scheduler can be loaded there\n",
			k.release);
	ktstr_kernel_deinit(&k);
	return KTSTR_EXIT_PASSED;
}

/* ---- list ---- */

/* The bytes that a kernel takes in the cache. */
static json_int_t size_of(const struct ktstr_kernel *k)
{
	_cleanup_closedir_ DIR *dir = opendir(k->dir);
	json_int_t total = 0;
	struct dirent *d;
	struct stat st;

	while (dir && (d = readdir(dir)))
		if (!fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			total += st.st_size;
	return total;
}

static json_t *to_json(const struct ktstr_kernel *k)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:b, s:b, s:b, "
			 "s:b, s:b, s:i, s:I}",
			 "release", k->release, "image", k->image, "elf", k->elf, "btf", k->btf,
			 "config", k->config, "debug", k->debug, "dir", k->dir, "build_tree", k->build_tree,
			 "build_id", k->build_id, "source", k->source, "fetched", k->fetched,
			 "pvh", k->pvh, "sched_ext", k->sched_ext,
			 "exit_tracepoint", k->exit_tracepoint,
			 "has_btf", k->btf != NULL, "hz", (int)k->hz, "size", size_of(k));
}

/* Takes the reference; NULL stands for what could not be made into JSON. */
static int print_json(json_t *value)
{
	_cleanup_free_ char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	json_decref(value);
	if (!text) {
		ktstr_err_set(&err, -ENOMEM, "out of memory, or a path that is not UTF-8");
		return complain(err.code, &err);
	}
	puts(text);
	return KTSTR_EXIT_PASSED;
}

static int print_list_json(const struct ktstr_kernel *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(array, to_json(&list[i]))) {
			json_decref(array);
			array = NULL;
		}
	return print_json(array);
}

static void print_list(const struct ktstr_kernel *list, size_t n)
{
	int width = (int)strlen("RELEASE");

	for (size_t i = 0; i < n; i++)
		if ((int)strlen(list[i].release) > width)
			width = (int)strlen(list[i].release);
	if (n)
		printf("%-*s  SCHED_EXT  BTF  DEBUG    SIZE  SOURCE\n", width, "RELEASE");
	for (size_t i = 0; i < n; i++)
		printf("%-*s  %-9s  %-3s  %-5s  %3lld MB  %s\n", width, list[i].release,
		       yes_no(list[i].sched_ext), yes_no(list[i].btf), yes_no(list[i].debug),
		       (long long)size_of(&list[i]) / 1000000,
		       list[i].source ? list[i].source : "-");
}

static int run_list(const struct args *args)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int status = KTSTR_EXIT_PASSED;
	struct ktstr_kernel *list;
	size_t n;
	int r = ktstr_kernel_list(&list, &n, &err);

	if (r)
		return complain(r, &err);
	if (args->json)
		status = print_list_json(list, n);
	else if (n)
		print_list(list, n);
	else
		fprintf(stderr, "no kernel is cached; get one with: ktstr kernel fetch\n");
	ktstr_kernel_list_free(list, n);
	return status;
}

/* ---- show ---- */

static void print_schedulers(const struct ktstr_kernel *k)
{
	_cleanup_free_ char *names = NULL;

	puts("ktstr can run sched_ext schedulers on it.");
	if (k->btf && !ktstr_facts_uncallable(k->btf, &names, NULL) && *names)
		printf("But no scheduler that calls one of these functions can be loaded there, since a fault of the "
		       "kernel's build left a parameter of the kernel's own in their BTF: %s.\n", names);
}

static void print_abilities(const struct ktstr_kernel *k)
{
	bool bare_elf = !strcmp(k->image, k->elf);

	if (k->sched_ext)
		print_schedulers(k);
	else if (k->btf)
		puts("ktstr cannot run sched_ext schedulers on it (its BTF has no struct "
		     "sched_ext_ops): only tests of the kernel's own scheduler.");
	else
		puts("ktstr cannot run sched_ext schedulers on it, nor read its types: it has no "
		     "BTF (CONFIG_DEBUG_INFO_BTF). Only tests of the kernel's own scheduler.");
	if (k->sched_ext && !k->exit_tracepoint)
		puts("ktstr cannot catch a scheduler's exit at a tracepoint there: it has no "
		     "sched_ext_exit.");
	if (k->pvh)
		puts("ktstr can boot its ELF directly (PVH), the fastest way.");
	else if (bare_elf)
		puts("ktstr cannot boot it: it is an ELF without the PVH entry (CONFIG_PVH). "
		     "Give its bzImage.");
	else
		puts("ktstr cannot boot its ELF directly (no CONFIG_PVH): it boots the bzImage, "
		     "which is slower.");
}

static void print_kernel(const struct ktstr_kernel *k)
{
	const struct { const char *name, *value; } rows[] = {
		{ "release", k->release }, { "image", k->image }, { "ELF", k->elf },
		{ "config", k->config }, { "build tree", k->build_tree }, { "source", k->source },
		{ "build id", k->build_id }, { "sched_ext", yes_no(k->sched_ext) },
		{ "BTF", k->btf ? k->btf : "no" }, { "debug file", k->debug },
		{ "exit tracepoint", yes_no(k->exit_tracepoint) },
		{ "PVH entry", yes_no(k->pvh) },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++)
		if (rows[i].value)
			printf("%-16s %s\n", rows[i].name, rows[i].value);
	if (k->hz)
		printf("%-16s %u\n\n", "HZ", k->hz);
	else
		printf("%-16s not known: no config was found\n\n", "HZ");
	print_abilities(k);
}

/* Looks only at what is here: a spec that would have to be fetched is an error with that advice. */
static int run_show(const struct args *args)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int status = KTSTR_EXIT_PASSED;
	struct ktstr_kernel k;
	int r = ktstr_kernel_find(args->spec, NULL, &k, &err);

	if (r)
		return complain(r, &err);
	if (args->json)
		status = print_json(to_json(&k));
	else
		print_kernel(&k);
	ktstr_kernel_deinit(&k);
	return status;
}

static int run_remove(const struct args *args)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int r = (args->debug ? ktstr_kernel_remove_debug : ktstr_kernel_remove)(args->spec, &err);

	return r ? complain(r, &err) : KTSTR_EXIT_PASSED;
}

/* ---- the command ---- */

static const struct action actions[] = {
	{ .name = "fetch", .takes_spec = true, .takes_debug = true, .run = run_fetch },
	{ .name = "list", .takes_json = true, .run = run_list },
	{ .name = "show", .takes_spec = true, .takes_json = true, .run = run_show },
	{ .name = "remove", .takes_spec = true, .needs_spec = true, .takes_debug = true, .run = run_remove },
};

static int parse_args(const struct action *action, int argc, char **argv, struct args *ret)
{
	struct args args = { 0 };
	bool options = true;

	for (int i = 2; i < argc; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && action->takes_json && !strcmp(argv[i], "--json"))
			args.json = true;
		else if (options && action->takes_debug && !strcmp(argv[i], "--debug"))
			args.debug = true;
		else if (options && argv[i][0] == '-')
			return ktstr_usage_error(&ktstr_cmd_kernel, "kernel %s has no option %s",
						 action->name, argv[i]);
		else if (!action->takes_spec || args.spec)
			return ktstr_usage_error(&ktstr_cmd_kernel, "kernel %s: %s is one argument too many",
						 action->name, argv[i]);
		else
			args.spec = argv[i];
	}
	if (action->needs_spec && !args.spec)
		return ktstr_usage_error(&ktstr_cmd_kernel, "kernel %s: an argument is missing", action->name);
	*ret = args;
	return KTSTR_EXIT_PASSED;
}

static int run_kernel(int argc, char **argv)
{
	const char *names[KTSTR_ARRAY_SIZE(actions)], *near;
	struct args args;
	int status;

	if (argc < 2)
		return ktstr_usage_error(&ktstr_cmd_kernel, "kernel: what about them?");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(actions); i++) {
		names[i] = actions[i].name;
		if (strcmp(argv[1], names[i]))
			continue;
		status = parse_args(&actions[i], argc, argv, &args);
		return status ? status : actions[i].run(&args);
	}
	near = ktstr_nearest(argv[1], names, KTSTR_ARRAY_SIZE(names));
	return ktstr_usage_error(&ktstr_cmd_kernel, "there is no kernel %s%s%s%s", argv[1],
				 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static const struct ktstr_option json_options[] = {
	{ .name = "--json", .help = "For programs" },
	{ 0 },
};
static const struct ktstr_option fetch_options[] = {
	{ .name = "--debug", .help = "The debug information of a kernel, too: for its source lines in reports" },
	{ 0 },
};
static const struct ktstr_option remove_options[] = {
	{ .name = "--debug", .help = "Only its debug information" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .name = "fetch", .args = "[debian|debian:SUITE|debian:VERSION]", .word = KTSTR_WORD_KERNEL, .options = fetch_options,
	  .help = "Gets a stock kernel of Debian through the mirror that apt uses, by default the newest." },
	{ .name = "list", .options = json_options, .help = "Lists the kernels in the cache." },
	{ .name = "show", .args = "[SPEC]", .word = KTSTR_WORD_KERNEL, .options = json_options,
	  .help = "Shows one kernel, and what ktstr can do with it. SPEC is a release or its beginning, an image, or a "
		  "build tree; without it, the kernel that a pipeline gets that names none." },
	{ .name = "remove", .args = "RELEASE", .word = KTSTR_WORD_KERNEL, .options = remove_options,
	  .help = "Removes a kernel from the cache." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_kernel = {
	.name = "kernel",
	.summary = "get and look at kernels",
	.verbs = verbs,
	.run = run_kernel,
};
