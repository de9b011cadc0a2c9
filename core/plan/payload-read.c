/* SPDX-License-Identifier: GPL-2.0-only */
/* External programs, read from a pipeline. */
#include "base/cleanup.h"
#include "base/text.h"
#include "plan/read.h"
#include "wire/message.h"

#include <sys/stat.h>

#define NAME_LEN_MAX 40
#define RT_APP "rt-app"

static bool read_command(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_payload *payload = object;

	if (!ktstr_read_strings(r, node, false, "a list of a program and its arguments",
				&payload->command.items, &payload->command.n))
		return false;
	if (!payload->command.n || !*payload->command.items[0])
		return ktstr_reader_problem(r, node, "expected a program, and its arguments behind "
					    "it");
	payload->command.items[0] = ktstr_reader_path(r, node->entries[0].value,
						      KTSTR_PATH_OR_NAME);
	return payload->command.items[0];
}

/* Where the guest has the file, in the arena. */
static const char *guest_file(struct ktstr_reader *r, const char *file)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *path = ktstr_asprintf(KTSTR_GUEST_FILES "/%s", slash ? slash + 1 : file);
	const char *kept = path ? ktstr_arena_strndup(r->arena, path, strlen(path)) : NULL;

	if (!kept)
		r->nomem = true;
	return kept;
}

/* rt-app itself is to run the file. What is in it is between the two: rt-app takes more than ktstr
 * does. */
static bool read_rt_app(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_plan_payload *payload = object;
	const char **command = ktstr_reader_alloc(r, 2, sizeof(*command));
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "an rt-app file"))
		return false;
	payload->file = ktstr_reader_path(r, node, KTSTR_PATH);
	if (payload->file)
		path = *payload->file == '/' ? strdup(payload->file) :
			ktstr_asprintf("%s/%s", r->dir, payload->file);
	if (!command || !path) {
		r->nomem = true;
		return false;
	}
	if (stat(path, &st))
		return ktstr_reader_problem(r, node, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ktstr_reader_problem(r, node, "%s is no file", path);
	command[0] = RT_APP;
	command[1] = guest_file(r, node->text);
	payload->command.items = command;
	payload->command.n = 2;
	return command[1];
}

static bool read_payload_cgroup(struct ktstr_reader *r, const struct ktstr_node *node,
				void *object)
{
	return ktstr_read_cgroup_name(r, node, &((struct ktstr_plan_payload *)object)->cgroup);
}

/* ---- metrics ---- */

static bool read_keys(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_plan_payload *payload, enum ktstr_metric_form form)
{
	payload->form = form;
	if (!ktstr_read_strings(r, node, true, "a list of names", &payload->metrics.items,
				&payload->metrics.n))
		return false;
	return payload->metrics.n || ktstr_reader_problem(r, node, "expected at least one name");
}

static bool read_json(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return read_keys(r, node, object, KTSTR_METRICS_JSON);
}

static bool read_lines(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return read_keys(r, node, object, KTSTR_METRICS_LINES);
}

static const struct ktstr_key metrics_keys[] = {
	{ .param = { .name = "json", .optional = true,
		     .help = "paths of numbers in a JSON value: jobs.0.read.iops" },
	  .read = read_json, .form = "list of text" },
	{ .param = { .name = "lines", .optional = true,
		     .help = "keys of lines such as `key 5` and `key: 5`; of several the last" },
	  .read = read_lines, .form = "list of text" },
};

const struct ktstr_schema ktstr_schema_metrics = {
	.name = "metrics",
	.form = "a mapping of `json` or `lines`",
	KTSTR_SCHEMA_KEYS(metrics_keys),
};

static bool read_metrics(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_schema_read_one(&ktstr_schema_metrics, r, node, object);
}

/* ---- the payload ---- */

static const struct ktstr_key payload_keys[] = {
	{ .param = { .name = "command",
		     .help = "a program of this host, by path or on PATH, and its arguments; it "
			     "goes into the guest with its libraries" },
	  .read = read_command, .form = "list of text", .unless = "rt-app" },
	{ .param = { .name = "rt-app", .optional = true,
		     .help = "an rt-app file, in place of `command`: rt-app, which is then on PATH, "
			     "runs it in the guest" },
	  .read = read_rt_app, .form = "a file's path" },
	{ .param = { .name = "name", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "what it is called here; left out: as the program" },
	  .offset = offsetof(struct ktstr_plan_payload, name) },
	{ .param = { .name = "cgroup", .optional = true,
		     .help = "where it runs; left out: in none" },
	  .read = read_payload_cgroup, .form = "a cgroup" },
	{ .param = { .name = "may-fail", .type = KTSTR_PARAM_BOOL, .def = "false",
		     .help = "whether it may end with another exit status than 0" },
	  .offset = offsetof(struct ktstr_plan_payload, may_fail) },
	{ .param = { .name = "metrics", .optional = true,
		     .help = "numbers in its output; one that is not there fails the scenario" },
	  .read = read_metrics, .form = "a mapping of `json` or `lines`" },
};

const struct ktstr_schema ktstr_schema_payload = {
	.name = "payload",
	.form = "a mapping of `command` (or `rt-app`) and more",
	KTSTR_SCHEMA_KEYS(payload_keys),
};

bool ktstr_read_payload(struct ktstr_reader *r, const struct ktstr_node *node,
			struct ktstr_plan_payload *payload)
{
	const char *slash;

	payload->at = node->at;
	if (!ktstr_schema_read(&ktstr_schema_payload, r, node, payload, NULL))
		return false;
	if (payload->file && ktstr_node_entry(node, "command"))
		return ktstr_reader_problem(r, ktstr_node_entry(node, "command")->value, "`command` "
					    "beside `rt-app`: only one of them can be meant");
	slash = strrchr(payload->command.items[0], '/');
	if (slash && !slash[1])
		return ktstr_reader_problem(r, node, "\"%.80s\" is a folder; expected a program",
					    payload->command.items[0]);
	if (!payload->name)
		payload->name = slash ? slash + 1 : payload->command.items[0];
	return strlen(payload->name) <= NAME_LEN_MAX ||
	       ktstr_reader_problem(r, node, "a payload's name has at most %d characters; `name` "
				    "gives it another one", NAME_LEN_MAX);
}

bool ktstr_read_payloads(struct ktstr_reader *r, const struct ktstr_node *node,
			 struct ktstr_plan_payload **ret_items, size_t *ret_n)
{
	struct ktstr_plan_payload *items = ktstr_read_list(r, node, "a list of payloads",
							   sizeof(*items));
	bool ok = items;

	for (size_t i = 0; items && i < node->n; i++)
		ok &= ktstr_read_payload(r, node->entries[i].value, &items[i]);
	*ret_items = items;
	*ret_n = items ? node->n : 0;
	return ok;
}
