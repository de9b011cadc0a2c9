/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/worker.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static const char *fake_role(const struct ktstr_value *values, unsigned index)
{
	(void)values;
	return index ? NULL : "leader";
}

static const struct ktstr_workload_ops fake_ops = {
	.size = sizeof(fake_ops),
	.create = fake_create,
	.iterate = fake_iterate,
	.destroy = fake_destroy,
	.role = fake_role,
};

static const struct ktstr_cpu_map *machine;	/* NULL: with one node */

static int run_ops(const struct ktstr_workload_ops *ops, uint64_t *ret_ready)
{
	struct ktstr_job job = {
		.ops = ops, .name = "fake", .gate = &gate, .slot = &slot, .group_size = 1,
		.ready_fd = eventfd(0, EFD_NONBLOCK), .map = machine,
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

static int run(uint64_t *ret_ready)
{
	return run_ops(&fake_ops, ret_ready);
}

Test(worker, iterates_until_the_gate_says_stop)
{
	uint64_t ready;

	cr_assert_eq(run(&ready), 0);
	cr_assert_eq(ready, 1);
	cr_assert_eq(slot.iterations, 2, "the one that the end cut short does not count");
	cr_assert(slot.finished);
	cr_assert_geq(slot.sleep_ns, KTSTR_NSEC_PER_MSEC);
	cr_assert_lt(slot.sleep_ns, 3600 * KTSTR_NSEC_PER_SEC);
	cr_assert_geq(slot.end_ns, slot.begin_ns);
	cr_assert_eq(slot.n_metrics, 1);
	cr_assert_eq(slot.error[0], '\0');
	cr_assert_str_eq(slot.role, "leader");
	cr_assert_eq(slot.wake.count, 1, "the one sleep that came to its end");
	cr_assert_eq(destroyed, 1);
}

/* What there is when create() is called is not its own; what it takes then is. */
static int big_create(struct ktstr_worker *worker, const struct ktstr_value *values,
		      struct ktstr_workload **ret, struct ktstr_err *err)
{
	const size_t size = 1000 * (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	memset(p, 1, size);
	return fake_create(worker, values, ret, err);
}

static const struct ktstr_workload_ops big_ops = {
	.size = sizeof(big_ops),
	.create = big_create,
	.iterate = fake_iterate,
	.destroy = fake_destroy,
};

Test(worker, tells_where_its_memory_is_when_the_machine_has_nodes)
{
	struct ktstr_cpu_place place = { .cpu = 8000 };
	const struct ktstr_cpu_map two = { .places = &place, .n = 1, .nodes = 2 };
	uint64_t ready, pages = 0;

#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("the address space is AddressSanitizer's");
#endif
	if (syscall(SYS_move_pages, 0, 0ul, NULL, NULL, NULL, 0))
		cr_skip_test("no move_pages() here");
	machine = &two;
	cr_assert_eq(run_ops(&big_ops, &ready), 0);
	cr_assert(slot.has_nodes);
	cr_assert(slot.has_pages);
	cr_assert_not(slot.has_home, "none of its CPUs is on that machine");
	for (size_t i = 0; i < KTSTR_NODES_MAX; i++)
		pages += slot.pages[i];
	cr_assert(pages >= 1000 && pages < 1100, "%llu", (unsigned long long)pages);
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

/* ---- against independent witnesses ---- */

#define SPIN_NS (100 * KTSTR_NSEC_PER_MSEC)

/* A partner on the same CPU: with two that compute, each waits for the other again and again. */
static pid_t start_rival(void)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	while (!pid)
		__asm__ volatile("");
	return pid;
}

static uint64_t cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return ((uint64_t)r.ru_utime.tv_sec + (uint64_t)r.ru_stime.tv_sec) * KTSTR_NSEC_PER_SEC +
	       ((uint64_t)r.ru_utime.tv_usec + (uint64_t)r.ru_stime.tv_usec) * KTSTR_NSEC_PER_USEC;
}

/* Computes in short iterations until it had SPIN_NS of CPU time. */
static int spin_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			struct ktstr_err *err)
{
	(void)w, (void)err;
	ktstr_worker_spin(worker, 5000);
	if (cpu_ns() >= SPIN_NS)
		ktstr_gate_stop(&gate);
	return 0;
}

static const struct ktstr_workload_ops spin_ops = {
	.size = sizeof(spin_ops),
	.create = fake_create,
	.iterate = spin_iterate,
	.destroy = fake_destroy,
};

static uint64_t run_delay_ns(void)
{
	unsigned long long cpu, delay;
	FILE *f = fopen("/proc/self/schedstat", "r");

	cr_assert(f);
	cr_assert_eq(fscanf(f, "%llu %llu", &cpu, &delay), 2);
	fclose(f);
	return delay;
}

Test(worker, times_agree_with_getrusage_and_schedstat)
{
	uint64_t ready, wall, cpu, delay, measured_cpu, measured_delay;
	cpu_set_t one;
	pid_t rival;

	if (access("/proc/self/schedstat", R_OK))
		cr_skip_test("no /proc/self/schedstat");
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	rival = start_rival();
	wall = ktstr_now_ns();
	cpu = cpu_ns();
	delay = run_delay_ns();
	cr_assert_eq(run_ops(&spin_ops, &ready), 0);
	wall = ktstr_now_ns() - wall;
	cpu = cpu_ns() - cpu;
	delay = run_delay_ns() - delay;
	kill(rival, SIGKILL);
	waitpid(rival, NULL, 0);

	/* What was measured lies inside of what the witnesses saw around it. */
	measured_cpu = slot.end.cpu_ns - slot.base.cpu_ns;
	measured_delay = slot.end.run_delay_ns - slot.base.run_delay_ns;
	cr_assert_leq(measured_cpu, cpu + KTSTR_NSEC_PER_USEC);
	cr_assert_geq(measured_cpu, cpu / 2);
	cr_assert_leq(measured_delay, delay);
	cr_assert_gt(measured_delay, 0);
	cr_assert_leq(slot.end_ns - slot.begin_ns, wall);
	cr_assert_gt(slot.max_runnable_ns, 0);
	cr_assert_leq(slot.max_runnable_ns, measured_delay, "one of its waits");
	cr_assert_leq(slot.max_runnable_ns, slot.max_gap_ns);
	cr_assert_eq(slot.wake.count, 0);
}

/* How late the sleeps came back, by the clock around them. */
static uint64_t late_ns;

static int sleepy_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	const uint64_t nap = 300 * KTSTR_NSEC_PER_USEC;
	uint64_t begin = ktstr_now_ns(), took;

	(void)err;
	worker->sleep(worker, nap);
	took = ktstr_now_ns() - begin;
	cr_assert_geq(took, nap);
	late_ns += took - nap;
	if (++w->calls == 50)
		ktstr_gate_stop(&gate);
	return 0;
}

