/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Named, typed fields: the payload of every frame on the host-guest channel and of every record
 * in a journal.
 *
 * A payload is one CBOR map (RFC 8949) with text keys, so that any CBOR tool can read a journal.
 * Values are unsigned and negative integers, float64, booleans, text, bytes, maps and arrays.
 * The writer uses indefinite-length maps and arrays (begin, items, break), so that nothing has
 * to be counted ahead. The reader takes both forms and refuses the rest (tags, half floats,
 * chunked strings, nesting deeper than KTSTR_FIELDS_DEPTH).
 *
 * A writer's error is sticky: put everything, then look at `failed` once.
 * Reading never allocates; strings point into the payload and are not NUL-terminated.
 * Bytes that come from a file or a guest are checked as a whole by ktstr_fields_parse(); the
 * getters stay inside the payload even when it was not.
 *
 * Everything here is inline, so that a plugin needs no symbol of the core. [any thread]
 */
#ifndef KTSTR_FIELDS_H
#define KTSTR_FIELDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KTSTR_FIELDS_DEPTH 16

/* A growing byte buffer. Zero-initialise; release with ktstr_buf_free(). */
struct ktstr_buf {
	uint8_t *data;
	size_t len, cap;
	bool failed;		/* an allocation failed; what was put since then is not there */
};

/* Text or bytes inside somebody else's memory. */
struct ktstr_str {
	const char *s;
	size_t len;
};

/* For printf("%.*s"). */
#define KTSTR_STR_ARG(str) (int)(str).len, (str).s

