/* SPDX-License-Identifier: GPL-2.0-only */
/* A pipeline on its way to the guest: read, encoded, decoded; what it has is what was written. */
#include "agent/plan-decode.h"
#include "plan-fixture.h"
#include "plan/encode.h"

static const char pipeline[] =
	"scheduler: scx_a\n"
	"topology: 2n4l2c1t\n"
	"scenario:\n"
	"  duration: 4s\n"
	"  cgroups:\n"
	"    - name: base/in\n"
	"      cpuset: {overlap: [1, 2, 0.25]}\n"
	"      cpuset.mems: 1\n"
	"      cpu.weight: 7\n"
	"      workers:\n"
	"        - {workload: bursty, count: 3, affinity: {random: 9}, nice: -3,\n"
	"           sched: batch, mempolicy: {mode: bind, nodes: 1,\n"
	"           flags: [relative-nodes]}}\n"
	"  payloads: [{command: [a/prog, -x], name: p, cgroup: base, metrics: {json: [y.0]}}]\n"
	"  steps:\n"
	"    - name: first\n"
	"      hold: 25%\n"
	"      every: 10ms\n"
	"      payloads: [{command: [b], may-fail: true}]\n"
	"      ops:\n"
	"        - set-affinity: {cgroup: base/in, affinity: 1-2}\n"
	"        - move-all: {from: base/in, to: base}\n"
	"        - spawn: {workers: [{workload: cpu-spin, count: 2}]}\n"
	"        - wait: {payload: p, timeout: 3s}\n"
	"        - scheduler: restart\n"
	"        - replace-scheduler: {binary: d/scx_b, args: [-v], attach-timeout: 2s}\n"
	"        - write-map: {map: .bss, field: crash, value: 1}\n";

static const char *plugin_path(void *ctx, const struct ktstr_module_info *module)
{
	(void)module;
	return ctx;
}

static void check_base(const struct ktstr_guest_cgroup *g)
{
	const struct ktstr_placement *p = &g->workers[0].placement;

	cr_assert_str_eq(g->name, "base/in");
	cr_assert_eq(g->cpus.choice, KTSTR_CPUS_OVERLAP);
	cr_assert_eq(g->cpus.index, 1);
	cr_assert_eq(g->cpus.from, 0.25);
	cr_assert_eq(g->n_settings, 2);
	cr_assert_str_eq(g->settings[0].file, "cpuset.mems");
	cr_assert_str_eq(g->settings[0].value, "1");
	cr_assert_str_eq(g->settings[1].file, "cpu.weight");
	cr_assert_eq(g->workers[0].count, 3);
	cr_assert_eq(p->affinity.kind, KTSTR_AFFINITY_RANDOM);
	cr_assert_eq(p->affinity.seed, 9);
	cr_assert_eq(p->sched.class, KTSTR_SCHED_BATCH);
	cr_assert(p->has_nice);
	cr_assert_eq(p->nice, -3);
	cr_assert_eq(p->memory.mode, KTSTR_MEM_BIND);
	cr_assert_str_eq(p->memory.nodes, "1");
	cr_assert_eq(p->memory.flags, KTSTR_MEM_RELATIVE_NODES);
}

static void check_payload(const struct ktstr_guest_payload *p)
{
	cr_assert_str_eq(p->name, "p");
	cr_assert_str_eq(p->command[0], "/run/ktstr/bin/prog");
	cr_assert_str_eq(p->command[1], "-x");
	cr_assert_null(p->command[2]);
	cr_assert_str_eq(p->cgroup, "base");
	cr_assert(p->json);
	cr_assert_not(p->may_fail);
	cr_assert_str_eq(p->metrics[0], "y.0");
}

