/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/workloads.h"

#include "config.h"

#include <dlfcn.h>
#include <unistd.h>

/* The host checked the very same file in full; this keeps a mix-up from becoming a crash. */
static int check_module(const char *path, const struct ktstr_module *module, struct ktstr_err *err)
{
	if (!module)
		return ktstr_err_set(err, -EINVAL, "%s exports no " KTSTR_MODULE_SYMBOL, path);
	if (module->abi_major != KTSTR_ABI_MAJOR || module->abi_minor != KTSTR_ABI_MINOR)
		return ktstr_err_set(err, -EINVAL,
				     "%s is built for plugin interface %u.%u, the engine for %d.%d",
				     path, module->abi_major, module->abi_minor, KTSTR_ABI_MAJOR,
				     KTSTR_ABI_MINOR);
	return 0;
}

static int load(struct ktstr_workloads *set, const char *path, const struct ktstr_module **ret,
		struct ktstr_err *err)
{
	const struct ktstr_module *module;
	void *handle;
	int r;

	for (size_t i = 0; i < set->modules.n; i++)
		if (!strcmp(set->modules.items[i].path, path)) {
			*ret = set->modules.items[i].module;
			return 0;
		}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return ktstr_err_set(err, -ELIBACC, "loading the workload: %s", dlerror());
	module = dlsym(handle, KTSTR_MODULE_SYMBOL);
	r = check_module(path, module, err);
	if (!r && !ktstr_vec_add(&set->modules))
		r = ktstr_err_nomem(err);
	if (r) {
		dlclose(handle);
		return r;
	}
	set->modules.items[set->modules.n - 1].path = path;
	set->modules.items[set->modules.n - 1].handle = handle;
	set->modules.items[set->modules.n - 1].module = module;
	*ret = module;
	return 0;
}

unsigned ktstr_workload_group(const struct ktstr_workload_ops *ops,
			      const struct ktstr_value *values)
{
	unsigned (*group_size)(const struct ktstr_value *) =
		KTSTR_OP(ops, struct ktstr_workload_ops, group_size);
	unsigned n = group_size ? group_size(values) : 1;

	return n ? n : 1;
}

size_t ktstr_workload_shared(const struct ktstr_workload_ops *ops,
			     const struct ktstr_value *values)
{
	size_t (*shared_bytes)(const struct ktstr_value *) =
		KTSTR_OP(ops, struct ktstr_workload_ops, shared_bytes);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = shared_bytes ? shared_bytes(values) :
		       ktstr_workload_group(ops, values) > 1 ? KTSTR_WORKLOAD_SHARED : 0;

	return (bytes + page - 1) / page * page;
}

static int check_use(struct ktstr_workloads *set, const struct ktstr_plugin *plugin,
		     const struct ktstr_guest_workers *workers, struct ktstr_err *err)
{
	const struct ktstr_workload_ops *ops = plugin->ops;
	int (*available)(const struct ktstr_value *, struct ktstr_err *) =
		KTSTR_OP(ops, struct ktstr_workload_ops, available);
	int (*check)(const struct ktstr_value *, struct ktstr_err *) =
		KTSTR_OP(ops, struct ktstr_workload_ops, check);
	unsigned group;
	int ret;

	if (plugin->n_params != workers->n_values)
		return ktstr_err_set(err, -EINVAL,
				     "workload %s takes %u parameters, the plan has %u",
				     plugin->name, plugin->n_params, workers->n_values);
	ret = check ? check(workers->values, err) : 0;
	if (ret)
		return ret;
	ret = available ? available(workers->values, err) : 0;
	if (ret) {
		set->absent = true;
		ktstr_err_prefix(err, "workload %s cannot run in this guest", plugin->name);
		return ret;
	}
	group = ktstr_workload_group(ops, workers->values);
	if (workers->count % group)
		return ktstr_err_set(err, -EINVAL,
				     "workload %s works in groups of %u: %u workers make no whole "
				     "groups", plugin->name, group, workers->count);
	return 0;
}

int ktstr_workloads_get(struct ktstr_workloads *set, const struct ktstr_guest_workers *workers,
			const struct ktstr_workload_ops **ret_ops, struct ktstr_err *err)
{
	const struct ktstr_module *module = NULL;
	int ret = load(set, workers->module, &module, err);

	if (ret)
		return ret;
	for (const struct ktstr_plugin *const *p = module->plugins; *p; p++) {
		if ((*p)->kind != KTSTR_KIND_WORKLOAD || strcmp((*p)->name, workers->plugin))
			continue;
		ret = check_use(set, *p, workers, err);
		if (!ret)
			*ret_ops = (*p)->ops;
		return ret;
	}
	return ktstr_err_set(err, -ENOENT, "%s has no workload named %s", workers->module,
			     workers->plugin);
}

void ktstr_workloads_deinit(struct ktstr_workloads *set)
{
#ifndef KTSTR_ASAN	/* a report needs the module's symbols */
	for (size_t i = set->modules.n; i; i--)
		dlclose(set->modules.items[i - 1].handle);
#endif
	ktstr_vec_free(&set->modules);
}
