/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/copies.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <limits.h>

/* A file that the pipeline consists of. */
struct copy {
	char *path;		/* absolute */
	const char *text;
	size_t len;
};

struct copies {
	KTSTR_VEC(struct copy) list;	/* the pipeline file first */
	size_t common;			/* so many bytes of all paths are the same, up to a slash */
};

static void copies_deinit(struct copies *copies)
{
	for (size_t i = 0; i < copies->list.n; i++)
		free(copies->list.items[i].path);
	ktstr_vec_free(&copies->list);
}

static bool add(struct copies *copies, const char *cwd, const char *path, const char *text,
		size_t len)
{
	struct copy *copy = ktstr_vec_add(&copies->list);

	if (!copy)
		return false;
	*copy = (struct copy){ ktstr_path_join(cwd, path), text, len };
	return copy->path;
}

static size_t common_bytes(const char *a, const char *b, size_t most)
{
	size_t slash = 0;

	for (size_t i = 0; i < most && a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			slash = i + 1;
	return slash;
}

static int collect(const struct ktstr_plan *plan, struct copies *copies, struct ktstr_err *err)
{
	char cwd[PATH_MAX];
	const char *first;
	bool ok;

	if (!getcwd(cwd, sizeof(cwd)))
		return ktstr_err_errno(err, errno, "the working folder");
	ok = add(copies, cwd, plan->file, plan->text, plan->text_len);
	for (size_t i = 0; ok && i < plan->sources.n; i++) {
		const struct ktstr_source *source = plan->sources.items[i];

		ok = add(copies, cwd, source->path, source->text, source->len);
	}
	if (!ok)
		return ktstr_err_nomem(err);
	first = copies->list.items[0].path;
	copies->common = strlen(first);
	for (size_t i = 0; i < copies->list.n; i++)
		copies->common = common_bytes(first, copies->list.items[i].path, copies->common);
	return 0;
}

static int write_copy(const char *dir, const struct copies *copies, const struct copy *copy,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/" KTSTR_COPIES_DIR "/%s", dir,
						   copy->path + copies->common);
	_cleanup_free_ char *folder = path ? strndup(path, (size_t)(strrchr(path, '/') - path)) : NULL;
	int ret = folder ? ktstr_mkdirs(folder, err) : ktstr_err_nomem(err);

	return ret ? ret : ktstr_file_write(path, copy->text, copy->len, 0644, err);
}

/* A YAML scalar in double quotes. */
static void put_quoted(struct ktstr_buf *out, const char *text)
{
	ktstr_buf_puts(out, "\"");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			ktstr_buf_printf(out, "\\x%02x", *p);
		else
			ktstr_buf_printf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
	ktstr_buf_puts(out, "\"");
}

static int write_pipeline(const char *dir, const void *text, size_t len, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/pipeline.yaml", dir);

	return path ? ktstr_file_write(path, text, len, 0644, err) : ktstr_err_nomem(err);
}

/* Its name is that of the run: the pipeline file may owe it to its own name. */
static int write_stub(const struct ktstr_plan *plan, const char *dir, const struct copies *copies,
		      struct ktstr_err *err)
{
	const char *name = copies->list.items[0].path + copies->common;
	_cleanup_free_ char *file = ktstr_asprintf(KTSTR_COPIES_DIR "/%s", name);
	_cleanup_buf_ struct ktstr_buf text = { 0 };

	if (!file)
		return ktstr_err_nomem(err);
	ktstr_buf_puts(&text, "# Written by ktstr: the test consists of the files below "
		       KTSTR_COPIES_DIR "/.\ntest: ");
	put_quoted(&text, plan->test);
	ktstr_buf_puts(&text, "\ninclude: ");
	put_quoted(&text, file);
	ktstr_buf_puts(&text, "\n");
	return text.failed ? ktstr_err_nomem(err) : write_pipeline(dir, text.data, text.len, err);
}

int ktstr_copies_write(const struct ktstr_plan *plan, const char *dir, struct ktstr_err *err)
{
	struct copies copies = { 0 };
	int ret;

	if (!plan->sources.n)
		return write_pipeline(dir, plan->text, plan->text_len, err);
	ret = collect(plan, &copies, err);
	for (size_t i = 0; !ret && i < copies.list.n; i++)
		ret = write_copy(dir, &copies, &copies.list.items[i], err);
	if (!ret)
		ret = write_stub(plan, dir, &copies, err);
	copies_deinit(&copies);
	return ret;
}
