/* SPDX-License-Identifier: GPL-2.0-only */
/* Templates as files: what makes two machines the same, and what of a file is trusted. No VM. */
#include "vmm/qemu/process.h"
#include "vmm/qemu/template-file.h"
#include "vmm/qemu/template.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define RAM_BYTES (4 * MIB)
#define TSC_HZ 2600000000ull

static char dir[] = "/tmp/test-template-XXXXXX";
static struct ktstr_err err;
static struct ktstr_machine machine;
static struct qemu_config config;
static struct qemu_binary binary;
static struct qemu_template_key key;
static struct qemu_ram ram = QEMU_RAM_INIT;
static int state = -1, console = -1, initramfs = -1;

static int file_with(const char *text)
{
	int fd;

	cr_assert_eq(ktstr_memfd("test", text, strlen(text), &fd, &err), 0, "%s", err.msg);
	return fd;
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	machine = (struct ktstr_machine){
		.size = sizeof(machine), .topology = { 1, 2, 2, 1 }, .memory_bytes = RAM_BYTES,
		.kernel_image = "/boot/vmlinuz", .kernel_elf = "/cache/vmlinux",
		.kernel_release = "7.3.4", .kernel_build_id = "c0ffee", .kernel_hz = 250,
		.kernel_args = "", .cache_dir = dir, .template_use = KTSTR_TEMPLATE_COPY,
	};
	config = (struct qemu_config){
		.binary = "qemu-system-x86_64", .mode = QEMU_MODE_TCG, .cpu = "max", .extra = "",
		.machine = &machine, .qboot = true, .tsc_hz = TSC_HZ,
		.fds = { .ram = 3, .channel = 4, .console = 5, .qmp = 6, .log = 7, .initramfs = 8,
			 .console_log = 10 },
	};
	binary = (struct qemu_binary){ .major = 10, .version = "10.0.2", .build = "10.0.2 (Debian x)" };
	initramfs = file_with("the agent");
	state = file_with("state of all devices");
	console = file_with("ktstr-agent: init\r\n");
	cr_assert_eq(qemu_template_key(&config, &binary, initramfs, &key, &err), 0, "%s", err.msg);
	cr_assert_eq(qemu_ram_create(RAM_BYTES, &ram, &err), 0, "%s", err.msg);
	memset((char *)ram.map + 5 * 4096, 'a', 3 * 4096);
	memset((char *)ram.map + 100 * 4096, 0, 8 * 4096);	/* there, and zero */
	((char *)ram.map)[RAM_BYTES - 1] = 'z';
}

static void teardown(void)
{
	qemu_ram_deinit(&ram);
	qemu_template_key_deinit(&key);
	qemu_close(&initramfs);
	qemu_close(&state);
	qemu_close(&console);
	cr_expect_eq(ktstr_remove_tree(dir, &err), 0, "%s", err.msg);
}

TestSuite(key, .init = setup, .fini = teardown);
TestSuite(template, .init = setup, .fini = teardown);

/* ---- the key ---- */

static bool same_key(void)
{
	struct qemu_template_key other;
	bool same;

	cr_assert_eq(qemu_template_key(&config, &binary, initramfs, &other, &err), 0, "%s", err.msg);
	same = !strcmp(key.text, other.text);
	cr_expect_eq(same, !strcmp(key.name, other.name), "%s\n%s", key.text, other.text);
	qemu_template_key_deinit(&other);
	return same;
}

Test(key, is_the_same_for_the_same_machine)
{
	cr_expect(same_key());
	config.tsc_hz = TSC_HZ + 12345;		/* measured anew each time */
	machine.kernel_elf = "/elsewhere/vmlinux";
	machine.wants_ram = true;
	config.incoming = true;
	config.ram_source = QEMU_RAM_PRIVATE;
	cr_expect_not(same_key(), "a copy's own options are none of the key's business");
	config.incoming = false;
	config.ram_source = QEMU_RAM_SHARED;
	cr_expect(same_key());
}

