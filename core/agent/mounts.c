/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/mounts.h"

#include "base/vec.h"

#include <sys/mount.h>
#include <sys/stat.h>

struct mount_row {
	const char *type, *where;
	bool optional;		/* whoever needs it finds it missing and says so */
};

static int mount_rows(const struct mount_row *rows, size_t n, struct ktstr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct mount_row *row = &rows[i];

		mkdir(row->where, 0755);	/* mount() tells when this did not work */
		if (mount(row->type, row->where, row->type, 0, NULL) && errno != EBUSY &&
		    !row->optional)
			return ktstr_err_errno(err, errno, "mounting %s at %s", row->type,
					       row->where);
	}
	return 0;
}

int ktstr_mounts_early(struct ktstr_err *err)
{
	static const struct mount_row rows[] = {
		{ "devtmpfs", "/dev", false },
		{ "sysfs", "/sys", false },
		{ "proc", "/proc", false },
	};

	return mount_rows(rows, KTSTR_ARRAY_SIZE(rows), err);
}

int ktstr_mounts_rest(struct ktstr_err *err)
{
	static const struct mount_row rows[] = {
		{ "cgroup2", "/sys/fs/cgroup", false },
		{ "tracefs", "/sys/kernel/tracing", true },
		{ "debugfs", "/sys/kernel/debug", true },
		{ "bpf", "/sys/fs/bpf", true },
		{ "tmpfs", "/dev/shm", true },
		{ "devpts", "/dev/pts", true },
	};

	mkdir("/tmp", 01777);
	return mount_rows(rows, KTSTR_ARRAY_SIZE(rows), err);
}
