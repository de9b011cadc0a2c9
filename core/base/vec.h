/* SPDX-License-Identifier: GPL-2.0-only */
/* Growing arrays: struct { T *items; size_t n, cap; } and two macros. */
#ifndef KTSTR_BASE_VEC_H
#define KTSTR_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KTSTR_VEC(type) struct { type *items; size_t n, cap; }

/* Makes room for one more item of `size` bytes; false when memory is out. */
static inline bool ktstr_vec_grow(void **items, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap ? *cap * 2 : 8;
	void *p;

	if (n < *cap)
		return true;
	if (more > SIZE_MAX / size || !(p = realloc(*items, more * size)))
		return false;
	*items = p;
	*cap = more;
	return true;
}

/* Appends a zeroed item; a pointer to it, or NULL when memory is out. */
#define ktstr_vec_add(v)									\
	(ktstr_vec_grow((void **)&(v)->items, &(v)->cap, (v)->n, sizeof(*(v)->items))		\
		? (__typeof__((v)->items))memset(&(v)->items[(v)->n++], 0, sizeof(*(v)->items))	\
		: NULL)

/* Frees the array, not what its items own. */
#define ktstr_vec_free(v) do { free((v)->items); (v)->items = NULL; (v)->n = (v)->cap = 0; } while (0)

#define KTSTR_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
