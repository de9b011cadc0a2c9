/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the workers of an attempt did, computed once from its journal: the checks judge these
 * numbers, and sections show the same ones.
 *
 * Names are those of the journal and live as long as it does; they are not NUL-terminated.
 * Durations are in ns. A number that nothing was measured for is KTSTR_STATS_NONE. Objects are
 * reached through pointers, so that they can grow at their end. [any thread]
 */
#ifndef KTSTR_STATS_H
#define KTSTR_STATS_H

#include <ktstr/fields.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTSTR_STATS_NONE (-1.0)

/* A worker process, as it reported itself (KTSTR_REC_WORKER). */
struct ktstr_stats_worker {
	uint32_t size;
	struct ktstr_str cgroup, workload;
	struct ktstr_str role;		/* in a workload whose workers do different things; else
					 * empty */
	size_t phase;			/* index in ktstr_stats.phases; SIZE_MAX: it worked in all
					 * of them */
	uint64_t pid, iterations, wall_ns, cpu_ns, run_delay_ns, migrations;
	uint64_t gap_ns;		/* longest time without progress that no sleep of its own
					 * explains */
	bool has_wait;			/* the next is known */
	uint64_t wait_ns;		/* longest time runnable and not running */
	bool completed;
	const char *confined;		/* "0-3,6": the CPUs that its cgroup's cpuset had meanwhile;
					 * NULL: any */
	const char *outside;		/* of the CPUs that it ran on, those that are not in it;
					 * NULL: none */
	struct ktstr_fields record;	/* all that it reported */
	/* On a machine with several NUMA nodes, where the guest told: */
	bool has_node_changes, has_pages, has_home, has_pages_migrated;
	uint64_t node_changes;		/* iterations that ended on another node than the one
					 * before */
	uint64_t pages;			/* its own pages at its end */
	uint64_t home_pages;		/* of them, on the nodes where they are expected */
	uint64_t pages_migrated;	/* by the kernel's NUMA balancing, to another node */
};

/*
 * Workers taken together: a group (same cgroup, workload and role), a cgroup, all.
 *
 * A worker's share is CPU time / (CPU time + run delay): of the time that it wanted to run, what it
 * got. Only peers are compared, workers of one group that worked at the same time, in one step: the
 * spread is the largest less the smallest share among them, and that of a set is its widest.
 */
struct ktstr_stats_set {
	uint32_t size;
	struct ktstr_str cgroup;		/* empty: of several */
	struct ktstr_str workload, role;	/* of a group; else empty */
	uint64_t workers;
	uint64_t unfinished;		/* of them: did not come to their end */
	uint64_t idle;			/* of them: not one iteration */
	uint64_t cpus;			/* different CPUs that they ran on */
	uint64_t iterations, migrations, cpu_ns, run_delay_ns;
	uint64_t gap_ns, gap_pid;	/* the longest, and whose it is */
	uint64_t gap_step;		/* ... and in which step; 0: of a worker that was there in
					 * all */
	bool has_wait;
	uint64_t wait_ns, wait_pid, wait_step;
	double spread;			/* percent */
	double share_min, share_max;	/* percent, where the spread is widest */
	uint64_t share_min_pid, share_max_pid, spread_step;
	double rate;			/* iterations per second, of all together */
	double rate_min;		/* of the slowest worker */
	uint64_t rate_min_pid, rate_min_step;
	double cpu_rate;		/* iterations per second of CPU time */
	double cpu_rate_cv;		/* how that varies among peers: deviation / mean, percent;
					 * the worst */
	uint64_t wakes;			/* measured wake-ups; the following are 0 without one */
	uint64_t wake_p50_ns, wake_p99_ns, wake_max_ns;
	double wake_cv;			/* percent */
	/* On NUMA nodes; of those workers that told. */
	bool has_node_changes, has_pages_migrated;
	uint64_t node_changes, pages, pages_migrated;
	double locality;		/* percent of a worker's own pages that are where they are
					 * expected: of the worker with the lowest part of them */
	uint64_t locality_pid, locality_step, locality_pages, locality_home_pages;
};

/* A step of the scenario as it went. */
struct ktstr_stats_phase {
	uint32_t size;
	uint64_t n, m;			/* step n of m */
	struct ktstr_str name;		/* empty: it has none */
	uint64_t begin_ns, end_ns;	/* guest time */
	uint64_t host_begin_ns, host_end_ns;
	bool ended;			/* false: cut short, end_ns is the last that was heard of
					 * the guest */
	uint64_t workers;		/* at its begin, those of the whole scenario too */
	uint64_t cgroups;
	uint64_t operations, failed_operations;
	double rate;			/* iterations per second, of everybody */
	const struct ktstr_stats_set *all;		/* of the workers that were there for it
							 * alone */
	const struct ktstr_stats_set *const *groups;	/* sorted as those of the whole run */
	size_t n_groups;
};

struct ktstr_stats {
	uint32_t size;
	const struct ktstr_stats_set *all;		/* without workers when none reported */
	const struct ktstr_stats_set *const *cgroups;	/* by name, cg_2 before cg_10 */
	size_t n_cgroups;
	const struct ktstr_stats_set *const *groups;	/* by cgroup, workload, role */
	size_t n_groups;
	const struct ktstr_stats_phase *const *phases;	/* in the order of their begin */
	size_t n_phases;
	const struct ktstr_stats_worker *const *workers;	/* sorted as the groups */
	size_t n_workers;
	uint64_t lost;			/* frames of the guest that never arrived: reports may be
					 * missing */
};

#endif
