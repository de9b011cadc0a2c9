/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/files.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/stat.h>

static void end_file(struct ktstr_files *files)
{
	if (files->fd >= 0)
		close(files->fd);
	free(files->path);
	files->fd = -1;
	files->path = NULL;
}

void ktstr_files_deinit(struct ktstr_files *files)
{
	end_file(files);
}

/* Absolute, no component "..", no NUL inside, not the root itself. */
static bool path_is_sane(struct ktstr_str path)
{
	if (path.len < 2 || path.s[0] != '/' || memchr(path.s, 0, path.len))
		return false;
	for (size_t at = 1; at <= path.len;) {
		const char *slash = memchr(path.s + at, '/', path.len - at);
		size_t end = slash ? (size_t)(slash - path.s) : path.len;

		if (end - at == 2 && !memcmp(path.s + at, "..", 2))
			return false;
		at = end + 1;
	}
	return path.s[path.len - 1] != '/';
}

static int make_parents(const char *path, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!dir)
		return ktstr_err_nomem(err);
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return ktstr_mkdirs(dir, err);
}

static int make_link(const char *path, struct ktstr_str target, struct ktstr_err *err)
{
	_cleanup_free_ char *to = ktstr_asprintf("%.*s", KTSTR_STR_ARG(target));
	int ret;

	if (!to)
		return ktstr_err_nomem(err);
	ret = make_parents(path, err);
	if (ret)
		return ret;
	if (unlink(path) && errno != ENOENT)
		return ktstr_err_errno(err, errno, "replacing %s by a link", path);
	if (symlink(to, path))
		return ktstr_err_errno(err, errno, "making the link %s to %s", path, to);
	return 0;
}

/* A new file takes the place of whatever was there, so that one that is being run, or a link that
 * points elsewhere, is left alone. */
static int begin_file(struct ktstr_files *files, char *path, const struct ktstr_fields *msg,
		      struct ktstr_err *err)
{
	uint64_t mode = 0644, size = 0;
	int ret;

	end_file(files);
	files->path = path;
	ktstr_get_u64(msg, "mode", &mode);
	if (!ktstr_get_u64(msg, "size", &size))
		return ktstr_err_set(err, -EINVAL, "the message for file %s has no size", path);
	ret = make_parents(path, err);
	if (ret)
		return ret;
	if (unlink(path) && errno != ENOENT)
		return ktstr_err_errno(err, errno, "replacing %s", path);
	files->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (files->fd < 0)
		return ktstr_err_errno(err, errno, "creating %s", path);
	files->size = size;
	files->have = 0;
	files->mode = (unsigned)mode & 07777;
	return 0;
}

static int add_piece(struct ktstr_files *files, uint64_t offset, struct ktstr_str data,
		     struct ktstr_err *err)
{
	int ret;

	if (offset != files->have || data.len > files->size - files->have)
		return ktstr_err_set(
			err, -EINVAL,
			"file %s: a piece of %zu bytes at %llu, but %llu of %llu bytes are here",
			files->path, data.len, (unsigned long long)offset,
			(unsigned long long)files->have, (unsigned long long)files->size);
	ret = ktstr_write_all(files->fd, data.s, data.len);
	if (ret)
		return ktstr_err_errno(err, -ret, "writing %s at %llu", files->path,
				       (unsigned long long)offset);
	files->have += data.len;
	if (files->have < files->size)
		return 0;
	if (fchmod(files->fd, files->mode))
		return ktstr_err_errno(err, errno, "setting the mode of %s", files->path);
	end_file(files);
	return 0;
}

static int take(struct ktstr_files *files, const struct ktstr_fields *msg, struct ktstr_err *err)
{
	struct ktstr_str path = { "", 0 }, link, data;
	_cleanup_free_ char *full = NULL;
	uint64_t offset = 0;
	int ret;

	if (!ktstr_get_str(msg, "path", &path) || !path_is_sane(path))
		return ktstr_err_set(err, -EINVAL,
				     "refusing to write the file \"%.*s\": its path must be "
				     "absolute and without \"..\"",
				     KTSTR_STR_ARG(path));
	full = ktstr_asprintf("%s%.*s", files->root, KTSTR_STR_ARG(path));
	if (!full)
		return ktstr_err_nomem(err);
	if (ktstr_get_str(msg, "link", &link))
		return make_link(full, link, err);
	if (!ktstr_get_str(msg, "data", &data))
		return ktstr_err_set(err, -EINVAL, "the message for file %s has no data", full);
	ktstr_get_u64(msg, "offset", &offset);
	if (!offset) {
		ret = begin_file(files, ktstr_steal_ptr(full), msg, err);
		if (ret)
			return ret;
	} else if (!files->path || strcmp(files->path, full)) {
		return ktstr_err_set(err, -EINVAL, "file %s: its beginning did not come", full);
	}
	return add_piece(files, offset, data, err);
}

int ktstr_files_take(struct ktstr_files *files, const struct ktstr_fields *msg,
		     struct ktstr_err *err)
{
	int ret = take(files, msg, err);

	if (ret)
		end_file(files);
	return ret;
}

int ktstr_files_check(const struct ktstr_files *files, struct ktstr_err *err)
{
	if (files->fd < 0)
		return 0;
	return ktstr_err_set(err, -EPIPE, "file %s: only %llu of %llu bytes came", files->path,
			     (unsigned long long)files->have, (unsigned long long)files->size);
}
