/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/cgroup.h"

#include "agent-folder.h"

#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
	char *full = ktstr_asprintf("%s/%s", folder, path);
	bool found = !access(full, F_OK);

	free(full);
	return found;
}

Test(cgroup, is_made_with_the_cpu_controller, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };
	char *control = ktstr_asprintf("%s/cgroup.subtree_control", folder);

	folder_put("cgroup.subtree_control", "");
	cr_assert_eq(ktstr_cgroup_create(folder, "a", &err), 0, "%s", err.msg);
	cr_assert(exists("a"));
	cr_assert_eq(ktstr_file_read(control, 100, &b, NULL), 0);
	cr_assert_eq(b.len, 4);
	cr_assert_eq(memcmp(b.data, "+cpu", 4), 0);
	cr_assert_eq(ktstr_cgroup_create(folder, "a", &err), 0, "one that is there is fine: %s",
		     err.msg);
	cr_assert_eq(ktstr_cgroup_remove(folder, "a", &err), 0, "%s", err.msg);
	cr_assert_not(exists("a"));
	cr_assert_eq(ktstr_cgroup_remove(folder, "a", &err), 0, "one that is gone is fine: %s",
		     err.msg);
	ktstr_buf_free(&b);
	free(control);
}

Test(cgroup, a_nested_one_takes_its_parents_along, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	folder_put("cgroup.subtree_control", "");
	folder_put("a/cgroup.subtree_control", "");
	cr_assert_eq(ktstr_cgroup_create(folder, "a/b", &err), 0, "%s", err.msg);
	cr_assert(exists("a/b"));
	cr_assert_eq(ktstr_cgroup_remove(folder, "a/b", &err), 0, "%s", err.msg);
	cr_assert_not(exists("a/b"));
	cr_assert(exists("a"), "it is not empty");
}

Test(cgroup, without_a_controller_it_says_so, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_cgroup_create(folder, "a", &err), -ENOENT);
	cr_assert(strstr(err.msg, "enabling the cpu controller below"), "%s", err.msg);
	cr_assert_eq(ktstr_cgroup_add(folder, "a", 1, &err), -ENOENT);
	cr_assert_str_eq(err.msg, "moving process 1 into cgroup a: No such file or directory");
	folder_put("full/file", "");
	cr_assert_eq(ktstr_cgroup_remove(folder, "full", &err), -ENOTEMPTY);
	cr_assert_str_eq(err.msg, "removing cgroup full: Directory not empty");
}

Test(cgroup, names_that_lead_out_are_refused)
{
	static const char *const bad[] = { "", "/a", "..", "a/../b", "a//b", "a/", "../a" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_expect_eq(ktstr_cgroup_create("/nonexistent", bad[i], &err), -EINVAL, "%s",
			     bad[i]);
		cr_expect(strstr(err.msg, "is no name for a cgroup"), "%s", err.msg);
	}
}
