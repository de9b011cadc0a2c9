/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON is YAML, but for what people put into it: comments and tabs. */
#include "plan/yaml.h"

/* What begins at `p` outside of a string, up to its end: a comment, or a string; else one byte. */
static const char *json_token(const char *p, const char *end, bool *ret_comment)
{
	const char *last;

	*ret_comment = end - p >= 2 && *p == '/' && (p[1] == '*' || p[1] == '/');
	if (*ret_comment && p[1] == '/') {
		last = memchr(p, '\n', (size_t)(end - p));
		return last ? last : end;
	}
	if (*ret_comment) {
		last = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
		return last ? last + 2 : end;
	}
	if (*p++ != '"')
		return p;
	while (p < end && *p != '"')
		p += *p == '\\' && end - p >= 2 ? 2 : 1;
	return p < end ? p + 1 : end;
}

/* Comments, which rt-app allows, and tabs, which YAML does not like, become blanks: what is left
 * has its line and column. */
static void blank_comments(char *text, size_t len)
{
	const char *end = text + len;
	bool comment;

	for (char *p = text; p < end;) {
		const char *next = json_token(p, end, &comment);

		for (; p < next; p++)
			if ((comment && *p != '\n') || *p == '\t')
				*p = ' ';
	}
}

int ktstr_json_parse(const char *text, size_t len, struct ktstr_arena *arena,
		     struct ktstr_problems *problems, const struct ktstr_node **ret_root,
		     struct ktstr_err *err)
{
	char *copy = ktstr_arena_strndup(arena, text, len);

	if (!copy)
		return ktstr_err_nomem(err);
	blank_comments(copy, len);
	return ktstr_yaml_parse_json(copy, len, arena, problems, ret_root, err);
}
