/* SPDX-License-Identifier: GPL-2.0-only */
#include "running-guest.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int open_ram(const char *pid)
{
	char path[64], link[320], target[128];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "memfd:ktstr-guest-ram"))
			return open(link, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

bool running_guest_ram(const char *pid, struct ktstr_ram *ret)
{
	_cleanup_close_ int fd = open_ram(pid);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	ret->gpa = 0;
	ret->bytes = (uint64_t)st.st_size;
	ret->host = mmap(NULL, ret->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return ret->host != MAP_FAILED;
}
