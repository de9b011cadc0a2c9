/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

/* What is left of the text. */
struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool take(struct cursor *c, char wanted)
{
	skip_space(c);
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* A number without a NUL behind it is copied first: strtod() knows no end. */
static bool read_number(struct cursor *c, double *ret)
{
	char text[64], *end;
	size_t n = 0;

	while (c->p + n < c->end && n < sizeof(text) - 1 && strchr("+-.0123456789eE", c->p[n]) &&
	       c->p[n])
		n++;
	memcpy(text, c->p, n);
	text[n] = '\0';
	*ret = strtod(text, &end);
	if (end == text || !isfinite(*ret))
		return false;
	c->p += end - text;
	return true;
}

/* ---- JSON ---- */

/* A string's raw bytes; escapes are skipped over and kept as they are. */
static bool read_string(struct cursor *c, const char **ret, size_t *ret_len)
{
	if (!take(c, '"'))
		return false;
	*ret = c->p;
	for (; c->p < c->end && *c->p != '"'; c->p++)
		if (*c->p == '\\' && ++c->p == c->end)
			return false;
	if (c->p == c->end)
		return false;
	*ret_len = (size_t)(c->p++ - *ret);
	return true;
}

/* The rest of the path below a member of that name; NULL when it does not lead there. */
static const char *below(const char *path, const char *name, size_t len)
{
	if (!path || strncmp(path, name, len))
		return NULL;
	return path[len] == '.' ? path + len + 1 : path[len] ? NULL : path + len;
}

static bool walk(struct cursor *c, const char *path, unsigned depth, double *found);

static bool walk_object(struct cursor *c, const char *path, unsigned depth, double *found)
{
	if (take(c, '}'))
		return true;
	do {
		const char *name;
		size_t len;

		if (!read_string(c, &name, &len) || !take(c, ':') ||
		    !walk(c, below(path, name, len), depth + 1, found))
			return false;
	} while (take(c, ','));
	return take(c, '}');
}

static bool walk_array(struct cursor *c, const char *path, unsigned depth, double *found)
{
	unsigned i = 0;

	if (take(c, ']'))
		return true;
	do {
		char name[16];
		int len = snprintf(name, sizeof(name), "%u", i++);

		if (!walk(c, below(path, name, (size_t)len), depth + 1, found))
			return false;
	} while (take(c, ','));
	return take(c, ']');
}

static bool walk_word(struct cursor *c)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(c->end - c->p) >= len && !memcmp(c->p, words[i], len)) {
			c->p += len;
			return true;
		}
	}
	return false;
}

/* One value. `path` is what leads on from here: "" is here, NULL is elsewhere. */
static bool walk(struct cursor *c, const char *path, unsigned depth, double *found)
{
	const char *string;
	double number;
	size_t len;

	skip_space(c);
	if (c->p == c->end || depth > DEPTH_MAX)
		return false;
	switch (*c->p) {
	case '{': c->p++; return walk_object(c, path, depth, found);
	case '[': c->p++; return walk_array(c, path, depth, found);
	case '"': return read_string(c, &string, &len);
	case 't': case 'f': case 'n': return walk_word(c);
	default: break;
	}
	if (!read_number(c, &number))
		return false;
	if (path && !*path)
		*found = number;
	return true;
}

bool ktstr_metric_json(const char *text, size_t len, const char *path, double *ret)
{
	struct cursor c = { text, text + len };
	double found = NAN;

	while (c.p < c.end && *c.p != '{' && *c.p != '[')
		c.p++;
	walk(&c, path, 0, &found);
	if (isnan(found))
		return false;
	*ret = found;
	return true;
}

/* ---- lines ---- */

static bool line_number(struct cursor line, const char *key, double *ret)
{
	size_t len = strlen(key);

	skip_space(&line);
	if ((size_t)(line.end - line.p) <= len || memcmp(line.p, key, len) ||
	    !strchr(" \t:=", line.p[len]) || !line.p[len])
		return false;
	line.p += len;
	while (line.p < line.end && *line.p && strchr(" \t:=", *line.p))
		line.p++;
	return read_number(&line, ret);
}

bool ktstr_metric_line(const char *text, size_t len, const char *key, double *ret)
{
	const char *end = text + len;
	bool found = false;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct cursor line = { text, newline ? newline : end };

		found |= line_number(line, key, ret);
		text = line.end + (newline != NULL);
	}
	return found;
}
