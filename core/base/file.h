/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders: reading whole, writing atomically, and where ktstr keeps its own. */
#ifndef KTSTR_BASE_FILE_H
#define KTSTR_BASE_FILE_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

#include <sys/types.h>

/* Appends the file's bytes to `ret`; -EFBIG when it has more than `max`. Works on /proc and pipes. */
int ktstr_file_read(const char *path, size_t max, struct ktstr_buf *ret, struct ktstr_err *err);

/* Replaces `path` in one step: a temporary file beside it, fsync, rename. */
int ktstr_file_write(const char *path, const void *data, size_t len, mode_t mode,
		     struct ktstr_err *err);

/* All of `len` bytes, over short writes and EINTR. -errno. */
int ktstr_write_all(int fd, const void *data, size_t len);

/* mkdir -p. */
int ktstr_mkdirs(const char *path, struct ktstr_err *err);

/* rm -r; a missing path is fine. Does not follow links. */
int ktstr_remove_tree(const char *path, struct ktstr_err *err);

/* ktstr's own folders, made when missing; the caller frees the path.
 * cache: $KTSTR_CACHE_DIR, $XDG_CACHE_HOME/ktstr, ~/.cache/ktstr
 * state: $KTSTR_STATE_DIR, $XDG_STATE_HOME/ktstr, ~/.local/state/ktstr
 * `sub` is a path below it, or NULL. -ENOENT with advice when there is no home. */
int ktstr_cache_dir(const char *sub, char **ret, struct ktstr_err *err);
int ktstr_state_dir(const char *sub, char **ret, struct ktstr_err *err);

/* A memfd with the bytes; the caller closes it. */
int ktstr_memfd(const char *name, const void *data, size_t len, int *ret_fd, struct ktstr_err *err);

#endif
