/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/worker.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A workload that does what the test says and ends its own step. */
struct ktstr_workload {
	struct ktstr_gate *gate;
	int calls;
};

static struct ktstr_gate gate;
static struct ktstr_slot slot;
static int create_result, iterate_result, destroyed;

static int fake_create(struct ktstr_worker *worker, const struct ktstr_value *values,
		       struct ktstr_workload **ret, struct ktstr_err *err)
{
	(void)worker, (void)values;
	if (create_result)
		return ktstr_err_set(err, create_result, "no such device");
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

static int fake_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	if (++w->calls < 3)
		return 0;
	worker->metric(worker, "calls", NULL, w->calls);
	worker->sleep(worker, KTSTR_NSEC_PER_MSEC);
	cr_assert(worker->running(worker));
	ktstr_gate_stop(&gate);
	cr_assert_not(worker->running(worker));
	worker->sleep(worker, 3600 * KTSTR_NSEC_PER_SEC);	/* returns: the step is over */
	return iterate_result ? ktstr_err_set(err, iterate_result, "lost its way") : 0;
}

static void fake_destroy(struct ktstr_workload *w)
{
	destroyed++;
	free(w);
}

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = fake_create,
	.iterate = fake_iterate,
	.destroy = fake_destroy,
};

static int run(uint64_t *ret_ready)
{
	struct ktstr_job job = {
		.ops = &ops, .name = "fake", .gate = &gate, .slot = &slot, .group_size = 1,
		.ready_fd = eventfd(0, EFD_NONBLOCK),
	};
	int ret;

	ktstr_gate_open(&gate);
	ret = ktstr_worker_run(&job);
	*ret_ready = 0;
	if (read(job.ready_fd, ret_ready, sizeof(*ret_ready)) < 0)
		cr_assert_eq(errno, EAGAIN);
	close(job.ready_fd);
	return ret;
}

Test(worker, iterates_until_the_gate_says_stop)
{
	uint64_t ready;

	cr_assert_eq(run(&ready), 0);
	cr_assert_eq(ready, 1);
	cr_assert_eq(slot.iterations, 3);
	cr_assert(slot.finished);
	cr_assert_geq(slot.sleep_ns, KTSTR_NSEC_PER_MSEC);
	cr_assert_lt(slot.sleep_ns, 3600 * KTSTR_NSEC_PER_SEC);
	cr_assert_geq(slot.end_ns, slot.begin_ns);
	cr_assert_eq(slot.n_metrics, 1);
	cr_assert_eq(slot.error[0], '\0');
	cr_assert_eq(destroyed, 1);
}

Test(worker, an_iteration_that_fails_ends_it)
{
	uint64_t ready;

	iterate_result = -EIO;
	cr_assert_eq(run(&ready), -EIO);
	cr_assert_str_eq(slot.error, "lost its way");
	cr_assert_eq(slot.iterations, 2, "the failing one does not count");
	cr_assert_eq(destroyed, 1);
}

Test(worker, one_that_cannot_be_made_is_not_ready)
{
	uint64_t ready;

	create_result = -ENODEV;
	cr_assert_eq(run(&ready), -ENODEV);
	cr_assert_eq(ready, 0);
	cr_assert_str_eq(slot.error, "no such device");
	cr_assert_eq(destroyed, 0);
	cr_assert_eq(slot.begin_ns, 0);
}
