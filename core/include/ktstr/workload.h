/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The workload kind: what one worker process in the guest does, over and over.
 *
 * The engine forks the workers, moves them into their cgroup, opens the start barrier, and calls
 * iterate() until the step ends. It measures by itself: iterations, CPU time, run delay,
 * migrations, gaps, wake latencies. A plugin only works; when it is off the CPU on purpose it does
 * so through the services below, so that sleeping, and waiting for another worker, are not taken
 * for being kept off.
 *
 * check() and group_size() run on the host when a pipeline is checked [main], and in the engine, as
 * available() and shared_bytes() do [engine]; role(), create(), iterate() and destroy() run in each
 * worker after the fork [worker].
 */
#ifndef KTSTR_WORKLOAD_H
#define KTSTR_WORKLOAD_H

#include <ktstr/plugin.h>

#include <time.h>

struct ktstr_worker {
	uint32_t size;
	void *ctx;			/* the engine's own */
	unsigned index;			/* 0 .. group_size - 1: this worker's role in its group */
	unsigned group_size;
	void *shared;			/* the group's, zeroed; NULL: see shared_bytes() */

	/* False once the step is over: long loops inside iterate() ask it. Async-signal-safe,
	 * cheap. */
	bool (*running)(const struct ktstr_worker *worker);

	/* Sleeps for `ns`, ends early when the step does. Counts as voluntary sleep; how late it
	 * got the CPU back, counted from the moment that was asked for, is a sample of wake
	 * latency. */
	void (*sleep)(struct ktstr_worker *worker, uint64_t ns);

	/* Sets a named metric of this worker; the last value set is reported. The name is
	 * copied. */
	void (*metric)(struct ktstr_worker *worker, const char *name, const char *unit,
		       double value);

	/* Around a system call that waits for another worker or a child; a signal interrupts it
	 * when the step ends. The time in between is no gap. `woken_ns` is when the waker made this
	 * worker runnable (CLOCK_MONOTONIC, taken right before its system call): what came after it
	 * counts as waiting for the CPU, and is a sample of wake latency. A time before block()
	 * says that there was nothing to wait for, 0 that nobody knows. They do not nest, nor hold
	 * sleep(). */
	void (*block)(struct ktstr_worker *worker);
	void (*unblock)(struct ktstr_worker *worker, uint64_t woken_ns);
};

#define KTSTR_WORKLOAD_SHARED 4096	/* bytes of a group whose plugin has no shared_bytes() */

/* ---- what many of them do ---- */

static inline uint64_t ktstr_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The clock of block() and unblock(). */
static inline uint64_t ktstr_worker_now_ns(void) { return ktstr_clock_ns(CLOCK_MONOTONIC); }
/* CPU time that this worker had. */
static inline uint64_t ktstr_worker_cpu_ns(void)
{
	return ktstr_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* The next number of a xorshift generator; *state is not 0. */
static inline uint64_t ktstr_worker_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Computes for `loops` rounds of a few instructions that the compiler cannot leave out, in
 * registers only; ends early when the step does. [worker] */
static inline void ktstr_worker_spin(const struct ktstr_worker *worker, uint64_t loops)
{
	uint64_t x = 0x9e3779b97f4a7c15ull;

	for (uint64_t i = 0; i < loops; i++) {
		ktstr_worker_random(&x);
		__asm__ volatile("" : "+r"(x));
		if (!(i & 0xfff) && !worker->running(worker))
			return;
	}
}

/* The row of a parameter table for such loops, in registers or of the plugin's own. */
#define KTSTR_PARAM_LOOPS(default_, min_, help_)					\
	{ .name = "loops", .type = KTSTR_PARAM_UINT, .def = default_, .min = min_,	\
	  .max = 10000000, .help = "rounds of computing " help_ "; a round is some nanoseconds" }

/* ---- the plugin's side ---- */

struct ktstr_workload;			/* the plugin's own */

struct ktstr_workload_ops {
	uint32_t size;

	/* Can it run in this guest? 0, or a negative errno with the reason. Optional: NULL =
	 * always. */
	int (*available)(const struct ktstr_value *values, struct ktstr_err *err);

	/* Workers that belong together; the worker count must be a multiple. Optional: NULL = 1. */
	unsigned (*group_size)(const struct ktstr_value *values);

	/* `values` live as long as the worker. */
	int (*create)(struct ktstr_worker *worker, const struct ktstr_value *values,
		      struct ktstr_workload **ret_workload, struct ktstr_err *err);

	/* One unit of work, at most some milliseconds of CPU time. 0, or a negative errno, which
	 * ends the worker and fails the step. */
	int (*iterate)(struct ktstr_workload *workload, struct ktstr_worker *worker,
		       struct ktstr_err *err);

	void (*destroy)(struct ktstr_workload *workload);

	/* Memory that a group shares, in bytes; a group of one may have some too. Optional: NULL =
	 * KTSTR_WORKLOAD_SHARED for groups of more than one, none for the others. */
	size_t (*shared_bytes)(const struct ktstr_value *values);

	/* What member `index` of a group is, in one word: "messenger". Statistics keep the roles
	 * apart. Static text, at most 23 bytes; NULL: nothing special. Optional: NULL = none. */
	const char *(*role)(const struct ktstr_value *values, unsigned index);

	/* Do these values make sense together, beyond what the table says of each? 0, or -EINVAL
	 * with what is wrong. Looks at nothing else. Optional: NULL = always. */
	int (*check)(const struct ktstr_value *values, struct ktstr_err *err);
};

/*
 * create() and destroy() of a workload whose struct is zeroes at first, but for its member
 * `values`: defines state_create() and state_destroy(). init(w, worker, err) makes the rest of it,
 * deinit(w) takes that apart again, also where init() failed halfway.
 */
#define KTSTR_DEFINE_STATE(init, deinit)						\
	static void state_destroy(struct ktstr_workload *w)				\
	{										\
		if (w)									\
			deinit(w);							\
		free(w);								\
	}										\
											\
	static int state_create(struct ktstr_worker *worker,				\
				const struct ktstr_value *values,			\
				struct ktstr_workload **ret_workload,			\
				struct ktstr_err *err)					\
	{										\
		struct ktstr_workload *w = calloc(1, sizeof(*w));			\
		int ret;								\
											\
		if (!w)									\
			return ktstr_err_nomem(err);					\
		w->values = values;							\
		ret = init(w, worker, err);						\
		if (ret)								\
			state_destroy(w);						\
		else									\
			*ret_workload = w;						\
		return ret;								\
	}										\
	_Static_assert(sizeof(struct ktstr_workload), "is complete")

/* For those that have nothing to make, or to take apart. */
#define KTSTR_NO_INIT(w, worker, err) ((void)(worker), 0)
#define KTSTR_NO_DEINIT(w) ((void)(w))
#define KTSTR_DEFINE_PLAIN_STATE() KTSTR_DEFINE_STATE(KTSTR_NO_INIT, KTSTR_NO_DEINIT)

/* A module with one workload, and nothing else. */
#define KTSTR_DEFINE_WORKLOAD(workload_name, module_version, summary_, params_, ops_)	\
	static const struct ktstr_plugin ktstr_plugin = {				\
		.size = sizeof(struct ktstr_plugin),					\
		.kind = KTSTR_KIND_WORKLOAD,						\
		.name = workload_name,							\
		.summary = summary_,							\
		KTSTR_PLUGIN_PARAMS(params_),						\
		.ops = &(ops_),								\
	};										\
	KTSTR_DEFINE_MODULE(workload_name, module_version, &ktstr_plugin)

#endif
