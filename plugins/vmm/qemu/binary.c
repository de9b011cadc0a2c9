/* SPDX-License-Identifier: GPL-2.0-only */
#include "binary.h"

#include "memory.h"
#include "process.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <sys/stat.h>
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

static int ask_version(const char *path, struct qemu_binary *ret_binary, struct ktstr_err *err)
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

/* QEMU itself says where it looks: prefix, distribution and build tree all differ. "" when it is nowhere. */
static void find_firmware(const char *path, const char *name, char file[PATH_MAX])
{
	char *argv[] = { (char *)path, (char *)"-L", (char *)"help", NULL };
	struct ktstr_buf out = { 0 };
	bool found = false;

	if (!qemu_process_output(argv, &out, NULL))
		for (const char *p = text_of(&out); *p && !found; p += strspn(p, "\n")) {
			int len = (int)strcspn(p, "\n");

			snprintf(file, PATH_MAX, "%.*s/%s", len, p, name);
			found = !access(file, R_OK);
			p += len;
		}
	ktstr_buf_free(&out);
	if (!found)
		*file = '\0';
}

/* ---- what it said before ---- */

#define MEMO "qemu.json"

/* The file that execvp() would run. */
static bool find_program(const char *path, char file[PATH_MAX], struct stat *ret_stat)
{
	const char *dirs = getenv("PATH");

	if (strchr(path, '/')) {
		snprintf(file, PATH_MAX, "%s", path);
		return !stat(file, ret_stat);
	}
	for (const char *p = dirs ? dirs : "/bin:/usr/bin"; *p; p += *p == ':') {
		int len = (int)strcspn(p, ":");

		snprintf(file, PATH_MAX, "%.*s/%s", len, len ? p : ".", path);
		if (!access(file, X_OK) && !stat(file, ret_stat))
			return true;
		p += len;
	}
	return false;
}

static bool is_elf(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char magic[4] = "";
	bool elf = fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4);

	qemu_close(&fd);
	return elf;
}

/* What identifies the program, NULL when nothing is to be kept of it. */
static json_t *identify(const char *path)
{
	char file[PATH_MAX];
	struct stat st;

	if (!find_program(path, file, &st) || !is_elf(file))
		return NULL;
	return json_pack("{s:s, s:I, s:I, s:I, s:I}", "file", file, "device", (json_int_t)st.st_dev,
			 "inode", (json_int_t)st.st_ino, "size", (json_int_t)st.st_size,
			 "changed_ns", (json_int_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec);
}

static bool recall(const char *dir, const json_t *program, struct qemu_binary *binary)
{
	const char *version, *build, *qboot;
	char path[PATH_MAX];
	json_t *memo;
	bool known;

	snprintf(path, sizeof(path), "%s/" MEMO, dir);
	memo = json_load_file(path, 0, NULL);
	known = json_equal(json_object_get(memo, "program"), program) &&
		!json_unpack(memo, "{s:i, s:i, s:s, s:s, s:s}", "major", &binary->major, "minor",
			     &binary->minor, "version", &version, "build", &build, "qboot", &qboot) &&
		(!*qboot || !access(qboot, R_OK));
	if (known) {
		snprintf(binary->version, sizeof(binary->version), "%s", version);
		snprintf(binary->build, sizeof(binary->build), "%s", build);
		binary->qboot = *qboot;
	}
	json_decref(memo);
	return known;
}

/* Takes `program`. A memo that cannot be written is none. */
static void remember(const char *dir, json_t *program, const struct qemu_binary *binary,
		     const char *qboot)
{
	json_t *memo = json_pack("{s:o, s:i, s:i, s:s, s:s, s:s}", "program", program, "major",
				 binary->major, "minor", binary->minor, "version", binary->version,
				 "build", binary->build, "qboot", qboot);

	if (memo)
		qemu_json_replace(dir, MEMO, memo);
	json_decref(memo);
}

int qemu_binary_examine(const char *path, const char *state_dir, struct qemu_binary *ret_binary,
			struct ktstr_err *err)
{
	json_t *program = state_dir ? identify(path) : NULL;
	struct qemu_binary binary = { 0 };
	char qboot[PATH_MAX] = "";
	int ret;

	if (program && recall(state_dir, program, &binary)) {
		json_decref(program);
		*ret_binary = binary;
		return 0;
	}
	ret = ask_version(path, &binary, err);
	if (!ret) {
		find_firmware(path, "qboot.rom", qboot);
		binary.qboot = *qboot;
		*ret_binary = binary;
	}
	if (program && !ret)
		remember(state_dir, program, &binary, qboot);
	else
		json_decref(program);
	return ret;
}
