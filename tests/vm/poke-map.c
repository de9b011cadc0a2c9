/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * poke-map PID: lists the BPF maps in the guest of that ktstr.
 * poke-map PID MAP FIELD: prints the number in that field.
 * poke-map PID MAP FIELD VALUE: stores it.
 */
#include "running-guest.h"

#include "guestmem/maps.h"

#include <inttypes.h>

static bool print_map(void *ctx, const struct ktstr_guest_map *map)
{
	(void)ctx;
	printf("%u type %u key %u value %u entries %u %s\n", map->id, map->type, map->key_size,
	       map->value_size, map->max_entries, map->name);
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

	if (argc < 2 || !running_guest_ram(argv[1], &ram)) {
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
