/* SPDX-License-Identifier: GPL-2.0-only */
/* What a suite has, and how it is downloaded. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/apt.h"
#include "kernel/debian.h"
#include "kernel/kernel.h"
#include "kernel/unpack.h"
#include "kernel/version.h"

#include <ctype.h>

/* The smallest of Debian's kernels, with all that VMs need built in. */
#define FLAVOUR "-cloud-" KTSTR_DEBIAN_ARCH

/* ---- kernels ---- */

/* The release in the name of an image package of our flavour. Not one of these are
 * "linux-image-7.3.4+deb13-cloud-amd64-dbg", "linux-binary-unsigned-..." and the like. */
static const char *package_release(const char *package)
{
	const char *release = NULL;

	if (!strncmp(package, "linux-image-", 12))
		release = package + 12;
	else if (!strncmp(package, "linux-binary-", 13))
		release = package + 13;
	if (!release || !isdigit((unsigned char)*release) || !ktstr_ends_with(release, FLAVOUR))
		return NULL;
	return release;
}

/* "\nPREFIXRELEASE\n" is in the list. */
static bool has_package(const char *list, const char *prefix, const char *release)
{
	_cleanup_free_ char *line = ktstr_asprintf("\n%s%s\n", prefix, release);

	return line && strstr(list, line);
}

static int newest_first(const void *a, const void *b)
{
	return ktstr_version_compare(*(char *const *)b, *(char *const *)a);
}