static void check_ops(const struct ktstr_guest_op *op)
{
	cr_assert_eq(op[0].operation, KTSTR_OP_SET_AFFINITY);
	cr_assert_str_eq(op[0].cgroup.name, "base/in");
	cr_assert_str_eq(op[0].affinity.list, "1-2");
	cr_assert_eq(op[1].operation, KTSTR_OP_MOVE_ALL);
	cr_assert_str_eq(op[1].to, "base");
	cr_assert_eq(op[2].operation, KTSTR_OP_SPAWN);
	cr_assert_str_eq(op[2].cgroup.name, "");
	cr_assert_eq(op[2].cgroup.workers[0].count, 2);
	cr_assert_eq(op[3].operation, KTSTR_OP_WAIT);
	cr_assert_str_eq(op[3].payload.name, "p");
	cr_assert_eq(op[3].timeout_ns, 3000000000);
	cr_assert_eq(op[4].operation, KTSTR_OP_SCHEDULER);
	cr_assert_eq(op[4].change, KTSTR_CHANGE_RESTART);
	cr_assert_null(op[4].command[0], "the one that there is");
	cr_assert_eq(op[5].change, KTSTR_CHANGE_REPLACE);
	cr_assert_str_eq(op[5].command[0], "/run/ktstr/bin/scx_b");
	cr_assert_str_eq(op[5].command[1], "-v");
	cr_assert_eq(op[5].attach_timeout_ns, 2000000000);
	cr_assert_eq(op[6].operation, KTSTR_OP_WRITE_MAP);
}

Test(roundtrip, the_guest_has_what_was_written)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", pipeline);
	struct ktstr_guest_paths paths = { .scheduler = "/run/s", .plugin = plugin_path,
					   .ctx = (char *)"/run/p.so" };
	struct ktstr_guest_plan *guest = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf out = { 0 };

	cr_assert_eq(ktstr_plan_encode(plan, &paths, false, 1, &out, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_guest_plan_decode(out.data, out.len, &guest, &err), 0, "%s", err.msg);
	cr_assert_eq(guest->n_cgroups, 1);
	check_base(&guest->cgroups[0]);
	cr_assert_eq(guest->n_payloads, 1);
	check_payload(&guest->payloads[0]);
	cr_assert_eq(guest->operations_ns, ktstr_plan_operations_ns(plan));
	cr_assert_eq(guest->steps[0].hold_ns, 1000000000);
	cr_assert_eq(guest->steps[0].every_ns, 10000000);
	cr_assert_eq(guest->steps[0].n_payloads, 1);
	cr_assert(guest->steps[0].payloads[0].may_fail);
	cr_assert_eq(guest->steps[0].n_ops, 7);
	check_ops(guest->steps[0].ops);
	ktstr_guest_plan_destroy(guest);
	ktstr_buf_free(&out);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

/* Cut off anywhere, it is refused or decoded, and nothing is read that is not there. */
Test(roundtrip, what_is_cut_off_is_survived)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", pipeline);
	struct ktstr_guest_paths paths = { .scheduler = "/run/s", .plugin = plugin_path,
					   .ctx = (char *)"/run/p.so" };
	struct ktstr_buf out = { 0 };

	cr_assert_eq(ktstr_plan_encode(plan, &paths, false, 1, &out, NULL), 0);
	for (size_t len = 0; len < out.len; len++) {
		struct ktstr_guest_plan *guest = NULL;
		uint8_t *cut = malloc(len + 1);

		memcpy(cut, out.data, len);
		cr_expect_neq(ktstr_guest_plan_decode(cut, len, &guest, NULL), 0, "%zu", len);
		ktstr_guest_plan_destroy(guest);
		free(cut);
	}
	/* Each byte changed in turn. */
	for (size_t i = 0; i < out.len; i++) {
		struct ktstr_guest_plan *guest = NULL;

		out.data[i] ^= 0x21;
		ktstr_guest_plan_decode(out.data, out.len, &guest, NULL);
		ktstr_guest_plan_destroy(guest);
		out.data[i] ^= 0x21;
	}
	ktstr_buf_free(&out);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}
