/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds as data: what a module must bring for a plugin of each. */
#ifndef KTSTR_PLUGIN_KIND_H
#define KTSTR_PLUGIN_KIND_H

#include <ktstr/plugin.h>

struct ktstr_kind_op {
	const char *name;
	size_t offset;			/* of a function pointer in the kind's ops */
};

struct ktstr_kind_info {
	const char *name;
	size_t size;			/* the ops must reach up to here */
	size_t n_ops;
	const struct ktstr_kind_op *ops;	/* those that must not be NULL */
};

/* NULL when there is no such kind. */
const struct ktstr_kind_info *ktstr_kind_info(uint32_t kind);

/* "vmm, workload, ..." for messages. */
void ktstr_kind_list(char *buf, size_t size);

#endif
