/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel in a guest's memory: found, read, and refused when it makes no sense. */
#include "guestmem-fixture.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "guestmem/memo.h"
#include "guestmem/types.h"

#include <ktstr/text.h>

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

/* A loop that does not end is a failure, not a hang. */
TestSuite(guestmem, .timeout = 60);

static struct ktstr_guest *open_kernel(struct fixture_memory *m, bool l5, enum fixture_form form,
				       const struct fixture_symbol *more)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g = NULL;

	fixture_memory_init(m, l5);
	fixture_kernel(m, form, more);
	cr_assert_eq(ktstr_guest_open(m->ram, 2, NULL, &g, &err), 0, "%s", err.msg);
	return g;
}

static void close_kernel(struct fixture_memory *m, struct ktstr_guest *g)
{
	ktstr_guest_close(g);
	fixture_memory_deinit(m);
}

/* ---- memory ---- */

Test(guestmem, ranges_have_ends_and_holes)
{
	struct ktstr_memory memory;
	struct fixture_memory m;

	fixture_memory_init(&m, false);
	cr_assert_eq(ktstr_memory_init(&memory, m.ram, 2, NULL), 0);
	cr_expect_eq(ktstr_memory_at(&memory, 16, 8), m.low + 16);
	cr_expect_eq(ktstr_memory_at(&memory, FIXTURE_LOW - 8, 8), m.low + FIXTURE_LOW - 8);
	cr_expect_null(ktstr_memory_at(&memory, FIXTURE_LOW - 7, 8));
	cr_expect_null(ktstr_memory_at(&memory, FIXTURE_LOW, 1));
	cr_expect_null(ktstr_memory_at(&memory, FIXTURE_HIGH_GPA - 1, 2));
	cr_expect_eq(ktstr_memory_at(&memory, FIXTURE_HIGH_GPA, 8), m.high);
	cr_expect_null(ktstr_memory_at(&memory, UINT64_MAX - 3, 8));
	cr_expect_null(ktstr_memory_at(&memory, 0, UINT64_MAX));
	cr_expect_eq(ktstr_memory_left(&memory, FIXTURE_HIGH_GPA + 8), FIXTURE_HIGH - 8);
	cr_expect_eq(ktstr_memory_left(&memory, FIXTURE_LOW), 0);
	fixture_memory_deinit(&m);
}

