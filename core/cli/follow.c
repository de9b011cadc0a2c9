/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/follow.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "run/store.h"
#include "wire/journal.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CHUNK (256u << 10)
#define GENERATIONS_MAX 16	/* from a process up to its ancestors */

/* ---- who writes which journal ---- */

/* 0 when there is none. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	_cleanup_close_ int fd = -1;
	const char *after;
	ssize_t n;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	after = strrchr(text, ')');	/* a name may have anything in it, `)` too */
	return after && sscanf(after, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* True when a process is a child that a process forked and that became no other program: ktstr runs the attempts after
 * the first in such. */
static bool is_fork_of(pid_t pid, pid_t parent)
{
	char path[64], a[PATH_MAX], b[PATH_MAX];
	ssize_t na, nb;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	na = readlink(path, a, sizeof(a));
	snprintf(path, sizeof(path), "/proc/%d/exe", parent);
	nb = readlink(path, b, sizeof(b));
	return na > 0 && na == nb && !memcmp(a, b, (size_t)na);
}

static bool descends(pid_t pid, pid_t from)
{
	for (int i = 0; pid > 0 && i < GENERATIONS_MAX; i++, pid = parent_of(pid))
		if (pid == from)
			return true;
	return false;
}

/* The number of the attempt whose journal has that path; 0 when it is no journal. */
static unsigned attempt_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	unsigned n = 0;
	int end = 0;

	return slash && sscanf(slash, "/attempt-%u.journal%n", &n, &end) == 1 && end && !slash[end] ? n : 0;
}

/* The journal that a process has open for writing; false when there is none. */
static bool journal_of(pid_t pid, char target[PATH_MAX])
{
	char path[64], link[320];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, PATH_MAX - 1);
		target[n > 0 ? n : 0] = '\0';
		if (attempt_of(target) && !lstat(link, &st) && st.st_mode & S_IWUSR)
			return true;
	}
	return false;
}

/* The process that `fits`, and its journal in `target`; 0 when there is none. */
static pid_t find_writer(bool (*fits)(pid_t pid, const char *target, const void *ctx),
			 const void *ctx, char target[PATH_MAX])
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && journal_of(pid, target) && fits(pid, target, ctx))
			return pid;
	}
	return 0;
}

static bool is_related(pid_t pid, const char *target, const void *ctx)
{
	const pid_t *of = ctx;

	(void)target;
	return descends(*of, pid) || descends(pid, *of);
}

static bool is_that(pid_t pid, const char *target, const void *ctx)
{
	(void)pid;
	return !strcmp(target, ctx);
}

/* ---- finding ---- */

static int newest_attempt(const char *name, char **ret_path, struct ktstr_err *err)
{
	_cleanup_free_ char *dir = NULL;
	char *found = NULL, *path;
	int ret = ktstr_store_find(name, &dir, err);

	if (ret)
		return ret;
	for (unsigned n = 1; (path = ktstr_store_journal(dir, n)) && !access(path, F_OK); n++) {
		free(found);
		found = path;
	}
	free(path);
	if (!found)
		return ktstr_err_set(err, -ENOENT, "%s has no attempt-1.journal: no run is in it", dir);
	*ret_path = realpath(found, NULL);
	free(found);
	return *ret_path ? 0 : ktstr_err_nomem(err);
}

static int find_journal(const char *what, pid_t *ret_writer, char **ret_path, struct ktstr_err *err)
{
	char target[PATH_MAX];
	bool is_number = *what && strspn(what, "0123456789") == strlen(what);
	pid_t pid = is_number && strlen(what) < 9 ? (pid_t)atoi(what) : 0;
	int ret;

	/* everything descends from process 1 */
	*ret_writer = pid > 1 ? find_writer(is_related, &pid, target) : 0;
	if (*ret_writer) {
		*ret_path = strdup(target);
		return *ret_path ? 0 : ktstr_err_nomem(err);
	}
	ret = newest_attempt(what, ret_path, err);
	if (ret && pid)
		return ktstr_err_set(err, -ENOENT, "process %s is no ktstr that runs a test, nor a VM of "
				     "one, and no stored run is called so", what);
	if (!ret)
		*ret_writer = find_writer(is_that, *ret_path, target);
	return ret;
}

static void close_journal(struct ktstr_follow *f)
{
	if (f->watch >= 0)
		inotify_rm_watch(f->changes, f->watch);
	ktstr_cleanup_close(&f->fd);
	ktstr_framer_deinit(&f->in);
	free(ktstr_steal_ptr(f->path));
	f->in = (struct ktstr_framer){ 0 };
	f->fd = f->watch = -1;
}

