/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that read pipelines: a registry with the plugins of tests/fixtures/plan alone. */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "plan/plan.h"
#include "plugin/loader.h"

#include <criterion/criterion.h>

#define FIXTURES "tests/fixtures/plan/.libs"

/* Tests run in the build tree. */
static inline struct ktstr_registry *fixture_registry(void)
{
	struct ktstr_registry *registry = ktstr_registry_alloc();
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert(registry);
	cr_assert_eq(ktstr_registry_load(registry, FIXTURES "/plan-plugins.so", &err), 0, "%s",
		     err.msg);
	return registry;
}

/* A plan from text that has to be right. */
static inline struct ktstr_plan *fixture_plan(struct ktstr_registry *registry, const char *path,
					      const char *text)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;
	int ret = ktstr_plan_load_bytes(path, text, strlen(text), registry, &problems, &plan, &err);

	cr_assert_eq(ret, 0, "%d: %s; %s", ret, err.msg,
		     problems.list.n ? problems.list.items[0].text : "no problem");
	ktstr_problems_deinit(&problems);
	return plan;
}

/* The printed problems of a text that has to be wrong; the caller frees them. */
static inline char *fixture_problems(struct ktstr_registry *registry, const char *path,
				     const void *text, size_t len)
{
	struct ktstr_plan *plan = (struct ktstr_plan *)registry;	/* must not be touched */
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf out = { 0 };
	int ret = ktstr_plan_load_bytes(path, text, len, registry, &problems, &plan, &err);

	cr_assert_eq(ret, -EINVAL, "%d: %s", ret, err.msg);
	cr_assert_eq((void *)plan, (void *)registry, "a plan was made of a bad file");
	ktstr_problems_print(&problems, path, &out);
	ktstr_problems_deinit(&problems);
	return ktstr_buf_steal_str(&out);
}

/* A manual page, docs/<name>, NUL-terminated; the caller frees it. */
static inline char *fixture_manual(const char *name)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/docs/%s", getenv("abs_top_srcdir"), name);
	struct ktstr_buf bytes = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, &err), 0, "%s", err.msg);
	return ktstr_buf_steal_str(&bytes);
}

/* Every example of it has to be a right pipeline, and there have to be at least `least`. */
static inline void fixture_examples(const char *name, size_t least)
{
	struct ktstr_registry *registry = fixture_registry();
	_cleanup_free_ char *manual = fixture_manual(name);
	size_t examples = 0;

	for (char *p = manual; (p = strstr(p, "```yaml\n")); examples++) {
		char *end = strstr(p + 3, "```\n");

		cr_assert(end);
		*end = '\0';
		ktstr_plan_destroy(fixture_plan(registry, name, p + 8));
		p = end + 1;
	}
	cr_assert_geq(examples, least);
	ktstr_registry_destroy(registry);
}

#endif
