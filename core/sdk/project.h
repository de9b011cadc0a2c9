/* SPDX-License-Identifier: GPL-2.0-only */
/* A new out-of-tree plugin: a project that builds, passes its test and does something, to begin from. */
#ifndef KTSTR_SDK_PROJECT_H
#define KTSTR_SDK_PROJECT_H

#include <ktstr/plugin.h>

/*
 * Writes the project of a plugin KIND/`name` into the new folder `folder`, from the templates in `templates`. -EINVAL
 * for a name that no plugin can have, -EEXIST when there is such a folder; of a project that could not be
 * written whole nothing is left.
 */
int ktstr_project_new(enum ktstr_kind kind, const char *name, const char *folder, const char *templates,
		      struct ktstr_err *err);

#endif
