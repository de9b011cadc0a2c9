/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/report.h"

#include "base/clock.h"

void ktstr_report(struct ktstr_guest_channel *channel, enum ktstr_rec type, uint64_t guest_ns,
		  struct ktstr_buf *fields)
{
	ktstr_put_end(fields);
	if (fields->failed)
		channel->lost++;
	else
		ktstr_guest_channel_send(channel, KTSTR_LANE_NORMAL, type,
					 guest_ns ? guest_ns : ktstr_now_ns(), fields->data,
					 fields->len);
	ktstr_buf_free(fields);
}

void ktstr_report_stage(struct ktstr_guest_channel *channel, enum ktstr_stage stage, uint64_t n,
			uint64_t m)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "stage", ktstr_stage_name(stage));
	if (m) {
		ktstr_put_u64(&b, "n", n);
		ktstr_put_u64(&b, "m", m);
	}
	ktstr_report(channel, KTSTR_REC_STAGE, 0, &b);
	/* How far a machine came must be known even when it dies in the next moment. A failing
	 * write is found again by the next flush. */
	ktstr_guest_channel_flush(channel, NULL);
}

void ktstr_report_fault(struct ktstr_guest_channel *channel, const char *what,
			const struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "what", what);
	ktstr_put_str(&b, "text", err->msg);
	if (err->code)
		ktstr_put_s64(&b, "errno", -err->code);
	ktstr_report(channel, KTSTR_REC_GUEST_FAULT, 0, &b);
}

void ktstr_report_lost(struct ktstr_guest_channel *channel, const char *source, uint64_t count)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "source", source);
	ktstr_put_u64(&b, "count", count);
	ktstr_report(channel, KTSTR_REC_LOST, 0, &b);
}

void ktstr_child_end_format(const siginfo_t *info, char *buf, size_t size)
{
	if (info->si_code == CLD_EXITED)
		snprintf(buf, size, "exited with code %d", info->si_status);
	else
		snprintf(buf, size, "was killed by signal %d (%s)", info->si_status,
			 strsignal(info->si_status));
}
