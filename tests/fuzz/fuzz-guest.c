/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes are a guest's memory: its kernel is read or refused, and nothing that it points to
 * leads out of it. The bytes lie at physical address 0; a second range above 4 GiB holds the last
 * page of them again.
 */
#include "guestmem/guest.h"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define LOW (128 * 1024)
#define HIGH KTSTR_PAGE
#define HIGH_GPA (4ull << 30)

static const char *const paths[] = {
	"top.in.nr", "top.in.tag[2]", "top.head->next->name", "top.many[2]", "top.b",
	"top.count", "top",
};

static void *fresh(size_t bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	void *map = fd < 0 || ftruncate(fd, (off_t)bytes)
		? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		__builtin_trap();
	close(fd);
	return map;
}

static void ignore(void *ctx, const char *name, int64_t value)
{
	(void)value;
	*(size_t *)ctx += strlen(name);
}

static void read_all(const struct ktstr_guest *g)
{
	const struct ktstr_guest_ops *ops = &ktstr_guest_ops;
	char name[KTSTR_SYMBOL_MAX], type, text[32];
	uint64_t address = 0, at, value;
	size_t n = 0;

	for (size_t i = 0; i < ktstr_symbols_count(g->symbols) && i < 64; i++) {
		struct ktstr_guest_path path;

		if (!ktstr_symbols_get(g->symbols, i, name, &type, &address))
			continue;
		address = ops->cpu(g, address, i & 1) ? ops->cpu(g, address, i & 1) : address;
		ops->text(g, address, text, sizeof(text));
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
			if (!ops->path(g, paths[k], &path, NULL) &&
			    !ops->number(g, &path, address, &value) &&
			    ops->follow(g, &path, address, &at))
				ops->bytes(g, at, text, sizeof(text));
	}
	ops->list(g, "top", ignore, &n, NULL);
	ops->list(g, "state", ignore, &n, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void *low, *high;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g;
	struct ktstr_ram ram[2];
	int ret;

	if (len > LOW)
		return 0;
	low = low ? low : fresh(LOW);
	high = high ? high : fresh(HIGH);
	memset(low, 0, LOW);
	memcpy(low, data, len);
	memcpy(high, (char *)low + (len ? (len - 1) / KTSTR_PAGE * KTSTR_PAGE : 0), KTSTR_PAGE);
	ram[0] = (struct ktstr_ram){ 0, LOW, low };
	ram[1] = (struct ktstr_ram){ HIGH_GPA, HIGH, high };
	ret = ktstr_guest_open(ram, 2, NULL, &g, &err);
	if (!ret) {
		read_all(g);
		ktstr_guest_close(g);
	} else if ((ret != -EAGAIN && ret != -ENOENT && ret != -EBADMSG) || err.code != ret ||
		   !err.msg[0]) {
		__builtin_trap();
	}
	return 0;
}
