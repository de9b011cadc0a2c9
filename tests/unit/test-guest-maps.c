/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF maps in a guest's memory that the test made: found, read, written, and refused when they make
 * no sense. */
#include "guestmem-fixture.h"

#include "guestmem/maps.h"
#include "run/mapwrite.h"

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <linux/bpf.h>
#include <unistd.h>

TestSuite(guest_maps, .timeout = 60);

/* Offsets of the made kernel's structs; everything lies in one page of the high range. */
enum {
	IDR = 0x100,
	NODE = 0x200,
	ARRAY = 0x500,
	PERCPU = 0x600,
	HASH = 0x700,
	BUCKETS = 0x800,
	ELEM_1 = 0x900,
	ELEM_2 = 0x940,
	BTF = 0xa00,
	PROG = 0xc00,
	AUX = 0xc40,
	USED = 0xc80,
	VALUE_TYPES = 0x2000,
};
enum { MAP_SIZE = 64, ARRAY_ELEM = 64, ARRAY_VALUE = 72, HTAB_BUCKETS = 64, HTAB_N = 72, KEY = 16 };

static uint64_t at(uint64_t offset)
{
	return FIXTURE_DIRECT + FIXTURE_HIGH_GPA + offset;
}

/* ---- types ---- */

static int add_struct(struct btf *b, const char *name, uint32_t size, ...)
{
	va_list ap;
	const char *field;
	int id = btf__add_struct(b, name, size);

	va_start(ap, size);
	while ((field = va_arg(ap, const char *))) {
		int type = va_arg(ap, int);

		cr_assert_eq(btf__add_field(b, field, type, 8 * va_arg(ap, uint32_t), 0), 0);
	}
	va_end(ap);
	return id;
}

/* The kernel's, as a file; the caller unlinks it. */
static void write_kernel_types(char path[64])
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0),
	    u64 = btf__add_int(b, "unsigned long", 8, 0);
	int ch = btf__add_int(b, "char", 1, 0), ptr = btf__add_ptr(b, 0),
	    name = btf__add_array(b, u32, ch, 16);
	int slots = btf__add_array(b, u32, ptr, 64), none = btf__add_array(b, u32, ch, 0);
	int xarray = add_struct(b, "xarray", 8, "xa_head", ptr, 0u, NULL);
	int map = add_struct(b, "bpf_map", MAP_SIZE, "id", u32, 0u, "map_type", u32, 4u, "key_size",
			     u32, 8u, "value_size", u32, 12u, "max_entries", u32, 16u,
			     "btf_value_type_id", u32, 20u, "btf", ptr, 24u, "name", name, 32u,
			     NULL);
	int aux = add_struct(b, "bpf_prog_aux", 16, "used_map_cnt", u32, 0u, "used_maps", ptr, 8u,
			     NULL);
	const void *raw;
	uint32_t len;
	int fd;

	add_struct(b, "bpf_prog", 16, "type", u32, 4u, "aux", btf__add_ptr(b, aux), 8u, NULL);
	add_struct(b, "idr", 8, "idr_rt", xarray, 0u, NULL);
	add_struct(b, "xa_node", 520, "shift", ch, 0u, "slots", slots, 8u, NULL);
	add_struct(b, "bpf_array", ARRAY_VALUE, "map", map, 0u, "elem_size", u32,
		   (uint32_t)ARRAY_ELEM, "value", none, (uint32_t)ARRAY_VALUE, NULL);
	add_struct(b, "bpf_htab", 80, "map", map, 0u, "buckets", ptr, (uint32_t)HTAB_BUCKETS,
		   "n_buckets", u32, (uint32_t)HTAB_N, NULL);
	add_struct(b, "bucket", 16, "head", ptr, 0u, "raw_lock", u32, 8u, NULL);
	add_struct(b, "htab_elem", KEY, "hash_node", ptr, 0u, "hash", u32, 8u, "key", none,
		   (uint32_t)KEY, NULL);
	add_struct(b, "btf", 16, "data", u64, 0u, "data_size", u32, 8u, NULL);
	raw = btf__raw_data(b, &len);
	strcpy(path, "/tmp/test-guest-maps-XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, raw, len) == (ssize_t)len);
	close(fd);
	btf__free(b);
}

