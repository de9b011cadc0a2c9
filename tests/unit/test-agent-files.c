/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/files.h"
#include "agent/setup.h"

#include "agent-folder.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <sys/stat.h>
#include <unistd.h>

static struct ktstr_files files;

static void setup(void)
{
	folder_make();
	files = (struct ktstr_files)KTSTR_FILES_INIT(folder);
}

static void teardown(void)
{
	ktstr_files_deinit(&files);
	folder_remove();
}

/* A NULL data or link is left out. */
static int take(const char *path, const char *data, uint64_t offset, uint64_t size,
		const char *link, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_fields msg;
	int ret;

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "path", path);
	ktstr_put_u64(&b, "mode", 0751);
	ktstr_put_u64(&b, "size", size);
	ktstr_put_u64(&b, "offset", offset);
	if (data)
		ktstr_put_bytes(&b, "data", data, strlen(data));
	ktstr_put_str(&b, "link", link);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &msg));
	ret = ktstr_files_take(&files, &msg, err);
	ktstr_buf_free(&b);
	return ret;
}

static void expect_file(const char *path, const char *text)
{
	char *full = ktstr_asprintf("%s%s", folder, path);
	struct ktstr_buf b = { 0 };
	struct stat st;

	cr_assert_eq(ktstr_file_read(full, 1000, &b, NULL), 0);
	cr_assert_eq(b.len, strlen(text));
	cr_assert_eq(memcmp(b.data, text, b.len), 0);
	cr_assert_eq(stat(full, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0751);
	ktstr_buf_free(&b);
	free(full);
}

Test(files, come_in_pieces_into_new_folders, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(take("/run/ktstr/bin/sched", "abc", 0, 6, NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_files_check(&files, &err), -EPIPE);
	cr_assert(strstr(err.msg, "only 3 of 6 bytes came"), "%s", err.msg);
	cr_assert_eq(take("/run/ktstr/bin/sched", "def", 3, 6, NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_files_check(&files, &err), 0);
	expect_file("/run/ktstr/bin/sched", "abcdef");
	cr_assert_eq(take("/empty", "", 0, 0, NULL, &err), 0, "%s", err.msg);
	expect_file("/empty", "");
}

Test(files, replace_a_link_and_not_what_it_points_at, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	char *link = ktstr_asprintf("%s/b/link", folder), target[64] = "";

	cr_assert_eq(take("/a", "kept", 0, 4, NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(take("/b/link", NULL, 0, 0, "../a", &err), 0, "%s", err.msg);
	cr_assert_eq(take("/b/link", NULL, 0, 0, "/a", &err), 0, "%s", err.msg);
	cr_assert_eq(readlink(link, target, sizeof(target)), 2);
	cr_assert_eq(memcmp(target, "/a", 2), 0);
	cr_assert_eq(take("/b/link", "new", 0, 3, NULL, &err), 0, "%s", err.msg);
	expect_file("/a", "kept");
	expect_file("/b/link", "new");
	free(link);
}

Test(files, refuse_paths_that_lead_elsewhere, .init = setup, .fini = teardown)
{
	static const char *const bad[] = { "", "/", "relative", "/a/../b", "/..", "/a/..", "/a/" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_expect_eq(take(bad[i], "x", 0, 1, NULL, &err), -EINVAL, "\"%s\"", bad[i]);
		cr_expect(strstr(err.msg, "must be absolute and without"), "%s", err.msg);
		cr_expect_eq(take(bad[i], NULL, 0, 0, "/etc", &err), -EINVAL, "\"%s\"", bad[i]);
	}
	cr_assert_eq(take("/a..b/..c", "x", 0, 1, NULL, NULL), 0);
}

Test(files, refuse_pieces_that_do_not_fit, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(take("/a", "x", 5, 9, NULL, &err), -EINVAL);
	cr_assert(strstr(err.msg, "its beginning did not come"), "%s", err.msg);
	cr_assert_eq(take("/a", "abcd", 0, 3, NULL, &err), -EINVAL);
	cr_assert(strstr(err.msg, "a piece of 4 bytes at 0, but 0 of 3 bytes are here"), "%s",
		  err.msg);
	cr_assert_eq(take("/a", "ab", 0, 9, NULL, &err), 0);
	cr_assert_eq(take("/a", "d", 3, 9, NULL, &err), -EINVAL);
	cr_assert(strstr(err.msg, "at 3, but 2 of 9"), "%s", err.msg);
	cr_assert_eq(take("/a", "c", 2, 9, NULL, &err), -EINVAL, "a refused piece ends its file");
	cr_assert_eq(take("/a", NULL, 0, 9, NULL, &err), -EINVAL);
	cr_assert(strstr(err.msg, "has no data"), "%s", err.msg);
}

Test(files, name_what_could_not_be_written, .init = setup, .fini = teardown)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(take("/file", "x", 0, 1, NULL, &err), 0);
	cr_assert_eq(take("/file/below", "x", 0, 1, NULL, &err), -ENOTDIR);
	cr_assert(strstr(err.msg, "/file"), "%s", err.msg);
	cr_assert_eq(take("/dir/a", "x", 0, 1, NULL, &err), 0);
	cr_assert_eq(take("/dir", "x", 0, 1, NULL, &err), -EISDIR);
	cr_assert(strstr(err.msg, "replacing"), "%s", err.msg);
}

/* Not a file that arrives, but one that is written: a setting of the kernel's. */
TestSuite(sysctl, .init = setup, .fini = teardown);

Test(sysctl, is_written_or_told)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/knob", folder), *want = NULL;
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_write(path, "0", 1, 0600, NULL), 0);
	cr_assert_eq(ktstr_setup_sysctl(folder, "knob", "1", &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_file_read(path, 16, &bytes, NULL), 0);
	cr_assert(bytes.len == 1 && !memcmp(bytes.data, "1", 1));
	want = ktstr_asprintf("sysctl: opening %s/none to write \"7\": No such file or directory",
			      folder);
	cr_assert_eq(ktstr_setup_sysctl(folder, "none", "7", &err), -ENOENT);
	cr_assert_str_eq(err.msg, want);
	cr_assert_eq(ktstr_setup_sysctl("/dev", "full", "7", &err), -ENOSPC);
	cr_assert_str_eq(err.msg, "sysctl: writing \"7\" to /dev/full: No space left on device");
}
