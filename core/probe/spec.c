/* SPDX-License-Identifier: GPL-2.0-only */
#include "probe/spec.h"

#include "base/vec.h"
#include "guestmem/types.h"

#include <bpf/btf.h>

#define TYPE_DEPTH 16		/* typedefs, qualifiers and pointers in a row */
#define MASK_BYTES 32		/* of a cpumask: 256 CPUs */

static const char *const form_names[KTSTR_FORMS] = {
	"unsigned", "signed", "bool", "hex", "text", "mask", "pointer", "enum", "flags",
};

const char *ktstr_form_name(enum ktstr_form form)
{
	return form_names[form];
}

enum ktstr_form ktstr_form_parse(struct ktstr_str name)
{
	unsigned i = 0;

	while (i < KTSTR_FORMS && !ktstr_str_is(name, form_names[i]))
		i++;
	return i;
}

/* ---- types in words ---- */

static const char *name_at(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

/* Cut to size. */
static void join(char *buf, size_t size, const char *a, const char *b)
{
	size_t n = strlen(a);

	if (n > size - 1)
		n = size - 1;
	memmove(buf, a, n);
	snprintf(buf + n, size - n, "%.*s", (int)(size - n - 1), b);
}

/* "const struct cpumask *". What is deeper than it should be is cut short. */
static void name_type(const struct btf *btf, uint32_t id, int depth, char *buf, size_t size)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	char inner[128];
	const char *keyword;

	if (!t || depth > TYPE_DEPTH || !id) {
		snprintf(buf, size, "void");
		return;
	}
	if (btf_is_ptr(t)) {
		const struct btf_type *to = btf__type_by_id(btf, t->type);

		if (to && btf_is_func_proto(to)) {
			snprintf(buf, size, "function *");
			return;
		}
		name_type(btf, t->type, depth + 1, inner, sizeof(inner));
		join(buf, size, inner, inner[strlen(inner) - 1] == '*' ? "*" : " *");
		return;
	}
	if (btf_is_const(t) || btf_is_volatile(t) || btf_is_restrict(t) || btf_is_type_tag(t)) {
		name_type(btf, t->type, depth + 1, inner, sizeof(inner));
		join(buf, size, btf_is_const(t) ? "const " : "", inner);
		return;
	}
	keyword = btf_is_struct(t) ? "struct " : btf_is_union(t) ? "union " :
		  btf_is_any_enum(t) ? "enum " : btf_is_fwd(t) ? "struct " : "";
	snprintf(buf, size, "%s%s", keyword, name_at(btf, t->name_off));
}

/* Below typedefs and qualifiers. */
static const struct btf_type *bare(const struct btf *btf, uint32_t *id)
{
	for (int i = 0; i < TYPE_DEPTH; i++) {
		const struct btf_type *t = btf__type_by_id(btf, *id);

		if (!t || (!btf_is_mod(t) && !btf_is_typedef(t)))
			return t;
		*id = t->type;
	}
	return NULL;
}

static bool is_char(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = bare(btf, &id);

	return t && btf_is_int(t) && t->size == 1 && !(btf_int_encoding(t) & BTF_INT_BOOL);
}

/* ---- building ---- */

struct build {
	struct ktstr_spec *spec;
	size_t used;			/* bytes of the event's data */
	uint8_t param;
};

/* Room for one more value; NULL when the event is full. */
static struct ktstr_capture *add_item(struct build *b, const char *name, enum ktstr_form form,
				      const char *enumeration, size_t bytes)
{
	struct ktstr_spec *s = b->spec;
	size_t room = (bytes + 7) / 8 * 8;
	struct ktstr_probe_item *item;
	struct ktstr_capture *c;

	/* The executor has one bound for all: behind every place there is room for the longest text. */
	if (s->bpf.n_captures == KTSTR_PROBE_CAPTURES || bytes > KTSTR_PROBE_TEXT || !bytes ||
	    b->used + room > KTSTR_PROBE_DATA || b->used > KTSTR_PROBE_DATA - KTSTR_PROBE_TEXT)
		return NULL;
	item = &s->items[s->bpf.n_captures];
	c = &s->bpf.captures[s->bpf.n_captures++];
	snprintf(item->name, sizeof(item->name), "%s", name);
	snprintf(item->enumeration, sizeof(item->enumeration), "%s", enumeration ? enumeration : "");
	item->param = b->param;
	item->form = form;
	c->arg = b->param;
	c->size = (uint8_t)bytes;
	c->kind = form == KTSTR_FORM_TEXT ? KTSTR_CAPTURE_TEXT : KTSTR_CAPTURE_BYTES;
	c->at = (uint16_t)b->used;
	b->used += room;
	return c;
}

