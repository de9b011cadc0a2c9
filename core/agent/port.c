/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/port.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/message.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#define PORTS "/sys/class/virtio-ports"

static bool has_name(const char *device, const char *wanted)
{
	char path[300], name[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), PORTS "/%s/name", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return !strcmp(name, wanted);
}

/* A descriptor, -ENODEV when the port is not there (yet), or another negative errno. */
static int try_open(struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *dir = opendir(PORTS);
	struct dirent *entry;
	char path[300];
	int fd;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !has_name(entry->d_name, KTSTR_PORT_NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		return fd < 0 ? ktstr_err_errno(err, errno, "opening %s", path) : fd;
	}
	return ktstr_err_set(err, -ENODEV, "no virtio port named " KTSTR_PORT_NAME " in " PORTS);
}

/* Kernel events about devices that come and go. */
static int open_uevents(struct ktstr_err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return ktstr_err_errno(err, errno, "listening to kernel device events");
	return ktstr_steal_fd(fd);
}

int ktstr_port_open(uint64_t timeout_ns, int *ret_fd, struct ktstr_err *err)
{
	uint64_t until = ktstr_now_ns() + timeout_ns, now;
	_cleanup_close_ int events = -1;
	int fd = try_open(err);

	if (fd == -ENODEV) {
		events = open_uevents(err);
		if (events < 0)
			return events;
		fd = try_open(err);	/* it may have come before we listened */
	}
	while (fd == -ENODEV && (now = ktstr_now_ns()) < until) {
		struct pollfd p = { .fd = events, .events = POLLIN };
		char ignored[4096];

		if (poll(&p, 1, (int)((until - now) / KTSTR_NSEC_PER_MSEC) + 1) > 0)
			while (recv(events, ignored, sizeof(ignored), 0) > 0)
				;
		fd = try_open(err);
	}
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}
