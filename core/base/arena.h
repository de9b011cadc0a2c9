/* SPDX-License-Identifier: GPL-2.0-only */
/* An arena: many small allocations with one lifetime. */
#ifndef KTSTR_BASE_ARENA_H
#define KTSTR_BASE_ARENA_H

#include <stddef.h>

struct ktstr_arena;

/* NULL when memory is out, as for the two below. */
struct ktstr_arena *ktstr_arena_create(void);
void *ktstr_arena_zalloc(struct ktstr_arena *arena, size_t size);	/* aligned for any type */
char *ktstr_arena_strndup(struct ktstr_arena *arena, const char *text, size_t len);

/* Frees everything that came out of it, in one go. NULL is fine. */
void ktstr_arena_destroy(struct ktstr_arena *arena);

#endif
