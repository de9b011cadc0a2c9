/* SPDX-License-Identifier: GPL-2.0-only */
#include "template-file.h"

#include "process.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "KTSTRTPL"
#define VERSION 1
#define ABOUT_MAX (64u << 10)
#define STATE_MAX (64u << 20)
#define CONSOLE_MAX (4u << 20)
#define NSEC 1000000000ull

struct footer {
	char magic[8];
	uint32_t version, about_len;
	uint64_t about_hash;
};

_Static_assert(sizeof(struct footer) == 24, "a footer is read as it lies in the file");

static int bad(struct ktstr_err *err, const char *what)
{
	return ktstr_err_set(err, -EBADMSG, "%s", what);
}

/* ---- writing ---- */

static json_t *hash_to_json(uint64_t hash)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	return json_string(text);
}

static char *about_to_text(const struct qemu_about *a)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
		"key", a->key, "kernel", a->kernel, "machine", a->machine,
		"tsc_hz", (json_int_t)a->tsc_hz, "made_ns", (json_int_t)a->made_ns,
		"ram_bytes", (json_int_t)a->ram_bytes, "ram_stored", (json_int_t)a->ram.bytes,
		"state_bytes", (json_int_t)a->state_bytes,
		"console_bytes", (json_int_t)a->console_bytes,
		"ram_hash", hash_to_json(a->ram.hash), "state_hash", hash_to_json(a->state_hash),
		"console_hash", hash_to_json(a->console_hash));
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	json_decref(json);
	return text;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset, struct ktstr_err *err)
{
	ssize_t n = pwrite(fd, data, len, (off_t)offset);

	if (n == (ssize_t)len)
		return 0;
	return ktstr_err_errno(err, n < 0 ? errno : ENOSPC, "writing a template");
}

/* Behind everything else, as writing changes it. */
static int set_mtime(int fd, uint64_t mtime_ns, struct ktstr_err *err)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW },
		{ .tv_sec = (time_t)(mtime_ns / NSEC), .tv_nsec = (long)(mtime_ns % NSEC) },
	};

	return futimens(fd, times) ? ktstr_err_errno(err, errno, "a template's time") : 0;
}

int qemu_about_write(int fd, const struct qemu_about *about, struct ktstr_err *err)
{
	uint64_t at = about->ram_bytes + about->state_bytes + about->console_bytes;
	char *text = about_to_text(about);
	struct footer footer = { .magic = MAGIC, .version = VERSION };
	size_t len;
	int ret;

	if (!text)
		return ktstr_err_nomem(err);
	len = strlen(text);
	footer.about_len = (uint32_t)len;
	footer.about_hash = XXH3_64bits(text, len);
	ret = len > ABOUT_MAX ? bad(err, "what is to be said about the template is too long") :
	      write_at(fd, text, len, at, err);
	if (!ret)
		ret = write_at(fd, &footer, sizeof(footer), at + len, err);
	free(text);
	return ret ? ret : set_mtime(fd, about->made_ns, err);
}

/* ---- reading ---- */

static int read_at(int fd, void *data, size_t len, uint64_t offset, struct ktstr_err *err)
{
	ssize_t n = pread(fd, data, len, (off_t)offset);

	if (n == (ssize_t)len)
		return 0;
	return n < 0 ? ktstr_err_errno(err, errno, "reading it") : bad(err, "it is cut off");
}

static bool get_hash(const json_t *json, const char *name, uint64_t *ret)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text && sscanf(text, "%" SCNx64, ret) == 1;
}

static int about_from_json(json_t *json, struct qemu_about *a, struct ktstr_err *err)
{
	json_int_t tsc, made, ram, stored, state, console;

	if (json_unpack(json, "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "key", &a->key,
			"kernel", &a->kernel, "machine", &a->machine, "tsc_hz", &tsc,
			"made_ns", &made, "ram_bytes", &ram, "ram_stored", &stored,
			"state_bytes", &state, "console_bytes", &console) ||
	    !get_hash(json, "ram_hash", &a->ram.hash) ||
	    !get_hash(json, "state_hash", &a->state_hash) ||
	    !get_hash(json, "console_hash", &a->console_hash) || tsc < 0 || made < 0 || ram < 0 ||
	    stored < 0 || state < 0 || state > STATE_MAX || console < 0 || console > CONSOLE_MAX)
		return bad(err, "what it says about itself makes no sense");
	a->json = json_incref(json);
	a->tsc_hz = (uint64_t)tsc;
	a->made_ns = (uint64_t)made;
	a->ram_bytes = (uint64_t)ram;
	a->ram.bytes = (uint64_t)stored;
	a->state_bytes = (uint64_t)state;
	a->console_bytes = (uint64_t)console;
	return 0;
}