/* The maps' own: struct value { int hits; unsigned char flag; unsigned low:3; }; its number is
 * returned. */
static uint32_t put_value_types(struct fixture_memory *m)
{
	struct btf *b = btf__new_empty();
	int i32 = btf__add_int(b, "int", 4, BTF_INT_SIGNED),
	    u8 = btf__add_int(b, "unsigned char", 1, 0);
	int u32 = btf__add_int(b, "unsigned int", 4, 0), ptr = btf__add_ptr(b, i32), id;
	uint64_t data = at(VALUE_TYPES);
	const void *raw;
	uint32_t len;

	id = add_struct(b, "value", 24, "hits", i32, 0u, "flag", u8, 4u, "next", ptr, 8u, "far",
			i32, 20u, NULL);
	cr_assert_eq(btf__add_field(b, "low", u32, 128, 3), 0);
	raw = btf__raw_data(b, &len);
	fixture_put(m, FIXTURE_HIGH_GPA + VALUE_TYPES, raw, len);
	fixture_put(m, FIXTURE_HIGH_GPA + BTF, &data, sizeof(data));
	fixture_put(m, FIXTURE_HIGH_GPA + BTF + 8, &len, sizeof(len));
	btf__free(b);
	return (uint32_t)id;
}

/* ---- memory ---- */

static void put(struct fixture_memory *m, uint64_t offset, uint64_t value, size_t size)
{
	fixture_put(m, FIXTURE_HIGH_GPA + offset, &value, size);
}

static void put_map(struct fixture_memory *m, uint64_t offset, uint32_t id, uint32_t type,
		    uint32_t entries, uint32_t value_type, const char *name)
{
	const uint32_t words[] = { id, type, 4, 20, entries, value_type };

	fixture_put(m, FIXTURE_HIGH_GPA + offset, words, sizeof(words));
	put(m, offset + 24, at(BTF), 8);
	fixture_put(m, FIXTURE_HIGH_GPA + offset + 32, name, strlen(name) + 1);
	put(m, NODE + 8 + 8 * id, at(offset), 8);
}

/* Two keys, 7 and 9, in one of two buckets; each list ends with an odd pointer. */
static void put_hash(struct fixture_memory *m, uint32_t value_type)
{
	put_map(m, HASH, 5, BPF_MAP_TYPE_HASH, 2, value_type, "table");
	put(m, HASH + HTAB_BUCKETS, at(BUCKETS), 8);
	put(m, HASH + HTAB_N, 2, 4);
	put(m, BUCKETS, 1, 8);
	put(m, BUCKETS + 16, at(ELEM_1), 8);
	put(m, ELEM_1, at(ELEM_2), 8);
	put(m, ELEM_1 + KEY, 7, 4);
	put(m, ELEM_1 + KEY + 8, 70, 4);
	put(m, ELEM_2, 3, 8);
	put(m, ELEM_2 + KEY, 9, 4);
	put(m, ELEM_2 + KEY + 8, (uint64_t)-90, 4);
}

static struct ktstr_guest *open_guest(struct fixture_memory *m)
{
	const struct fixture_symbol more[] = { { "bmap_idr", FIXTURE_STEXT + 0x800 },
					       { "bprog_idr", FIXTURE_STEXT + 0x808 },
					       { NULL, 0 } };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g = NULL;
	uint64_t head = at(NODE) | 2;
	uint32_t value;
	char path[64];

	fixture_memory_init(m, true);
	fixture_kernel(m, FIXTURE_PLACE, more);
	fixture_put(m, 0x1800, &head, sizeof(head));
	value = put_value_types(m);
	put_map(m, ARRAY, 3, BPF_MAP_TYPE_ARRAY, 2, value, "mine.bss");
	put(m, ARRAY + ARRAY_ELEM, 24, 4);
	put(m, ARRAY + ARRAY_VALUE + 24, 33, 4);
	put_map(m, PERCPU, 4, BPF_MAP_TYPE_PERCPU_ARRAY, 1, value, "percpu");
	put(m, PERCPU + ARRAY_VALUE, KTSTR_IMAGE_START + 0x200, 8);
	put_hash(m, value);
	write_kernel_types(path);
	cr_assert_eq(ktstr_guest_open(m->ram, 2, path, &g, &err), 0, "%s", err.msg);
	unlink(path);
	return g;
}