static enum ktstr_form form_of(const struct btf *btf, uint32_t id, const char **ret_enum)
{
	const struct btf_type *t = bare(btf, &id);

	if (!t)
		return KTSTR_FORM_HEX;
	if (btf_is_ptr(t))
		return KTSTR_FORM_POINTER;
	if (btf_is_any_enum(t)) {
		*ret_enum = name_at(btf, t->name_off);
		return **ret_enum ? KTSTR_FORM_ENUM : KTSTR_FORM_SIGNED;
	}
	if (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_BOOL)
		return KTSTR_FORM_BOOL;
	return btf_is_int(t) && btf_int_encoding(t) & BTF_INT_SIGNED ? KTSTR_FORM_SIGNED : KTSTR_FORM_UNSIGNED;
}

/* A value at the end of a resolved way. */
static void add_path(struct build *b, const struct ktstr_guest_path *path, const char *name,
		     enum ktstr_form form, const char *enumeration)
{
	bool behind = form == KTSTR_FORM_TEXT && !path->is_text;	/* char *: one pointer more */
	unsigned hops = path->hops + behind;
	size_t bytes = path->size;
	struct ktstr_capture *c;

	if (form == KTSTR_FORM_TEXT)
		bytes = behind || bytes > KTSTR_PROBE_TEXT ? KTSTR_PROBE_TEXT : bytes;
	if (form == KTSTR_FORM_MASK && (bytes > MASK_BYTES || !bytes))
		bytes = MASK_BYTES;
	if (path->bits || hops > KTSTR_PROBE_HOPS)
		return;
	if (form != KTSTR_FORM_TEXT && form != KTSTR_FORM_MASK && bytes > 8)
		return;
	c = add_item(b, name, form, enumeration, bytes);
	if (!c)
		return;
	c->hops = (uint8_t)hops;
	for (unsigned i = 0; i <= path->hops; i++)
		c->offset[i] = path->offset[i];
}

static void add_known(struct build *b, const struct btf *kernel, uint32_t type,
		      const struct ktstr_spec_field *fields)
{
	for (const struct ktstr_spec_field *f = fields; f->path; f++) {
		struct ktstr_err absent = KTSTR_ERR_INIT;
		struct ktstr_guest_path path;
		enum ktstr_form form = f->form;

		if (ktstr_types_path_from(kernel, type, "", f->path, &path, &absent))
			continue;
		if (!f->form_is_given)
			form = path.is_text ? KTSTR_FORM_TEXT :
			       path.is_signed ? KTSTR_FORM_SIGNED : KTSTR_FORM_UNSIGNED;
		add_path(b, &path, f->name ? f->name : f->path + 1, form, f->enumeration);
	}
}

/* The numbers and the text that a struct has at its first level. */
static void add_members(struct build *b, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		struct ktstr_guest_path path = { .there = true };
		const char *name = name_at(btf, m[i].name_off), *enumeration = NULL;
		uint32_t id = m[i].type;
		const struct btf_type *type = bare(btf, &id);
		int64_t size = type ? btf__resolve_size(btf, id) : -1;
		enum ktstr_form form;

		if (!*name || size <= 0 || size > UINT32_MAX || btf_member_bitfield_size(t, i))
			continue;
		path.offset[0] = btf_member_bit_offset(t, i) / 8;
		path.size = (uint32_t)size;
		path.is_text = btf_is_array(type) && is_char(btf, btf_array(type)->type);
		if (!path.is_text && (btf_is_composite(type) || btf_is_array(type)))
			continue;
		form = path.is_text ? KTSTR_FORM_TEXT : form_of(btf, id, &enumeration);
		add_path(b, &path, name, form, enumeration);
	}
}

static uint32_t find_struct(const struct btf *btf, const char *name)
{
	int id = btf && *name ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -1;

	return id > 0 ? (uint32_t)id : 0;
}

static void add_pointee(struct build *b, const struct btf *btf, uint32_t id, const struct btf *kernel)
{
	const struct btf_type *t = bare(btf, &id);
	const char *name = t ? name_at(btf, t->name_off) : "";
	const struct ktstr_spec_field *fields = ktstr_spec_fields(name);
	uint32_t known = fields || btf != kernel ? find_struct(kernel, name) : 0;

	if (known && fields)
		add_known(b, kernel, known, fields);
	else if (known)
		add_members(b, kernel, btf__type_by_id(kernel, known));
	else if (t && btf_is_composite(t))
		add_members(b, btf, t);
	if (known && !strcmp(name, "task_struct") && b->spec->bpf.task == KTSTR_NO_TASK) {
		b->spec->bpf.task = b->param;
		for (unsigned i = 0; i < b->spec->bpf.n_captures; i++)
			if (b->spec->items[i].param == b->param && !strcmp(b->spec->items[i].name, "pid"))
				b->spec->bpf.pid = (uint8_t)i;
	}
}

