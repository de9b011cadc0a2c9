/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/plan-decode.h"

#include "base/clock.h"
#include "plan/encode-place.h"

#include <criterion/criterion.h>

/* What a test changes in the plan below; zero is the good plan. */
struct spoil {
	bool no_plugin, no_module, empty_command, no_timeout, no_hold, text_as_step,
		number_as_argument;
	uint64_t count, entries;	/* 0: 4 workers, 1 entry */
	uint64_t slowness;		/* 0: not there */
	enum ktstr_cpu_choice choice;	/* 0: OVERLAP */
	bool no_list;
	struct ktstr_placement placement;
};

static void put_params(struct ktstr_buf *b)
{
	ktstr_put_array(b, "params");
	ktstr_put_map(b, NULL);
	ktstr_put_bool(b, "set", true);
	ktstr_put_u64(b, "num", 50 * KTSTR_NSEC_PER_MSEC);
	ktstr_put_end(b);
	ktstr_put_map(b, NULL);
	ktstr_put_bool(b, "set", false);
	ktstr_put_u64(b, "num", 1);
	ktstr_put_str(b, "str", "fast");
	ktstr_put_end(b);
	ktstr_put_end(b);
}

/* Every part that says where and how, as core/plan/encode-place.c writes it. */
static void put_place(struct ktstr_buf *b, const struct spoil *s)
{
	const struct ktstr_settings settings = {
		.has_cpus = true,
		.cpus = { .choice = s->choice ? s->choice : KTSTR_CPUS_OVERLAP, .index = 1,
			  .of = 3, .from = 0.25, .to = 0.5,
			  .list = s->no_list ? NULL : "0-1" },
		.values = { [KTSTR_SETTING_WEIGHT] = "300", [KTSTR_SETTING_MEMS] = "0" },
	};

	ktstr_put_settings(b, &settings);
}

static void put_step(struct ktstr_buf *b, const struct spoil *s)
{
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "name", "load");
	if (!s->no_hold)
		ktstr_put_u64(b, "hold_ns", 5 * KTSTR_NSEC_PER_SEC);
	ktstr_put_array(b, "cgroups");
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "name", "a");
	put_place(b, s);
	ktstr_put_array(b, "workers");
	for (uint64_t i = 0; i < (s->entries ? s->entries : 1); i++) {
		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "module", s->no_module ? NULL : "/m/bursty.so");
		ktstr_put_str(b, "plugin", s->no_plugin ? NULL : "bursty");
		ktstr_put_u64(b, "count", s->count ? s->count : 4);
		ktstr_put_placement(b, &s->placement);
		put_params(b);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static int decode(const struct spoil *s, struct ktstr_guest_plan **plan, struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };
	int ret;

	ktstr_put_begin(&b);
	ktstr_put_map(&b, "scheduler");
	ktstr_put_array(&b, "command");
	if (!s->empty_command)
		ktstr_put_str(&b, NULL, "/run/ktstr/bin/scx_x");
	if (s->number_as_argument)
		ktstr_put_u64(&b, NULL, 7);
	ktstr_put_end(&b);
	if (!s->no_timeout)
		ktstr_put_u64(&b, "attach_timeout_ns", 3);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "sysctls");
	ktstr_put_map(&b, NULL);
	ktstr_put_str(&b, "file", "kernel/a");
	ktstr_put_str(&b, "value", "1");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "modules");
	ktstr_put_str(&b, NULL, "/m/a.ko");
	ktstr_put_end(&b);
	if (s->slowness)
		ktstr_put_u64(&b, "slowness", s->slowness);
	ktstr_put_bool(&b, "backtrace", true);
	ktstr_put_array(&b, "steps");
	if (s->text_as_step)
		ktstr_put_str(&b, NULL, "no step");
	put_step(&b, s);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ret = ktstr_guest_plan_decode(b.data, b.len, plan, err);
	ktstr_buf_free(&b);
	return ret;
}

