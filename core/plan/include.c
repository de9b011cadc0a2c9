/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/include.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "plan/merge.h"

#include <ctype.h>
#include <sys/stat.h>

struct ktstr_loaded {
	struct ktstr_source source;	/* first: a node knows its file by that */
	const struct ktstr_loaded *by;	/* who named it first; NULL: the pipeline file */
	unsigned depth;
	bool open;			/* what it includes is being read */
	const struct ktstr_node *root;	/* merged; NULL: it could not be read */
};

__attribute__((format(printf, 3, 4)))
static const struct ktstr_node *problem(struct ktstr_loader *l, const struct ktstr_node *node,
					const char *fmt, ...)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	l->nomem |= b.failed;
	l->failed = true;
	ktstr_problem_add(l->problems, &node->at, "%.*s", (int)b.len, (const char *)b.data);
	return NULL;
}

static const char *keep(struct ktstr_loader *l, const char *text, size_t len)
{
	const char *kept = text ? ktstr_arena_strndup(l->arena, text, len) : NULL;

	l->nomem |= !kept;
	return kept;
}

/* ---- one file ---- */

static const char *path_of(const struct ktstr_loader *l, const struct ktstr_loaded *file)
{
	return file ? file->source.path : l->file;
}

/* "a.yaml -> b.yaml": from `first`, or from the pipeline file, to `last`. */
static void put_chain(const struct ktstr_loader *l, const struct ktstr_loaded *first,
		      const struct ktstr_loaded *last, struct ktstr_buf *out)
{
	if (last != first) {
		put_chain(l, first, last->by, out);
		ktstr_buf_puts(out, " -> ");
	}
	ktstr_buf_puts(out, path_of(l, last));
}

/* `by` would include `first`, or the pipeline file, again. */
static const struct ktstr_node *circle(struct ktstr_loader *l, const struct ktstr_node *name,
				       const struct ktstr_loaded *first,
				       const struct ktstr_loaded *by)
{
	_cleanup_buf_ struct ktstr_buf chain = { 0 };

	put_chain(l, first, by, &chain);
	l->nomem |= chain.failed;
	return problem(l, name, "a circle of files: %.*s -> %s", (int)chain.len,
		       (const char *)chain.data, path_of(l, first));
}

static const struct ktstr_node *too_deep(struct ktstr_loader *l, const struct ktstr_node *name,
					 const struct ktstr_loaded *by)
{
	_cleanup_buf_ struct ktstr_buf chain = { 0 };

	put_chain(l, NULL, by, &chain);
	l->nomem |= chain.failed;
	return problem(l, name, "files inside each other more than %u deep: %.*s",
		       KTSTR_INCLUDE_MAX_DEPTH, (int)chain.len, (const char *)chain.data);
}

/* The path from the pipeline file's folder, and from the working folder. */
static bool place(struct ktstr_loader *l, const struct ktstr_loaded *by, const char *name,
		  struct ktstr_source *ret)
{
	_cleanup_free_ char *inside = ktstr_path_join(by ? by->source.dir : ".", name);
	_cleanup_free_ char *path = inside ? ktstr_path_join(l->dir, inside) : NULL;
	const char *slash = inside ? strrchr(inside, '/') : NULL;

	if (!path) {
		l->nomem = true;
		return false;
	}
	ret->path = keep(l, path, strlen(path));
	ret->dir = !slash ? "." : keep(l, inside, slash == inside ? 1 : (size_t)(slash - inside));
	return ret->path && ret->dir;
}

static bool is_pipeline(struct ktstr_loader *l, const char *path)
{
	_cleanup_free_ char *own = ktstr_path_join("", l->file);

	l->nomem |= !own;
	return own && !strcmp(own, path);
}

static struct ktstr_loaded *find(const struct ktstr_loader *l, const char *path)
{
	for (size_t i = 0; i < l->files.n; i++)
		if (!strcmp(l->files.items[i]->source.path, path))
			return l->files.items[i];
	return NULL;
}

static struct ktstr_loaded *add(struct ktstr_loader *l, const struct ktstr_loaded *by,
				const struct ktstr_source *source)
{
	struct ktstr_loaded *file = ktstr_arena_zalloc(l->arena, sizeof(*file)), **slot;

	slot = file ? ktstr_vec_add(&l->files) : NULL;
	if (!slot) {
		l->nomem = true;
		return NULL;
	}
	file->source = *source;
	file->by = by;
	file->depth = by ? by->depth + 1 : 1;
	*slot = file;
	return file;
}

/* Anything else might never end, or never begin. */
static int read_ordinary(void *ctx, const char *path, struct ktstr_buf *ret, struct ktstr_err *err)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st))
		return ktstr_err_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return ktstr_err_set(err, -EINVAL, "%s is no ordinary file", path);
	return ktstr_file_read(path, KTSTR_YAML_MAX_BYTES, ret, err);
}

static bool read_text(struct ktstr_loader *l, const struct ktstr_node *name,
		      struct ktstr_source *source)
{
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	ktstr_read_file_fn *read = l->read ? l->read : read_ordinary;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = read(l->ctx, source->path, &bytes, &err);

