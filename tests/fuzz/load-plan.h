/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzz targets of pipelines share. */
#ifndef TESTS_FUZZ_LOAD_PLAN_H
#define TESTS_FUZZ_LOAD_PLAN_H

#include "base/text.h"
#include "plan/encode.h"
#include "plugin/loader.h"

#include "fuzz.h"

/* With that module, whose path is relative to the build tree. */
static inline struct ktstr_registry *fuzz_registry(const char *module)
{
	struct ktstr_registry *registry = ktstr_registry_alloc();
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!registry || ktstr_registry_load(registry, module, &err) < 0) {
		fprintf(stderr, "run me in the build tree, after `make check`: %s\n", err.msg);
		exit(2);
	}
	return registry;
}

static inline const char *fuzz_plugin_path(void *ctx, const struct ktstr_module_info *module)
{
	(void)ctx;
	return module->path;
}

/* A plan can be sent to the guest. */
static inline void fuzz_encode(const struct ktstr_plan *plan)
{
	const char **modules = calloc(plan->modules.n + 1, sizeof(*modules));
	struct ktstr_guest_paths paths = { .scheduler = plan->scheduler.name, .modules = modules,
					   .plugin = fuzz_plugin_path };
	struct ktstr_buf out = { 0 };
	struct ktstr_fields fields;

	for (size_t i = 0; modules && i < plan->modules.n; i++)
		modules[i] = "module";
	if (modules && !ktstr_plan_encode(plan, &paths, false, 1, &out, NULL) &&
	    !ktstr_fields_parse(out.data, out.len, &fields))
		__builtin_trap();
	ktstr_buf_free(&out);
	free(modules);
}

#endif
