/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/debian.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/kernel.h"
#include "kernel/unpack.h"
#include "kernel/version.h"

#include <ctype.h>
#include <sys/stat.h>
#include <time.h>

#define ARCH "amd64"
/* The smallest of Debian's kernels, with all that VMs need built in. */
#define FLAVOUR "-cloud-" ARCH
#define FRESH_SEC 3600
#define PACKAGES "Packages"
#define NO_INDEX "none"
#define NO_FETCH "give a kernel image or a build tree by its path instead"

/* ---- specs ---- */

bool ktstr_debian_is_spec(const char *spec)
{
	return !strncmp(spec, "debian", 6) && (!spec[6] || spec[6] == ':');
}

int ktstr_debian_spec_parse(const char *spec, struct ktstr_debian_spec *ret_spec,
			    struct ktstr_err *err)
{
	struct ktstr_debian_spec parsed = { 0 };
	const char *arg = spec[strcspn(spec, ":")] ? strchr(spec, ':') + 1 : NULL;

	if (!ktstr_debian_is_spec(spec))
		goto bad;
	/* What is let through goes into apt's files and into paths. */
	for (const char *p = arg; p && *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-+~_", *p))
			goto bad;
	if (arg && isdigit((unsigned char)*arg))
		parsed.version = arg;
	else if (arg && isalpha((unsigned char)*arg))
		parsed.suite = arg;
	else if (arg)
		goto bad;
	*ret_spec = parsed;
	return 0;
bad:
	return ktstr_err_set(err, -EINVAL,
			     "\"%s\" cannot be fetched: expected debian, debian:SUITE "
			     "(debian:trixie-backports) or debian:VERSION (debian:6.16)",
			     spec);
}

/* ---- running apt ---- */

/* The lines in which apt names errors, else those with warnings, as one line. */
static char *apt_said(const struct ktstr_buf *output)
{
	struct ktstr_buf text = { 0 };

	for (const char *mark = "EW"; *mark && !text.len; mark++) {
		const char *p = (const char *)output->data, *end = p + output->len;

		while (p && p < end && text.len < 500) {
			const char *nl = memchr(p, '\n', (size_t)(end - p));
			size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);

			if (len > 3 && p[0] == *mark && p[1] == ':')
				ktstr_buf_printf(&text, "%s%.*s", text.len ? "; " : "",
						 (int)len - 3, p + 3);
			p += len + 1;
		}
	}
	if (!text.len)
		ktstr_buf_puts(&text, "it gave no reason");
	return ktstr_buf_steal_str(&text);
}

/* Runs a program of apt; `what` is for messages. */
static int run_apt(const char *const *argv, const char *what, struct ktstr_buf *ret_out,
		   struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf errout = { 0 };
	_cleanup_free_ char *said = NULL;
	int r = ktstr_run(argv, ret_out, &errout, err);

	if (r <= 0)
		return r;
	said = apt_said(&errout);
	return ktstr_err_set(err, -EIO, "%s failed: %s", what, said ? said : "out of memory");
}

/* ---- the mirror ---- */

/* Cuts *line at the next '|' and returns what was before it. apt leaves $(NAME) where it has no
 * value. */
static const char *next_column(char **line)
{
	char *start = *line, *bar = start + strcspn(start, "|");

	*line = *bar ? bar + 1 : bar;
	*bar = '\0';
	return strncmp(start, "$(", 2) ? start : "";
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/* True when a line of apt-get indextargets is Debian's main archive. Its origin is known when the
 * system has fetched its lists; before that, the archive's folder name has to do. */
static bool is_debian_archive(char *line, const char **ret_uri)
{
	const char *kind = next_column(&line), *origin = next_column(&line);
	const char *release = next_column(&line), *component = next_column(&line);

	*ret_uri = line;
	if (strcmp(kind, "Packages") || strcmp(component, "main") || strstr(release, "-security"))
		return false;
	return *origin ? !strcmp(origin, "Debian")
		       : ends_with(line, "/debian") || ends_with(line, "/debian/");
}

static int find_mirror(bool release_info, char **ret_uri, struct ktstr_err *err)
{
	const char *const argv[] = {
		"apt-get", "indextargets", "--format",
		"$(CREATED_BY)|$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)",
		release_info ? NULL : "--no-release-info", NULL,
	};
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = run_apt(argv, "asking apt for the system's mirror", &out, err);

	if (r)
		return r;
	text = ktstr_buf_steal_str(&out);
	if (!text)
		return ktstr_err_nomem(err);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *uri;

		if (!is_debian_archive(line, &uri))
			continue;
		*ret_uri = strdup(uri);
		return *ret_uri ? 0 : ktstr_err_nomem(err);
	}
	return ktstr_err_set(err, -ENOTSUP,
			     "this system's apt knows no Debian mirror, so no kernel can be "
			     "fetched; " NO_FETCH);
}

