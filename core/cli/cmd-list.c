/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr list: which pipeline files there are, and what each is for. */
#include "base/cleanup.h"
#include "base/install.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "cli/list-flags.h"
#include "plan/plan.h"

#include <fts.h>
#include <jansson.h>

struct found {
	char *path, *test, *description;	/* description: "" when there is none */
	char topology[32];
	bool scheduler;		/* describes one, and is no pipeline */
};

static void free_found(struct found *f)
{
	free(f->path);
	free(f->test);
	free(f->description);
}

struct list {
	struct ktstr_registry *registry;
	KTSTR_VEC(struct found) files;
	struct ktstr_buf problems;	/* one line each */
	int status;			/* the worst of all */
};

static void raise_status(struct list *list, int status)
{
	list->status = status > list->status ? status : list->status;
}

static void add_problem(struct list *list, int status, const char *text)
{
	ktstr_buf_printf(&list->problems, "ktstr: %s\n", text);
	raise_status(list, status);
}

static void no_memory(struct list *list)
{
	add_problem(list, KTSTR_EXIT_INTERNAL, "out of memory");
}

/* ---- looking ---- */

static void add_plan(struct list *list, const char *path, const struct ktstr_plan *plan)
{
	struct found *f = ktstr_vec_add(&list->files);

	if (!f) {
		no_memory(list);
		return;
	}
	f->path = strdup(path);
	f->test = strdup(plan->test);
	f->description = strdup(plan->description ? plan->description : "");
	f->scheduler = plan->only_scheduler;
	if (!f->scheduler)
		ktstr_topology_format(&plan->topology, f->topology, sizeof(f->topology));
	if (f->path && f->test && f->description)
		return;
	free_found(f);
	list->files.n--;
	no_memory(list);
}

/* A file with problems is told in the words of `ktstr check`; the rest is listed all the same. */
static void add_file(struct list *list, const char *path)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	const struct ktstr_plan_options options = { .descriptions = true };
	int ret = ktstr_plan_load_for(path, &options, list->registry, &problems, &plan, &err);

	if (!ret) {
		add_plan(list, path, plan);
	} else if (ret == -EINVAL && ktstr_problems_count(&problems)) {
		ktstr_problems_print(&problems, path, &list->problems);
		raise_status(list, KTSTR_EXIT_BAD_PIPELINE);
	} else {
		add_problem(list, ret == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS, err.msg);
	}
	ktstr_plan_destroy(plan);
	ktstr_problems_deinit(&problems);
}

static void look_at(struct list *list, const FTSENT *e)
{
	_cleanup_free_ char *text = NULL;

	switch (e->fts_info) {
	case FTS_F:
		if (e->fts_level == FTS_ROOTLEVEL || ktstr_is_yaml(e->fts_name))
			add_file(list, e->fts_path);
		return;
	case FTS_DNR: case FTS_ERR: case FTS_NS:
		text = ktstr_asprintf("%s: %s", e->fts_path, strerror(e->fts_errno));
		if (text)
			add_problem(list, KTSTR_EXIT_HOST_LACKS, text);
		else
			no_memory(list);
		return;
	default:
		return;
	}
}

static bool is_hidden(const FTSENT *e)
{
	return e->fts_level > FTS_ROOTLEVEL && e->fts_name[0] == '.';
}

/* Links are followed where they are named, not below: no loops. */
static void look_below(struct list *list, char *path)
{
	FTS *tree = fts_open((char *[]){ path, NULL }, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);

	if (!tree) {
		no_memory(list);
		return;
	}
	for (FTSENT *e; (e = fts_read(tree));) {
		if (is_hidden(e))
			fts_set(tree, e, FTS_SKIP);
		else
			look_at(list, e);
	}
	fts_close(tree);
}

/* By path, where the end of a folder's name comes before everything else: a folder's own files stand
 * together, and those below it follow. */
static int compare(const void *a, const void *b)
{
	const char *x = ((const struct found *)a)->path, *y = ((const struct found *)b)->path;
	const char *x_slash, *y_slash;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	x_slash = strchr(x, '/');
	y_slash = strchr(y, '/');
	if (!x_slash != !y_slash)
		return x_slash ? 1 : -1;
	if (*x == '/' || *y == '/')
		return *x == '/' ? -1 : 1;
	return (unsigned char)*x - (unsigned char)*y;
}

/* A path that was named twice, or lies below another one, is listed once. */
static void sort_files(struct list *list)
{
	size_t n = 0;

	if (list->files.n)
		qsort(list->files.items, list->files.n, sizeof(*list->files.items), compare);
	for (size_t i = 0; i < list->files.n; i++) {
		struct found *f = &list->files.items[i];

		if (!n || strcmp(f->path, list->files.items[n - 1].path)) {
			list->files.items[n++] = *f;
			continue;
		}
		free_found(f);
	}
	list->files.n = n;
}

/* ---- telling ---- */

