/* SPDX-License-Identifier: GPL-2.0-only */
/* rt-app files as workers: what they become, and what is said of those that become none. */
#include "plan-fixture.h"

#include <unistd.h>

static struct ktstr_registry *registry;
static char folder[] = "/tmp/rt-app-XXXXXX";
static char *json_path, *yaml_path;

static void begin(void)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	_cleanup_free_ char *module = ktstr_asprintf("%s/.libs/workload-sequence.so",
						     getenv("abs_top_builddir"));

	if (access(module, R_OK))
		cr_skip("this build has no workload `sequence`");
	registry = fixture_registry();
	cr_assert_eq(ktstr_registry_load(registry, module, &err), 0, "%s", err.msg);
	cr_assert(mkdtemp(folder));
	json_path = ktstr_asprintf("%s/f.json", folder);
	yaml_path = ktstr_asprintf("%s/p.yaml", folder);
}

static void end(void)
{
	if (!json_path)
		return;
	unlink(json_path);
	rmdir(folder);
	free(json_path);
	free(yaml_path);
	ktstr_registry_destroy(registry);
}

TestSuite(rt_app, .init = begin, .fini = end);

static void write_json(const void *text, size_t len)
{
	FILE *f = fopen(json_path, "w");

	cr_assert(f && fwrite(text, 1, len, f) == len && !fclose(f));
}

#define PIPELINE(workers) "topology: 1n1l4c1t\nscenario:\n  duration: 1s\n"		\
			  "  cgroups:\n    - {name: a, workers: [" workers "]}\n"
#define ALL PIPELINE("{rt-app: f.json}")

/* The workers that the file stands for; the caller destroys the plan. */
static const struct ktstr_plan_cgroup *import(const char *json, const char *yaml,
					      struct ktstr_plan **ret_plan)
{
	write_json(json, strlen(json));
	*ret_plan = fixture_plan(registry, yaml_path, yaml);
	return &(*ret_plan)->steps.items[0].cgroups.items[0];
}

/* A parameter of the imported workload as text; "" when it is not set. */
static const char *param(const struct ktstr_plan_workers *workers, const char *name)
{
	static char text[64];
	const struct ktstr_plugin *plugin = workers->workload.plugin;

	for (uint32_t i = 0; i < plugin->n_params; i++) {
		const struct ktstr_value *value = &workers->workload.values[i];
		const struct ktstr_param *row = ktstr_plugin_param(plugin, i);

		if (strcmp(row->name, name))
			continue;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value->u64);
		return !value->set ? "" : row->type == KTSTR_PARAM_STRING ? value->str : text;
	}
	cr_assert_fail("no parameter %s", name);
	return NULL;
}

/* An audio player as one would write it for rt-app: keys that stand twice, comments, tabs. */
static const char player[] =
	"/* decoder, mixer and the thread that feeds the card */\n"
	"{\n"
	"\t\"tasks\" : {\n"
	"\t\t\"decode\" : { // the biggest\n"
	"\t\t\t\"policy\" : \"SCHED_OTHER\", \"priority\" : -5,\n"
	"\t\t\t\"loop\" : -1,\n"
	"\t\t\t\"run\" : 1800, \"sleep\" : 400, \"run\" : 600,\n"
	"\t\t\t\"timer\" : { \"ref\" : \"unique\", \"period\" : 24000 }\n"
	"\t\t},\n"
	"\t\t\"mix\":{\"instance\":2,\"cpus\":[1,3],\"run0\":300,\n"
	"\t\t\t\"timer0\":{\"ref\":\"unique0\",\"period\":6000,\"mode\":\"absolute\"}},\n"
	"\t\t\"card\" : { \"policy\" : \"SCHED_FIFO\", \"priority\" : 40, \"delay\" : 5000,\n"
	"\t\t\t\"loop\" : 100,\n"
	"\t\t\t\"phases\" : {\n"
	"\t\t\t\t\"warm\" : { \"loop\" : 3, \"runtime\" : 100, \"sleep\" : 2000 },\n"
	"\t\t\t\t\"play\" : { \"loop\" : 1, \"run\" : 50, \"yield\" : \"\", \"sleep\" : 950 },\n"
	"\t\t\t\t\"rest\" : { \"sleep\" : 0, \"run\" : 0 }\n"
	"\t\t\t} }\n"
	"\t},\n"
	"\t\"global\" : { \"duration\" : 30, \"calibration\" : \"CPU0\", \"lock_pages\" : true,\n"
	"\t\t\"logdir\" : \"./\", \"log_size\" : 2, \"ftrace\" : \"none\", \"gnuplot\" : False }\n"
	"}\n";