Test(guestmem, ranges_are_checked)
{
	struct ktstr_ram bad[] = {
		{ 0, 4096, NULL }, { 0, 0, bad }, { 1, 4096, bad }, { 0, 4097, bad }
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_memory memory;

	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(ktstr_memory_init(&memory, &bad[i], 1, &err), -EINVAL, "%zu", i);
	cr_expect_eq(ktstr_memory_init(&memory, bad, 0, &err), -EINVAL);
	cr_expect_eq(ktstr_memory_init(&memory, bad, KTSTR_MEMORY_RANGES + 1, &err), -EINVAL);
	cr_expect(strstr(err.msg, "ranges"), "%s", err.msg);
}

struct seen {
	unsigned pages;
	uint64_t last;
};

static bool see(void *ctx, uint64_t gpa, const void *page)
{
	struct seen *s = ctx;

	s->pages += *(const uint8_t *)page == 7;
	s->last = gpa;
	return false;
}

/* What was never written stays unallocated, however often it is looked for. */
Test(guestmem, scan_does_not_touch_holes)
{
	struct ktstr_memory memory;
	struct fixture_memory m;
	unsigned char there[FIXTURE_HIGH / KTSTR_PAGE];
	struct seen seen = { 0 };
	unsigned touched = 0;

	fixture_memory_init(&m, false);
	m.high[5 * KTSTR_PAGE] = 7;
	m.high[9 * KTSTR_PAGE] = 7;
	cr_assert_eq(ktstr_memory_init(&memory, m.ram, 2, NULL), 0);
	cr_expect_not(ktstr_memory_scan(&memory, see, &seen));
	cr_expect_eq(seen.pages, 2);
	cr_expect_eq(seen.last, FIXTURE_HIGH_GPA + 9 * KTSTR_PAGE);
	cr_assert_eq(mincore(m.high, FIXTURE_HIGH, there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		touched += there[i] & 1;
	cr_expect_eq(touched, 2, "%u pages", touched);
	fixture_memory_deinit(&m);
}

/* ---- page tables ---- */

static void check_walks(bool l5)
{
	uint64_t at = FIXTURE_VMALLOC, physical, left;
	struct ktstr_memory memory;
	struct fixture_memory m;
	struct ktstr_paging p;
	uint64_t word = 0;

	if (!l5)
		at = 0xffffc90000000000ull;
	fixture_memory_init(&m, l5);
	fixture_map(&m, at, 0x5000, 0);
	fixture_map(&m, at + KTSTR_PAGE, FIXTURE_HIGH_GPA + 0x1000, 0);
	fixture_map(&m, at + (2ull << 20), FIXTURE_HIGH_GPA, 1);
	fixture_map(&m, at + (1ull << 30), FIXTURE_HIGH_GPA, 2);
	fixture_put(&m, 0x5ffc, "abcd", 4);
	fixture_put(&m, FIXTURE_HIGH_GPA + 0x1000, "efgh", 4);
	cr_assert_eq(ktstr_memory_init(&memory, m.ram, 2, NULL), 0);
	p = (struct ktstr_paging){ .memory = &memory, .root = m.root, .l5 = l5 };
	cr_assert(ktstr_paging_walk(&p, at + 0x123, &physical, &left));
	cr_expect_eq(physical, 0x5123);
	cr_expect_eq(left, KTSTR_PAGE - 0x123);
	cr_assert(ktstr_paging_walk(&p, at + (2ull << 20) + 0x12345, &physical, &left));
	cr_expect_eq(physical, FIXTURE_HIGH_GPA + 0x12345);
	cr_assert(ktstr_paging_walk(&p, at + (1ull << 30) + 0x1234567, &physical, &left));
	cr_expect_eq(physical, FIXTURE_HIGH_GPA + 0x1234567);
	cr_expect_eq(left, (1ull << 30) - 0x1234567);
	cr_expect_not(ktstr_paging_walk(&p, at + 2 * KTSTR_PAGE, &physical, &left), "not mapped");
	cr_expect_not(ktstr_paging_walk(&p, 1ull << 60, &physical, &left), "not canonical");
	cr_assert(ktstr_paging_read(&p, at + KTSTR_PAGE - 4, &word, 8), "over a page border");
	cr_expect_eq(memcmp(&word, "abcdefgh", 8), 0);
	cr_expect_not(ktstr_paging_read(&p, at + 2 * KTSTR_PAGE - 4, &word, 8),
		      "half of it is not there");
	cr_expect_null(ktstr_paging_at(&p, at + KTSTR_PAGE - 4, 8), "not in one piece");
	cr_expect_null(ktstr_paging_at(&p, at + (1ull << 30) + FIXTURE_HIGH, 1),
		       "outside of memory");
	cr_assert(ktstr_paging_write(&p, at + KTSTR_PAGE - 2, "XYZW", 4));
	cr_expect_eq(memcmp(m.low + 0x5ffe, "XY", 2), 0);
	cr_expect_eq(memcmp(m.high + 0x1000, "ZW", 2), 0);
	fixture_memory_deinit(&m);
}

Test(guestmem, walks_of_four_levels) { check_walks(false); }
Test(guestmem, walks_of_five_levels) { check_walks(true); }

/* Tables that lead out of memory, and into themselves. */
Test(guestmem, hostile_tables_end)
{
	uint64_t physical, left, loop;
	struct ktstr_memory memory;
	struct fixture_memory m;
	struct ktstr_paging p;

	fixture_memory_init(&m, true);
	cr_assert_eq(ktstr_memory_init(&memory, m.ram, 2, NULL), 0);
	p = (struct ktstr_paging){ .memory = &memory, .root = m.root, .l5 = true };
	loop = m.root | 1;
	for (unsigned i = 0; i < 512; i++)
		fixture_put(&m, m.root + 8 * i, &loop, sizeof(loop));
	cr_expect(ktstr_paging_walk(&p, FIXTURE_VMALLOC, &physical, &left));
	cr_expect_eq(physical, m.root);
	loop = 0x000ffffffffff001ull;
	for (unsigned i = 0; i < 512; i++)
		fixture_put(&m, m.root + 8 * i, &loop, sizeof(loop));
	cr_expect_not(ktstr_paging_walk(&p, FIXTURE_VMALLOC, &physical, &left));
	p.root = UINT64_MAX - 4095;
	cr_expect_not(ktstr_paging_walk(&p, FIXTURE_VMALLOC, &physical, &left));
	fixture_memory_deinit(&m);
}

/* ---- the note and the symbols ---- */

static void check_symbols(enum fixture_form form, uint64_t runqueues)
{
	static const char long_name[] = "t"
					"a_name_of_more_than_one_hundred_and_twenty_seven_bytes_as_"
					"rust_makes_them_and_so_its_length_"
					"takes_two_bytes_in_the_table_of_the_kernel_xxxxxxxxxx";
	const struct fixture_symbol more[] = {
		{ long_name, FIXTURE_STEXT + 0x10 }, { "ttwice", FIXTURE_STEXT + 0x20 },
		{ "ttwice", FIXTURE_STEXT + 0x30 }, { NULL, 0 },
	};
	char name[KTSTR_SYMBOL_MAX], type;
	struct fixture_memory m;
	struct ktstr_guest *g = open_kernel(&m, true, form, more);
	uint64_t address = 0;

	cr_expect_str_eq(g->info.release, "9.8.7-test");
	cr_expect_str_eq(g->info.build_id, "0123456789abcdef");
	cr_expect_eq(ktstr_symbols_count(g->symbols), 10);
	cr_assert(ktstr_symbols_find(g->symbols, "runqueues", &address));
	cr_expect_eq(address, runqueues, "%#llx", (unsigned long long)address);
	cr_assert(ktstr_symbols_find(g->symbols, long_name + 1, &address));
	cr_expect_eq(address, FIXTURE_STEXT + 0x10);
	cr_assert(ktstr_symbols_find(g->symbols, "twice", &address));
	cr_expect_eq(address, FIXTURE_STEXT + 0x20, "the first of them");
	cr_expect_not(ktstr_symbols_find(g->symbols, "runqueue", &address));
	cr_expect_not(ktstr_symbols_find(g->symbols, "", &address));
	cr_assert(ktstr_symbols_get(g->symbols, 9, name, &type, &address));
	cr_expect_str_eq(name, "twice");
	cr_expect_eq(type, 't');
	cr_expect_eq(address, FIXTURE_STEXT + 0x30);
	cr_expect_not(ktstr_symbols_get(g->symbols, 10, name, &type, &address));
	cr_expect_eq(ktstr_guest_ops.cpu(g, runqueues, 1),
		     FIXTURE_DIRECT + fixture_cpu_page(1) + 0x100);
	cr_expect_eq(ktstr_guest_ops.cpu(g, runqueues, 2), 0);
	cr_expect_eq(ktstr_guest_ops.cpu(g, 0, 1), 0);
	close_kernel(&m, g);
}

Test(guestmem, symbols_relative_to_their_place)
{
	check_symbols(FIXTURE_PLACE, KTSTR_IMAGE_START + 0x100);
}
Test(guestmem, symbols_relative_to_a_base)
{
	check_symbols(FIXTURE_BASE, KTSTR_IMAGE_START + 0x100);
}
Test(guestmem, symbols_with_absolute_per_cpu) { check_symbols(FIXTURE_ABSOLUTE_PERCPU, 0x100); }

static void change(struct fixture_memory *m, const char *from, const char *to)
{
	uint8_t *p = memmem(m->low, FIXTURE_LOW, from, strlen(from));

	cr_assert_not_null(p, "%s", from);
	memcpy(p, to, strlen(to));
}

static void refused(const char *from, const char *to, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct fixture_memory m;
	struct ktstr_guest *g;

	fixture_memory_init(&m, true);
	fixture_kernel(&m, FIXTURE_PLACE, NULL);
	change(&m, from, to);
	cr_expect_eq(ktstr_guest_open(m.ram, 2, NULL, &g, &err), code, "%s: %s", to, err.msg);
	cr_expect(strstr(err.msg, words), "%s: %s", to, err.msg);
	fixture_memory_deinit(&m);
}

Test(guestmem, kernels_that_make_no_sense_are_refused)
{
	refused("OSRELEASE=", "OSRELEASE:", -EAGAIN, "no VMCOREINFO note");
	refused("KERNELOFFSET=", "KERNELOFFSE_=", -EAGAIN, "no VMCOREINFO note");
	refused("SYMBOL(_stext)=ffffffff8000", "SYMBOL(_stext)=ffffffff8777", -EAGAIN, "note");
	refused("NUMBER(phys_base)=0", "NUMBER(phys_base)=4", -EAGAIN, "note");
	refused("SYMBOL(kallsyms_names)", "SYMBOL(kallsyms_nam__)", -ENOENT, "does not tell where");
	refused("SYMBOL(kallsyms_names)=ffffffff8000", "SYMBOL(kallsyms_names)=0000000000001",
		-EBADMSG, "not where");
	refused("SYMBOL(kallsyms_token_index)=f", "SYMBOL(kallsyms_token_index)=1", -EBADMSG,
		"tokens");
	refused("SYMBOL(kallsyms_offsets)=f", "SYMBOL(kallsyms_offsets)=1", -EBADMSG, "offsets");
}

/* The table's own faults. */
Test(guestmem, a_symbol_table_that_breaks_off_is_refused)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct fixture_memory m;
	struct ktstr_guest *g;
	uint8_t *name;

	fixture_memory_init(&m, true);
	fixture_kernel(&m, FIXTURE_PLACE, NULL);
	name = memmem(m.low, FIXTURE_LOW, "T_stext", 7);
	cr_assert_not_null(name);
	name[-1] = 0;
	cr_expect_eq(ktstr_guest_open(m.ram, 2, NULL, &g, &err), -EBADMSG);
	cr_expect(strstr(err.msg, "breaks off at symbol 0 of 7"), "%s", err.msg);
	name[-1] = 7;
	name[3] = 'X';
	cr_expect_eq(ktstr_guest_open(m.ram, 2, NULL, &g, &err), -EBADMSG);
	cr_expect(strstr(err.msg, "no _stext"), "%s", err.msg);
	fixture_memory_deinit(&m);
}

/* ---- paths ---- */

static struct btf *types(void)
{
	uint32_t len;
	_cleanup_free_ void *raw = fixture_btf(&len);
	struct btf *btf = btf__new(raw, len);

	cr_assert_not_null(btf);
	return btf;
}

static void expect_path(const struct btf *btf, const char *text, uint32_t hops, uint32_t offset,
			uint32_t size)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path = { 0 };

	cr_assert_eq(ktstr_types_path(btf, text, &path, &err), 0, "%s", err.msg);
	cr_expect_eq(path.hops, hops, "%s: %u hops", text, path.hops);
	cr_expect_eq(path.offset[hops], offset, "%s: offset %u", text, path.offset[hops]);
	cr_expect_eq(path.size, size, "%s: size %u", text, path.size);
}

static void expect_refusal(const struct btf *btf, const char *text, int code, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path = { .size = 99 };

	cr_expect_eq(ktstr_types_path(btf, text, &path, &err), code, "%s: %s", text, err.msg);
	cr_expect(strstr(err.msg, words), "%s: %s", text, err.msg);
	cr_expect_eq(path.size, 99, "%s: written in spite of the error", text);
}

Test(guestmem, paths)
{
	struct btf *btf = types();
	struct ktstr_guest_path path;

	expect_path(btf, "top", 0, 0, 56);
	expect_path(btf, "top.cpu", 0, 0, 2);
	expect_path(btf, "top.count", 0, 4, 4);
	expect_path(btf, "top.in.nr", 0, 12, 4);
	expect_path(btf, "top.in.tag[2]", 0, 14, 1);
	expect_path(btf, "top.many", 0, 24, 24);
	expect_path(btf, "top.many[2].nr", 0, 44, 4);
	expect_path(btf, "top.head", 0, 16, 8);
	expect_path(btf, "top.head->next->name", 2, 8, 8);
	expect_path(btf, "top.b", 0, 48, 1);
	cr_assert_eq(ktstr_types_path(btf, "top.count", &path, NULL), 0);
	cr_expect(path.is_number && path.is_signed && !path.is_text);
	cr_assert_eq(ktstr_types_path(btf, "top.in.tag", &path, NULL), 0);
	cr_expect(path.is_text && !path.is_number);
	cr_assert_eq(ktstr_types_path(btf, "top.b", &path, NULL), 0);
	cr_expect(path.bit_shift == 3 && path.bits == 5);
	btf__free(btf);
}

Test(guestmem, paths_that_are_none)
{
	struct btf *btf = types();

	expect_refusal(btf, "top.gone", -ENOENT,
		       "absent: top.gone (struct top of this kernel has no gone)");
	expect_refusal(btf, "nowhere.x", -ENOENT,
		       "absent: nowhere.x (this kernel has no struct nowhere)");
	expect_refusal(btf, "top.cpu.x", -ENOENT,
		       "absent: top.cpu.x (what comes before is no struct)");
	expect_refusal(btf, "top.cpu->x", -ENOENT, "no pointer");
	expect_refusal(btf, "top.many[3]", -ENOENT, "the array is shorter");
	expect_refusal(btf, "top.cpu[0]", -ENOENT, "no array");
	expect_refusal(btf, "top.head.next", -EINVAL, "-> follows");
	expect_refusal(btf, "top.many[x]", -EINVAL, "a number and ]");
	expect_refusal(btf, "top..cpu", -EINVAL, "a member's name was expected");
	expect_refusal(btf, "top cpu", -EINVAL, "was expected at \" cpu\"");
	expect_refusal(btf, "", -EINVAL, "the name of a struct");
	expect_refusal(btf, "top.head->next->next->next->next->next->next->next", -EINVAL,
		       "too many pointers");
	btf__free(btf);
}

static void put_value(void *ctx, const char *name, int64_t value)
{
	ktstr_append(ctx, 256, "%s=%lld ", name, (long long)value);
}

Test(guestmem, lists)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct btf *btf = types();
	char text[256] = "";

	cr_assert_eq(ktstr_types_list(btf, "top", put_value, text, NULL), 0);
	cr_expect_str_eq(text, "cpu=0 count=4 in=8 head=16 many=24 a=48 b=48 ");
	text[0] = '\0';
	cr_assert_eq(ktstr_types_list(btf, "state", put_value, text, NULL), 0);
	cr_expect_str_eq(text, "STATE_NONE=0 STATE_BAD=-3 ");
	cr_expect_eq(ktstr_types_list(btf, "nowhere", put_value, text, &err), -ENOENT);
	cr_expect(strstr(err.msg, "absent: nowhere"), "%s", err.msg);
	btf__free(btf);
}

