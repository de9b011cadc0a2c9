/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/cache.h"
#include "kernel/entry.h"
#include "kernel/fetch.h"

#include <sys/signalfd.h>

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

/* ---- one fetch ---- */

void ktstr_fetch_say(const struct ktstr_fetch *f, const char *fmt, ...)
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
	ktstr_fetch_say(ctx, "waiting for another ktstr that is fetching");
}

/* What is ignored (nohup) stays so: once blocked, it would count. */
static void add_signal(sigset_t *set, int signal)
{
	struct sigaction action;

	if (!sigaction(signal, NULL, &action) && action.sa_handler != SIG_IGN)
		sigaddset(set, signal);
}

/* The lock first: who waits for it has nothing to clear away. */
int ktstr_fetch_begin(struct ktstr_fetch *f)
{
	_cleanup_free_ char *store = NULL;
	int r = ktstr_cache_dir("apt", &store, f->err);
	sigset_t set;

	if (!r)
		r = ktstr_cache_lock(store, say_waiting, f, &f->lock_fd, f->err);
	if (r)
		return r;
	sigemptyset(&set);
	add_signal(&set, SIGINT);
	add_signal(&set, SIGTERM);
	add_signal(&set, SIGHUP);
	f->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f->stop_fd < 0)
		return ktstr_err_errno(f->err, errno, "signalfd");
	sigprocmask(SIG_BLOCK, &set, &f->signals);
	return 0;
}

void ktstr_fetch_end(struct ktstr_fetch *f)
{
	ktstr_cleanup_close(&f->lock_fd);
	if (f->stop_fd >= 0) {
		close(f->stop_fd);
		sigprocmask(SIG_SETMASK, &f->signals, NULL);
	}
	f->lock_fd = f->stop_fd = -1;
}

int ktstr_fetch_find(const struct ktstr_fetch *f, struct ktstr_debian *d, ktstr_fetch_look *look, void *arg)
{
	struct ktstr_err why = KTSTR_ERR_INIT;
	int r = d->fresh ? look(d, arg, f->err) : -ENODATA;

	if (r != -ENODATA)
		return r;
	ktstr_fetch_say(f, "fetching Debian's package lists for %s", d->suite);
	r = ktstr_debian_update(d, &why);
	if (!r)
		return look(d, arg, f->err);
	if (r == -ENOMEM || r == -EINTR || look(d, arg, NULL))
		return ktstr_err_set(f->err, r, "%s", why.msg);
	ktstr_fetch_say(f, "%s; going on with the lists of last time", why.msg);
	return 0;
}

/* ---- a kernel ---- */

/* `debian` asks for sched_ext; who names a suite or a version gets what is there. */
static bool is_wanted(const struct ktstr_fetch *f, const struct ktstr_kernel *k)
{
	return k->sched_ext || f->want.suite || f->want.version;
}

struct wish {
	const char *version;		/* NULL: any */
	struct ktstr_debian_kernel *ret;
};

static int look_newest(const struct ktstr_debian *d, void *arg, struct ktstr_err *err)
{
	const struct wish *w = arg;

	return ktstr_debian_newest(d, w->version, w->ret, err);
}

/* Makes the cache's entry for a kernel of a suite. -ENODATA without a message when the kernel is
 * not wanted, once it can be looked into. */
static int install(const struct ktstr_fetch *f, const struct ktstr_debian *d,
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
	ktstr_fetch_say(f, "fetching %s from Debian %s", kernel->release, d->suite);
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

static int fetch_chosen(const struct ktstr_fetch *f, const struct ktstr_debian *d,
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
		ktstr_fetch_say(f, "%s is cached already", kernel->release);
	else
		r = install(f, d, kernel, store, entry);
	if (!r && !k.release)
		r = ktstr_entry_load(entry, NULL, &k, f->err);
	if (!r && !is_wanted(f, &k))
		r = -ENODATA;
	if (r == -ENODATA)
		ktstr_fetch_say(f, "%s has no sched_ext", kernel->release);
	if (r)
		ktstr_kernel_deinit(&k);
	else
		*ret = k;
	return r;
}

/* -ENODATA without a message when the suite has nothing that fits. Only its newest kernel is looked
 * at: sched_ext came at some version and stayed. */
static int fetch_from(const struct ktstr_fetch *f, const char *suite, struct ktstr_kernel *ret)
{
	_cleanup_debian_kernel_ struct ktstr_debian_kernel kernel = { 0 };
	_cleanup_debian_ struct ktstr_debian d = { 0 };
	struct wish wish = { f->want.version, &kernel };
	int r = ktstr_debian_open(suite, f->stop_fd, &d, f->err);

	if (!r)
		r = ktstr_fetch_find(f, &d, look_newest, &wish);
	return r ? r : fetch_chosen(f, &d, &kernel, ret);
}

/* Right after a release of Debian, a mirror has no backports for it yet. */
static bool lacks_suite(int r, const struct ktstr_err *why)
{
	return r == -EIO && (strstr(why->msg, "404") || strstr(why->msg, "Release file"));
}

/* A suite that the mirror lacks is no reason to give up on the others; its error counts when none
 * has the kernel. */
static int fetch_from_any(const struct ktstr_fetch *f, struct ktstr_kernel *ret)
{
	struct ktstr_err first = KTSTR_ERR_INIT;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(suites); i++) {
		_cleanup_free_ char *suite = NULL;
		struct ktstr_err why = KTSTR_ERR_INIT;
		struct ktstr_fetch one = *f;
		int r;

		one.err = &why;
		ktstr_debian_codename(suites[i].alias, f->stop_fd, &suite, NULL);
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
	struct ktstr_fetch f = KTSTR_FETCH_INIT(progress, ctx, err);
	int r = ktstr_debian_spec_parse(spec, &f.want, err);

	if (!r)
		r = ktstr_fetch_begin(&f);
	if (!r)
		r = f.want.suite ? fetch_from(&f, f.want.suite, ret_kernel)
				 : fetch_from_any(&f, ret_kernel);
	ktstr_fetch_end(&f);
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
