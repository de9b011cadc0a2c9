/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads that do not get what they need: a message, and nothing left behind. */
#include "workload-test.h"

#include "config.h"

#include <ktstr/workload-pipe.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <dlfcn.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fake_worker fake;
static struct ktstr_err err;

/* ---- what the modules get instead of the C library's ---- */

#define EXPORT __attribute__((visibility("default")))

static unsigned fail_fork;

EXPORT pid_t fork(void)
{
	pid_t (*real)(void) = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");

	if (!fail_fork)
		return real();
	errno = EAGAIN;
	return -1;
}

#ifndef KTSTR_ASAN	/* which has its own of these */
static int allocations_left = -1;	/* -1: no limit */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

static bool refused(void)
{
	if (allocations_left < 0)
		return false;
	return !allocations_left || !allocations_left--;
}

EXPORT void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}
#endif

/* ---- the tests ---- */

static unsigned open_files(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct ktstr_value values[WORKLOAD_VALUES];

/* create() as member `index`; what it returned. Without success *ret_workload is left alone. */
static int create(const struct ktstr_plugin *plugin, unsigned index, const char *settings,
		  struct ktstr_workload **ret_workload)
{
	const struct ktstr_workload_ops *ops = plugin->ops;

	fake_worker_init(&fake);
	fake.worker.index = index;
	err = (struct ktstr_err)KTSTR_ERR_INIT;
	workload_values(plugin, settings, values);
	return ops->create(&fake.worker, values, ret_workload, &err);
}

/* create() of something that cannot be made: it fails like this. */
static void cannot_create(const struct ktstr_plugin *plugin, unsigned index, const char *settings,
			  int code, const char *message)
{
	struct ktstr_workload *const nothing = (void *)0x1, *w = nothing;

	cr_expect_eq(create(plugin, index, settings, &w), code, "%s", plugin->name);
	cr_expect(!strncmp(err.msg, message, strlen(message)), "%s: %s", plugin->name, err.msg);
	cr_expect_eq(w, nothing, "%s wrote to what it was to leave alone", plugin->name);
}

#ifndef KTSTR_ASAN
/* The same with so many allocations that succeed. */
static void cannot_allocate(const char *name, unsigned index, int allocations, const char *message)
{
	const struct ktstr_plugin *plugin = workload_load(name);

	allocations_left = allocations;
	cannot_create(plugin, index, "", -ENOMEM, message);
	allocations_left = -1;
}

Test(fault, every_workload_says_that_there_is_no_memory)
{
	for (const char *const *name = workload_names(); *name; name++)
		cannot_allocate(*name, 0, 0, "out of memory");
}

Test(fault, buffers_that_cannot_be_had_are_named)
{
	cannot_allocate("cache-pressure", 0, 1, "no memory for a buffer of 32768 bytes");
	cannot_allocate("cache-yield", 0, 1, "no memory for a buffer of 32768 bytes");
	cannot_allocate("cache-pipe", 0, 1, "no memory for a buffer of 32768 bytes");
	cannot_allocate("fan-out-compute", 1, 1, "no memory for matrices of 259584 bytes");
	cannot_allocate("mem-bandwidth", 0, 1, "no memory for arrays of 25165824 bytes");
}

Test(fault, a_region_that_is_too_large)
{
	const struct rlimit limit = { 4ull << 30, 4ull << 30 };	/* of the address space */

	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	cannot_create(workload_load("page-fault-churn"), 0, "size=8G", -ENOMEM,
		      "mapping a region of 8589934592 bytes: ");
}
#endif

/* No more descriptors: the first one that cannot be had is told, those before it are closed. */
Test(fault, descriptors_that_cannot_be_had)
{
	static const struct { const char *name, *message; } users[] = {
		{ "pipe-io", "making the pipes of a pair of workers" },
		{ "cache-pipe", "making the pipes of a pair of workers" },
		{ "socket-pair", "making the server's socket" },
		{ "io-sync", "making a file in /tmp" },
		{ "sequence", "making a file in /tmp" },
	};
	const struct ktstr_plugin *plugins[5];
	struct rlimit limit;
	unsigned before;

	for (size_t i = 0; i < 5; i++)
		plugins[i] = workload_load(users[i].name);
	getrlimit(RLIMIT_NOFILE, &limit);
	before = open_files();
	for (size_t i = 0; i < 5; i++) {
		int first = dup(0);		/* the lowest free number */

		close(first);
		limit.rlim_cur = (rlim_t)first + 2 * (i < 2);	/* one pipe, but not two */
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		cannot_create(plugins[i], 0, "", -EMFILE, users[i].message);
		limit.rlim_cur = limit.rlim_max;
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		cr_expect_eq(open_files(), before, "%s left one open", users[i].name);
	}
}

Test(fault, a_child_that_cannot_be_forked)
{
	const struct ktstr_plugin *plugin = workload_load("fork-exit");
	const struct ktstr_workload_ops *ops = plugin->ops;
	struct ktstr_workload *w = NULL;

	cr_assert_eq(create(plugin, 0, "", &w), 0);
	fail_fork = 1;
	cr_expect_eq(ops->iterate(w, &fake.worker, &err), -EAGAIN);
	cr_expect_str_eq(err.msg, "forking a child: Resource temporarily unavailable");
	fail_fork = 0;
	cr_expect_eq(ops->iterate(w, &fake.worker, &err), 0);
	ops->destroy(w);
}

Test(fault, a_folder_that_is_none)
{
	const struct ktstr_plugin *plugin = workload_load("io-sync");
	const struct ktstr_workload_ops *ops = plugin->ops;

	workload_values(plugin, "folder=/nonexistent", values);
	cr_expect_eq(ops->available(values, &err), -ENOENT);
	cr_expect_str_eq(err.msg, "no file can be made in /nonexistent: No such file or directory");
	cannot_create(plugin, 0, "folder=/nonexistent", -ENOENT, "making a file in /nonexistent");
}

/* Without the right to raise its priority, and without a limit that would allow it. */
static void drop_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_RTPRIO, &none);
	setrlimit(RLIMIT_NICE, &none);
	cr_assert_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1u << CAP_SYS_NICE);
	cr_assert_eq(syscall(SYS_capset, &header, data), 0);
}