static void close_guest(struct fixture_memory *m, struct ktstr_guest *g)
{
	ktstr_guest_close(g);
	fixture_memory_deinit(m);
}

static struct ktstr_guest_map find(const struct ktstr_guest *g, const char *name)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_map map = { 0 };

	cr_assert_eq(ktstr_guest_map_find(g, name, &map, &err), 0, "%s", err.msg);
	return map;
}

static int64_t value_of(const struct ktstr_guest *g, const char *name, uint32_t key, unsigned cpu)
{
	struct ktstr_guest_map map = find(g, name);
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_cell cell;
	uint64_t value = 0;

	cr_assert_eq(ktstr_guest_cell_find(g, &map, &key, cpu, "hits", &cell, &err), 0, "%s",
		     err.msg);
	cr_assert_eq(ktstr_guest_cell_read(g, &cell, &value, &err), 0, "%s", err.msg);
	return (int64_t)value;
}

/* ---- tests ---- */

static bool count(void *ctx, const struct ktstr_guest_map *map)
{
	unsigned *ids = ctx;

	*ids = *ids * 10 + map->id;
	return map->id == 4;
}

Test(guest_maps, lists_and_names)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);
	struct ktstr_guest_map map;
	unsigned ids = 0;

	cr_assert_eq(ktstr_guest_maps(g, count, &ids, &err), 0, "%s", err.msg);
	cr_expect_eq(ids, 34, "%u: in order, until told to stop", ids);
	map = find(g, ".bss");
	cr_expect_str_eq(map.name, "mine.bss");
	cr_expect(map.type == BPF_MAP_TYPE_ARRAY && map.max_entries == 2 && map.key_size == 4);
	cr_expect_eq(ktstr_guest_map_find(g, "bss", &map, &err), -ENOENT);
	cr_expect(strstr(err.msg, "it has: mine.bss, percpu, table"), "%s", err.msg);
	put_map(&m, 0xb00, 6, BPF_MAP_TYPE_ARRAY, 1, 1, "other.bss");
	cr_expect_eq(ktstr_guest_map_find(g, ".bss", &map, &err), -ENOTUNIQ);
	cr_expect_eq(ktstr_guest_map_find(g, "mine.bss", &map, &err), 0);
	close_guest(&m, g);
}

/* A struct_ops program that uses one map. */
static void put_scheduler(struct fixture_memory *m, uint64_t map)
{
	uint64_t prog = at(PROG);

	put(m, PROG + 4, BPF_PROG_TYPE_STRUCT_OPS, 4);
	put(m, PROG + 8, at(AUX), 8);
	put(m, AUX, 1, 4);
	put(m, AUX + 8, at(USED), 8);
	put(m, USED, at(map), 8);
	fixture_put(m, 0x1808, &prog, sizeof(prog));
}

Test(guest_maps, the_scheduler_s_come_first)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);
	struct ktstr_guest_map map;

	put_map(&m, 0xb00, 6, BPF_MAP_TYPE_ARRAY, 1, 1, "other.bss");
	put_scheduler(&m, 0xb00);
	cr_expect_str_eq(find(g, ".bss").name, "other.bss");
	cr_expect_str_eq(find(g, "mine.bss").name, "mine.bss", "nobody else has that name");
	put(&m, USED, at(PERCPU), 8);
	cr_expect_eq(ktstr_guest_map_find(g, ".bss", &map, &err), -ENOENT, "%s: that of another",
		     map.name);
	put(&m, PROG + 4, BPF_PROG_TYPE_TRACING, 4);
	cr_expect_eq(ktstr_guest_map_find(g, ".bss", &map, &err), -ENOTUNIQ);
	put(&m, PROG + 4, BPF_PROG_TYPE_STRUCT_OPS, 4);
	put(&m, AUX, UINT32_MAX, 4);	/* it claims very many, and most are not mapped */
	cr_expect_str_eq(find(g, "table").name, "table");
	close_guest(&m, g);
}

