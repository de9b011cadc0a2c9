/* SPDX-License-Identifier: GPL-2.0-only */
/* The cache holds whole entries or none, whoever dies or runs into what; specs find theirs. */
#include "base/file.h"
#include "base/text.h"
#include "kernel-fixture.h"
#include "kernel/cache.h"
#include "kernel/entry.h"
#include "kernel/version.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct fixture_kernel plain;

static void set_up(void)
{
	setenv("KTSTR_CACHE_DIR", fixture_path("cache"), 1);
}

static void take_down(void)
{
	fixture_drop();
	unsetenv("KTSTR_CACHE_DIR");
}

/* What is in a store, drafts and all, without "." and "..". */
static unsigned count(const char *store)
{
	DIR *dir = opendir(fixture_path("cache/%s", store));
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n ? n - 2 : 0;
}

static void write_into(const char *dir, const char *name, const void *bytes, size_t len)
{
	char *path = ktstr_asprintf("%s/%s", dir, name);

	cr_assert_eq(ktstr_file_write(path, bytes, len, 0644, NULL), 0);
	free(path);
}

/* Puts a kernel into the cache as fetching does. */
static void cache(struct fixture_kernel kernel, const char *source)
{
	struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	struct ktstr_buf image = fixture_image(&kernel);
	struct ktstr_err err = KTSTR_ERR_INIT;
	char *store;

	cr_assert_eq(ktstr_cache_dir("kernels", &store, NULL), 0);
	cr_assert_eq(ktstr_draft_begin(store, &draft, &err), 0, "%s", err.msg);
	write_into(draft.dir, "vmlinuz", image.data, image.len);
	write_into(draft.dir, "config", "CONFIG_HZ=1000\n", 15);
	ktstr_buf_free(&image);
	cr_assert_eq(ktstr_entry_make(draft.dir, NULL, source, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_draft_commit(&draft, kernel.release, &err), 0, "%s", err.msg);
	ktstr_draft_deinit(&draft);
	free(store);
}

/* Finds a kernel and compares its release. */
static void found(const char *spec, const char *release)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	cr_assert_eq(ktstr_kernel_find(spec, NULL, &k, &err), 0, "%s", err.msg);
	cr_assert_str_eq(k.release, release);
	ktstr_kernel_deinit(&k);
}

