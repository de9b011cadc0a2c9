/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/memo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/vec.h"
#include "guestmem/paging.h"

#define FORMAT 1
#define FILE_MAX (4u << 20)
#define HASH_SIZE 8		/* in front of the fields */

enum kind { SYMBOL, PATH, LIST };

struct item {
	char *name;
	int64_t value;
};

struct ktstr_memo_entry {
	enum kind kind;
	char *name, *why;	/* why: of what is not there */
	int code;		/* 0: it is there */
	bool relative;		/* a symbol of the image, which KASLR moves: `address` counts from _stext */
	uint64_t address;
	struct ktstr_guest_path path;
	KTSTR_VEC(struct item) items;
	bool partial;		/* a list that is not whole, or turned out not to be there: as good as none */
};

struct ktstr_memo {
	char *file, build_id[64];
	KTSTR_VEC(struct ktstr_memo_entry *) entries;
	uint64_t note;
	bool changed;
};

/* ---- entries ---- */

static void entry_destroy(struct ktstr_memo_entry *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->items.n; i++)
		free(e->items.items[i].name);
	ktstr_vec_free(&e->items);
	free(e->name);
	free(e->why);
	free(e);
}

static void drop_all(struct ktstr_memo *m)
{
	for (size_t i = 0; i < m->entries.n; i++)
		entry_destroy(m->entries.items[i]);
	m->entries.n = 0;
	m->note = 0;
}

static const struct ktstr_memo_entry *find(const struct ktstr_memo *m, enum kind kind, const char *name)
{
	for (size_t i = 0; i < m->entries.n; i++)
		if (m->entries.items[i]->kind == kind && !m->entries.items[i]->partial &&
		    !strcmp(m->entries.items[i]->name, name))
			return m->entries.items[i];
	return NULL;
}

/* NULL when memory is out. */
static struct ktstr_memo_entry *add(struct ktstr_memo *m, enum kind kind, const char *name, int code,
			 const char *why)
{
	struct ktstr_memo_entry *e = calloc(1, sizeof(*e)), **slot;

	if (!e)
		return NULL;
	e->kind = kind;
	e->code = code;
	e->name = strdup(name);
	e->why = strdup(why ? why : "");
	slot = e->name && e->why ? ktstr_vec_add(&m->entries) : NULL;
	if (slot) {
		*slot = e;
		m->changed = true;
		return e;
	}
	entry_destroy(e);
	return NULL;
}

static int known(const struct ktstr_memo_entry *e, struct ktstr_err *err)
{
	if (!e)
		return 0;
	return e->code ? ktstr_err_set(err, e->code, "%s", e->why) : 1;
}

int ktstr_memo_symbol(const struct ktstr_memo *m, const char *name, uint64_t stext, uint64_t *ret)
{
	const struct ktstr_memo_entry *e = find(m, SYMBOL, name);
	int r = known(e, NULL);

	if (r > 0)
		*ret = e->relative ? e->address + stext : e->address;
	return r;
}

void ktstr_memo_put_symbol(struct ktstr_memo *m, const char *name, uint64_t stext, bool there,
			   uint64_t address)
{
	struct ktstr_memo_entry *e = add(m, SYMBOL, name, there ? 0 : -ENOENT, NULL);

	if (!e || !there)
		return;
	e->relative = address >= KTSTR_IMAGE_START;
	e->address = e->relative ? address - stext : address;
}

int ktstr_memo_path(const struct ktstr_memo *m, const char *text, struct ktstr_guest_path *ret,
		    struct ktstr_err *err)
{
	const struct ktstr_memo_entry *e = find(m, PATH, text);
	int r = known(e, err);

	if (r > 0)
		*ret = e->path;
	return r;
}

void ktstr_memo_put_path(struct ktstr_memo *m, const char *text, int code, const char *why,
			 const struct ktstr_guest_path *path)
{
	struct ktstr_memo_entry *e = add(m, PATH, text, code, why);

	if (e && !code)
		e->path = *path;
}

int ktstr_memo_list(const struct ktstr_memo *m, const char *type, ktstr_guest_list_fn *fn,
		    void *ctx, struct ktstr_err *err)
{
	const struct ktstr_memo_entry *e = find(m, LIST, type);
	int r = known(e, err);

	for (size_t i = 0; r > 0 && i < e->items.n; i++)
		fn(ctx, e->items.items[i].name, e->items.items[i].value);
	return r;
}

