/* SPDX-License-Identifier: GPL-2.0-only */
/* The monitor thread of an attempt, over guest memory made by the test and with monitors of the
 * test's own. */
#include "guestmem-fixture.h"

#include "base/cleanup.h"
#include "run/monitors.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>

TestSuite(monitors, .timeout = 60);

/* ---- a monitor ---- */

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path count;
};

static atomic_int made, gone, samples, fail_create, fail_from = INT32_MAX;

static int counter_create(const struct ktstr_host *host, const struct ktstr_value *values,
			  const struct ktstr_guest_view *view, struct ktstr_monitor **ret,
			  struct ktstr_err *err)
{
	struct ktstr_monitor *m;
	struct ktstr_guest_path path;

	(void)host, (void)values;
	if (fail_create)
		return view->guest_ops->path(view->guest, "top.gone", &path, err);
	m = calloc(1, sizeof(*m));
	m->view = view;
	cr_assert_eq(view->guest_ops->path(view->guest, "top.count", &m->count, err), 0, "%s",
		     err->msg);
	made++;
	*ret = m;
	return 0;
}

static int counter_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	const struct ktstr_guest_view *v = m->view;
	uint64_t at, value;

	if (samples++ >= fail_from)
		return ktstr_err_set(err, -EIO, "no more of this");
	cr_assert_eq(v->guest_ops->symbol(v->guest, "runqueues", &at, NULL), 0);
	at = v->guest_ops->cpu(v->guest, at, 0);
	if (v->guest_ops->number(v->guest, &m->count, at, &value))
		ktstr_put_s64(fields, "count", (int64_t)value);
	return 0;
}

static void counter_destroy(struct ktstr_monitor *m)
{
	gone++;
	free(m);
}

static const struct ktstr_monitor_ops counter_ops = {
	.size = sizeof(counter_ops), .create = counter_create, .sample = counter_sample,
	.destroy = counter_destroy,
};
static const struct ktstr_plugin counter = {
	.size = sizeof(counter), .kind = KTSTR_KIND_MONITOR, .name = "counter", .summary = "counts",
	.param_size = sizeof(struct ktstr_param), .ops = &counter_ops,
};

/* ---- a run ---- */

struct run {
	struct fixture_memory memory;
	struct ktstr_plugin_use use;
	struct ktstr_plan plan;
	struct ktstr_journal_writer *writer;
	struct ktstr_journal *journal;
	struct ktstr_monitors *monitors;
	char path[64];
};

