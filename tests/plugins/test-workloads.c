/* SPDX-License-Identifier: GPL-2.0-only */
/* Each workload plugin against a fake worker, and the engine's way of loading them. */
#include "agent/workloads.h"

#include <ktstr/workload.h>

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <unistd.h>

struct fake {
	unsigned asks, asks_until_stop;		/* of running() */
	uint64_t slept_ns;
	char metric[32];
	double value;
};

static bool running(const struct ktstr_worker *worker)
{
	struct fake *fake = worker->ctx;

	return ++fake->asks <= fake->asks_until_stop;
}

static void sleep_ns(struct ktstr_worker *worker, uint64_t ns)
{
	((struct fake *)worker->ctx)->slept_ns += ns;
}

static void metric(struct ktstr_worker *worker, const char *name, const char *unit, double value)
{
	struct fake *fake = worker->ctx;

	(void)unit;
	if (strcmp(name, "bursts"))
		return;
	snprintf(fake->metric, sizeof(fake->metric), "%s", name);
	fake->value = value;
}

static void block(struct ktstr_worker *worker)
{
	(void)worker;
}

static void unblock(struct ktstr_worker *worker, uint64_t woken_ns)
{
	(void)worker, (void)woken_ns;
}

static struct ktstr_worker fake_worker(struct fake *fake)
{
	return (struct ktstr_worker){
		.size = sizeof(struct ktstr_worker), .ctx = fake, .group_size = 1,
		.running = running, .sleep = sleep_ns, .metric = metric, .block = block,
		.unblock = unblock,
	};
}

static const struct ktstr_plugin *load(const char *name)
{
	const struct ktstr_module *module;
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/.libs/workload-%s.so", getenv("abs_top_builddir"), name);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert(handle, "%s", dlerror());
	module = dlsym(handle, KTSTR_MODULE_SYMBOL);
	cr_assert(module);
	cr_assert_eq(module->abi_major, KTSTR_ABI_MAJOR);
	cr_assert_str_eq(module->plugins[0]->name, name);
	cr_assert_null(module->plugins[1]);
	cr_assert_eq(module->plugins[0]->kind, KTSTR_KIND_WORKLOAD);
	return module->plugins[0];
}

/* Runs `n` iterations with these parameter values. */
static void iterate(const char *name, const struct ktstr_value *values, struct fake *fake, int n)
{
	const struct ktstr_workload_ops *ops = load(name)->ops;
	struct ktstr_worker worker = fake_worker(fake);
	struct ktstr_workload *w = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ops->create(&worker, values, &w, &err), 0, "%s", err.msg);
	for (int i = 0; i < n; i++)
		cr_assert_eq(ops->iterate(w, &worker, &err), 0, "%s", err.msg);
	ops->destroy(w);
	ops->destroy(NULL);
}

Test(workload, cpu_spin_asks_whether_the_step_is_over)
{
	struct ktstr_value values[] = { { .set = true, .u64 = 10 * 4096 } };
	struct fake fake = { .asks_until_stop = UINT32_MAX };

	iterate("cpu-spin", values, &fake, 1);
	cr_assert_eq(fake.asks, 10);
	fake = (struct fake){ .asks_until_stop = 2 };
	iterate("cpu-spin", values, &fake, 1);
	cr_assert_eq(fake.asks, 3, "it goes on no longer than it may");
	cr_assert_eq(fake.slept_ns, 0);
}

Test(workload, yield_computes_between_yields)
{
	struct ktstr_value values[] = { { .set = true, .u64 = 1 } };
	struct fake fake = { .asks_until_stop = UINT32_MAX };

	iterate("yield", values, &fake, 5);
	cr_assert_eq(fake.asks, 5);
	values[0].u64 = 0;
	iterate("yield", values, &fake, 5);
	cr_assert_eq(fake.asks, 5, "no loops, no work");
	cr_assert_eq(fake.slept_ns, 0);
}