/* Where packages come from, and whose signature proves it. */
struct mirror {
	const char *uri;
	const char *keyring;
};

static int require_apt(const char **ret_keyring, struct ktstr_err *err)
{
	static const char *const keyrings[] = {
		"/usr/share/keyrings/debian-archive-keyring.gpg",
		"/usr/share/keyrings/debian-archive-keyring.pgp",
	};
	_cleanup_free_ char *get = ktstr_which("apt-get"), *cache = ktstr_which("apt-cache");

	if (!get || !cache)
		return ktstr_err_set(err, -ENOTSUP,
				     "kernels are fetched through Debian's apt, and there is no "
				     "apt-get here; " NO_FETCH);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(keyrings); i++)
		if (!access(keyrings[i], R_OK)) {
			*ret_keyring = keyrings[i];
			return 0;
		}
	return ktstr_err_set(err, -ENOTSUP,
			     "%s is missing, which proves that a kernel is Debian's. On "
			     "Debian: apt-get install debian-archive-keyring; elsewhere, " NO_FETCH,
			     keyrings[0]);
}

/* ---- the private state ---- */

/* `target` as for open_state(). A release file that is only asked for its code name may be old: what
 * follows from the name is checked on its own. */
static int write_conf(const struct ktstr_debian *d, const char *target, struct ktstr_err *err)
{
	bool name_only = !strcmp(target, NO_INDEX);
	_cleanup_buf_ struct ktstr_buf conf = { 0 };

	/* The system's hooks would run on our update, its pins and its default release choose
	 * among suites that are not ours. */
	ktstr_buf_printf(&conf,
			 "Dir::State \"%1$s\";\nDir::State::Lists \"%1$s/lists\";\n"
			 "Dir::State::status \"%1$s/status\";\nDir::Cache \"%1$s/cache\";\n"
			 "Dir::Etc::SourceList \"%1$s/sources.list\";\n"
			 "Dir::Etc::SourceParts \"/dev/null\";\n"
			 "Dir::Etc::Preferences \"/dev/null\";\n"
			 "Dir::Etc::PreferencesParts \"/dev/null\";\n"
			 "#clear APT::Default-Release;\n#clear APT::Update::Pre-Invoke;\n"
			 "#clear APT::Update::Post-Invoke;\n"
			 "#clear APT::Update::Post-Invoke-Success;\n"
			 "APT::Update::Error-Mode \"any\";\nAPT::Sandbox::User \"root\";\n"
			 "Acquire::Languages \"none\";\nAcquire::Retries \"1\";\n"
			 "Acquire::Check-Valid-Until \"%2$s\";\n", d->dir, name_only ? "false" : "true");
	if (conf.failed)
		return ktstr_err_nomem(err);
	return ktstr_file_write(d->conf, conf.data, conf.len, 0644, err);
}

/* A state that has another mirror's lists is not fresh. */
static int write_sources(struct ktstr_debian *d, const struct mirror *mirror, const char *target,
			 struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/sources.list", d->dir);
	_cleanup_free_ char *stamp = ktstr_asprintf("%s/updated", d->dir);
	_cleanup_free_ char *line = ktstr_asprintf("deb [arch=" ARCH " target=%s signed-by=%s] %s "
								     "%s main\n",
						   target, mirror->keyring, mirror->uri, d->suite);
	_cleanup_buf_ struct ktstr_buf old = { 0 };
	struct stat st;
	time_t now = time(NULL);

	if (!path || !stamp || !line)
		return ktstr_err_nomem(err);
	if (!ktstr_file_read(path, 64 * 1024, &old, NULL) && old.len == strlen(line) &&
	    !memcmp(old.data, line, old.len)) {
		d->fresh = !stat(stamp, &st) && st.st_mtime <= now && now - st.st_mtime < FRESH_SEC;
		return 0;
	}
	unlink(stamp);
	return ktstr_file_write(path, line, strlen(line), 0644, err);
}