/* Types that contain themselves. */
Test(guestmem, hostile_types_end)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct btf *btf = btf__new_empty();
	struct ktstr_guest_path path;
	int loop;

	loop = btf__add_struct(btf, "loop", 8);
	for (int i = 0; i < 64; i++)
		btf__add_field(btf, NULL, loop, 0, 0);
	btf__add_typedef(btf, "circle", loop + 1);
	cr_expect_eq(ktstr_types_path(btf, "loop.x", &path, &err), -ENOENT, "%s", err.msg);
	cr_expect_eq(ktstr_types_path(btf, "circle.x", &path, &err), -ENOENT, "%s", err.msg);
	cr_expect_eq(ktstr_types_path(btf, "circle", &path, &err), -ENOENT, "%s", err.msg);
	btf__free(btf);
}

/* ---- reading ---- */

static bool number(const struct ktstr_guest *g, const char *text, uint64_t address, uint64_t *ret)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path;

	cr_assert_eq(ktstr_guest_ops.path(g, text, &path, &err), 0, "%s", err.msg);
	return ktstr_guest_ops.number(g, &path, address, ret);
}

Test(guestmem, values)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_kernel(&m, true, FIXTURE_PLACE, NULL);
	uint64_t top = ktstr_guest_ops.cpu(g, KTSTR_IMAGE_START + 0x100, 1),
		 gpa = fixture_cpu_page(1) + 0x100;
	uint64_t node = FIXTURE_DIRECT + FIXTURE_HIGH_GPA, value = 77, zero = 0,
		 wild = 0xffff777777777777ull;
	int32_t count = -5;
	uint8_t bits = 0xad;	/* b = 0x15, a = 5 */

	fixture_put(&m, gpa + 4, &count, sizeof(count));
	fixture_put(&m, gpa + 48, &bits, 1);
	fixture_put(&m, gpa + 16, &node, sizeof(node));
	fixture_put(&m, FIXTURE_HIGH_GPA + 8, &top, sizeof(top));
	cr_assert(number(g, "top.count", top, &value));
	cr_expect_eq((int64_t)value, -5);
	cr_assert(number(g, "top.a", top, &value));
	cr_expect_eq(value, 5);
	cr_assert(number(g, "top.b", top, &value));
	cr_expect_eq(value, 0x15);
	cr_assert(number(g, "top.head->name", top, &value));
	cr_expect_eq(value, top);
	value = 77;
	cr_expect_not(number(g, "top.head->next->name", top, &value), "through NULL");
	cr_expect_not(number(g, "top.many", top, &value), "no number");
	fixture_put(&m, gpa + 16, &wild, sizeof(wild));
	cr_expect_not(number(g, "top.head->name", top, &value), "through a wild pointer");
	fixture_put(&m, gpa + 16, &zero, sizeof(zero));
	cr_expect_not(number(g, "top.count", 0, &value), "of NULL");
	cr_expect_not(number(g, "top.count", 0x1000, &value), "of a user's address");
	cr_expect_eq(value, 77, "untouched");
	close_kernel(&m, g);
}

