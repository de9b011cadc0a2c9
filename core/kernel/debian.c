/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/debian.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/apt.h"

#include <ctype.h>
#include <sys/stat.h>
#include <time.h>

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
		       : ktstr_ends_with(line, "/debian") || ktstr_ends_with(line, "/debian/");
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
	int r = ktstr_apt_run(argv, "asking apt for the system's mirror", NULL, &out, err);

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
	_cleanup_free_ char *line = ktstr_asprintf("deb [arch=" KTSTR_DEBIAN_ARCH " target=%s signed-by=%s] %s "
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
static int open_state(const char *suite, const char *target, int stop_fd,
		      struct ktstr_debian *ret_debian, struct ktstr_err *err)
{
	_cleanup_free_ char *uri = NULL;
	struct ktstr_debian d = { .stop_fd = stop_fd };
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

int ktstr_debian_open(const char *suite, int stop_fd, struct ktstr_debian *ret_debian,
		      struct ktstr_err *err)
{
	return open_state(suite, PACKAGES, stop_fd, ret_debian, err);
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
	const struct ktstr_run_watch watch = { .stop_fd = d->stop_fd };
	_cleanup_free_ char *stamp = ktstr_asprintf("%s/updated", d->dir);
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	int r;

	if (!stamp)
		return ktstr_err_nomem(err);
	r = ktstr_apt_run(argv, "fetching Debian's package lists", &watch, &out, err);
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

		if (!ktstr_ends_with(e->d_name, "Release")) /* InRelease, or Release and its signature */
			continue;
		path = ktstr_asprintf("%s/%s", lists, e->d_name);
		f = path ? fopen(path, "re") : NULL;
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "Codename: %63[a-zA-Z0-9.+-]", name) == 1)
				return strdup(name);
	}
	return NULL;
}

int ktstr_debian_codename(const char *alias, int stop_fd, char **ret_name, struct ktstr_err *err)
{
	_cleanup_free_ char *lists = NULL;
	struct ktstr_debian d;
	int r = open_state(alias, NO_INDEX, stop_fd, &d, err);

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

int ktstr_debian_reopen(const char *suite, struct ktstr_debian *ret_debian)
{
	_cleanup_free_ char *base = NULL, *stamp = NULL;
	struct ktstr_debian d = { .stop_fd = -1 };

	if (ktstr_cache_dir("apt", &base, NULL))
		return -ENOENT;
	d.suite = strdup(suite);
	d.dir = ktstr_asprintf("%s/%s-" PACKAGES, base, suite);
	d.conf = d.dir ? ktstr_asprintf("%s/apt.conf", d.dir) : NULL;
	stamp = d.dir ? ktstr_asprintf("%s/updated", d.dir) : NULL;
	if (d.suite && d.conf && stamp && !access(d.conf, R_OK) && !access(stamp, F_OK)) {
		*ret_debian = d;
		return 0;
	}
	ktstr_debian_close(&d);
	return -ENOENT;
}
