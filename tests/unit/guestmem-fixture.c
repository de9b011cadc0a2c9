/* SPDX-License-Identifier: GPL-2.0-only */
#undef NDEBUG
#include "guestmem-fixture.h"

#include <ktstr/text.h>

#include <assert.h>
#include <bpf/btf.h>
#include <sys/mman.h>
#include <unistd.h>

#define PRESENT 0x3ull
#define LARGE 0x80ull

static void *fresh(size_t bytes)
{
	int fd = memfd_create("fixture", MFD_CLOEXEC);
	void *map;

	assert(fd >= 0 && !ftruncate(fd, (off_t)bytes));
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert(map != MAP_FAILED);
	close(fd);
	return map;
}

void fixture_memory_init(struct fixture_memory *m, bool l5)
{
	*m = (struct fixture_memory){ .l5 = l5, .next = KTSTR_PAGE };
	m->low = fresh(FIXTURE_LOW);
	m->high = fresh(FIXTURE_HIGH);
	m->ram[0] = (struct ktstr_ram){ 0, FIXTURE_LOW, m->low };
	m->ram[1] = (struct ktstr_ram){ FIXTURE_HIGH_GPA, FIXTURE_HIGH, m->high };
	fixture_page(m);	/* _stext */
	m->root = fixture_page(m);
}

void fixture_memory_deinit(struct fixture_memory *m)
{
	munmap(m->low, FIXTURE_LOW);
	munmap(m->high, FIXTURE_HIGH);
}

uint64_t fixture_page(struct fixture_memory *m)
{
	uint64_t gpa = m->next;

	m->next += KTSTR_PAGE;
	assert(m->next <= FIXTURE_LOW);
	return gpa;
}

void fixture_put(struct fixture_memory *m, uint64_t gpa, const void *data, size_t len)
{
	uint8_t *to = gpa >= FIXTURE_HIGH_GPA ? m->high + (gpa - FIXTURE_HIGH_GPA) : m->low + gpa;

	memcpy(to, data, len);
}

void fixture_map(struct fixture_memory *m, uint64_t address, uint64_t gpa, int level)
{
	uint64_t table = m->root;

	for (int at = m->l5 ? 4 : 3;; at--) {
		uint64_t *entry = (uint64_t *)(m->low + table) + (address >> (12 + 9 * at) & 511);

		if (at == level) {
			*entry = gpa | PRESENT | (level ? LARGE : 0) | 1ull << 63;	/* NX */
			return;
		}
		if (!(*entry & PRESENT))
			*entry = fixture_page(m) | PRESENT;
		table = *entry & 0x000ffffffffff000ull;
	}
}

uint64_t fixture_image_address(uint64_t gpa)
{
	return KTSTR_IMAGE_START + gpa;
}

uint64_t fixture_cpu_page(unsigned cpu)
{
	return FIXTURE_HIGH_GPA + 0x3000 + cpu * 0x2000ull;
}

/* ---- symbols ---- */

struct table {
	struct ktstr_buf names, offsets;
	uint64_t offsets_at, base;
	enum fixture_form form;
	uint32_t n;
};

/* Token 0 stands for "cpu", 1 for "run"; all other bytes for themselves. */
static void add_name(struct ktstr_buf *names, const char *name)
{
	struct ktstr_buf packed = { 0 };

	while (*name) {
		if (!strncmp(name, "cpu", 3) || !strncmp(name, "run", 3)) {
			ktstr_put_byte(&packed, *name == 'r');
			name += 3;
		} else {
			ktstr_put_byte(&packed, (uint8_t)*name++);
		}
	}
	if (packed.len > 127)
		ktstr_put_byte(names, (uint8_t)(0x80 | (packed.len & 0x7f)));
	ktstr_put_byte(names, (uint8_t)(packed.len > 127 ? packed.len >> 7 : packed.len));
	ktstr_buf_add(names, packed.data, packed.len);
	ktstr_buf_free(&packed);
}

