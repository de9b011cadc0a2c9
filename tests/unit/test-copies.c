/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run keeps of its files is the same test again. */
#include "plan-fixture.h"
#include "run/copies.h"

#include <unistd.h>

static char base[] = "/tmp/ktstr-test-copies.XXXXXX";

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *folder = ktstr_path_join(path, "..");

	cr_assert_eq(ktstr_mkdirs(folder, NULL), 0);
	cr_assert_eq(ktstr_file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void holds(const char *path, const char *text)
{
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, &err), 0, "%s", err.msg);
	cr_assert_eq(bytes.len, strlen(text), "%s: %.*s", path, (int)bytes.len, (char *)bytes.data);
	cr_assert_eq(memcmp(bytes.data, text, bytes.len), 0, "%s", path);
}

static struct ktstr_plan *load(struct ktstr_registry *registry, const char *path)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_plan *plan = NULL;

	cr_assert_eq(ktstr_plan_load(path, registry, &problems, &plan, &err), 0, "%s: %s", err.msg,
		     problems.list.n ? problems.list.items[0].text : "");
	ktstr_problems_deinit(&problems);
	return plan;
}

#define ONE "scenario: {duration: 1s}\n"
#define MAIN "include: ../lib/a.yaml\nmemory: 1G\n"
#define A "include: [sub/b.yaml, ../lib/./sub/c.yaml]\n" ONE
#define B "topology: 1n2l2c1t\n"
#define C "description: of c\n"

static void begin(struct ktstr_registry **registry)
{
	*registry = fixture_registry();
	cr_assert(mkdtemp(base));
	cr_assert_eq(chdir(base), 0);
	put("t/one.yaml", ONE);
	put("t/say \"\\.yaml", MAIN);
	put("lib/a.yaml", A);
	put("lib/sub/b.yaml", B);
	put("lib/sub/c.yaml", C);
	cr_assert_eq(ktstr_mkdirs("run", NULL), 0);
}

static void end(struct ktstr_registry *registry)
{
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(ktstr_remove_tree(base, NULL), 0);
	ktstr_registry_destroy(registry);
}

Test(copies, one_file_is_kept_as_it_is)
{
	struct ktstr_registry *registry;
	struct ktstr_plan *plan;
	struct ktstr_err err = KTSTR_ERR_INIT;

	begin(&registry);
	plan = load(registry, "t/one.yaml");
	cr_assert_eq(ktstr_copies_write(plan, "run", &err), 0, "%s", err.msg);
	holds("run/pipeline.yaml", ONE);
	cr_assert(access("run/" KTSTR_COPIES_DIR, F_OK));
	ktstr_plan_destroy(plan);
	end(registry);
}

/* From wherever it was loaded. */
static void keeps_the_test(struct ktstr_registry *registry, const char *path)
{
	struct ktstr_plan *plan = load(registry, path), *again;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_copies_write(plan, "run", &err), 0, "%s", err.msg);
	ktstr_plan_destroy(plan);
	cr_assert_eq(rename("lib", "gone"), 0, "the originals are out of reach");
	holds("run/files/t/say \"\\.yaml", MAIN);
	holds("run/files/lib/a.yaml", A);
	holds("run/files/lib/sub/b.yaml", B);
	holds("run/files/lib/sub/c.yaml", C);
	again = load(registry, "run/pipeline.yaml");
	cr_expect_str_eq(again->test, "say \"\\");
	cr_expect_str_eq(again->description, "of c");
	cr_expect_eq(again->memory_bytes, 1ull << 30);
	cr_expect_eq(again->topology.llcs, 2);
	ktstr_plan_destroy(again);
	cr_assert_eq(rename("gone", "lib"), 0);
	cr_assert_eq(ktstr_remove_tree("run/files", NULL), 0);
}

Test(copies, several_files_are_the_same_test_again)
{
	_cleanup_free_ char *absolute = NULL;
	struct ktstr_registry *registry;

	begin(&registry);
	absolute = ktstr_asprintf("%s/lib/../t/say \"\\.yaml", base);
	keeps_the_test(registry, "t/say \"\\.yaml");
	keeps_the_test(registry, absolute);
	end(registry);
}

Test(copies, a_folder_that_cannot_be_written_is_an_error)
{
	struct ktstr_registry *registry;
	struct ktstr_plan *plan;
	struct ktstr_err err = KTSTR_ERR_INIT;

	begin(&registry);
	plan = load(registry, "t/say \"\\.yaml");
	put("run/files", "in the way");
	cr_assert_neq(ktstr_copies_write(plan, "run", &err), 0);
	cr_expect(strstr(err.msg, "run/files"), "%s", err.msg);
	ktstr_plan_destroy(plan);
	end(registry);
}