Test(guest_maps, values_of_every_type)
{
	int32_t percpu[] = { 400, -500 };
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);

	for (unsigned cpu = 0; cpu < 2; cpu++)
		fixture_put(&m, fixture_cpu_page(cpu) + 0x200, &percpu[cpu], 4);
	cr_expect_eq(value_of(g, "mine.bss", 1, 0), 33);
	cr_expect_eq(value_of(g, "percpu", 0, 0), 400);
	cr_expect_eq(value_of(g, "percpu", 0, 1), -500);
	cr_expect_eq(value_of(g, "table", 7, 0), 70);
	cr_expect_eq(value_of(g, "table", 9, 0), -90);
	close_guest(&m, g);
}

static void expect_no_cell(const struct ktstr_guest *g, const char *name, uint32_t key,
			   unsigned cpu, const char *field, int code, const char *words)
{
	struct ktstr_guest_map map = find(g, name);
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_cell cell;

	cr_expect_eq(ktstr_guest_cell_find(g, &map, &key, cpu, field, &cell, &err), code,
		     "%s.%s: %s", name, field, err.msg);
	cr_expect(strstr(err.msg, words), "%s", err.msg);
}

Test(guest_maps, what_is_not_there_is_named)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);

	expect_no_cell(g, "mine.bss", 2, 0, "hits", -ENOENT, "mine.bss has no entry 2, it has 2");
	expect_no_cell(g, "percpu", 0, 2, "hits", -ENOENT, "no value for CPU 2");
	expect_no_cell(g, "table", 8, 0, "hits", -ENOENT, "no such key");
	expect_no_cell(g, "table", 7, 0, "gone", -ENOENT, "absent: table.gone");
	expect_no_cell(g, "table", 7, 0, "gone", -ENOENT, "; it has: hits, flag, next, far, low");
	expect_no_cell(g, "table", 7, 0, "hist", -ENOENT, "; did you mean hits?");
	expect_no_cell(g, "table", 7, 0, "", -EINVAL, "no number");
	expect_no_cell(g, "table", 7, 0, "next->x", -ENOENT, "absent: table.next->x");
	expect_no_cell(g, "table", 7, 0, "far", -EFAULT, "outside of the map's value");
	put_map(&m, 0xb00, 6, BPF_MAP_TYPE_QUEUE, 1, 1, "queue");
	put(&m, 0xb00 + 20, find(g, "table").value_type, 4);
	expect_no_cell(g, "queue", 0, 0, "hits", -ENOTSUP, "of type 22");
	put(&m, 0xb00 + 24, 0, 8);
	expect_no_cell(g, "queue", 0, 0, "hits", -ENOENT, "has no BTF");
	close_guest(&m, g);
}

static void expect_write(const struct ktstr_guest *g, const char *field, int64_t value, int code)
{
	struct ktstr_guest_map map = find(g, "table");
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_cell cell;
	uint32_t key = 7;

	cr_assert_eq(ktstr_guest_cell_find(g, &map, &key, 0, field, &cell, &err), 0, "%s", err.msg);
	cr_expect_eq(ktstr_guest_cell_write(g, &cell, value, &err), code, "%s = %lld: %s", field,
		     (long long)value, err.msg);
}

Test(guest_maps, stores)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);

	expect_write(g, "hits", -2000000000, 0);
	cr_expect_eq(value_of(g, "table", 7, 0), -2000000000);
	expect_write(g, "flag", 255, 0);
	cr_expect_eq(m.high[ELEM_1 + KEY + 8 + 4], 255);
	cr_expect_eq(m.high[ELEM_1 + KEY + 8 + 5], 0, "one byte, and not its neighbour");
	expect_write(g, "hits", 3000000000, -ERANGE);
	expect_write(g, "flag", 256, -ERANGE);
	expect_write(g, "flag", -1, -ERANGE);
	expect_write(g, "low", 1, -ENOTSUP);
	cr_expect_eq(value_of(g, "table", 9, 0), -90, "the neighbour is as it was");
	close_guest(&m, g);
}

/* ---- as an operation of a step ---- */

static struct ktstr_map_write_result written;

static int write_map(const struct ktstr_guest *g, struct ktstr_plan_map_write write,
		     const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_map_write(g, &write, &written, &err);

	cr_expect(strstr(err.msg, words), "%s", err.msg);
	return ret;
}

