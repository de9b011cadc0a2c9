/* SPDX-License-Identifier: GPL-2.0-only */
/* Two workers that compute in turn and wake each other on a futex: the shortest way there is. */
#include <ktstr/workload-event.h>

enum { P_LOOPS };

static const struct ktstr_param params[] = {
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "at each turn"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
};

static unsigned pong_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static size_t pong_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(struct ktstr_event);
}

/* It is this one's turn when the event has happened as often as its index says, modulo 2. */
static int pong_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	struct ktstr_event *turn = worker->shared;
	uint32_t seq = ktstr_event_seq(turn);

	(void)err;
	if (seq % 2 != worker->index && !ktstr_event_wait(worker, turn, seq))
		return 0;
	ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	ktstr_event_signal(turn);
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = pong_group_size,
	.create = state_create,
	.iterate = pong_iterate,
	.destroy = state_destroy,
	.shared_bytes = pong_shared_bytes,
};

KTSTR_DEFINE_WORKLOAD("futex-ping-pong", PLUGIN_VERSION, "pairs that wake each other on a futex",
		      params, ops);
