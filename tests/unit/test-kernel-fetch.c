/* SPDX-License-Identifier: GPL-2.0-only */
/* Fetching, with a fake apt on PATH whose archive is a folder: archive/CODENAME/PACKAGE.deb. */
#include "base/text.h"
#include "kernel-fixture.h"
#include "kernel/debian.h"
#include "kernel/kernel.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

static const char apt_get[] =
	"#!/bin/sh\n"
	"cd_conf() { while [ \"$1\" != -c ]; do shift; done; state=${2%/*}; }\n"
	"suite() { cut -d' ' -f6 \"$state/sources.list\"; }\n"
	"die() { echo \"E: $*\" >&2; exit 100; }\n"
	"codename() { case $1 in stable-backports) echo trixie-backports;; stable) echo trixie;;\n"
	"	testing) echo forky;; unstable) echo sid;; *) echo $1;; esac; }\n"
	"echo \"$*\" >>\"$FAKE/log\"\n"
	"case \"$*\" in\n"
	"indextargets*--no-release-info) cat \"$FAKE/targets-without-release\" 2>/dev/null || :;;\n"
	"indextargets*) cat \"$FAKE/targets\" 2>/dev/null || :;;\n"
	"*update)\n"
	"	cd_conf \"$@\"\n"
	"	name=$(codename \"$(suite)\")\n"
	"	[ ! -e \"$FAKE/offline\" ] || die cannot resolve the mirror\n"
	"	[ -d \"$FAKE/archive/$name\" ] || die \"$name: 404  Not Found\"\n"
	"	echo \"Codename: $name\" >\"$state/lists/x_InRelease\";;\n"
	"*download*)\n"
	"	while [ \"$1\" != -c ]; do shift; done; state=${2%/*}; shift 3\n"
	"	[ ! -e \"$FAKE/offline\" ] || die cannot resolve the mirror\n"
	"	for p; do cp \"$FAKE/archive/$(suite)/$p.deb\" . || exit 100; done;;\n"
	"*) die \"unknown: $*\";;\n"
	"esac\n";

static const char apt_cache[] =
	"#!/bin/sh\n"
	"state=${2%/*}; suite=$(cut -d' ' -f6 \"$state/sources.list\")\n"
	"[ -e \"$state/lists/x_InRelease\" ] || exit 0\n"
	"cd \"$FAKE/archive/$suite\" && for f in *.deb; do echo \"${f%.deb}\"; done\n";

static char said[4096];

static void listen(void *ctx, const char *text)
{
	(void)ctx;
	strcat(strcat(said, text), "\n");
}

static void add_script(const char *name, const char *text)
{
	cr_assert_eq(chmod(fixture_write_text(name, text), 0755), 0);
}

/* A package with this kernel in the folder of a suite. */
static void publish(const char *suite, const char *package, struct fixture_kernel kernel,
		    bool config)
{
	char *name = ktstr_asprintf("archive/%s/%s.deb", suite, package);
	struct ktstr_buf image = fixture_image(&kernel);

	fixture_write(name,
		      fixture_deb("./boot/vmlinuz-x", &image, config ? "./boot/config-x" : NULL));
	ktstr_buf_free(&image);
	free(name);
}

static void set_up(void)
{
	char *path = ktstr_asprintf("%s:%s", fixture_path("bin"), getenv("PATH"));

	if (access("/usr/share/keyrings/debian-archive-keyring.gpg", R_OK))
		cr_skip_test("no debian-archive-keyring here");
	setenv("KTSTR_CACHE_DIR", fixture_path("cache"), 1);
	setenv("FAKE", fixture_dir(), 1);
	setenv("PATH", path, 1);
	free(path);
	add_script("bin/apt-get", apt_get);
	add_script("bin/apt-cache", apt_cache);
	fixture_write_text("targets", "Packages|Debian|bookworm-security|main|http://wrong.example/"
				      "security\n"
				      "Packages|Other|bookworm|main|http://wrong.example/other\n"
				      "Translations|Debian|bookworm|main|http://wrong.example/"
				      "kind\n"
				      "Packages|Debian|bookworm|main|http://mirror.example/debian/"
				      "\n");
	said[0] = '\0';
}

TestSuite(fetch, .init = set_up, .fini = fixture_drop);

/* Fetches and compares; the caller looks into the rest. */
static struct ktstr_kernel fetched(const char *spec, const char *release)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	cr_assert_eq(ktstr_kernel_fetch(spec, listen, NULL, &k, &err), 0, "%s", err.msg);
	cr_assert_str_eq(k.release, release);
	cr_assert(k.fetched);
	return k;
}