static void begin_run(struct run *r, bool kernel, uint64_t period_ns)
{
	struct ktstr_monitors_params params = { .plan = &r->plan,
						.ram = r->memory.ram,
						.n_ram = 2 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int32_t count = -7;
	int fd;

	memset(r, 0, sizeof(*r));
	fixture_memory_init(&r->memory, true);
	if (kernel)
		fixture_kernel(&r->memory, FIXTURE_PLACE, NULL);
	fixture_put(&r->memory, fixture_cpu_page(0) + 0x104, &count, sizeof(count));
	r->use.plugin = &counter;
	r->plan.monitors.items = &r->use;
	r->plan.monitors.n = 1;
	r->plan.monitor_period_ns = period_ns;
	strcpy(r->path, "/tmp/test-monitors-XXXXXX");
	fd = mkstemp(r->path);
	cr_assert(fd >= 0);
	close(fd);
	unlink(r->path);
	cr_assert_eq(ktstr_journal_create(r->path, 0, &r->writer, &err), 0, "%s", err.msg);
	params.journal = r->writer;
	params.ram = r->memory.ram;
	params.tids[0] = getpid();
	params.n_tids = 1;
	cr_assert_eq(ktstr_monitors_create(&params, &r->monitors, &err), 0, "%s", err.msg);
}

static void end_run(struct run *r)
{
	ktstr_monitors_destroy(r->monitors);
	ktstr_journal_close(r->writer);
	cr_assert_eq(ktstr_journal_open(r->path, &r->journal, NULL), 0);
	unlink(r->path);
	fixture_memory_deinit(&r->memory);
}

/* How many samples of that monitor; the numbers go up one by one. *ret_error is the last one's. */
static unsigned count_samples(struct run *r, const char *name, char error[128])
{
	struct ktstr_record record;
	uint64_t cursor = 0, n = 0;
	unsigned count = 0;

	*error = '\0';
	while (ktstr_journal_next(r->journal, &cursor, &record)) {
		struct ktstr_str who = { "", 0 };
		int64_t value = 0;

		if (record.type == KTSTR_REC_MAP_WRITE)
			continue;
		cr_assert_eq(record.type, KTSTR_REC_SAMPLE);
		ktstr_get_str(&record.fields, "monitor", &who);
		if (!ktstr_str_is(who, name))
			continue;
		if (ktstr_get_cstr(&record.fields, "error", error, 128))
			continue;
		cr_assert(ktstr_get_u64(&record.fields, "n", &n));
		cr_expect_eq(n, count, "sample %u is number %llu", count, (unsigned long long)n);
		count++;
		if (!strcmp(name, "counter")) {
			cr_assert(ktstr_get_s64(&record.fields, "count", &value));
			cr_expect_eq(value, -7);
		}
	}
	return count;
}

static void wait_samples(int n)
{
	while (samples < n)
		sched_yield();
}

Test(monitors, watch_from_begin_to_end)
{
	struct run r;
	char error[128];
	int seen;

	begin_run(&r, true, 1000000);
	ktstr_monitors_begin(r.monitors);
	ktstr_monitors_begin(r.monitors);
	wait_samples(5);
	ktstr_monitors_end(r.monitors);
	seen = samples;
	ktstr_monitors_end(r.monitors);
	ktstr_monitors_begin(r.monitors);
	end_run(&r);
	cr_expect_eq(samples, seen, "a sample after the end");
	cr_expect_eq(count_samples(&r, "counter", error), (unsigned)seen);
	cr_expect_str_empty(error, "%s", error);
	cr_expect_eq(count_samples(&r, "vcpus", error), (unsigned)seen);
	cr_expect(made == 1 && gone == 1);
	ktstr_journal_destroy(r.journal);
}

/* The last sample is taken at the end, however long the period is. */
Test(monitors, a_long_period_has_two_samples)
{
	struct run r;
	char error[128];

	begin_run(&r, true, 3600ull * 1000000000);
	ktstr_monitors_begin(r.monitors);
	wait_samples(1);
	end_run(&r);
	cr_expect_eq(count_samples(&r, "counter", error), 2);
	ktstr_journal_destroy(r.journal);
}

Test(monitors, nothing_without_begin)
{
	struct run r;
	char error[128];

	begin_run(&r, true, 1000000);
	end_run(&r);
	cr_expect_eq(count_samples(&r, "counter", error), 0);
	cr_expect_str_empty(error);
	cr_expect(made == gone);
	ktstr_journal_destroy(r.journal);
}

Test(monitors, what_is_absent_is_told)
{
	struct run r;
	char error[128];

	fail_create = 1;
	begin_run(&r, true, 1000000);
	end_run(&r);
	cr_expect_eq(count_samples(&r, "counter", error), 0);
	cr_expect(strstr(error, "absent: top.gone"), "%s", error);
	cr_expect_eq(gone, 0);
	ktstr_journal_destroy(r.journal);
}

Test(monitors, a_guest_without_kernel_is_told)
{
	struct run r;
	char error[128];

	begin_run(&r, false, 1000000);
	ktstr_monitors_begin(r.monitors);
	end_run(&r);
	cr_expect_eq(count_samples(&r, "counter", error), 0);
	cr_expect(strstr(error, "no VMCOREINFO note"), "%s", error);
	cr_expect(made == 0 && gone == 0);
	ktstr_journal_destroy(r.journal);
}

Test(monitors, one_that_fails_is_left_out)
{
	struct run r;
	char error[128];

	fail_from = 2;
	begin_run(&r, true, 1000000);
	ktstr_monitors_begin(r.monitors);
	wait_samples(3);
	end_run(&r);
	cr_expect_eq(count_samples(&r, "counter", error), 2);
	cr_expect_str_eq(error, "no more of this");
	cr_expect_eq(samples, 3);
	cr_expect(made == 1 && gone == 1);
	ktstr_journal_destroy(r.journal);
}

/* ---- operations of the host ---- */

static struct ktstr_plan_op ops[] = {
	{ .operation = KTSTR_OP_FREEZE },
	{ .operation = KTSTR_OP_WRITE_MAP,
	  .write = { .map = ".bss", .field = "crash", .value = 1, .cpu = KTSTR_PLAN_ALL_CPUS } },
};
static struct ktstr_plan_step step = { .ops = { .items = ops, .n = 2 } };

static void wait_answer(struct run *r, struct ktstr_err *answer)
{
	struct pollfd fd = { ktstr_monitors_event_fd(r->monitors), POLLIN, 0 };

	cr_assert_eq(poll(&fd, 1, 30000), 1, "no answer came");
	cr_assert(ktstr_monitors_answer(r->monitors, answer));
}

/* What was asked is answered, and journalled; the guest here has no maps. */
static void expect_refusal(struct run *r, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_record record;
	uint64_t cursor = 0;
	char error[256] = "";

	r->plan.steps.items = &step;
	r->plan.steps.n = 1;
	cr_expect_eq(ktstr_monitors_ask(r->monitors, 0, 1, &err), -EINVAL);
	cr_expect_eq(ktstr_monitors_ask(r->monitors, 2, 1, &err), -EINVAL);
	cr_expect_eq(ktstr_monitors_ask(r->monitors, 1, 2, &err), -EINVAL);
	cr_expect_eq(ktstr_monitors_ask(r->monitors, 1, 0, &err), -EINVAL, "that is the guest's");
	ktstr_monitors_begin(r->monitors);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(ktstr_monitors_ask(r->monitors, 1, 1, &err), 0, "%s", err.msg);
		cr_expect_eq(ktstr_monitors_ask(r->monitors, 1, 1, &err), -EBUSY);
		wait_answer(r, &err);
		cr_expect(err.code < 0 && strstr(err.msg, words), "%s", err.msg);
	}
	cr_expect_not(ktstr_monitors_answer(r->monitors, &err), "a second answer");
	ktstr_monitors_end(r->monitors);
	cr_expect_eq(ktstr_monitors_ask(r->monitors, 1, 1, &err), -ESHUTDOWN);
	end_run(r);
	while (ktstr_journal_next(r->journal, &cursor, &record))
		if (record.type == KTSTR_REC_MAP_WRITE)
			ktstr_get_cstr(&record.fields, "error", error, sizeof(error));
	cr_expect(strstr(error, words), "%s", error);
	ktstr_journal_destroy(r->journal);
}

Test(monitors, write_where_they_are_asked_to)
{
	struct run r;

	begin_run(&r, true, 3600ull * 1000000000);
	expect_refusal(&r, "absent: bpf_map.id");
}

Test(monitors, say_why_they_cannot_write)
{
	struct run r;

	begin_run(&r, false, 1000000);
	expect_refusal(&r, "no VMCOREINFO note");
}

Test(monitors, without_any_there_is_no_answer)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_expect_eq(ktstr_monitors_ask(NULL, 1, 1, &err), -ESHUTDOWN);
	cr_expect_not(ktstr_monitors_answer(NULL, &err));
	cr_expect_eq(ktstr_monitors_event_fd(NULL), -1);
}