static const struct ktstr_workload_ops sleepy_ops = {
	.size = sizeof(sleepy_ops),
	.create = fake_create,
	.iterate = sleepy_iterate,
	.destroy = fake_destroy,
};

Test(worker, wake_latencies_agree_with_the_clock_around_the_sleep)
{
	uint64_t ready;

	cr_assert_eq(run_ops(&sleepy_ops, &ready), 0);
	cr_assert_eq(slot.wake.count, 50, "no sample is lost");
	cr_assert_leq(slot.wake.sum_ns, late_ns);
	cr_assert_leq(slot.wake.max_ns, slot.wake.sum_ns);
	cr_assert_eq(ktstr_histogram_percentile(&slot.wake, 1000), slot.wake.max_ns);
	cr_assert_eq(slot.sleep_ns, 50 * 300 * KTSTR_NSEC_PER_USEC);
	cr_assert_leq(slot.sleep_ns + slot.wake.sum_ns, slot.end_ns - slot.begin_ns);
}

/* Two workers that hand a word to and fro: what one stamps, the other measures. */
struct court {
	struct ktstr_gate gate;
	struct ktstr_slot slots[2];
	uint32_t turn;
	uint64_t woken_ns;
};

static struct court *court;
static unsigned player;

static int rally_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	(void)err;
	while (__atomic_load_n(&court->turn, __ATOMIC_ACQUIRE) % 2 != player) {
		worker->block(worker);
		while (__atomic_load_n(&court->turn, __ATOMIC_ACQUIRE) % 2 != player)
			sched_yield();
		worker->unblock(worker, court->woken_ns);
	}
	court->woken_ns = ktstr_now_ns();
	__atomic_add_fetch(&court->turn, 1, __ATOMIC_RELEASE);
	if (++w->calls == 200)
		ktstr_gate_stop(&gate);
	return 0;
}

static const struct ktstr_workload_ops rally_ops = {
	.size = sizeof(rally_ops),
	.create = fake_create,
	.iterate = rally_iterate,
	.destroy = fake_destroy,
};

Test(worker, waiting_for_a_partner_is_no_gap)
{
	uint64_t ready;
	pid_t pid;

	court = mmap(NULL, sizeof(*court), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	cr_assert_neq(court, MAP_FAILED);
	pid = fork();
	player = !pid;
	cr_assert_eq(run_ops(&rally_ops, &ready), 0);
	court->slots[player] = slot;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		const struct ktstr_slot *s = &court->slots[i];

		cr_assert_eq(s->iterations, 199);
		cr_assert_gt(s->wake.count, 0);
		cr_assert_leq(s->wake.count, 200);
		cr_assert_leq(s->block_ns + s->wake.sum_ns, s->end_ns - s->begin_ns);
	}
	munmap(court, sizeof(*court));
}