Test(plan, arrives_whole)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct ktstr_guest_workers *w;

	cr_assert_eq(decode(&(struct spoil){ .slowness = 5, .entries = 2 }, &plan, &err), 0, "%s",
		     err.msg);
	cr_assert_str_eq(plan->command[0], "/run/ktstr/bin/scx_x");
	cr_assert_null(plan->command[1]);
	cr_assert_eq(plan->attach_timeout_ns, 3);
	cr_assert_str_eq(plan->modules[0], "/m/a.ko");
	cr_assert_null(plan->modules[1]);
	cr_assert_eq(plan->n_sysctls, 1);
	cr_assert_str_eq(plan->sysctls[0].file, "kernel/a");
	cr_assert_str_eq(plan->sysctls[0].value, "1");
	cr_assert_eq(plan->slowness, 5);
	cr_assert(plan->backtrace);
	cr_assert_eq(plan->n_steps, 1);
	cr_assert_str_eq(plan->steps[0].name, "load");
	cr_assert_eq(plan->steps[0].n_cgroups, 1);
	cr_assert_eq(plan->steps[0].cgroups[0].n_workers, 2);
	w = &plan->steps[0].cgroups[0].workers[1];
	cr_assert_str_eq(w->plugin, "bursty");
	cr_assert_str_eq(w->module, "/m/bursty.so");
	cr_assert_eq(w->n_values, 2);
	cr_assert(w->values[0].set);
	cr_assert_eq(w->values[0].u64, 50 * KTSTR_NSEC_PER_MSEC);
	cr_assert_not(w->values[1].set);
	cr_assert_str_eq(w->values[1].str, "fast");
	cr_assert_eq(ktstr_guest_step_workers(&plan->steps[0]), 8);
	cr_assert_eq(ktstr_guest_plan_hold_ns(plan), 5 * KTSTR_NSEC_PER_SEC);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, an_empty_one_has_no_scheduler_and_no_steps)
{
	static const uint8_t empty[] = { 0xbf, 0xff };
	struct ktstr_guest_plan *plan = NULL;

	cr_assert_eq(ktstr_guest_plan_decode(empty, sizeof(empty), &plan, NULL), 0);
	cr_assert_null(plan->command);
	cr_assert_null(plan->modules[0]);
	cr_assert_eq(plan->n_steps, 0);
	cr_assert_eq(plan->slowness, 1);
	ktstr_guest_plan_destroy(plan);
	ktstr_guest_plan_destroy(NULL);
}

Test(plan, says_what_is_missing)
{
	static const struct { struct spoil spoil; const char *text; } rows[] = {
		{ { .no_plugin = true }, "a workers entry has no usable \"plugin\"" },
		{ { .no_module = true }, "bursty has no usable \"module\"" },
		{ { .empty_command = true }, "the scheduler's command is empty" },
		{ { .no_timeout = true }, "no \"attach_timeout_ns\"" },
		{ { .no_hold = true }, "\"load\" does not say how long" },
		{ { .text_as_step = true }, "an item of \"steps\" is no map" },
		{ { .number_as_argument = true }, "an item of \"command\" is no text" },
		{ { .count = 4097 }, "bursty asks for 4097 workers, possible are 1 to 4096" },
		{ { .count = 4096, .entries = 2 }, "\"load\" asks for 8192 workers, at most 4096" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ktstr_guest_plan *plan = NULL;
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_expect_eq(decode(&rows[i].spoil, &plan, &err), -EINVAL, "%s", rows[i].text);
		cr_expect(strstr(err.msg, rows[i].text), "%s", err.msg);
		cr_expect_null(plan);
	}
}

Test(plan, bytes_that_are_no_map_are_refused)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_guest_plan_decode("garbage", 7, &plan, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "plan: the payload is no map of fields");
}

