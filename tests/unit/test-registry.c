/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/file.h"
#include "base/text.h"
#include "plugin/host.h"
#include "plugin/kind.h"
#include "plugin/loader.h"

#include "config.h"

#include <ktstr/section.h>
#include <ktstr/workload.h>

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ktstr_registry *registry;
static char *folder;	/* a fresh one, for tests of scanning */

static void setup(void)
{
	char name[] = "/tmp/ktstr-test-XXXXXX";

	cr_assert_not_null(getenv("abs_top_builddir"), "run it by make check");
	cr_assert_not_null(mkdtemp(name));
	folder = strdup(name);
	registry = ktstr_registry_alloc();
}

static void teardown(void)
{
	ktstr_registry_destroy(registry);
	cr_assert_eq(ktstr_remove_tree(folder, NULL), 0);
	free(folder);
}

TestSuite(registry, .init = setup, .fini = teardown);
TestSuite(check, .init = setup, .fini = teardown);

/* Valid until the next call. */
static const char *fixture(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/tests/fixtures/.libs/%s.so", getenv("abs_top_builddir"),
		 name);
	return path;
}

/* Likewise. */
static const char *in_folder(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void load_fixture(const char *name)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_registry_load(registry, fixture(name), &err), 0, "%s", err.msg);
}

static size_t count_modules(void)
{
	size_t n = 0;

	while (ktstr_registry_module(registry, n))
		n++;
	return n;
}

static size_t count_plugins(void)
{
	size_t n = 0;

	while (ktstr_registry_plugin(registry, n, NULL))
		n++;
	return n;
}

/* ---- refused files ---- */

#define TEXT_OF(number) #number
#define DIGITS(number) TEXT_OF(number)
#define OURS ", this ktstr has " DIGITS(KTSTR_ABI_MAJOR) "." DIGITS(KTSTR_ABI_MINOR)
#define REBUILD ": rebuild it with the headers of this ktstr"

static const struct {
	const char *fixture;
	enum ktstr_refusal refusal;
	bool named;		/* refused late enough for the module's name to be known */
	const char *why;	/* behind "<path>: " */
} refused[] = {
	{ "undefined", KTSTR_REFUSED_DLOPEN, false,
	  "cannot be loaded: undefined symbol: ktstr_no_such_function" },
	{ "no-symbol", KTSTR_REFUSED_NO_SYMBOL, false,
	  "exports no symbol ktstr_module: it is no ktstr module, or lacks KTSTR_DEFINE_MODULE()" },
	{ "major", KTSTR_REFUSED_ABI_MAJOR, false,
	  "built for plugin ABI major 7" OURS REBUILD },
	{ "minor", KTSTR_REFUSED_ABI_MINOR, false,
	  "built for plugin ABI 0.9" OURS REBUILD },
	{ "short-module", KTSTR_REFUSED_SIZE, false,
	  "its struct ktstr_module has 24 bytes, the mandatory part has 40" },
	{ "short-plugin", KTSTR_REFUSED_SIZE, true,
	  "its struct ktstr_plugin number 1 has 16 bytes, the mandatory part has 48" },
	{ "short-ops", KTSTR_REFUSED_SIZE, true,
	  "workload/fixture-bad: its struct ktstr_workload_ops has 40 bytes, the mandatory part "
	  "has 48" },
	{ "kind", KTSTR_REFUSED_KIND, true,
	  "plugin \"fixture-bad\" is of kind 99, this ktstr knows 1 to 5: vmm, workload, monitor, "
	  "section, probe" },
	{ "name", KTSTR_REFUSED_NAME, true,
	  "workload plugin name \"Bad_Name\" is not lower-case kebab (like cpu-spin)" },
	{ "no-op", KTSTR_REFUSED_OPS, true,
	  "workload/fixture-bad lacks the mandatory op iterate()" },
	{ "params", KTSTR_REFUSED_PARAMS, true,
	  "workload/fixture-bad: parameter 1 (burst): default: expected duration, not \"10\" "
	  "(a number and its unit: 1h, 2m, 5s, 250ms, 10us, 100ns)" },
};

