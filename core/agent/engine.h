/* SPDX-License-Identifier: GPL-2.0-only */
/* The engine: carries out a scenario, step by step, and reports to the agent. [one thread] */
#ifndef KTSTR_AGENT_ENGINE_H
#define KTSTR_AGENT_ENGINE_H

#include "agent/channel.h"
#include "agent/plan-decode.h"
#include "agent/workloads.h"

struct ktstr_crew;
struct ktstr_program;

/* A cgroup of the scenario. */
struct ktstr_group {
	char *name;
	uint32_t step;			/* 0: it stays for the whole scenario */
	bool frozen;
};

struct ktstr_engine {
	struct ktstr_loop loop;
	struct ktstr_guest_channel agent;
	struct ktstr_source children;		/* signalfd for SIGCHLD */
	struct ktstr_timer timer;		/* of ktstr_engine_wait() */
	struct ktstr_guest_plan *plan;
	struct ktstr_workloads workloads;
	struct ktstr_cpu_map map;		/* the machine */
	KTSTR_VEC(struct ktstr_group) groups;	/* in the order of their making */
	struct ktstr_crew *crews;		/* the same */
	struct ktstr_program *programs;		/* the payloads, those too that have ended */
	const char *awaited_program;
	struct ktstr_source ready;		/* eventfd: +1 for each worker at its gate */
	uint32_t n_ready, n_awaited;		/* workers at closed gates; forked for them */
	uint32_t next_group;			/* number for workers that belong together */
	uint64_t past_iterations;		/* of workers that were brought home */
	const char *awaited_group, *awaited_event;	/* of group.c */
	bool started, stopped, timed_out;
	bool answered, answer_ok;		/* the agent's or the host's word on an operation of theirs */
	char answer[KTSTR_ERR_MAX];
	bool failed, skipped;			/* skipped: this guest lacks something */
	char why[KTSTR_ERR_MAX];		/* the first failure */
};

enum ktstr_wait {
	KTSTR_WAIT_MET,		/* what was waited for is so */
	KTSTR_WAIT_TIME,	/* the time came first */
	KTSTR_WAIT_STOPPED,	/* the agent said stop first */
};

/* Handles what happens until `met` says so, or `until_ns` (UINT64_MAX: for ever), or a stop. With
 * `finish`, a stop is no reason to end the wait. */
enum ktstr_wait ktstr_engine_wait(struct ktstr_engine *engine,
				  bool (*met)(struct ktstr_engine *engine), uint64_t until_ns,
				  bool finish);

/* Reports a fault; the step ends, and the scenario will have failed. */
void ktstr_engine_fault(struct ktstr_engine *engine, const char *what, const struct ktstr_err *err);

#endif
