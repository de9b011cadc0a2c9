/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/types.h"

#include "base/text.h"

#include <bpf/btf.h>

#include <ctype.h>

#define MODIFIERS_MAX 32	/* typedef, const, ... in a row */
#define ANONYMOUS_MAX 8		/* anonymous structs in each other */
#define MEMBERS_MAX 100000	/* looked at for one name */
#define NAME_MAX_LEN 128
#define CHOICE_MAX 256		/* names that are looked at for what may have been meant */

/* Where a path has come to. */
struct walk {
	const struct btf *btf;
	const char *path;		/* the whole of it, for messages */
	const char *rest;
	uint32_t type;
	uint64_t offset;		/* since the last pointer */
	const struct btf_member *field;	/* the last member, NULL behind a pointer or an element */
	const struct btf_type *owner;	/* the struct it is in */
	uint32_t field_index;
	bool suggests;			/* the path is a user's: what may have been meant is told */
	struct ktstr_guest_path *out;
	struct ktstr_err *err;
};

/* The type below typedefs and qualifiers; NULL when there is none. */
static const struct btf_type *skip(const struct btf *btf, uint32_t *id)
{
	for (int i = 0; i < MODIFIERS_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, *id);

		if (!t)
			return NULL;
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		*id = t->type;
	}
	return NULL;
}

static const char *name_of(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

static int absent(struct walk *w, const char *fmt, const char *a, const char *b)
{
	char why[2 * NAME_MAX_LEN + 64];

	snprintf(why, sizeof(why), fmt, a, b);
	return ktstr_err_set(w->err, -ENOENT, "absent: %s (%s)", w->path, why);
}

static int bad_path(struct walk *w, const char *what)
{
	return ktstr_err_set(w->err, -EINVAL, "%s: %s at \"%s\"", w->path, what, w->rest);
}

/* ---- what may have been meant ---- */

struct choice {
	const char *names[CHOICE_MAX];
	size_t n;
};

static void add_choice(struct choice *c, const char *name)
{
	if (*name && c->n < CHOICE_MAX)
		c->names[c->n++] = name;
}

static void add_members(const struct btf *btf, const struct btf_type *t, struct choice *c, int depth)
{
	const struct btf_member *m = btf_members(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const char *name = name_of(btf, m[i].name_off);
		uint32_t type = m[i].type;
		const struct btf_type *inner = !*name && depth < ANONYMOUS_MAX ? skip(btf, &type) : NULL;

		add_choice(c, name);
		if (inner && btf_is_composite(inner) && c->n < CHOICE_MAX)
			add_members(btf, inner, c, depth + 1);
	}
}

static void add_variables(const struct btf *btf, const struct btf_type *t, struct choice *c)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);

		if (var && btf_is_var(var))
			add_choice(c, name_of(btf, var->name_off));
	}
}

/* Adds to the message the near name, or all of them, as many as it can hold. */
static int suggest(struct walk *w, const struct btf_type *t, const char *wanted)
{
	struct choice c = { .n = 0 };
	size_t used = w->err ? strlen(w->err->msg) : 0;
	const char *nearest;

	if (!w->suggests || !w->err)
		return -ENOENT;
	if (btf_is_datasec(t))
		add_variables(w->btf, t, &c);
	else
		add_members(w->btf, t, &c, 0);
	nearest = ktstr_nearest(wanted, c.names, c.n);
	if (nearest) {
		snprintf(w->err->msg + used, sizeof(w->err->msg) - used, "; did you mean %s?",
			 nearest);
		return -ENOENT;
	}
	for (size_t i = 0; i < c.n; i++) {
		snprintf(w->err->msg + used, sizeof(w->err->msg) - used, "%s%s",
			 i ? ", " : "; it has: ", c.names[i]);
		used = strlen(w->err->msg);
	}
	return -ENOENT;
}

/* ---- steps ---- */

struct search {
	const struct btf *btf;
	const char *name;
	size_t len;
	unsigned budget;
	const struct btf_type *owner;	/* found */
	uint32_t index;
	uint64_t bits;
};

