/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/cgroup.h"

#include "agent-folder.h"
#include "base/cleanup.h"

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
	cr_assert_eq(ktstr_cgroup_create(folder, "a", true, &err), 0, "%s", err.msg);
	cr_assert(exists("a"));
	cr_assert_eq(ktstr_file_read(control, 100, &b, NULL), 0);
	cr_assert_eq(b.len, 4);
	cr_assert_eq(memcmp(b.data, "+cpu", 4), 0);
	cr_assert_eq(ktstr_cgroup_create(folder, "a", true, &err), 0, "one that is there is fine: %s",
		     err.msg);
	cr_assert_eq(ktstr_cgroup_remove(folder, "a", &err), 0, "%s", err.msg);
	cr_assert_not(exists("a"));
	cr_assert_eq(ktstr_cgroup_remove(folder, "a", &err), 0, "one that is gone is fine: %s",
		     err.msg);
	ktstr_buf_free(&b);
	free(control);
}

Test(cgroup, is_made_without_a_controller, .init = folder_make, .fini = folder_remove)
{
	_cleanup_free_ char *control = ktstr_asprintf("%s/cgroup.subtree_control", folder);
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	folder_put("cgroup.subtree_control", "");
	cr_assert_eq(ktstr_cgroup_create(folder, "a", false, &err), 0, "%s", err.msg);
	cr_assert(exists("a"));
	cr_assert_eq(ktstr_file_read(control, 100, &b, NULL), 0);
	cr_assert_eq(b.len, 0);
}

Test(cgroup, a_nested_one_is_removed_alone, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	folder_put("cgroup.subtree_control", "");
	folder_put("a/cgroup.subtree_control", "");
	cr_assert_eq(ktstr_cgroup_create(folder, "a/b", true, &err), 0, "%s", err.msg);
	cr_assert(exists("a/b"));
	cr_assert_eq(ktstr_cgroup_remove(folder, "a/b", &err), 0, "%s", err.msg);
	cr_assert_not(exists("a/b"));
	cr_assert(exists("a"), "whoever made it removes it");
}

static char *read_back(const char *path)
{
	char *full = ktstr_asprintf("%s/%s", folder, path);
	struct ktstr_buf b = { 0 };

	cr_assert_eq(ktstr_file_read(full, 1000, &b, NULL), 0, "%s", full);
	free(full);
	return ktstr_buf_steal_str(&b);
}

static void holds(const char *path, const char *want)
{
	char *text = read_back(path);

	cr_expect_str_eq(text, want, "%s", path);
	free(text);
}

Test(cgroup, a_setting_enables_its_controller_above, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	folder_put("cgroup.subtree_control", "");
	folder_put("a/cgroup.subtree_control", "");
	folder_put("a/b/cpuset.cpus", "");
	folder_put("a/b/cgroup.freeze", "");
	cr_assert_eq(ktstr_cgroup_set(folder, "a/b", "cpuset.cpus", "0-3", &err), 0, "%s", err.msg);
	holds("cgroup.subtree_control", "+cpuset");
	holds("a/cgroup.subtree_control", "+cpuset");
	holds("a/b/cpuset.cpus", "0-3");
	folder_put("cgroup.subtree_control", "");
	cr_assert_eq(ktstr_cgroup_set(folder, "a/b", "cgroup.freeze", "1", &err), 0, "%s", err.msg);
	holds("cgroup.subtree_control", "");
	folder_put("a/b/cpuset.cpus", "");
	cr_assert_eq(ktstr_cgroup_set(folder, "a/b", "cpuset.cpus", "", &err), 0, "%s", err.msg);
	holds("a/b/cpuset.cpus", "\n");
	cr_assert_eq(ktstr_cgroup_set(folder, "a/b", "cpu.weight", "5", &err), -ENOENT);
	cr_assert_str_eq(err.msg, "writing \"5\" to cpu.weight of cgroup a/b: No such file or "
			 "directory");
	cr_assert_eq(ktstr_cgroup_set(folder, "c/d", "cpu.weight", "5", &err), -ENOENT);
	cr_assert(strstr(err.msg, "enabling the cpu controller in "), "%s", err.msg);
}

Test(cgroup, its_cpus_are_those_of_the_nearest_cpuset, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask cpus;

	folder_put("cpuset.cpus.effective", "0-7\n");
	folder_put("a/cpuset.cpus.effective", "2-3\n");
	folder_put("a/b/cgroup.procs", "");
	folder_put("c/cgroup.procs", "");
	cr_assert_eq(ktstr_cgroup_cpus(folder, "a/b", &cpus, &err), 0, "%s", err.msg);
	cr_assert_eq(cpus.bits[0], 0xc);
	cr_assert_eq(ktstr_cgroup_cpus(folder, "c", &cpus, &err), 0, "%s", err.msg);
	cr_assert_eq(cpus.bits[0], 0xff);
	cr_assert_eq(ktstr_cgroup_cpus(folder, "", &cpus, &err), 0, "%s", err.msg);
	cr_assert_eq(cpus.bits[0], 0xff);
	folder_put("c/cpuset.cpus.effective", "what\n");
	cr_assert_eq(ktstr_cgroup_cpus(folder, "c", &cpus, &err), -EBADMSG);
	cr_assert_str_eq(err.msg, "cpuset.cpus.effective of cgroup c is no list of CPUs: \"what\"");
}

Test(cgroup, without_a_controller_it_says_so, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_cgroup_create(folder, "a", true, &err), -ENOENT);
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

		cr_expect_eq(ktstr_cgroup_create("/nonexistent", bad[i], true, &err), -EINVAL, "%s",
			     bad[i]);
		cr_expect(strstr(err.msg, "is no name for a cgroup"), "%s", err.msg);
	}
}