Test(rt_app, tasks_become_workers_of_a_sequence)
{
	struct ktstr_plan *plan;
	const struct ktstr_plan_cgroup *a = import(player, ALL, &plan);
	const struct ktstr_plan_workers *w = a->workers.items;

	cr_assert_eq(a->workers.n, 3);
	cr_expect_str_eq(w[0].workload.plugin->name, "sequence");
	cr_expect_str_eq(param(&w[0], "name"), "decode");
	cr_expect_str_eq(param(&w[0], "phases"),
			 "run 1800us, sleep 400us, run 600us, timer 24000us");
	cr_expect_eq(w[0].count, 1);
	cr_expect_eq(w[0].placement.sched.class, KTSTR_SCHED_NORMAL);
	cr_expect(w[0].placement.has_nice && w[0].placement.nice == -5);
	cr_expect_str_eq(param(&w[0], "rounds"), "0", "-1 has no end");
	cr_expect_eq(w[0].workload.at.line, 5);
	cr_expect_str_eq(param(&w[1], "phases"), "run 300us, timer-absolute 6000us");
	cr_expect_eq(w[1].count, 2);
	cr_expect_eq(w[1].placement.affinity.kind, KTSTR_AFFINITY_EXACT);
	cr_expect_str_eq(w[1].placement.affinity.list, "1,3");
	cr_expect_eq(w[1].placement.sched.class, KTSTR_SCHED_INHERIT);
	cr_expect_str_eq(param(&w[2], "phases"),
			 "3 * (spin 100us, sleep 2000us), run 50us, yield, sleep 950us");
	cr_expect_str_eq(param(&w[2], "rounds"), "100");
	cr_expect_str_eq(param(&w[2], "delay"), "5000000");
	cr_expect_eq(w[2].placement.sched.class, KTSTR_SCHED_FIFO);
	cr_expect_eq(w[2].placement.sched.priority, 40);
	ktstr_plan_destroy(plan);
}

Test(rt_app, tasks_are_chosen_by_name)
{
	struct ktstr_plan *plan;
	const struct ktstr_plan_cgroup *a =
		import(player, PIPELINE("{rt-app: f.json, tasks: [card, mix]}, sequence"), &plan);

	cr_assert_eq(a->workers.n, 3);
	cr_expect_str_eq(param(&a->workers.items[0], "name"), "mix", "in the order of the file");
	cr_expect_str_eq(param(&a->workers.items[1], "name"), "card");
	cr_expect_str_eq(param(&a->workers.items[2], "name"), "");
	ktstr_plan_destroy(plan);
}

Test(rt_app, policies_and_defaults)
{
	static const char json[] =
		"{\"tasks\": {"
		"\"dl\": {\"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 2000, "
		"\"dl-period\": 10000, \"run\": 1500, \"sleep\": 1},"
		"\"rr\": {\"run\": 10, \"sleep\": 10},"
		"\"none\": {\"instance\": 0, \"run\": 10},"
		"\"idle\": {\"policy\": \"SCHED_IDLE\", \"run\": 10, \"taskgroup\": \"\"}},"
		"\"global\": {\"default_policy\": \"SCHED_RR\"},"
		"\"resources\": {\"m\": {\"type\": \"mutex\"}}}";
	struct ktstr_plan *plan;
	const struct ktstr_plan_cgroup *a = import(json, ALL, &plan);
	const struct ktstr_plan_workers *w = a->workers.items;

	cr_assert_eq(a->workers.n, 3, "no instance, no worker");
	cr_expect_eq(w[0].placement.sched.class, KTSTR_SCHED_DEADLINE);
	cr_expect_eq(w[0].placement.sched.runtime_ns, 2000000);
	cr_expect_eq(w[0].placement.sched.deadline_ns, 10000000);
	cr_expect_eq(w[1].placement.sched.class, KTSTR_SCHED_RR);
	cr_expect_eq(w[1].placement.sched.priority, 10, "rt-app's default");
	cr_expect_eq(w[2].placement.sched.class, KTSTR_SCHED_IDLE);
	ktstr_plan_destroy(plan);
}

#define TASK(text) "{\"tasks\": {\"t\": {" text "}}}"

