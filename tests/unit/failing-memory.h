/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that runs out when a test says so. The test is linked with --wrap for each function below. */
#ifndef TESTS_UNIT_FAILING_MEMORY_H
#define TESTS_UNIT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The linker sends the calls of the code under test here. */
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

static size_t left = SIZE_MAX;	/* allocations until they fail */
static bool failed;

static bool may_allocate(void)
{
	if (!left)
		return !(failed = true);
	left -= left != SIZE_MAX;
	return true;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
	return may_allocate() ? __real_realloc(p, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
	return may_allocate() ? __real_strdup(text) : NULL;
}

/* The next `allocations` succeed, those that follow fail. */
static inline void fail_after(size_t allocations)
{
	left = allocations;
	failed = false;
}

#endif