Test(guestmem, text)
{
	struct fixture_memory m;
	struct ktstr_guest *g = open_kernel(&m, true, FIXTURE_PLACE, NULL);
	uint64_t end = FIXTURE_DIRECT + FIXTURE_HIGH_GPA + FIXTURE_HIGH;
	char text[16];

	fixture_put(&m, FIXTURE_HIGH_GPA + 0xffc, "ab\x01" "defghijklmnopqrstuvw", 24);
	cr_expect(ktstr_guest_ops.text(g, FIXTURE_DIRECT + FIXTURE_HIGH_GPA + 0xffc, text,
				       sizeof(text)));
	cr_expect_str_eq(text, "ab?defghijklmno");
	cr_expect(ktstr_guest_ops.text(g, FIXTURE_DIRECT + FIXTURE_HIGH_GPA + 0xffc + 20, text,
				       sizeof(text)));
	cr_expect_str_eq(text, "uvw");
	fixture_put(&m, FIXTURE_HIGH_GPA + FIXTURE_HIGH - 2, "yz", 2);
	cr_expect_not(ktstr_guest_ops.text(g, end - 2, text, sizeof(text)),
		      "it leads out of memory");
	cr_expect_str_eq(text, "yz");
	close_kernel(&m, g);
}

/* ---- the memo ---- */