Test(plan, slowness_stays_in_bounds)
{
	struct ktstr_guest_plan *plan = NULL;

	cr_assert_eq(decode(&(struct spoil){ .slowness = 1000000 }, &plan, NULL), 0);
	cr_assert_eq(plan->slowness, 1000);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, where_and_how_arrives_whole)
{
	struct spoil s = { .placement = {
		.affinity = { .kind = KTSTR_AFFINITY_RANDOM, .seed = 1ull << 40, .list = "0-1" },
		.sched = { .class = KTSTR_SCHED_DEADLINE, .priority = 3, .runtime_ns = 4,
			   .deadline_ns = 5, .period_ns = 6 },
		.memory = { .mode = KTSTR_MEM_BIND, .nodes = "1", .flags = KTSTR_MEM_STATIC_NODES },
		.has_nice = true, .nice = -7,
	} };
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct ktstr_guest_cgroup *g;
	const struct ktstr_placement *p;

	cr_assert_eq(decode(&s, &plan, &err), 0, "%s", err.msg);
	g = plan->steps[0].cgroups;
	cr_assert(g->has_cpus);
	cr_assert_eq(g->cpus.choice, KTSTR_CPUS_OVERLAP);
	cr_assert_eq(g->cpus.index, 1);
	cr_assert_eq(g->cpus.of, 3);
	cr_assert_eq(g->cpus.from, 0.25);
	cr_assert_eq(g->cpus.to, 0.5);
	cr_assert_str_eq(g->cpus.list, "0-1");
	cr_assert_eq(g->n_settings, 2);
	cr_assert_str_eq(g->settings[0].file, "cpuset.mems");
	cr_assert_str_eq(g->settings[1].file, "cpu.weight");
	cr_assert_str_eq(g->settings[1].value, "300");
	p = &g->workers[0].placement;
	cr_assert_eq(p->affinity.kind, KTSTR_AFFINITY_RANDOM);
	cr_assert_eq(p->affinity.seed, 1ull << 40);
	cr_assert_str_eq(p->affinity.list, "0-1");
	cr_assert_eq(p->sched.class, KTSTR_SCHED_DEADLINE);
	cr_assert_eq(p->sched.priority, 3);
	cr_assert_eq(p->sched.runtime_ns + p->sched.deadline_ns + p->sched.period_ns, 15);
	cr_assert_eq(p->memory.mode, KTSTR_MEM_BIND);
	cr_assert_str_eq(p->memory.nodes, "1");
	cr_assert_eq(p->memory.flags, KTSTR_MEM_STATIC_NODES);
	cr_assert(p->has_nice);
	cr_assert_eq(p->nice, -7);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, what_is_out_of_range_is_told)
{
	static const struct {
		struct spoil spoil;
		const char *problem;
	} rows[] = {
		{ { .choice = KTSTR_CPU_CHOICES }, "plan: \"choice\" is 8, possible is less than 8" },
		{ { .choice = KTSTR_CPUS_EXACT, .no_list = true },
		  "plan: an exact set of CPUs has no \"list\"" },
		{ { .placement.affinity.kind = KTSTR_AFFINITY_KINDS },
		  "plan: \"kind\" is 7, possible is less than 7" },
		{ { .placement.affinity.kind = KTSTR_AFFINITY_EXACT },
		  "plan: an exact affinity has no \"list\"" },
		{ { .placement.sched.class = KTSTR_SCHED_CLASSES },
		  "plan: \"class\" is 8, possible is less than 8" },
		{ { .placement.sched = { .class = KTSTR_SCHED_RR, .priority = 98 } },
		  "plan: \"priority\" is 98, possible is less than 98" },
		{ { .placement.memory.mode = KTSTR_MEM_MODES },
		  "plan: \"mode\" is 8, possible is less than 8" },
		{ { .placement.memory = { .mode = KTSTR_MEM_BIND, .flags = 8 } },
		  "plan: \"flags\" is 8, possible is less than 8" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ktstr_guest_plan *plan = NULL;
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_expect_eq(decode(&rows[i].spoil, &plan, &err), -EINVAL, "%zu", i);
		cr_expect_str_eq(err.msg, rows[i].problem);
		ktstr_guest_plan_destroy(plan);
	}
}

/* Operations as core/plan/encode.c writes them. */
static int decode_op(uint64_t operation, bool bad_workers, const char *program,
		     struct ktstr_guest_plan **plan, struct ktstr_err *err)
{
	const struct ktstr_affinity affinity = { .kind = KTSTR_AFFINITY_EACH };
	struct ktstr_buf b = { 0 };
	int ret;

	ktstr_put_begin(&b);
	ktstr_put_array(&b, "cgroups");
	ktstr_put_map(&b, NULL);
	ktstr_put_str(&b, "name", "always");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "steps");
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "hold_ns", 1);
	ktstr_put_u64(&b, "every_ns", 2);
	ktstr_put_array(&b, "ops");
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "operation", operation);
	ktstr_put_map(&b, "cgroup");
	ktstr_put_str(&b, "name", "a/b");
	if (bad_workers) {
		ktstr_put_array(&b, "workers");
		ktstr_put_u64(&b, NULL, 1);
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	ktstr_put_str(&b, "to", "c");
	ktstr_put_map(&b, "payload");
	ktstr_put_str(&b, "name", "p");
	ktstr_put_bool(&b, "json", true);
	ktstr_put_array(&b, "command");
	ktstr_put_str(&b, NULL, program);
	ktstr_put_end(&b);
	ktstr_put_array(&b, "metrics");
	ktstr_put_str(&b, NULL, "a.b");
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_u64(&b, "timeout_ns", 77);
	ktstr_put_affinity(&b, "affinity", &affinity);
	ktstr_put_end(&b);
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "operation", KTSTR_OP_SPAWN);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ret = ktstr_guest_plan_decode(b.data, b.len, plan, err);
	ktstr_buf_free(&b);
	return ret;
}

