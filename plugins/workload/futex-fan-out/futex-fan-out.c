/* SPDX-License-Identifier: GPL-2.0-only */
/* A messenger that wakes many receivers at once, each of which computes; then the next round. */
#include <ktstr/workload-fan-out.h>

enum { P_FAN_OUT, P_LOOPS };

static const struct ktstr_param params[] = {
	[P_FAN_OUT] = KTSTR_PARAM_FAN_OUT,
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "by each of them in a round"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	uint32_t seen;			/* rounds that this receiver has had */
};

static unsigned fan_group_size(const struct ktstr_value *values)
{
	return (unsigned)values[P_FAN_OUT].u64 + 1;
}

static size_t fan_shared_bytes(const struct ktstr_value *values)
{
	(void)values;
	return sizeof(struct ktstr_fan_out);
}

static const char *fan_role(const struct ktstr_value *values, unsigned index)
{
	(void)values;
	return ktstr_fan_out_role(index);
}

static int fan_iterate(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	struct ktstr_fan_out *fan = worker->shared;

	(void)err;
	if (!worker->index) {
		ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
		ktstr_fan_out_send(fan, worker);
	} else if (ktstr_fan_out_receive(fan, worker, &w->seen)) {
		ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
		ktstr_fan_out_done(fan);
	}
	return 0;
}

KTSTR_DEFINE_PLAIN_STATE();

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = fan_group_size,
	.create = state_create,
	.iterate = fan_iterate,
	.destroy = state_destroy,
	.shared_bytes = fan_shared_bytes,
	.role = fan_role,
};

KTSTR_DEFINE_WORKLOAD("futex-fan-out", PLUGIN_VERSION,
		      "one that wakes many at once, round by round", params, ops);
