/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plugins: what a module (.so) exports and what it gets from its host.
 *
 * A module exports one const datum, `ktstr_module`, defined with KTSTR_DEFINE_MODULE(). It has
 * no constructors and no undefined core symbol; nothing in it runs before core has checked, in
 * this order: the symbol is there; abi_major is the host's; abi_minor is not newer (and equal
 * while the major is 0); the sizes reach the last mandatory field; the kind is known; the name
 * is lower-case kebab and unused in its kind; the mandatory ops are there.
 *
 * Versioning: tables and structs grow only at their end, new ops are optional and read through
 * KTSTR_OP(). Anything else raises KTSTR_ABI_MAJOR.
 *
 * Ownership, one rule for all kinds: descriptors, ops and strings belong to the module and live
 * until it is unloaded. create() returns a handle; on failure it has freed everything and written
 * nothing. destroy() is called exactly once per successful create(), accepts a half-made object,
 * and is the only way it is freed. Arguments are borrowed for the call unless a header says
 * longer. Memory never changes its owner across the boundary. There is no mutable file-scope
 * state: two instances of a plugin live side by side.
 */
#ifndef KTSTR_PLUGIN_H
#define KTSTR_PLUGIN_H

#include <ktstr/err.h>
#include <ktstr/fields.h>
#include <ktstr/param.h>
#include <ktstr/record.h>

#include <stddef.h>
#include <stdint.h>

#define KTSTR_ABI_MAJOR 0
#define KTSTR_ABI_MINOR 5

enum ktstr_kind {
	KTSTR_KIND_VMM = 1,	/* <ktstr/vmm.h> */
	KTSTR_KIND_WORKLOAD,	/* <ktstr/workload.h> */
	KTSTR_KIND_MONITOR,	/* <ktstr/monitor.h> */
	KTSTR_KIND_SECTION,	/* <ktstr/section.h> */
	KTSTR_KIND_PROBE,	/* <ktstr/probe.h> */
};

struct ktstr_plugin {
	uint32_t size;			/* sizeof(struct ktstr_plugin) */
	uint32_t kind;			/* enum ktstr_kind */
	const char *name;		/* [a-z][a-z0-9]*(-[a-z0-9]+)*, unique in its kind */
	const char *summary;		/* one line for `ktstr plugins` */
	const struct ktstr_param *params;
	uint32_t n_params;
	uint32_t param_size;		/* sizeof(struct ktstr_param) */
	const void *ops;		/* struct ktstr_<kind>_ops; its first member is its size */
};

struct ktstr_module {
	uint32_t abi_major, abi_minor;
	uint32_t size;			/* sizeof(struct ktstr_module) */
	const char *name;		/* of the module, for messages */
	const char *version;		/* of the module, for `ktstr plugins` */
	const struct ktstr_plugin *const *plugins;	/* NULL-ended */
};

#define KTSTR_MODULE_SYMBOL "ktstr_module"

/* KTSTR_DEFINE_MODULE("my-module", "1.0", &my_plugin, &my_other_plugin); */
#define KTSTR_DEFINE_MODULE(module_name, module_version, ...)				\
	__attribute__((visibility("default")))						\
	extern const struct ktstr_module ktstr_module;					\
	const struct ktstr_module ktstr_module = {					\
		.abi_major = KTSTR_ABI_MAJOR,						\
		.abi_minor = KTSTR_ABI_MINOR,						\
		.size = sizeof(struct ktstr_module),					\
		.name = module_name,							\
		.version = module_version,						\
		.plugins = (const struct ktstr_plugin *const[]){ __VA_ARGS__, NULL },	\
	}

/* Descriptor fields that are the same in every plugin. */
#define KTSTR_PLUGIN_PARAMS(table)							\
	.params = (table),								\
	.n_params = sizeof(table) / sizeof((table)[0]),					\
	.param_size = sizeof(struct ktstr_param)

/* True when a sized struct is long enough to hold `member`. */
#define KTSTR_HAS(ptr, type, member)							\
	((ptr)->size >= offsetof(type, member) + sizeof(((type *)0)->member))

/* An op of a plugin, or NULL when its table ends before it. */
#define KTSTR_OP(ops, type, op)								\
	(KTSTR_HAS((const type *)(ops), type, op) ? ((const type *)(ops))->op : NULL)

enum ktstr_log_level { KTSTR_LOG_DEBUG, KTSTR_LOG_INFO, KTSTR_LOG_WARN };

/* What core offers a plugin. Lives longer than every object made with it. [any thread] */
struct ktstr_host {
	uint32_t size;
	uint32_t abi_major, abi_minor;
	void *ctx;			/* core's own; hand it back unchanged */

	/* For things worth knowing that are no error; errors are returned. */
	void (*log)(const struct ktstr_host *host, enum ktstr_log_level level, const char *text);

	/* Appends a record to the running attempt's journal. `payload` is a finished map and stays
	 * the caller's. 0, or a negative errno when the journal cannot be written. */
	int (*record)(const struct ktstr_host *host, enum ktstr_rec type,
		      const struct ktstr_buf *payload);

	/* The one clock of the host side: CLOCK_MONOTONIC, nanoseconds. */
	uint64_t (*now_ns)(const struct ktstr_host *host);

	/* Where plugins of this kind may remember things between runs; NULL: nowhere. */
	const char *state_dir;
};

#endif