/* Opens with the memo; what is asked for is a symbol, a path and a list, and one of each that is not
 * there. */
static struct ktstr_guest *open_known(struct fixture_memory *m, const char *file, const char *id)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest *g = NULL;

	cr_assert_eq(ktstr_guest_open_known(m->ram, 2, NULL, file, id, &g, &err), 0, "%s", err.msg);
	return g;
}

/* It resolves something itself, as monitors do. */
struct counting {
	const struct ktstr_guest *g;
	int64_t sum;
};

static void count_members(void *ctx, const char *name, int64_t value)
{
	struct counting *c = ctx;
	struct ktstr_guest_path path;
	char text[64];

	snprintf(text, sizeof(text), "node.%s", name);
	cr_expect_eq(ktstr_guest_ops.path(c->g, text, &path, NULL), 0, "%s", text);
	c->sum += 1000 + value;
}

static void ask_all(const struct ktstr_guest *g)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path;
	uint64_t address = 0;
	struct counting c = { .g = g };

	cr_expect_eq(ktstr_guest_ops.symbol(g, "runqueues", &address, &err), 0);
	cr_expect_eq(address, KTSTR_IMAGE_START + 0x100, "%#llx", (unsigned long long)address);
	cr_expect_eq(ktstr_guest_ops.symbol(g, "nothing", &address, &err), -ENOENT);
	cr_expect_str_eq(err.msg, "absent: nothing (no such symbol in this kernel)");
	cr_expect_eq(ktstr_guest_ops.path(g, "inner.nr", &path, &err), 0);
	cr_expect(path.there && path.is_number && path.size == 4 && path.offset[0] == 4);
	cr_expect_eq(ktstr_guest_ops.path(g, "inner.gone", &path, &err), -ENOENT);
	cr_expect(strstr(err.msg, "absent: inner.gone (struct inner of this kernel has no gone)"), "%s",
		  err.msg);
	cr_expect_eq(ktstr_guest_ops.list(g, "node", count_members, &c, &err), 0);
	cr_expect_eq(c.sum, 2008, "%lld", (long long)c.sum);
	cr_expect_eq(ktstr_guest_ops.list(g, "none", count_members, &c, &err), -ENOENT);
}