static void add_symbol(struct table *t, const struct fixture_symbol *s)
{
	uint32_t offset = (uint32_t)(s->address - t->base);

	if (t->form == FIXTURE_PLACE)
		offset = (uint32_t)(s->address - (t->offsets_at + t->offsets.len));
	else if (t->form == FIXTURE_ABSOLUTE_PERCPU)
		offset = s->address < 1 << 20 ? (uint32_t)s->address
					      : (uint32_t)(t->base - 1 - s->address);
	add_name(&t->names, s->name);
	ktstr_buf_add(&t->offsets, &offset, sizeof(offset));
	t->n++;
}

static uint64_t put_tokens(struct fixture_memory *m, uint64_t *ret_index)
{
	uint64_t page = fixture_page(m), index = page + 0xa00;
	uint16_t at = 0;

	for (unsigned token = 0; token < 256; token++) {
		char text[4] = { (char)token };

		if (token < 2)
			strcpy(text, token ? "run" : "cpu");
		fixture_put(m, index + 2 * token, &at, sizeof(at));
		fixture_put(m, page + at, text, strlen(text) + 1);
		at = (uint16_t)(at + strlen(text) + 1);
	}
	*ret_index = index;
	return page;
}

static void put_note(struct fixture_memory *m, const struct table *t)
{
	uint64_t page = fixture_page(m), words = fixture_page(m), names = fixture_page(m), index,
		 tokens;
	char text[KTSTR_PAGE] = "";

	tokens = put_tokens(m, &index);
	fixture_put(m, words, &t->n, sizeof(t->n));
	fixture_put(m, words + 8, &t->base, sizeof(t->base));
	assert(t->names.len <= KTSTR_PAGE && t->offsets.len <= KTSTR_PAGE);
	fixture_put(m, names, t->names.data, t->names.len);
	fixture_put(m, t->offsets_at - KTSTR_IMAGE_START, t->offsets.data, t->offsets.len);
	snprintf(text, sizeof(text),
		 "OSRELEASE=9.8.7-test\nBUILD-ID=0123456789abcdef\nPAGESIZE=4096\n"
		 "SYMBOL(swapper_pg_dir)=%llx\nSYMBOL(_stext)=%llx\nNUMBER(phys_base)=0\n"
		 "NUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=0\nSYMBOL(kallsyms_names)=%llx\n"
		 "SYMBOL(kallsyms_num_syms)=%llx\nSYMBOL(kallsyms_token_table)=%llx\n"
		 "SYMBOL(kallsyms_token_index)=%llx\nSYMBOL(kallsyms_offsets)=%llx\n",
		 (unsigned long long)fixture_image_address(m->root), FIXTURE_STEXT, m->l5,
		 (unsigned long long)fixture_image_address(names),
		 (unsigned long long)fixture_image_address(words),
		 (unsigned long long)fixture_image_address(tokens),
		 (unsigned long long)fixture_image_address(index),
		 (unsigned long long)t->offsets_at);
	if (t->form != FIXTURE_PLACE)
		ktstr_append(text, sizeof(text), "SYMBOL(kallsyms_relative_base)=%llx\n",
			     (unsigned long long)fixture_image_address(words + 8));
	fixture_put(m, page, text, strlen(text));
}

