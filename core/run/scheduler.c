/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/scheduler.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/install.h"
#include "base/proc.h"
#include "base/text.h"
#include "kernel/kernel.h"

#include <fcntl.h>
#include <sys/stat.h>

#define UPSTREAM_PREFIX "upstream-"

/* The newest upstream-VERSION folder of the cache that has the program, or NULL. */
static char *find_upstream(const char *name)
{
	_cleanup_free_ char *root = NULL, *best_version = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	char *best = NULL;

	if (ktstr_cache_dir("schedulers", &root, NULL) || !(dir = opendir(root)))
		return NULL;
	for (struct dirent *e; (e = readdir(dir));) {
		const char *version = e->d_name + strlen(UPSTREAM_PREFIX);
		char *path;

		if (strncmp(e->d_name, UPSTREAM_PREFIX, strlen(UPSTREAM_PREFIX)) ||
		    (best_version && ktstr_version_compare(version, best_version) <= 0))
			continue;
		path = ktstr_asprintf("%s/%s/%s", root, e->d_name, name);
		if (!path || access(path, F_OK)) {
			free(path);
			continue;
		}
		free(best);
		best = path;
		free(best_version);
		best_version = strdup(version);
	}
	return best;
}

static int find_bare(const char *name, char **ret_path, struct ktstr_err *err)
{
	char *path = NULL;

	if (!ktstr_libexec_file(name, &path, NULL) || (path = find_upstream(name)) ||
	    (path = ktstr_which(name))) {
		*ret_path = path;
		return 0;
	}
	return ktstr_err_set(err, -ENOENT, "no scheduler %s: not among ktstr's own, not among the "
			     "upstream schedulers in the cache (make upstream-schedulers builds them), "
			     "not on PATH; write a path with a slash for a file of yours", name);
}

static int check_file(const char *path, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4] = "";
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return ktstr_err_errno(err, errno, "scheduler %s", path);
	if (!S_ISREG(st.st_mode))
		return ktstr_err_set(err, -ENOEXEC, "scheduler %s is not a regular file", path);
	if (!(st.st_mode & 0111))
		return ktstr_err_set(err, -EACCES, "scheduler %s is not executable; chmod +x it", path);
	if (read(fd, magic, sizeof(magic)) != sizeof(magic) || memcmp(magic, "\177ELF", 4))
		return ktstr_err_set(err, -ENOEXEC, "scheduler %s is no ELF program (there is no shell "
				     "in the VM that could run a script)", path);
	return 0;
}

int ktstr_scheduler_find(const struct ktstr_plan *plan, char **ret_path, struct ktstr_err *err)
{
	const char *binary = plan->scheduler.binary;
	_cleanup_free_ char *path = NULL;
	int ret = 0;

	if (!strchr(binary, '/'))
		ret = find_bare(binary, &path, err);
	else if (!(path = *binary == '/' ? strdup(binary)
					 : ktstr_asprintf("%s/%s", plan->dir, binary)))
		ret = ktstr_err_nomem(err);
	if (!ret)
		ret = check_file(path, err);
	if (!ret)
		*ret_path = ktstr_steal_ptr(path);
	return ret;
}
