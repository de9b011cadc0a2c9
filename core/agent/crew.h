/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A crew: the workers that one cgroup's definition, or one operation, asks for. It is made, its
 * gate is opened together with those of other crews, and it is brought home. [engine]
 */
#ifndef KTSTR_AGENT_CREW_H
#define KTSTR_AGENT_CREW_H

#include "agent/engine.h"

#include <signal.h>

/* Forks the workers of `cgroup`, each into it; its name "" stands for no cgroup of their own. They
 * belong to step `step`, 0: to the whole scenario. */
int ktstr_crew_start(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		     uint32_t step, struct ktstr_err *err);

/* Waits until every worker that was forked is at its gate. */
int ktstr_crews_wait_ready(struct ktstr_engine *engine, struct ktstr_err *err);

/* Opens the gates that are still closed. */
void ktstr_crews_open(struct ktstr_engine *engine);

/* Brings home those that `step` has, or those in a cgroup, reports what they did, and forgets them.
 * *ret_workers of them. Workers that do not come back are a fault. */
void ktstr_crews_end_step(struct ktstr_engine *engine, uint32_t step, uint32_t *ret_workers);
void ktstr_crews_end_in(struct ktstr_engine *engine, const char *cgroup, uint32_t *ret_workers);

/* Binds the workers in a cgroup anew; *ret_workers of them. */
int ktstr_crews_bind(struct ktstr_engine *engine, const char *cgroup,
		     const struct ktstr_affinity *affinity, uint32_t *ret_workers,
		     struct ktstr_err *err);

/* True when a worker in it that lives was bound to CPUs of its own, at its start or since. */
bool ktstr_crews_bound(const struct ktstr_engine *engine, const char *cgroup);

/* The workers in one cgroup are in another one from now on. */
void ktstr_crews_moved(struct ktstr_engine *engine, const char *from, const char *to);

/* Workers that are in a cgroup, or in all (NULL). */
uint32_t ktstr_crews_count(const struct ktstr_engine *engine, const char *cgroup);

/* Iterations of all workers so far, of those too that were brought home. */
uint64_t ktstr_crews_iterations(const struct ktstr_engine *engine);

/* A child of the engine has ended; it is still a zombie, so that its counts can be read. */
void ktstr_crews_child(struct ktstr_engine *engine, const siginfo_t *info);

#endif
