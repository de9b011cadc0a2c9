/* SPDX-License-Identifier: GPL-2.0-only */
/* Workload plugins in a test: their modules, their values, and groups of real worker processes. */
#ifndef TESTS_WORKLOAD_TEST_H
#define TESTS_WORKLOAD_TEST_H

#include "agent/worker.h"

#include <ktstr/workload.h>

#define WORKLOAD_VALUES 8
#define WORKLOAD_WORKERS 16

/* The plugin of that name out of the build tree. Skips the test when this build has it switched
 * off. */
const struct ktstr_plugin *workload_load(const char *name);
/* The names of all workloads of this build, NULL-ended. */
const char *const *workload_names(void);

/* Its values: the defaults, and "name=text name=text" over them. `values` has WORKLOAD_VALUES; the
 * strings in it last until the next call. */
void workload_values(const struct ktstr_plugin *plugin, const char *settings,
		     struct ktstr_value *values);

/* A worker whose services do nothing, and what it saw. */
struct fake_worker {
	struct ktstr_worker worker;
	unsigned asks, asks_until_stop;	/* of running() */
	uint64_t slept_ns;
	unsigned sleeps;
	char metric[48];		/* the last one */
	double value;
	char shared[16384] __attribute__((aligned(4096)));
};

/* Runs for ever, alone in its group. */
void fake_worker_init(struct fake_worker *fake);

/* Worker processes of one workload, as the engine has them. */
struct workload_run {
	const struct ktstr_plugin *plugin;
	struct ktstr_value values[WORKLOAD_VALUES];
	unsigned count, group_size;
	struct ktstr_gate *gate;	/* the first page of what all share */
	size_t shared_bytes;
	struct ktstr_slot *slots;
	pid_t pids[WORKLOAD_WORKERS];
	int status[WORKLOAD_WORKERS];	/* how they ended */
	unsigned ended;
};

/* Starts `groups` groups, lets each worker do `iterations` at least, ends them, and fails the test
 * when one ended with an error, or did not end. Release with workload_run_deinit(). */
void workload_run(struct workload_run *run, const char *name, const char *settings, unsigned groups,
		  uint64_t iterations);
void workload_run_deinit(struct workload_run *run);

/* The value of a metric; fails the test when it was not set. */
double workload_metric(const struct ktstr_slot *slot, const char *name);

#endif