static int newest_of(const char *list, const char *version, struct ktstr_debian_kernel *ret,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *copy = strdup(list);
	char *save = NULL, *best = NULL;

	if (!copy)
		return ktstr_err_nomem(err);
	for (char *p = strtok_r(copy, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		const char *release = package_release(p);

		if (!release || (version && !ktstr_version_fits(release, version)) ||
		    (best && ktstr_version_compare(release, best) <= 0))
			continue;
		best = p + (release - p);
	}
	if (!best)
		return -ENODATA;
	ret->split = has_package(list, "linux-binary-", best);
	ret->has_base = has_package(list, "linux-base-", best);
	ret->release = strdup(best);
	return ret->release ? 0 : ktstr_err_nomem(err);
}

/* The names of packages that begin so, each between newlines. The caller frees the text. */
static int list_packages(const struct ktstr_debian *d, const char *begin, char **ret_list,
			 struct ktstr_err *err)
{
	const char *const argv[] = { "apt-cache", "-c", d->conf, "pkgnames", begin, NULL };
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	int r;

	ktstr_buf_puts(&out, "\n");
	r = ktstr_apt_run(argv, "listing Debian's kernels", NULL, &out, err);
	if (r)
		return r;
	*ret_list = ktstr_buf_steal_str(&out);
	return *ret_list ? 0 : ktstr_err_nomem(err);
}

int ktstr_debian_newest(const struct ktstr_debian *d, const char *version,
			struct ktstr_debian_kernel *ret_kernel, struct ktstr_err *err)
{
	_cleanup_free_ char *list = NULL;
	int r = list_packages(d, "linux-", &list, err);

	return r ? r : newest_of(list, version, ret_kernel, err);
}

void ktstr_debian_kernel_deinit(struct ktstr_debian_kernel *kernel)
{
	free(kernel->release);
	memset(kernel, 0, sizeof(*kernel));
}

/* ---- downloading ---- */

/* apt's lines "dlstatus:FILE:PERCENT:TEXT", of which there are many. */
struct percent {
	ktstr_debian_progress *progress;
	void *ctx;
	unsigned told;
};

static void read_status(void *ctx, const char *line, size_t len, bool partial)
{
	struct percent *p = ctx;
	char text[64];
	unsigned percent;

	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (partial || sscanf(text, "dlstatus:%*u:%u", &percent) != 1 || percent > 100 ||
	    percent < p->told + 10)
		return;
	p->told = percent / 10 * 10;
	p->progress(p->ctx, p->told);
}

/* Into DIR/packages, which is new. `names` ends with NULL and has at most two. */
static int get_packages(const struct ktstr_debian *d, const char *const *names, const char *dir,
			const struct ktstr_run_watch *watch, char **ret_packages, struct ktstr_err *err)
{
	_cleanup_free_ char *packages = ktstr_asprintf("%s/packages", dir);
	const char *const argv[] = {
		"env", "-C", packages, "apt-get", "-q", "-c", d->conf, "-o", "APT::Status-Fd=1",
		"download", names[0], names[1], NULL,
	};
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	int r = packages ? ktstr_mkdirs(packages, err) : ktstr_err_nomem(err);

	if (!r)
		r = ktstr_apt_run(argv, "downloading from Debian", watch, &out, err);
	if (!r)
		*ret_packages = ktstr_steal_ptr(packages);
	return r;
}

/* Calls for each package with its path. */
static int each_package(const char *packages, int (*fn)(const char *deb, const char *dir, int stop_fd,
							 struct ktstr_err *err),
			const char *dir, int stop_fd, struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *d = opendir(packages);
	struct dirent *e;
	int r = 0;

	if (!d)
		return ktstr_err_errno(err, errno, "opening folder %s", packages);
	while (!r && (e = readdir(d))) {
		_cleanup_free_ char *deb = NULL;

		if (!ktstr_ends_with(e->d_name, ".deb"))
			continue;
		deb = ktstr_asprintf("%s/%s", packages, e->d_name);
		r = deb ? fn(deb, dir, stop_fd, err) : ktstr_err_nomem(err);
	}
	return r;
}

int ktstr_debian_download(const struct ktstr_debian *d, const struct ktstr_debian_kernel *kernel,
			  const char *dir, struct ktstr_err *err)
{
	const struct ktstr_run_watch watch = { .stop_fd = d->stop_fd };
	_cleanup_free_ char *image =
		ktstr_asprintf("linux-%s-%s", kernel->split ? "binary" : "image", kernel->release);
	_cleanup_free_ char *base = ktstr_asprintf("linux-base-%s", kernel->release);
	_cleanup_free_ char *vmlinuz = ktstr_asprintf("%s/vmlinuz", dir), *packages = NULL;
	const char *const names[] = { image, kernel->has_base ? base : NULL };
	int r;

	if (!image || !base || !vmlinuz)
		return ktstr_err_nomem(err);
	r = get_packages(d, names, dir, &watch, &packages, err);
	if (!r)
		r = each_package(packages, ktstr_unpack_deb, dir, d->stop_fd, err);
	if (!r)
		r = ktstr_remove_tree(packages, err);
	if (!r && access(vmlinuz, R_OK))
		r = ktstr_err_set(err, -EBADMSG,
				  "Debian's package has no kernel image in it: the layout of "
				  "its packages is one that this ktstr does not know");
	return r;
}

/* ---- debug packages ---- */

static char *debug_package(const char *release)
{
	return ktstr_asprintf("linux-image-%s-dbg", release);
}

/* "linux-image-RELEASE-dbg" of our flavour: the length of RELEASE, else 0. */
static size_t debug_release(const char *package)
{
	static const char begin[] = "linux-image-", end[] = FLAVOUR "-dbg";
	size_t len = sizeof(begin) - 1;

	if (strncmp(package, begin, len) || !isdigit((unsigned char)package[len]) ||
	    !ktstr_ends_with(package, end))
		return 0;
	return strlen(package + len) - strlen("-dbg");
}

/* The releases that do have one, newest first, as "A, B"; "" for none. Changes the list. */
static char *debug_releases(char *list)
{
	struct ktstr_buf text = { 0 };
	KTSTR_VEC(char *) found = { 0 };
	char *save = NULL;

	for (char *p = strtok_r(list, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		size_t len = debug_release(p);
		char **slot = len ? ktstr_vec_add(&found) : NULL;

		if (!slot)
			continue;
		*slot = p + strlen("linux-image-");
		(*slot)[len] = '\0';
	}
	if (found.n)
		qsort(found.items, found.n, sizeof(*found.items), newest_first);
	for (size_t i = 0; i < found.n; i++)
		ktstr_buf_printf(&text, "%s%s", i ? ", " : "", found.items[i]);
	ktstr_vec_free(&found);
	return ktstr_buf_steal_str(&text);
}

/* How long the package is, 0: not known. */
static int package_size(const struct ktstr_debian *d, const char *package, uint64_t *ret_size,
			struct ktstr_err *err)
{
	const char *const argv[] = { "apt-cache", "-c", d->conf, "--no-all-versions", "show", package, NULL };
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	_cleanup_free_ char *text = NULL;
	const char *line;
	int r = ktstr_apt_run(argv, "looking at Debian's debug package", NULL, &out, err);

	if (r)
		return r;
	text = ktstr_buf_steal_str(&out);
	if (!text)
		return ktstr_err_nomem(err);
	line = strstr(text, "\nSize: ");
	*ret_size = line ? strtoull(line + 7, NULL, 10) : 0;
	return 0;
}

int ktstr_debian_find_debug(const struct ktstr_debian *d, const char *release,
			    struct ktstr_debian_debug *ret_debug, struct ktstr_err *err)
{
	_cleanup_free_ char *list = NULL;
	int r = list_packages(d, "linux-image-", &list, err);
	struct ktstr_debian_debug debug = { .package = r ? NULL : debug_package(release) };

	if (r)
		return r;
	if (!debug.package)
		return ktstr_err_nomem(err);
	if (has_package(list, "", debug.package))
		r = package_size(d, debug.package, &debug.size, err);
	else
		r = (debug.others = debug_releases(list)) ? -ENODATA : ktstr_err_nomem(err);
	if (r && r != -ENODATA)
		ktstr_debian_debug_deinit(&debug);
	else
		*ret_debug = debug;
	return r;
}

void ktstr_debian_debug_deinit(struct ktstr_debian_debug *debug)
{
	free(debug->package);
	free(debug->others);
	memset(debug, 0, sizeof(*debug));
}

int ktstr_debian_download_debug(const struct ktstr_debian *d, const char *package, const char *dir,
				ktstr_debian_progress *progress, void *ctx, struct ktstr_err *err)
{
	struct percent percent = { progress, ctx, 0 };
	const struct ktstr_run_watch watch = { .line = read_status, .ctx = &percent, .stop_fd = d->stop_fd };
	const char *const names[] = { package, NULL };
	_cleanup_free_ char *packages = NULL;
	int r = get_packages(d, names, dir, &watch, &packages, err);

	if (!r)
		r = each_package(packages, ktstr_unpack_debug_deb, dir, d->stop_fd, err);
	return r ? r : ktstr_remove_tree(packages, err);
}