	if (ret) {
		l->nomem |= ret == -ENOMEM;
		return problem(l, name, "%s", err.msg);
	}
	source->text = keep(l, bytes.data ? (const char *)bytes.data : "", bytes.len);
	source->len = bytes.len;
	return source->text;
}

/* All that is read counts, as does what merging makes of it: the sum bounds time and memory. */
static bool count(struct ktstr_loader *l, const struct ktstr_node *at, size_t values)
{
	l->values += values;
	if (l->values <= KTSTR_INCLUDE_MAX_VALUES)
		return true;
	problem(l, at, "more than %u values with all files that belong to it",
		KTSTR_INCLUDE_MAX_VALUES);
	return false;
}

/* ---- what it includes ---- */

static const struct ktstr_node *merge(struct ktstr_loader *l, const struct ktstr_node *over,
				      const struct ktstr_node *under)
{
	size_t made = 0;
	const struct ktstr_node *merged = ktstr_node_merge(l->arena, over, under, &made);

	l->nomem |= !merged;
	return merged && count(l, over, made) ? merged : NULL;
}

/* A file's name: one line, not empty. */
static bool check_name(struct ktstr_loader *l, const struct ktstr_node *name)
{
	if (name->type == KTSTR_NODE_BROKEN)
		return false;
	if (name->type != KTSTR_NODE_SCALAR || ktstr_node_is_null(name) || !*name->text)
		return problem(l, name, "expected a file's path, but this is %s",
			       name->type == KTSTR_NODE_SCALAR ? "empty" :
			       ktstr_node_type_name(name));
	for (const char *p = name->text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return problem(l, name, "a path is one line of text");
	return true;
}

/* What a list of files has to say, a later one over the earlier ones. */
static const struct ktstr_node *load_list(struct ktstr_loader *l, const struct ktstr_node *list)
{
	const struct ktstr_node *all = NULL, *one;

	for (size_t i = 0; i < list->n; i++) {
		const struct ktstr_node *name = list->entries[i].value;

		one = check_name(l, name) ? ktstr_loader_load(l, name) : NULL;
		all = one && all ? merge(l, one, all) : one ? one : all;
	}
	if (!list->n)
		return problem(l, list, "expected a file's path, or a list of them, but this is "
			       "empty");
	return all;
}

static const struct ktstr_node *expand(struct ktstr_loader *l, const struct ktstr_node *root)
{
	const struct ktstr_entry *entry = ktstr_node_entry(root, KTSTR_INCLUDE_KEY);
	const struct ktstr_node *own, *under;

	if (!count(l, root, root->total) || !entry)
		return l->failed ? NULL : root;
	if (entry->value->type == KTSTR_NODE_SEQUENCE)
		under = load_list(l, entry->value);
	else
		under = check_name(l, entry->value) ? ktstr_loader_load(l, entry->value) : NULL;
	own = ktstr_node_without(l->arena, root, KTSTR_INCLUDE_KEY);
	l->nomem |= !own;
	return own && under && !l->failed ? merge(l, own, under) : NULL;
}

const struct ktstr_node *ktstr_loader_expand(struct ktstr_loader *l, const struct ktstr_node *root)
{
	return expand(l, root);
}

static const struct ktstr_node *read_file(struct ktstr_loader *l, const struct ktstr_node *name,
					  struct ktstr_loaded *file)
{
	const struct ktstr_node *root;
	int ret;

	if (!read_text(l, name, &file->source))
		return NULL;
	ret = ktstr_yaml_parse_source(&file->source, l->arena, l->problems, &root, NULL);
	if (ret) {
		l->failed = true;
		l->nomem |= ret == -ENOMEM;
		return NULL;
	}
	if (root->type != KTSTR_NODE_MAPPING)
		return problem(l, root, "expected a mapping, but this is %s",
			       ktstr_node_type_name(root));
	file->open = true;
	root = expand(l, root);
	file->open = false;
	return root;
}

const struct ktstr_node *ktstr_loader_load(struct ktstr_loader *l, const struct ktstr_node *name)
{
	const struct ktstr_loaded *by = (const struct ktstr_loaded *)name->at.source;
	struct ktstr_source source = { 0 };
	struct ktstr_loaded *file;

	if (!place(l, by, name->text, &source))
		return NULL;
	if (is_pipeline(l, source.path))
		return circle(l, name, NULL, by);
	file = find(l, source.path);
	if (file && file->open)
		return circle(l, name, file, by);
	if (file)
		return file->root;
	if (by && by->depth == KTSTR_INCLUDE_MAX_DEPTH)
		return too_deep(l, name, by);
	if (l->files.n == KTSTR_INCLUDE_MAX_FILES)
		return problem(l, name, "more than %u files", KTSTR_INCLUDE_MAX_FILES);
	file = add(l, by, &source);
	if (file)
		file->root = read_file(l, name, file);
	return file ? file->root : NULL;
}

const struct ktstr_source *ktstr_loader_source(const struct ktstr_loader *l, size_t i)
{
	return i < l->files.n ? &l->files.items[i]->source : NULL;
}

void ktstr_loader_deinit(struct ktstr_loader *l)
{
	ktstr_vec_free(&l->files);
}
