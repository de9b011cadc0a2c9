/* SPDX-License-Identifier: GPL-2.0-only */
#include "plugin/host.h"

#include "base/clock.h"

static void plain_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	(void)host;
	if (level != KTSTR_LOG_DEBUG)
		fprintf(stderr, "ktstr: %s%s\n", level == KTSTR_LOG_WARN ? "warning: " : "", text);
}

static int plain_record(const struct ktstr_host *host, enum ktstr_rec type,
			const struct ktstr_buf *payload)
{
	(void)host;
	(void)type;
	(void)payload;
	return -ENOTSUP;
}

static uint64_t plain_now_ns(const struct ktstr_host *host)
{
	(void)host;
	return ktstr_now_ns();
}

const struct ktstr_host *ktstr_host_plain(void)
{
	static const struct ktstr_host host = {
		.size = sizeof(host),
		.abi_major = KTSTR_ABI_MAJOR,
		.abi_minor = KTSTR_ABI_MINOR,
		.log = plain_log,
		.record = plain_record,
		.now_ns = plain_now_ns,
	};

	return &host;
}
