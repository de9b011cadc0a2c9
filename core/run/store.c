/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/store.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define ATTEMPTS_MAX 1000

char *ktstr_store_journal(const char *dir, unsigned attempt)
{
	return ktstr_asprintf("%s/attempt-%u.journal", dir, attempt);
}

int ktstr_store_new_run(const char *test, char **ret_dir, struct ktstr_err *err)
{
	_cleanup_free_ char *root = NULL;
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int ret = ktstr_state_dir("runs", &root, err);

	if (ret)
		return ret;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (unsigned n = 1; n < ATTEMPTS_MAX; n++) {
		char *dir = n == 1 ? ktstr_asprintf("%s/%s-%s", root, stamp, test)
				   : ktstr_asprintf("%s/%s-%s-%u", root, stamp, test, n);

		if (!dir)
			return ktstr_err_nomem(err);
		if (!mkdir(dir, 0777)) {
			*ret_dir = dir;
			return 0;
		}
		if (errno != EEXIST)
			ret = ktstr_err_errno(err, errno, "creating the run's folder %s", dir);
		free(dir);
		if (ret)
			return ret;
	}
	return ktstr_err_set(err, -EEXIST, "%u runs of %s in one second", ATTEMPTS_MAX, test);
}

int ktstr_store_lock(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int saved = errno;

		close(fd);
		return -saved;
	}
	return fd;
}

/* ---- reading ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_dirs(const char *root, char ***ret_ids, size_t *ret_n, struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *dir = opendir(root);
	KTSTR_VEC(char *) ids = { 0 };

	if (!dir)
		return ktstr_err_errno(err, errno, "opening the run store %s", root);
	for (struct dirent *e; (e = readdir(dir));) {
		char **slot;

		if (e->d_name[0] == '.')
			continue;
		slot = ktstr_vec_add(&ids);
		if (!slot || !(*slot = strdup(e->d_name)))
			return ktstr_err_nomem(err);
	}
	if (ids.n)
		qsort(ids.items, ids.n, sizeof(char *), compare_names);
	*ret_ids = ids.items;
	*ret_n = ids.n;
	return 0;
}

int ktstr_run_ids(char ***ret_ids, size_t *ret_n, struct ktstr_err *err)
{
	_cleanup_free_ char *root = NULL;
	int ret = ktstr_state_dir("runs", &root, err);

	return ret ? ret : list_dirs(root, ret_ids, ret_n, err);
}

/* The id that `name` means: "last", a whole id, or a beginning that only one id has. */
static int pick(char *const *ids, size_t n, const char *name, const char **ret_id,
		struct ktstr_err *err)
{
	const char *found = NULL;

	if (!n)
		return ktstr_err_set(err, -ENOENT, "no run is stored yet");
	if (!strcmp(name, "last")) {
		*ret_id = ids[n - 1];
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(ids[i], name)) {
			*ret_id = ids[i];
			return 0;
		}
		if (strncmp(ids[i], name, strlen(name)))
			continue;
		if (found)
			return ktstr_err_set(err, -EINVAL, "%s could be %s or %s; write more of it",
					     name, found, ids[i]);
		found = ids[i];
	}
	if (!found)
		return ktstr_err_set(err, -ENOENT, "no stored run is called %s; `ktstr runs` lists them",
				     name);
	*ret_id = found;
	return 0;
}

int ktstr_store_find(const char *name, char **ret_dir, struct ktstr_err *err)
{
	_cleanup_free_ char *root = NULL;
	char **ids = NULL;
	const char *id = NULL;
	size_t n = 0;
	struct stat st;
	int ret;

	if (strchr(name, '/') && !stat(name, &st) && S_ISDIR(st.st_mode)) {
		*ret_dir = strdup(name);
		return *ret_dir ? 0 : ktstr_err_nomem(err);
	}
	ret = ktstr_state_dir("runs", &root, err);
	if (!ret)
		ret = list_dirs(root, &ids, &n, err);
	if (!ret)
		ret = pick(ids, n, name, &id, err);
	if (!ret && !(*ret_dir = ktstr_asprintf("%s/%s", root, id)))
		ret = ktstr_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	return ret;
}

/* Room for one more attempt. */
static bool grow(struct ktstr_stored_run *run)
{
	void *journals = realloc(run->journals, (run->n + 1) * sizeof(*run->journals));
	void *verdicts = realloc(run->verdicts, (run->n + 1) * sizeof(*run->verdicts));

	run->journals = journals ? journals : run->journals;
	run->verdicts = verdicts ? verdicts : run->verdicts;
	return journals && verdicts;
}

static int open_attempt(struct ktstr_stored_run *run, const char *path, struct ktstr_err *err)
{
	int ret;

	if (!grow(run))
		return ktstr_err_nomem(err);
	ret = ktstr_journal_open(path, &run->journals[run->n], err);
	if (ret)
		return ret;
	run->verdicts[run->n++] = NULL;
	return ktstr_verdict_create(run->journals[run->n - 1], &run->verdicts[run->n - 1], err);
}

static bool is_no_journal(int ret)
{
	return ret == -EBADMSG || ret == -EPROTO;
}

static int open_attempts(struct ktstr_stored_run *run, struct ktstr_err *err)
{
	struct ktstr_err why = KTSTR_ERR_INIT;

	for (unsigned i = 1; i <= ATTEMPTS_MAX && !why.code; i++) {
		_cleanup_free_ char *path = ktstr_store_journal(run->dir, i);

		if (!path)
			return ktstr_err_nomem(err);
		if (access(path, F_OK))
			break;
		open_attempt(run, path, &why);
	}
	if (is_no_journal(why.code) && run->n) {
		run->unreadable = strdup(why.msg);
		return run->unreadable ? 0 : ktstr_err_nomem(err);
	}
	if (why.code)
		return ktstr_err_set(err, why.code, "%s", why.msg);
	return run->n ? 0 : ktstr_err_set(err, -ENOENT, "%s has no attempt-1.journal: no run is in it",
					  run->dir);
}

int ktstr_stored_run_open(const char *name, struct ktstr_stored_run *ret_run, struct ktstr_err *err)
{
	struct ktstr_stored_run run = { 0 };
	int ret = ktstr_store_find(name, &run.dir, err);
	const char *slash;

	if (!ret) {
		slash = strrchr(run.dir, '/');
		run.id = strdup(slash && slash[1] ? slash + 1 : run.dir);
		ret = run.id ? open_attempts(&run, err) : ktstr_err_nomem(err);
	}
	if (ret)
		ktstr_stored_run_deinit(&run);
	else
		*ret_run = run;
	return ret;
}

void ktstr_stored_run_deinit(struct ktstr_stored_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		ktstr_journal_destroy(run->journals[i]);
		ktstr_verdict_destroy(run->verdicts[i]);
	}
	free(run->journals);
	free(run->verdicts);
	free(run->unreadable);
	free(run->dir);
	free(run->id);
	memset(run, 0, sizeof(*run));
}