Test(workload, bursty_sleeps_once_per_burst)
{
	/* the shortest burst: every slice is longer, so each iteration ends one */
	struct ktstr_value values[] = { { .set = true, .u64 = 1000 },
					{ .set = true, .u64 = 7000 } };
	struct fake fake = { .asks_until_stop = UINT32_MAX };

	iterate("bursty", values, &fake, 4);
	cr_assert_eq(fake.slept_ns, 4 * 7000);
	cr_assert_str_eq(fake.metric, "bursts");
	cr_assert_eq(fake.value, 4);
	values[0].u64 = UINT64_MAX / 2;
	fake = (struct fake){ .asks_until_stop = UINT32_MAX };
	iterate("bursty", values, &fake, 4);
	cr_assert_eq(fake.slept_ns, 0, "the burst is not over");
}

Test(workload, parameters_have_defaults_in_their_range)
{
	static const char *const names[] = { "cpu-spin", "yield", "bursty" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct ktstr_plugin *p = load(names[i]);

		cr_assert_eq(p->param_size, sizeof(struct ktstr_param));
		for (uint32_t k = 0; k < p->n_params; k++) {
			cr_expect(p->params[k].def, "%s: %s", p->name, p->params[k].name);
			cr_expect_lt(p->params[k].min, p->params[k].max);
			cr_expect(p->params[k].help);
		}
	}
}

/* ---- loading ---- */

static char *module(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/.libs/workload-%s.so", getenv("abs_top_builddir"), name);
	return path;
}

Test(workloads, are_loaded_once_and_checked)
{
	struct ktstr_value values[2] = { { .set = true, .u64 = 5 } };
	struct ktstr_guest_workers w = {
		.module = module("cpu-spin"), .plugin = "cpu-spin", .count = 2, .values = values,
		.n_values = 1,
	};
	const struct ktstr_workload_ops *first = NULL, *second = NULL;
	struct ktstr_workloads set = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_workloads_get(&set, &w, &first, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), 0, "%s", err.msg);
	cr_assert_eq(first, second);
	cr_assert_eq(set.modules.n, 1);
	cr_assert_eq(ktstr_workload_group(first, values), 1);
	w.n_values = 2;
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "workload cpu-spin takes 1 parameters, the plan has 2");
	w.plugin = "other";
	cr_assert_eq(ktstr_workloads_get(&set, &w, &second, &err), -ENOENT);
	cr_assert(strstr(err.msg, "has no workload named other"), "%s", err.msg);
	ktstr_workloads_deinit(&set);
}

static unsigned group_of(const struct ktstr_value *values)
{
	return (unsigned)values[0].u64;
}

static size_t shared_bytes(const struct ktstr_value *values)
{
	return values[1].u64;
}

Test(workloads, groups_share_whole_pages)
{
	struct ktstr_value values[] = { { .u64 = 1 }, { .u64 = 5000 } };
	struct ktstr_workload_ops ops = { .size = sizeof(ops), .group_size = group_of };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	cr_assert_eq(ktstr_workload_shared(&ops, values), 0, "alone, and nothing said");
	values[0].u64 = 2;
	cr_assert_eq(ktstr_workload_shared(&ops, values), page);
	ops.shared_bytes = shared_bytes;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 2 * page);
	values[0].u64 = 1;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 2 * page, "alone, and it wants some");
	values[1].u64 = 0;
	cr_assert_eq(ktstr_workload_shared(&ops, values), 0);
	ops.size = offsetof(struct ktstr_workload_ops, shared_bytes);
	values[0].u64 = 3;
	cr_assert_eq(ktstr_workload_shared(&ops, values), page, "the op is not in the table");
}

Test(workloads, a_file_that_is_no_module_is_refused)
{
	struct ktstr_guest_workers w = { .module = "/nonexistent/x.so", .plugin = "x", .count = 1 };
	struct ktstr_workloads set = { 0 };
	const struct ktstr_workload_ops *found;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_workloads_get(&set, &w, &found, &err), -ELIBACC);
	cr_assert(strstr(err.msg, "/nonexistent/x.so"), "%s", err.msg);
	w.module = "libz.so.1";
	cr_assert_eq(ktstr_workloads_get(&set, &w, &found, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "libz.so.1 exports no ktstr_module");
	ktstr_workloads_deinit(&set);
}