static int make_state(struct ktstr_debian *d, const struct mirror *mirror, const char *target,
		      struct ktstr_err *err)
{
	static const char *const subs[] = { "lists/partial", "cache/archives/partial" };
	_cleanup_free_ char *status = NULL;
	int r = ktstr_cache_dir("apt", &status, err);

	if (r)
		return r;
	d->dir = ktstr_asprintf("%s/%s-%s", status, d->suite, target);
	free(ktstr_steal_ptr(status));
	d->conf = d->dir ? ktstr_asprintf("%s/apt.conf", d->dir) : NULL;
	status = d->dir ? ktstr_asprintf("%s/status", d->dir) : NULL;
	if (!d->conf || !status)
		return ktstr_err_nomem(err);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(subs) && !r; i++) {
		_cleanup_free_ char *path = ktstr_asprintf("%s/%s", d->dir, subs[i]);

		r = path ? ktstr_mkdirs(path, err) : ktstr_err_nomem(err);
	}
	if (!r)
		r = ktstr_file_write(status, "", 0, 0644, err);
	if (!r)
		r = write_conf(d, target, err);
	return r ? r : write_sources(d, mirror, target, err);
}

/* `target` is which index files apt fetches: PACKAGES, or NO_INDEX for the release file alone. */
static int open_state(const char *suite, const char *target, struct ktstr_debian *ret_debian,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *uri = NULL;
	struct ktstr_debian d = { 0 };
	struct mirror mirror = { 0 };
	int r = require_apt(&mirror.keyring, err);

	if (!r && find_mirror(true, &uri, NULL))
		r = find_mirror(false, &uri, err);
	if (r)
		return r;
	mirror.uri = uri;
	d.suite = strdup(suite);
	r = d.suite ? make_state(&d, &mirror, target, err) : ktstr_err_nomem(err);
	if (r) {
		ktstr_debian_close(&d);
		return r;
	}
	*ret_debian = d;
	return 0;
}

int ktstr_debian_open(const char *suite, struct ktstr_debian *ret_debian, struct ktstr_err *err)
{
	return open_state(suite, PACKAGES, ret_debian, err);
}

void ktstr_debian_close(struct ktstr_debian *debian)
{
	free(debian->suite);
	free(debian->dir);
	free(debian->conf);
	memset(debian, 0, sizeof(*debian));
}

int ktstr_debian_update(struct ktstr_debian *d, struct ktstr_err *err)
{
	const char *const argv[] = { "apt-get", "-q", "-c", d->conf, "update", NULL };
	_cleanup_free_ char *stamp = ktstr_asprintf("%s/updated", d->dir);
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	int r;

	if (!stamp)
		return ktstr_err_nomem(err);
	r = run_apt(argv, "fetching Debian's package lists", &out, err);
	if (!r)
		r = ktstr_file_write(stamp, "", 0, 0644, err);
	d->fresh = !r;
	return r;
}

/* "Codename: NAME" of the release file among the lists. */
static char *read_codename(const char *lists)
{
	_cleanup_closedir_ DIR *dir = opendir(lists);
	char line[256], name[64];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;
		_cleanup_fclose_ FILE *f = NULL;

		if (!ends_with(e->d_name, "Release")) /* InRelease, or Release and its signature */
			continue;
		path = ktstr_asprintf("%s/%s", lists, e->d_name);
		f = path ? fopen(path, "re") : NULL;
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "Codename: %63[a-zA-Z0-9.+-]", name) == 1)
				return strdup(name);
	}
	return NULL;
}