struct ktstr_memo_entry *ktstr_memo_put_list(struct ktstr_memo *m, const char *type)
{
	return add(m, LIST, type, 0, NULL);
}

void ktstr_memo_put_item(struct ktstr_memo_entry *e, const char *name, int64_t value)
{
	struct item *item = e ? ktstr_vec_add(&e->items) : NULL;

	if (item)
		*item = (struct item){ strdup(name), value };
	if (e && (!item || !item->name))
		e->partial = true;
}

void ktstr_memo_end_list(struct ktstr_memo_entry *e, bool there)
{
	if (e && !there)
		e->partial = true;
}

uint64_t ktstr_memo_note(const struct ktstr_memo *m)
{
	return m->note;
}

void ktstr_memo_put_note(struct ktstr_memo *m, uint64_t gpa)
{
	m->changed |= m->note != gpa;
	m->note = gpa;
}

/* ---- the file ---- */

/* FNV-1a: against damage, not against malice. */
static uint64_t hash(const uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; len; len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "size", offsetof(struct ktstr_guest_path, size) },
	{ "hops", offsetof(struct ktstr_guest_path, hops) },
	{ "elements", offsetof(struct ktstr_guest_path, elements) },
};

enum { IS_NUMBER = 1, IS_SIGNED = 2, IS_TEXT = 4 };

static void put_path(struct ktstr_buf *b, const struct ktstr_guest_path *p)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(numbers); i++)
		ktstr_put_u64(b, numbers[i].key,
			      *(const uint32_t *)((const char *)p + numbers[i].offset));
	ktstr_put_array(b, "offset");
	for (size_t i = 0; i <= p->hops; i++)
		ktstr_put_u64(b, NULL, p->offset[i]);
	ktstr_put_end(b);
	ktstr_put_u64(b, "bits", p->bits);
	ktstr_put_u64(b, "bit_shift", p->bit_shift);
	ktstr_put_u64(b, "is", (p->is_number ? IS_NUMBER : 0u) | (p->is_signed ? IS_SIGNED : 0u) |
		      (p->is_text ? IS_TEXT : 0u));
}

static void put_entry(struct ktstr_buf *b, const struct ktstr_memo_entry *e)
{
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "kind", e->kind);
	ktstr_put_str(b, "name", e->name);
	ktstr_put_s64(b, "code", e->code);
	ktstr_put_str(b, "why", e->why);
	ktstr_put_bool(b, "relative", e->relative);
	ktstr_put_u64(b, "address", e->address);
	if (e->kind == PATH && !e->code)
		put_path(b, &e->path);
	ktstr_put_array(b, "items");
	for (size_t i = 0; i < e->items.n; i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "name", e->items.items[i].name);
		ktstr_put_s64(b, "value", e->items.items[i].value);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
}

int ktstr_memo_save(struct ktstr_memo *m, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	uint64_t sum = 0;

	if (!m->changed)
		return 0;
	ktstr_buf_add(&b, &sum, HASH_SIZE);
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "format", FORMAT);
	ktstr_put_str(&b, "build_id", m->build_id);
	ktstr_put_u64(&b, "note", m->note);
	ktstr_put_array(&b, "entries");
	for (size_t i = 0; i < m->entries.n; i++)
		if (!m->entries.items[i]->partial)
			put_entry(&b, m->entries.items[i]);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	if (b.failed)
		return ktstr_err_nomem(err);
	sum = hash(b.data + HASH_SIZE, b.len - HASH_SIZE);
	memcpy(b.data, &sum, HASH_SIZE);
	m->changed = false;
	return ktstr_file_write(m->file, b.data, b.len, 0644, err);
}

/* ---- reading it ---- */

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static bool get_offsets(const struct ktstr_fields *f, struct ktstr_guest_path *p)
{
	struct ktstr_fields it;
	struct ktstr_field o;

	if (!ktstr_get_sub(f, "offset", &it))
		return false;
	for (size_t i = 0; i <= p->hops; i++) {
		if (!ktstr_item_next(&it, &o) || o.type != KTSTR_FIELD_U64 || o.u64 > UINT32_MAX)
			return false;
		p->offset[i] = (uint32_t)o.u64;
	}
	return true;
}

