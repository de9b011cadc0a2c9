/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes two machines the same. */
#include "template.h"

#include "accel.h"
#include "process.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>

/* Raised when what is in a template file, or the state in which a guest waits, comes to mean another
 * thing. */
#define KEY_FORMAT 1

static void put_hash(struct ktstr_buf *text, XXH128_hash_t hash)
{
	char hex[33];

	snprintf(hex, sizeof(hex), "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
	ktstr_buf_add(text, hex, 32);
}

static void put_line(struct ktstr_buf *text, const char *what, const char *value)
{
	ktstr_buf_add(text, what, strlen(what));
	ktstr_buf_add(text, " ", 1);
	ktstr_buf_add(text, value, strlen(value));
	ktstr_buf_add(text, "\n", 1);
}

/* By its build id, else as the file that it is. */
static int put_kernel(struct ktstr_buf *text, const struct ktstr_machine *m, struct ktstr_err *err)
{
	const char *path = m->kernel_elf ? m->kernel_elf : m->kernel_image;
	char line[256];
	struct stat st;

	if (m->kernel_build_id) {
		put_line(text, m->kernel_elf ? "kernel elf" : "kernel image", m->kernel_build_id);
		return 0;
	}
	if (stat(path, &st))
		return ktstr_err_errno(err, errno, "%s", path);
	snprintf(line, sizeof(line), "%llx:%llx, %lld bytes, of %lld.%09ld",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	put_line(text, "kernel file", line);
	return 0;
}

static int put_initramfs(struct ktstr_buf *text, int fd, struct ktstr_err *err)
{
	struct stat st;
	void *map;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st))
		return ktstr_err_errno(err, errno, "initramfs");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return ktstr_err_errno(err, errno, "mapping the initramfs");
	ktstr_buf_add(text, "initramfs ", 10);
	put_hash(text, XXH3_128bits(map, (size_t)st.st_size));
	ktstr_buf_add(text, "\n", 1);
	munmap(map, (size_t)st.st_size);
	return 0;
}

/* With KVM the guest has seen the host's CPU, and the state is that of its kernel's KVM. */
static void put_host(struct ktstr_buf *text, enum qemu_mode mode)
{
	static const char *const lines[] = { "model name", "flags" };
	struct utsname names;

	if (mode != QEMU_MODE_KVM)
		return;
	uname(&names);
	put_line(text, "host kernel", names.release);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char *line = qemu_cpu_line("/proc/cpuinfo", lines[i]);

		put_line(text, "host cpu", line ? line : "not known");
		free(line);
	}
}

/* The command line without what differs between runs of one and the same machine: where its files are,
 * and the preset delay loop, which is measured anew each time. */
static int put_command(struct ktstr_buf *text, const struct qemu_config *config, struct ktstr_err *err)
{
	struct qemu_config plain = *config;
	struct qemu_args args = { 0 };
	int ret;

	plain.tsc_hz = 0;
	plain.fds.ram = QEMU_FIRST_FD;	/* a copy may have its RAM elsewhere */
	ret = qemu_args_build(&plain, &args, err);
	for (size_t i = 1; !ret && i < args.n; i++) {
		if (!strcmp(args.v[i], "-kernel") || !strcmp(args.v[i], "-initrd"))
			i++;
		else
			put_line(text, "arg", args.v[i]);
	}
	qemu_args_deinit(&args);
	return ret;
}

int qemu_template_key(const struct qemu_config *config, const struct qemu_binary *binary,
		      int initramfs, struct qemu_template_key *ret_key, struct ktstr_err *err)
{
	struct ktstr_buf text = { 0 }, name = { 0 };
	char format[16];
	int ret;

	snprintf(format, sizeof(format), "%d", KEY_FORMAT);
	put_line(&text, "format", format);
	put_line(&text, "qemu", binary->build);
	put_host(&text, config->mode);
	ret = put_kernel(&text, config->machine, err);
	if (!ret)
		ret = put_initramfs(&text, initramfs, err);
	if (!ret)
		ret = put_command(&text, config, err);
	ktstr_buf_add(&text, "", 1);
	put_hash(&name, XXH3_128bits(text.data, text.len));
	if (!ret && (text.failed || name.failed))
		ret = ktstr_err_nomem(err);
	if (!ret) {
		ret_key->text = (char *)text.data;
		snprintf(ret_key->name, sizeof(ret_key->name), "%.32s", (char *)name.data);
		text.data = NULL;
	}
	ktstr_buf_free(&text);
	ktstr_buf_free(&name);
	return ret;
}

void qemu_template_key_deinit(struct qemu_template_key *key)
{
	free(key->text);
	*key = (struct qemu_template_key){ 0 };
}
