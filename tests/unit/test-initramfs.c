/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/cleanup.h"
#include "base/file.h"
#include "run/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <sys/stat.h>

Test(initramfs, holds_the_agent_and_a_console)
{
	_cleanup_buf_ struct ktstr_buf self = { 0 };
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	bool init = false, console = false;
	int fd;

	cr_assert_eq(ktstr_file_read("/proc/self/exe", 64 << 20, &self, NULL), 0);
	cr_assert_eq(ktstr_initramfs_create("/proc/self/exe", &fd, NULL), 0);
	lseek(fd, 0, SEEK_SET);
	archive_read_support_format_cpio(a);
	cr_assert_eq(archive_read_open_fd(a, fd, 4096), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		if (!strcmp(archive_entry_pathname(e), "init")) {
			char *copy = malloc(self.len);

			cr_assert_eq(archive_entry_size(e), (la_int64_t)self.len);
			cr_assert_eq(archive_entry_perm(e), 0755);
			cr_assert_eq(archive_read_data(a, copy, self.len), (la_ssize_t)self.len);
			cr_assert_arr_eq(copy, self.data, self.len);
			init = true;
			free(copy);
		}
		console |= !strcmp(archive_entry_pathname(e), "dev/console") &&
			   archive_entry_filetype(e) == AE_IFCHR && archive_entry_rdevmajor(e) == 5 &&
			   archive_entry_rdevminor(e) == 1;
	}
	archive_read_free(a);
	close(fd);
	cr_assert(init && console);
}

Test(initramfs, names_an_agent_that_is_not_there)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int fd;

	cr_assert_eq(ktstr_initramfs_create("/nonexistent/agent", &fd, &err), -ENOENT);
	cr_assert(strstr(err.msg, "/nonexistent/agent"), "%s", err.msg);
}