Test(rt_app, what_has_no_counterpart_is_named_with_its_place)
{
	static const struct { const char *json, *says; } bad[] = {
		{ TASK("\"run\": 1, \"lock0\": \"m\""), ":1:28: `lock0`: an event without a" },
		{ TASK("\"run\": 1, \"iorun\": 5"), ":1:28: `iorun`: an event without a" },
		{ TASK("\"run\": 1, \"runtim\": 5"), ":1:28: unknown key `runtim`; did you mean "
		  "`runtime`?" },
		{ TASK("\"run\": \"5\""), ":1:25: `run`: expected a whole number from 0 to" },
		{ TASK("\"run\": -1"), ":1:25: `run`: expected a whole number" },
		{ TASK("\"run\": 1.5"), ":1:25: `run`: expected a whole number" },
		{ TASK("\"run\": 99999999999999999999"), ":1:25: `run`: expected a whole number" },
		{ TASK("\"run\": 1, \"util_min\": 5"), ":1:28: `util_min`: utilization clamps have" },
		{ TASK("\"run\": 1, \"taskgroup\": \"/x\""), "`taskgroup`: cgroups are those of" },
		{ TASK("\"run\": 1, \"loop\": 0"), ":1:28: `loop`: expected a number of rounds" },
		{ TASK("\"run\": 1, \"loop\": 1, \"loop\": 2"), ":1:39: `loop`: stands here a second" },
		{ TASK("\"run\": 1, \"cpus\": [9]"), ":1:36: " },
		{ TASK("\"run\": 1, \"cpus\": []"), ":1:28: `cpus`: an empty list" },
		{ TASK("\"run\": 1, \"cpus\": 1"), ":1:36: expected a list of numbers" },
		{ TASK("\"run\": 1, \"policy\": \"SCHED_FAIR\""), ":1:38: no policy: expected SCHED" },
		{ TASK("\"run\": 1, \"policy\": \"SCHED_FIFO\", \"priority\": 99"),
		  ":1:64: `priority`: " },
		{ TASK("\"run\": 1, \"policy\": \"SCHED_DEADLINE\""), "needs `dl-runtime`" },
		{ TASK("\"phases\": {\"p\": {\"run\": 1, \"cpus\": [0]}}"),
		  ":1:45: `cpus`: a worker has it from its begin to its end" },
		{ TASK("\"phases\": {\"p\": {\"run\": 1, \"loop\": -1}}"), "`loop`: expected a whole" },
		{ TASK("\"phases\": {\"p\": {\"run\": 1}}, \"run\": 1"), "events beside `phases`" },
		{ TASK("\"phases\": []"), ":1:28: expected an object of phases" },
		{ TASK("\"sleep\": 0"), ":1:12: `t`: a task without an event" },
		{ TASK("\"timer\": 5"), ":1:27: expected an object with `ref` and `period`" },
		{ TASK("\"timer\": {\"ref\": \"x\"}"), ":1:18: `timer`: a timer needs `ref` and" },
		{ TASK("\"timer\": {\"ref\": \"x\", \"period\": 5, \"mode\": \"odd\"}"),
		  "`mode`: a timer has" },
		{ TASK("\"instance\": 2, \"timer\": {\"ref\": \"x\", \"period\": 5}"),
		  "\"x\" is one timer for all instances" },
		{ TASK("\"timer0\": {\"ref\": \"x\", \"period\": 5}, "
		       "\"timer1\": {\"ref\": \"y\", \"period\": 5}"), "a second timer, after \"x\"" },
		{ "{}", ":1:1: `tasks` is missing" }, { "{\"tasks\": {}}", ":1:11: expected 1 to" },
		{ "{\"tasks\": []}", ":1:11: expected an object" }, { "[]", ":1:1: expected an object" },
		{ "{\"task\": {}}", ":1:2: unknown key `task`; did you mean `tasks`?" },
		{ "{\"tasks\": {\"t\": {\"run\": 1}}, \"global\": {\"durations\": 1}}",
		  "unknown key `durations` in `global`; did you mean `duration`?" },
		{ "", ":1:1: the file is empty" }, { "/* open", ":1:1: the file is empty" },
		{ "tasks:\n  t: {run: 1}\n", ":1:1: this is YAML" },
		{ "{\"tasks\": {\"t\": {run: 1}}}", ":1:18: `run` is no JSON value: text stands in" },
		{ "{\"tasks\": {1: {\"run\": 1}}}", ":1:12: a key of JSON stands in double" },
		{ "{\"tasks\": {\"t\": {\"run\": soon}}}", ":1:25: `soon` is no JSON value" },
		{ "{\"tasks\": &x {\"t\": *x}}", "JSON has no anchors" },
		{ "{\"tasks\": *x}", "JSON has no aliases" },
		{ "{\"tasks\": {\"t\": {\"run\": 1 \"sleep\": 2}}}", ":1:25: `1 \"sleep\"` is no JSON value: is there a comma missing?" },
		{ "{\"tasks\": {\"t\": ", "did not find" }, { "{} {}", ":1:4: " },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = NULL;

		write_json(bad[i].json, strlen(bad[i].json));
		text = fixture_problems(registry, yaml_path, ALL, strlen(ALL));
		cr_expect(strstr(text, "p.yaml:5:36: "), "%s", text);
		cr_expect(strstr(text, "f.json:"), "%s", text);
		cr_expect(strstr(text, bad[i].says), "%s\nsays %sexpected %s", bad[i].json, text,
			  bad[i].says);
	}
}