Test(fault, real_time_that_is_not_allowed)
{
	const struct ktstr_plugin *plugin = workload_load("rt-hog");
	const struct ktstr_workload_ops *ops = plugin->ops;
	struct ktstr_workload *w = NULL;

	drop_rights();
	cr_assert_eq(create(plugin, 0, "priority=5", &w), 0);
	cr_expect_eq(ops->available(values, &err), -EPERM);
	cr_expect_str_eq(err.msg, "real-time priority 5 needs CAP_SYS_NICE, or RLIMIT_RTPRIO");
	cr_expect_eq(ops->iterate(w, &fake.worker, &err), -EPERM);
	cr_expect_str_eq(err.msg, "taking policy fifo with priority 5: Operation not permitted");
	ops->destroy(w);
}

/* Without rights they go on with what is left. */
Test(fault, churn_without_rights)
{
	static const struct { const char *name, *metric; double min, max; } churns[] = {
		{ "nice-sweep", "lowest-nice", 19, 19 }, { "policy-churn", "policies", 1, 4 },
	};

	drop_rights();
	for (size_t i = 0; i < 2; i++) {
		const struct ktstr_plugin *plugin = workload_load(churns[i].name);
		const struct ktstr_workload_ops *ops = plugin->ops;
		struct ktstr_workload *w = NULL;

		cr_assert_eq(create(plugin, 0, "", &w), 0);
		for (int k = 0; k < 100; k++)
			cr_assert_eq(ops->iterate(w, &fake.worker, &err), 0, "%s", err.msg);
		cr_expect_str_eq(fake.metric, churns[i].metric);
		cr_expect_geq(fake.value, churns[i].min);
		cr_expect_leq(fake.value, churns[i].max);
		ops->destroy(w);
	}
}

/* The second member of a pair, which waits for the first one while it is made. */
static int join(const char *name, const struct ktstr_pipe_meeting *meeting, unsigned asks,
		struct ktstr_workload **ret_workload)
{
	const struct ktstr_plugin *plugin = workload_load(name);
	const struct ktstr_workload_ops *ops = plugin->ops;

	fake_worker_init(&fake);
	fake.worker.index = 1;
	fake.worker.group_size = 2;
	fake.asks_until_stop = asks;
	memcpy(fake.shared, meeting, sizeof(*meeting));
	workload_values(plugin, "", values);
	return ops->create(&fake.worker, values, ret_workload, &err);
}

Test(fault, a_partner_that_never_comes)
{
	static const char *const names[] = { "pipe-io", "cache-pipe", "socket-pair" };
	const struct ktstr_pipe_meeting nobody = { 0 };
	struct ktstr_workload *w = NULL;

	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(join(names[i], &nobody, 0, &w), -ECANCELED, "%s", names[i]);
		cr_expect_str_eq(err.msg, "the step ended before the group had met");
		cr_expect_null(w);
	}
}

Test(fault, a_partner_whose_pipes_are_gone)
{
	struct ktstr_pipe_meeting gone = { .ready.seq = 1, .pid = getpid() };
	unsigned before = open_files();
	struct ktstr_workload *w = NULL;

	/* the first one is there, the second one is not */
	gone.fds[0] = open("/dev/null", O_RDONLY);
	gone.fds[1] = 99999;
	cr_expect_eq(join("pipe-io", &gone, 9, &w), -ENOENT);
	cr_expect(!strncmp(err.msg, "opening the partner's pipe /proc/", 33), "%s", err.msg);
	cr_expect_null(w);
	close(gone.fds[0]);
	cr_expect_eq(open_files(), before, "what it had opened is closed");
}

/* A partner that is not there any more, while the step still goes on. */
Test(fault, a_connection_that_breaks)
{
	static struct fake_worker other;
	const struct ktstr_plugin *plugin = workload_load("socket-pair");
	const struct ktstr_workload_ops *ops = plugin->ops;
	struct ktstr_workload *w = NULL, *gone = NULL;
	struct ktstr_err theirs = KTSTR_ERR_INIT;
	int status;
	pid_t pid;

	fake_worker_init(&fake);
	fake.worker.index = 1;
	fake.worker.group_size = 2;
	workload_values(plugin, "", values);
	fake.worker.shared = mmap(NULL, KTSTR_WORKLOAD_SHARED, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(fake.worker.shared, MAP_FAILED);
	pid = fork();
	if (!pid) {
		fake_worker_init(&other);
		other.worker.group_size = 2;
		other.worker.shared = fake.worker.shared;
		_exit(ops->create(&other.worker, values, &gone, &theirs) ? 1 : 0);
	}
	cr_assert_eq(ops->create(&fake.worker, values, &w, &err), 0, "%s", err.msg);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_expect_eq(ops->iterate(w, &fake.worker, &err), -EPIPE);
	cr_expect_str_eq(err.msg, "the other end of the connection went away");
	fake.asks_until_stop = 0;
	cr_expect_eq(ops->iterate(w, &fake.worker, &err), 0, "it went because the step is over");
	ops->destroy(w);
}
