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

static bool descends(pid_t pid, pid_t from)
{
	for (int i = 0; pid > 0 && i < GENERATIONS_MAX; i++, pid = parent_of(pid))
		if (pid == from)
			return true;
	return false;
}

static bool is_journal(const char *target)
{
	const char *slash = strrchr(target, '/');
	unsigned n;
	int end = 0;

	return slash && sscanf(slash, "/attempt-%u.journal%n", &n, &end) == 1 && end && !slash[end];
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
		if (is_journal(target) && !lstat(link, &st) && st.st_mode & S_IWUSR)
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

int ktstr_follow_open(const char *what, struct ktstr_follow *f, struct ktstr_err *err)
{
	pid_t writer = 0;
	int ret;

	*f = (struct ktstr_follow){ .fd = -1, .changes = -1, .writer = -1 };
	ret = find_journal(what, &writer, &f->path, err);
	if (ret)
		return ret;
	if (writer)
		f->writer = (int)syscall(SYS_pidfd_open, writer, 0);
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	f->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->fd < 0 || f->changes < 0 || inotify_add_watch(f->changes, f->path, IN_MODIFY) < 0)
		return ktstr_err_errno(err, errno, "watching %s", f->path);
	return 0;
}

void ktstr_follow_deinit(struct ktstr_follow *f)
{
	free(f->path);
	ktstr_cleanup_close(&f->fd);
	ktstr_cleanup_close(&f->changes);
	ktstr_cleanup_close(&f->writer);
	ktstr_framer_deinit(&f->in);
	*f = (struct ktstr_follow){ .fd = -1, .changes = -1, .writer = -1 };
}

/* ---- reading ---- */

static bool is_written(const struct ktstr_follow *f)
{
	struct pollfd p = { f->writer, POLLIN, 0 };

	return f->writer >= 0 && !poll(&p, 1, 0);
}

/* What else there is of the file: 1, 0 at its end for now. Who writes is asked before that, so that
 * nothing of his last is missed. */
static int fill(struct ktstr_follow *f, struct ktstr_err *err)
{
	bool written = is_written(f);
	void *room = ktstr_framer_room(&f->in, CHUNK);
	char ignored[4096];
	ssize_t n;

	while (read(f->changes, ignored, sizeof(ignored)) > 0)
		;
	if (!room)
		return ktstr_err_nomem(err);
	n = read(f->fd, room, CHUNK);
	if (n < 0)
		return errno == EINTR ? 1 : ktstr_err_errno(err, errno, "reading %s", f->path);
	ktstr_framer_filled(&f->in, (size_t)n);
	f->over = !n && !written;
	return n > 0;
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
	if (!ktstr_fields_parse(frame.payload, frame.len, &ret_record->fields))
		return ktstr_err_set(err, -EBADMSG, "%s: a record without fields", f->path);
	return 1;
}
