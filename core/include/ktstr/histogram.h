/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A histogram of times that loses no sample and keeps to a bounded error.
 *
 * Buckets are log-linear: each power of two is cut into KTSTR_HISTOGRAM_SUB equal parts, and values
 * below that have a bucket each. For v >= SUB, with e the number of its highest bit,
 *
 *	index(v) = (e - SUB_BITS) * SUB + (v >> (e - SUB_BITS))
 *
 * so that a bucket is at most 1/SUB of its lowest value wide: what a bucket says of a sample is
 * wrong by less than 1/32, or 3.2%, and exact below 64. The whole of uint64_t has a bucket.
 *
 * In a record: a map {count u, sum_ns u, max_ns u, buckets a of [index u, count u]}, with the
 * buckets that are not empty only. Inline: writer (guest) and readers (plugins) share it.
 * [any thread]
 */
#ifndef KTSTR_HISTOGRAM_H
#define KTSTR_HISTOGRAM_H

#include <ktstr/fields.h>

#define KTSTR_HISTOGRAM_SUB_BITS 5
#define KTSTR_HISTOGRAM_SUB (1u << KTSTR_HISTOGRAM_SUB_BITS)
#define KTSTR_HISTOGRAM_BUCKETS ((65 - KTSTR_HISTOGRAM_SUB_BITS) * KTSTR_HISTOGRAM_SUB)

/* Zero-initialise. 15 KiB, of which memory that was never written costs nothing. */
struct ktstr_histogram {
	uint64_t count, sum_ns, max_ns;
	uint64_t buckets[KTSTR_HISTOGRAM_BUCKETS];
};

/* The bucket of a value. */
static inline uint32_t ktstr_histogram_index(uint64_t value)
{
	uint32_t shift;

	if (value < KTSTR_HISTOGRAM_SUB)
		return (uint32_t)value;
	shift = 63 - (uint32_t)__builtin_clzll(value) - KTSTR_HISTOGRAM_SUB_BITS;
	return shift * KTSTR_HISTOGRAM_SUB + (uint32_t)(value >> shift);
}

/* The lowest value of a bucket; `index` < KTSTR_HISTOGRAM_BUCKETS. */
static inline uint64_t ktstr_histogram_low(uint32_t index)
{
	uint32_t shift;

	if (index < 2 * KTSTR_HISTOGRAM_SUB)
		return index;
	shift = index / KTSTR_HISTOGRAM_SUB - 1;
	return (uint64_t)(index - shift * KTSTR_HISTOGRAM_SUB) << shift;
}

/* And the highest. */
static inline uint64_t ktstr_histogram_high(uint32_t index)
{
	return index + 1 < KTSTR_HISTOGRAM_BUCKETS ? ktstr_histogram_low(index + 1) - 1
						   : UINT64_MAX;
}

static inline void ktstr_histogram_record(struct ktstr_histogram *h, uint64_t ns)
{
	h->count++;
	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->buckets[ktstr_histogram_index(ns)]++;
}

/* The sample below or at which `permille` thousandths of all samples are (500: the median, by
 * nearest rank), as the highest value of its bucket, but not above the largest sample: never less
 * than the sample, and less than 1/32 more. 0 when there is no sample. */
static inline uint64_t ktstr_histogram_percentile(const struct ktstr_histogram *h,
						  uint32_t permille)
{
	uint64_t rank = h->count / 1000 * permille + (h->count % 1000 * permille + 999) / 1000;
	uint64_t seen = 0, high;

	if (!h->count)
		return 0;
	for (uint32_t i = 0; i < KTSTR_HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (!seen || seen < rank)
			continue;
		high = ktstr_histogram_high(i);
		return high < h->max_ns ? high : h->max_ns;
	}
	return h->max_ns;
}

/* Puts a map named `key`; nothing when there is no sample. */
static inline void ktstr_histogram_put(struct ktstr_buf *b, const char *key,
				       const struct ktstr_histogram *h)
{
	if (!h->count)
		return;
	ktstr_put_map(b, key);
	ktstr_put_u64(b, "count", h->count);
	ktstr_put_u64(b, "sum_ns", h->sum_ns);
	ktstr_put_u64(b, "max_ns", h->max_ns);
	ktstr_put_array(b, "buckets");
	for (uint32_t i = 0; i < KTSTR_HISTOGRAM_BUCKETS; i++) {
		if (!h->buckets[i])
			continue;
		ktstr_put_array(b, NULL);
		ktstr_put_u64(b, NULL, i);
		ktstr_put_u64(b, NULL, h->buckets[i]);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
}

/* One [index, count] of a record; false when it is not that. */
static inline bool ktstr_histogram_bucket(const struct ktstr_field *pair, uint32_t *ret_index,
					  uint64_t *ret_count)
{
	struct ktstr_fields it = pair->sub;
	struct ktstr_field index, count;

	if (pair->type != KTSTR_FIELD_ARRAY || !ktstr_item_next(&it, &index) ||
	    !ktstr_item_next(&it, &count) || index.type != KTSTR_FIELD_U64 ||
	    count.type != KTSTR_FIELD_U64 || index.u64 >= KTSTR_HISTOGRAM_BUCKETS)
		return false;
	*ret_index = (uint32_t)index.u64;
	*ret_count = count.u64;
	return true;
}

/* Adds the map named `key` to *h, so that the histograms of many workers become one. False, and *h
 * left alone, when it is absent or is no such map: what a guest wrote is checked. */
static inline bool ktstr_histogram_get(const struct ktstr_fields *fields, const char *key,
				       struct ktstr_histogram *h)
{
	uint64_t count, sum_ns, max_ns, n = 0, total = 0;
	struct ktstr_fields map, buckets, it;
	struct ktstr_field pair;
	uint32_t index = 0;

	if (!ktstr_get_sub(fields, key, &map) || !ktstr_get_u64(&map, "count", &count) ||
	    !ktstr_get_u64(&map, "sum_ns", &sum_ns) || !ktstr_get_u64(&map, "max_ns", &max_ns) ||
	    !ktstr_get_sub(&map, "buckets", &buckets))
		return false;
	for (it = buckets; ktstr_item_next(&it, &pair); total += n)
		if (!ktstr_histogram_bucket(&pair, &index, &n) || n > UINT64_MAX - total)
			return false;
	if (total != count || count > UINT64_MAX - h->count)
		return false;
	for (it = buckets; ktstr_item_next(&it, &pair); h->buckets[index] += n)
		ktstr_histogram_bucket(&pair, &index, &n);
	h->count += count;
	h->sum_ns += sum_ns;
	if (max_ns > h->max_ns)
		h->max_ns = max_ns;
	return true;
}

#endif