Test(registry, refused_modules_are_kept_with_code_and_reason)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(refused); i++) {
		const char *path = fixture(refused[i].fixture);
		char *why = ktstr_asprintf("%s: %s", path, refused[i].why);
		const struct ktstr_module_info *module;
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_assert_eq(ktstr_registry_load(registry, path, &err), -EINVAL, "%s", path);
		cr_assert_eq(err.code, -EINVAL);
		cr_assert_str_eq(err.msg, why);
		module = ktstr_registry_module(registry, i);
		cr_assert_not_null(module);
		cr_assert_eq(module->refusal, refused[i].refusal, "%s: %d", path, module->refusal);
		cr_assert_str_eq(module->why, why);
		cr_assert_str_eq(module->path, path);
		cr_assert_eq(module->name != NULL, refused[i].named, "%s", path);
		if (refused[i].named) {
			cr_assert_str_eq(module->name, "fixture");
			cr_assert_str_eq(module->version, "1.0");
		}
		free(why);
	}
	cr_assert_eq(count_plugins(), 0);
}

Test(registry, a_file_that_cannot_be_a_module_is_refused_without_opening_it)
{
	static const struct {
		const char *name, *why;
	} files[] = {
		{ "absent.so", "cannot be loaded: No such file or directory" },
		{ "folder.so", "cannot be loaded: not a regular file" },
		{ "pipe.so", "cannot be loaded: not a regular file" },
	};

	cr_assert_eq(mkdir(in_folder("folder.so"), 0700), 0);
	cr_assert_eq(mkfifo(in_folder("pipe.so"), 0600), 0);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(files); i++) {
		char *why = ktstr_asprintf("%s/%s: %s", folder, files[i].name, files[i].why);
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_assert_eq(ktstr_registry_load(registry, in_folder(files[i].name), &err),
			     -EINVAL);
		cr_assert_str_eq(err.msg, why);
		cr_assert_eq(ktstr_registry_module(registry, i)->refusal, KTSTR_REFUSED_DLOPEN);
		free(why);
	}
}

Test(registry, a_file_that_is_no_elf_is_refused)
{
	const struct ktstr_module_info *module;

	cr_assert_eq(ktstr_file_write(in_folder("text.so"), "hello", 5, 0600, NULL), 0);
	cr_assert_eq(ktstr_registry_load(registry, in_folder("text.so"), NULL), -EINVAL);
	module = ktstr_registry_module(registry, 0);
	cr_assert_eq(module->refusal, KTSTR_REFUSED_DLOPEN);
	cr_assert_not_null(strstr(module->why, "text.so: cannot be loaded: "));
	cr_assert_not_null(strstr(module->why, "file too short"));
}

/* ---- accepted ones ---- */

Test(registry, plugins_are_found_and_ordered_by_kind_then_name)
{
	static const char *const names[] = {
		"vmm/fixture-absent", "workload/fixture-first", "workload/fixture-good",
		"workload/fixture-second", "monitor/fixture-good", "section/fixture-good",
		"probe/fixture-good",
	};
	const struct ktstr_module_info *module = NULL;
	const struct ktstr_plugin *plugin;

	load_fixture("second");
	load_fixture("good");
	load_fixture("first");
	cr_assert_eq(count_plugins(), KTSTR_ARRAY_SIZE(names));
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++) {
		plugin = ktstr_registry_plugin(registry, i, NULL);
		char *name = ktstr_asprintf("%s/%s", ktstr_kind_name(plugin->kind), plugin->name);

		cr_assert_str_eq(name, names[i]);
		free(name);
	}
	plugin = ktstr_registry_find(registry, KTSTR_KIND_SECTION, "fixture-good", &module);
	cr_assert_eq(plugin->kind, KTSTR_KIND_SECTION);
	cr_assert_str_eq(module->name, "fixture-good");
	cr_assert_str_eq(module->version, "1.2.3");
	cr_assert_str_eq(module->path, fixture("good"));
	cr_assert_eq(module->refusal, KTSTR_REFUSED_NOT);
	cr_assert_null(module->why);
}