/* The error of finding something has to be this one. */
static void not_found(const char *spec, const char *dir, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;

	cr_assert_eq(ktstr_kernel_find(spec, dir, &k, &err), code, "%s", err.msg);
	cr_assert(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

TestSuite(cache, .init = set_up, .fini = take_down);
TestSuite(spec, .init = set_up, .fini = take_down);

Test(version, is_compared_by_numbers)
{
	static const char *const ascending[] = {
		"6.9", "6.12.107+deb13-cloud-amd64", "6.16.3", "6.16.12", "7.3", "7.3-rc5", "7.3.4",
		"7.3.04.1", "7.30.1", "10.0",
	};

	for (size_t i = 0; i < 10; i++)
		for (size_t j = 0; j < 10; j++) {
			int order = ktstr_version_compare(ascending[i], ascending[j]);

			cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%s %s",
				     ascending[i], ascending[j]);
		}
	cr_assert_eq(ktstr_version_compare("7.03", "7.3"), 0);
}

Test(version, fits_at_the_ends_of_components)
{
	cr_assert(ktstr_version_fits("7.3.4+deb13-cloud-amd64", "7.3.4+deb13-cloud-amd64"));
	cr_assert(ktstr_version_fits("7.3.4+deb13-cloud-amd64", "7.3.4"));
	cr_assert(ktstr_version_fits("7.3.4+deb13-cloud-amd64", "7.3"));
	cr_assert(ktstr_version_fits("7.3-rc1", "7.3"));
	cr_assert_not(ktstr_version_fits("7.30.1", "7.3"));
	cr_assert_not(ktstr_version_fits("7.3.4+deb13", "7.3.4+deb"));
	cr_assert_not(ktstr_version_fits("7.3", "7.3.4"));
	cr_assert_not(ktstr_version_fits("7.3", ""));
}

/* ---- the cache ---- */

Test(cache, a_second_use_unpacks_nothing)
{
	const char *image = fixture_write(
		"vmlinuz", fixture_image(&(struct fixture_kernel){ .tracepoint = true }));
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel a = { 0 }, b = { 0 };
	struct stat before, after;

	fixture_write_text("config-9.8.7-test", "CONFIG_HZ=100\n");
	cr_assert_eq(ktstr_kernel_find(image, NULL, &a, &err), 0, "%s", err.msg);
	cr_assert_eq(stat(a.elf, &before), 0);
	cr_assert_eq(ktstr_kernel_find("./vmlinuz", fixture_dir(), &b, &err), 0, "%s", err.msg);
	cr_assert_eq(stat(b.elf, &after), 0);
	cr_assert(before.st_ino == after.st_ino && before.st_ctime == after.st_ctime);
	cr_assert_str_eq(a.elf, b.elf);
	cr_assert_str_eq(b.release, "9.8.7-test");
	cr_assert_str_eq(b.build_id, "abcdef01");
	cr_assert_str_eq(b.image, image);
	cr_assert_str_eq(b.config, fixture_path("config-9.8.7-test"));
	cr_assert(b.pvh && b.sched_ext && b.exit_tracepoint && b.hz == 100 && !b.fetched &&
		  !b.source);
	cr_assert_eq(access(b.btf, R_OK), 0);
	cr_assert_eq(count("images"), 1);
	ktstr_kernel_deinit(&a);
	ktstr_kernel_deinit(&b);
}

Test(cache, an_elf_is_used_where_it_is)
{
	const char *image =
		fixture_write("vmlinux", fixture_elf(&(struct fixture_kernel){ .no_btf = true }));
	struct ktstr_kernel k = { 0 };

	cr_assert_eq(ktstr_kernel_find(image, NULL, &k, NULL), 0);
	cr_assert_str_eq(k.elf, image);
	cr_assert_null(k.btf);
	ktstr_kernel_deinit(&k);
	cr_assert_eq(ktstr_kernel_find(image, NULL, &k, NULL), 0);
	ktstr_kernel_deinit(&k);
}

Test(cache, a_changed_image_is_looked_at_again)
{
	const char *image = fixture_write("vmlinuz", fixture_image(&plain));

	found(image, "9.8.7-test");
	fixture_write("vmlinuz", fixture_image(&(struct fixture_kernel){ .release = "9.8.8" }));
	found(image, "9.8.8");
}

Test(cache, a_damaged_entry_is_made_again)
{
	const char *image = fixture_write("vmlinuz", fixture_image(&plain));
	struct ktstr_kernel k = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		char *meta;

		cr_assert_eq(ktstr_kernel_find(image, NULL, &k, NULL), 0);
		meta = ktstr_asprintf("%s/meta.json", k.dir);
		cr_assert_eq(truncate(i == 0 ? k.elf : i == 1 ? k.btf : meta, 5), 0);
		free(meta);
		ktstr_kernel_deinit(&k);
	}
	found(image, "9.8.7-test");
	cr_assert_eq(count("images"), 1);
}

Test(cache, copies_that_nobody_uses_go)
{
	const char *image = fixture_write("a", fixture_image(&plain));
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct ktstr_kernel k = { 0 };
	char *meta;

	cr_assert_eq(ktstr_kernel_find(image, NULL, &k, NULL), 0);
	meta = ktstr_asprintf("%s/meta.json", k.dir);
	cr_assert_eq(utimensat(AT_FDCWD, meta, old, 0), 0);
	found(image, "9.8.7-test");				/* a use makes it young again */
	found(fixture_write("b", fixture_image(&plain)), "9.8.7-test");
	cr_assert_eq(count("images"), 2);
	cr_assert_eq(utimensat(AT_FDCWD, meta, old, 0), 0);
	found(fixture_write("c", fixture_image(&plain)), "9.8.7-test");
	cr_assert_eq(count("images"), 2);
	cr_assert_neq(access(meta, F_OK), 0);
	free(meta);
	ktstr_kernel_deinit(&k);
}

