/* SPDX-License-Identifier: GPL-2.0-only */
#include "template.h"

#include "process.h"
#include "template-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define FOLDER "templates"
#define SUFFIX ".template"
#define CONSOLE_KEEP (256u << 10)
#define NSEC 1000000000ull

static bool path_of(const char *cache_dir, const char *name, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/" FOLDER "/%s" SUFFIX, cache_dir, name);

	return n > 0 && n < PATH_MAX;
}

/* ---- using one ---- */

void qemu_template_deinit(struct qemu_template *template)
{
	qemu_close(&template->file);
	qemu_close(&template->state);
	ktstr_buf_free(&template->console);
}

/* A guest that calibrated itself on another host would take its ticks for another time. */
static bool same_tsc(uint64_t a, uint64_t b)
{
	uint64_t diff = a > b ? a - b : b - a;

	return !a || !b || diff < a / 500;
}

/* The clock of its last use, for qemu_templates_shrink(); its mtime stays. */
static void note_use(int fd)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };

	(void)!futimens(fd, times);	/* a read-only cache works as well */
}

static int check(int fd, const struct qemu_template_key *key, uint64_t tsc_hz,
		 struct qemu_template *template, struct ktstr_err *err)
{
	struct qemu_about about = { 0 };
	int ret = qemu_about_read(fd, &about, err);

	if (ret)
		return ret;
	if (strcmp(about.key, key->text))
		ret = ktstr_err_set(err, -EBADMSG, "it is of another machine");
	else if (!same_tsc(tsc_hz, about.tsc_hz))
		ret = ktstr_err_set(err, -EBADMSG, "it was made on a host with another clock rate");
	else
		ret = qemu_about_check(fd, &about, &template->state, &template->console, err);
	qemu_about_deinit(&about);
	return ret;
}

bool qemu_template_open(const char *cache_dir, const struct qemu_template_key *key, uint64_t tsc_hz,
			struct qemu_template *ret_template, char *why, size_t why_size)
{
	struct qemu_template template = QEMU_TEMPLATE_INIT;
	struct ktstr_err err = KTSTR_ERR_INIT;
	char path[PATH_MAX];

	snprintf(why, why_size, "%s", "");
	if (!path_of(cache_dir, key->name, path))
		return false;
	template.file = open(path, O_RDWR | O_CLOEXEC);
	if (template.file < 0 && errno == EACCES)
		template.file = open(path, O_RDONLY | O_CLOEXEC);
	if (template.file < 0) {
		if (errno != ENOENT)
			snprintf(why, why_size, "%s", strerror(errno));
		return false;
	}
	if (check(template.file, key, tsc_hz, &template, &err)) {
		snprintf(why, why_size, "the template was removed: %s", err.msg);
		unlink(path);
		qemu_template_deinit(&template);
		return false;
	}
	note_use(template.file);
	*ret_template = template;
	return true;
}

/* ---- making one ---- */

static int make_folder(const char *cache_dir, char path[PATH_MAX], struct ktstr_err *err)
{
	int n = snprintf(path, PATH_MAX, "%s/" FOLDER, cache_dir);

	if (n < 0 || n >= PATH_MAX)
		return ktstr_err_set(err, -ENAMETOOLONG, "%s", cache_dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		return ktstr_err_errno(err, errno, "making %s", path);
	return 0;
}

/* A file without a name in `folder`: what becomes of it when we die in the middle is the kernel's affair. */
static int open_draft(const char *folder, uint64_t bytes, int *ret_fd, struct ktstr_err *err)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), ret;

	if (fd < 0)
		return ktstr_err_errno(err, errno, "a file without a name in %s", folder);
	if (ftruncate(fd, (off_t)bytes)) {
		ret = ktstr_err_errno(err, errno, "a file of %llu bytes", (unsigned long long)bytes);
		qemu_close(&fd);
		return ret;
	}
	*ret_fd = fd;
	return 0;
}