Test(registry, a_plugin_that_is_not_there_leaves_the_module_alone)
{
	const struct ktstr_module_info *module = NULL;

	load_fixture("good");
	cr_assert_null(ktstr_registry_find(registry, KTSTR_KIND_VMM, "fixture-good", &module));
	cr_assert_null(ktstr_registry_plugin(registry, 5, &module));
	cr_assert_null(module);
}

Test(registry, descriptors_survive_the_unloading_of_refused_modules)
{
	const struct ktstr_plugin *plugin;

	load_fixture("good");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(refused); i++)
		cr_assert_eq(ktstr_registry_load(registry, fixture(refused[i].fixture), NULL),
			     -EINVAL);
	load_fixture("first");
	for (size_t i = 0; (plugin = ktstr_registry_plugin(registry, i, NULL)); i++) {
		uint32_t ops_size;

		cr_assert_eq(plugin->size, sizeof(*plugin));
		cr_assert_eq(strncmp(plugin->name, "fixture-", 8), 0);
		cr_assert_eq(strncmp(plugin->summary, "a ", 2), 0);
		memcpy(&ops_size, plugin->ops, sizeof(ops_size));
		cr_assert_geq(ops_size, ktstr_kind_info(plugin->kind)->size);
		for (uint32_t k = 0; k < plugin->n_params; k++)
			cr_assert_gt(strlen(ktstr_plugin_param(plugin, k)->help), 0);
	}
	cr_assert_eq(count_plugins(), 6);
}

Test(registry, of_two_plugins_with_one_name_the_first_wins)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct ktstr_module_info *module;
	char *first = strdup(fixture("good")), *why;

	load_fixture("good");
	cr_assert_eq(ktstr_registry_load(registry, fixture("duplicate"), &err), -EINVAL);
	cr_assert_eq(ktstr_registry_module(registry, 1)->refusal, KTSTR_REFUSED_DUPLICATE);
	why = ktstr_asprintf("%s: workload/fixture-good is there already, from %s",
			     fixture("duplicate"), first);
	cr_assert_str_eq(err.msg, why);
	free(why);
	cr_assert_not_null(ktstr_registry_find(registry, KTSTR_KIND_WORKLOAD, "fixture-good",
					       &module));
	cr_assert_str_eq(module->path, first);
	free(first);
}

Test(registry, a_file_is_loaded_once_whatever_its_path)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	load_fixture("good");
	cr_assert_eq(symlink(fixture("good"), in_folder("good.so")), 0);
	cr_assert_eq(ktstr_registry_load(registry, in_folder("good.so"), &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_registry_load(registry, fixture("name"), NULL), -EINVAL);
	cr_assert_eq(symlink(fixture("name"), in_folder("name.so")), 0);
	cr_assert_eq(ktstr_registry_load(registry, in_folder("name.so"), &err), -EINVAL,
		     "what was refused stays refused");
	cr_assert_not_null(strstr(err.msg, "Bad_Name"));
	cr_assert_eq(count_modules(), 2);
}

Test(registry, a_bare_file_name_means_the_working_folder)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(symlink(fixture("good"), in_folder("bare.so")), 0);
	cr_assert_eq(chdir(folder), 0);
	cr_assert_eq(ktstr_registry_load(registry, "bare.so", &err), 0, "%s", err.msg);
	cr_assert_str_eq(ktstr_registry_module(registry, 0)->path, "./bare.so");
}

Test(registry, modules_are_unloaded_in_reverse_order)
{
	setenv("FIXTURE_UNLOADED", "order:", 1);
	load_fixture("first");
	load_fixture("second");
	cr_assert_eq(ktstr_registry_load(registry, fixture("no-op"), NULL), -EINVAL);
#ifdef KTSTR_ASAN
	cr_assert_str_eq(getenv("FIXTURE_UNLOADED"), "order:");
#else
	cr_assert_str_eq(getenv("FIXTURE_UNLOADED"), "order: fixture-bad",
			 "a refused module is unloaded at once");
#endif
	ktstr_registry_destroy(registry);
	registry = NULL;
#ifdef KTSTR_ASAN
	cr_assert_str_eq(getenv("FIXTURE_UNLOADED"), "order:");
#else
	cr_assert_str_eq(getenv("FIXTURE_UNLOADED"),
			 "order: fixture-bad fixture-second fixture-first");
#endif
}