static bool find_member(struct search *s, const struct btf_type *t, uint64_t bits, int depth)
{
	const struct btf_member *m = btf_members(t);

	for (uint16_t i = 0; i < btf_vlen(t) && s->budget; i++) {
		const char *name = name_of(s->btf, m[i].name_off);
		uint64_t at = bits + btf_member_bit_offset(t, i);
		uint32_t type = m[i].type;
		const struct btf_type *inner;

		s->budget--;
		if (strlen(name) == s->len && !memcmp(name, s->name, s->len)) {
			s->owner = t;
			s->index = i;
			s->bits = at;
			return true;
		}
		inner = !*name && depth < ANONYMOUS_MAX ? skip(s->btf, &type) : NULL;
		if (inner && btf_is_composite(inner) && find_member(s, inner, at, depth + 1))
			return true;
	}
	return false;
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

static int enter_member(struct walk *w, const struct btf_type *t, const char *name, size_t len)
{
	struct search s = { .btf = w->btf, .name = name, .len = len, .budget = MEMBERS_MAX };
	char wanted[NAME_MAX_LEN];

	snprintf(wanted, sizeof(wanted), "%.*s", (int)len, name);
	if (!find_member(&s, t, 0, 0)) {
		absent(w, w->suggests ? "struct %s has no %s" : "struct %s of this kernel has no %s",
		       name_of(w->btf, t->name_off), wanted);
		return suggest(w, t, wanted);
	}
	w->owner = s.owner;
	w->field_index = s.index;
	w->field = btf_members(s.owner) + s.index;
	w->type = w->field->type;
	w->offset += s.bits / 8;
	return 0;
}

/* A member of a data section: what .bss and .data of a BPF object are. */
static int enter_variable(struct walk *w, const struct btf_type *t, const char *name, size_t len)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	char wanted[NAME_MAX_LEN];

	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(w->btf, v[i].type);
		const char *is = var && btf_is_var(var) ? name_of(w->btf, var->name_off) : "";

		if (strlen(is) != len || memcmp(is, name, len))
			continue;
		w->field = NULL;
		w->type = var->type;
		w->offset += v[i].offset;
		return 0;
	}
	snprintf(wanted, sizeof(wanted), "%.*s", (int)len, name);
	absent(w, "%s has no %s", name_of(w->btf, t->name_off), wanted);
	return suggest(w, t, wanted);
}

static int step_member(struct walk *w)
{
	const struct btf_type *t = skip(w->btf, &w->type);
	const char *name = w->rest;
	size_t len = name_length(name);

	if (!len || len >= NAME_MAX_LEN)
		return bad_path(w, "a member's name was expected");
	if (t && btf_is_ptr(t))
		return bad_path(w, "a pointer comes before, which -> follows,");
	w->rest += len;
	if (t && btf_is_composite(t))
		return enter_member(w, t, name, len);
	if (t && btf_is_datasec(t))
		return enter_variable(w, t, name, len);
	return absent(w, "%s%s", "what comes before is no struct", "");
}

static int step_pointer(struct walk *w)
{
	const struct btf_type *t = skip(w->btf, &w->type);

	if (!t || !btf_is_ptr(t))
		return absent(w, "%s%s", "what comes before -> is no pointer", "");
	if (w->out->hops >= KTSTR_GUEST_PATH_HOPS)
		return bad_path(w, "too many pointers");
	if (w->offset > UINT32_MAX)
		return absent(w, "%s%s", "its offset makes no sense", "");
	w->out->offset[w->out->hops++] = (uint32_t)w->offset;
	w->offset = 0;
	w->type = t->type;
	w->field = NULL;
	return step_member(w);
}

static int step_element(struct walk *w)
{
	const struct btf_type *t = skip(w->btf, &w->type);
	char *end;
	unsigned long i = strtoul(w->rest, &end, 10);
	int64_t size;

	if (end == w->rest || *end != ']')
		return bad_path(w, "a number and ] were expected");
	if (!t || !btf_is_array(t))
		return absent(w, "%s%s", "what comes before [ is no array", "");
	if (i >= btf_array(t)->nelems)
		return absent(w, "%s%s", "the array is shorter", "");
	size = btf__resolve_size(w->btf, btf_array(t)->type);
	if (size < 0)
		return absent(w, "%s%s", "its elements have no size", "");
	w->offset += (uint64_t)size * i;
	w->type = btf_array(t)->type;
	w->field = NULL;
	w->rest = end + 1;
	return 0;
}

static int walk_steps(struct walk *w)
{
	int ret = 0;

	while (!ret && *w->rest) {
		if (*w->rest == '.') {
			w->rest++;
			ret = step_member(w);
		} else if (w->rest[0] == '-' && w->rest[1] == '>') {
			w->rest += 2;
			ret = step_pointer(w);
		} else if (*w->rest == '[') {
			w->rest++;
			ret = step_element(w);
		} else {
			ret = bad_path(w, "`.`, `->` or `[` was expected");
		}
	}
	return ret;
}

/* ---- the value at the end ---- */

static bool is_character(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = skip(btf, &id);

	return t && btf_is_int(t) && t->size == 1;
}

