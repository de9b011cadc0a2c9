/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ktstr_position_format(const struct ktstr_position *at, const struct ktstr_position *seen_from,
			   char *buf, size_t size)
{
	if (at->source == seen_from->source)
		snprintf(buf, size, "line %u", at->line);
	else
		snprintf(buf, size, "line %u of %s", at->line,
			 at->source ? at->source->path : "the pipeline file");
}

/* Where the last component begins that a `..` would take away; NULL: there is none. */
static char *last_component(char *path, char *end)
{
	char *p = end;

	while (p > path && p[-1] != '/')
		p--;
	return p == end || (end - p == 2 && !memcmp(p, "..", 2)) ? NULL : p;
}

/* Appends a component to what is at `path`; returns the new end. */
static char *append(char *path, char *end, const char *component, size_t len)
{
	char *last;

	if (!len || (len == 1 && *component == '.'))
		return end;
	if (len == 2 && !memcmp(component, "..", 2)) {
		last = last_component(path, end);
		if (last)
			return last > path + 1 ? last - 1 : last;
		if (end == path + 1 && *path == '/')
			return end;
	}
	if (end > path && end[-1] != '/')
		*end++ = '/';
	memcpy(end, component, len);
	return end + len;
}

char *ktstr_path_join(const char *dir, const char *path)
{
	const char *parts[] = { *path == '/' ? "" : dir, path };
	size_t room = strlen(parts[0]) + strlen(path) + 3;
	char *joined = calloc(room, 1), *end = joined;

	if (!joined)
		return NULL;
	if (*parts[0] == '/' || *path == '/')
		*end++ = '/';
	for (size_t i = 0; i < 2; i++)
		for (const char *p = parts[i]; *p; p += strspn(p, "/")) {
			size_t len = strcspn(p, "/");

			end = append(joined, end, p, len);
			p += len;
		}
	if (end == joined)
		*end++ = '.';
	*end = '\0';
	return joined;
}
