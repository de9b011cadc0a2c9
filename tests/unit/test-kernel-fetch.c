/* SPDX-License-Identifier: GPL-2.0-only */
/* Fetching, from a fake apt. */
#include "base/text.h"
#include "fake-apt.h"
#include "kernel/debian.h"
#include "kernel/kernel.h"

#include <criterion/criterion.h>
#include <unistd.h>

TestSuite(fetch, .init = apt_set_up, .fini = fixture_drop);

/* Fetches and compares; the caller looks into the rest. */
static struct ktstr_kernel fetched(const char *spec, const char *release)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	cr_assert_eq(ktstr_kernel_fetch(spec, apt_listen, NULL, &k, &err), 0, "%s", err.msg);
	cr_assert_str_eq(k.release, release);
	cr_assert(k.fetched);
	return k;
}

static void fails(const char *spec, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;

	cr_assert_eq(ktstr_kernel_fetch(spec, apt_listen, NULL, &k, &err), code, "%s", err.msg);
	cr_assert_eq(err.code, code);
	cr_assert(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

Test(fetch, takes_the_newest_of_our_flavour)
{
	struct ktstr_kernel k;

	apt_publish("trixie-backports", "linux-image-9.1.2-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1.2-cloud-amd64" }, true);
	apt_publish("trixie-backports", "linux-image-9.1.12-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1.12-cloud-amd64" }, true);
	apt_publish("trixie-backports", "linux-image-9.2-rt-amd64", (struct fixture_kernel){ 0 }, true);
	apt_publish("trixie-backports", "linux-image-9.3-cloud-amd64-dbg", (struct fixture_kernel){ 0 },
		true);
	apt_publish("trixie-backports", "linux-image-unsigned-9.3-cloud-amd64",
		(struct fixture_kernel){ 0 }, true);
	apt_publish("trixie-backports", "linux-image-cloud-amd64", (struct fixture_kernel){ 0 }, true);
	k = fetched("debian", "9.1.12-cloud-amd64");
	cr_assert_str_eq(k.source, "debian:trixie-backports");
	cr_assert_eq(k.hz, 333);
	cr_assert(strstr(apt_said, "fetching 9.1.12-cloud-amd64 from Debian trixie-backports"), "%s",
		  apt_said);
	ktstr_kernel_deinit(&k);
	apt_forget();
	k = fetched("debian", "9.1.12-cloud-amd64");
	cr_assert(strstr(apt_said, "is cached already"), "%s", apt_said);
	cr_assert_not(apt_asked("update") || apt_asked("download"), "lists of a moment ago are "
								    "fresh");
	ktstr_kernel_deinit(&k);
	cr_assert_eq(ktstr_kernel_resolve("debian:9.1.12", NULL, NULL, NULL, &k, NULL), 0);
	ktstr_kernel_deinit(&k);
	cr_assert_not(apt_asked("update") || apt_asked("download"));
}

Test(fetch, split_packages_are_put_together)
{
	struct ktstr_kernel k;

	apt_publish("trixie-backports", "linux-image-9.3-cloud-amd64", (struct fixture_kernel){ 0 },
		false);
	apt_publish("trixie-backports", "linux-binary-9.3-cloud-amd64",
		(struct fixture_kernel){ .release = "9.3-cloud-amd64", .tracepoint = true }, false);
	fixture_write("archive/trixie-backports/linux-base-9.3-cloud-amd64.deb",
		      fixture_deb(NULL, NULL, "./usr/lib/modules/9.3-cloud-amd64/config"));
	k = fetched("debian:9.3", "9.3-cloud-amd64");
	cr_assert(k.exit_tracepoint && k.hz == 333);
	ktstr_kernel_deinit(&k);
	cr_assert(apt_asked("download linux-binary-9.3-cloud-amd64 linux-base-9.3-cloud-amd64"));
}

Test(fetch, a_split_one_without_config_will_do)
{
	struct ktstr_kernel k;

	apt_publish("trixie-backports", "linux-binary-9.3-cloud-amd64",
		(struct fixture_kernel){ .release = "9.3-cloud-amd64" }, false);
	k = fetched("debian:9.3", "9.3-cloud-amd64");
	cr_assert(!k.config && !k.hz);
	ktstr_kernel_deinit(&k);
}

Test(fetch, goes_on_to_a_suite_with_sched_ext)
{
	struct ktstr_kernel k;

	apt_publish("trixie", "linux-image-6.12-cloud-amd64",
		(struct fixture_kernel){ .release = "6.12-cloud-amd64", .no_sched_ext = true },
		true);
	apt_publish("sid", "linux-image-6.19-cloud-amd64",
		(struct fixture_kernel){ .release = "6.19-cloud-amd64" }, true);
	k = fetched("debian", "6.19-cloud-amd64");	/* no backports, no forky at this mirror */
	cr_assert_str_eq(k.source, "debian:sid");
	cr_assert(strstr(apt_said, "6.12-cloud-amd64 has no sched_ext"), "%s", apt_said);
	ktstr_kernel_deinit(&k);
	cr_assert_neq(access(fixture_path("cache/kernels/6.12-cloud-amd64"), F_OK), 0);
	k = fetched("debian:trixie", "6.12-cloud-amd64");
	cr_assert_not(k.sched_ext);
	ktstr_kernel_deinit(&k);
}

Test(fetch, what_no_suite_has_is_said)
{
	apt_publish("trixie", "linux-image-6.12-cloud-amd64",
		(struct fixture_kernel){ .release = "6.12-cloud-amd64", .no_sched_ext = true },
		true);
	apt_publish("trixie-backports", "other", (struct fixture_kernel){ 0 }, true);
	apt_publish("forky", "other", (struct fixture_kernel){ 0 }, true);
	apt_publish("sid", "other", (struct fixture_kernel){ 0 }, true);
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
	apt_publish("trixie-backports", "linux-image-9.1-cloud-amd64",
		(struct fixture_kernel){ .release = "9.1-cloud-amd64" }, true);
	fails("debian", -EIO, "fetching Debian's package lists failed: cannot resolve the mirror");
	unlink(fixture_path("offline"));
	k = fetched("debian", "9.1-cloud-amd64");
	ktstr_kernel_deinit(&k);
	fixture_write_text("offline", "");
	unlink(fixture_path("cache/apt/trixie-backports-Packages/updated"));
	unlink(fixture_path("cache/apt/stable-backports-none/updated"));
	apt_said[0] = '\0';
	k = fetched("debian", "9.1-cloud-amd64");
	cr_assert(strstr(apt_said, "cannot resolve the mirror; going on with the lists of last time"),
		  "%s", apt_said);
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

	apt_publish("sid", "other", (struct fixture_kernel){ 0 }, true);
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