static inline void ktstr_buf_free(struct ktstr_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

static inline bool ktstr_buf_reserve(struct ktstr_buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 128;
	uint8_t *data;

	if (b->failed || more > SIZE_MAX / 4 - b->len)
		return !(b->failed = true);
	while (cap < b->len + more)
		cap *= 2;
	if (cap == b->cap)
		return true;
	data = realloc(b->data, cap);
	if (!data)
		return !(b->failed = true);
	b->data = data;
	b->cap = cap;
	return true;
}

static inline void ktstr_buf_add(struct ktstr_buf *b, const void *bytes, size_t len)
{
	if (!len || !ktstr_buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
}

/* ---- writing ---- */

enum ktstr_cbor_major {
	KTSTR_CBOR_UINT = 0, KTSTR_CBOR_NINT = 1, KTSTR_CBOR_BYTES = 2, KTSTR_CBOR_TEXT = 3,
	KTSTR_CBOR_ARRAY = 4, KTSTR_CBOR_MAP = 5, KTSTR_CBOR_SIMPLE = 7,
};
#define KTSTR_CBOR_BREAK 0xff

static inline void ktstr_put_head(struct ktstr_buf *b, enum ktstr_cbor_major major, uint64_t n)
{
	uint8_t out[9] = { (uint8_t)(major << 5) };
	int width = n < 24 ? 0 : n <= 0xff ? 1 : n <= 0xffff ? 2 : n <= 0xffffffff ? 4 : 8;

	out[0] |= width == 0 ? (uint8_t)n : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
	for (int i = 0; i < width; i++)
		out[1 + i] = (uint8_t)(n >> (8 * (width - 1 - i)));
	ktstr_buf_add(b, out, 1 + (size_t)width);
}

/* A NULL key writes no key: for the items of an array. */
static inline void ktstr_put_key(struct ktstr_buf *b, const char *key)
{
	if (!key)
		return;
	ktstr_put_head(b, KTSTR_CBOR_TEXT, strlen(key));
	ktstr_buf_add(b, key, strlen(key));
}

static inline void ktstr_put_byte(struct ktstr_buf *b, uint8_t byte)
{
	ktstr_buf_add(b, &byte, 1);
}

/* The outermost map of a payload. */
static inline void ktstr_put_begin(struct ktstr_buf *b) { ktstr_put_byte(b, 0xbf); }
static inline void ktstr_put_end(struct ktstr_buf *b) { ktstr_put_byte(b, KTSTR_CBOR_BREAK); }

static inline void ktstr_put_map(struct ktstr_buf *b, const char *key)
{
	ktstr_put_key(b, key);
	ktstr_put_byte(b, 0xbf);
}

static inline void ktstr_put_array(struct ktstr_buf *b, const char *key)
{
	ktstr_put_key(b, key);
	ktstr_put_byte(b, 0x9f);
}

static inline void ktstr_put_u64(struct ktstr_buf *b, const char *key, uint64_t v)
{
	ktstr_put_key(b, key);
	ktstr_put_head(b, KTSTR_CBOR_UINT, v);
}

static inline void ktstr_put_s64(struct ktstr_buf *b, const char *key, int64_t v)
{
	ktstr_put_key(b, key);
	if (v >= 0)
		ktstr_put_head(b, KTSTR_CBOR_UINT, (uint64_t)v);
	else
		ktstr_put_head(b, KTSTR_CBOR_NINT, (uint64_t)-(v + 1));
}

static inline void ktstr_put_bool(struct ktstr_buf *b, const char *key, bool v)
{
	ktstr_put_key(b, key);
	ktstr_put_byte(b, v ? 0xf5 : 0xf4);
}

static inline void ktstr_put_f64(struct ktstr_buf *b, const char *key, double v)
{
	uint64_t bits;

	ktstr_put_key(b, key);
	memcpy(&bits, &v, sizeof(bits));
	ktstr_put_byte(b, 0xfb);
	for (int i = 7; i >= 0; i--)
		ktstr_put_byte(b, (uint8_t)(bits >> (8 * i)));
}

static inline void ktstr_put_text(struct ktstr_buf *b, const char *key, const char *s, size_t len)
{
	ktstr_put_key(b, key);
	ktstr_put_head(b, KTSTR_CBOR_TEXT, len);
	ktstr_buf_add(b, s, len);
}

/* A NULL string is left out altogether. */
static inline void ktstr_put_str(struct ktstr_buf *b, const char *key, const char *s)
{
	if (s)
		ktstr_put_text(b, key, s, strlen(s));
}

static inline void ktstr_put_bytes(struct ktstr_buf *b, const char *key, const void *p, size_t len)
{
	ktstr_put_key(b, key);
	ktstr_put_head(b, KTSTR_CBOR_BYTES, len);
	ktstr_buf_add(b, p, len);
}

/* ---- reading ---- */

/* The inside of a map or an array: where its items begin, and where they end at the latest. */
struct ktstr_fields {
	const uint8_t *p, *end;
	uint64_t count;		/* items left, UINT64_MAX when a break ends them */
};

enum ktstr_field_type {
	KTSTR_FIELD_U64, KTSTR_FIELD_S64, KTSTR_FIELD_F64, KTSTR_FIELD_BOOL, KTSTR_FIELD_TEXT,
	KTSTR_FIELD_BYTES, KTSTR_FIELD_MAP, KTSTR_FIELD_ARRAY,
};

struct ktstr_field {
	struct ktstr_str key;		/* empty for the item of an array */
	enum ktstr_field_type type;	/* S64 only below zero */
	union {
		uint64_t u64;
		int64_t s64;
		double f64;
		bool boolean;
		struct ktstr_str str;		/* text and bytes */
		struct ktstr_fields sub;	/* map and array */
	};
};

static inline bool ktstr_read_head(const uint8_t **p, const uint8_t *end, uint8_t *ret_major,
				   uint8_t *ret_info, uint64_t *ret_n)
{
	uint8_t info, width;
	uint64_t n = 0;

	if (*p >= end)
		return false;
	*ret_major = **p >> 5;
	*ret_info = info = **p & 31;
	(*p)++;
	width = info == 24 ? 1 : info == 25 ? 2 : info == 26 ? 4 : info == 27 ? 8 : 0;
	if ((info > 27 && info != 31) || (size_t)(end - *p) < width)
		return false;
	for (int i = 0; i < width; i++)
		n = n << 8 | *(*p)++;
	*ret_n = info < 24 ? info : n;
	return true;
}

static inline bool ktstr_skip_items(const uint8_t **p, const uint8_t *end, uint64_t count, int depth);

/* Reads the value at *p into `f` (its key is not touched) and moves *p behind it. */
static inline bool ktstr_read_value(const uint8_t **p, const uint8_t *end, int depth,
				    struct ktstr_field *f)
{
	uint8_t major, info;
	uint64_t n;

	if (!ktstr_read_head(p, end, &major, &info, &n))
		return false;
	if (info == 31 && major != KTSTR_CBOR_MAP && major != KTSTR_CBOR_ARRAY)
		return false;
	switch (major) {
	case KTSTR_CBOR_UINT:
		f->type = KTSTR_FIELD_U64;
		f->u64 = n;
		return true;
	case KTSTR_CBOR_NINT:
		f->type = KTSTR_FIELD_S64;
		f->s64 = -1 - (int64_t)n;
		return n <= INT64_MAX;
	case KTSTR_CBOR_BYTES:
	case KTSTR_CBOR_TEXT:
		if (n > (uint64_t)(end - *p))
			return false;
		f->type = major == KTSTR_CBOR_TEXT ? KTSTR_FIELD_TEXT : KTSTR_FIELD_BYTES;
		f->str = (struct ktstr_str){ (const char *)*p, (size_t)n };
		*p += n;
		return true;
	case KTSTR_CBOR_ARRAY:
	case KTSTR_CBOR_MAP: {
		bool map = major == KTSTR_CBOR_MAP;

		if (info != 31 && n > (uint64_t)(end - *p))
			return false;
		f->type = map ? KTSTR_FIELD_MAP : KTSTR_FIELD_ARRAY;
		f->sub.p = *p;
		f->sub.count = info == 31 ? UINT64_MAX : map ? 2 * n : n;
		if (!ktstr_skip_items(p, end, f->sub.count, depth + 1))
			return false;
		f->sub.end = *p;
		return true;
	}
	case KTSTR_CBOR_SIMPLE:
		if (info == 20 || info == 21) {
			f->type = KTSTR_FIELD_BOOL;
			f->boolean = info == 21;
			return true;
		}
		f->type = KTSTR_FIELD_F64;
		memcpy(&f->f64, &n, sizeof(n));
		return info == 27;
	}
	return false;
}

static inline bool ktstr_skip_items(const uint8_t **p, const uint8_t *end, uint64_t count, int depth)
{
	struct ktstr_field ignored;

	if (depth > KTSTR_FIELDS_DEPTH)
		return false;
	for (; count; count -= count != UINT64_MAX) {
		if (count == UINT64_MAX && *p < end && **p == KTSTR_CBOR_BREAK) {
			(*p)++;
			return true;
		}
		if (!ktstr_read_value(p, end, depth, &ignored))
			return false;
	}
	return true;
}

/* Checks a whole payload; it must be one map with nothing behind it. */
static inline bool ktstr_fields_parse(const void *data, size_t len, struct ktstr_fields *ret)
{
	const uint8_t *p = data, *end = p + len;
	struct ktstr_field f;

	if (!ktstr_read_value(&p, end, 0, &f) || f.type != KTSTR_FIELD_MAP || p != end)
		return false;
	*ret = f.sub;
	return true;
}

/* The same of a payload that was checked before, without looking at its inside again. */
static inline bool ktstr_fields_open(const void *data, size_t len, struct ktstr_fields *ret)
{
	const uint8_t *p = data, *end = p + len;
	uint8_t major, info;
	uint64_t n;

	if (!ktstr_read_head(&p, end, &major, &info, &n) || major != KTSTR_CBOR_MAP)
		return false;
	*ret = (struct ktstr_fields){ .p = p, .end = end, .count = info == 31 ? UINT64_MAX : 2 * n };
	return true;
}

static inline bool ktstr_fields_at_end(const struct ktstr_fields *it)
{
	return !it->count || it->p >= it->end ||
	       (it->count == UINT64_MAX && *it->p == KTSTR_CBOR_BREAK);
}

/* The next item of an array; false at its end. */
static inline bool ktstr_item_next(struct ktstr_fields *it, struct ktstr_field *ret)
{
	ret->key = (struct ktstr_str){ "", 0 };
	if (ktstr_fields_at_end(it) || !ktstr_read_value(&it->p, it->end, 1, ret))
		return false;
	it->count -= it->count != UINT64_MAX;
	return true;
}

/* The next field of a map; false at its end, and at a key that is not text. */
static inline bool ktstr_field_next(struct ktstr_fields *it, struct ktstr_field *ret)
{
	struct ktstr_field key;

	if (!ktstr_item_next(it, &key) || key.type != KTSTR_FIELD_TEXT || !ktstr_item_next(it, ret))
		return false;
	ret->key = key.str;
	return true;
}

/* What is absent has no bytes, and no place where they would be. */
static inline bool ktstr_str_equal(struct ktstr_str a, struct ktstr_str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

static inline bool ktstr_str_is(struct ktstr_str s, const char *text)
{
	return s.len == strlen(text) && (!s.len || !memcmp(s.s, text, s.len));
}

/* The first field of that name. The getters below leave *ret alone when it is absent or of
 * another type. */
static inline bool ktstr_get(const struct ktstr_fields *fields, const char *key,
			     struct ktstr_field *ret)
{
	struct ktstr_fields it = *fields;
	struct ktstr_field f;

	while (ktstr_field_next(&it, &f))
		if (ktstr_str_is(f.key, key)) {
			*ret = f;
			return true;
		}
	return false;
}

static inline bool ktstr_get_u64(const struct ktstr_fields *fields, const char *key, uint64_t *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f) || f.type != KTSTR_FIELD_U64)
		return false;
	*ret = f.u64;
	return true;
}

static inline bool ktstr_get_s64(const struct ktstr_fields *fields, const char *key, int64_t *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f))
		return false;
	if (f.type == KTSTR_FIELD_S64)
		*ret = f.s64;
	else if (f.type == KTSTR_FIELD_U64 && f.u64 <= INT64_MAX)
		*ret = (int64_t)f.u64;
	else
		return false;
	return true;
}

