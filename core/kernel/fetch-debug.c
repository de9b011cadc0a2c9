/* SPDX-License-Identifier: GPL-2.0-only */
/* The debug information of a cached kernel, out of Debian's package with it. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/cache.h"
#include "kernel/debuginfo.h"
#include "kernel/entry.h"
#include "kernel/fetch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define _cleanup_debian_debug_ __attribute__((cleanup(ktstr_debian_debug_deinit)))

/* ---- which package ---- */

struct wish {
	const char *release;
	struct ktstr_debian_debug *ret;
};

static int look(const struct ktstr_debian *d, void *arg, struct ktstr_err *err)
{
	const struct wish *w = arg;

	ktstr_debian_debug_deinit(w->ret);
	return ktstr_debian_find_debug(d, w->release, w->ret, err);
}

static int say_none(const struct ktstr_fetch *f, const struct ktstr_debian *d, const struct ktstr_kernel *k,
		    const char *others)
{
	return ktstr_err_set(f->err, -ENOENT, "Debian's %s has no debug package of %s (it has %s%s). Other ways to "
			     "its source lines: DEBUGINFOD_URLS with a server that has the build id %s; the vmlinux "
			     "of that build as %s/" KTSTR_ENTRY_DEBUG "; or a kernel that you build with "
			     "CONFIG_DEBUG_INFO_DWARF5, given by its tree", d->suite, k->release,
			     *others ? "those of " : "none at all", others, k->build_id ? k->build_id : "(none)",
			     k->dir);
}

static int find_package(const struct ktstr_fetch *f, const struct ktstr_kernel *k, struct ktstr_debian *d,
			struct ktstr_debian_debug *ret)
{
	struct wish wish = { k->release, ret };
	int r = ktstr_debian_open(strchr(k->source, ':') + 1, f->stop_fd, d, f->err);

	if (!r)
		r = ktstr_fetch_find(f, d, look, &wish);
	return r == -ENODATA ? say_none(f, d, k, ret->others) : r;
}

/* ---- getting it ---- */

/* What the progress of a download is about. */
struct download {
	const struct ktstr_fetch *fetch;
	unsigned long long mb;
};

static void say_percent(void *ctx, unsigned percent)
{
	const struct download *d = ctx;

	ktstr_fetch_say(d->fetch, percent < 100 ? "%u%% of %llu MB" : "%u%% of %llu MB, unpacking", percent, d->mb);
}

/* Debian may build a version again under the release that it had. */
static int say_stale(const struct ktstr_fetch *f, const struct ktstr_kernel *k)
{
	return ktstr_err_set(f->err, -ESTALE, "Debian's debug package of %1$s is of another build than the cached "
			     "kernel, which is out of date; get both with: ktstr kernel remove %1$s && ktstr kernel "
			     "fetch --debug debian:%1$s", k->release);
}

/* It is on the disk before it has its name: a power cut leaves no half of it there. */
static int move_in(const struct ktstr_fetch *f, const struct ktstr_kernel *k, const char *from, const char *to)
{
	_cleanup_close_ int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct ktstr_err why = KTSTR_ERR_INIT;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st))
		return ktstr_err_errno(f->err, errno, "opening %s", from);
	r = ktstr_debuginfo_check(fd, "Debian's debug package", k->build_id, &why);
	if (r == -ESTALE)
		return say_stale(f, k);
	if (r)
		return ktstr_err_set(f->err, r, "%s", why.msg);
	if (fsync(fd) || rename(from, to))
		return ktstr_err_errno(f->err, errno, "moving the debug information to %s", to);
	ktstr_fetch_say(f, "the debug information of %s takes %llu MB in %s; ktstr kernel remove --debug %s removes it",
			k->release, (unsigned long long)st.st_size / 1000000, k->dir, k->release);
	return 0;
}