/* A kernel, its build ID, and an empty file for the memo. */
static void make_memo(struct fixture_memory *m, char file[64], char id[64])
{
	struct ktstr_guest *g;
	int fd;

	fixture_memory_init(m, true);
	fixture_kernel(m, FIXTURE_PLACE, NULL);
	strcpy(file, "/tmp/test-guestmem-XXXXXX");
	fd = mkstemp(file);
	cr_assert(fd >= 0);
	close(fd);
	g = open_known(m, NULL, NULL);
	strcpy(id, g->info.build_id);
	cr_assert(*id);
	ask_all(g);
	ktstr_guest_close(g);
}

Test(guestmem, what_was_found_is_known)
{
	struct fixture_memory m;
	struct ktstr_guest *g;
	char file[64], id[64];

	make_memo(&m, file, id);
	for (int turn = 0; turn < 2; turn++) {
		g = open_known(&m, file, id);
		ask_all(g);
		/* An absent list is asked for again: it needs the types. */
		cr_expect_eq(!g->symbols, turn, "the table is read in the first turn only");
		cr_expect_eq(ktstr_guest_remember(g, NULL), 0);
		ktstr_guest_close(g);
	}
	g = open_known(&m, file, "0123");
	cr_expect(!g->memo && g->symbols && g->btf, "a memo of another kernel");
	ktstr_guest_close(g);
	unlink(file);
	fixture_memory_deinit(&m);
}