/* Columns of a terminal: characters, so that a name with an umlaut does not shift its line. */
static int columns(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static const char *file_name(const struct found *f)
{
	const char *slash = strrchr(f->path, '/');

	return slash ? slash + 1 : f->path;
}

static bool same_folder(const struct found *a, const struct found *b)
{
	size_t len = (size_t)(file_name(a) - a->path);

	return len == (size_t)(file_name(b) - b->path) && !memcmp(a->path, b->path, len);
}

static void put_folder(struct ktstr_buf *out, const struct found *f)
{
	size_t len = (size_t)(file_name(f) - f->path);

	ktstr_buf_printf(out, "%s%.*s\n", out->len ? "\n" : "", len ? (int)len : 2, len ? f->path : "./");
}

/* The files of each folder below its path. */
static int put_text(const struct list *list, struct ktstr_buf *out)
{
	int width = 0;

	for (size_t i = 0; i < list->files.n; i++) {
		int w = columns(file_name(&list->files.items[i]));

		width = w > width ? w : width;
	}
	for (size_t i = 0; i < list->files.n; i++) {
		const struct found *f = &list->files.items[i];
		const char *name = file_name(f);

		if (!i || !same_folder(f, f - 1))
			put_folder(out, f);
		ktstr_buf_printf(out, "  %s%*s  %s%s\n", name, width - columns(name), "",
				 f->scheduler ? "a scheduler: " : "",
				 *f->description ? f->description : "-");
	}
	return out->failed ? -ENOMEM : 0;
}

static int put_json(const struct list *list, struct ktstr_buf *out)
{
	_cleanup_free_ char *text = NULL;
	json_t *array = json_array();
	bool ok = array;

	for (size_t i = 0; ok && i < list->files.n; i++) {
		const struct found *f = &list->files.items[i];

		ok = !json_array_append_new(array, json_pack("{s:s, s:s, s:s?, s:s?, s:s?}",
				"path", f->path, "kind", f->scheduler ? "scheduler" : "pipeline",
				"test", f->scheduler ? NULL : f->test,
				"description", *f->description ? f->description : NULL,
				"topology", *f->topology ? f->topology : NULL));
	}
	text = ok ? json_dumps(array, JSON_INDENT(2)) : NULL;
	json_decref(array);
	if (!text)
		return -ENOMEM;
	ktstr_buf_printf(out, "%s\n", text);
	return out->failed ? -ENOMEM : 0;
}

static void tell(struct list *list, bool json)
{
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = json ? put_json(list, &out) : put_text(list, &out);

	if (ret) {
		ktstr_err_set(&err, ret, json ? "out of memory, or a path that is not UTF-8" :
			      "out of memory");
		raise_status(list, ktstr_complain(KTSTR_EXIT_INTERNAL, &err));
	}
	fwrite(out.data ? (void *)out.data : "", 1, out.len, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		ktstr_err_errno(&err, errno, "cannot write to standard output");
		raise_status(list, ktstr_complain(KTSTR_EXIT_INTERNAL, &err));
	}
	fwrite(list->problems.data ? (void *)list->problems.data : "", 1, list->problems.len, stderr);
}

/* ---- the command ---- */

static void look(struct list *list, char **paths, int n)
{
	_cleanup_free_ char *own = NULL;

	if (!n)
		ktstr_data_folder("scenarios", &own, NULL);
	for (int i = 0; i < n; i++)
		look_below(list, paths[i]);
	if (!n)
		look_below(list, own ? own : (char []){ "." });
	sort_files(list);
}

static void list_deinit(struct list *list)
{
	for (size_t i = 0; i < list->files.n; i++)
		free_found(&list->files.items[i]);
	ktstr_vec_free(&list->files);
	ktstr_buf_free(&list->problems);
	ktstr_registry_destroy(list->registry);
}

static int run_list(int argc, char **argv)
{
	struct list list = { .status = KTSTR_EXIT_PASSED };
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool json = false, flags = false;
	int first = 1;

	for (; first < argc && argv[first][0] == '-'; first++) {
		if (!strcmp(argv[first], "--")) {
			first++;
			break;
		}
		if (!strcmp(argv[first], "--json"))
			json = true;
		else if (!strcmp(argv[first], "--flags"))
			flags = true;
		else
			return ktstr_usage_error(&ktstr_cmd_list, "list has no option %s", argv[first]);
	}
	if (flags && argc - first != 1)
		return ktstr_usage_error(&ktstr_cmd_list, "list --flags wants one file");
	if (ktstr_registry_create(&list.registry, &err) < 0)
		return ktstr_complain(err.code == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS,
				      &err);
	if (flags) {
		list.status = ktstr_list_flags(argv[first], list.registry, json);
	} else {
		look(&list, argv + first, argc - first);
		tell(&list, json);
	}
	list_deinit(&list);
	return list.status;
}

static const struct ktstr_option list_options[] = {
	{ .name = "--json", .help = "For programs" },
	{ 0 },
};
static const struct ktstr_option flags_options[] = {
	{ .name = "--json", .help = "For programs" },
	{ .name = "--flags", .help = "The sets of flags, instead of files" },
	{ 0 },
};
static const struct ktstr_verb verbs[] = {
	{ .args = "[PATH...]", .word = KTSTR_WORD_FILE, .options = list_options,
	  .help = "Lists the pipelines and the descriptions of schedulers below these paths, or those that came with "
		  "ktstr, and says what each is for." },
	{ .args = "FILE", .word = KTSTR_WORD_YAML, .options = flags_options,
	  .help = "With --flags: the sets of its scheduler's flags that can be on together." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_list = {
	.name = "list",
	.summary = "pipelines below these paths, or ktstr's own; --flags FILE: the sets of its flags",
	.verbs = verbs,
	.run = run_list,
};
