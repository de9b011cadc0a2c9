/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group of one messenger, member 0, and its receivers. In each round the messenger wakes all
 * receivers at once, each works, and the last one that is done wakes the messenger. The struct is
 * what the group shares; zeroed memory is a good one. [worker]
 */
#ifndef KTSTR_WORKLOAD_FAN_OUT_H
#define KTSTR_WORKLOAD_FAN_OUT_H

#include <ktstr/workload-event.h>

struct ktstr_fan_out {
	struct ktstr_event start, done;
	uint32_t left;			/* receivers that have not finished this round */
};

/* The row of a parameter table for the receivers of a group; see group_size(). */
#define KTSTR_PARAM_FAN_OUT								\
	{ .name = "fan-out", .type = KTSTR_PARAM_UINT, .def = "4", .min = 1, .max = 1023, \
	  .help = "receivers of each messenger; a group is one more" }

static inline const char *ktstr_fan_out_role(unsigned index)
{
	return index ? "receiver" : "messenger";
}

/* The messenger's round: all receivers work once. False when the step ended before that. */
static inline bool ktstr_fan_out_send(struct ktstr_fan_out *fan, struct ktstr_worker *worker)
{
	uint32_t done = ktstr_event_seq(&fan->done);

	__atomic_store_n(&fan->left, worker->group_size - 1, __ATOMIC_RELAXED);
	ktstr_event_signal(&fan->start);
	return ktstr_event_wait(worker, &fan->done, done);
}

/* Waits for the next round; *seen is the receiver's own, 0 at first. False: the step ended. */
static inline bool ktstr_fan_out_receive(struct ktstr_fan_out *fan, struct ktstr_worker *worker,
					 uint32_t *seen)
{
	if (!ktstr_event_wait(worker, &fan->start, *seen))
		return false;
	++*seen;		/* the next round does not begin before this receiver is done */
	return true;
}

/* This receiver is done with the round. */
static inline void ktstr_fan_out_done(struct ktstr_fan_out *fan)
{
	if (!__atomic_sub_fetch(&fan->left, 1, __ATOMIC_ACQ_REL))
		ktstr_event_signal(&fan->done);
}

#endif
