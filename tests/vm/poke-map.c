/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poke-map PID: lists the BPF maps in the guest of that ktstr.
 * poke-map PID MAP FIELD: prints the number in that field.
 * poke-map PID MAP FIELD VALUE: stores it.
 *
 * The guest's memory is the memfd that ktstr has open; the machine must be too small to have a hole in it.
 */
#include "base/cleanup.h"
#include "guestmem/maps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int open_ram(const char *pid)
{
	char path[64], link[320], target[128];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, "memfd:ktstr-guest-ram"))
			return open(link, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

static bool map_ram(const char *pid, struct ktstr_ram *ret)
{
	_cleanup_close_ int fd = open_ram(pid);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	ret->gpa = 0;
	ret->bytes = (uint64_t)st.st_size;
	ret->host = mmap(NULL, ret->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return ret->host != MAP_FAILED;
}

static bool print_map(void *ctx, const struct ktstr_guest_map *map)
{
	(void)ctx;
	printf("%u type %u key %u value %u entries %u %s\n", map->id, map->type, map->key_size, map->value_size,
	       map->max_entries, map->name);
	return false;
}

static int poke(const struct ktstr_guest *g, char **args, int n, struct ktstr_err *err)
{
	struct ktstr_guest_map map;
	struct ktstr_guest_cell cell;
	uint64_t value;
	int r;

	if (!n)
		return ktstr_guest_maps(g, print_map, NULL, err);
	r = ktstr_guest_map_find(g, args[0], &map, err);
	if (!r)
		r = ktstr_guest_cell_find(g, &map, NULL, 0, n > 1 ? args[1] : "", &cell, err);
	if (!r && n > 2)
		return ktstr_guest_cell_write(g, &cell, strtoll(args[2], NULL, 0), err);
	if (!r)
		r = ktstr_guest_cell_read(g, &cell, &value, err);
	if (!r)
		printf("%" PRIu64 "\n", value);
	return r;
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g = NULL;
	struct ktstr_ram ram;
	int r;

	if (argc < 2 || !map_ram(argv[1], &ram)) {
		fputs("poke-map: no guest there\n", stderr);
		return 2;
	}
	r = ktstr_guest_open(&ram, 1, NULL, &g, &err);
	if (!r)
		r = poke(g, argv + 2, argc - 2, &err);
	if (r)
		fprintf(stderr, "poke-map: %s\n", err.msg);
	ktstr_guest_close(g);
	return r != 0;
}