Test(cache, two_at_once_make_one_entry)
{
	const char *image = fixture_write("vmlinuz", fixture_image(&plain));
	pid_t children[8];
	int start[2];
	char byte;

	cr_assert_eq(pipe(start), 0);
	for (size_t i = 0; i < 8; i++) {
		children[i] = fork();
		if (!children[i]) {
			struct ktstr_kernel k = { 0 };
			int r;

			close(start[1]);
			if (read(start[0], &byte, 1))
				_exit(2);
			r = ktstr_kernel_find(image, NULL, &k, NULL);
			_exit(r || access(k.elf, R_OK) || access(k.btf, R_OK));
		}
	}
	close(start[1]);		/* all of them go */
	for (size_t i = 0; i < 8; i++) {
		int status;

		cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
		cr_assert_eq(status, 0);
	}
	close(start[0]);
	cr_assert_eq(count("images"), 1);
}

Test(cache, who_is_killed_leaves_nothing)
{
	struct ktstr_draft draft = KTSTR_DRAFT_INIT;
	char *store;
	pid_t pid;
	int status;

	cr_assert_eq(ktstr_cache_dir("kernels", &store, NULL), 0);
	pid = fork();
	if (!pid) {
		if (ktstr_draft_begin(store, &draft, NULL))
			_exit(1);
		write_into(draft.dir, "vmlinuz", "half", 4);
		kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_assert_eq(count("kernels"), 1, "the test wants a leftover");
	not_found(NULL, NULL, -ENOENT, "no kernel is cached; get one with: ktstr kernel fetch");
	cr_assert_eq(ktstr_draft_begin(store, &draft, NULL), 0);
	cr_assert_eq(count("kernels"), 1, "the leftover is still there");
	cr_assert_eq(rmdir(draft.dir), 0, "the draft is not a new one");
	ktstr_draft_deinit(&draft);
	cr_assert_eq(count("kernels"), 0);
	free(store);
}

Test(cache, a_full_disk_leaves_nothing)
{
	char *image = strdup(fixture_write("vmlinuz", fixture_image(&plain)));
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k;
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	for (rlim_t room = 0; room < 700; room += 50) {
		limit.rlim_cur = room;
		setrlimit(RLIMIT_FSIZE, &limit);
		cr_assert_eq(ktstr_kernel_find(image, NULL, &k, &err), -EFBIG, "%d: %s",
			     (int)room, err.msg);
		cr_assert(strstr(err.msg, "writing") && strstr(err.msg, "vmlinuz"), "%s", err.msg);
		cr_assert_eq(count("images"), 0);
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	found(image, "9.8.7-test");
	free(image);
}

Test(cache, a_place_that_cannot_be_is_said)
{
	const char *image = fixture_write("vmlinuz", fixture_image(&plain));
	const char *inside = fixture_write_text("file", "");

	setenv("KTSTR_CACHE_DIR", inside, 1);
	not_found(image, NULL, -ENOTDIR, inside);
	not_found(NULL, NULL, -ENOTDIR, inside);
}

/* ---- specs ---- */

Test(spec, finds_the_newest_that_fits)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel *list;
	size_t n;

	cache((struct fixture_kernel){ .release = "7.3.4+x" }, "debian:one");
	cache((struct fixture_kernel){ .release = "7.3.12+x" }, "debian:two");
	cache((struct fixture_kernel){ .release = "7.30.1+x", .no_sched_ext = true }, "debian:two");
	cache((struct fixture_kernel){ .release = "6.16.12" }, NULL);
	found(NULL, "7.3.12+x");
	found("7.3", "7.3.12+x");
	found("7.3.4", "7.3.4+x");
	found("7.30", "7.30.1+x");
	found("7", "7.30.1+x");
	found("6.16.12", "6.16.12");
	found("debian", "7.3.12+x");
	found("debian:one", "7.3.4+x");
	found("debian:two", "7.30.1+x");
	found("debian:7.3.4", "7.3.4+x");
	not_found("debian:6.16", NULL, -ENOENT, "get it with: ktstr kernel fetch debian:6.16");
	not_found("debian:three", NULL, -ENOENT, "no cached kernel fits debian:three");
	not_found("debian:", NULL, -EINVAL, "expected debian, debian:SUITE");
	not_found("debian:../x", NULL, -ENOENT, "the kernel debian:../x");
	not_found("7.4", NULL, -ENOENT,
		  "no cached kernel fits \"7.4\"; cached: 7.30.1+x, 7.3.12+x, 7.3.4+x, "
		  "6.16.12; get it with: ktstr kernel fetch debian:7.4");
	not_found("fedora", NULL, -ENOENT,
		  "expected a path with a slash, a version such as 7.3, or debian");
	cr_assert_eq(ktstr_kernel_list(&list, &n, &err), 0, "%s", err.msg);
	cr_assert_eq(n, 4);
	cr_assert_str_eq(list[0].release, "7.30.1+x");
	cr_assert_str_eq(list[3].release, "6.16.12");
	cr_assert(list[0].fetched && list[0].hz == 1000 && !list[3].source);
	ktstr_kernel_list_free(list, n);
}

Test(spec, no_kernel_with_sched_ext_is_said)
{
	cache((struct fixture_kernel){ .release = "6.12.1", .no_sched_ext = true }, "debian:one");
	not_found(NULL, NULL, -ENOENT, "none of the 1 cached kernels has sched_ext");
	not_found("debian", NULL, -ENOENT, "no cached kernel fits debian");
	found("6.12", "6.12.1");
}

Test(spec, a_release_can_be_replaced_and_removed)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	cache((struct fixture_kernel){ .release = "1.2" }, "debian:one");
	cache((struct fixture_kernel){ .release = "1.2" }, "debian:two");
	cr_assert_eq(ktstr_kernel_find("1.2", NULL, &k, NULL), 0);
	cr_assert_str_eq(k.source, "debian:two");
	ktstr_kernel_deinit(&k);
	cr_assert_eq(count("kernels"), 1);
	cr_assert_eq(ktstr_kernel_remove("1", &err), -ENOENT);
	cr_assert(strstr(err.msg, "no cached kernel has the release 1;"), "%s", err.msg);
	cr_assert_eq(ktstr_kernel_remove("../images", &err), -EINVAL);
	cr_assert_eq(ktstr_kernel_remove("", &err), -EINVAL);
	cr_assert_eq(ktstr_kernel_remove("1.2", &err), 0, "%s", err.msg);
	cr_assert_eq(count("kernels"), 0);
}

