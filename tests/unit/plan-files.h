/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of pipelines that consist of several files, which are not on disk. */
#ifndef TESTS_UNIT_PLAN_FILES_H
#define TESTS_UNIT_PLAN_FILES_H

#include "plan-fixture.h"

/* Ends with a file without a path; the first one is the pipeline. */
struct file {
	const char *path, *text;
};

static inline int fixture_read(void *ctx, const char *path, struct ktstr_buf *ret,
			       struct ktstr_err *err)
{
	for (const struct file *f = ctx; f->path; f++)
		if (!strcmp(f->path, path)) {
			ktstr_buf_puts(ret, f->text);
			return ret->failed ? ktstr_err_nomem(err) : 0;
		}
	return ktstr_err_errno(err, ENOENT, "%s", path);
}

static inline struct ktstr_plan_options fixture_options(const struct file *files)
{
	return (struct ktstr_plan_options){ .read = fixture_read, .ctx = (void *)files };
}

/* The plan of files that have to be right. */
static inline struct ktstr_plan *fixture_files_plan(struct ktstr_registry *registry,
						    const struct file *files,
						    struct ktstr_plan_options options)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf text = { 0 };
	struct ktstr_plan *plan = NULL;
	int ret = ktstr_plan_load_for(files->path, &options, registry, &problems, &plan, &err);

	ktstr_problems_print(&problems, files->path, &text);
	cr_assert_eq(ret, 0, "%d: %s; %.*s", ret, err.msg, (int)text.len, (char *)text.data);
	ktstr_buf_free(&text);
	ktstr_problems_deinit(&problems);
	return plan;
}

/* The printed problems of files that have to be wrong, without the line that counts them. */
static inline char *fixture_files_problems(struct ktstr_registry *registry,
					   const struct file *files,
					   struct ktstr_plan_options options)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	struct ktstr_buf out = { 0 };
	int ret = ktstr_plan_load_for(files->path, &options, registry, &problems, &plan, &err);
	char *text, *last;

	cr_assert_eq(ret, -EINVAL, "%d: %s", ret, err.msg);
	cr_assert_null(plan);
	ktstr_problems_print(&problems, files->path, &out);
	ktstr_problems_deinit(&problems);
	text = ktstr_buf_steal_str(&out);
	cr_assert(*text, "no problem: %s", err.msg);
	text[strlen(text) - 1] = '\0';
	last = strrchr(text, '\n');
	if (last)
		last[1] = '\0';
	return text;
}

#endif
