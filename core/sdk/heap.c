/* SPDX-License-Identifier: GPL-2.0-only */
#include "sdk/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

/* glibc's own, under the names that it has for those who stand in front of it. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

extern struct ktstr_heap ktstr_heap;
__attribute__((visibility("default"))) struct ktstr_heap ktstr_heap;

#define EXPORT __attribute__((visibility("default")))

static bool may_allocate(void)
{
	uint64_t asked = __atomic_add_fetch(&ktstr_heap.asked, 1, __ATOMIC_RELAXED);
	uint64_t fail_at = __atomic_load_n(&ktstr_heap.fail_at, __ATOMIC_RELAXED);

	if (!fail_at || asked < fail_at)
		return true;
	__atomic_store_n(&ktstr_heap.failed, true, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return false;
}

static void *count(void *p)
{
	if (p)
		__atomic_add_fetch(&ktstr_heap.live, 1, __ATOMIC_RELAXED);
	return p;
}

EXPORT void *malloc(size_t size)
{
	return may_allocate() ? count(__libc_malloc(size)) : NULL;
}

EXPORT void *calloc(size_t n, size_t size)
{
	return may_allocate() ? count(__libc_calloc(n, size)) : NULL;
}

EXPORT void *realloc(void *p, size_t size)
{
	void *moved;

	if (!may_allocate())
		return NULL;
	moved = __libc_realloc(p, size);
	if (!p)
		count(moved);
	else if (!moved && !size)
		__atomic_sub_fetch(&ktstr_heap.live, 1, __ATOMIC_RELAXED);
	return moved;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return may_allocate() ? count(__libc_memalign(alignment, size)) : NULL;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p;

	if (!alignment || alignment % sizeof(void *) || (alignment & (alignment - 1)))
		return EINVAL;
	p = memalign(alignment, size);
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

EXPORT void free(void *p)
{
	if (p)
		__atomic_sub_fetch(&ktstr_heap.live, 1, __ATOMIC_RELAXED);
	__libc_free(p);
}
