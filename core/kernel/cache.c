/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/cache.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Names that begin with a dot are drafts and entries on their way out, never entries. */
#define DRAFT ".new-XXXXXX"
#define LEAVING ".old-XXXXXX"

int ktstr_cache_lock(const char *store, void (*waiting)(void *ctx), void *ctx, int *ret_fd,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s.lock", store);
	_cleanup_close_ int fd = -1;
	int r;

	if (!path)
		return ktstr_err_nomem(err);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return ktstr_err_errno(err, errno, "opening %s", path);
	r = flock(fd, LOCK_EX | LOCK_NB);
	if (r && errno == EWOULDBLOCK) {
		if (waiting)
			waiting(ctx);
		do
			r = flock(fd, LOCK_EX);
		while (r && errno == EINTR);
	}
	if (r)
		return ktstr_err_errno(err, errno, "locking %s", path);
	*ret_fd = ktstr_steal_fd(fd);
	return 0;
}

static int list_dir(const char *store, bool dotted, char ***ret_names, size_t *ret_n,
		    struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *dir = opendir(store);
	KTSTR_VEC(char *) names = { 0 };
	struct dirent *d;

	if (!dir)
		return ktstr_err_errno(err, errno, "opening folder %s", store);
	while ((d = readdir(dir))) {
		char **slot;

		if ((*d->d_name == '.') != dotted || !strcmp(d->d_name, ".") ||
		    !strcmp(d->d_name, ".."))
			continue;
		slot = ktstr_vec_add(&names);
		if (!slot || !(*slot = strdup(d->d_name))) {
			ktstr_names_free(names.items, names.n);
			return ktstr_err_nomem(err);
		}
	}
	*ret_names = names.items;
	*ret_n = names.n;
	return 0;
}

int ktstr_cache_names(const char *store, char ***ret_names, size_t *ret_n, struct ktstr_err *err)
{
	return list_dir(store, false, ret_names, ret_n, err);
}

void ktstr_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* With the lock held. What cannot be removed stays, and is tried again by the next holder. */
static void remove_leftovers(const char *store)
{
	char **names;
	size_t n;

	if (list_dir(store, true, &names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = ktstr_asprintf("%s/%s", store, names[i]);

		if (path)
			ktstr_remove_tree(path, NULL);
	}
	ktstr_names_free(names, n);
}

int ktstr_draft_begin(const char *store, struct ktstr_draft *ret_draft, struct ktstr_err *err)
{
	_cleanup_draft_ struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	_cleanup_free_ char *dir = ktstr_asprintf("%s/" DRAFT, store);
	int r;

	draft.store = strdup(store);
	if (!dir || !draft.store)
		return ktstr_err_nomem(err);
	r = ktstr_cache_lock(store, NULL, NULL, &draft.lock_fd, err);
	if (r)
		return r;
	remove_leftovers(store);
	if (!mkdtemp(dir))
		return ktstr_err_errno(err, errno, "creating a folder in %s", store);
	if (chmod(dir, 0755)) {
		r = ktstr_err_errno(err, errno, "chmod %s", dir);
		rmdir(dir);
		return r;
	}
	draft.dir = ktstr_steal_ptr(dir);
	*ret_draft = draft;
	draft = (struct ktstr_draft)KTSTR_DRAFT_INIT;
	return 0;
}

/* With the lock held. A rename first, so that no reader sees half of it. */
static int drop_locked(const char *store, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", store, name);
	_cleanup_free_ char *leaving = ktstr_asprintf("%s/" LEAVING, store);
	int r;

	if (!path || !leaving)
		return ktstr_err_nomem(err);
	if (access(path, F_OK))
		return ktstr_err_errno(err, errno, "%s", path);
	if (!mkdtemp(leaving))
		return ktstr_err_errno(err, errno, "creating a folder in %s", store);
	if (rename(path, leaving)) {
		r = ktstr_err_errno(err, errno, "removing %s", path);
		rmdir(leaving);
		return r;
	}
	return ktstr_remove_tree(leaving, err);
}

int ktstr_draft_commit(struct ktstr_draft *draft, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", draft->store, name);
	int r;

	if (!path)
		return ktstr_err_nomem(err);
	if (!access(path, F_OK)) {
		r = drop_locked(draft->store, name, err);
		if (r)
			return r;
	}
	if (rename(draft->dir, path))
		return ktstr_err_errno(err, errno, "renaming %s to %s", draft->dir, path);
	free(ktstr_steal_ptr(draft->dir));
	return 0;
}

void ktstr_draft_deinit(struct ktstr_draft *draft)
{
	if (draft->dir)
		ktstr_remove_tree(draft->dir, NULL);
	free(draft->dir);
	free(draft->store);
	ktstr_cleanup_close(&draft->lock_fd);
	*draft = (struct ktstr_draft)KTSTR_DRAFT_INIT;
}

int ktstr_cache_drop(const char *store, const char *name, struct ktstr_err *err)
{
	_cleanup_close_ int lock = -1;
	int r = ktstr_cache_lock(store, NULL, NULL, &lock, err);

	return r ? r : drop_locked(store, name, err);
}

void ktstr_cache_expire(const struct ktstr_draft *draft, time_t before)
{
	char **names;
	size_t n;

	if (ktstr_cache_names(draft->store, &names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *meta =
			ktstr_asprintf("%s/%s/meta.json", draft->store, names[i]);
		struct stat st;

		if (meta && !stat(meta, &st) && st.st_mtime < before)
			drop_locked(draft->store, names[i], NULL);
	}
	ktstr_names_free(names, n);
}
