/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/fields-json.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "report/layout.h"

#define DEPTH_MAX 16		/* deeper than any record is */

json_t *ktstr_json_str(struct ktstr_str s)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_layout_escape(&b, s.s, s.len);
	return b.failed ? NULL : json_stringn_nocheck(b.len ? (char *)b.data : "", b.len);
}

json_t *ktstr_json_number(uint64_t n)
{
	return n <= INT64_MAX ? json_integer((json_int_t)n) : json_sprintf("%llu", (unsigned long long)n);
}

/* Bytes as they lie in memory: a mask of CPUs, lowest first. */
static json_t *hex_of(struct ktstr_str s)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	for (size_t i = 0; i < s.len; i++)
		ktstr_buf_printf(&b, "%02x", (unsigned char)s.s[i]);
	return b.failed ? NULL : json_stringn_nocheck(b.len ? (char *)b.data : "", b.len);
}

static json_t *value_of(const struct ktstr_field *f, int depth);

static json_t *container(struct ktstr_fields it, bool is_map, int depth)
{
	json_t *j = is_map ? json_object() : json_array();
	struct ktstr_field f;

	while (j && depth < DEPTH_MAX && (is_map ? ktstr_field_next(&it, &f) : ktstr_item_next(&it, &f))) {
		_cleanup_free_ char *key = is_map ? strndup(f.key.s, f.key.len) : NULL;
		json_t *value = value_of(&f, depth + 1);

		if (is_map && key)
			json_object_set_new(j, key, value);
		else if (!is_map)
			json_array_append_new(j, value);
		else
			json_decref(value);
	}
	return j;
}

static json_t *value_of(const struct ktstr_field *f, int depth)
{
	switch (f->type) {
	case KTSTR_FIELD_U64: return ktstr_json_number(f->u64);
	case KTSTR_FIELD_S64: return json_integer((json_int_t)f->s64);
	case KTSTR_FIELD_F64: return json_real(f->f64);
	case KTSTR_FIELD_BOOL: return json_boolean(f->boolean);
	case KTSTR_FIELD_TEXT: return ktstr_json_str(f->str);
	case KTSTR_FIELD_MAP: return container(f->sub, true, depth);
	case KTSTR_FIELD_ARRAY: return container(f->sub, false, depth);
	case KTSTR_FIELD_BYTES: return hex_of(f->str);
	}
	return json_null();
}

json_t *ktstr_json_field(const struct ktstr_field *field)
{
	return value_of(field, 0);
}

json_t *ktstr_json_fields(struct ktstr_fields fields)
{
	return container(fields, true, 0);
}
