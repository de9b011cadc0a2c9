/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that computes for a while, then sleeps. The burst is counted in CPU time, so that it is
 * the same amount of work on a busy machine; it is done in slices, each an iteration of its own.
 */
#include <ktstr/workload.h>

#include <time.h>

#define SLICE_LOOPS 20000

enum { P_BURST, P_SLEEP };

static const struct ktstr_param params[] = {
	[P_BURST] = {
		.name = "burst", .type = KTSTR_PARAM_DURATION, .def = "50ms",
		.min = 1000, .max = 3600000000000, .help = "CPU time of one burst",
	},
	[P_SLEEP] = {
		.name = "sleep", .type = KTSTR_PARAM_DURATION, .def = "100ms",
		.min = 1000, .max = 3600000000000, .help = "time asleep after each burst",
	},
};

struct ktstr_workload {
	uint64_t burst_ns, sleep_ns;
	uint64_t begin_ns;		/* CPU time when this burst began */
	uint64_t bursts, max_late_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int bursty_create(struct ktstr_worker *worker, const struct ktstr_value *values,
			 struct ktstr_workload **ret_workload, struct ktstr_err *err)
{
	struct ktstr_workload *w = calloc(1, sizeof(*w));

	(void)worker;
	if (!w)
		return ktstr_err_nomem(err);
	w->burst_ns = values[P_BURST].u64;
	w->sleep_ns = values[P_SLEEP].u64;
	w->begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	*ret_workload = w;
	return 0;
}

static void end_burst(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	uint64_t due = clock_ns(CLOCK_MONOTONIC) + w->sleep_ns, now;

	worker->metric(worker, "bursts", NULL, (double)++w->bursts);
	worker->sleep(worker, w->sleep_ns);
	now = clock_ns(CLOCK_MONOTONIC);
	if (now > due && now - due > w->max_late_ns) {
		w->max_late_ns = now - due;
		worker->metric(worker, "wakeup-late-max", "ns", (double)w->max_late_ns);
	}
	w->begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int bursty_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	(void)err;
	ktstr_worker_spin(worker, SLICE_LOOPS);
	if (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - w->begin_ns >= w->burst_ns)
		end_burst(w, worker);
	return 0;
}

static void bursty_destroy(struct ktstr_workload *w)
{
	free(w);
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = bursty_create,
	.iterate = bursty_iterate,
	.destroy = bursty_destroy,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_WORKLOAD,
	.name = "bursty",
	.summary = "computes for a while and sleeps, in turn",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("bursty", PLUGIN_VERSION, &plugin);
