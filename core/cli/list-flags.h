/* SPDX-License-Identifier: GPL-2.0-only */
/* `ktstr list --flags FILE`: the sets of its scheduler's flags that can be on together. */
#ifndef KTSTR_CLI_LIST_FLAGS_H
#define KTSTR_CLI_LIST_FLAGS_H

#include "plugin/registry.h"

#include <stdbool.h>

/* For a pipeline, or for a scheduler's description. Prints what is wrong. Returns enum ktstr_exit. */
int ktstr_list_flags(const char *file, struct ktstr_registry *registry, bool json);

#endif
