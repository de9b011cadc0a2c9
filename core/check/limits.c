/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/limits.h"

#include <stddef.h>

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "imbalance", offsetof(struct ktstr_limits, imbalance) },
	{ "depth", offsetof(struct ktstr_limits, depth) },
	{ "fallback_rate", offsetof(struct ktstr_limits, fallback_rate) },
	{ "keep_last_rate", offsetof(struct ktstr_limits, keep_last_rate) },
	{ "sustained", offsetof(struct ktstr_limits, sustained) },
};

void ktstr_limits_defaults(struct ktstr_limits *limits)
{
	*limits = (struct ktstr_limits){
		.imbalance = 4, .depth = 50, .fallback_rate = 200, .keep_last_rate = 100,
		.sustained = 5, .stall = true,
	};
}

void ktstr_limits_put(const struct ktstr_limits *limits, struct ktstr_buf *b)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ktstr_put_u64(b, numbers[i].key,
			      *(const uint32_t *)((const char *)limits + numbers[i].offset));
	ktstr_put_bool(b, "stall", limits->stall);
	ktstr_put_bool(b, "fail", limits->fail);
}

void ktstr_limits_get(const struct ktstr_fields *fields, struct ktstr_limits *ret_limits)
{
	uint64_t n;

	ktstr_limits_defaults(ret_limits);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (ktstr_get_u64(fields, numbers[i].key, &n))
			*(uint32_t *)((char *)ret_limits + numbers[i].offset) =
				n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	ktstr_get_bool(fields, "stall", &ret_limits->stall);
	ktstr_get_bool(fields, "fail", &ret_limits->fail);
	if (!ret_limits->sustained)
		ret_limits->sustained = 1;
}
