/* SPDX-License-Identifier: GPL-2.0-only */
/* What is looked at in a module before anything in it is called. */
#include "base/text.h"
#include "plugin/kind.h"
#include "plugin/loader.h"

/* Bytes from the start of a struct to the end of a member. */
#define REACH(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

struct check {
	const struct ktstr_registry *registry;
	const struct ktstr_module *module;
	struct ktstr_module_info *info;
	struct ktstr_err *err;
};

/* Writes "PATH: <formatted>" and gives the code back. */
__attribute__((format(printf, 3, 4)))
static enum ktstr_refusal refuse(const struct check *c, enum ktstr_refusal refusal, const char *fmt,
				 ...)
{
	char text[KTSTR_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ktstr_err_set(c->err, -EINVAL, "%s: %s", c->info->path, text);
	return refusal;
}

static enum ktstr_refusal check_abi(const struct check *c)
{
	const struct ktstr_module *m = c->module;

	if (m->abi_major != KTSTR_ABI_MAJOR)
		return refuse(c, KTSTR_REFUSED_ABI_MAJOR, "built for plugin ABI major %u, this "
			      "ktstr has %u.%u: rebuild it with the headers of this ktstr",
			      m->abi_major, KTSTR_ABI_MAJOR, KTSTR_ABI_MINOR);
	/* While the major is 0 the minor stands in for it. */
	if (KTSTR_ABI_MAJOR == 0 ? m->abi_minor != KTSTR_ABI_MINOR : m->abi_minor > KTSTR_ABI_MINOR)
		return refuse(c, KTSTR_REFUSED_ABI_MINOR, "built for plugin ABI %u.%u, this ktstr "
			      "has %u.%u: rebuild it with the headers of this ktstr", m->abi_major,
			      m->abi_minor, KTSTR_ABI_MAJOR, KTSTR_ABI_MINOR);
	return KTSTR_REFUSED_NOT;
}

static enum ktstr_refusal check_ops_size(const struct check *c, const struct ktstr_plugin *p)
{
	const struct ktstr_kind_info *kind = ktstr_kind_info(p->kind);
	uint32_t size;

	if (!kind || !p->ops)
		return KTSTR_REFUSED_NOT;	/* later checks have the words for it */
	memcpy(&size, p->ops, sizeof(size));
	if (size < kind->size)
		return refuse(c, KTSTR_REFUSED_SIZE, "%s/%s: its struct ktstr_%s_ops has %u bytes, "
			      "the mandatory part has %zu", kind->name, p->name ? p->name : "?",
			      kind->name, size, kind->size);
	return KTSTR_REFUSED_NOT;
}

static enum ktstr_refusal check_plugin_size(const struct check *c, const struct ktstr_plugin *p,
					    size_t i)
{
	const size_t need = REACH(struct ktstr_plugin, ops);
	const size_t row = REACH(struct ktstr_param, help);

	if (p->size < need)
		return refuse(c, KTSTR_REFUSED_SIZE, "its struct ktstr_plugin number %zu has %u "
			      "bytes, the mandatory part has %zu", i + 1, p->size, need);
	if (p->n_params && p->param_size < row)
		return refuse(c, KTSTR_REFUSED_SIZE, "its struct ktstr_plugin number %zu has %u "
			      "bytes a parameter, the mandatory part has %zu", i + 1,
			      p->param_size, row);
	return check_ops_size(c, p);
}

static enum ktstr_refusal check_sizes(const struct check *c)
{
	const struct ktstr_module *m = c->module;
	const size_t need = REACH(struct ktstr_module, plugins);
	enum ktstr_refusal refusal = KTSTR_REFUSED_NOT;

	if (m->size < need)
		return refuse(c, KTSTR_REFUSED_SIZE, "its struct ktstr_module has %u bytes, the "
			      "mandatory part has %zu", m->size, need);
	c->info->name = m->name;
	c->info->version = m->version;
	for (size_t i = 0; !refusal && m->plugins && m->plugins[i]; i++)
		refusal = check_plugin_size(c, m->plugins[i], i);
	return refusal;
}

static enum ktstr_refusal check_kinds(const struct check *c)
{
	const struct ktstr_module *m = c->module;
	char known[128];

	if (!m->plugins || !m->plugins[0])
		return refuse(c, KTSTR_REFUSED_KIND, "the module brings no plugin of any kind");
	for (size_t i = 0; m->plugins[i]; i++) {
		const struct ktstr_plugin *p = m->plugins[i];

		if (ktstr_kind_info(p->kind))
			continue;
		ktstr_kind_list(known, sizeof(known));
		return refuse(c, KTSTR_REFUSED_KIND, "plugin \"%s\" is of kind %u, this ktstr "
			      "knows 1 to %u: %s", p->name ? p->name : "?", p->kind,
			      KTSTR_KIND_PROBE, known);
	}
	return KTSTR_REFUSED_NOT;
}

bool ktstr_plugin_name_valid(const char *name)
{
	const char *p = name;

	if (*p < 'a' || *p > 'z')
		return false;
	for (; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
		      (*p == '-' && p[1] && p[1] != '-')))
			return false;
	return true;
}

static const char *where_found(const struct check *c, const struct ktstr_plugin *p, size_t i)
{
	const struct ktstr_module_info *other;

	for (size_t k = 0; k < i; k++)
		if (c->module->plugins[k]->kind == p->kind &&
		    !strcmp(c->module->plugins[k]->name, p->name))
			return "this module itself";
	return ktstr_registry_find(c->registry, p->kind, p->name, &other) ? other->path : NULL;
}

