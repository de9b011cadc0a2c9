/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conversation of host and guest. Everything that is evidence travels as a record
 * (ktstr/record.h) and goes into the journal as it is; this is the rest.
 *
 *	guest				host
 *	  MSG_WAITING		->
 *				<-	MSG_SETTLE, when the machine is to be copied
 *	  MSG_WAITING		->
 *				<-	MSG_GREET
 *	  HELLO record		->
 *				<-	MSG_CLOCK x rounds
 *	  MSG_CLOCK (echo)	->
 *				<-	MSG_FILE ... (the prober and its libraries) and MSG_PROBES, in an
 *					attempt that repeats a crash
 *				<-	MSG_FILE ... (plugins, scheduler, engine, libraries)
 *				<-	MSG_PLAN
 *				<-	MSG_START
 *	  records		->
 *	  MSG_ASK		->
 *				<-	MSG_ANSWER
 *				<-	MSG_DUMP (a limit of the monitors was violated for long; once)
 *				<-	MSG_STOP (Ctrl-C, a deadline; at any time)
 *	  DONE record		->
 *				<-	MSG_BYE: everything is journalled, power off
 *
 * Between the agent and the engine (socketpair, same frames): MSG_PLAN and MSG_START go in, records
 * and finally MSG_FINISHED come out; MSG_STOP ends the scenario at once. MSG_SCHEDULER comes out where
 * the scenario changes the scheduler, and MSG_SCHEDULER_DONE goes in when that is done. MSG_ASK comes out
 * and goes on to the host where an operation is the host's to carry out; MSG_ANSWER comes back the same way.
 *
 * Between the agent and the prober, the same way: MSG_PROBES goes in, MSG_PROBES_READY and records come out, and
 * after MSG_STOP MSG_PROBE_DATA, more records and MSG_FINISHED.
 *
 * Both ends of the channel start counting `seq` at 0 with MSG_GREET and what follows it, and never skip.
 *
 * While the agent waits for MSG_GREET, the machine is the same for every run: this is where a vmm may copy it.
 * A copy does not say MSG_WAITING again.
 */
#ifndef KTSTR_WIRE_MESSAGE_H
#define KTSTR_WIRE_MESSAGE_H

#define KTSTR_PROTOCOL 3		/* HELLO carries it as `protocol`; both ends must agree */
#define KTSTR_PORT_NAME "ktstr.0"	/* of the virtio-serial port */

/* The agent's first words, on the console. */
#define KTSTR_SAYS_INIT "ktstr-agent: init"

/* Random bytes in MSG_GREET: what the kernel's generator takes in one reseeding (BLAKE2S_HASH_SIZE of
 * drivers/char/random.c), twice. */
#define KTSTR_GREET_SEED 64

/* Where a run's files are in the guest. Programs of the run get LD_LIBRARY_PATH=KTSTR_GUEST_LIB. */
#define KTSTR_GUEST_ROOT "/run/ktstr"
#define KTSTR_GUEST_LIB KTSTR_GUEST_ROOT "/lib"
#define KTSTR_GUEST_BIN KTSTR_GUEST_ROOT "/bin"
#define KTSTR_GUEST_FILES KTSTR_GUEST_ROOT "/files"
#define KTSTR_GUEST_ENGINE KTSTR_GUEST_BIN "/ktstr-engine"
#define KTSTR_GUEST_PROBER KTSTR_GUEST_BIN "/ktstr-prober"

enum ktstr_msg {
	KTSTR_MSG_WAITING = 0x1000,	/* nothing; guest to host */
	KTSTR_MSG_SETTLE,		/* nothing: do now what is the same for every run, and wait again */
	KTSTR_MSG_GREET,		/* wall_time_ns u, seed b, host_name t: what makes this guest differ from
					 * others made from the same snapshot; the first message of every run */
	KTSTR_MSG_CLOCK,		/* n u, host_ns u; the echo repeats n and host_ns and adds guest_ns u */
	KTSTR_MSG_FILE,			/* path t (absolute in the guest), mode u, size u, offset u, data b;
					 * pieces of a file come in order; or link t instead of data */
	KTSTR_MSG_PLAN,			/* see plan/encode.h */
	KTSTR_MSG_START,		/* nothing */
	KTSTR_MSG_STOP,			/* reason t */
	KTSTR_MSG_BYE,			/* nothing */
	KTSTR_MSG_FINISHED,		/* outcome t (ran, stopped, failed), text? t: engine to agent */
	KTSTR_MSG_SCHEDULER,		/* step u, op u: the plan's operation that changes the scheduler; engine
					 * to agent */
	KTSTR_MSG_SCHEDULER_DONE,	/* ok b, text? t: its answer */
	KTSTR_MSG_PROBES,		/* see probe/plan.h: what to attach; host to agent, agent to prober */
	KTSTR_MSG_PROBES_READY,		/* nothing: the scheduler may start; prober to agent */
	KTSTR_MSG_PROBE_DATA,		/* events b (struct ktstr_event of bpf/probe.h, in a row); prober to agent to host */
	KTSTR_MSG_ASK,			/* step u, op u: the plan's operation that the host carries out; engine to
					 * host */
	KTSTR_MSG_ANSWER,		/* ok b, text? t: its answer, and what was done or why not */
	KTSTR_MSG_DUMP,			/* nothing: have the kernel write a sched_ext dump; host to guest */
};

#endif
