/* SPDX-License-Identifier: GPL-2.0-only */
/* A scratch folder for tests that play a part of the guest's file systems. */
#ifndef KTSTR_TEST_AGENT_FOLDER_H
#define KTSTR_TEST_AGENT_FOLDER_H

#include "base/file.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <libgen.h>

static char folder[64];

static inline void folder_make(void)
{
	strcpy(folder, "/tmp/ktstr-test-XXXXXX");
	cr_assert(mkdtemp(folder));
}

static inline void folder_remove(void)
{
	cr_assert_eq(ktstr_remove_tree(folder, NULL), 0);
}

/* Writes folder/path with its parents. */
static inline void folder_put(const char *path, const char *text)
{
	char *full = ktstr_asprintf("%s/%s", folder, path), *copy = strdup(full);
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_mkdirs(dirname(copy), &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_file_write(full, text, strlen(text), 0644, &err), 0, "%s", err.msg);
	free(copy);
	free(full);
}

#endif
