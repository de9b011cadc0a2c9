/* SPDX-License-Identifier: GPL-2.0-only */
#include "plugin/list.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"

#include <ktstr/vmm.h>

/* "kind/name"; names are short by the file they stand in, but nothing relies on it. */
#define FULL_NAME_MAX 256

static void full_name(const struct ktstr_plugin *plugin, char *buf)
{
	snprintf(buf, FULL_NAME_MAX, "%s/%s", ktstr_kind_name(plugin->kind), plugin->name);
}

/* Asks a plugin whether it works on this host. Only vmms can be asked: workloads and probes live in
 * a guest, monitors and sections need a run. */
static int ask_available(const struct ktstr_plugin *plugin, const struct ktstr_host *host,
			 struct ktstr_err *err)
{
	_cleanup_free_ struct ktstr_value *values = NULL;
	const struct ktstr_vmm_ops *ops = plugin->ops;
	int r;

	if (plugin->kind != KTSTR_KIND_VMM)
		return 0;
	values = calloc(plugin->n_params + 1, sizeof(*values));
	if (!values)
		return ktstr_err_nomem(err);
	r = ktstr_param_defaults(plugin, values, err);
	return r < 0 ? r : ops->available(host, values, err);
}

/* Each line of `text` behind four spaces. */
static void put_indented(struct ktstr_buf *out, const char *first, const char *text)
{
	ktstr_buf_printf(out, "    %s", first);
	for (; *text; text++) {
		ktstr_put_byte(out, (uint8_t)*text);
		if (*text == '\n')
			ktstr_buf_puts(out, "    ");
	}
	ktstr_put_byte(out, '\n');
}

static void put_availability(const struct ktstr_plugin *plugin, const struct ktstr_host *host,
			     struct ktstr_buf *out)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ask_available(plugin, host, &err) < 0)
		put_indented(out, "not here, because ", err.msg);
}

static void grow_to(int *width, const char *text)
{
	int n = (int)strlen(text);

	if (n > *width)
		*width = n;
}

static void put_refused(const struct ktstr_registry *registry, struct ktstr_buf *out)
{
	const struct ktstr_module_info *module;
	bool any = false;

	for (size_t i = 0; (module = ktstr_registry_module(registry, i)); i++) {
		if (!module->refusal)
			continue;
		if (!any)
			ktstr_buf_puts(out, "\nmodules that were refused:\n");
		put_indented(out, "", module->why);
		any = true;
	}
}

void ktstr_plugins_list(const struct ktstr_registry *registry, const struct ktstr_host *host,
			struct ktstr_buf *out)
{
	const struct ktstr_module_info *module;
	const struct ktstr_plugin *plugin;
	int name_width = 0, version_width = 0;
	char name[FULL_NAME_MAX];

	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, &module)); i++) {
		full_name(plugin, name);
		grow_to(&name_width, name);
		grow_to(&version_width, module->version);
	}
	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, &module)); i++) {
		full_name(plugin, name);
		ktstr_buf_printf(out, "%-*s  %-*s  %s\n", name_width, name, version_width,
				 module->version, plugin->summary);
		put_availability(plugin, host, out);
	}
	if (!name_width)
		ktstr_buf_puts(out, "no plugins found: install ktstr, or name their folders in "
			       "KTSTR_PLUGIN_PATH\n");
	put_refused(registry, out);
}

/* ---- one plugin ---- */

enum { NAME, VALUE, DEFAULT, HELP, N_CELLS };

static const char *const headings[N_CELLS] = { "NAME", "VALUE", "DEFAULT", "HELP" };

static void param_cells(const struct ktstr_plugin *plugin, uint32_t i, char *value, size_t size,
			const char *cells[N_CELLS])
{
	const struct ktstr_param *param = ktstr_plugin_param(plugin, i);
	const char *without = ktstr_plugin_param_optional(plugin, i) ? "none" : "required";

	ktstr_param_describe(param, value, size);
	cells[NAME] = param->name;
	cells[VALUE] = value;
	cells[DEFAULT] = !param->def ? without : *param->def ? param->def : "\"\"";
	cells[HELP] = param->help;
}

static void put_row(struct ktstr_buf *out, const char *const cells[N_CELLS], const int *widths)
{
	for (int c = 0; c < HELP; c++)
		ktstr_buf_printf(out, "  %-*s", widths[c], cells[c]);
	ktstr_buf_printf(out, "  %s\n", cells[HELP]);
}

static void put_params(const struct ktstr_plugin *plugin, struct ktstr_buf *out)
{
	int widths[N_CELLS] = { 0 };
	const char *cells[N_CELLS];
	char value[512];

	if (!plugin->n_params) {
		ktstr_buf_puts(out, "\nno parameters\n");
		return;
	}
	for (int c = 0; c < N_CELLS; c++)
		grow_to(&widths[c], headings[c]);
	for (uint32_t i = 0; i < plugin->n_params; i++) {
		param_cells(plugin, i, value, sizeof(value), cells);
		for (int c = 0; c < N_CELLS; c++)
			grow_to(&widths[c], cells[c]);
	}
	ktstr_buf_puts(out, "\n");
	put_row(out, headings, widths);
	for (uint32_t i = 0; i < plugin->n_params; i++) {
		param_cells(plugin, i, value, sizeof(value), cells);
		put_row(out, cells, widths);
	}
}

/* The plugin that was probably meant, or NULL. A word without a slash is compared with the bare
 * names. */
static const struct ktstr_plugin *find_nearest(const struct ktstr_registry *registry,
					       const char *wanted)
{
	_cleanup_free_ char (*names)[FULL_NAME_MAX] = NULL;
	_cleanup_free_ const char **words = NULL;
	const struct ktstr_plugin *plugin;
	const char *near;
	size_t n = 0;

	while (ktstr_registry_plugin(registry, n, NULL))
		n++;
	names = calloc(n + 1, sizeof(*names));
	words = calloc(n + 1, sizeof(*words));
	if (!names || !words)
		return NULL;
	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, NULL)); i++) {
		full_name(plugin, names[i]);
		words[i] = strchr(wanted, '/') ? names[i] : plugin->name;
	}
	near = ktstr_nearest(wanted, words, n);
	for (size_t i = 0; near && i < n; i++)
		if (words[i] == near)
			return ktstr_registry_plugin(registry, i, NULL);
	return NULL;
}

static int unknown_plugin(const struct ktstr_registry *registry, const char *wanted,
			  struct ktstr_err *err)
{
	const struct ktstr_plugin *near = find_nearest(registry, wanted);
	char name[FULL_NAME_MAX];

	if (!near)
		return ktstr_err_set(err, -ENOENT, "there is no plugin \"%s\": `ktstr plugins` "
				     "lists them as KIND/NAME", wanted);
	full_name(near, name);
	return ktstr_err_set(err, -ENOENT, "there is no plugin \"%s\"; did you mean \"%s\"?",
			     wanted, name);
}

int ktstr_plugins_show(const struct ktstr_registry *registry, const struct ktstr_host *host,
		       const char *wanted, struct ktstr_buf *out, struct ktstr_err *err)
{
	const struct ktstr_module_info *module;
	const struct ktstr_plugin *plugin;
	char name[FULL_NAME_MAX];

	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, &module)); i++) {
		full_name(plugin, name);
		if (strcmp(name, wanted))
			continue;
		ktstr_buf_printf(out, "%s %s: %s\n    from %s\n", name, module->version,
				 plugin->summary, module->path);
		put_availability(plugin, host, out);
		put_params(plugin, out);
		return 0;
	}
	return unknown_plugin(registry, wanted, err);
}