/* Each byte of it changed in turn, and cut off at each: then it is as if there was none. */
Test(guestmem, a_damaged_memo_is_not_believed)
{
	struct fixture_memory m;
	struct ktstr_guest *g;
	struct ktstr_buf good = { 0 };
	char file[64], id[64];

	make_memo(&m, file, id);
	g = open_known(&m, file, id);
	ask_all(g);
	cr_assert_eq(ktstr_guest_remember(g, NULL), 0);
	ktstr_guest_close(g);
	cr_assert_eq(ktstr_file_read(file, 1 << 20, &good, NULL), 0);
	for (size_t i = 0; i < good.len; i += 3) {
		struct ktstr_memo *memo;
		uint64_t address;

		good.data[i] ^= 0x11;
		cr_assert_eq(ktstr_file_write(file, good.data, good.len, 0644, NULL), 0);
		good.data[i] ^= 0x11;
		memo = ktstr_memo_open(file, id);
		cr_expect_eq(ktstr_memo_symbol(memo, "runqueues", 0, &address), 0, "byte %zu", i);
		cr_expect_eq(ktstr_memo_note(memo), 0);
		ktstr_memo_close(memo);
		cr_assert_eq(ktstr_file_write(file, good.data, i, 0644, NULL), 0);
		memo = ktstr_memo_open(file, id);
		cr_expect_eq(ktstr_memo_symbol(memo, "runqueues", 0, &address), 0, "%zu bytes", i);
		ktstr_memo_close(memo);
	}
	unlink(file);
	ktstr_buf_free(&good);
	fixture_memory_deinit(&m);
}
