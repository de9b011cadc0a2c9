/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conversation of host and guest. Everything that is evidence travels as a record
 * (ktstr/record.h) and goes into the journal as it is; this is the rest.
 *
 *	guest				host
 *	  HELLO record		->
 *				<-	MSG_CLOCK x rounds
 *	  MSG_CLOCK (echo)	->
 *				<-	MSG_FILE ... (plugins, scheduler, engine, libraries)
 *				<-	MSG_PLAN
 *				<-	MSG_START
 *	  records		->
 *				<-	MSG_STOP (Ctrl-C, a deadline; at any time)
 *	  DONE record		->
 *				<-	MSG_BYE: everything is journalled, power off
 *
 * Between the agent and the engine (socketpair, same frames): MSG_PLAN and MSG_START go in, records
 * and finally MSG_FINISHED come out; MSG_STOP ends the scenario at once.
 *
 * Both ends of the channel start counting `seq` at 0 and never skip.
 */
#ifndef KTSTR_WIRE_MESSAGE_H
#define KTSTR_WIRE_MESSAGE_H

#define KTSTR_PROTOCOL 1		/* HELLO carries it as `protocol`; both ends must agree */
#define KTSTR_PORT_NAME "ktstr.0"	/* of the virtio-serial port */

/* Where a run's files are in the guest. Programs of the run get LD_LIBRARY_PATH=KTSTR_GUEST_LIB. */
#define KTSTR_GUEST_ROOT "/run/ktstr"
#define KTSTR_GUEST_LIB KTSTR_GUEST_ROOT "/lib"
#define KTSTR_GUEST_ENGINE KTSTR_GUEST_ROOT "/bin/ktstr-engine"

enum ktstr_msg {
	KTSTR_MSG_CLOCK = 0x1000,	/* n u, host_ns u; the echo repeats n and host_ns and adds guest_ns u */
	KTSTR_MSG_FILE,			/* path t (absolute in the guest), mode u, size u, offset u, data b;
					 * pieces of a file come in order; or link t instead of data */
	KTSTR_MSG_PLAN,			/* see plan/encode.h */
	KTSTR_MSG_START,		/* wall_time_ns? u: the guest's CLOCK_REALTIME is set to it */
	KTSTR_MSG_STOP,			/* reason t */
	KTSTR_MSG_BYE,			/* nothing */
	KTSTR_MSG_FINISHED,		/* outcome t (ran, stopped, failed), text? t: engine to agent */
};

#endif
