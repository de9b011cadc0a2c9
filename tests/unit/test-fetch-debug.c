/* SPDX-License-Identifier: GPL-2.0-only */
/* Fetching debug packages, from a fake apt; the kernel in them is compiled here. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "fake-apt.h"
#include "kernel/lines.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#define SUITE "trixie-backports"
#define RELEASE "9.1-cloud-amd64"
#define PACKAGE "linux-image-" RELEASE "-dbg"
#define ENTRY "cache/kernels/" RELEASE

/* The build id of the fixture's kernels, and another. */
#define ITS_ID "abcdef01"
#define OTHER_ID "abcdef02"

static void publish_kernel(const char *release)
{
	char *package = ktstr_asprintf("linux-image-%s", release);

	apt_publish(SUITE, package, (struct fixture_kernel){ .release = release }, true);
	free(package);
}

/* A kernel with DWARF, as far as one looks. */
static struct ktstr_buf compile(const char *build_id, const char *flags)
{
	const char *cc = getenv("CC") ? getenv("CC") : "cc";
	struct ktstr_buf elf = { 0 };
	char *command;

	fixture_write_text("src/init/main.c", "int state;\nvoid start_kernel(void) { state++; }\n");
	command = ktstr_asprintf("cd %s && %s -O1 %s -fno-pie -no-pie -nostdlib -static -Wl,-estart_kernel "
				 "-Wl,--build-id=0x%s init/main.c -o ../vmlinux", fixture_path("src"), cc, flags, build_id);
	cr_assert_eq(system(command), 0, "%s", command);
	cr_assert_eq(ktstr_file_read(fixture_path("vmlinux"), 1 << 20, &elf, NULL), 0);
	free(command);
	return elf;
}

static void publish_debug(const char *release, const char *build_id, const char *flags)
{
	struct ktstr_buf elf = compile(build_id, flags);
	char *name = ktstr_asprintf("archive/" SUITE "/linux-image-%s-dbg.deb", release);
	char *path = ktstr_asprintf("./usr/lib/debug/lib/modules/%s/vmlinux", release);

	fixture_write(name, fixture_deb(path, &elf, NULL));
	ktstr_buf_free(&elf);
	free(path);
	free(name);
}

static void set_up(void)
{
	unsetenv("DEBUGINFOD_URLS");
	apt_set_up();
	publish_kernel(RELEASE);
}

TestSuite(fetch_debug, .init = set_up, .fini = fixture_drop);

static struct ktstr_kernel fetched(const char *spec)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	cr_assert_eq(ktstr_kernel_fetch_debug(spec, apt_listen, NULL, &k, &err), 0, "%s", err.msg);
	cr_assert_str_eq(k.release, RELEASE);
	cr_assert_str_eq(k.debug, fixture_path(ENTRY "/vmlinux.debug"));
	return k;
}

static void fails(const char *spec, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;

	cr_assert_eq(ktstr_kernel_fetch_debug(spec, apt_listen, NULL, &k, &err), code, "%s", err.msg);
	cr_assert(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

/* The names in a folder, without those of the kernel that is there before. */
static int count_files(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir)))
		n += strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
	return n;
}

static void nothing_was_left(void)
{
	cr_assert_eq(count_files(fixture_path("cache/kernels")), 1);
	cr_assert_neq(access(fixture_path(ENTRY "/vmlinux.debug"), F_OK), 0);
	cr_assert_eq(access(fixture_path(ENTRY "/vmlinuz"), F_OK), 0);
	cr_assert_eq(system("! find \"$KTSTR_CACHE_DIR\" -name '*.deb' | grep ."), 0);
}

Test(fetch_debug, gives_source_lines_and_can_be_removed)
{
	struct ktstr_kernel k, *list;
	struct ktstr_kernel_lines *lines;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_place place;
	size_t n;

	publish_debug(RELEASE, ITS_ID, "-g");
	k = fetched("debian");
	cr_assert(strstr(apt_said, "fetching " PACKAGE " from Debian " SUITE ": 353 MB to download"), "%s", apt_said);
	cr_assert(strstr(apt_said, "\n40% of 353 MB\n100% of 353 MB, unpacking\n"), "%s", apt_said);
	cr_assert(strstr(apt_said, "takes 0 MB in "), "%s", apt_said);
	cr_assert_eq(ktstr_kernel_lines_open(&k, NULL, &lines, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "start_kernel", 0, 0, &place), 0);
	cr_assert(!strcmp(place.file, "init/main.c") && place.line == 2, "%s:%u", place.file, place.line);
	ktstr_kernel_lines_close(lines);
	ktstr_kernel_deinit(&k);
	cr_assert_eq(ktstr_kernel_list(&list, &n, NULL), 0);
	cr_assert(n == 1 && list[0].debug);
	ktstr_kernel_list_free(list, n);
	cr_assert_eq(ktstr_kernel_remove_debug(RELEASE, &err), 0, "%s", err.msg);
	nothing_was_left();
	cr_assert_eq(ktstr_kernel_remove_debug(RELEASE, &err), -ENOENT);
	cr_assert(strstr(err.msg, "no cached kernel " RELEASE " has debug information"), "%s", err.msg);
	cr_assert_eq(ktstr_kernel_remove_debug("../x", &err), -EINVAL);
}