#define WRITE(...) (struct ktstr_plan_map_write){ .cpu = KTSTR_PLAN_ALL_CPUS, __VA_ARGS__ }

Test(guest_maps, operations_write)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);

	cr_expect_eq(write_map(g, WRITE(.map = ".bss", .field = "hits", .key = "1", .value = 5), ""),
		     0);
	cr_expect(written.known && written.before == 33 && written.copies == 1);
	cr_expect_str_eq(written.name, "mine.bss");
	cr_expect_eq(value_of(g, "mine.bss", 1, 0), 5);
	cr_expect_eq(write_map(g, WRITE(.map = "percpu", .field = "hits", .value = -6), ""), 0);
	cr_expect_eq(written.copies, 2);
	cr_expect(value_of(g, "percpu", 0, 0) == -6 && value_of(g, "percpu", 0, 1) == -6);
	cr_expect_eq(write_map(g, (struct ktstr_plan_map_write){ .map = "percpu", .field = "hits",
								  .value = 9, .cpu = 1 }, ""), 0);
	cr_expect(value_of(g, "percpu", 0, 0) == -6 && value_of(g, "percpu", 0, 1) == 9);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "hits", .key = "9", .value = 1), ""),
		     0);
	cr_expect(written.before == -90 && value_of(g, "table", 9, 0) == 1);
	close_guest(&m, g);
}

Test(guest_maps, operations_say_why_not)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);

	cr_expect_eq(write_map(g, WRITE(.map = "mine.bsss", .field = "hits", .value = 5),
			       "map mine.bsss, field hits, value 5: the guest has no BPF map "
			       "mine.bsss; did you mean mine.bss?"), -ENOENT);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "flg", .key = "7", .value = 1),
			       "map table, field flg, key 7, value 1: absent: table.flg (struct "
			       "value has no flg); did you mean flag?"), -ENOENT);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "hits", .key = "8"), "no such key"),
		     -ENOENT);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "hits", .key = "5000000000"),
			       "its keys have 4 bytes, 5000000000 does not fit"), -ERANGE);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "hits", .key = "words"),
			       "its keys have 4 bytes, \"words\" is longer"), -ERANGE);
	cr_expect_eq(write_map(g, WRITE(.map = "table", .field = "flag", .key = "7", .value = 300),
			       "300 does not fit into 1 bytes"), -ERANGE);
	cr_expect_eq(write_map(g, (struct ktstr_plan_map_write){ .map = "table", .field = "hits" },
			       "it is no per-CPU map"), -EINVAL);
	cr_expect_eq(written.copies, 0);
	close_guest(&m, g);
}

/* Trees and lists that lead back into themselves, sizes and pointers that make no sense. */
Test(guest_maps, hostile_maps_end, .init = cr_redirect_stderr)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct fixture_memory m;
	struct ktstr_guest *g = open_guest(&m);
	struct ktstr_guest_map map = find(g, "table");
	uint64_t address;
	uint32_t key = 8;

	put(&m, ELEM_2, at(ELEM_1), 8);
	cr_expect_eq(ktstr_guest_map_value(g, &map, &key, 0, &address, &err), -ENOENT, "%s",
		     err.msg);
	put(&m, HASH + HTAB_N, UINT32_MAX, 4);
	put(&m, HASH + HTAB_BUCKETS, 0x1234, 8);
	cr_expect_eq(ktstr_guest_map_value(g, &map, &key, 0, &address, &err), -ENOENT, "%s",
		     err.msg);
	put(&m, BTF + 8, UINT32_MAX, 4);
	expect_no_cell(g, "table", 7, 0, "hits", -EFAULT, "makes no sense");
	put(&m, BTF + 8, 64, 4);
	expect_no_cell(g, "table", 7, 0, "hits", -EFAULT, "table: its BTF is damaged: ");
	fputs("silence", stderr);
	cr_assert_stderr_eq_str("silence");	/* libbpf's words are in the message */
	for (unsigned i = 0; i < 64; i++)
		put(&m, NODE + 8 + 8 * i, at(NODE) | 2, 8);
	cr_expect_eq(ktstr_guest_map_find(g, "table", &map, &err), -ENOENT, "%s", err.msg);
	close_guest(&m, g);
}