int ktstr_debian_codename(const char *alias, char **ret_name, struct ktstr_err *err)
{
	_cleanup_free_ char *lists = NULL;
	struct ktstr_debian d;
	int r = open_state(alias, NO_INDEX, &d, err);

	if (r)
		return r;
	if (!d.fresh)
		r = ktstr_debian_update(&d, err);
	lists = ktstr_asprintf("%s/lists", d.dir);
	*ret_name = lists ? read_codename(lists) : NULL;
	ktstr_debian_close(&d);
	if (*ret_name)		/* an old one is as good, when the mirror cannot be reached */
		return 0;
	return r ? r
		 : ktstr_err_set(err, -EIO, "the mirror's release file for %s has no Codename",
				 alias);
}

/* ---- kernels of a suite ---- */

/* The release in the name of an image package of our flavour. Not one of these are
 * "linux-image-7.3.4+deb13-cloud-amd64-dbg", "linux-binary-unsigned-..." and the like. */
static const char *package_release(const char *package)
{
	const char *release = NULL;

	if (!strncmp(package, "linux-image-", 12))
		release = package + 12;
	else if (!strncmp(package, "linux-binary-", 13))
		release = package + 13;
	if (!release || !isdigit((unsigned char)*release) || !ends_with(release, FLAVOUR))
		return NULL;
	return release;
}

/* "\nPREFIXRELEASE\n" is in the list. */
static bool has_package(const char *list, const char *prefix, const char *release)
{
	_cleanup_free_ char *line = ktstr_asprintf("\n%s%s\n", prefix, release);

	return line && strstr(list, line);
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

int ktstr_debian_newest(const struct ktstr_debian *d, const char *version,
			struct ktstr_debian_kernel *ret_kernel, struct ktstr_err *err)
{
	const char *const argv[] = { "apt-cache", "-c", d->conf, "pkgnames", "linux-", NULL };
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	_cleanup_free_ char *list = NULL;
	int r;

	ktstr_buf_puts(&out, "\n");
	r = run_apt(argv, "listing Debian's kernels", &out, err);
	if (r)
		return r;
	list = ktstr_buf_steal_str(&out);
	return list ? newest_of(list, version, ret_kernel, err) : ktstr_err_nomem(err);
}

void ktstr_debian_kernel_deinit(struct ktstr_debian_kernel *kernel)
{
	free(kernel->release);
	memset(kernel, 0, sizeof(*kernel));
}

static int unpack_all(const char *packages, const char *dir, struct ktstr_err *err)
{
	_cleanup_closedir_ DIR *d = opendir(packages);
	_cleanup_free_ char *image = ktstr_asprintf("%s/vmlinuz", dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return ktstr_err_errno(err, errno, "opening folder %s", packages);
	while (!r && (e = readdir(d))) {
		_cleanup_free_ char *deb = NULL;

		if (!ends_with(e->d_name, ".deb"))
			continue;
		deb = ktstr_asprintf("%s/%s", packages, e->d_name);
		r = deb ? ktstr_unpack_deb(deb, dir, err) : ktstr_err_nomem(err);
	}
	if (!r && image && access(image, R_OK))
		r = ktstr_err_set(err, -EBADMSG,
				  "Debian's package has no kernel image in it: the layout of "
				  "its packages is one that this ktstr does not know");
	return r;
}

int ktstr_debian_download(const struct ktstr_debian *d, const struct ktstr_debian_kernel *kernel,
			  const char *dir, struct ktstr_err *err)
{
	_cleanup_free_ char *packages = ktstr_asprintf("%s/packages", d->dir);
	_cleanup_free_ char *image =
		ktstr_asprintf("linux-%s-%s", kernel->split ? "binary" : "image", kernel->release);
	_cleanup_free_ char *base = ktstr_asprintf("linux-base-%s", kernel->release);
	const char *const argv[] = {
		"env", "-C", packages, "apt-get", "-q", "-c", d->conf, "download", image,
		kernel->has_base ? base : NULL, NULL,
	};
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	int r;

	if (!packages || !image || !base)
		return ktstr_err_nomem(err);
	r = ktstr_remove_tree(packages, err);
	if (!r)
		r = ktstr_mkdirs(packages, err);
	if (!r)
		r = run_apt(argv, "downloading from Debian", &out, err);
	if (!r)
		r = unpack_all(packages, dir, err);
	ktstr_remove_tree(packages, NULL);
	return r;
}
