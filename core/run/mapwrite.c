/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/mapwrite.h"

#include "base/cleanup.h"
#include "guestmem/maps.h"

#include <linux/bpf.h>

#define KEY_MAX 512		/* bytes; MAX_BPF_STACK bounds those of programs */

static bool is_per_cpu(const struct ktstr_guest_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* A number in as many bytes as the key has, where that is how numbers are kept; else text, filled up
 * with zeros. */
static int make_key(const struct ktstr_guest_map *map, const char *text, void *key,
		    struct ktstr_err *err)
{
	unsigned bits = 8 * map->key_size;
	char *end;
	long long number;

	if (map->key_size > KEY_MAX)
		return ktstr_err_set(err, -ENOTSUP, "its keys have %u bytes, at most %u can be "
				     "written", map->key_size, KEY_MAX);
	memset(key, 0, map->key_size);
	errno = 0;
	number = strtoll(text, &end, 0);
	if (*end || end == text || errno || bits > 64) {
		if (strlen(text) > map->key_size)
			return ktstr_err_set(err, -ERANGE, "its keys have %u bytes, \"%.80s\" is "
					     "longer", map->key_size, text);
		memcpy(key, text, strlen(text));
		return 0;
	}
	if (bits < 64 && (number >= 1ll << bits || number < -(1ll << (bits - 1))))
		return ktstr_err_set(err, -ERANGE, "its keys have %u bytes, %s does not fit",
				     map->key_size, text);
	memcpy(key, &number, map->key_size);
	return 0;
}

static int write_copy(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		      const void *key, unsigned cpu, const struct ktstr_plan_map_write *write,
		      struct ktstr_map_write_result *result, struct ktstr_err *err)
{
	struct ktstr_guest_cell cell;
	uint64_t before;
	int ret = ktstr_guest_cell_find(g, map, key, cpu, write->field ? write->field : "", &cell,
					err);

	if (ret)
		return ret;
	if (!result->known && !ktstr_guest_cell_read(g, &cell, &before, NULL)) {
		result->before = (int64_t)before;
		result->known = true;
	}
	ret = ktstr_guest_cell_write(g, &cell, write->value, err);
	if (!ret)
		result->copies++;
	return ret;
}

static int write_all(const struct ktstr_guest *g, const struct ktstr_plan_map_write *write,
		     struct ktstr_map_write_result *result, struct ktstr_err *err)
{
	bool all = write->cpu == KTSTR_PLAN_ALL_CPUS;
	struct ktstr_guest_map map;
	char key[KEY_MAX];
	unsigned first, last;
	int ret = ktstr_guest_map_find(g, write->map, &map, err);

	if (ret)
		return ret;
	snprintf(result->name, sizeof(result->name), "%s", map.name);
	if (write->key)
		ret = make_key(&map, write->key, key, err);
	if (ret)
		return ret;
	if (!all && !is_per_cpu(&map))
		return ktstr_err_set(err, -EINVAL, "it is no per-CPU map: `cpu` says nothing of it");
	first = all ? 0 : write->cpu;
	last = all && is_per_cpu(&map) ? g->n_cpus - 1 : first;
	for (unsigned cpu = first; !ret && cpu <= last; cpu++)
		ret = write_copy(g, &map, write->key ? key : NULL, cpu, write, result, err);
	return ret;
}

int ktstr_map_write(const struct ktstr_guest *g, const struct ktstr_plan_map_write *write,
		    struct ktstr_map_write_result *ret_result, struct ktstr_err *err)
{
	int ret;

	*ret_result = (struct ktstr_map_write_result){ 0 };
	ret = write_all(g, write, ret_result, err);
	if (ret)
		ktstr_err_prefix(err, "map %.80s%s%.200s%s%.80s, value %lld", write->map,
				 write->field ? ", field " : "", write->field ? write->field : "",
				 write->key ? ", key " : "", write->key ? write->key : "",
				 (long long)write->value);
	return ret;
}
