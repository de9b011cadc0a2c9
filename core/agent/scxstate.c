/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/scxstate.h"

#include "base/cleanup.h"

#include <fcntl.h>

/* First line of a small file; "" when it cannot be read. */
static void read_line(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

void ktstr_scx_read(const char *dir, struct ktstr_scx_state *ret)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char seq[32];

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return;
	ret->present = true;
	read_line(fd, "state", ret->state, sizeof(ret->state));
	read_line(fd, "root/ops", ret->ops, sizeof(ret->ops));
	read_line(fd, "enable_seq", seq, sizeof(seq));
	ret->enable_seq = strtoull(seq, NULL, 10);
}

enum ktstr_scx_verdict ktstr_scx_judge(const struct ktstr_scx_state *before,
				       const struct ktstr_scx_state *now)
{
	if (now->enable_seq <= before->enable_seq)
		return KTSTR_SCX_NOT_YET;
	return !strcmp(now->state, "enabled") && now->ops[0] ? KTSTR_SCX_ATTACHED : KTSTR_SCX_GONE;
}