Test(spec, a_path_that_is_none_is_said)
{
	fixture_write_text("bzImage", "text");
	not_found("./none", fixture_dir(), -ENOENT, "/none: No such file");
	not_found("bzImage", fixture_dir(), -ENOENT, "for the file of that name, write ./bzImage");
	not_found("./bzImage", fixture_dir(), -ENOEXEC, "/bzImage is no kernel image");
	cr_assert_eq(mkfifo(fixture_path("fifo"), 0600), 0);
	not_found("./fifo", fixture_dir(), -ENOEXEC, "it is no regular file");
	cr_assert_eq(count("images"), 0);
}

Test(spec, a_build_tree_is_taken_when_it_is_built)
{
	const char *tree = fixture_path("linux");
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel k = { 0 };

	fixture_write_text("linux/Makefile", "");
	not_found("./linux", fixture_dir(), -ENOENT,
		  "is no kernel build tree: expected .config, vmlinux and");
	fixture_write_text("linux/.config", "CONFIG_HZ=300\n");
	not_found(tree, NULL, -ENOENT, "is not built yet: vmlinux is missing; run make there");
	fixture_write("linux/vmlinux", fixture_elf(&plain));
	not_found(tree, NULL, -ENOENT, "arch/x86/boot/bzImage is missing");
	fixture_write("linux/arch/x86/boot/bzImage", fixture_image(&plain));
	cr_assert_eq(ktstr_kernel_find(tree, NULL, &k, &err), 0, "%s", err.msg);
	cr_assert_str_eq(k.build_tree, tree);
	cr_assert_str_eq(k.image, fixture_path("linux/arch/x86/boot/bzImage"));
	cr_assert_eq(k.hz, 300);
	ktstr_kernel_deinit(&k);
}

Test(spec, a_folder_of_modules_leads_to_its_image)
{
	fixture_write_text("modules/a/modules.builtin", "");
	fixture_write_text("modules/b/modules.builtin", "");
	fixture_write("modules/a/vmlinuz", fixture_image(&plain));
	found(fixture_path("modules/a"), "9.8.7-test");
	fixture_write_text("linux/.config", "");
	fixture_write("linux/vmlinux", fixture_elf(&plain));
	fixture_write("linux/arch/x86/boot/bzImage",
		      fixture_image(&(struct fixture_kernel){ .release = "5.5" }));
	cr_assert_eq(symlink("../../linux", fixture_path("modules/b/build")), 0);
	found(fixture_path("modules/b"), "5.5");
}
