/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/maps.h"

#include "base/btf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "guestmem/idr.h"
#include "guestmem/types.h"

#include <bpf/btf.h>
#include <linux/bpf.h>

#define OWNED_MAX 512
#define NAMES_MAX 64		/* of maps, in a message */
#define ELEMENTS_MAX 1000000		/* of a hash map that are looked at */
#define KEY_MAX 512
#define BTF_MAX (16u << 20)

static const struct ktstr_guest_ops *const ops = &ktstr_guest_ops;

/* A number at a path; false when the kernel has no such path, or it leads nowhere. */
static int read_path(const struct ktstr_guest *g, const char *text, uint64_t address, uint64_t *ret,
		     struct ktstr_err *err)
{
	struct ktstr_guest_path path;
	int r = ops->path(g, text, &path, err);

	*ret = 0;
	if (!r && !ops->number(g, &path, address, ret))
		r = ktstr_err_set(err, -EFAULT, "%s of %#llx is not mapped in the guest", text,
				  (unsigned long long)address);
	return r;
}

/* Where a member that has no size of its own begins. */
static int find_place(const struct ktstr_guest *g, const char *text, uint64_t address,
		      uint64_t *ret, struct ktstr_err *err)
{
	struct ktstr_guest_path path;
	int r = ops->path(g, text, &path, err);

	if (!r && !ops->follow(g, &path, address, ret))
		r = ktstr_err_set(err, -EFAULT, "%s is not mapped in the guest", text);
	return r;
}

/* ---- the list ---- */

/* What is read of every map, resolved once per list. */
enum {
	M_ID,
	M_TYPE,
	M_KEY_SIZE,
	M_VALUE_SIZE,
	M_MAX_ENTRIES,
	M_VALUE_TYPE,
	M_BTF,
	M_NAME,
	N_PATHS
};
static const char *const names[N_PATHS] = {
	[M_ID] = "bpf_map.id",
	[M_TYPE] = "bpf_map.map_type",
	[M_KEY_SIZE] = "bpf_map.key_size",
	[M_VALUE_SIZE] = "bpf_map.value_size",
	[M_MAX_ENTRIES] = "bpf_map.max_entries",
	[M_VALUE_TYPE] = "bpf_map.btf_value_type_id",
	[M_BTF] = "bpf_map.btf",
	[M_NAME] = "bpf_map.name",
};

struct listing {
	const struct ktstr_guest *g;
	struct ktstr_guest_path paths[N_PATHS];
	ktstr_guest_map_fn *fn;
	void *ctx;
};

static uint32_t number(const struct listing *l, unsigned path, uint64_t address)
{
	uint64_t value = 0;

	ops->number(l->g, &l->paths[path], address, &value);
	return (uint32_t)value;
}

static bool tell_map(void *ctx, uint64_t address)
{
	const struct listing *l = ctx;
	struct ktstr_guest_map map = { .address = address };
	uint64_t at;

	if (!ops->follow(l->g, &l->paths[M_NAME], address, &at) ||
	    !ops->text(l->g, at, map.name, sizeof(map.name)))
		return false;
	map.id = number(l, M_ID, address);
	map.type = number(l, M_TYPE, address);
	map.key_size = number(l, M_KEY_SIZE, address);
	map.value_size = number(l, M_VALUE_SIZE, address);
	map.max_entries = number(l, M_MAX_ENTRIES, address);
	map.value_type = number(l, M_VALUE_TYPE, address);
	ops->number(l->g, &l->paths[M_BTF], address, &map.btf);
	return l->fn(l->ctx, &map);
}

int ktstr_guest_maps(const struct ktstr_guest *g, ktstr_guest_map_fn *fn, void *ctx,
		     struct ktstr_err *err)
{
	struct listing l = { .g = g, .fn = fn, .ctx = ctx };
	int r = 0;

	for (size_t i = 0; !r && i < N_PATHS; i++)
		r = ops->path(g, names[i], &l.paths[i], err);
	return r ? r : ktstr_guest_idr(g, "map_idr", tell_map, &l, err);
}

/* ---- whose ---- */

/* Maps that struct_ops programs use: those of the scheduler, as long as nothing else is made so. */
struct owned {
	const struct ktstr_guest *g;
	struct ktstr_guest_path type, maps, count;
	uint64_t list[OWNED_MAX];
	size_t n;
};

