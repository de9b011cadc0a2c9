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
static int create_one(const char *parent, const char *dir, bool cpu, struct ktstr_err *err)
{
	int ret = cpu ? write_control(parent, "cgroup.subtree_control", "+cpu") : 0;

	if (ret)
		return ktstr_err_errno(err, -ret, "enabling the cpu controller below %s", parent);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return ktstr_err_errno(err, errno, "creating cgroup %s", dir);
	return 0;
}

int ktstr_cgroup_create(const char *root, const char *name, bool cpu, struct ktstr_err *err)
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
		ret = create_one(parent, dir, cpu, err);
		free(parent);
		parent = dir;
		if (ret)
			return ret;
		p += len + (p[len] == '/');
	}
	return 0;
}

/* Enables the controller of a control file ("cpuset" of cpuset.cpus) in each group above `name`. */
static int enable_for(const char *root, const char *name, const char *file, struct ktstr_err *err)
{
	int len = (int)strcspn(file, ".");
	char enable[32];

	if (!strncmp(file, "cgroup.", 7))	/* every group has these */
		return 0;
	snprintf(enable, sizeof(enable), "+%.*s", len, file);
	for (const char *end = name; end; end = strchr(end + 1, '/')) {
		_cleanup_free_ char *dir = ktstr_asprintf("%s/%.*s", root, (int)(end - name), name);
		int ret;

		if (!dir)
			return ktstr_err_nomem(err);
		ret = write_control(dir, "cgroup.subtree_control", enable);
		if (ret)
			return ktstr_err_errno(err, -ret, "enabling the %.*s controller in %s", len,
					       file, dir);
	}
	return 0;
}

int ktstr_cgroup_set(const char *root, const char *name, const char *file, const char *value,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", root, name);
	int ret;

	if (!dir)
		return ktstr_err_nomem(err);
	ret = enable_for(root, name, file, err);
	if (ret)
		return ret;
	/* The kernel does not see a write of nothing. */
	ret = write_control(dir, file, *value ? value : "\n");
	return ret ? ktstr_err_errno(err, -ret, "writing \"%s\" to %s of cgroup %s", value, file,
				     name) : 0;
}

int ktstr_cgroup_get(const char *root, const char *name, const char *file, char **ret,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s/%s", root, name, file);
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	int r = path ? ktstr_file_read(path, 1 << 20, &b, err) : ktstr_err_nomem(err);

	if (r)
		return r;
	while (b.len && b.data[b.len - 1] == '\n')
		b.len--;
	*ret = ktstr_buf_steal_str(&b);
	return *ret ? 0 : ktstr_err_nomem(err);
}

int ktstr_cgroup_cpus(const char *root, const char *name, struct ktstr_cpu_mask *ret,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *at = strdup(name);

	for (;;) {
		_cleanup_free_ char *list = NULL;
		int r = at ? ktstr_cgroup_get(root, at, "cpuset.cpus.effective", &list, err) :
			ktstr_err_nomem(err);
		char *slash;

		if (r != -ENOENT || !*at)
			return r ? r : ktstr_cpu_list_parse(list, ret) ? 0 :
				ktstr_err_set(err, -EBADMSG, "cpuset.cpus.effective of cgroup %s "
					      "is no list of CPUs: \"%s\"", at, list);
		slash = strrchr(at, '/');
		*(slash ? slash : at) = '\0';
	}
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

/* One that has ended meanwhile has no place to be moved from. */
static int move_listed(const char *root, const char *list, const char *to, uint32_t *ret_n,
		       struct ktstr_err *err)
{
	for (const char *p = list; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		int ret = ktstr_cgroup_add(root, to, (pid_t)strtol(p, NULL, 10), err);

		if (ret && ret != -ESRCH)
			return ret;
		*ret_n += !ret;
	}
	return 0;
}

int ktstr_cgroup_move_all(const char *root, const char *from, const char *to, uint32_t *ret_n,
			  struct ktstr_err *err)
{
	uint32_t before;

	*ret_n = 0;
	do {
		_cleanup_free_ char *list = NULL;
		int ret = ktstr_cgroup_get(root, from, "cgroup.procs", &list, err);

		before = *ret_n;
		if (!ret)
			ret = move_listed(root, list, to, ret_n, err);
		if (ret)
			return ret;
	} while (*ret_n != before);
	return 0;
}

int ktstr_cgroup_remove(const char *root, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", root, name);

	if (!dir)
		return ktstr_err_nomem(err);
	if (rmdir(dir) && errno != ENOENT)
		return ktstr_err_errno(err, errno, "removing cgroup %s", name);
	return 0;
}