static bool get_path(const struct ktstr_fields *f, struct ktstr_guest_path *p)
{
	uint64_t is = number(f, "is"), bits = number(f, "bits"), shift = number(f, "bit_shift");

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(numbers); i++) {
		uint64_t n = number(f, numbers[i].key);

		if (n > UINT32_MAX)
			return false;
		*(uint32_t *)((char *)p + numbers[i].offset) = (uint32_t)n;
	}
	if (p->hops > KTSTR_GUEST_PATH_HOPS || bits > 64 || shift > 7)
		return false;
	p->bits = (uint8_t)bits;
	p->bit_shift = (uint8_t)shift;
	p->is_number = is & IS_NUMBER;
	p->is_signed = is & IS_SIGNED;
	p->is_text = is & IS_TEXT;
	p->there = true;
	return get_offsets(f, p);
}

static bool get_items(struct ktstr_memo_entry *e, const struct ktstr_fields *f)
{
	struct ktstr_fields it;
	struct ktstr_field item;
	char name[256];
	int64_t value;

	if (!ktstr_get_sub(f, "items", &it))
		return false;
	while (ktstr_item_next(&it, &item)) {
		if (item.type != KTSTR_FIELD_MAP ||
		    !ktstr_get_cstr(&item.sub, "name", name, sizeof(name)) ||
		    !ktstr_get_s64(&item.sub, "value", &value))
			return false;
		ktstr_memo_put_item(e, name, value);
	}
	return !e->partial;
}

static bool get_entry(struct ktstr_memo *m, const struct ktstr_fields *f)
{
	uint64_t kind = number(f, "kind");
	char name[512], why[KTSTR_ERR_MAX];
	int64_t code;
	struct ktstr_memo_entry *e;

	if (kind > LIST || !ktstr_get_cstr(f, "name", name, sizeof(name)) ||
	    !ktstr_get_cstr(f, "why", why, sizeof(why)) || !ktstr_get_s64(f, "code", &code) ||
	    code > 0 || code < -4095)
		return false;
	e = add(m, (enum kind)kind, name, (int)code, why);
	if (!e)
		return false;
	ktstr_get_bool(f, "relative", &e->relative);
	e->address = number(f, "address");
	return (kind != PATH || code || get_path(f, &e->path)) && get_items(e, f);
}

/* False when it is not all good: then none of it counts. */
static bool decode(struct ktstr_memo *m, const struct ktstr_buf *b)
{
	struct ktstr_fields f, entries;
	struct ktstr_field entry;
	char build_id[sizeof(m->build_id)];
	uint64_t sum;

	if (b->len < HASH_SIZE)
		return false;
	memcpy(&sum, b->data, HASH_SIZE);
	if (sum != hash(b->data + HASH_SIZE, b->len - HASH_SIZE) ||
	    !ktstr_fields_parse(b->data + HASH_SIZE, b->len - HASH_SIZE, &f) ||
	    number(&f, "format") != FORMAT ||
	    !ktstr_get_cstr(&f, "build_id", build_id, sizeof(build_id)) ||
	    strcmp(build_id, m->build_id) || !ktstr_get_sub(&f, "entries", &entries))
		return false;
	while (ktstr_item_next(&entries, &entry))
		if (entry.type != KTSTR_FIELD_MAP || !get_entry(m, &entry.sub))
			return false;
	m->note = number(&f, "note");
	return true;
}

struct ktstr_memo *ktstr_memo_open(const char *path, const char *build_id)
{
	struct ktstr_memo *m = calloc(1, sizeof(*m));
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	if (!m)
		return NULL;
	snprintf(m->build_id, sizeof(m->build_id), "%s", build_id);
	m->file = strdup(path);
	if (!m->file) {
		free(m);
		return NULL;
	}
	if (ktstr_file_read(path, FILE_MAX, &b, NULL) || !decode(m, &b))
		drop_all(m);
	m->changed = false;
	return m;
}

void ktstr_memo_close(struct ktstr_memo *m)
{
	if (!m)
		return;
	drop_all(m);
	ktstr_vec_free(&m->entries);
	free(m->file);
	free(m);
}