static int read_about(int fd, uint64_t end, const struct footer *footer, struct qemu_about *about,
		      struct ktstr_err *err)
{
	char *text = malloc(footer->about_len);
	json_t *json = NULL;
	int ret;

	if (!text)
		return ktstr_err_nomem(err);
	ret = read_at(fd, text, footer->about_len, end - footer->about_len, err);
	if (!ret && XXH3_64bits(text, footer->about_len) != footer->about_hash)
		ret = bad(err, "what it says about itself was changed");
	if (!ret) {
		json = json_loadb(text, footer->about_len, 0, NULL);
		ret = about_from_json(json, about, err);
	}
	if (!ret && about->ram_bytes + about->state_bytes + about->console_bytes !=
		    end - footer->about_len) {
		qemu_about_deinit(about);
		ret = bad(err, "its length is not the one that it has to have");
	}
	json_decref(json);
	free(text);
	return ret;
}

int qemu_about_read(int fd, struct qemu_about *ret_about, struct ktstr_err *err)
{
	struct qemu_about about = { 0 };
	struct footer footer;
	struct stat st;
	uint64_t end;
	int ret;

	if (fstat(fd, &st))
		return ktstr_err_errno(err, errno, "a template");
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(footer))
		return bad(err, "it is no template");
	end = (uint64_t)st.st_size - sizeof(footer);
	ret = read_at(fd, &footer, sizeof(footer), end, err);
	if (ret)
		return ret;
	if (memcmp(footer.magic, MAGIC, sizeof(footer.magic)))
		return bad(err, "it is no template, or not whole");
	if (footer.version != VERSION)
		return ktstr_err_set(err, -EPROTO, "it has format %u, this ktstr makes %d",
				     footer.version, VERSION);
	if (!footer.about_len || footer.about_len > ABOUT_MAX || footer.about_len > end)
		return bad(err, "its footer makes no sense");
	ret = read_about(fd, end, &footer, &about, err);
	if (!ret)
		*ret_about = about;
	return ret;
}

void qemu_about_deinit(struct qemu_about *about)
{
	json_decref(about->json);
	*about = (struct qemu_about){ 0 };
}

/* ---- checking ---- */

static int read_part(int fd, uint64_t offset, uint64_t bytes, uint64_t hash, const char *what,
		     struct ktstr_buf *ret, struct ktstr_err *err)
{
	int code;

	if (!ktstr_buf_reserve(ret, bytes))
		return ktstr_err_nomem(err);
	code = read_at(fd, ret->data + ret->len, bytes, offset, err);
	if (!code && XXH3_64bits(ret->data + ret->len, bytes) != hash)
		code = bad(err, what);
	if (!code)
		ret->len += bytes;
	return code;
}

static int check_ram(int fd, const struct qemu_about *about, struct ktstr_err *err)
{
	struct qemu_ram_sum sum;
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return ktstr_err_errno(err, errno, "a template");
	if ((uint64_t)st.st_mtim.tv_sec * NSEC + (uint64_t)st.st_mtim.tv_nsec == about->made_ns)
		return 0;
	ret = qemu_ram_sum_file(fd, about->ram_bytes, &sum, err);
	if (!ret && (sum.hash != about->ram.hash || sum.bytes != about->ram.bytes))
		ret = bad(err, "the memory in it was changed");
	return ret ? ret : set_mtime(fd, about->made_ns, err);
}

static int state_to_memfd(const struct ktstr_buf *state, int *ret_fd, struct ktstr_err *err)
{
	int fd = memfd_create("ktstr-vm-state", MFD_CLOEXEC), ret;

	if (fd < 0)
		return ktstr_err_errno(err, errno, "memfd for the state of a VM");
	ret = write_at(fd, state->data, state->len, 0, err);
	if (ret)
		qemu_close(&fd);
	else
		*ret_fd = fd;
	return ret;
}

int qemu_about_check(int fd, const struct qemu_about *about, int *ret_state,
		     struct ktstr_buf *console, struct ktstr_err *err)
{
	struct ktstr_buf state = { 0 };
	int ret = read_part(fd, about->ram_bytes, about->state_bytes, about->state_hash,
			    "the state in it was changed", &state, err);

	if (!ret)
		ret = read_part(fd, about->ram_bytes + about->state_bytes, about->console_bytes,
				about->console_hash, "the console's text in it was changed", console,
				err);
	if (!ret)
		ret = check_ram(fd, about, err);
	if (!ret)
		ret = state_to_memfd(&state, ret_state, err);
	ktstr_buf_free(&state);
	return ret;
}