Test(fetch_debug, a_cached_kernel_is_named_by_its_release)
{
	struct ktstr_kernel k;

	cr_assert_eq(ktstr_kernel_fetch("debian", NULL, NULL, &k, NULL), 0);
	ktstr_kernel_deinit(&k);
	publish_kernel("9.2-cloud-amd64");
	publish_debug(RELEASE, ITS_ID, "-g");
	k = fetched(RELEASE);
	ktstr_kernel_deinit(&k);
	apt_forget();
	k = fetched("9.1");
	ktstr_kernel_deinit(&k);
	cr_assert(strstr(apt_said, "the debug information of " RELEASE " is cached already"), "%s", apt_said);
	cr_assert_not(apt_asked("download"));
	fails("9.2", -ENOENT, "no cached kernel fits");
	cr_assert_eq(ktstr_kernel_remove(RELEASE, NULL), 0);
	cr_assert_eq(count_files(fixture_path("cache/kernels")), 0);
}

/* After a power cut, say. */
Test(fetch_debug, a_damaged_file_is_fetched_again)
{
	struct ktstr_kernel k;

	publish_debug(RELEASE, ITS_ID, "-g");
	k = fetched("debian");
	ktstr_kernel_deinit(&k);
	fixture_write_text(ENTRY "/vmlinux.debug", "");
	apt_forget();
	k = fetched(RELEASE);
	cr_assert(apt_asked("download " PACKAGE));
	ktstr_kernel_deinit(&k);
}

Test(fetch_debug, what_debian_does_not_have_is_said)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;
	int fd;
	char *path;

	fails("debian", -ENOENT, "Debian's " SUITE " has no debug package of " RELEASE " (it has none at all). Other ways "
	      "to its source lines: DEBUGINFOD_URLS with a server that has the build id " ITS_ID);
	publish_debug("8.2-cloud-amd64", OTHER_ID, "-g");
	publish_debug("8.10-cloud-amd64", OTHER_ID, "-g");
	publish_debug("9.9-rt-amd64", OTHER_ID, "-g");
	fails(RELEASE, -ENOENT, "(it has those of 8.10-cloud-amd64, 8.2-cloud-amd64). Other");
	nothing_was_left();

	/* Reports know it from the lists, without asking again. */
	apt_forget();
	cr_assert_eq(ktstr_kernel_find(RELEASE, NULL, &k, NULL), 0);
	cr_assert_eq(ktstr_debuginfo_open(&k, NULL, &fd, &path, &err), -ENOENT);
	cr_assert(strstr(err.msg, "none was found; Debian's " SUITE " has no debug package of it (or set "
			 "DEBUGINFOD_URLS)"), "%s", err.msg);
	publish_debug(RELEASE, ITS_ID, "-g");
	cr_assert_eq(ktstr_debuginfo_open(&k, NULL, &fd, &path, &err), -ENOENT);
	cr_assert(strstr(err.msg, "get it with: ktstr kernel fetch --debug " RELEASE " (or"), "%s", err.msg);
	cr_assert_not(apt_asked("update") || apt_asked("indextargets"));
	ktstr_kernel_deinit(&k);
}

Test(fetch_debug, what_does_not_belong_to_the_kernel_is_not_kept)
{
	struct ktstr_buf none = { 0 };

	publish_debug(RELEASE, OTHER_ID, "-g");
	fails("debian", -ESTALE, "of another build than the cached kernel, which is out of date; get both with: ktstr "
	      "kernel remove " RELEASE " && ktstr kernel fetch --debug debian:" RELEASE);
	nothing_was_left();
	publish_debug(RELEASE, ITS_ID, "-g0");
	fails("debian", -ENODATA, "Debian's debug package has no DWARF in it");
	nothing_was_left();
	fixture_write("archive/" SUITE "/" PACKAGE ".deb", fixture_deb(NULL, &none, NULL));
	fails("debian", -ENODATA, "has no kernel with debug information in it");
	nothing_was_left();
	fixture_write_text("archive/" SUITE "/" PACKAGE ".deb", "no package");
	fails("debian", -EBADMSG, PACKAGE ".deb");
	nothing_was_left();
}

static volatile sig_atomic_t signals;

static void note_signal(int signal)
{
	(void)signal;
	signals++;
}

Test(fetch_debug, an_interrupted_download_leaves_nothing, .timeout = 60)
{
	struct ktstr_kernel k;

	signal(SIGTERM, note_signal);
	publish_debug(RELEASE, ITS_ID, "-g");
	fixture_write_text("interrupt", "");
	fails("debian", -EINTR, "interrupted");
	cr_assert_eq(signals, 1, "the signal has its effect in the end");
	cr_assert_eq(count_files(fixture_path("cache/kernels")), 0);
	unlink(fixture_path("interrupt"));
	cr_assert_eq(ktstr_kernel_fetch("debian", NULL, NULL, &k, NULL), 0);
	ktstr_kernel_deinit(&k);
	fixture_write_text("interrupt", "");
	fails(RELEASE, -EINTR, "interrupted");
	cr_assert_eq(signals, 2);
	nothing_was_left();
}

Test(fetch_debug, a_kernel_from_elsewhere_has_no_package)
{
	struct ktstr_buf elf = fixture_elf(&(struct fixture_kernel){ .release = "9.8-mine" });

	fails(fixture_write("vmlinux-9.8", elf), -EINVAL, "9.8-mine was not fetched from Debian");
	fails("debian:x y", -EINVAL, "cannot be fetched");
}
