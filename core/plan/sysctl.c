/* SPDX-License-Identifier: GPL-2.0-only */
/* `sysctls`: what is written below /proc/sys of the guest. */
#include "plan/read.h"

#define SYSCTL_LEN_MAX 200

/* As in sysctl.d(5): the first separator tells which one it is; the other one is part of a name (that of
 * a network device, say, with a dot in it). */
static void to_path(char *name)
{
	size_t first = strcspn(name, "./");

	if (name[first] != '.')
		return;
	for (char *p = name; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
}

static bool is_plain(const char *path)
{
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return false;
	return strchr(path, '/') && *path != '/' && path[strlen(path) - 1] != '/' &&
	       !strstr(path, "//") && !strstr(path, "/../") && strncmp(path, "../", 3) &&
	       (strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/.."));
}

static bool read_name(struct ktstr_reader *r, const struct ktstr_entry *entry, const char **ret)
{
	size_t len = strlen(entry->key);
	char *path = len <= SYSCTL_LEN_MAX ? ktstr_arena_strndup(r->arena, entry->key, len) : NULL;

	if (!path && len <= SYSCTL_LEN_MAX) {
		r->nomem = true;
		return false;
	}
	if (path)
		to_path(path);
	if (!path || !is_plain(path)) {
		ktstr_problem_add(r->problems, &entry->at, "`%.80s` is no sysctl; "
				  "expected a name such as kernel.sched_schedstats", entry->key);
		return false;
	}
	*ret = path;
	return true;
}

static bool read_value(struct ktstr_reader *r, const struct ktstr_node *node, const char **ret)
{
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "a sysctl's value"))
		return false;
	if (!*node->text || ktstr_node_is_null(node))
		return ktstr_reader_problem(r, node, "a sysctl without a value");
	if (!ktstr_text_is_line(node->text))
		return ktstr_reader_problem(r, node, "a sysctl's value is one line of text");
	*ret = node->text;
	return true;
}

bool ktstr_read_sysctls(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan *plan = object;
	bool ok = ktstr_reader_expect(r, node, KTSTR_NODE_MAPPING, "a mapping of sysctls and values");
	struct ktstr_plan_sysctl *items = ok ? ktstr_reader_alloc(r, node->n, sizeof(*items)) : NULL;

	for (size_t i = 0; items && i < node->n; i++) {
		ok &= read_name(r, &node->entries[i], &items[i].path);
		ok &= read_value(r, node->entries[i].value, &items[i].value);
	}
	if (items && ok) {
		plan->sysctls.items = items;
		plan->sysctls.n = node->n;
	}
	return items && ok;
}
