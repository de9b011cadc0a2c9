/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
	struct chunk *next;
	alignas(max_align_t) char data[];
};

struct ktstr_arena {
	struct chunk *chunks;
};

struct ktstr_arena *ktstr_arena_create(void)
{
	return calloc(1, sizeof(struct ktstr_arena));
}

/* One malloc each: plans are small, and a sanitizer sees every overrun. */
void *ktstr_arena_zalloc(struct ktstr_arena *arena, size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = arena->chunks;
	arena->chunks = c;
	return c->data;
}

char *ktstr_arena_strndup(struct ktstr_arena *arena, const char *text, size_t len)
{
	char *copy = ktstr_arena_zalloc(arena, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void ktstr_arena_destroy(struct ktstr_arena *arena)
{
	if (!arena)
		return;
	while (arena->chunks) {
		struct chunk *c = arena->chunks;

		arena->chunks = c->next;
		free(c);
	}
	free(arena);
}