Test(plan, operations_arrive_whole)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct ktstr_guest_op *op;

	cr_assert_eq(decode_op(KTSTR_OP_MOVE_ALL, false, NULL, &plan, &err), 0, "%s", err.msg);
	cr_assert_eq(plan->n_cgroups, 1);
	cr_assert_str_eq(plan->cgroups[0].name, "always");
	cr_assert_eq(plan->steps[0].every_ns, 2);
	cr_assert_eq(plan->steps[0].n_ops, 2);
	op = plan->steps[0].ops;
	cr_assert_eq(op[0].operation, KTSTR_OP_MOVE_ALL);
	cr_assert_str_eq(op[0].cgroup.name, "a/b");
	cr_assert_str_eq(op[0].to, "c");
	cr_assert_eq(op[0].affinity.kind, KTSTR_AFFINITY_EACH);
	cr_assert_str_eq(op[0].payload.name, "p");
	cr_assert_str_eq(op[0].payload.metrics[0], "a.b");
	cr_assert(op[0].payload.json);
	cr_assert_eq(op[0].timeout_ns, 77);
	cr_assert_str_eq(op[1].cgroup.name, "", "no cgroup of its own");
	cr_assert_null(op[1].to);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, a_payload_that_can_be_started)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(decode_op(KTSTR_OP_RUN, false, "/b/p", &plan, &err), 0, "%s", err.msg);
	cr_assert_str_eq(plan->steps[0].ops[0].payload.command[0], "/b/p");
	cr_assert_null(plan->steps[0].ops[0].payload.command[1]);
	ktstr_guest_plan_destroy(plan);
}

Test(plan, operations_that_are_none)
{
	struct ktstr_guest_plan *plan = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(decode_op(KTSTR_OPERATION_COUNT, false, NULL, &plan, &err), -EINVAL);
	cr_assert(strstr(err.msg, "plan: \"operation\" is "), "%s", err.msg);
	cr_assert_eq(decode_op(KTSTR_OP_SPAWN, true, NULL, &plan, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "plan: an item of \"workers\" is no map");
	cr_assert_eq(decode_op(KTSTR_OP_RUN, false, NULL, &plan, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "plan: payload p has no \"command\"");
	cr_assert_null(plan);
}
