/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes are a pipeline or a list of problems, and a pipeline can be sent to the guest. */
#include "base/text.h"
#include "plan/encode.h"
#include "plugin/loader.h"

#include "fuzz.h"

/* Relative to the build tree. */
#define PLUGINS "tests/fixtures/plan/.libs/plan-plugins.so"

static struct ktstr_registry *create_registry(void)
{
	struct ktstr_registry *registry = ktstr_registry_alloc();
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!registry || ktstr_registry_load(registry, PLUGINS, &err) < 0) {
		fprintf(stderr, "run me in the build tree, after `make check`: %s\n", err.msg);
		exit(2);
	}
	return registry;
}

static const char *plugin_path(void *ctx, const struct ktstr_module_info *module)
{
	(void)ctx;
	return module->path;
}

static void encode(const struct ktstr_plan *plan)
{
	const char **modules = calloc(plan->modules.n + 1, sizeof(*modules));
	struct ktstr_guest_paths paths = { .scheduler = plan->scheduler.name, .modules = modules,
					   .plugin = plugin_path };
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ktstr_registry *registry;
	struct ktstr_problems problems = { 0 };
	struct ktstr_plan *plan = NULL;
	struct ktstr_buf text = { 0 };
	int ret;

	if (!registry)
		registry = create_registry();
	ret = ktstr_plan_load_bytes("/nonexistent/fuzz.yaml", data, len, registry, &problems, &plan,
				    NULL);
	if ((ret == 0) != (ktstr_problems_count(&problems) == 0) || (ret == 0) != (plan != NULL))
		__builtin_trap();
	if (plan)
		encode(plan);
	ktstr_problems_print(&problems, "fuzz.yaml", &text);
	ktstr_buf_free(&text);
	ktstr_problems_deinit(&problems);
	ktstr_plan_destroy(plan);
	/* A path that was tried stays in the registry as a refused module. */
	if (ktstr_registry_module(registry, 1)) {
		ktstr_registry_destroy(registry);
		registry = NULL;
	}
	return 0;
}