void fixture_kernel(struct fixture_memory *m, enum fixture_form form,
		    const struct fixture_symbol *more)
{
	uint64_t variables = fixture_page(m), types = fixture_page(m), direct = FIXTURE_DIRECT;
	uint32_t cpus = FIXTURE_CPUS, len;
	void *btf = fixture_btf(&len);
	const struct fixture_symbol own[] = {
		{ "T_stext", FIXTURE_STEXT },
		{ "Dpage_offset_base", fixture_image_address(variables) },
		{ "Dnr_cpu_ids", fixture_image_address(variables + 8) },
		{ "D__per_cpu_offset", fixture_image_address(variables + 16) },
		{ "Arunqueues", 0x100 + (form == FIXTURE_ABSOLUTE_PERCPU ? 0 : KTSTR_IMAGE_START) },
		{ "D__start_BTF", fixture_image_address(types) },
		{ "D__stop_BTF", fixture_image_address(types) + len },
	};
	struct table t = {
		.form = form, .offsets_at = fixture_image_address(fixture_page(m)),
		.base = KTSTR_IMAGE_START,
	};
	uint64_t first = form == FIXTURE_ABSOLUTE_PERCPU ? 0 : KTSTR_IMAGE_START;

	fixture_map(m, FIXTURE_STEXT, 0x1000, 0);
	fixture_put(m, variables, &direct, sizeof(direct));
	fixture_put(m, variables + 8, &cpus, sizeof(cpus));
	for (unsigned cpu = 0; cpu < FIXTURE_CPUS; cpu++) {
		uint64_t offset = FIXTURE_DIRECT + fixture_cpu_page(cpu) - first;

		fixture_put(m, variables + 16 + 8 * cpu, &offset, sizeof(offset));
	}
	assert(len <= KTSTR_PAGE);
	fixture_put(m, types, btf, len);
	free(btf);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		add_symbol(&t, &own[i]);
	for (; more && more->name; more++)
		add_symbol(&t, more);
	put_note(m, &t);
	ktstr_buf_free(&t.names);
	ktstr_buf_free(&t.offsets);
}

/* ---- types ---- */

void *fixture_btf(uint32_t *ret_len)
{
	struct btf *b = btf__new_empty();
	int i32 = btf__add_int(b, "int", 4, BTF_INT_SIGNED),
	    u32 = btf__add_int(b, "unsigned int", 4, 0);
	int i16 = btf__add_int(b, "short", 2, BTF_INT_SIGNED),
	    i8 = btf__add_int(b, "char", 1, BTF_INT_CHAR);
	int counter = btf__add_typedef(b, "counter_t", btf__add_const(b, i32));
	int tag = btf__add_array(b, u32, i8, 4);
	int text = btf__add_ptr(b, btf__add_const(b, i8));
	int either, inner_parts, inner, node, node_ptr, many;
	const void *raw;
	void *copy;

	either = btf__add_union(b, NULL, 4);
	btf__add_field(b, "nr", u32, 0, 0);
	btf__add_field(b, "tag", tag, 0, 0);
	inner_parts = btf__add_struct(b, NULL, 8);
	btf__add_field(b, "depth", i32, 0, 0);
	btf__add_field(b, NULL, either, 32, 0);
	inner = btf__add_struct(b, "inner", 8);
	btf__add_field(b, NULL, inner_parts, 0, 0);
	node = btf__add_struct(b, "node", 16);
	node_ptr = node + 1;
	btf__add_field(b, "next", node_ptr, 0, 0);
	btf__add_field(b, "name", text, 64, 0);
	assert(btf__add_ptr(b, node) == node_ptr);
	many = btf__add_array(b, u32, inner, 3);
	btf__add_struct(b, "top", 56);
	btf__add_field(b, "cpu", i16, 0, 0);
	btf__add_field(b, "count", counter, 32, 0);
	btf__add_field(b, "in", inner, 64, 0);
	btf__add_field(b, "head", node_ptr, 128, 0);
	btf__add_field(b, "many", many, 192, 0);
	btf__add_field(b, "a", u32, 384, 3);
	btf__add_field(b, "b", u32, 387, 5);
	btf__add_enum(b, "state", 4);
	btf__add_enum_value(b, "STATE_NONE", 0);
	btf__add_enum_value(b, "STATE_BAD", -3);
	raw = btf__raw_data(b, ret_len);
	copy = malloc(*ret_len);
	assert(raw && copy);
	memcpy(copy, raw, *ret_len);
	btf__free(b);
	return copy;
}
