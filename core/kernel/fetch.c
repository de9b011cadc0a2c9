/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/cache.h"
#include "kernel/debian.h"
#include "kernel/entry.h"

#define _cleanup_debian_ __attribute__((cleanup(ktstr_debian_close)))
#define _cleanup_debian_kernel_ __attribute__((cleanup(ktstr_debian_kernel_deinit)))

/*
 * Where kernels are looked for: the backports' lists are 30 times smaller than the others and have the
 * newest kernels. The aliases stay when Debian releases; but caching mirrors serve old files under
 * them, so that they are only asked for the code name. Where a mirror does not even have that, the
 * name at the time of writing is tried.
 */
static const struct {
	const char *alias, *name;
} suites[] = {
	{ "stable-backports", "trixie-backports" }, { "stable", "trixie" }, { "testing", "forky" },
	{ "unstable", "sid" },
};

struct fetch {
	struct ktstr_debian_spec want;
	ktstr_kernel_progress *progress;
	void *ctx;
	struct ktstr_err *err;
};

__attribute__((format(printf, 2, 3)))
static void say(const struct fetch *f, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	struct ktstr_buf b = { 0 };
	va_list ap;

	if (!f->progress)
		return;
	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = ktstr_buf_steal_str(&b);
	if (text)
		f->progress(f->ctx, text);
}

static void say_waiting(void *ctx)
{
	say(ctx, "waiting for another ktstr that is fetching");
}

/* `debian` asks for sched_ext; who names a suite or a version gets what is there. */
static bool is_wanted(const struct fetch *f, const struct ktstr_kernel *k)
{
	return k->sched_ext || f->want.suite || f->want.version;
}

/* The newest fitting kernel of the lists. Lists that are old are fetched again, and any that lack
 * what was asked for; when that fails, old ones still serve. */
static int choose(const struct fetch *f, struct ktstr_debian *d, struct ktstr_debian_kernel *ret)
{
	struct ktstr_err why = KTSTR_ERR_INIT;
	int r = d->fresh ? ktstr_debian_newest(d, f->want.version, ret, f->err) : -ENODATA;

	if (r != -ENODATA)
		return r;
	say(f, "fetching Debian's package lists for %s", d->suite);
	r = ktstr_debian_update(d, &why);
	if (r == -ENOMEM)
		return ktstr_err_nomem(f->err);
	if (!r)
		return ktstr_debian_newest(d, f->want.version, ret, f->err);
	if (ktstr_debian_newest(d, f->want.version, ret, NULL))
		return ktstr_err_set(f->err, r, "%s", why.msg);
	say(f, "%s; going on with the lists of last time", why.msg);
	return 0;
}

/* Makes the cache's entry for a kernel of a suite. -ENODATA without a message when the kernel is
 * not wanted, once it can be looked into. */
static int install(const struct fetch *f, const struct ktstr_debian *d,
		   const struct ktstr_debian_kernel *kernel, const char *store, const char *entry)
{
	_cleanup_draft_ struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	_cleanup_free_ char *source = ktstr_asprintf("debian:%s", d->suite);
	struct ktstr_kernel k;
	int r;

	if (!source)
		return ktstr_err_nomem(f->err);
	r = ktstr_draft_begin(store, &draft, f->err);
	if (r)
		return r;
	if (!ktstr_entry_load(entry, NULL, &k, NULL)) {
		ktstr_kernel_deinit(&k);
		return 0;
	}
	say(f, "fetching %s from Debian %s", kernel->release, d->suite);
	r = ktstr_debian_download(d, kernel, draft.dir, f->err);
	if (!r)
		r = ktstr_entry_make(draft.dir, NULL, source, f->err);
	if (!r)
		r = ktstr_entry_load(draft.dir, NULL, &k, f->err);
	if (r)
		return r;
	r = is_wanted(f, &k) ? 0 : -ENODATA;
	ktstr_kernel_deinit(&k);
	return r ? r : ktstr_draft_commit(&draft, kernel->release, f->err);
}