static void fails(const char *spec, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;

	cr_assert_eq(ktstr_kernel_fetch(spec, listen, NULL, &k, &err), code, "%s", err.msg);
	cr_assert_eq(err.code, code);
	cr_assert(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

static bool asked_apt(const char *words)
{
	static char log[16384];
	FILE *f = fopen(fixture_path("log"), "r");

	log[f ? fread(log, 1, sizeof(log) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return strstr(log, words);
}

static void forget(void)
{
	unlink(fixture_path("log"));
	said[0] = '\0';
}

Test(fetch, takes_the_newest_of_our_flavour)
{
	struct ktstr_kernel k;

	publish("trixie-backports", "linux-image-9.1.2-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1.2-cloud-amd64" }, true);
	publish("trixie-backports", "linux-image-9.1.12-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1.12-cloud-amd64" }, true);
	publish("trixie-backports", "linux-image-9.2-rt-amd64", (struct fixture_kernel){ 0 }, true);
	publish("trixie-backports", "linux-image-9.3-cloud-amd64-dbg", (struct fixture_kernel){ 0 },
		true);
	publish("trixie-backports", "linux-image-unsigned-9.3-cloud-amd64",
		(struct fixture_kernel){ 0 }, true);
	publish("trixie-backports", "linux-image-cloud-amd64", (struct fixture_kernel){ 0 }, true);
	k = fetched("debian", "9.1.12-cloud-amd64");
	cr_assert_str_eq(k.source, "debian:trixie-backports");
	cr_assert_eq(k.hz, 333);
	cr_assert(strstr(said, "fetching 9.1.12-cloud-amd64 from Debian trixie-backports"), "%s",
		  said);
	ktstr_kernel_deinit(&k);
	forget();
	k = fetched("debian", "9.1.12-cloud-amd64");
	cr_assert(strstr(said, "is cached already"), "%s", said);
	cr_assert_not(asked_apt("update") || asked_apt("download"), "lists of a moment ago are "
								    "fresh");
	ktstr_kernel_deinit(&k);
	cr_assert_eq(ktstr_kernel_resolve("debian:9.1.12", NULL, NULL, NULL, &k, NULL), 0);
	ktstr_kernel_deinit(&k);
	cr_assert_not(asked_apt("update") || asked_apt("download"));
}

Test(fetch, split_packages_are_put_together)
{
	struct ktstr_kernel k;

	publish("trixie-backports", "linux-image-9.3-cloud-amd64", (struct fixture_kernel){ 0 },
		false);
	publish("trixie-backports", "linux-binary-9.3-cloud-amd64",
		(struct fixture_kernel){ .release = "9.3-cloud-amd64", .tracepoint = true }, false);
	fixture_write("archive/trixie-backports/linux-base-9.3-cloud-amd64.deb",
		      fixture_deb(NULL, NULL, "./usr/lib/modules/9.3-cloud-amd64/config"));
	k = fetched("debian:9.3", "9.3-cloud-amd64");
	cr_assert(k.exit_tracepoint && k.hz == 333);
	ktstr_kernel_deinit(&k);
	cr_assert(asked_apt("download linux-binary-9.3-cloud-amd64 linux-base-9.3-cloud-amd64"));
}

Test(fetch, a_split_one_without_config_will_do)
{
	struct ktstr_kernel k;

	publish("trixie-backports", "linux-binary-9.3-cloud-amd64",
		(struct fixture_kernel){ .release = "9.3-cloud-amd64" }, false);
	k = fetched("debian:9.3", "9.3-cloud-amd64");
	cr_assert(!k.config && !k.hz);
	ktstr_kernel_deinit(&k);
}

Test(fetch, goes_on_to_a_suite_with_sched_ext)
{
	struct ktstr_kernel k;

	publish("trixie", "linux-image-6.12-cloud-amd64",
		(struct fixture_kernel){ .release = "6.12-cloud-amd64", .no_sched_ext = true },
		true);
	publish("sid", "linux-image-6.19-cloud-amd64",
		(struct fixture_kernel){ .release = "6.19-cloud-amd64" }, true);
	k = fetched("debian", "6.19-cloud-amd64");	/* no backports, no forky at this mirror */
	cr_assert_str_eq(k.source, "debian:sid");
	cr_assert(strstr(said, "6.12-cloud-amd64 has no sched_ext"), "%s", said);
	ktstr_kernel_deinit(&k);
	cr_assert_neq(access(fixture_path("cache/kernels/6.12-cloud-amd64"), F_OK), 0);
	k = fetched("debian:trixie", "6.12-cloud-amd64");
	cr_assert_not(k.sched_ext);
	ktstr_kernel_deinit(&k);
}

Test(fetch, what_no_suite_has_is_said)
{
	publish("trixie", "linux-image-6.12-cloud-amd64",
		(struct fixture_kernel){ .release = "6.12-cloud-amd64", .no_sched_ext = true },
		true);
	publish("trixie-backports", "other", (struct fixture_kernel){ 0 }, true);
	publish("forky", "other", (struct fixture_kernel){ 0 }, true);
	publish("sid", "other", (struct fixture_kernel){ 0 }, true);
	fails("debian", -ENOENT, "Debian has no cloud kernel with sched_ext");
	fails("debian:7.7", -ENOENT,
	      "no cloud kernel that fits debian:7.7 (they drop old versions)");
	fails("debian:forky", -ENOENT, "forky has no cloud kernel");
	fails("debian:nowhere", -EIO, "nowhere: 404");
	fails("debian:x y", -EINVAL, "expected debian, debian:SUITE (debian:trixie-backports)");
	fails("ubuntu", -EINVAL, "\"ubuntu\" cannot be fetched");
}

Test(fetch, without_the_network_old_lists_still_serve)
{
	struct ktstr_kernel k;

	fixture_write_text("offline", "");
	publish("trixie-backports", "linux-image-9.1-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1-cloud-amd64" }, true);
	fails("debian", -EIO, "fetching Debian's package lists failed: cannot resolve the mirror");
	unlink(fixture_path("offline"));
	k = fetched("debian", "9.1-cloud-amd64");
	ktstr_kernel_deinit(&k);
	fixture_write_text("offline", "");
	unlink(fixture_path("cache/apt/trixie-backports-Packages/updated"));
	unlink(fixture_path("cache/apt/stable-backports-none/updated"));
	said[0] = '\0';
	k = fetched("debian", "9.1-cloud-amd64");
	cr_assert(strstr(said, "cannot resolve the mirror; going on with the lists of last time"),
		  "%s", said);
	ktstr_kernel_deinit(&k);
	cr_assert_eq(ktstr_kernel_remove("9.1-cloud-amd64", NULL), 0);
	fails("debian", -EIO, "downloading from Debian failed: cannot resolve the mirror");
}

Test(fetch, a_package_that_is_none_leaves_nothing)
{
	fixture_write_text("archive/trixie-backports/linux-image-9.1-cloud-amd64.deb",
			   "no package");
	fails("debian", -EBADMSG, "linux-image-9.1-cloud-amd64.deb");
	fixture_write("archive/trixie-backports/linux-image-9.1-cloud-amd64.deb",
		      fixture_deb(NULL, NULL, NULL));
	fails("debian", -EBADMSG, "has no kernel image in it");
	cr_assert_neq(rmdir(fixture_path("cache/kernels")), -1, "something was left behind");
}

Test(fetch, the_mirror_is_the_systems)
{
	char line[256] = "";
	FILE *f;

	publish("sid", "other", (struct fixture_kernel){ 0 }, true);
	fails("debian:sid", -ENOENT, "has no cloud kernel");
	f = fopen(fixture_path("cache/apt/sid-Packages/sources.list"), "r");
	cr_assert(f && fgets(line, sizeof(line), f));
	fclose(f);
	cr_assert(strstr(line, "] http://mirror.example/debian/ sid main"), "%s", line);
	unlink(fixture_path("targets"));
	fixture_write_text("targets-without-release", "Packages|$(ORIGIN)|x|main|http://"
						      "wrong.example/other\n"
						      "Packages|$(ORIGIN)|bookworm-security|main|"
						      "http://wrong.example/debian\n"
						      "Packages|$(ORIGIN)|bookworm|main|http://"
						      "second.example/debian\n");
	fails("debian:sid", -ENOENT, "has no cloud kernel");
	f = fopen(fixture_path("cache/apt/sid-Packages/sources.list"), "r");
	cr_assert(f && fgets(line, sizeof(line), f));
	fclose(f);
	cr_assert(strstr(line, "] http://second.example/debian sid main"), "%s", line);
	unlink(fixture_path("targets-without-release"));
	fails("debian", -ENOTSUP, "this system's apt knows no Debian mirror");
}

Test(fetch, without_apt_there_is_advice)
{
	setenv("PATH", fixture_path("empty"), 1);
	fails("debian", -ENOTSUP,
	      "there is no apt-get here; give a kernel image or a build tree by its path");
}