static int install(const struct ktstr_fetch *f, const struct ktstr_debian *d, const struct ktstr_debian_debug *debug,
		   struct ktstr_kernel *k)
{
	_cleanup_draft_ struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	struct download download = { f, (unsigned long long)debug->size / 1000000 };
	_cleanup_free_ char *store = NULL, *from = NULL, *to = ktstr_asprintf("%s/" KTSTR_ENTRY_DEBUG, k->dir);
	int r = ktstr_cache_dir("kernels", &store, f->err);

	if (!r)
		r = ktstr_draft_begin(store, &draft, f->err);
	if (r)
		return r;
	from = ktstr_asprintf("%s/" KTSTR_ENTRY_DEBUG, draft.dir);
	if (!from || !to)
		return ktstr_err_nomem(f->err);
	ktstr_fetch_say(f, "fetching %s from Debian %s: %llu MB to download, and somewhat more to keep",
			debug->package, d->suite, download.mb);
	r = ktstr_debian_download_debug(d, debug->package, draft.dir, say_percent, &download, f->err);
	if (!r)
		r = move_in(f, k, from, to);
	if (!r) {
		free(k->debug);
		k->debug = ktstr_steal_ptr(to);
	}
	return r;
}

/* ---- the kernel ---- */

static bool has_debug(const struct ktstr_kernel *k)
{
	_cleanup_close_ int fd = k->debug ? open(k->debug, O_RDONLY | O_CLOEXEC) : -1;

	return fd >= 0 && !ktstr_debuginfo_check(fd, k->debug, k->build_id, NULL);
}

static int fetch_for(const struct ktstr_fetch *f, struct ktstr_kernel *k)
{
	_cleanup_debian_debug_ struct ktstr_debian_debug debug = { 0 };
	_cleanup_debian_ struct ktstr_debian d = { 0 };
	int r;

	if (!k->fetched || !k->source || strncmp(k->source, "debian:", 7) || !k->build_id)
		return ktstr_err_set(f->err, -EINVAL, "%s was not fetched from Debian, so there is no debug package to "
				     "fetch; source lines come from its build tree, from a debug package below "
				     "/usr/lib/debug and from DEBUGINFOD_URLS", k->release);
	if (has_debug(k)) {
		ktstr_fetch_say(f, "the debug information of %s is cached already", k->release);
		return 0;
	}
	r = find_package(f, k, &d, &debug);
	return r ? r : install(f, &d, &debug, k);
}

int ktstr_kernel_fetch_debug(const char *spec, ktstr_kernel_progress *progress, void *ctx,
			     struct ktstr_kernel *ret_kernel, struct ktstr_err *err)
{
	struct ktstr_fetch f = KTSTR_FETCH_INIT(progress, ctx, err);
	struct ktstr_kernel k;
	int r = ktstr_debian_is_spec(spec) ? ktstr_kernel_fetch(spec, progress, ctx, &k, err)
					   : ktstr_kernel_find(spec, NULL, &k, err);

	if (r)
		return r;
	r = ktstr_fetch_begin(&f);
	if (!r)
		r = fetch_for(&f, &k);
	ktstr_fetch_end(&f);
	if (r)
		ktstr_kernel_deinit(&k);
	else
		*ret_kernel = k;
	return r;
}

int ktstr_kernel_remove_debug(const char *release, struct ktstr_err *err)
{
	_cleanup_free_ char *store = NULL, *path = NULL;
	_cleanup_close_ int lock = -1;
	int r = ktstr_cache_dir("kernels", &store, err);

	if (r)
		return r;
	if (!*release || *release == '.' || strchr(release, '/'))
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no release of a kernel", release);
	path = ktstr_asprintf("%s/%s/" KTSTR_ENTRY_DEBUG, store, release);
	if (!path)
		return ktstr_err_nomem(err);
	r = ktstr_cache_lock(store, NULL, NULL, &lock, err);
	if (r || !unlink(path))
		return r;
	if (errno == ENOENT)
		return ktstr_err_set(err, -ENOENT, "no cached kernel %s has debug information; ktstr kernel list shows "
				     "which do", release);
	return ktstr_err_errno(err, errno, "removing %s", path);
}