static int fetch_chosen(const struct fetch *f, const struct ktstr_debian *d,
			const struct ktstr_debian_kernel *kernel, struct ktstr_kernel *ret)
{
	_cleanup_free_ char *store = NULL, *entry = NULL;
	struct ktstr_kernel k = { 0 };
	int r = ktstr_cache_dir("kernels", &store, f->err);

	if (r)
		return r;
	entry = ktstr_asprintf("%s/%s", store, kernel->release);
	if (!entry)
		return ktstr_err_nomem(f->err);
	if (!ktstr_entry_load(entry, NULL, &k, NULL))
		say(f, "%s is cached already", kernel->release);
	else
		r = install(f, d, kernel, store, entry);
	if (!r && !k.release)
		r = ktstr_entry_load(entry, NULL, &k, f->err);
	if (!r && !is_wanted(f, &k))
		r = -ENODATA;
	if (r == -ENODATA)
		say(f, "%s has no sched_ext", kernel->release);
	if (r)
		ktstr_kernel_deinit(&k);
	else
		*ret = k;
	return r;
}

/* -ENODATA without a message when the suite has nothing that fits. Only its newest kernel is looked
 * at: sched_ext came at some version and stayed. */
static int fetch_from(const struct fetch *f, const char *suite, struct ktstr_kernel *ret)
{
	_cleanup_debian_kernel_ struct ktstr_debian_kernel kernel = { 0 };
	_cleanup_debian_ struct ktstr_debian d = { 0 };
	int r = ktstr_debian_open(suite, &d, f->err);

	if (!r)
		r = choose(f, &d, &kernel);
	return r ? r : fetch_chosen(f, &d, &kernel, ret);
}

/* Right after a release of Debian, a mirror has no backports for it yet. */
static bool lacks_suite(int r, const struct ktstr_err *why)
{
	return r == -EIO && (strstr(why->msg, "404") || strstr(why->msg, "Release file"));
}

/* A suite that the mirror lacks is no reason to give up on the others; its error counts when none
 * has the kernel. */
static int fetch_from_any(const struct fetch *f, struct ktstr_kernel *ret)
{
	struct ktstr_err first = KTSTR_ERR_INIT;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(suites); i++) {
		_cleanup_free_ char *suite = NULL;
		struct ktstr_err why = KTSTR_ERR_INIT;
		struct fetch one = *f;
		int r;

		one.err = &why;
		ktstr_debian_codename(suites[i].alias, &suite, NULL);
		r = fetch_from(&one, suite ? suite : suites[i].name, ret);
		if (!r)
			return 0;
		if (r != -ENODATA && !lacks_suite(r, &why))
			return ktstr_err_set(f->err, r, "%s", why.msg);
		if (r != -ENODATA && !first.code)
			first = why;
	}
	if (first.code)
		return ktstr_err_set(f->err, first.code, "%s", first.msg);
	return -ENODATA;
}

int ktstr_kernel_fetch(const char *spec, ktstr_kernel_progress *progress, void *ctx,
		       struct ktstr_kernel *ret_kernel, struct ktstr_err *err)
{
	struct fetch f = { .progress = progress, .ctx = ctx, .err = err };
	_cleanup_free_ char *store = NULL;
	_cleanup_close_ int lock = -1;
	int r = ktstr_debian_spec_parse(spec, &f.want, err);

	if (!r)
		r = ktstr_cache_dir("apt", &store, err);
	if (!r)
		r = ktstr_cache_lock(store, say_waiting, &f, &lock, err);
	if (r)
		return r;
	r = f.want.suite ? fetch_from(&f, f.want.suite, ret_kernel)
			 : fetch_from_any(&f, ret_kernel);
	if (r != -ENODATA)
		return r;
	if (f.want.version)
		return ktstr_err_set(err, -ENOENT,
				     "Debian's suites have no cloud kernel that fits %s (they drop "
				     "old versions); ktstr kernel fetch gets the newest",
				     spec);
	return ktstr_err_set(err, -ENOENT, "%s has no cloud kernel%s",
			     f.want.suite ? f.want.suite : "Debian",
			     f.want.suite ? "" : " with sched_ext");
}