Test(rt_app, bytes_that_are_no_text)
{
	static const char nul[] = "{\"tasks\": {\"t\0\": {}}}";
	_cleanup_free_ char *text = NULL, *long_text = calloc(1, (1 << 20) + 2);
	_cleanup_free_ char *more = NULL;

	write_json(nul, sizeof(nul) - 1);
	text = fixture_problems(registry, yaml_path, ALL, strlen(ALL));
	cr_expect(strstr(text, "f.json:1:14: a NUL byte; a JSON file is UTF-8 text"), "%s", text);
	memset(long_text, ' ', (1 << 20) + 1);
	write_json(long_text, (1 << 20) + 1);
	more = fixture_problems(registry, yaml_path, ALL, strlen(ALL));
	cr_expect(strstr(more, "f.json"), "%s", more);
}

Test(rt_app, problems_of_the_pipeline_itself)
{
	static const struct { const char *yaml, *says; } bad[] = {
		{ PIPELINE("{rt-app: other.json}"), "p.yaml:5:36: " },
		{ PIPELINE("{rt-app: f.json, tasks: [cart]}"),
		  "p.yaml:5:52: no task `cart` in f.json; did you mean `card`? (known: decode, mix, "
		  "card)" },
		{ PIPELINE("{rt-app: f.json, count: 2}"), "p.yaml:5:44: unknown key `count`" },
		{ PIPELINE("{rt-app: ~}"), "p.yaml:5:36: " },
	};

	write_json(player, strlen(player));
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = fixture_problems(registry, yaml_path, bad[i].yaml,
							     strlen(bad[i].yaml));

		cr_expect(strstr(text, bad[i].says), "%s", text);
	}
}

Test(rt_app, several_problems_of_a_file_in_its_order)
{
	static const char json[] = "{\"tasks\": {\n\"t\": {\n\"lock\": \"a\",\n\"run\": 1,\n\n\n\n\n"
				   "\"wait\": 1,\n\"mem\": 5}}}";
	_cleanup_free_ char *text = NULL;
	const char *lock, *wait, *mem;

	write_json(json, strlen(json));
	text = fixture_problems(registry, yaml_path, ALL, strlen(ALL));
	lock = strstr(text, "f.json:3:1: `lock`");
	wait = strstr(text, "f.json:9:1: `wait`");
	mem = strstr(text, "f.json:10:1: `mem`");
	cr_assert(lock && wait && mem && lock < wait && wait < mem, "%s", text);
	cr_expect(strstr(text, ": 3 problems"), "%s", text);
}

/* ---- run by rt-app itself ---- */

#define PAYLOAD(payload) "scenario:\n  duration: 1s\n  payloads:\n    - " payload "\n"

Test(rt_app, a_payload_takes_the_file_with_it)
{
	struct ktstr_plan *plan;
	const struct ktstr_plan_payload *payload;

	write_json("{ not even json", 15);
	plan = fixture_plan(registry, yaml_path, PAYLOAD("{rt-app: f.json, may-fail: true}"));
	payload = &plan->steps.items[0].payloads.items[0];
	cr_expect_str_eq(payload->name, "rt-app");
	cr_expect_str_eq(payload->file, "f.json");
	cr_assert_eq(payload->command.n, 2);
	cr_expect_str_eq(payload->command.items[0], "rt-app");
	cr_expect_str_eq(payload->command.items[1], "/run/ktstr/files/f.json");
	ktstr_plan_destroy(plan);
}

Test(rt_app, a_payload_without_its_file)
{
	static const struct { const char *yaml, *says; } bad[] = {
		{ PAYLOAD("{rt-app: other.json}"), "p.yaml:4:16: " },
		{ PAYLOAD("{rt-app: .}"), "is no file" },
		{ PAYLOAD("{rt-app: f.json, command: [x]}"), "p.yaml:4:33: `command` beside `rt-app`" },
		{ PAYLOAD("{name: x}"), "`command` is missing here" },
	};

	write_json("{}", 2);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = fixture_problems(registry, yaml_path, bad[i].yaml,
							     strlen(bad[i].yaml));

		cr_expect(strstr(text, bad[i].says), "%s", text);
	}
}
