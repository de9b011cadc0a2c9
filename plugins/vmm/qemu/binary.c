/* SPDX-License-Identifier: GPL-2.0-only */
#include "binary.h"

#include "process.h"

#include <unistd.h>

/* memory-backend-file has `offset` since then: several NUMA nodes in one memfd need it. */
#define OLDEST_MAJOR 8
#define OLDEST_MINOR 1

#define HOW_TO_GET "On Debian: apt-get install qemu-system-x86 (Debian 12: from bookworm-backports)"

/* Output as a NUL-terminated string in `buf`; "" when there is none. */
static const char *text_of(struct ktstr_buf *buf)
{
	ktstr_buf_add(buf, "", 1);
	return buf->failed ? "" : (const char *)buf->data;
}

static int parse_version(const char *path, const char *text, struct qemu_binary *binary,
			 struct ktstr_err *err)
{
	static const char before[] = "QEMU emulator version ";
	const char *p = strstr(text, before);

	if (!p || sscanf(p + strlen(before), "%d.%d", &binary->major, &binary->minor) != 2)
		return ktstr_err_set(err, -EINVAL, "%s -version printed no QEMU version but: %.200s",
				     path, text);
	p += strlen(before);
	snprintf(binary->build, sizeof(binary->build), "%.*s", (int)strcspn(p, "\n"), p);
	snprintf(binary->version, sizeof(binary->version), "%.*s", (int)strcspn(p, " \n"), p);
	if (binary->major < OLDEST_MAJOR ||
	    (binary->major == OLDEST_MAJOR && binary->minor < OLDEST_MINOR))
		return ktstr_err_set(err, -ENOTSUP, "%s is version %s, ktstr needs at least %d.%d. "
				     HOW_TO_GET, path, binary->version, OLDEST_MAJOR,
				     OLDEST_MINOR);
	return 0;
}

int qemu_binary_check(const char *path, struct qemu_binary *ret_binary, struct ktstr_err *err)
{
	char *argv[] = { (char *)path, (char *)"-version", NULL };
	struct qemu_binary binary = { 0 };
	struct ktstr_buf out = { 0 };
	int ret = qemu_process_output(argv, &out, err);

	if (ret == -ENOENT && strchr(path, '/'))
		ktstr_err_set(err, ret, "%s does not exist. " HOW_TO_GET, path);
	else if (ret == -ENOENT)
		ktstr_err_set(err, ret, "%s is not on PATH. " HOW_TO_GET, path);
	if (!ret)
		ret = parse_version(path, text_of(&out), &binary, err);
	ktstr_buf_free(&out);
	if (!ret)
		*ret_binary = binary;
	return ret;
}

/* QEMU itself says where it looks: prefix, distribution and build tree all differ. */
static bool has_firmware(const char *path, const char *name)
{
	char *argv[] = { (char *)path, (char *)"-L", (char *)"help", NULL };
	struct ktstr_buf out = { 0 };
	bool found = false;

	if (!qemu_process_output(argv, &out, NULL))
		for (const char *p = text_of(&out); *p && !found; p += strspn(p, "\n")) {
			int len = (int)strcspn(p, "\n");
			char file[4096];

			snprintf(file, sizeof(file), "%.*s/%s", len, p, name);
			found = !access(file, R_OK);
			p += len;
		}
	ktstr_buf_free(&out);
	return found;
}

int qemu_binary_examine(const char *path, struct qemu_binary *ret_binary, struct ktstr_err *err)
{
	struct qemu_binary binary;
	int ret = qemu_binary_check(path, &binary, err);

	if (ret)
		return ret;
	binary.qboot = has_firmware(path, "qboot.rom");
	*ret_binary = binary;
	return 0;
}