static bool add_owned(void *ctx, uint64_t program)
{
	uint64_t type = 0, maps = 0, n = 0;
	struct owned *o = ctx;

	ops->number(o->g, &o->type, program, &type);
	if (type != BPF_PROG_TYPE_STRUCT_OPS || !ops->number(o->g, &o->maps, program, &maps) ||
	    !ops->number(o->g, &o->count, program, &n))
		return false;
	for (uint64_t i = 0; i < n && o->n < OWNED_MAX; i++)
		if (ops->bytes(o->g, maps + i * sizeof(*o->list), &o->list[o->n], sizeof(*o->list)))
			o->n++;
	return o->n == OWNED_MAX;
}

/* None, where the kernel has no such programs. */
static void find_owned(const struct ktstr_guest *g, struct owned *o)
{
	struct ktstr_err ignored = KTSTR_ERR_INIT;

	o->g = g;
	if (!ops->path(g, "bpf_prog.type", &o->type, &ignored) &&
	    !ops->path(g, "bpf_prog.aux->used_maps", &o->maps, &ignored) &&
	    !ops->path(g, "bpf_prog.aux->used_map_cnt", &o->count, &ignored))
		ktstr_guest_idr(g, "prog_idr", add_owned, o, &ignored);
}

static bool is_owned(const struct owned *o, uint64_t map)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i] == map)
			return true;
	return false;
}

/* ---- by name ---- */

struct hits {
	struct ktstr_guest_map map;	/* the first one */
	unsigned n;
};

struct search {
	const char *name;
	struct owned owned;
	struct hits mine, others;	/* the scheduler's, and the rest */
	bool any_mine;			/* the scheduler has maps, whatever they are called */
	char all[NAMES_MAX][KTSTR_MAP_NAME];
	size_t n_all;
};

static bool is_named(const char *name, const char *wanted)
{
	size_t len = strlen(name), tail = strlen(wanted);

	if (*wanted != '.')
		return !strcmp(name, wanted);
	return len >= tail && !strcmp(name + len - tail, wanted);
}

static bool look(void *ctx, const struct ktstr_guest_map *map)
{
	struct search *s = ctx;
	bool mine = is_owned(&s->owned, map->address);
	struct hits *hits = mine ? &s->mine : &s->others;

	s->any_mine |= mine;
	if (s->n_all < NAMES_MAX)
		memcpy(s->all[s->n_all++], map->name, sizeof(map->name));
	if (is_named(map->name, s->name) && !hits->n++)
		hits->map = *map;
	return false;
}

/* The message's tail: the name that may have been meant, and those that there are. */
static int not_found(const struct search *s, struct ktstr_err *err)
{
	const char *words[NAMES_MAX], *nearest;
	char list[KTSTR_ERR_MAX / 2] = "";

	for (size_t i = 0; i < s->n_all; i++) {
		size_t used = strlen(list);

		words[i] = s->all[i];
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
			 *s->all[i] ? s->all[i] : "\"\"");
	}
	nearest = ktstr_nearest(s->name, words, s->n_all);
	return ktstr_err_set(err, -ENOENT, "the guest has no BPF map %s%s%s%s; it has: %s", s->name,
			     nearest ? "; did you mean " : "", nearest ? nearest : "",
			     nearest ? "?" : "", s->n_all ? list : "none");
}

int ktstr_guest_map_find(const struct ktstr_guest *g, const char *name,
			 struct ktstr_guest_map *ret_map, struct ktstr_err *err)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	const struct hits *hits;
	int r;

	if (!s)
		return ktstr_err_nomem(err);
	s->name = name;
	find_owned(g, &s->owned);
	r = ktstr_guest_maps(g, look, s, err);
	if (r)
		return r;
	/* The end of a name that another program's map has too is the scheduler's, or nobody's. */
	hits = s->mine.n || (*name == '.' && s->any_mine) ? &s->mine : &s->others;
	if (!hits->n)
		return not_found(s, err);
	if (hits->n > 1)
		return ktstr_err_set(err, -ENOTUNIQ, "%u BPF maps of the guest are called %s",
				     hits->n, name);
	*ret_map = hits->map;
	return 0;
}