static void add_param(struct build *b, const struct btf *btf, const struct btf_param *param,
		      const struct btf *kernel)
{
	struct ktstr_probe_param *p = &b->spec->params[b->param];
	uint32_t id = param->type;
	const struct btf_type *t = bare(btf, &id);
	struct ktstr_guest_path here = { .there = true, .size = KTSTR_PROBE_TEXT, .is_text = true };

	snprintf(p->name, sizeof(p->name), "%s", name_at(btf, param->name_off));
	name_type(btf, param->type, 0, p->type, sizeof(p->type));
	if (!t || !btf_is_ptr(t))
		return;
	if (is_char(btf, t->type))
		add_path(b, &here, "text", KTSTR_FORM_TEXT, NULL);
	else
		add_pointee(b, btf, t->type, kernel);
}

int ktstr_spec_build(const struct btf *btf, uint32_t proto, const struct btf *kernel,
		     struct ktstr_spec *ret, struct ktstr_err *err)
{
	const struct btf_type *t = btf__type_by_id(btf, proto);
	struct build b = { .spec = ret };

	if (!t || !btf_is_func_proto(t))
		return ktstr_err_set(err, -EINVAL, "type %u is no function's prototype", proto);
	*ret = (struct ktstr_spec){ .bpf = { .task = KTSTR_NO_TASK, .pid = KTSTR_NO_TASK } };
	for (uint16_t i = 0; i < btf_vlen(t) && i < KTSTR_PROBE_ARGS; i++) {
		if (!btf_params(t)[i].type)	/* ... */
			break;
		b.param = (uint8_t)i;
		add_param(&b, btf, &btf_params(t)[i], kernel);
		ret->n_params++;
	}
	ret->bpf.n_args = (uint8_t)ret->n_params;
	if (t->type)
		name_type(btf, t->type, 0, ret->ret, sizeof(ret->ret));
	return 0;
}

int ktstr_spec_find_param(const struct ktstr_spec *spec, const char *type, const char *name)
{
	for (unsigned i = 0; i < spec->n_params; i++)
		if (!strcmp(spec->params[i].type, type) || !strcmp(spec->params[i].name, name))
			return (int)i;
	return -1;
}

/* ---- travelling ---- */

static size_t spec_bytes(const struct ktstr_point_spec *spec)
{
	return offsetof(struct ktstr_point_spec, captures) + spec->n_captures * sizeof(spec->captures[0]);
}

void ktstr_spec_put(struct ktstr_buf *b, const struct ktstr_spec *spec)
{
	ktstr_put_array(b, "params");
	for (unsigned i = 0; i < spec->n_params; i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "name", spec->params[i].name[0] ? spec->params[i].name : NULL);
		ktstr_put_str(b, "type", spec->params[i].type);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_str(b, "ret", spec->ret[0] ? spec->ret : NULL);
	if (spec->bpf.task != KTSTR_NO_TASK)
		ktstr_put_u64(b, "task", spec->bpf.task);
	ktstr_put_array(b, "items");
	for (unsigned i = 0; i < spec->bpf.n_captures; i++) {
		const struct ktstr_probe_item *item = &spec->items[i];

		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "name", item->name);
		ktstr_put_u64(b, "param", item->param);
		ktstr_put_str(b, "form", form_names[item->form]);
		ktstr_put_str(b, "enum", item->enumeration[0] ? item->enumeration : NULL);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_bytes(b, "spec", &spec->bpf, spec_bytes(&spec->bpf));
}

static bool is_capture_sane(const struct ktstr_capture *c)
{
	return c->arg < KTSTR_PROBE_ARGS && c->hops <= KTSTR_PROBE_HOPS && c->size &&
	       c->size <= KTSTR_PROBE_TEXT && c->at % 8 == 0 &&
	       c->at <= KTSTR_PROBE_DATA - KTSTR_PROBE_TEXT && c->kind <= KTSTR_CAPTURE_TEXT;
}

bool ktstr_spec_get(const struct ktstr_fields *fields, struct ktstr_point_spec *ret)
{
	struct ktstr_str bytes = { "", 0 };

	memset(ret, 0, sizeof(*ret));
	if (!ktstr_get_str(fields, "spec", &bytes) || bytes.len < offsetof(struct ktstr_point_spec, captures) ||
	    bytes.len > sizeof(*ret))
		return false;
	memcpy(ret, bytes.s, bytes.len);
	if (ret->n_captures > KTSTR_PROBE_CAPTURES || spec_bytes(ret) != bytes.len)
		return false;
	for (unsigned i = 0; i < ret->n_captures; i++)
		if (!is_capture_sane(&ret->captures[i]))
			return false;
	return true;
}
