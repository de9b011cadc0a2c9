/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of CPUs as a scenario asks for them, and what they are on a machine. Pure: the host resolves
 * against the topology that it asks for, to find the impossible before a VM boots, the guest
 * against the one that it has. [any thread]
 */
#ifndef KTSTR_PLAN_CPUS_H
#define KTSTR_PLAN_CPUS_H

#include "base/vec.h"

#include <ktstr/err.h>
#include <ktstr/fields.h>
#include <ktstr/vmm.h>

#define KTSTR_CPUS_MAX 8192	/* NR_CPUS of a distribution kernel */

struct ktstr_cpu_mask {
	uint64_t bits[KTSTR_CPUS_MAX / 64];
};

struct ktstr_cpu_place {
	uint32_t cpu;
	uint32_t node, llc, core;	/* numbered from 0 in order of their first CPU */
};

/* The CPUs of a machine, by number. */
struct ktstr_cpu_map {
	struct ktstr_cpu_place *places;
	size_t n;
	uint32_t nodes, llcs;
};

enum ktstr_cpu_choice {
	KTSTR_CPUS_ALL,
	KTSTR_CPUS_LLC,		/* those of last-level cache `index` */
	KTSTR_CPUS_NUMA,	/* those of node `index` */
	KTSTR_CPUS_RANGE,	/* from the share `from` of all CPUs up to the share `to` */
	KTSTR_CPUS_DISJOINT,	/* part `index` of `of` equal ones; the last takes the rest */
	KTSTR_CPUS_OVERLAP,	/* such a part and the share `from` of it at each inner side */
	KTSTR_CPUS_EXACT,	/* `list` */
	KTSTR_CPUS_HOLDBACK,	/* all but the last, the share `from` of all */
	KTSTR_CPU_CHOICES,
};

/* Shares are from 0 to 1. */
struct ktstr_cpu_spec {
	enum ktstr_cpu_choice choice;
	uint32_t index, of;
	double from, to;
	const char *list;	/* a kernel list such as "0-3,8" */
};

/* The set on that machine, never empty. -EINVAL when the machine cannot have it: err says why. */
int ktstr_cpu_spec_resolve(const struct ktstr_cpu_spec *spec, const struct ktstr_cpu_map *map,
			   struct ktstr_cpu_mask *ret, struct ktstr_err *err);

/* How the tasks of a workers entry are bound, within the CPUs that their cgroup may use. */
enum ktstr_affinity_kind {
	KTSTR_AFFINITY_INHERIT,		/* not at all */
	KTSTR_AFFINITY_ALL,		/* to every CPU of the machine: a call, whatever it does */
	KTSTR_AFFINITY_LLC,		/* to the cache that has most of the cgroup's CPUs */
	KTSTR_AFFINITY_SINGLE,		/* all of them to the cgroup's first CPU */
	KTSTR_AFFINITY_EACH,		/* worker i to the cgroup's CPU i, over and over */
	KTSTR_AFFINITY_RANDOM,		/* each to its own half, drawn from `seed` and its number */
	KTSTR_AFFINITY_EXACT,		/* to `list` */
	KTSTR_AFFINITY_KINDS,
};

struct ktstr_affinity {
	enum ktstr_affinity_kind kind;
	uint64_t seed;
	const char *list;
};

/* The mask of worker number `worker` whose cgroup may use `pool`. Not for INHERIT. -EINVAL when
 * nothing is left. */
int ktstr_affinity_resolve(const struct ktstr_affinity *affinity, const struct ktstr_cpu_map *map,
			   const struct ktstr_cpu_mask *pool, uint32_t worker,
			   struct ktstr_cpu_mask *ret, struct ktstr_err *err);

/* The machine that `topology` describes, its CPUs numbered as ktstr's VMs do: thread by thread,
 * core by core, cache by cache. -ENOMEM. */
int ktstr_cpu_map_create(const struct ktstr_topology *topology, struct ktstr_cpu_map *ret);
void ktstr_cpu_map_deinit(struct ktstr_cpu_map *map);

static inline void ktstr_cpu_set(struct ktstr_cpu_mask *mask, uint32_t cpu)
{
	mask->bits[cpu / 64] |= 1ull << (cpu % 64);
}

static inline bool ktstr_cpu_isset(const struct ktstr_cpu_mask *mask, uint32_t cpu)
{
	return mask->bits[cpu / 64] >> (cpu % 64) & 1;
}

uint32_t ktstr_cpu_count(const struct ktstr_cpu_mask *mask);

/* A kernel list ("0-3,8") as a mask; false when it is none, or names a CPU that no kernel has. */
bool ktstr_cpu_list_parse(const char *list, struct ktstr_cpu_mask *ret);
/* And back; "" for an empty mask. */
void ktstr_cpu_list_put(const struct ktstr_cpu_mask *mask, struct ktstr_buf *out);

#endif