/* ---- folders ---- */

static void link_fixture(const char *name, const char *as)
{
	cr_assert_eq(symlink(fixture(name), in_folder(as)), 0);
}

Test(registry, a_scan_takes_so_files_in_the_order_of_their_names)
{
	struct ktstr_plugin_folder one = { folder, true };
	struct ktstr_err err = KTSTR_ERR_INIT;
	static const char *const order[] = { "B.so", "a.so", "c.so" };

	link_fixture("duplicate", "c.so");
	link_fixture("good", "a.so");
	link_fixture("first", "B.so");
	link_fixture("second", ".hidden.so");
	link_fixture("second", "second.so.1");
	link_fixture("second", "second.la");
	link_fixture("second", "so");
	link_fixture("second", ".so");
	cr_assert_eq(ktstr_registry_scan(registry, &one, &err), 0, "%s", err.msg);
	cr_assert_eq(count_modules(), KTSTR_ARRAY_SIZE(order));
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(order); i++)
		cr_assert_str_eq(ktstr_registry_module(registry, i)->path, in_folder(order[i]));
	cr_assert_eq(ktstr_registry_module(registry, 2)->refusal, KTSTR_REFUSED_DUPLICATE);
	cr_assert_eq(err.code, 0, "a refusal is no error of the scan");
}

Test(registry, a_missing_folder_is_an_error_only_when_it_was_asked_for)
{
	struct ktstr_plugin_folder asked = { (char *)"/nonexistent/plugins", true };
	struct ktstr_plugin_folder ours = { (char *)"/nonexistent/plugins", false };
	struct ktstr_plugin_folder file = { (char *)"/proc/self/stat", false };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_registry_scan(registry, &ours, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_registry_scan(registry, &asked, &err), -ENOENT);
	cr_assert_str_eq(err.msg, "cannot read the plugin folder /nonexistent/plugins of "
			 "KTSTR_PLUGIN_PATH: No such file or directory");
	cr_assert_eq(ktstr_registry_scan(registry, &file, &err), -ENOTDIR);
	cr_assert_str_eq(err.msg, "cannot read the plugin folder /proc/self/stat: Not a directory");
}

Test(registry, create_scans_what_the_environment_names_first)
{
	struct ktstr_registry *made = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	link_fixture("good", "a.so");
	link_fixture("no-op", "b.so");
	setenv("KTSTR_PLUGIN_PATH", folder, 1);
	cr_assert_eq(ktstr_registry_create(&made, &err), 0, "%s", err.msg);
	cr_assert_str_eq(ktstr_registry_module(made, 0)->path, in_folder("a.so"));
	cr_assert_eq(ktstr_registry_module(made, 1)->refusal, KTSTR_REFUSED_OPS);
	cr_assert_not_null(ktstr_registry_find(made, KTSTR_KIND_PROBE, "fixture-good", NULL));
	ktstr_registry_destroy(made);

	made = NULL;
	setenv("KTSTR_PLUGIN_PATH", "/nonexistent/plugins", 1);
	cr_assert_eq(ktstr_registry_create(&made, &err), -ENOENT);
	cr_assert_null(made);
	ktstr_registry_destroy(NULL);
}

static void assert_folders(const char *env, const char *tree, const char *want)
{
	struct ktstr_plugin_folders folders;
	struct ktstr_buf got = { 0 };
	char *text;

	cr_assert_eq(ktstr_plugin_folders_init(&folders, env, tree, NULL), 0);
	for (size_t i = 0; i < folders.list.n; i++)
		ktstr_buf_printf(&got, "%s%s ", folders.list.items[i].asked_for ? "!" : "",
				 folders.list.items[i].path);
	text = ktstr_buf_steal_str(&got);
	cr_assert_str_eq(text, want);
	free(text);
	ktstr_plugin_folders_deinit(&folders);
}

