/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes are a memo of what was found in a kernel: it is as good as none, or it is believed, and then nothing that
 * it says leads out of the guest's memory; and what is added to it is there the next time. The checksum in front of
 * the file, which is there against damage, is made here, so that damage gets further.
 */
#include "guestmem/memo.h"
#include "guestmem/types.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "guestmem-fixture.h"

#include "fuzz.h"
#include "memo.h"

static struct fixture_memory memory;
static char dir[64], file[80];

static void remove_dir(void)
{
	ktstr_remove_tree(dir, NULL);
}

static void set_up(void)
{
	if (*dir)
		return;
	/* It is written thousands of times a second, and synchronised each time. */
	strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/fuzz-memo.XXXXXX" : "/dev/shm/fuzz-memo.XXXXXX");
	if (!mkdtemp(dir))
		__builtin_trap();
	atexit(remove_dir);
	snprintf(file, sizeof(file), "%s/memo", dir);
	fixture_memory_init(&memory, false);
	fixture_kernel(&memory, FIXTURE_BASE, NULL);
}

/* FNV-1a, as in the file. */
static void write_memo(const uint8_t *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;
	FILE *f = fopen(file, "we");

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 0x100000001b3ull;
	if (!f || fwrite(&h, sizeof(h), 1, f) != 1 || fwrite(data, 1, len, f) != len || fclose(f))
		__builtin_trap();
}

/* What was said, as one number. */
struct answers {
	uint64_t sum;
	unsigned n;
};

static void mix(struct answers *a, uint64_t value)
{
	a->sum = (a->sum ^ value) * 0x100000001b3ull;
}

static void add_item(void *ctx, const char *name, int64_t value)
{
	mix(ctx, strlen(name) ^ (uint64_t)value);
	((struct answers *)ctx)->n++;
}

/* Reads through a path from everywhere, whatever is there. */
static void read_through(const struct ktstr_guest *g, const struct ktstr_guest_path *path)
{
	const struct ktstr_guest_ops *ops = &ktstr_guest_ops;
	const uint64_t from[] = { fixture_image_address(0), fixture_image_address(FIXTURE_LOW - 8), FIXTURE_DIRECT, 0,
				  UINT64_MAX };

	for (size_t i = 0; i < MEMO_N(from); i++) {
		uint64_t at, value;
		char text[16];

		ops->number(g, path, from[i], &value);
		if (ops->follow(g, path, from[i], &at)) {
			ops->text(g, at, text, sizeof(text));
			ops->bytes(g, at, text, sizeof(text));
		}
	}
}

static struct answers ask(const struct ktstr_guest *g)
{
	const struct ktstr_guest_ops *ops = &ktstr_guest_ops;
	struct answers a = { 0 };
	uint64_t address;

	for (size_t i = 0; i < MEMO_N(memo_symbols); i++)
		mix(&a, ops->symbol(g, memo_symbols[i], &address, NULL) ? 1 : address);
	for (size_t i = 0; i < MEMO_N(memo_paths); i++) {
		struct ktstr_guest_path path = { 0 };
		int r = ops->path(g, memo_paths[i], &path, NULL);

		mix(&a, (uint64_t)r);
		if (!r) {
			read_through(g, &path);
			mix(&a, ((uint64_t)path.size << 32) ^ path.elements ^ path.offset[path.hops]);
		}
	}
	for (size_t i = 0; i < MEMO_N(memo_lists); i++)
		mix(&a, (uint64_t)ops->list(g, memo_lists[i], add_item, &a, NULL));
	return a;
}

/* False when the memo made the guest one that cannot be understood. */
static bool ask_guest(struct answers *ret)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g;
	int r = ktstr_guest_open_known(memory.ram, 2, NULL, file, MEMO_BUILD_ID, &g, &err);

	if (r) {
		if ((r != -ENOENT && r != -EBADMSG) || err.code != r || !err.msg[0])
			__builtin_trap();
		return false;
	}
	*ret = ask(g);
	if (ktstr_guest_remember(g, NULL))
		__builtin_trap();
	ktstr_guest_close(g);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct answers first, second;

	set_up();
	write_memo(data, len);
	if (ask_guest(&first) && (!ask_guest(&second) || first.sum != second.sum || first.n != second.n))
		__builtin_trap();
	return 0;
}
