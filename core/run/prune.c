/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/prune.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "run/run.h"
#include "run/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

/* A name that no list of runs shows: what is half removed is no run. */
#define DOOMED ".removed-"

/* ---- one run ---- */

/* What the files of a run take on disk, and when one of them was written last. */
static uint64_t weigh(const char *path, uint64_t *ret_written_ns)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	uint64_t bytes = 0;
	struct stat st;

	*ret_written_ns = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		uint64_t ns;

		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || S_ISDIR(st.st_mode))
			continue;
		bytes += (uint64_t)st.st_blocks * 512;
		ns = (uint64_t)st.st_mtim.tv_sec * KTSTR_NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
		if (ns > *ret_written_ns)
			*ret_written_ns = ns;
	}
	return bytes;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * KTSTR_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Out of the list first, in one step; then the files. */
static int remove_run(const char *root, const char *id, struct ktstr_err *err)
{
	_cleanup_free_ char *from = ktstr_asprintf("%s/%s", root, id);
	_cleanup_free_ char *to = ktstr_asprintf("%s/" DOOMED "%s", root, id);

	if (!from || !to)
		return ktstr_err_nomem(err);
	if (rename(from, to))
		return ktstr_err_errno(err, errno, "removing the run %s", from);
	return ktstr_remove_tree(to, err);
}

/* What an earlier ktstr that was killed has left of such. */
static int sweep(const char *root, struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *dir = opendir(root);
	int ret = 0;

	for (struct dirent *e; !ret && dir && (e = readdir(dir));) {
		_cleanup_free_ char *path = NULL;

		if (strncmp(e->d_name, DOOMED, strlen(DOOMED)))
			continue;
		path = ktstr_asprintf("%s/%s", root, e->d_name);
		ret = path ? ktstr_remove_tree(path, err) : ktstr_err_nomem(err);
	}
	return ret;
}

/* ---- all of them ---- */

struct pruning {
	const struct ktstr_prune *limits;
	const char *root;
	uint64_t now_ns;
	uint64_t kept, kept_bytes;
};

static bool must_go(const struct pruning *p, uint64_t bytes, uint64_t written_ns)
{
	uint64_t age = p->now_ns > written_ns ? p->now_ns - written_ns : 0;

	/* what does not fit lets nothing older stay: the store has no holes */
	return p->kept >= p->limits->keep || age > p->limits->age_ns ||
	       bytes > p->limits->bytes - p->kept_bytes;
}

static int look_at(struct pruning *p, const char *id, struct ktstr_pruned *pruned,
		   void (*gone)(void *ctx, const char *id, uint64_t bytes), void *ctx, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", p->root, id);
	_cleanup_close_ int lock = -1;
	uint64_t written_ns, bytes;
	int ret = 0;

	if (!path)
		return ktstr_err_nomem(err);
	bytes = weigh(path, &written_ns);
	if (!must_go(p, bytes, written_ns)) {
		p->kept++;
		p->kept_bytes += bytes;
		return 0;
	}
	p->kept = p->limits->keep;	/* and so must all older ones */
	lock = ktstr_store_lock(path);
	if (lock < 0) {
		pruned->busy++;
		return 0;
	}
	if (!p->limits->dry)
		ret = remove_run(p->root, id, err);
	if (ret)
		return ret;
	pruned->runs++;
	pruned->bytes += bytes;
	if (gone)
		gone(ctx, id, bytes);
	return 0;
}

int ktstr_runs_prune(const struct ktstr_prune *limits,
		     void (*gone)(void *ctx, const char *id, uint64_t bytes), void *ctx,
		     struct ktstr_pruned *ret_pruned, struct ktstr_err *err)
{
	_cleanup_free_ char *root = NULL;
	struct pruning p = { .limits = limits, .now_ns = wall_ns() };
	struct ktstr_pruned pruned = { 0 };
	char **ids = NULL;
	size_t n = 0;
	int ret = ktstr_state_dir("runs", &root, err);

	p.root = root;
	if (!ret && !limits->dry)
		ret = sweep(root, err);
	if (!ret)
		ret = ktstr_run_ids(&ids, &n, err);
	for (size_t i = n; !ret && i-- > 0;)
		ret = look_at(&p, ids[i], &pruned, gone, ctx, err);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	*ret_pruned = pruned;
	return ret;
}
