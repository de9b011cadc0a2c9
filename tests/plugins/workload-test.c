/* SPDX-License-Identifier: GPL-2.0-only */
#include "workload-test.h"

#include "agent/workloads.h"
#include "base/clock.h"
#include "plugin/registry.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (60 * KTSTR_NSEC_PER_SEC)	/* for what takes milliseconds */
#define NUDGE_NS (10 * KTSTR_NSEC_PER_MSEC)

/* ---- modules ---- */

/* "vmm/qemu workload/bursty ..." in words. */
const char *const *workload_names(void)
{
	static const char kind[] = "workload/";
	static char text[] = ENABLED_PLUGINS;
	static const char *names[64];
	size_t n = 0;
	char *save;

	for (char *word = names[0] ? NULL : strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		if (!strncmp(word, kind, strlen(kind)))
			names[n++] = word + strlen(kind);
	return names;
}

static bool is_enabled(const char *name)
{
	for (const char *const *p = workload_names(); *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

const struct ktstr_plugin *workload_load(const char *name)
{
	const struct ktstr_module *module;
	char path[512];
	void *handle;

	if (!is_enabled(name))
		cr_skip_test("workload %s is switched off", name);
	snprintf(path, sizeof(path), "%s/.libs/workload-%s.so", getenv("abs_top_builddir"), name);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert(handle, "%s", dlerror());
	module = dlsym(handle, KTSTR_MODULE_SYMBOL);
	cr_assert(module);
	cr_assert_eq(module->abi_minor, KTSTR_ABI_MINOR);
	cr_assert_str_eq(module->plugins[0]->name, name);
	cr_assert_null(module->plugins[1]);
	cr_assert_eq(module->plugins[0]->kind, KTSTR_KIND_WORKLOAD);
	return module->plugins[0];
}

static uint32_t param_index(const struct ktstr_plugin *plugin, const char *name)
{
	for (uint32_t i = 0; i < plugin->n_params; i++)
		if (!strcmp(plugin->params[i].name, name))
			return i;
	cr_assert_fail("%s has no parameter %s", plugin->name, name);
	return 0;
}

void workload_values(const struct ktstr_plugin *plugin, const char *settings,
		     struct ktstr_value *values)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	static char text[512];		/* strings of *values are in it */
	char *save, *equals;

	cr_assert_lt(strlen(settings), sizeof(text));
	strcpy(text, settings);
	cr_assert_leq(plugin->n_params, WORKLOAD_VALUES);
	cr_assert_eq(ktstr_param_defaults(plugin, values, &err), 0, "%s", err.msg);
	for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		uint32_t i;

		equals = strchr(s, '=');
		*equals = '\0';
		i = param_index(plugin, s);
		cr_assert_eq(ktstr_param_parse(&plugin->params[i], equals + 1, &values[i], &err), 0,
			     "%s: %s", s, err.msg);
	}
}

/* ---- a worker that is none ---- */

static struct fake_worker *fake_of(const struct ktstr_worker *worker)
{
	return worker->ctx;
}

static bool fake_running(const struct ktstr_worker *worker)
{
	return ++fake_of(worker)->asks <= fake_of(worker)->asks_until_stop;
}

static void fake_sleep(struct ktstr_worker *worker, uint64_t ns)
{
	fake_of(worker)->slept_ns += ns;
	fake_of(worker)->sleeps++;
}

static void fake_metric(struct ktstr_worker *worker, const char *name, const char *unit,
			double value)
{
	(void)unit;
	snprintf(fake_of(worker)->metric, sizeof(fake_of(worker)->metric), "%s", name);
	fake_of(worker)->value = value;
}

static void fake_block(struct ktstr_worker *worker)
{
	(void)worker;
}

static void fake_unblock(struct ktstr_worker *worker, uint64_t woken_ns)
{
	(void)worker, (void)woken_ns;
}

void fake_worker_init(struct fake_worker *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->asks_until_stop = UINT32_MAX;
	fake->worker = (struct ktstr_worker){
		.size = sizeof(fake->worker), .ctx = fake, .group_size = 1, .shared = fake->shared,
		.running = fake_running, .sleep = fake_sleep, .metric = fake_metric,
		.block = fake_block, .unblock = fake_unblock,
	};
}

/* ---- workers that are some ---- */

static void share(struct workload_run *run, unsigned groups)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), group;
	char *p;

	group = ktstr_workload_shared(run->plugin->ops, run->values);
	run->shared_bytes = page + groups * group + run->count * sizeof(*run->slots);
	p = mmap(NULL, run->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		 0);
	cr_assert_neq(p, MAP_FAILED);
	run->gate = (struct ktstr_gate *)p;
	run->slots = (struct ktstr_slot *)(p + page + groups * group);
}

