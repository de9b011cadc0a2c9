/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/initramfs.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* One entry of the archive. */
struct node {
	const char *path;
	mode_t type, mode;
	dev_t device;
	const void *data;
	size_t len;
};

static int add_node(struct archive *a, const struct node *node, struct ktstr_err *err)
{
	struct archive_entry *e = archive_entry_new();
	int ret = 0;

	if (!e)
		return ktstr_err_nomem(err);
	archive_entry_set_pathname(e, node->path);
	archive_entry_set_filetype(e, node->type);
	archive_entry_set_perm(e, node->mode);
	archive_entry_set_size(e, (la_int64_t)node->len);
	archive_entry_set_rdev(e, node->device);
	archive_entry_set_nlink(e, node->type == AE_IFDIR ? 2 : 1);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    (node->len && archive_write_data(a, node->data, node->len) != (la_ssize_t)node->len))
		ret = ktstr_err_set(err, -EIO, "initramfs entry %s: %s", node->path,
				    archive_error_string(a));
	archive_entry_free(e);
	return ret;
}

static int write_archive(int fd, const struct ktstr_buf *init, struct ktstr_err *err)
{
	const struct node nodes[] = {
		{ .path = "dev", .type = AE_IFDIR, .mode = 0755 },
		{ .path = "dev/console", .type = AE_IFCHR, .mode = 0600, .device = makedev(5, 1) },
		{ .path = "init", .type = AE_IFREG, .mode = 0755, .data = init->data, .len = init->len },
	};
	struct archive *a = archive_write_new();
	int ret = 0;

	if (!a)
		return ktstr_err_nomem(err);
	archive_write_set_format_cpio_newc(a);
	archive_write_add_filter_none(a);
	if (archive_write_open_fd(a, fd) != ARCHIVE_OK)
		ret = ktstr_err_set(err, -EIO, "initramfs: %s", archive_error_string(a));
	for (size_t i = 0; !ret && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		ret = add_node(a, &nodes[i], err);
	if (archive_write_free(a) != ARCHIVE_OK && !ret)
		ret = ktstr_err_set(err, -EIO, "initramfs: the archive could not be finished");
	return ret;
}

int ktstr_initramfs_create(const char *agent, int *ret_fd, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf init = { 0 };
	_cleanup_close_ int fd = memfd_create("ktstr-initramfs", MFD_CLOEXEC);
	int ret = ktstr_file_read(agent, 64 << 20, &init, err);

	if (ret)
		return ret;
	if (fd < 0)
		return ktstr_err_errno(err, errno, "memfd_create for the initramfs");
	ret = write_archive(fd, &init, err);
	if (!ret)
		*ret_fd = ktstr_steal_fd(fd);
	return ret;
}
