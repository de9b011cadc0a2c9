/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry: the modules that were found and the plugins in them.
 *
 * Modules are searched in KTSTR_PLUGIN_PATH (colon-separated folders), then in pkglibdir or, for
 * a ktstr run from its build tree, in that tree's .libs. A module that is refused is kept with
 * its reason, so that `ktstr plugins` can show it and an unknown name can be explained.
 */
#ifndef KTSTR_PLUGIN_REGISTRY_H
#define KTSTR_PLUGIN_REGISTRY_H

#include <ktstr/plugin.h>

/* Why a module was refused. Each has a message with the path, what it has, and what is wanted. */
enum ktstr_refusal {
	KTSTR_REFUSED_NOT = 0,
	KTSTR_REFUSED_DLOPEN,		/* the dynamic linker would not load it */
	KTSTR_REFUSED_NO_SYMBOL,
	KTSTR_REFUSED_ABI_MAJOR,
	KTSTR_REFUSED_ABI_MINOR,
	KTSTR_REFUSED_SIZE,		/* a struct ends before its last mandatory field */
	KTSTR_REFUSED_KIND,
	KTSTR_REFUSED_NAME,		/* not lower-case kebab, or missing */
	KTSTR_REFUSED_DUPLICATE,	/* that kind/name is there already */
	KTSTR_REFUSED_OPS,		/* a mandatory op is missing */
	KTSTR_REFUSED_PARAMS,		/* the parameter table contradicts itself */
};

struct ktstr_module_info {
	const char *path;
	const char *name, *version;	/* NULL when refused before they were known */
	enum ktstr_refusal refusal;
	const char *why;		/* message, NULL when accepted */
};

struct ktstr_registry;

/* Scans the folders. A module that is refused is no error, nor is a missing pkglibdir; memory and a
 * folder that cannot be read are. */
int ktstr_registry_create(struct ktstr_registry **ret_registry, struct ktstr_err *err);

/* Unloads in reverse order of loading (skipped under sanitizers). NULL is fine. */
void ktstr_registry_destroy(struct ktstr_registry *registry);

/* Loads one module file, by absolute or relative path. -EINVAL when it is refused; err says why. */
int ktstr_registry_load(struct ktstr_registry *registry, const char *path, struct ktstr_err *err);

/* The plugin of that kind and name, or NULL; *ret_module (may be NULL) is where it came from. */
const struct ktstr_plugin *ktstr_registry_find(const struct ktstr_registry *registry,
					       enum ktstr_kind kind, const char *name,
					       const struct ktstr_module_info **ret_module);

/* The i-th plugin, ordered by kind, then name; NULL behind the last. */
const struct ktstr_plugin *ktstr_registry_plugin(const struct ktstr_registry *registry, size_t i,
						 const struct ktstr_module_info **ret_module);

/* The i-th module in order of loading, refused ones too; NULL behind the last. */
const struct ktstr_module_info *ktstr_registry_module(const struct ktstr_registry *registry,
						      size_t i);

/* True for what a plugin or a parameter may be called: [a-z][a-z0-9]*(-[a-z0-9]+)* */
bool ktstr_plugin_name_valid(const char *name);

/* "vmm", "workload", ...; and back, 0 when there is no such kind. */
const char *ktstr_kind_name(enum ktstr_kind kind);
enum ktstr_kind ktstr_kind_parse(const char *name);

/* Row i of a plugin's parameter table, whatever size the plugin was built with. */
static inline const struct ktstr_param *ktstr_plugin_param(const struct ktstr_plugin *p, uint32_t i)
{
	return (const struct ktstr_param *)((const char *)p->params + (size_t)i * p->param_size);
}

/* True when row i may be left out although it has no default; modules built before there was such a
 * field have none that may. */
static inline bool ktstr_plugin_param_optional(const struct ktstr_plugin *p, uint32_t i)
{
	return p->param_size >= offsetof(struct ktstr_param, optional) + sizeof(bool) &&
	       ktstr_plugin_param(p, i)->optional;
}

/* Parses `text` as the type of `param` and checks its range; a CHOICE or STRING value borrows
 * `text` or the choice. 0, or -EINVAL with "expected ..." in err. */
int ktstr_param_parse(const struct ktstr_param *param, const char *text,
		      struct ktstr_value *ret_value, struct ktstr_err *err);

/* The defaults of a plugin's table; `values` has n_params elements, all of which are filled in: the
 * rows without a default are not set. -EINVAL names the first required one when there is one. */
int ktstr_param_defaults(const struct ktstr_plugin *plugin, struct ktstr_value *values,
			 struct ktstr_err *err);

/* "duration", "unsigned integer 1..64", "one of auto, kvm, tcg" ... into buf. */
void ktstr_param_describe(const struct ktstr_param *param, char *buf, size_t size);

#endif