static void describe_bits(const struct walk *w, struct ktstr_guest_path *out)
{
	uint32_t bits = w->field ? btf_member_bitfield_size(w->owner, w->field_index) : 0;

	if (!bits)
		return;
	out->bits = (uint8_t)bits;
	out->bit_shift = (uint8_t)(btf_member_bit_offset(w->owner, w->field_index) % 8);
	out->size = (out->bit_shift + bits + 7) / 8;
}

static int describe_value(struct walk *w)
{
	uint32_t id = w->type;
	const struct btf_type *t = skip(w->btf, &id);
	int64_t size = t ? btf__resolve_size(w->btf, id) : -1;
	struct ktstr_guest_path *out = w->out;

	/* A flexible array has no size of its own; where it begins is worth knowing. */
	if (size < 0 || size > UINT32_MAX || w->offset > UINT32_MAX)
		return absent(w, "%s%s", "it has no size", "");
	out->offset[out->hops] = (uint32_t)w->offset;
	out->size = (uint32_t)size;
	out->is_number = btf_is_int(t) || btf_is_any_enum(t) || btf_is_ptr(t);
	out->is_signed = (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_SIGNED) ||
			 (btf_is_any_enum(t) && btf_kflag(t));
	out->is_text = btf_is_array(t) && is_character(w->btf, btf_array(t)->type);
	out->elements = btf_is_array(t) ? btf_array(t)->nelems : 1;
	out->there = true;
	describe_bits(w, out);
	return 0;
}

static int resolve(struct walk *w, struct ktstr_guest_path *ret_path)
{
	int ret = walk_steps(w);

	if (!ret)
		ret = describe_value(w);
	if (!ret)
		*ret_path = *w->out;
	return ret;
}

int ktstr_types_path_from(const struct btf *btf, uint32_t type, const char *name, const char *path,
			  struct ktstr_guest_path *ret_path, struct ktstr_err *err)
{
	struct ktstr_guest_path out = { 0 };
	char whole[2 * NAME_MAX_LEN];
	struct walk w = {
		.btf = btf, .path = whole, .rest = path, .type = type, .suggests = true,
		.out = &out, .err = err,
	};

	snprintf(whole, sizeof(whole), "%s%s", name, path);
	return resolve(&w, ret_path);
}

/* A struct, union or typedef of one; 0: none. The kernel has names that stand for both a function's
 * typedef and a struct, so the kinds are asked for one by one. */
static uint32_t find_type(const struct btf *btf, const char *name)
{
	static const uint32_t kinds[] = {
		BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF, BTF_KIND_ENUM, BTF_KIND_ENUM64,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int id = btf__find_by_name_kind(btf, name, kinds[i]);

		if (id > 0)
			return (uint32_t)id;
	}
	return 0;
}

int ktstr_types_path(const struct btf *btf, const char *path, struct ktstr_guest_path *ret_path,
		     struct ktstr_err *err)
{
	struct ktstr_guest_path out = { 0 };
	struct walk w = { .btf = btf, .path = path, .rest = path, .out = &out, .err = err };
	size_t len = name_length(path);
	char name[NAME_MAX_LEN];

	if (!len || len >= sizeof(name))
		return bad_path(&w, "the name of a struct was expected");
	memcpy(name, path, len);
	name[len] = '\0';
	w.type = find_type(btf, name);
	if (!w.type)
		return absent(&w, "this kernel has no struct %s%s", name, "");
	w.rest += len;
	return resolve(&w, ret_path);
}

/* ---- lists ---- */

static void list_members(const struct btf *btf, const struct btf_type *t, ktstr_guest_list_fn *fn,
			 void *ctx)
{
	const struct btf_member *m = btf_members(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++)
		fn(ctx, name_of(btf, m[i].name_off), btf_member_bit_offset(t, i) / 8);
}

static void list_constants(const struct btf *btf, const struct btf_type *t, ktstr_guest_list_fn *fn,
			   void *ctx)
{
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		if (btf_is_enum(t))
			fn(ctx, name_of(btf, btf_enum(t)[i].name_off), btf_enum(t)[i].val);
		else
			fn(ctx, name_of(btf, btf_enum64(t)[i].name_off),
			   (int64_t)btf_enum64_value(&btf_enum64(t)[i]));
	}
}

int ktstr_types_list(const struct btf *btf, const char *type, ktstr_guest_list_fn *fn, void *ctx,
		     struct ktstr_err *err)
{
	uint32_t id = find_type(btf, type);
	const struct btf_type *t = id ? skip(btf, &id) : NULL;

	if (!t || (!btf_is_composite(t) && !btf_is_any_enum(t)))
		return ktstr_err_set(err, -ENOENT,
				     "absent: %s (this kernel has no such struct or enum)", type);
	if (btf_is_composite(t))
		list_members(btf, t, fn, ctx);
	else
		list_constants(btf, t, fn, ctx);
	return 0;
}