Test(registry, folders_come_from_the_environment_then_from_where_ktstr_stands)
{
	assert_folders(NULL, NULL, PKGLIBDIR " ");
	assert_folders("", NULL, PKGLIBDIR " ");
	assert_folders(NULL, "/build", "/build/.libs ");
	assert_folders("/a:/b", NULL, "!/a !/b " PKGLIBDIR " ");
	assert_folders("::/a::b/:", "/build", "!/a !b/ /build/.libs ");
}

/* ---- checks of modules in memory: one good module, spoiled a little each time ---- */

static int called(void)
{
	cr_assert_fail("a check called into the module");
	return 0;
}

static const char *const no_choices[] = { NULL };

static struct ktstr_param rows[2];
static struct ktstr_section_ops ops;
static struct ktstr_workload_ops other_ops;
static struct ktstr_plugin plugin, other;
static const struct ktstr_plugin *plugins[3];
static struct ktstr_module module;

static void make_good(void)
{
	for (size_t i = 0; i < 2; i++)
		rows[i] = (struct ktstr_param){ .name = i ? "two" : "one", .type = KTSTR_PARAM_UINT,
						.def = "1", .help = "counts" };
	ops = (struct ktstr_section_ops){ .size = sizeof(ops), .build = (void *)called };
	other_ops = (struct ktstr_workload_ops){
		.size = sizeof(other_ops), .create = (void *)called, .iterate = (void *)called,
		.destroy = (void *)called,
	};
	plugin = (struct ktstr_plugin){ .size = sizeof(plugin), .kind = KTSTR_KIND_SECTION,
					.name = "spoiled", .summary = "one line",
					KTSTR_PLUGIN_PARAMS(rows), .ops = &ops };
	other = plugin;
	other.kind = KTSTR_KIND_WORKLOAD;
	other.ops = &other_ops;
	memcpy(plugins, (const struct ktstr_plugin *[]){ &plugin, &other, NULL }, sizeof(plugins));
	module = (struct ktstr_module){ .abi_major = KTSTR_ABI_MAJOR, .abi_minor = KTSTR_ABI_MINOR,
					.size = sizeof(module), .name = "m", .version = "1",
					.plugins = plugins };
}

static void older_minor(void) { module.abi_minor = 0; }
static void minor_before_size(void) { module.abi_minor = 99; module.size = 0; }
static void no_plugins(void) { module.plugins = NULL; }
static void empty_plugins(void) { plugins[0] = NULL; }
static void short_row(void) { plugin.param_size = offsetof(struct ktstr_param, help); }
static void second_short(void) { other.size = 8; }
static void size_before_kind(void) { plugin.kind = 0; other.size = 8; }
static void kind_zero(void) { plugin.kind = 0; }
static void kind_before_name(void) { plugin.name = NULL; other.kind = KTSTR_KIND_PROBE + 1; }
static void no_module_name(void) { module.name = NULL; }
static void no_version(void) { module.version = ""; }
static void no_name(void) { plugin.name = NULL; }
static void empty_name(void) { plugin.name = ""; }
static void digit_first(void) { plugin.name = "1st"; }
static void dash_last(void) { plugin.name = "a-"; }
static void two_dashes(void) { plugin.name = "a--b"; }
static void no_summary(void) { plugin.summary = NULL; }
static void twice(void) { plugins[1] = &plugin; }
static void name_before_ops(void) { plugin.ops = NULL; other.name = "B"; }
static void no_ops(void) { plugin.ops = NULL; }
static void no_op(void) { ops.build = NULL; }
static void ops_before_params(void) { rows[0].name = NULL; other_ops.destroy = NULL; }
static void no_table(void) { plugin.params = NULL; }
static void odd_rows(void) { plugin.param_size = sizeof(rows[0]) + 1; }
static void no_param_name(void) { rows[1].name = NULL; }
static void bad_param_name(void) { rows[0].name = "Caps"; }
static void param_twice(void) { rows[1].name = "one"; }
static void bad_type(void) { rows[0].type = (enum ktstr_param_type)(KTSTR_PARAM_PERCENT + 1); }
static void no_help(void) { rows[0].help = NULL; }
static void no_choice(void) { rows[0].type = KTSTR_PARAM_CHOICE; }
static void choice_of_none(void) { no_choice(); rows[0].choices = no_choices; }
static void min_above_max(void) { rows[0].min = 2; rows[0].max = 1; }
static void min_below_zero(void) { rows[0].min = -1; rows[0].max = 1; }
static void default_outside(void) { rows[0].min = 2; rows[0].max = 4; }

