/* SPDX-License-Identifier: GPL-2.0-only */
#include <ktstr/histogram.h>

#include <criterion/criterion.h>

static struct ktstr_histogram h, sum;

Test(histogram, buckets_follow_each_other_without_a_hole)
{
	for (uint32_t i = 0; i < KTSTR_HISTOGRAM_BUCKETS; i++) {
		uint64_t low = ktstr_histogram_low(i), high = ktstr_histogram_high(i);

		cr_assert_eq(ktstr_histogram_index(low), i);
		cr_assert_eq(ktstr_histogram_index(high), i);
		cr_assert_leq(low, high);
		cr_assert_leq((double)(high - low), (double)low / KTSTR_HISTOGRAM_SUB, "%u", i);
	}
	cr_assert_eq(ktstr_histogram_low(0), 0);
	cr_assert_eq(ktstr_histogram_index(63), 63, "exact");
	cr_assert_eq(ktstr_histogram_index(64), 64);
	cr_assert_eq(ktstr_histogram_index(65), 64);
	cr_assert_eq(ktstr_histogram_index(UINT64_MAX), KTSTR_HISTOGRAM_BUCKETS - 1);
	cr_assert_eq(ktstr_histogram_high(KTSTR_HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

Test(histogram, percentiles_are_by_nearest_rank)
{
	cr_assert_eq(ktstr_histogram_percentile(&h, 500), 0, "no sample");
	for (uint64_t v = 1; v <= 20; v++)
		ktstr_histogram_record(&h, v);
	cr_assert_eq(ktstr_histogram_percentile(&h, 0), 1);
	cr_assert_eq(ktstr_histogram_percentile(&h, 500), 10);
	cr_assert_eq(ktstr_histogram_percentile(&h, 950), 19);
	cr_assert_eq(ktstr_histogram_percentile(&h, 951), 20);
	cr_assert_eq(ktstr_histogram_percentile(&h, 1000), 20);
	cr_assert_eq(h.count, 20);
	cr_assert_eq(h.sum_ns, 210);
}

Test(histogram, the_error_of_a_percentile_is_bounded)
{
	for (uint64_t v = 1; v <= 10000; v++)
		ktstr_histogram_record(&h, v * v);
	for (uint32_t p = 1; p <= 1000; p++) {
		uint64_t exact = (uint64_t)p * 10 * p * 10, got = ktstr_histogram_percentile(&h, p);

		cr_assert_geq(got, exact);
		cr_assert_lt((double)(got - exact), (double)exact / KTSTR_HISTOGRAM_SUB + 1);
	}
	cr_assert_eq(ktstr_histogram_percentile(&h, 1000), 100000000, "the largest one is exact");
}

static struct ktstr_fields parse(const struct ktstr_buf *b)
{
	struct ktstr_fields m;

	cr_assert(ktstr_fields_parse(b->data, b->len, &m));
	return m;
}

Test(histogram, several_are_read_into_one)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m;

	ktstr_histogram_record(&h, 7);
	ktstr_histogram_record(&h, 7);
	ktstr_histogram_record(&h, UINT64_MAX / 4);
	ktstr_put_begin(&b);
	ktstr_histogram_put(&b, "wake", &h);
	ktstr_histogram_put(&b, "empty", &sum);
	ktstr_put_end(&b);
	m = parse(&b);
	cr_assert_not(ktstr_histogram_get(&m, "empty", &sum), "nothing is put for no sample");
	cr_assert(ktstr_histogram_get(&m, "wake", &sum));
	cr_assert_eq(memcmp(&h, &sum, sizeof(h)), 0);
	cr_assert(ktstr_histogram_get(&m, "wake", &sum));
	cr_assert_eq(sum.count, 6);
	cr_assert_eq(sum.buckets[7], 4);
	cr_assert_eq(sum.max_ns, UINT64_MAX / 4);
	ktstr_buf_free(&b);
}

/* A "wake" map with one bucket of these; `items` numbers in the pair. */
static void put_one(struct ktstr_buf *b, uint64_t count, uint64_t index, uint64_t n, int items)
{
	b->len = 0;
	ktstr_put_begin(b);
	ktstr_put_map(b, "wake");
	ktstr_put_u64(b, "count", count);
	ktstr_put_u64(b, "sum_ns", 5);
	ktstr_put_u64(b, "max_ns", 5);
	ktstr_put_array(b, "buckets");
	ktstr_put_array(b, NULL);
	if (items > 0)
		ktstr_put_u64(b, NULL, index);
	if (items > 1)
		ktstr_put_u64(b, NULL, n);
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

Test(histogram, what_a_guest_wrote_is_checked)
{
	static const struct { uint64_t count, index, n; int items; } bad[] = {
		{ 2, 5, 1, 2 }, { 1, KTSTR_HISTOGRAM_BUCKETS, 1, 2 }, { 1, UINT64_MAX, 1, 2 },
		{ 1, 5, 1, 1 }, { 0, 5, 1, 0 },
	};
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_one(&b, bad[i].count, bad[i].index, bad[i].n, bad[i].items);
		m = parse(&b);
		cr_assert_not(ktstr_histogram_get(&m, "wake", &h), "%zu", i);
		cr_assert_eq(memcmp(&h, &sum, sizeof(h)), 0, "left alone");
	}
	put_one(&b, 3, 5, 3, 2);
	m = parse(&b);
	cr_assert(ktstr_histogram_get(&m, "wake", &h));
	cr_assert_eq(h.buckets[5], 3);
	ktstr_buf_free(&b);
}
