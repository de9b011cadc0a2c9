/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/install.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <limits.h>

static bool has(const char *dir, const char *name)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", dir, name);

	return path && !access(path, F_OK);
}

char *ktstr_build_tree(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return has(path, "config.status") && has(path, ".libs") ? strdup(path) : NULL;
}

/* The file `name` in the first of the places that has it; places may be NULL, and the last one is named when none has. */
static int find_in(const char *const *places, size_t n, const char *name, const char *variable, char **ret_path,
		   struct ktstr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		char *path;

		if (!places[i] || !*places[i])
			continue;
		path = ktstr_asprintf("%s/%s", places[i], name);
		if (!path)
			return ktstr_err_nomem(err);
		if (!access(path, F_OK)) {
			*ret_path = path;
			return 0;
		}
		free(path);
	}
	return ktstr_err_set(err, -ENOENT, "%s is not in %s%s%s; reinstall ktstr or set %s to the folder that has it", name,
			     places[1] ? places[1] : "", places[1] ? " or " : "", places[n - 1], variable);
}

int ktstr_data_folder(const char *name, char **ret_path, struct ktstr_err *err)
{
	_cleanup_free_ char *tree = ktstr_build_tree();
	_cleanup_free_ char *core = tree ? ktstr_asprintf("%s/core", tree) : NULL;
	const char *places[] = { getenv("KTSTR_DATA_PATH"), tree, core, PKGDATADIR };

	return find_in(places, 4, name, "KTSTR_DATA_PATH", ret_path, err);
}

int ktstr_libexec_file(const char *name, char **ret_path, struct ktstr_err *err)
{
	_cleanup_free_ char *tree = ktstr_build_tree();
	const char *places[] = { getenv("KTSTR_LIBEXEC_PATH"), tree, PKGLIBEXECDIR };

	return find_in(places, 3, name, "KTSTR_LIBEXEC_PATH", ret_path, err);
}
