/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a pipeline consists of, and places in them. */
#ifndef KTSTR_PLAN_SOURCE_H
#define KTSTR_PLAN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/* A file beside the pipeline file itself. */
struct ktstr_source {
	const char *path;	/* for messages: from the working folder, as the pipeline file's is */
	const char *dir;	/* its folder, from that of the pipeline file; or absolute */
	const char *text;	/* its bytes */
	size_t len;
};

/* Where something is written. */
struct ktstr_position {
	const struct ktstr_source *source;	/* NULL: the pipeline file */
	unsigned line, column;			/* from 1; 0: nowhere, the whole file is meant */
};

/* "line 7" when both are in the same file, else "line 7 of FILE". */
void ktstr_position_format(const struct ktstr_position *at, const struct ktstr_position *seen_from,
			   char *buf, size_t size);

/* `path` as seen from `dir`, without `.` and empty components, and with each `..` taking away the
 * component before it: by the text alone, so links are not looked at. Fresh memory; NULL when there is
 * none. */
char *ktstr_path_join(const char *dir, const char *path);

#endif