/* Appends the last `max` bytes of `from` to the draft; *ret_hash is of them. */
static int append(int to, uint64_t at, int from, uint64_t max, uint64_t *ret_bytes,
		  uint64_t *ret_hash, struct ktstr_err *err)
{
	struct stat st = { 0 };
	uint64_t bytes;
	char *data;
	int ret = 0;

	if (from >= 0 && fstat(from, &st))
		return ktstr_err_errno(err, errno, "what a template is made of");
	bytes = (uint64_t)st.st_size < max ? (uint64_t)st.st_size : max;
	data = malloc(bytes + 1);
	if (!data)
		return ktstr_err_nomem(err);
	if (bytes && pread(from, data, bytes, st.st_size - (off_t)bytes) != (ssize_t)bytes)
		ret = ktstr_err_set(err, -EIO, "what a template is made of changed meanwhile");
	else if (pwrite(to, data, bytes, (off_t)at) != (ssize_t)bytes)
		ret = ktstr_err_set(err, -ENOSPC, "writing a template: the file system is full");
	*ret_bytes = bytes;
	*ret_hash = XXH3_64bits(data, bytes);
	free(data);
	return ret;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* The name comes last, when all of the file is on the disk. */
static int give_name(int fd, const char *path, struct ktstr_err *err)
{
	char from[40];

	if (fsync(fd))
		return ktstr_err_errno(err, errno, "writing a template");
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) && errno != EEXIST)
		return ktstr_err_errno(err, errno, "naming a template %s", path);
	return 0;
}

static void describe(const struct ktstr_machine *m, const char *qemu_version, char *text, size_t size)
{
	const struct ktstr_topology *t = &m->topology;

	snprintf(text, size, "%un%ul%uc%ut, %llu MiB, qemu %s", t->nodes, t->llcs, t->cores,
		 t->threads, (unsigned long long)(m->memory_bytes >> 20), qemu_version);
}

static int fill_draft(int fd, const struct qemu_template_parts *parts, struct ktstr_err *err)
{
	char text[160];
	struct qemu_about about = {
		.key = parts->key->text, .machine = text, .tsc_hz = parts->tsc_hz,
		.kernel = parts->machine->kernel_release ? parts->machine->kernel_release : "",
		.made_ns = wall_ns(), .ram_bytes = parts->ram->bytes,
	};
	int ret = qemu_ram_save(parts->ram, fd, &about.ram, err);

	describe(parts->machine, parts->qemu_version, text, sizeof(text));
	if (!ret)
		ret = append(fd, about.ram_bytes, parts->state, UINT64_MAX, &about.state_bytes,
			     &about.state_hash, err);
	if (!ret)
		ret = append(fd, about.ram_bytes + about.state_bytes, parts->console, CONSOLE_KEEP,
			     &about.console_bytes, &about.console_hash, err);
	return ret ? ret : qemu_about_write(fd, &about, err);
}

int qemu_template_keep(const char *cache_dir, const struct qemu_template_parts *parts,
		       struct ktstr_err *err)
{
	char folder[PATH_MAX], path[PATH_MAX];
	int fd = -1, ret = make_folder(cache_dir, folder, err);

	if (ret)
		return ret;
	if (!path_of(cache_dir, parts->key->name, path))
		return ktstr_err_set(err, -ENAMETOOLONG, "%s", cache_dir);
	if (!access(path, F_OK))
		return 0;
	ret = open_draft(folder, parts->ram->bytes, &fd, err);
	if (!ret)
		ret = fill_draft(fd, parts, err);
	if (!ret)
		ret = give_name(fd, path, err);
	qemu_close(&fd);
	return ret;
}

/* ---- all of them ---- */

/* One of the folder. */
struct entry {
	char name[NAME_MAX + 1];	/* without its suffix */
	uint64_t used_ns, bytes;
};