Test(key, differs_with_everything_that_a_guest_could_see)
{
	static const char *const texts[] = { "10.0.2 (Debian y)", "beef", "quiet debug", "qemu64", "-S" };
	const char **const places[] = {
		NULL, &machine.kernel_build_id, &machine.kernel_args, &config.cpu, &config.extra,
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(texts); i++) {
		const char *saved = places[i] ? *places[i] : NULL;
		struct qemu_binary saved_binary = binary;

		if (places[i])
			*places[i] = texts[i];
		else
			strcpy(binary.build, texts[i]);
		cr_expect_not(same_key(), "%s", texts[i]);
		if (places[i])
			*places[i] = saved;
		binary = saved_binary;
	}
	machine.topology.threads = 2;
	cr_expect_not(same_key());
	machine.topology.threads = 1;
	machine.memory_bytes *= 2;
	cr_expect_not(same_key());
	machine.memory_bytes = RAM_BYTES;
	machine.loads_modules = true;
	cr_expect_not(same_key());
	machine.loads_modules = false;
	machine.verbose = true;
	cr_expect_not(same_key());
	machine.verbose = false;
	config.mode = QEMU_MODE_KVM;
	cr_expect_not(same_key());
	config.mode = QEMU_MODE_TCG;
	qemu_close(&initramfs);
	initramfs = file_with("another agent");
	cr_expect_not(same_key());
}

Test(key, knows_a_kernel_without_build_id_by_its_file)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/vmlinux", dir);

	machine.kernel_build_id = NULL;
	machine.kernel_elf = path;
	cr_assert_eq(ktstr_file_write(path, "one", 3, 0644, &err), 0, "%s", err.msg);
	qemu_template_key_deinit(&key);
	cr_assert_eq(qemu_template_key(&config, &binary, initramfs, &key, &err), 0, "%s", err.msg);
	cr_expect(same_key());
	cr_assert_eq(ktstr_file_write(path, "two", 3, 0644, &err), 0, "%s", err.msg);
	cr_expect_not(same_key(), "another file, as it was replaced");
}

/* ---- keeping and opening ---- */

static int keep(void)
{
	const struct qemu_template_parts parts = {
		.key = &key, .machine = &machine, .qemu_version = "10.0.2", .tsc_hz = TSC_HZ,
		.ram = &ram, .state = state, .console = console,
	};

	return qemu_template_keep(dir, &parts, &err);
}

static char *path(void)
{
	char *text = ktstr_asprintf("%s/templates/%s.template", dir, key.name);

	cr_assert_not_null(text);
	return text;
}

static bool is_there(void)
{
	_cleanup_free_ char *file = path();

	return !access(file, F_OK);
}

/* Opens it and checks what is in it; else `why` must have that text, and the file must be gone. */
static void assert_good(void)
{
	struct qemu_template t = QEMU_TEMPLATE_INIT;
	struct qemu_ram copy = QEMU_RAM_INIT;
	char why[256], text[64] = "";

	cr_assert(qemu_template_open(dir, &key, TSC_HZ, &t, why, sizeof(why)), "%s", why);
	cr_expect_eq(pread(t.state, text, sizeof(text), 0), 20);
	cr_expect_str_eq(text, "state of all devices");
	cr_expect_eq(t.console.len, 19);
	cr_assert_eq(qemu_ram_create(RAM_BYTES, &copy, &err), 0);
	cr_assert_eq(qemu_ram_load(t.file, RAM_BYTES, copy.fd, &err), 0, "%s", err.msg);
	cr_expect_arr_eq(copy.map, ram.map, RAM_BYTES);
	qemu_ram_deinit(&copy);
	qemu_template_deinit(&t);
}

static void assert_refused(const char *want)
{
	struct qemu_template t = QEMU_TEMPLATE_INIT;
	char why[256];

	cr_assert_not(qemu_template_open(dir, &key, TSC_HZ, &t, why, sizeof(why)));
	cr_expect(strstr(why, want), "\"%s\" not in: %s", want, why);
	cr_expect_eq(t.file, -1);
	cr_expect_not(is_there(), "it is removed");
}

