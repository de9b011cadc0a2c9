/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ktstr plugins` prints, as text in a buffer. */
#ifndef KTSTR_PLUGIN_LIST_H
#define KTSTR_PLUGIN_LIST_H

#include "plugin/registry.h"

/* Every plugin with its module's version and summary, why it cannot work here if it says so itself,
 * and at the end the modules that were refused. */
void ktstr_plugins_list(const struct ktstr_registry *registry, const struct ktstr_host *host,
			struct ktstr_buf *out);

/* One plugin ("KIND/NAME") and its parameters. -ENOENT with the nearest name when there is none. */
int ktstr_plugins_show(const struct ktstr_registry *registry, const struct ktstr_host *host,
		       const char *wanted, struct ktstr_buf *out, struct ktstr_err *err);

#endif