static void start(struct workload_run *run, int ready_fd)
{
	size_t group = ktstr_workload_shared(run->plugin->ops, run->values);
	char *memory = (char *)run->gate + sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < run->count; i++) {
		struct ktstr_job job = {
			.ops = run->plugin->ops, .values = run->values, .name = run->plugin->name,
			.gate = run->gate, .slot = &run->slots[i],
			.shared = group ? memory + i / run->group_size * group : NULL,
			.index = i % run->group_size, .group_size = run->group_size,
			.ready_fd = ready_fd, .engine = getpid(),
		};

		run->pids[i] = fork();
		cr_assert_geq(run->pids[i], 0);
		if (!run->pids[i])
			ktstr_worker_main(&job);
	}
}

/* Takes note of workers that have ended. */
static void reap(struct workload_run *run)
{
	for (unsigned i = 0; i < run->count; i++)
		if (run->pids[i] && waitpid(run->pids[i], &run->status[i], WNOHANG) > 0) {
			run->pids[i] = 0;
			run->ended++;
		}
}

static bool have_worked(const struct workload_run *run, uint64_t iterations)
{
	for (unsigned i = 0; i < run->count; i++)
		if (__atomic_load_n(&run->slots[i].iterations, __ATOMIC_RELAXED) < iterations)
			return false;
	return true;
}

static void stop(struct workload_run *run, uint64_t until)
{
	uint64_t nudge = 0;

	ktstr_gate_stop(run->gate);
	while (run->ended < run->count && ktstr_now_ns() < until) {
		for (unsigned i = 0; ktstr_now_ns() >= nudge && i < run->count; i++)
			if (run->pids[i])
				kill(run->pids[i], KTSTR_WORKER_SIGNAL);
		if (ktstr_now_ns() >= nudge)
			nudge = ktstr_now_ns() + NUDGE_NS;
		sched_yield();
		reap(run);
	}
}

static void judge(struct workload_run *run, bool worked)
{
	for (unsigned i = 0; i < run->count; i++) {
		const struct ktstr_slot *slot = &run->slots[i];

		if (run->pids[i])
			kill(run->pids[i], SIGKILL);
		cr_expect_eq(run->pids[i], 0, "%s: worker %u did not end", run->plugin->name, i);
		cr_expect_eq(run->status[i], 0, "%s: worker %u ended with %#x: %s",
			     run->plugin->name, i, run->status[i], slot->error);
		cr_expect(slot->finished);
	}
	cr_expect(worked, "%s: not everyone did its iterations", run->plugin->name);
}

void workload_run(struct workload_run *run, const char *name, const char *settings, unsigned groups,
		  uint64_t iterations)
{
	int ready_fd = eventfd(0, EFD_NONBLOCK);
	uint64_t until = ktstr_now_ns() + DEADLINE_NS, n, ready = 0;
	bool worked = false;

	memset(run, 0, sizeof(*run));
	run->plugin = workload_load(name);
	workload_values(run->plugin, settings, run->values);
	run->group_size = ktstr_workload_group(run->plugin->ops, run->values);
	run->count = groups * run->group_size;
	cr_assert_leq(run->count, WORKLOAD_WORKERS);
	share(run, groups);
	start(run, ready_fd);
	while (ready < run->count && !run->ended && ktstr_now_ns() < until) {
		sched_yield();
		reap(run);
		ready += read(ready_fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
	}
	ktstr_gate_open(run->gate);
	while (!worked && !run->ended && ktstr_now_ns() < until) {
		sched_yield();
		reap(run);
		worked = have_worked(run, iterations);
	}
	stop(run, until);
	judge(run, worked);
	close(ready_fd);
}

void workload_run_deinit(struct workload_run *run)
{
	munmap(run->gate, run->shared_bytes);
}

double workload_metric(const struct ktstr_slot *slot, const char *name)
{
	for (uint32_t i = 0; i < slot->n_metrics; i++)
		if (!strcmp(slot->metrics[i].name, name))
			return slot->metrics[i].value;
	cr_assert_fail("no metric %s", name);
	return 0;
}
