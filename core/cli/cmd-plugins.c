/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr plugins: what can be named in a pipeline file here, and with which parameters. */
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "plugin/host.h"
#include "plugin/list.h"

static int print(const struct ktstr_buf *out)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (out->failed) {
		ktstr_err_nomem(&err);
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	fwrite(out->data, 1, out->len, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		ktstr_err_errno(&err, errno, "cannot write to standard output");
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	return KTSTR_EXIT_PASSED;
}

/* All plugins, or the one that is `wanted`. */
static int print_plugins(const char *wanted)
{
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry;
	int r = ktstr_registry_create(&registry, &err);

	if (r < 0)
		return ktstr_complain(r == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_HOST_LACKS,
				      &err);
	if (wanted)
		r = ktstr_plugins_show(registry, ktstr_host_plain(), wanted, &out, &err);
	else
		ktstr_plugins_list(registry, ktstr_host_plain(), &out);
	ktstr_registry_destroy(registry);
	return r < 0 ? ktstr_complain(KTSTR_EXIT_USAGE, &err) : print(&out);
}

static int run(int argc, char **argv)
{
	if (argc == 1)
		return print_plugins(NULL);
	if (strcmp(argv[1], "show"))
		return ktstr_usage_error(&ktstr_cmd_plugins, "plugins: unknown word \"%s\"%s",
					 argv[1], strchr(argv[1], '/') ?
					 "; to see one plugin say show KIND/NAME" : "");
	if (argc != 3)
		return ktstr_usage_error(&ktstr_cmd_plugins, "plugins show: name one plugin as "
					 "KIND/NAME");
	return print_plugins(argv[2]);
}

static const struct ktstr_verb verbs[] = {
	{ .help = "Lists the plugins that were found, and the modules that were refused, and why." },
	{ .name = "show", .args = "KIND/NAME", .word = KTSTR_WORD_PLUGIN,
	  .help = "Shows one plugin and its parameters." },
	{ 0 },
};

const struct ktstr_command ktstr_cmd_plugins = {
	.name = "plugins",
	.summary = "lists the plugins and their parameters",
	.verbs = verbs,
	.run = run,
};
