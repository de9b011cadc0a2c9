/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/unpack.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sys/stat.h>

#define CHUNK (128 * 1024)
#define PACKAGED_FILE_MAX (512ull << 20) /* an image or a config; the largest seen is 14 MB */
#define DEBUG_FILE_MAX (8ull << 30)	/* a vmlinux with DWARF; the largest seen has 412 MB */

static void free_archive(struct archive **a)
{
	archive_read_free(*a);		/* NULL is fine */
}

#define _cleanup_archive_ __attribute__((cleanup(free_archive)))

/* Not archive_read_support_filter_all(): that would run programs such as lzop on what it
 * is given. */
static void support_filters(struct archive *a)
{
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_zstd(a);
}

static int damaged(struct archive *a, const char *name, struct ktstr_err *err)
{
	const char *why = archive_error_string(a);

	return ktstr_err_set(err, -EBADMSG, "unpacking %s: %s", name, why ? why : "damaged");
}

static bool is_stopped(int stop_fd)
{
	struct pollfd p = { stop_fd, POLLIN, 0 };

	return stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* How much an entry may hold, and what ends the copying of it. */
struct limits {
	uint64_t max;
	int stop_fd;		/* -1: nothing */
};

/* Copies the current entry of an archive to `out_fd`. */
static int copy_data(struct archive *a, const char *name, struct limits limits, int out_fd,
		     uint64_t *ret_len, struct ktstr_err *err)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	uint64_t total = 0;

	if (!chunk)
		return ktstr_err_nomem(err);
	for (;;) {
		la_ssize_t n = archive_read_data(a, chunk, CHUNK);
		int ret;

		if (n < 0)
			return damaged(a, name, err);
		if (!n)
			break;
		total += (uint64_t)n;
		if (is_stopped(limits.stop_fd))
			return ktstr_err_set(err, -EINTR, "unpacking %s was interrupted", name);
		if (total > limits.max)
			return ktstr_err_set(err, -EBADMSG,
					     "unpacking %s: more than the %llu bytes "
					     "that can be in it",
					     name, (unsigned long long)limits.max);
		ret = ktstr_write_all(out_fd, chunk, (size_t)n);
		if (ret)
			return ktstr_err_errno(err, -ret, "writing what was unpacked of %s", name);
	}
	*ret_len = total;
	return 0;
}

/* ---- a stream in the middle of a file ---- */

struct range {
	int fd;
	uint64_t offset, left;
	char chunk[CHUNK];
};

static la_ssize_t read_range(struct archive *a, void *ctx, const void **ret)
{
	struct range *r = ctx;
	ssize_t n;

	*ret = r->chunk;
	do
		n = pread(r->fd, r->chunk, r->left < CHUNK ? r->left : CHUNK, (off_t)r->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(a, errno, "reading it: %s", strerror(errno));
		return -1;
	}
	r->offset += (uint64_t)n;
	r->left -= (uint64_t)n;
	return n;
}

int ktstr_unpack_stream(const struct ktstr_stream *in, uint64_t max, int out_fd, uint64_t *ret_len,
			struct ktstr_err *err)
{
	_cleanup_archive_ struct archive *a = archive_read_new();
	_cleanup_free_ struct range *range = malloc(sizeof(*range));
	struct archive_entry *entry;