/* ---- values ---- */

static int per_cpu(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		   uint64_t pointer_at, unsigned cpu, uint64_t *ret, struct ktstr_err *err)
{
	uint64_t pointer;

	if (!ops->bytes(g, pointer_at, &pointer, sizeof(pointer)) ||
	    !(*ret = ops->cpu(g, pointer, cpu)))
		return ktstr_err_set(err, -ENOENT, "map %s has no value for CPU %u", map->name,
				     cpu);
	return 0;
}

static int array_value(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		       const void *key, unsigned cpu, uint64_t *ret, struct ktstr_err *err)
{
	uint64_t size, values;
	uint32_t index = 0;
	int r = read_path(g, "bpf_array.elem_size", map->address, &size, err);

	if (!r)
		r = find_place(g, "bpf_array.value", map->address, &values, err);
	if (r)
		return r;
	if (key && map->key_size == sizeof(index))
		memcpy(&index, key, sizeof(index));
	if (index >= map->max_entries)
		return ktstr_err_set(err, -ENOENT, "map %s has no entry %u, it has %u", map->name,
				     index, map->max_entries);
	if (map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return per_cpu(g, map, values + index * sizeof(uint64_t), cpu, ret, err);
	*ret = values + index * size;
	return 0;
}

struct table {
	uint64_t buckets, bucket_size, n, key_offset, head_offset;
};

static int find_table(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		      struct table *t, struct ktstr_err *err)
{
	struct ktstr_guest_path bucket, head, key;
	int r = read_path(g, "bpf_htab.buckets", map->address, &t->buckets, err);

	if (!r)
		r = read_path(g, "bpf_htab.n_buckets", map->address, &t->n, err);
	if (!r)
		r = ops->path(g, "bucket", &bucket, err);
	if (!r)
		r = ops->path(g, "bucket.head", &head, err);
	if (!r)
		r = ops->path(g, "htab_elem.key", &key, err);
	if (r)
		return r;
	t->bucket_size = bucket.size;
	t->head_offset = head.offset[0];
	t->key_offset = key.offset[0];
	return 0;
}

/* Each list ends with an odd pointer (include/linux/list_nulls.h). *budget bounds what is looked at
 * in all. */
static uint64_t find_in_bucket(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
			       const struct table *t, uint64_t bucket, const void *key,
			       unsigned *budget)
{
	uint64_t element;
	char found[KEY_MAX];

	if (!ops->bytes(g, bucket + t->head_offset, &element, sizeof(element)))
		return 0;
	while (element && !(element & 1) && *budget) {
		(*budget)--;
		if (!ops->bytes(g, element + t->key_offset, found, map->key_size))
			return 0;
		if (!key || !memcmp(found, key, map->key_size))
			return element;
		if (!ops->bytes(g, element, &element, sizeof(element)))
			return 0;
	}
	return 0;
}

static int hash_value(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		      const void *key, unsigned cpu, uint64_t *ret, struct ktstr_err *err)
{
	unsigned budget = ELEMENTS_MAX;
	uint64_t element = 0;
	struct table t;
	int r = find_table(g, map, &t, err);

	if (r)
		return r;
	if (map->key_size > KEY_MAX)
		return ktstr_err_set(err, -ENOTSUP,
				     "map %s has keys of %u bytes, at most %u can be compared",
				     map->name, map->key_size, KEY_MAX);
	for (uint64_t i = 0; i < t.n && i < ELEMENTS_MAX && budget && !element; i++)
		element = find_in_bucket(g, map, &t, t.buckets + i * t.bucket_size, key, &budget);
	if (!element)
		return ktstr_err_set(err, -ENOENT, "map %s has no such key", map->name);
	element += t.key_offset + (map->key_size + 7) / 8 * 8;
	if (map->type == BPF_MAP_TYPE_PERCPU_HASH || map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH)
		return per_cpu(g, map, element, cpu, ret, err);
	*ret = element;
	return 0;
}

int ktstr_guest_map_value(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
			  const void *key, unsigned cpu, uint64_t *ret_address,
			  struct ktstr_err *err)
{
	switch (map->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return array_value(g, map, key, cpu, ret_address, err);
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return hash_value(g, map, key, cpu, ret_address, err);
	default:
		return ktstr_err_set(err, -ENOTSUP,
				     "map %s is of type %u; arrays and hash maps can be read",
				     map->name, map->type);
	}
}

/* ---- fields ---- */

/* The BTF that the map was loaded with, out of the guest. */
static int load_types(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
		      struct btf **ret, struct ktstr_err *err)
{
	_cleanup_free_ void *copy = NULL;
	uint64_t data, size;
	int r;

	if (!map->btf || !map->value_type)
		return ktstr_err_set(err, -ENOENT, "map %s has no BTF: its fields have no names",
				     map->name);
	r = read_path(g, "btf.data", map->btf, &data, err);
	if (!r)
		r = read_path(g, "btf.data_size", map->btf, &size, err);
	if (r)
		return r;
	if (!size || size > BTF_MAX)
		return ktstr_err_set(err, -EFAULT, "the BTF of map %s makes no sense", map->name);
	copy = malloc(size);
	if (!copy)
		return ktstr_err_nomem(err);
	if (!ops->bytes(g, data, copy, size))
		return ktstr_err_set(err, -EFAULT, "the BTF of map %s is not mapped", map->name);
	r = ktstr_btf_new(copy, (uint32_t)size, map->name, ret, err);
	if (r == -EBADMSG && err)
		err->code = -EFAULT;
	return r == -EBADMSG ? -EFAULT : r;
}

int ktstr_guest_cell_find(const struct ktstr_guest *g, const struct ktstr_guest_map *map,
			  const void *key, unsigned cpu, const char *field,
			  struct ktstr_guest_cell *ret_cell, struct ktstr_err *err)
{
	struct ktstr_guest_cell cell = { 0 };
	struct btf *types = NULL;
	char path[256];
	int r = load_types(g, map, &types, err);

	if (r)
		return r;
	snprintf(path, sizeof(path), "%s%s", *field && *field != '[' ? "." : "", field);
	r = ktstr_types_path_from(types, map->value_type, map->name, path, &cell.path, err);
	btf__free(types);
	if (r)
		return r;
	if (!cell.path.is_number || cell.path.hops)
		return ktstr_err_set(err, -EINVAL, "%s%s is no number in the map itself", map->name,
				     path);
	if ((uint64_t)cell.path.offset[0] + cell.path.size > map->value_size)
		return ktstr_err_set(err, -EFAULT, "%s%s lies outside of the map's value",
				     map->name, path);
	r = ktstr_guest_map_value(g, map, key, cpu, &cell.address, err);
	if (!r)
		*ret_cell = cell;
	return r;
}

int ktstr_guest_cell_read(const struct ktstr_guest *g, const struct ktstr_guest_cell *cell,
			  uint64_t *ret_value, struct ktstr_err *err)
{
	if (ops->number(g, &cell->path, cell->address, ret_value))
		return 0;
	return ktstr_err_set(err, -EFAULT, "the map's value is not mapped any more");
}

static bool fits(const struct ktstr_guest_path *path, int64_t value)
{
	unsigned bits = 8 * path->size;

	if (bits >= 64)
		return true;
	if (path->is_signed)
		return value >= -(1ll << (bits - 1)) && value < 1ll << (bits - 1);
	return value >= 0 && value < 1ll << bits;
}

int ktstr_guest_cell_write(const struct ktstr_guest *g, const struct ktstr_guest_cell *cell,
			   int64_t value, struct ktstr_err *err)
{
	const struct ktstr_guest_path *path = &cell->path;
	uint64_t back;
	int r;

	if (path->bits)
		return ktstr_err_set(err, -ENOTSUP, "a bit field cannot be written from outside");
	if (!fits(path, value))
		return ktstr_err_set(err, -ERANGE, "%lld does not fit into %u bytes",
				     (long long)value, path->size);
	if (!ktstr_guest_write(g, cell->address + path->offset[0], &value, path->size))
		return ktstr_err_set(err, -EFAULT, "the map's value is not mapped any more");
	r = ktstr_guest_cell_read(g, cell, &back, err);
	if (!r && (int64_t)back != value)
		r = ktstr_err_set(err, -EIO, "wrote %lld, and the guest has %lld", (long long)value,
				  (long long)back);
	return r;
}