/* Takes the path. */
static int open_journal(struct ktstr_follow *f, char *path, struct ktstr_err *err)
{
	close_journal(f);
	f->path = path;
	f->attempt = attempt_of(path);
	f->between = false;
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	/* That it is closed is news, too: of an attempt that was killed. */
	f->watch = inotify_add_watch(f->changes, path, IN_MODIFY | IN_CLOSE_WRITE);
	if (f->fd < 0 || f->watch < 0)
		return ktstr_err_errno(err, errno, "watching %s", path);
	return 0;
}

/* The folder, in which the journals of other attempts appear. */
static int watch_run(struct ktstr_follow *f, const char *path, struct ktstr_err *err)
{
	f->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	f->dir = ktstr_asprintf("%.*s", (int)(strrchr(path, '/') - path), path);
	if (!f->dir)
		return ktstr_err_nomem(err);
	if (f->changes < 0 || inotify_add_watch(f->changes, f->dir, IN_CREATE | IN_MOVED_TO) < 0)
		return ktstr_err_errno(err, errno, "watching %s", f->dir);
	return 0;
}

int ktstr_follow_open(const char *what, struct ktstr_follow *f, struct ktstr_err *err)
{
	_cleanup_free_ char *path = NULL;
	pid_t writer = 0;
	int ret;

	*f = (struct ktstr_follow){ .fd = -1, .changes = -1, .watch = -1, .writer = -1 };
	ret = find_journal(what, &writer, &path, err);
	if (ret)
		return ret;
	if (writer && is_fork_of(writer, parent_of(writer)))
		writer = parent_of(writer);
	if (writer)
		f->writer = (int)syscall(SYS_pidfd_open, writer, 0);
	ret = watch_run(f, path, err);
	return ret ? ret : open_journal(f, ktstr_steal_ptr(path), err);
}

void ktstr_follow_deinit(struct ktstr_follow *f)
{
	close_journal(f);
	free(f->dir);
	ktstr_cleanup_close(&f->changes);
	ktstr_cleanup_close(&f->writer);
	*f = (struct ktstr_follow){ .fd = -1, .changes = -1, .watch = -1, .writer = -1 };
}

/* ---- reading ---- */

static bool is_written(const struct ktstr_follow *f)
{
	struct pollfd p = { f->writer, POLLIN, 0 };

	return f->writer >= 0 && !poll(&p, 1, 0);
}

/* Goes on to the next attempt: 1, or 0 when there is none. Attempts may run side by side, so that it is one does not
 * end this one; `ended` is that nobody writes it any more. */
static int go_on(struct ktstr_follow *f, bool ended, struct ktstr_err *err)
{
	_cleanup_free_ char *next = ktstr_store_journal(f->dir, f->attempt + 1);
	char target[PATH_MAX];
	int ret;

	if (!next)
		return ktstr_err_nomem(err);
	if (access(next, F_OK) || (!ended && find_writer(is_that, f->path, target)))
		return 0;
	ret = open_journal(f, ktstr_steal_ptr(next), err);
	return ret ? ret : 1;
}

/* What else there is: 1, 0 at its end for now. Who runs it is asked before that, so that nothing of his
 * last is missed. */
static int fill(struct ktstr_follow *f, struct ktstr_err *err)
{
	bool written = is_written(f);
	void *room = ktstr_framer_room(&f->in, CHUNK);
	char ignored[4096];
	ssize_t n;
	int next;

	while (read(f->changes, ignored, sizeof(ignored)) > 0)
		;
	if (!room)
		return ktstr_err_nomem(err);
	n = read(f->fd, room, CHUNK);
	if (n < 0)
		return errno == EINTR ? 1 : ktstr_err_errno(err, errno, "reading %s", f->path);
	ktstr_framer_filled(&f->in, (size_t)n);
	if (n)
		return 1;
	next = go_on(f, f->between || !written, err);
	f->over = !next && !written;
	return next;
}

int ktstr_follow_next(struct ktstr_follow *f, struct ktstr_record *ret_record, struct ktstr_err *err)
{
	struct ktstr_frame frame;
	int n;

	for (;;) {
		n = ktstr_framer_next(&f->in, &frame, err);
		if (!n)
			n = fill(f, err);
		else if (n > 0 && frame.type != KTSTR_JOURNAL_HEAD)
			break;
		if (n <= 0)
			return n;
	}
	*ret_record = (struct ktstr_record){
		.seq = frame.seq, .type = (enum ktstr_rec)frame.type, .host_ns = frame.host_ns,
		.guest_ns = frame.guest_ns,
	};
	f->between |= ret_record->type == KTSTR_REC_RUN_END;
	if (!ktstr_fields_parse(frame.payload, frame.len, &ret_record->fields))
		return ktstr_err_set(err, -EBADMSG, "%s: a record without fields", f->path);
	return 1;
}