	if (!a || !range)
		return ktstr_err_nomem(err);
	range->fd = in->fd;
	range->offset = in->offset;
	range->left = in->len;
	support_filters(a);
	archive_read_support_format_raw(a);
	if (archive_read_open(a, range, NULL, read_range, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return damaged(a, in->name, err);
	if (archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE)
		return ktstr_err_set(err, -EBADMSG,
				     "%s is compressed in a way that is not known here "
				     "(known: gzip, bzip2, xz, lzma, lz4, zstd)",
				     in->name);
	return copy_data(a, in->name, (struct limits){ max, -1 }, out_fd, ret_len, err);
}

/* ---- packages ---- */

/* The archive inside an entry of another one. */
struct nested {
	struct archive *outer;
	char chunk[CHUNK];
};

static la_ssize_t read_nested(struct archive *a, void *ctx, const void **ret)
{
	struct nested *n = ctx;
	la_ssize_t len = archive_read_data(n->outer, n->chunk, CHUNK);

	*ret = n->chunk;
	if (len < 0)
		archive_set_error(a, EBADMSG, "%s", archive_error_string(n->outer));
	return len;
}

/* What is taken out of a package. */
struct wanted {
	const char *const (*patterns)[2];	/* of paths, and what the file is called then */
	size_t n;
	struct limits limits;
	bool one;				/* nothing is read behind the first */
};

/* The layout changed: boot/ up to 7.1, usr/lib/modules/RELEASE/ from 7.2 on. */
static const char *const image_patterns[][2] = {
	{ "boot/vmlinuz-*", "vmlinuz" },
	{ "boot/config-*", "config" },
	{ "usr/lib/modules/*/vmlinuz", "vmlinuz" },
	{ "usr/lib/modules/*/config", "config" },
	{ "lib/modules/*/vmlinuz", "vmlinuz" },
	{ "lib/modules/*/config", "config" },
};

/* One is the file; where there are others, they are links to it. */
static const char *const debug_patterns[][2] = {
	{ "usr/lib/debug/boot/vmlinux-*", "vmlinux.debug" },
	{ "usr/lib/debug/lib/modules/*/vmlinux", "vmlinux.debug" },
	{ "usr/lib/debug/usr/lib/modules/*/vmlinux", "vmlinux.debug" },
};

/* What a file of a package is called in the cache, or NULL when it is none of ours. */
static const char *name_of(const struct wanted *w, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);

	if (!path || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
		return NULL;
	while (!strncmp(path, "./", 2))
		path += 2;
	for (size_t i = 0; i < w->n; i++)
		if (!fnmatch(w->patterns[i][0], path, FNM_PATHNAME))
			return w->patterns[i][1];
	return NULL;
}

static int take_file(struct archive *a, const char *deb, const char *dir, const char *name,
		     struct limits limits, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", dir, name);
	_cleanup_close_ int fd = -1;
	uint64_t len;

	if (!path)
		return ktstr_err_nomem(err);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return ktstr_err_errno(err, errno, "creating %s", path);
	return copy_data(a, deb, limits, fd, &len, err);
}

/* Reads the tar inside `outer`'s current entry. -ENODATA without a message when the one is not there. */
static int take_files(struct archive *outer, const char *deb, const char *dir, const struct wanted *w,
		      struct ktstr_err *err)
{
	_cleanup_archive_ struct archive *a = archive_read_new();
	_cleanup_free_ struct nested *nested = malloc(sizeof(*nested));
	struct archive_entry *entry;
	int r;

	if (!a || !nested)
		return ktstr_err_nomem(err);
	nested->outer = outer;
	support_filters(a);
	archive_read_support_format_tar(a);
	if (archive_read_open(a, nested, NULL, read_nested, NULL) != ARCHIVE_OK)
		return damaged(a, deb, err);
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		const char *name = name_of(w, entry);

		if (is_stopped(w->limits.stop_fd))
			return ktstr_err_set(err, -EINTR, "unpacking %s was interrupted", deb);
		if (!name)
			continue;
		r = take_file(a, deb, dir, name, w->limits, err);
		if (r || w->one)
			return r;
	}
	if (r != ARCHIVE_EOF)
		return damaged(a, deb, err);
	return w->one ? -ENODATA : 0;
}

static int unpack(const char *deb, const char *dir, const struct wanted *w, struct ktstr_err *err)
{
	_cleanup_archive_ struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int r;

	if (!a)
		return ktstr_err_nomem(err);
	archive_read_support_format_ar(a);
	if (archive_read_open_filename(a, deb, CHUNK) != ARCHIVE_OK)
		return damaged(a, deb, err);
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(entry);

		if (path && !strncmp(path, "data.tar", 8))
			return take_files(a, deb, dir, w, err);
	}
	if (r != ARCHIVE_EOF)
		return damaged(a, deb, err);
	return ktstr_err_set(err, -EBADMSG, "%s has no data.tar: it is no Debian package", deb);
}

int ktstr_unpack_deb(const char *deb, const char *dir, int stop_fd, struct ktstr_err *err)
{
	const struct wanted w = {
		.patterns = image_patterns, .n = KTSTR_ARRAY_SIZE(image_patterns),
		.limits = { .max = PACKAGED_FILE_MAX, .stop_fd = stop_fd },
	};

	return unpack(deb, dir, &w, err);
}

int ktstr_unpack_debug_deb(const char *deb, const char *dir, int stop_fd, struct ktstr_err *err)
{
	const struct wanted w = {
		.patterns = debug_patterns, .n = KTSTR_ARRAY_SIZE(debug_patterns), .one = true,
		.limits = { .max = DEBUG_FILE_MAX, .stop_fd = stop_fd },
	};
	int r = unpack(deb, dir, &w, err);

	return r == -ENODATA ? ktstr_err_set(err, r, "%s has no kernel with debug information in it: the layout "
					     "of Debian's packages is one that this ktstr does not know", deb) : r;
}
