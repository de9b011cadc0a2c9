/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/encode.h"

#include "plan/encode-place.h"
#include "wire/frame.h"
#include "wire/message.h"

/* The 64 bits of a value; of a boolean only one byte is defined. */
static uint64_t value_bits(const struct ktstr_param *param, const struct ktstr_value *value)
{
	if (!value->set)
		return 0;
	return param->type == KTSTR_PARAM_BOOL ? value->boolean : value->u64;
}

static void put_params(struct ktstr_buf *out, const struct ktstr_plugin_use *use)
{
	ktstr_put_array(out, "params");
	for (uint32_t i = 0; i < use->plugin->n_params; i++) {
		const struct ktstr_value *value = &use->values[i];

		ktstr_put_map(out, NULL);
		ktstr_put_bool(out, "set", value->set);
		ktstr_put_u64(out, "num", value_bits(ktstr_plugin_param(use->plugin, i), value));
		ktstr_put_str(out, "str", value->str);
		ktstr_put_end(out);
	}
	ktstr_put_end(out);
}

static void put_workers(struct ktstr_buf *out, const struct ktstr_plan_workers *workers,
			const struct ktstr_guest_paths *paths)
{
	const struct ktstr_plugin_use *use = &workers->workload;

	ktstr_put_map(out, NULL);
	ktstr_put_str(out, "module", paths->plugin(paths->ctx, use->module));
	ktstr_put_str(out, "plugin", use->plugin->name);
	ktstr_put_u64(out, "count", workers->count);
	ktstr_put_placement(out, &workers->placement);
	put_params(out, use);
	ktstr_put_end(out);
}

static void put_cgroup(struct ktstr_buf *out, const char *key,
		       const struct ktstr_plan_cgroup *cgroup,
		       const struct ktstr_guest_paths *paths)
{
	ktstr_put_map(out, key);
	ktstr_put_str(out, "name", cgroup->name);
	ktstr_put_settings(out, &cgroup->settings);
	ktstr_put_array(out, "workers");
	for (size_t i = 0; i < cgroup->workers.n; i++)
		put_workers(out, &cgroup->workers.items[i], paths);
	ktstr_put_end(out);
	ktstr_put_end(out);
}

static void put_cgroups(struct ktstr_buf *out, const struct ktstr_plan_cgroup *cgroups, size_t n,
			const struct ktstr_guest_paths *paths)
{
	ktstr_put_array(out, "cgroups");
	for (size_t i = 0; i < n; i++)
		put_cgroup(out, NULL, &cgroups[i], paths);
	ktstr_put_end(out);
}

/* A program's guest path is that of core/run/payload.h: its own name in the folder of programs. */
static void put_command(struct ktstr_buf *out, const char *program, const char *const *args,
			size_t n_args)
{
	const char *slash = strrchr(program, '/');

	ktstr_put_array(out, "command");
	ktstr_put_key(out, NULL);
	ktstr_put_head(out, KTSTR_CBOR_TEXT, strlen(KTSTR_GUEST_BIN) + 1 +
		       strlen(slash ? slash + 1 : program));
	ktstr_buf_add(out, KTSTR_GUEST_BIN "/", strlen(KTSTR_GUEST_BIN) + 1);
	ktstr_buf_add(out, slash ? slash + 1 : program, strlen(slash ? slash + 1 : program));
	for (size_t i = 0; i < n_args; i++)
		ktstr_put_str(out, NULL, args[i]);
	ktstr_put_end(out);
}

static void put_payload(struct ktstr_buf *out, const char *key,
			const struct ktstr_plan_payload *payload)
{
	ktstr_put_map(out, key);
	ktstr_put_str(out, "name", payload->name);
	if (payload->command.n)
		put_command(out, payload->command.items[0], payload->command.items + 1,
			    payload->command.n - 1);
	ktstr_put_str(out, "cgroup", payload->cgroup);
	ktstr_put_bool(out, "may_fail", payload->may_fail);
	ktstr_put_bool(out, "json", payload->form == KTSTR_METRICS_JSON);
	ktstr_put_array(out, "metrics");
	for (size_t i = 0; i < payload->metrics.n; i++)
		ktstr_put_str(out, NULL, payload->metrics.items[i]);
	ktstr_put_end(out);
	ktstr_put_end(out);
}

static void put_payloads(struct ktstr_buf *out, const struct ktstr_plan_payload *payloads, size_t n)
{
	ktstr_put_array(out, "payloads");
	for (size_t i = 0; i < n; i++)
		put_payload(out, NULL, &payloads[i]);
	ktstr_put_end(out);
}

