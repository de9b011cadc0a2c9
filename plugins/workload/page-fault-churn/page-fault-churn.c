/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that touches pages of its memory at random, gives them all back, and begins again: a
 * page fault for each page, and what the kernel does for it on the worker's account.
 */
#include <ktstr/workload.h>

#include <sys/mman.h>
#include <unistd.h>

enum { P_SIZE, P_TOUCHES, P_LOOPS };

static const struct ktstr_param params[] = {
	[P_SIZE] = {
		.name = "size", .type = KTSTR_PARAM_SIZE, .def = "4M", .min = 1 << 16,
		.max = 1ll << 40, .help = "bytes of the region",
	},
	[P_TOUCHES] = {
		.name = "touches", .type = KTSTR_PARAM_UINT, .def = "256", .min = 1,
		.max = 1000000, .help = "pages touched before the region is given back",
	},
	[P_LOOPS] = KTSTR_PARAM_LOOPS("64", 0, "after each touch"),
};

struct ktstr_workload {
	const struct ktstr_value *values;
	char *region;			/* MAP_FAILED: none */
	size_t page;
	uint64_t random;
};

/* Small pages, as huge ones would make one fault of many. A kernel without huge pages refuses the
 * advice, and does not need it. */
static int map_region(struct ktstr_workload *w, struct ktstr_err *err)
{
	size_t size = w->values[P_SIZE].u64;

	w->region = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->region == MAP_FAILED)
		return ktstr_err_errno(err, errno, "mapping a region of %zu bytes", size);
	madvise(w->region, size, MADV_NOHUGEPAGE);
	return 0;
}

static int churn_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker;
	w->page = (size_t)sysconf(_SC_PAGESIZE);
	w->random = (uint64_t)getpid() + 1;
	return map_region(w, err);
}

static void churn_deinit(struct ktstr_workload *w)
{
	if (w->region != MAP_FAILED)
		munmap(w->region, w->values[P_SIZE].u64);
}

static int churn_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	size_t size = w->values[P_SIZE].u64;

	for (uint64_t i = 0; i < w->values[P_TOUCHES].u64 && worker->running(worker); i++) {
		size_t page = ktstr_worker_random(&w->random) % (size / w->page);

		((volatile char *)w->region)[page * w->page]++;
		ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
	}
	if (madvise(w->region, size, MADV_DONTNEED))
		return ktstr_err_errno(err, errno, "giving back a region of %zu bytes", size);
	return 0;
}

KTSTR_DEFINE_STATE(churn_init, churn_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.create = state_create,
	.iterate = churn_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("page-fault-churn", PLUGIN_VERSION, "touches fresh pages and gives them back",
		      params, ops);
