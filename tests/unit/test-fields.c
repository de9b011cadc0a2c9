/* SPDX-License-Identifier: GPL-2.0-only */
/* The payload codec: what is put is read back, and no bytes can lead a reader outside of them. */
#include <criterion/criterion.h>
#include <ktstr/fields.h>

static struct ktstr_buf sample(void)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "small", 5);
	ktstr_put_u64(&b, "big", UINT64_MAX);
	ktstr_put_s64(&b, "minus", INT64_MIN);
	ktstr_put_bool(&b, "yes", true);
	ktstr_put_f64(&b, "pi", 3.25);
	ktstr_put_str(&b, "text", "two\nlines");
	ktstr_put_bytes(&b, "bytes", "\0\1\2", 3);
	ktstr_put_map(&b, "map");
	ktstr_put_u64(&b, "inner", 1000);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "list");
	ktstr_put_u64(&b, NULL, 70000);
	ktstr_put_str(&b, NULL, "item");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	return b;
}

Test(fields, reads_back_what_was_put)
{
	struct ktstr_buf b = sample();
	struct ktstr_fields f, sub;
	struct ktstr_field item;
	struct ktstr_str s;
	uint64_t u = 0;
	int64_t i = 0;
	double d = 0;
	bool yes = false;

	cr_assert(ktstr_fields_parse(b.data, b.len, &f));
	cr_assert(ktstr_get_u64(&f, "small", &u));
	cr_assert_eq(u, 5);
	cr_assert(ktstr_get_u64(&f, "big", &u));
	cr_assert_eq(u, UINT64_MAX);
	cr_assert(ktstr_get_s64(&f, "minus", &i));
	cr_assert_eq(i, INT64_MIN);
	cr_assert(ktstr_get_bool(&f, "yes", &yes) && yes);
	cr_assert(ktstr_get_f64(&f, "pi", &d) && d == 3.25);
	cr_assert(ktstr_get_str(&f, "text", &s) && ktstr_str_is(s, "two\nlines"));
	cr_assert(ktstr_get_str(&f, "bytes", &s) && s.len == 3 && s.s[2] == 2);
	cr_assert(ktstr_get_sub(&f, "map", &sub) && ktstr_get_u64(&sub, "inner", &u));
	cr_assert_eq(u, 1000);
	cr_assert(ktstr_get_sub(&f, "list", &sub));
	cr_assert(ktstr_item_next(&sub, &item) && item.u64 == 70000);
	cr_assert(ktstr_item_next(&sub, &item) && ktstr_str_is(item.str, "item"));
	cr_assert_not(ktstr_item_next(&sub, &item));
	ktstr_buf_free(&b);
}

Test(fields, absent_or_other_type_leaves_the_result_alone)
{
	struct ktstr_buf b = sample();
	struct ktstr_fields f;
	uint64_t u = 42;

	cr_assert(ktstr_fields_parse(b.data, b.len, &f));
	cr_assert_not(ktstr_get_u64(&f, "nothing", &u));
	cr_assert_not(ktstr_get_u64(&f, "text", &u));
	cr_assert_not(ktstr_get_u64(&f, "minus", &u));
	cr_assert_eq(u, 42);
	ktstr_buf_free(&b);
}

Test(fields, definite_lengths_of_other_writers_are_read)
{
	/* {"a": [1, 2], "b": {"c": -1}} with counts up front */
	static const uint8_t cbor[] = { 0xa2, 0x61, 'a', 0x82, 1, 2, 0x61, 'b', 0xa1, 0x61, 'c', 0x20 };
	struct ktstr_fields f, sub;
	int64_t c = 0;

	cr_assert(ktstr_fields_parse(cbor, sizeof(cbor), &f));
	cr_assert(ktstr_get_sub(&f, "b", &sub) && ktstr_get_s64(&sub, "c", &c));
	cr_assert_eq(c, -1);
}

Test(fields, every_cut_is_refused)
{
	struct ktstr_buf b = sample();
	struct ktstr_fields f;

	for (size_t len = 0; len < b.len; len++)
		cr_assert_not(ktstr_fields_parse(b.data, len, &f), "cut at %zu", len);
	ktstr_buf_free(&b);
}

Test(fields, every_flipped_bit_stays_inside)
{
	struct ktstr_buf b = sample();

	for (size_t bit = 0; bit < b.len * 8; bit++) {
		struct ktstr_fields f;
		struct ktstr_field item;
		uint8_t *copy = malloc(b.len);	/* exact size: a sanitizer sees the first byte beyond */

		memcpy(copy, b.data, b.len);
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (ktstr_fields_parse(copy, b.len, &f))
			while (ktstr_field_next(&f, &item))
				;
		if (ktstr_fields_open(copy, b.len, &f))	/* unchecked, and inside all the same */
			while (ktstr_field_next(&f, &item))
				;
		free(copy);
	}
	ktstr_buf_free(&b);
}

Test(fields, nesting_is_bounded)
{
	uint8_t deep[4096];
	struct ktstr_fields f;

	memset(deep, 0x9f, sizeof(deep));
	deep[0] = 0xbf;
	cr_assert_not(ktstr_fields_parse(deep, sizeof(deep), &f));
}

/* Both forms of a map, and the same fields in it. */
Test(fields, a_checked_payload_opens_as_it_was_parsed)
{
	static const uint8_t definite[] = { 0xa1, 0x61, 'n', 0x07 }, indefinite[] = { 0xbf, 0x61, 'n', 0x07, 0xff };
	static const struct { const uint8_t *data; size_t len; } maps[] = {
		{ definite, sizeof(definite) }, { indefinite, sizeof(indefinite) },
	};

	for (int i = 0; i < 2; i++) {
		struct ktstr_fields f;
		struct ktstr_field item;

		cr_assert(ktstr_fields_open(maps[i].data, maps[i].len, &f));
		cr_assert(ktstr_field_next(&f, &item));
		cr_assert_eq(item.u64, 7);
		cr_assert_not(ktstr_field_next(&f, &item));
	}
}