static void put_op(struct ktstr_buf *out, const struct ktstr_plan_op *op,
		   const struct ktstr_guest_paths *paths)
{
	ktstr_put_map(out, NULL);
	ktstr_put_u64(out, "operation", op->operation);
	put_cgroup(out, "cgroup", &op->cgroup, paths);
	ktstr_put_str(out, "to", op->to);
	ktstr_put_affinity(out, "affinity", &op->affinity);
	if (op->payload.name)
		put_payload(out, "payload", &op->payload);
	ktstr_put_u64(out, "timeout_ns", op->timeout_ns);
	ktstr_put_u64(out, "change", op->change);
	if (op->scheduler.binary) {
		put_command(out, op->scheduler.binary, op->scheduler.args.items,
			    op->scheduler.args.n);
		ktstr_put_u64(out, "attach_timeout_ns", op->scheduler.attach_timeout_ns);
	}
	ktstr_put_end(out);
}

static void put_steps(struct ktstr_buf *out, const struct ktstr_plan *plan,
		      const struct ktstr_guest_paths *paths)
{
	ktstr_put_array(out, "steps");
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ktstr_plan_step *step = &plan->steps.items[i];

		ktstr_put_map(out, NULL);
		ktstr_put_str(out, "name", step->name);
		ktstr_put_u64(out, "hold_ns", step->hold_ns);
		ktstr_put_u64(out, "every_ns", step->every_ns);
		put_cgroups(out, step->cgroups.items, step->cgroups.n, paths);
		put_payloads(out, step->payloads.items, step->payloads.n);
		ktstr_put_array(out, "ops");
		for (size_t k = 0; k < step->ops.n; k++)
			put_op(out, &step->ops.items[k], paths);
		ktstr_put_end(out);
		ktstr_put_end(out);
	}
	ktstr_put_end(out);
}

static void put_scheduler(struct ktstr_buf *out, const struct ktstr_plan_scheduler *scheduler,
			  const char *path)
{
	ktstr_put_map(out, "scheduler");
	ktstr_put_array(out, "command");
	ktstr_put_str(out, NULL, path);
	for (size_t i = 0; i < scheduler->args.n; i++)
		ktstr_put_str(out, NULL, scheduler->args.items[i]);
	ktstr_put_end(out);
	ktstr_put_u64(out, "attach_timeout_ns", scheduler->attach_timeout_ns);
	ktstr_put_end(out);
}

static void put_sysctls(struct ktstr_buf *out, const struct ktstr_plan *plan)
{
	ktstr_put_array(out, "sysctls");
	for (size_t i = 0; i < plan->sysctls.n; i++) {
		ktstr_put_map(out, NULL);
		ktstr_put_str(out, "file", plan->sysctls.items[i].path);
		ktstr_put_str(out, "value", plan->sysctls.items[i].value);
		ktstr_put_end(out);
	}
	ktstr_put_end(out);
}

static void put_topology(struct ktstr_buf *out, const struct ktstr_topology *topology)
{
	ktstr_put_map(out, "topology");
	ktstr_put_u64(out, "nodes", topology->nodes);
	ktstr_put_u64(out, "llcs", topology->llcs);
	ktstr_put_u64(out, "cores", topology->cores);
	ktstr_put_u64(out, "threads", topology->threads);
	ktstr_put_end(out);
}

int ktstr_plan_encode(const struct ktstr_plan *plan, const struct ktstr_guest_paths *paths,
		      bool backtrace, unsigned slowness, struct ktstr_buf *out,
		      struct ktstr_err *err)
{
	ktstr_put_begin(out);
	if (paths->scheduler)
		put_scheduler(out, &plan->scheduler, paths->scheduler);
	ktstr_put_array(out, "modules");
	for (size_t i = 0; i < plan->modules.n; i++)
		ktstr_put_str(out, NULL, paths->modules[i]);
	ktstr_put_end(out);
	put_sysctls(out, plan);
	put_topology(out, &plan->topology);
	ktstr_put_bool(out, "backtrace", backtrace);
	ktstr_put_u64(out, "slowness", slowness);
	ktstr_put_u64(out, "operations_ns", ktstr_plan_operations_ns(plan));
	ktstr_put_bool(out, "cpu_controller", plan->cpu_controller);
	put_cgroups(out, plan->cgroups.items, plan->cgroups.n, paths);
	put_payloads(out, plan->payloads.items, plan->payloads.n);
	put_steps(out, plan, paths);
	ktstr_put_end(out);
	if (out->failed)
		return ktstr_err_nomem(err);
	if (out->len > KTSTR_FRAME_MAX)
		return ktstr_err_set(err, -EMSGSIZE, "%s: the plan has %zu bytes, but at most %u "
				     "can be sent to the guest; use fewer steps, cgroups or "
				     "workers",
				     plan->file, out->len, KTSTR_FRAME_MAX);
	return 0;
}
