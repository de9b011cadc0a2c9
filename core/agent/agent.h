/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The agent: what PID 1 of the guest knows, and the states that a run goes through in it.
 * [one thread]
 */
#ifndef KTSTR_AGENT_AGENT_H
#define KTSTR_AGENT_AGENT_H

#include "agent/engine-link.h"
#include "agent/files.h"
#include "agent/kmsg.h"
#include "agent/plan-decode.h"
#include "agent/sched.h"
#include "agent/scxstate.h"
#include "agent/swap.h"
#include "agent/topology.h"
#include "agent/trace.h"

enum ktstr_agent_state {
	KTSTR_AGENT_IDLE,	/* waits for the host's greeting, then takes files and the plan */
	KTSTR_AGENT_PREPARING,	/* mounts, modules, streams */
	KTSTR_AGENT_PROBING,	/* in an attempt that repeats a crash: the prober is not ready yet */
	KTSTR_AGENT_ATTACHING,	/* the scheduler runs; the kernel has not enabled it yet */
	KTSTR_AGENT_RUNNING,	/* the engine carries out the scenario */
	KTSTR_AGENT_STOPPING,	/* the engine was asked to come to an end */
	KTSTR_AGENT_ENDING,	/* the scheduler is asked to end, ever less politely */
	KTSTR_AGENT_SETTLING,	/* last output, kernel messages and dump come in */
	KTSTR_AGENT_REPORTED,	/* DONE was sent; waits for the host to have it */
	KTSTR_AGENT_OFF,
	KTSTR_AGENT_STATES,
};

/* Of several events that came at once, the first in this order is acted upon first. */
enum ktstr_agent_event {
	KTSTR_EVENT_START,	/* the host: everything is there, begin */
	KTSTR_EVENT_READY,	/* prepared */
	KTSTR_EVENT_PROBED,	/* the probes are there, or there are none */
	KTSTR_EVENT_ATTACHED,	/* the kernel enabled the scheduler, or there is none to attach */
	KTSTR_EVENT_FAILED,	/* the agent could not do something; reported where it happened */
	KTSTR_EVENT_DISABLED,	/* the kernel threw the scheduler out */
	KTSTR_EVENT_SCHED_GONE,	/* the scheduler's process ended */
	KTSTR_EVENT_FINISHED,	/* the engine says that the scenario is over */
	KTSTR_EVENT_ENGINE_GONE,	/* the engine's process ended */
	KTSTR_EVENT_SETTLED,	/* nothing more is coming */
	KTSTR_EVENT_STOP,	/* the host: come to an end */
	KTSTR_EVENT_BYE,	/* the host: power off */
	KTSTR_EVENT_DEADLINE,	/* of the present state */
	KTSTR_AGENT_EVENTS,
};

enum ktstr_outcome {
	KTSTR_OUTCOME_RAN, KTSTR_OUTCOME_SCHED_DIED, KTSTR_OUTCOME_FAILED,
	KTSTR_OUTCOME_SKIPPED,	/* this guest lacks what the scenario needs */
};

struct ktstr_agent {
	uint64_t boot_ns;		/* CLOCK_MONOTONIC when the agent began */
	bool greeted;
	unsigned n_settled;		/* of the steps of ktstr_agent_settle() */
	struct ktstr_guest_topology topology;
	struct ktstr_loop loop;
	struct ktstr_guest_channel port;
	struct ktstr_source children;	/* signalfd for SIGCHLD */
	struct ktstr_files files;
	struct ktstr_kmsg kmsg;
	struct ktstr_trace trace;
	struct ktstr_sched sched;
	struct ktstr_engine_link engine, prober;
	struct ktstr_swap swap;

	struct ktstr_guest_plan *plan;
	struct ktstr_buf plan_payload;	/* for the engine */
	bool prober_ready;		/* the scheduler may start */

	enum ktstr_agent_state state;
	unsigned raised;		/* bit mask of events that wait for their turn */
	struct ktstr_timer deadline, poll;
	struct ktstr_scx_state scx_before;
	bool disabled;			/* the kernel threw the scheduler out */
	char disabled_line[256];	/* what its log says of that */
	unsigned rung;			/* of the ladder of signals */
	enum ktstr_outcome outcome;
	bool noted;			/* outcome and why are decided: the first reason stays */
	char why[KTSTR_ERR_MAX];
};

/* The table of transitions: true when `event` means something in `state`. */
bool ktstr_agent_next(enum ktstr_agent_state state, enum ktstr_agent_event event,
		      enum ktstr_agent_state *ret_next);

/* Starts in KTSTR_AGENT_IDLE; loop and port are there. */
void ktstr_supervise_init(struct ktstr_agent *agent);

/* Takes note of an event; it is acted upon in ktstr_supervise_run(). */
void ktstr_supervise_raise(struct ktstr_agent *agent, enum ktstr_agent_event event);

/* Decides the outcome, unless it is decided already. */
__attribute__((format(printf, 3, 4)))
void ktstr_supervise_note(struct ktstr_agent *agent, enum ktstr_outcome outcome, const char *fmt,
			  ...);

/* Reports a fault of the agent's own, notes it as the outcome, raises KTSTR_EVENT_FAILED. */
void ktstr_supervise_fail(struct ktstr_agent *agent, const char *what, const struct ktstr_err *err);

/* KTSTR_REC_SCHED_STATE. */
void ktstr_supervise_report_scx(struct ktstr_agent *agent, bool attached);

/* A child was reaped. */
void ktstr_supervise_reaped(struct ktstr_agent *agent, const siginfo_t *info);

/* Starts the prober, whose files are there, with what it is to attach (KTSTR_MSG_PROBES). */
void ktstr_supervise_probe(struct ktstr_agent *agent, const void *probes, size_t len);

/* Acts upon the raised events, until none is left. */
void ktstr_supervise_run(struct ktstr_agent *agent);

/* The part of the below that is the same for every run of a machine; goes on where it failed before. */
int ktstr_agent_settle(struct ktstr_agent *agent, const char **ret_what, struct ktstr_err *err);

/* What has to be in place before the scheduler and the scenario can start (prepare.c). Reports
 * KTSTR_STAGE_MOUNTS. On failure *ret_what is one word for the fault's record. */
int ktstr_agent_prepare(struct ktstr_agent *agent, const char **ret_what, struct ktstr_err *err);

#endif
