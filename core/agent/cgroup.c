/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/cgroup.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/stat.h>

static bool name_is_sane(const char *name)
{
	if (!*name || *name == '/')
		return false;
	for (const char *p = name; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
		size_t len = strcspn(p, "/");

		if (!len || (len == 2 && !memcmp(p, "..", 2)))
			return false;
	}
	return true;
}

static int write_control(const char *dir, const char *file, const char *text)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", dir, file);
	_cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

	return fd < 0 ? -errno : ktstr_write_all(fd, text, strlen(text));
}

/* One group below `parent`, which passes the cpu controller on to it. */
static int create_one(const char *parent, const char *dir, struct ktstr_err *err)
{
	int ret = write_control(parent, "cgroup.subtree_control", "+cpu");

	if (ret)
		return ktstr_err_errno(err, -ret, "enabling the cpu controller below %s", parent);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return ktstr_err_errno(err, errno, "creating cgroup %s", dir);
	return 0;
}

int ktstr_cgroup_create(const char *root, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *parent = strdup(root);

	if (!name_is_sane(name))
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no name for a cgroup", name);
	for (const char *p = name; *p;) {
		size_t len = strcspn(p, "/");
		char *dir = parent ? ktstr_asprintf("%s/%.*s", parent, (int)len, p) : NULL;
		int ret;

		if (!dir)
			return ktstr_err_nomem(err);
		ret = create_one(parent, dir, err);
		free(parent);
		parent = dir;
		if (ret)
			return ret;
		p += len + (p[len] == '/');
	}
	return 0;
}

int ktstr_cgroup_add(const char *root, const char *name, pid_t pid, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", root, name);
	char text[24];
	int ret;

	if (!dir)
		return ktstr_err_nomem(err);
	snprintf(text, sizeof(text), "%d", pid);
	ret = write_control(dir, "cgroup.procs", text);
	return ret ? ktstr_err_errno(err, -ret, "moving process %d into cgroup %s", pid, name) : 0;
}

int ktstr_cgroup_remove(const char *root, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", root, name);
	size_t stop = strlen(root);

	if (!dir)
		return ktstr_err_nomem(err);
	if (rmdir(dir) && errno != ENOENT)
		return ktstr_err_errno(err, errno, "removing cgroup %s", name);
	for (char *slash = strrchr(dir, '/'); slash > dir + stop; slash = strrchr(dir, '/')) {
		*slash = '\0';
		if (rmdir(dir))
			break;		/* another group of the scenario is still in it */
	}
	return 0;
}