static void spoil(off_t offset, const char *text)
{
	_cleanup_free_ char *file = path();
	int fd = open(file, O_WRONLY);

	cr_assert_geq(fd, 0);
	if (offset < 0)
		offset = lseek(fd, offset, SEEK_END);
	cr_assert_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
	close(fd);
}

Test(template, comes_back_as_it_was)
{
	struct stat st;
	_cleanup_free_ char *file = path();

	cr_assert_eq(keep(), 0, "%s", err.msg);
	assert_good();
	assert_good();
	cr_assert_eq(stat(file, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600, "it has a machine's secrets in it");
	cr_expect_lt(st.st_blocks * 512, (blkcnt_t)(RAM_BYTES / 4), "zero pages take no room");
}

Test(template, is_kept_once)
{
	struct stat first, second;
	_cleanup_free_ char *file = path();

	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_assert_eq(stat(file, &first), 0);
	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_assert_eq(stat(file, &second), 0);
	cr_expect_eq(first.st_ino, second.st_ino);
}

Test(template, is_simply_not_there_at_first)
{
	struct qemu_template t = QEMU_TEMPLATE_INIT;
	char why[256];

	cr_expect_not(qemu_template_open(dir, &key, TSC_HZ, &t, why, sizeof(why)));
	cr_expect_str_empty(why);
}

Test(template, with_a_changed_state_is_refused)
{
	cr_assert_eq(keep(), 0, "%s", err.msg);
	spoil(RAM_BYTES + 3, "X");
	assert_refused("the state in it was changed");
}

Test(template, with_changed_memory_is_refused)
{
	cr_assert_eq(keep(), 0, "%s", err.msg);
	spoil(6 * 4096 + 17, "X");
	assert_refused("the memory in it was changed");
}

Test(template, with_memory_where_there_was_none_is_refused)
{
	cr_assert_eq(keep(), 0, "%s", err.msg);
	spoil(MIB, "X");
	assert_refused("the memory in it was changed");
}

Test(template, with_a_changed_description_is_refused)
{
	cr_assert_eq(keep(), 0, "%s", err.msg);
	spoil(-40, "X");
	assert_refused("what it says about itself was changed");
}

Test(template, of_another_version_is_refused)
{
	cr_assert_eq(keep(), 0, "%s", err.msg);
	spoil(-16, "\x63");
	assert_refused("it has format 99, this ktstr makes 1");
}

Test(template, that_was_cut_off_is_refused)
{
	_cleanup_free_ char *file = path();

	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_assert_eq(truncate(file, RAM_BYTES + 100), 0);
	assert_refused("it is no template, or not whole");
	cr_assert_eq(ktstr_file_write(file, "", 0, 0600, &err), 0);
	assert_refused("it is no template");
}

Test(template, of_another_machine_is_refused)
{
	_cleanup_free_ char *from = path(), *to = NULL;

	cr_assert_eq(keep(), 0, "%s", err.msg);
	machine.verbose = true;
	qemu_template_key_deinit(&key);
	cr_assert_eq(qemu_template_key(&config, &binary, initramfs, &key, &err), 0);
	to = path();
	cr_assert_eq(rename(from, to), 0);
	assert_refused("it is of another machine");
}

Test(template, made_with_another_clock_is_refused)
{
	struct qemu_template t = QEMU_TEMPLATE_INIT;
	char why[256];

	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_expect(qemu_template_open(dir, &key, TSC_HZ + TSC_HZ / 1000, &t, why, sizeof(why)),
		  "the rate is measured, and not to the last digit");
	qemu_template_deinit(&t);
	cr_expect_not(qemu_template_open(dir, &key, TSC_HZ / 2, &t, why, sizeof(why)));
	cr_expect(strstr(why, "another clock rate"), "%s", why);
}

/* A cache that was packed and unpacked: all is there, only the times are not. */
Test(template, that_was_copied_is_summed_up_and_good)
{
	_cleanup_free_ char *file = path();
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct stat before, after;

	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_assert_eq(stat(file, &before), 0);
	cr_assert_eq(utimensat(AT_FDCWD, file, now, 0), 0);
	assert_good();
	cr_assert_eq(stat(file, &after), 0);
	cr_expect_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec, "so that it is done once");
}