struct entries {
	struct entry *items;
	size_t n, cap;
};

static uint64_t stat_ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * NSEC + (uint64_t)ts->tv_nsec;
}

static struct entry *add_entry(struct entries *all)
{
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 16;
		struct entry *items = realloc(all->items, cap * sizeof(*items));

		if (!items)
			return NULL;
		all->items = items;
		all->cap = cap;
	}
	return &all->items[all->n++];
}

static int by_use(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->used_ns < y->used_ns ? -1 : x->used_ns > y->used_ns;
}

/* Least recently used first. A missing folder has none. */
static int read_folder(const char *cache_dir, struct entries *ret, struct ktstr_err *err)
{
	char path[PATH_MAX];
	DIR *dir;
	int code = 0;

	snprintf(path, sizeof(path), "%s/" FOLDER, cache_dir);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : ktstr_err_errno(err, errno, "reading %s", path);
	for (struct dirent *d; !code && (d = readdir(dir));) {
		char *suffix = strstr(d->d_name, SUFFIX);
		struct entry *entry;
		struct stat st;

		if (!suffix || strcmp(suffix, SUFFIX) || fstatat(dirfd(dir), d->d_name, &st, 0))
			continue;
		entry = add_entry(ret);
		if (!entry) {
			code = ktstr_err_nomem(err);
			break;
		}
		snprintf(entry->name, sizeof(entry->name), "%.*s", (int)(suffix - d->d_name), d->d_name);
		entry->used_ns = stat_ns(&st.st_atim);
		entry->bytes = (uint64_t)st.st_blocks * 512;
	}
	closedir(dir);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_use);
	return code;
}

void qemu_templates_shrink(const char *cache_dir, uint64_t limit)
{
	struct entries all = { 0 };
	uint64_t sum = 0;

	read_folder(cache_dir, &all, NULL);
	for (size_t i = 0; i < all.n; i++)
		sum += all.items[i].bytes;
	for (size_t i = 0; i < all.n && sum > limit; i++) {
		qemu_template_remove(cache_dir, all.items[i].name, NULL);
		sum -= all.items[i].bytes;
	}
	free(all.items);
}

int qemu_template_remove(const char *cache_dir, const char *name, struct ktstr_err *err)
{
	char path[PATH_MAX];

	if (strchr(name, '/') || !path_of(cache_dir, name, path))
		return ktstr_err_set(err, -ENOENT, "there is no template %s", name);
	if (!unlink(path))
		return 0;
	if (errno == ENOENT)
		return ktstr_err_set(err, -ENOENT, "there is no template %s", name);
	return ktstr_err_errno(err, errno, "removing %s", path);
}

static void show(const char *cache_dir, const struct entry *entry,
		 void (*visit)(void *ctx, const struct ktstr_template *template), void *ctx)
{
	struct ktstr_template template = {
		.size = sizeof(template), .name = entry->name, .kernel = "", .machine = "",
		.bytes = entry->bytes, .used_ns = entry->used_ns,
	};
	struct qemu_about about = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	char path[PATH_MAX];
	int fd;

	if (!path_of(cache_dir, entry->name, path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;		/* it was removed meanwhile */
	if (qemu_about_read(fd, &about, &err)) {
		template.broken = err.msg;
	} else {
		template.kernel = about.kernel;
		template.machine = about.machine;
		template.made_ns = about.made_ns;
	}
	visit(ctx, &template);
	qemu_about_deinit(&about);
	close(fd);
}

int qemu_templates_list(const char *cache_dir,
			void (*visit)(void *ctx, const struct ktstr_template *template), void *ctx,
			struct ktstr_err *err)
{
	struct entries all = { 0 };
	int ret = read_folder(cache_dir, &all, err);

	for (size_t i = 0; !ret && i < all.n; i++)
		show(cache_dir, &all.items[i], visit, ctx);
	free(all.items);
	return ret;
}
