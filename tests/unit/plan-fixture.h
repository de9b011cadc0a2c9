/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that read pipelines: a registry with the plugins of tests/fixtures/plan alone. */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H

#include "base/cleanup.h"
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

#endif
