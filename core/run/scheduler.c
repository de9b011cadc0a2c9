/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/scheduler.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/install.h"
#include "base/proc.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPSTREAM_PREFIX "upstream-"

/* True when `series` ("7.3") is the beginning of `release` ("7.3.4+deb13"). */
static bool is_series_of(const char *series, size_t len, const char *release)
{
	return len && !strncmp(release, series, len) && !strchr("0123456789", release[len]);
}

/* DIR/kernels has one kernel series a line: those that the schedulers in DIR were built for. */
static bool built_for(const char *dir, const char *release)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/kernels", dir);
	_cleanup_buf_ struct ktstr_buf text = { 0 };

	if (!path || ktstr_file_read(path, 4096, &text, NULL))
		return false;
	ktstr_put_byte(&text, 0);
	for (const char *p = (const char *)text.data; !text.failed && *p;) {
		size_t len = strcspn(p, "\n");

		if (is_series_of(p, len, release))
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

/* The program in the upstream-VERSION folder of the cache that was built for this kernel, or NULL. */
static char *find_upstream(const char *name, const char *release)
{
	_cleanup_free_ char *root = NULL;
	_cleanup_closedir_ DIR *dir = NULL;

	if (ktstr_cache_dir("schedulers", &root, NULL) || !(dir = opendir(root)))
		return NULL;
	for (struct dirent *e; (e = readdir(dir));) {
		_cleanup_free_ char *set = ktstr_asprintf("%s/%s", root, e->d_name);
		char *path;

		if (strncmp(e->d_name, UPSTREAM_PREFIX, strlen(UPSTREAM_PREFIX)) || !set ||
		    !built_for(set, release))
			continue;
		path = ktstr_asprintf("%s/%s", set, name);
		if (path && !access(path, F_OK))
			return path;
		free(path);
	}
	return NULL;
}

static int find_bare(const char *name, const char *release, char **ret_path, struct ktstr_err *err)
{
	char *path = NULL;

	if (!ktstr_libexec_file(name, &path, NULL) || (path = find_upstream(name, release)) ||
	    (path = ktstr_which(name))) {
		*ret_path = path;
		return 0;
	}
	return ktstr_err_set(err, -ENOENT, "no scheduler %s: not among ktstr's own, not among the upstream "
			     "schedulers built for kernel %s (make upstream-schedulers builds them), not "
			     "on PATH; write a path with a slash for a file of yours", name, release);
}

int ktstr_program_check(const char *what, const char *path, struct ktstr_err *err)
{
	struct stat st;

	if (access(path, R_OK) || stat(path, &st))
		return ktstr_err_errno(err, errno, "%s %s", what, path);
	if (!S_ISREG(st.st_mode))
		return ktstr_err_set(err, -ENOEXEC, "%s %s is not a regular file", what, path);
	if (!(st.st_mode & 0111))
		return ktstr_err_set(err, -EACCES, "%s %s is not executable; chmod +x it", what,
				     path);
	return 0;
}

/* A script's own process would be its interpreter, which is not what is to attach. */
static int check_elf(const char *path, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4] = "";

	if (fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	    !memcmp(magic, "\177ELF", 4))
		return 0;
	return ktstr_err_set(err, -ENOEXEC, "scheduler %s is no ELF program (a script cannot be one: "
			     "write the program that it starts)", path);
}

int ktstr_scheduler_find(const struct ktstr_plan *plan, const char *binary, const char *release,
			 char **ret_path, struct ktstr_err *err)
{
	_cleanup_free_ char *path = NULL;
	int ret = 0;

	if (!strchr(binary, '/'))
		ret = find_bare(binary, release, &path, err);
	else if (!(path = *binary == '/' ? strdup(binary)
					 : ktstr_asprintf("%s/%s", plan->dir, binary)))
		ret = ktstr_err_nomem(err);
	if (!ret)
		ret = ktstr_program_check("scheduler", path, err);
	if (!ret)
		ret = check_elf(path, err);
	if (!ret)
		*ret_path = ktstr_steal_ptr(path);
	return ret;
}