Test(template, that_does_not_fit_on_the_disk_leaves_nothing)
{
	const struct rlimit small = { 2 * MIB, RLIM_INFINITY };
	_cleanup_free_ char *pattern = ktstr_asprintf("%s/templates/*", dir);
	glob_t found;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_expect_eq(keep(), -EFBIG, "%s", err.msg);
	cr_expect_eq(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
}

Test(template, can_be_used_after_it_was_removed)
{
	struct qemu_template t = QEMU_TEMPLATE_INIT;
	struct qemu_ram_sum sum;
	char why[256];

	cr_assert_eq(keep(), 0, "%s", err.msg);
	cr_assert(qemu_template_open(dir, &key, TSC_HZ, &t, why, sizeof(why)), "%s", why);
	cr_assert_eq(qemu_template_remove(dir, key.name, &err), 0, "%s", err.msg);
	cr_expect_eq(qemu_ram_sum_file(t.file, RAM_BYTES, &sum, &err), 0);
	cr_expect_eq(sum.bytes, 4 * 4096, "%llu", (unsigned long long)sum.bytes);
	qemu_template_deinit(&t);
	cr_expect_eq(qemu_template_remove(dir, key.name, &err), -ENOENT);
	cr_expect_eq(qemu_template_remove(dir, "../x", &err), -ENOENT);
}

/* ---- all of them ---- */

struct seen {
	char text[2048];
	size_t n;
};

static void see(void *ctx, const struct ktstr_template *template)
{
	struct seen *seen = ctx;
	size_t len = strlen(seen->text);

	seen->n++;
	snprintf(seen->text + len, sizeof(seen->text) - len, "%s|%s|%s\n", template->kernel,
		 template->machine, template->broken ? template->broken : "good");
}

static void keep_another(const char *kernel, time_t used)
{
	_cleanup_free_ char *file = NULL;
	const struct timespec times[2] = { { .tv_sec = used }, { .tv_nsec = UTIME_OMIT } };

	machine.kernel_release = machine.kernel_build_id = kernel;
	qemu_template_key_deinit(&key);
	cr_assert_eq(qemu_template_key(&config, &binary, initramfs, &key, &err), 0);
	cr_assert_eq(keep(), 0, "%s", err.msg);
	file = path();
	cr_assert_eq(utimensat(AT_FDCWD, file, times, 0), 0);
}

Test(template, list_has_the_oldest_first_and_says_what_is_broken)
{
	struct seen seen = { 0 };

	cr_expect_eq(qemu_templates_list(dir, see, &seen, &err), 0, "no folder is no error");
	cr_expect_eq(seen.n, 0);
	keep_another("second", 2000);
	keep_another("first", 1000);
	keep_another("third", 3000);
	spoil(-24, "?");
	cr_expect_eq(qemu_templates_list(dir, see, &seen, &err), 0);
	cr_expect_str_eq(seen.text, "first|1n2l2c1t, 4 MiB, qemu 10.0.2|good\n"
			 "second|1n2l2c1t, 4 MiB, qemu 10.0.2|good\n"
			 "||it is no template, or not whole\n");
}

Test(template, those_not_used_for_longest_make_room)
{
	struct seen seen = { 0 };
	struct stat st;
	_cleanup_free_ char *file = NULL;

	keep_another("second", 2000);
	keep_another("first", 1000);
	keep_another("third", 3000);
	file = path();
	cr_assert_eq(stat(file, &st), 0);
	qemu_templates_shrink(dir, 2 * (uint64_t)st.st_blocks * 512);
	cr_expect_eq(qemu_templates_list(dir, see, &seen, &err), 0);
	cr_expect_str_eq(seen.text, "second|1n2l2c1t, 4 MiB, qemu 10.0.2|good\n"
			 "third|1n2l2c1t, 4 MiB, qemu 10.0.2|good\n");
	qemu_templates_shrink(dir, 0);
	memset(&seen, 0, sizeof(seen));
	cr_expect_eq(qemu_templates_list(dir, see, &seen, &err), 0);
	cr_expect_eq(seen.n, 0);
}