static const struct {
	void (*spoil)(void);
	enum ktstr_refusal refusal;
	const char *why;
} spoiled[] = {
	{ older_minor, KTSTR_REFUSED_ABI_MINOR,
	  "built for plugin ABI 0.0" OURS REBUILD },
	{ minor_before_size, KTSTR_REFUSED_ABI_MINOR,
	  "built for plugin ABI 0.99" OURS REBUILD },
	{ second_short, KTSTR_REFUSED_SIZE,
	  "its struct ktstr_plugin number 2 has 8 bytes, the mandatory part has 48" },
	{ short_row, KTSTR_REFUSED_SIZE,
	  "its struct ktstr_plugin number 1 has 56 bytes a parameter, the mandatory part has 64" },
	{ size_before_kind, KTSTR_REFUSED_SIZE,
	  "its struct ktstr_plugin number 2 has 8 bytes, the mandatory part has 48" },
	{ no_plugins, KTSTR_REFUSED_KIND, "the module brings no plugin of any kind" },
	{ empty_plugins, KTSTR_REFUSED_KIND, "the module brings no plugin of any kind" },
	{ kind_zero, KTSTR_REFUSED_KIND, "plugin \"spoiled\" is of kind 0, this ktstr knows 1 to "
	  "5: vmm, workload, monitor, section, probe" },
	{ kind_before_name, KTSTR_REFUSED_KIND, "plugin \"spoiled\" is of kind 6, this ktstr knows "
	  "1 to 5: vmm, workload, monitor, section, probe" },
	{ no_module_name, KTSTR_REFUSED_NAME, "the module has no name or no version" },
	{ no_version, KTSTR_REFUSED_NAME, "the module has no name or no version" },
	{ no_name, KTSTR_REFUSED_NAME,
	  "section plugin name \"\" is not lower-case kebab (like cpu-spin)" },
	{ empty_name, KTSTR_REFUSED_NAME,
	  "section plugin name \"\" is not lower-case kebab (like cpu-spin)" },
	{ digit_first, KTSTR_REFUSED_NAME,
	  "section plugin name \"1st\" is not lower-case kebab (like cpu-spin)" },
	{ dash_last, KTSTR_REFUSED_NAME,
	  "section plugin name \"a-\" is not lower-case kebab (like cpu-spin)" },
	{ two_dashes, KTSTR_REFUSED_NAME,
	  "section plugin name \"a--b\" is not lower-case kebab (like cpu-spin)" },
	{ no_summary, KTSTR_REFUSED_NAME, "section/spoiled has no summary" },
	{ twice, KTSTR_REFUSED_DUPLICATE,
	  "section/spoiled is there already, from this module itself" },
	{ name_before_ops, KTSTR_REFUSED_NAME,
	  "workload plugin name \"B\" is not lower-case kebab (like cpu-spin)" },
	{ no_ops, KTSTR_REFUSED_OPS, "section/spoiled has no ops" },
	{ no_op, KTSTR_REFUSED_OPS, "section/spoiled lacks the mandatory op build()" },
	{ ops_before_params, KTSTR_REFUSED_OPS,
	  "workload/spoiled lacks the mandatory op destroy()" },
	{ no_table, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: 2 parameters, but no table of them (use KTSTR_PLUGIN_PARAMS)" },
	{ odd_rows, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: 2 parameters, but no table of them (use KTSTR_PLUGIN_PARAMS)" },
	{ no_param_name, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 2 (?): name \"\" is not lower-case kebab" },
	{ bad_param_name, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 1 (Caps): name \"Caps\" is not lower-case kebab" },
	{ param_twice, KTSTR_REFUSED_PARAMS, "section/spoiled: parameter 2 (one): is there twice" },
	{ bad_type, KTSTR_REFUSED_PARAMS, "section/spoiled: parameter 1 (one): unknown type 8" },
	{ no_help, KTSTR_REFUSED_PARAMS, "section/spoiled: parameter 1 (one): has no help" },
	{ no_choice, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 1 (one): is a choice of nothing" },
	{ choice_of_none, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 1 (one): is a choice of nothing" },
	{ min_above_max, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 1 (one): min 2 is above max 1" },
	{ min_below_zero, KTSTR_REFUSED_PARAMS,
	  "section/spoiled: parameter 1 (one): min -1 of a type that has no sign" },
	{ default_outside, KTSTR_REFUSED_PARAMS, "section/spoiled: parameter 1 (one): default: "
	  "expected unsigned integer 2..4, not \"1\"" },
};

Test(check, takes_a_good_module)
{
	struct ktstr_module_info info = { .path = "/m.so" };
	struct ktstr_err err = KTSTR_ERR_INIT;

	make_good();
	cr_assert_eq(ktstr_module_check(registry, &module, &info, &err), KTSTR_REFUSED_NOT, "%s",
		     err.msg);
	cr_assert_str_eq(info.name, "m");
	cr_assert_str_eq(info.version, "1");
}

Test(check, takes_a_module_whose_structs_end_with_the_mandatory_part)
{
	struct ktstr_module_info info = { .path = "/m.so" };

	make_good();
	ops.size = offsetof(struct ktstr_section_ops, build) + sizeof(ops.build);
	plugin.n_params = other.n_params = 0;
	plugin.param_size = 0;
	plugin.params = NULL;
	cr_assert_eq(ktstr_module_check(registry, &module, &info, NULL), KTSTR_REFUSED_NOT);
}

Test(check, finds_each_fault_in_the_order_that_the_header_states)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(spoiled); i++) {
		struct ktstr_module_info info = { .path = "/m.so" };
		struct ktstr_err err = KTSTR_ERR_INIT;
		char *why = ktstr_asprintf("/m.so: %s", spoiled[i].why);
		enum ktstr_refusal refusal;

		make_good();
		spoiled[i].spoil();
		refusal = ktstr_module_check(registry, &module, &info, &err);
		cr_assert_str_eq(err.msg, why);
		cr_assert_eq(refusal, spoiled[i].refusal, "%s: %d", why, refusal);
		free(why);
	}
}

/* ---- the rest ---- */

Test(kind, names_go_both_ways)
{
	char list[16];

	for (uint32_t kind = KTSTR_KIND_VMM; kind <= KTSTR_KIND_PROBE; kind++)
		cr_assert_eq(ktstr_kind_parse(ktstr_kind_name(kind)), kind);
	cr_assert_eq(ktstr_kind_parse("Vmm"), 0);
	cr_assert_eq(ktstr_kind_parse(""), 0);
	cr_assert_str_eq(ktstr_kind_name(0), "unknown");
	cr_assert_str_eq(ktstr_kind_name(99), "unknown");
	ktstr_kind_list(list, sizeof(list));
	cr_assert_str_eq(list, "vmm, workload, ");
}

Test(kind, every_mandatory_op_lies_inside_the_mandatory_size)
{
	for (uint32_t kind = KTSTR_KIND_VMM; kind <= KTSTR_KIND_PROBE; kind++) {
		const struct ktstr_kind_info *info = ktstr_kind_info(kind);

		cr_assert_gt(info->n_ops, 0);
		for (size_t i = 0; i < info->n_ops; i++)
			cr_assert_leq(info->ops[i].offset + sizeof(void (*)(void)), info->size,
				      "%s.%s", info->name, info->ops[i].name);
	}
}

Test(host, without_a_run_has_a_clock_but_no_journal)
{
	const struct ktstr_host *host = ktstr_host_plain();
	struct ktstr_buf payload = { 0 };
	uint64_t before = host->now_ns(host);

	cr_assert_eq(host->size, sizeof(*host));
	cr_assert_eq(host->record(host, KTSTR_REC_NOTE, &payload), -ENOTSUP);
	cr_assert_geq(host->now_ns(host), before);
}