static inline bool ktstr_get_f64(const struct ktstr_fields *fields, const char *key, double *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f) || f.type != KTSTR_FIELD_F64)
		return false;
	*ret = f.f64;
	return true;
}

static inline bool ktstr_get_bool(const struct ktstr_fields *fields, const char *key, bool *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f) || f.type != KTSTR_FIELD_BOOL)
		return false;
	*ret = f.boolean;
	return true;
}

/* Text or bytes. */
static inline bool ktstr_get_str(const struct ktstr_fields *fields, const char *key,
				 struct ktstr_str *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f) ||
	    (f.type != KTSTR_FIELD_TEXT && f.type != KTSTR_FIELD_BYTES))
		return false;
	*ret = f.str;
	return true;
}

/* Copies text, cut to size - 1 bytes, always NUL-terminated; "" and false when absent. */
static inline bool ktstr_get_cstr(const struct ktstr_fields *fields, const char *key, char *buf,
				  size_t size)
{
	struct ktstr_str s = { "", 0 };
	bool found = ktstr_get_str(fields, key, &s);
	size_t n = s.len < size - 1 ? s.len : size - 1;

	memcpy(buf, s.s, n);
	buf[n] = '\0';
	return found;
}

/* A nested map or array. */
static inline bool ktstr_get_sub(const struct ktstr_fields *fields, const char *key,
				 struct ktstr_fields *ret)
{
	struct ktstr_field f;

	if (!ktstr_get(fields, key, &f) ||
	    (f.type != KTSTR_FIELD_MAP && f.type != KTSTR_FIELD_ARRAY))
		return false;
	*ret = f.sub;
	return true;
}

#endif
