/* SPDX-License-Identifier: GPL-2.0-only */
/* Lives of a plugin's object with memory counted, and with memory that runs out. */
#include "sdk/conform-internal.h"

#include "sdk/heap.h"

#include <dirent.h>
#include <dlfcn.h>

#define FAILING_MAX 400		/* allocations that are made to fail in turn */

static const char no_count[] = "memory is not counted in this build";

static struct ktstr_heap *heap(void)
{
	return dlsym(RTLD_DEFAULT, KTSTR_HEAP_SYMBOL);
}

bool ktstr_conform_counts_memory(void)
{
	return heap() != NULL;
}

uint64_t conform_allocations(void)
{
	const struct ktstr_heap *h = heap();

	return h ? h->asked : 0;
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* ---- leaks ---- */

/* What one more life leaves behind. The first ones may fill what the C library keeps for itself. */
static int64_t left_by(struct conform *c, const struct ktstr_heap *h, conform_life *life,
		       struct ktstr_err *err)
{
	int64_t before = h->live;

	*err = (struct ktstr_err)KTSTR_ERR_INIT;
	life(c, err);
	return h->live - before;
}

int conform_leaks_nothing(struct conform *c, conform_life *life, struct ktstr_err *err)
{
	const struct ktstr_heap *h = heap();
	int files;
	int64_t left = 1;

	if (!h)
		return conform_skip(err, no_count);
	left_by(c, h, life, err);
	files = open_files();
	for (unsigned i = 0; left && i < 3; i++)
		left = left_by(c, h, life, err);
	if (left)
		return ktstr_err_set(err, -EINVAL, "every time, %lld allocation%s more %s not freed",
				     (long long)left, left == 1 ? "" : "s", left == 1 ? "is" : "are");
	if (open_files() > files)
		return ktstr_err_set(err, -EINVAL, "a file was left open");
	return CONFORM_OK;
}

/* ---- no memory ---- */

/* A life in which every allocation from the n-th on fails; *ret_failed: there was such a one. */
static int life_without(struct conform *c, struct ktstr_heap *h, conform_life *life, unsigned n,
			int64_t *ret_left, struct ktstr_err *err)
{
	int64_t before = h->live;
	int ret;

	*err = (struct ktstr_err)KTSTR_ERR_INIT;
	conform_doing(c, "without memory from allocation %u on", n);
	h->failed = false;
	h->fail_at = h->asked + n;
	ret = life(c, err);
	h->fail_at = 0;
	*ret_left = h->live - before;
	return ret;
}

int conform_survives(struct conform *c, conform_life *life, struct ktstr_err *err)
{
	struct ktstr_heap *h = heap();

	if (!h)
		return conform_skip(err, no_count);
	life(c, err);
	for (unsigned n = 1; n <= FAILING_MAX; n++) {
		int64_t left;
		int ret = life_without(c, h, life, n, &left, err);

		if (!h->failed)
			return CONFORM_OK;
		if (ret < 0 && conform_explained("it", ret, err))
			return ktstr_err_prefix(err, "without memory from allocation %u on", n);
		/* once more: the first time it may have been the C library's */
		if (left > 0)
			life_without(c, h, life, n, &left, err);
		if (left > 0)
			return ktstr_err_set(err, -EINVAL, "without memory from allocation %u on, %lld "
					     "of those before it %s not freed", n, (long long)left,
					     left == 1 ? "is" : "are");
	}
	return CONFORM_OK;
}
