/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/file.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int read_fd(int fd, const char *path, size_t max, struct ktstr_buf *ret,
		   struct ktstr_err *err)
{
	size_t total = 0;

	for (;;) {
		ssize_t n;

		if (!ktstr_buf_reserve(ret, 64 * 1024))
			return ktstr_err_nomem(err);
		n = read(fd, ret->data + ret->len, ret->cap - ret->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ktstr_err_errno(err, errno, "reading %s", path);
		if (!n)
			return 0;
		ret->len += (size_t)n;
		total += (size_t)n;
		if (total > max)
			return ktstr_err_set(err, -EFBIG, "%s is larger than %zu bytes", path, max);
	}
}

int ktstr_file_read(const char *path, size_t max, struct ktstr_buf *ret, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return ktstr_err_errno(err, errno, "opening %s", path);
	return read_fd(fd, path, max, ret, err);
}

int ktstr_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int ktstr_file_write(const char *path, const void *data, size_t len, mode_t mode,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *temp = ktstr_asprintf("%s.XXXXXX", path);
	_cleanup_close_ int fd = -1;
	int ret;

	if (!temp)
		return ktstr_err_nomem(err);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return ktstr_err_errno(err, errno, "creating a file beside %s", path);
	ret = ktstr_write_all(fd, data, len);
	if (!ret && (fchmod(fd, mode) || fsync(fd) || rename(temp, path)))
		ret = -errno;
	if (ret) {
		unlink(temp);
		return ktstr_err_errno(err, -ret, "writing %s", path);
	}
	return 0;
}

int ktstr_mkdirs(const char *path, struct ktstr_err *err)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return ktstr_err_nomem(err);
	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			return ktstr_err_errno(err, errno, "creating folder %s", copy);
		*p = c;
		if (!c)
			return 0;
	}
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

int ktstr_remove_tree(const char *path, struct ktstr_err *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return ktstr_err_errno(err, errno, "removing %s", path);
	return 0;
}

/* The base folder by environment, in the order of the table in file.h; NULL when none is set. */
static char *own_dir(const char *own_env, const char *xdg_env, const char *home_sub)
{
	const char *own = getenv(own_env), *xdg = getenv(xdg_env), *home = getenv("HOME");

	if (own && *own)
		return strdup(own);
	if (xdg && *xdg == '/')		/* the XDG specification ignores relative paths */
		return ktstr_asprintf("%s/ktstr", xdg);
	if (home && *home)
		return ktstr_asprintf("%s/%s/ktstr", home, home_sub);
	return NULL;
}

static int sub_dir(const char *own_env, const char *xdg_env, const char *home_sub, const char *sub,
		   char **ret, struct ktstr_err *err)
{
	_cleanup_free_ char *base = own_dir(own_env, xdg_env, home_sub);
	_cleanup_free_ char *path = NULL;
	int r;

	if (!base)
		return ktstr_err_set(err, -ENOENT, "no place for ktstr's files: HOME is not set; "
				     "set HOME, %s or %s", xdg_env, own_env);
	path = sub ? ktstr_asprintf("%s/%s", base, sub) : ktstr_steal_ptr(base);
	if (!path)
		return ktstr_err_nomem(err);
	r = ktstr_mkdirs(path, err);
	if (!r)
		*ret = ktstr_steal_ptr(path);
	return r;
}

int ktstr_cache_dir(const char *sub, char **ret, struct ktstr_err *err)
{
	return sub_dir("KTSTR_CACHE_DIR", "XDG_CACHE_HOME", ".cache", sub, ret, err);
}

int ktstr_state_dir(const char *sub, char **ret, struct ktstr_err *err)
{
	return sub_dir("KTSTR_STATE_DIR", "XDG_STATE_HOME", ".local/state", sub, ret, err);
}

int ktstr_memfd(const char *name, const void *data, size_t len, int *ret_fd, struct ktstr_err *err)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return ktstr_err_errno(err, errno, "memfd_create %s", name);
	r = ktstr_write_all(fd, data, len);
	if (r)
		return ktstr_err_errno(err, -r, "writing %zu bytes to memfd %s", len, name);
	*ret_fd = ktstr_steal_fd(fd);
	return 0;
}