static enum ktstr_refusal check_name(const struct check *c, const struct ktstr_plugin *p, size_t i)
{
	const char *kind = ktstr_kind_name(p->kind);
	const char *taken;

	if (!p->name || !ktstr_plugin_name_valid(p->name))
		return refuse(c, KTSTR_REFUSED_NAME, "%s plugin name \"%s\" is not lower-case "
			      "kebab (like cpu-spin)", kind, p->name ? p->name : "");
	if (!p->summary || !*p->summary)
		return refuse(c, KTSTR_REFUSED_NAME, "%s/%s has no summary", kind, p->name);
	taken = where_found(c, p, i);
	if (taken)
		return refuse(c, KTSTR_REFUSED_DUPLICATE, "%s/%s is there already, from %s", kind,
			      p->name, taken);
	return KTSTR_REFUSED_NOT;
}

static enum ktstr_refusal check_names(const struct check *c)
{
	const struct ktstr_module *m = c->module;
	enum ktstr_refusal refusal = KTSTR_REFUSED_NOT;

	if (!m->name || !*m->name || !m->version || !*m->version)
		return refuse(c, KTSTR_REFUSED_NAME, "the module has no name or no version");
	for (size_t i = 0; !refusal && m->plugins[i]; i++)
		refusal = check_name(c, m->plugins[i], i);
	return refusal;
}

static enum ktstr_refusal check_ops(const struct check *c)
{
	for (size_t i = 0; c->module->plugins[i]; i++) {
		const struct ktstr_plugin *p = c->module->plugins[i];
		const struct ktstr_kind_info *kind = ktstr_kind_info(p->kind);

		if (!p->ops)
			return refuse(c, KTSTR_REFUSED_OPS, "%s/%s has no ops", kind->name,
				      p->name);
		for (size_t k = 0; k < kind->n_ops; k++) {
			void (*op)(void);

			memcpy(&op, (const char *)p->ops + kind->ops[k].offset, sizeof(op));
			if (!op)
				return refuse(c, KTSTR_REFUSED_OPS, "%s/%s lacks the mandatory op "
					      "%s()", kind->name, p->name, kind->ops[k].name);
		}
	}
	return KTSTR_REFUSED_NOT;
}

/* What is wrong with row `i`, in err; 0 when nothing is. */
static int check_param(const struct ktstr_plugin *p, uint32_t i, struct ktstr_err *err)
{
	const struct ktstr_param *param = ktstr_plugin_param(p, i);
	struct ktstr_value ignored;

	if (!param->name || !ktstr_plugin_name_valid(param->name))
		return ktstr_err_set(err, -EINVAL, "name \"%s\" is not lower-case kebab",
				     param->name ? param->name : "");
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(ktstr_plugin_param(p, k)->name, param->name))
			return ktstr_err_set(err, -EINVAL, "is there twice");
	if ((unsigned)param->type > KTSTR_PARAM_PERCENT)
		return ktstr_err_set(err, -EINVAL, "unknown type %u", param->type);
	if (!param->help || !*param->help)
		return ktstr_err_set(err, -EINVAL, "has no help");
	if (param->type == KTSTR_PARAM_CHOICE && (!param->choices || !param->choices[0]))
		return ktstr_err_set(err, -EINVAL, "is a choice of nothing");
	if (param->min > param->max)
		return ktstr_err_set(err, -EINVAL, "min %lld is above max %lld",
				     (long long)param->min, (long long)param->max);
	if (param->min < 0 && param->type != KTSTR_PARAM_INT)
		return ktstr_err_set(err, -EINVAL, "min %lld of a type that has no sign",
				     (long long)param->min);
	if (param->def && ktstr_param_parse(param, param->def, &ignored, err) < 0)
		return ktstr_err_prefix(err, "default");
	return 0;
}

static const char *param_name(const struct ktstr_plugin *p, uint32_t i)
{
	const char *name = ktstr_plugin_param(p, i)->name;

	return name ? name : "?";
}

static enum ktstr_refusal check_params(const struct check *c)
{
	struct ktstr_err why = KTSTR_ERR_INIT;

	for (size_t i = 0; c->module->plugins[i]; i++) {
		const struct ktstr_plugin *p = c->module->plugins[i];
		const char *kind = ktstr_kind_name(p->kind);

		if (p->n_params && (!p->params || p->param_size % _Alignof(struct ktstr_param)))
			return refuse(c, KTSTR_REFUSED_PARAMS, "%s/%s: %u parameters, but no table "
				      "of them (use KTSTR_PLUGIN_PARAMS)", kind, p->name,
				      p->n_params);
		for (uint32_t k = 0; k < p->n_params; k++)
			if (check_param(p, k, &why) < 0)
				return refuse(c, KTSTR_REFUSED_PARAMS, "%s/%s: parameter %u (%s): "
					      "%s", kind, p->name, k + 1, param_name(p, k),
					      why.msg);
	}
	return KTSTR_REFUSED_NOT;
}

enum ktstr_refusal ktstr_module_check(const struct ktstr_registry *registry,
				      const struct ktstr_module *module,
				      struct ktstr_module_info *info, struct ktstr_err *err)
{
	/* Each may rely on what the ones before it found to be so. */
	static enum ktstr_refusal (*const checks[])(const struct check *) = {
		check_abi, check_sizes, check_kinds, check_names, check_ops, check_params,
	};
	const struct check c = { registry, module, info, err };
	enum ktstr_refusal refusal = KTSTR_REFUSED_NOT;

	for (size_t i = 0; !refusal && i < KTSTR_ARRAY_SIZE(checks); i++)
		refusal = checks[i](&c);
	return refusal;
}
