/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host does to the virtual CPUs while the scenario runs (check/conditions.h judges it). */
#include "base/cleanup.h"
#include "base/file.h"
#include "check/conditions.h"
#include "run/attempt-internal.h"

#include <inttypes.h>

/* /proc/TID/schedstat: time on a CPU, time runnable and waiting for one (sched_info of the kernel).
 * */
static bool read_schedstat(pid_t tid, uint64_t *ret_on_cpu, uint64_t *ret_delay)
{
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", tid);
	if (ktstr_file_read(path, 4096, &text, NULL))
		return false;
	ktstr_put_byte(&text, 0);
	return !text.failed && sscanf((const char *)text.data, "%" SCNu64 " %" SCNu64, ret_on_cpu,
				      ret_delay) == 2;
}

static void put_thread(struct ktstr_buf *b, pid_t tid)
{
	uint64_t on_cpu = 0, delay = 0;

	if (!read_schedstat(tid, &on_cpu, &delay))
		return;
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "tid", (uint64_t)tid);
	ktstr_put_u64(b, "on_cpu_ns", on_cpu);
	ktstr_put_u64(b, "run_delay_ns", delay);
	ktstr_put_end(b);
}

int noise_record(struct attempt *a)
{
	pid_t tids[KTSTR_CONDITIONS_THREADS];
	size_t n = a->ops->vcpu_threads(a->vmm, tids, KTSTR_CONDITIONS_THREADS);
	struct ktstr_buf b = { 0 };

	if (!n)
		return 0;
	ktstr_put_begin(&b);
	ktstr_put_array(&b, "threads");
	for (size_t i = 0; i < n && i < KTSTR_CONDITIONS_THREADS; i++)
		put_thread(&b, tids[i]);
	ktstr_put_end(&b);
	return attempt_record(a, KTSTR_REC_HOST_NOISE, &b);
}
