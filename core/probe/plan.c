/* SPDX-License-Identifier: GPL-2.0-only */
#include "probe/plan.h"

#include "base/cleanup.h"
#include "probe/spec.h"

#include <ktstr/probe.h>

#include <bpf/btf.h>

struct planner {
	struct ktstr_planner base;	/* first: plugins get it */
	const struct btf *btf;
	const char *probe;		/* whose turn it is */
	struct ktstr_probe_plan *plan;
	KTSTR_VEC(char *) keys;		/* of the points there are */
	size_t n_mine;			/* points of the present probe */
};

static const char *const at_names[] = {
	[KTSTR_POINT_ENTRY] = "entry", [KTSTR_POINT_EXIT] = "exit", [KTSTR_POINT_TRIGGER] = "trigger",
};

static const char *const target_names[] = {
	[KTSTR_TARGET_KERNEL] = "kernel", [KTSTR_TARGET_TRACEPOINT] = "tracepoint",
	[KTSTR_TARGET_CALLBACK] = "callback", [KTSTR_TARGET_PROGRAM] = "program",
};

/* ---- the kernel's BTF ---- */

static int find_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
}

/* Of a tracepoint NAME the kernel has `typedef void (*btf_trace_NAME)(void *, ...)`. */
static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static bool has(const struct ktstr_planner *base, enum ktstr_point_target target, const char *name)
{
	const struct planner *p = (const struct planner *)base;

	if (target == KTSTR_TARGET_KERNEL)
		return find_function(p->btf, name) > 0;
	return target == KTSTR_TARGET_TRACEPOINT && has_tracepoint(p->btf, name);
}

/* ---- points ---- */

/* False when that very point is there already. */
static int note_key(struct planner *p, const struct ktstr_point *point, bool *ret_new)
{
	char key[256], **item;

	*ret_new = true;
	snprintf(key, sizeof(key), "%d %d %s", (int)point->at, (int)point->target, point->function);
	for (size_t i = 0; i < p->keys.n; i++)
		*ret_new = *ret_new && strcmp(p->keys.items[i], key);
	if (!*ret_new)
		return 0;
	item = ktstr_vec_add(&p->keys);
	if (!item || !(*item = strdup(key)))
		return -ENOMEM;
	return 0;
}

/* An attempt that repeats one whose scheduler left by itself: how it leaves is what is looked into. */
static bool left_by_itself(const struct planner *p)
{
	return p->base.input->verdicts[0]->cause == KTSTR_CAUSE_SCHED_EXIT;
}

/* The argument that tells the kind of exit: the program that is the trigger reads it. What is not told is by
 * what a scheduler is unregistered. */
static int aim_trigger(const struct planner *p, struct ktstr_spec *spec, struct ktstr_err *err)
{
	int kind = ktstr_spec_find_param(spec, "enum scx_exit_kind", "kind");

	spec->bpf.n_captures = 0;
	if ((kind < 0 && !left_by_itself(p)) || kind > 2)
		return ktstr_err_set(err, -ENOENT, "it is not told which kind of exit it is");
	spec->bpf.n_args = kind < 0 ? KTSTR_UNREGISTERED : (uint8_t)kind;
	return 0;
}

/* What can be read there; or why there is no such point. */
static int put_kernel_point(struct planner *p, const struct ktstr_point *point, struct ktstr_buf *b,
			    struct ktstr_err *err)
{
	_cleanup_free_ struct ktstr_spec *spec = calloc(1, sizeof(*spec));
	int id = find_function(p->btf, point->function), ret;

	if (!spec)
		return ktstr_err_nomem(err);
	spec->bpf.task = spec->bpf.pid = KTSTR_NO_TASK;
	if (point->target == KTSTR_TARGET_TRACEPOINT) {
		ret = has_tracepoint(p->btf, point->function) ? 0 :
		      ktstr_err_set(err, -ENOENT, "this kernel has no such tracepoint");
	} else if (id <= 0) {
		ret = ktstr_err_set(err, -ENOENT, "this kernel has no such function, or not as one of its own");
	} else {
		ret = ktstr_spec_build(p->btf, btf__type_by_id(p->btf, (uint32_t)id)->type, p->btf, spec, err);
		ktstr_put_u64(b, "btf_id", (uint64_t)id);
		if (!ret && point->at == KTSTR_POINT_TRIGGER)
			ret = aim_trigger(p, spec, err);
	}
	if (ret)
		ktstr_put_str(b, "absent", err->msg);
	ktstr_spec_put(b, spec);
	return ret;
}

static int check_point(const struct ktstr_point *point, struct ktstr_err *err)
{
	if (!point->function || !point->why || point->at < KTSTR_POINT_ENTRY || point->at > KTSTR_POINT_TRIGGER ||
	    point->target < KTSTR_TARGET_KERNEL || point->target > KTSTR_TARGET_PROGRAM ||
	    (point->target == KTSTR_TARGET_TRACEPOINT && point->at != KTSTR_POINT_TRIGGER))
		return ktstr_err_set(err, -EINVAL, "a point that makes no sense");
	return 0;
}

static int add(struct ktstr_planner *base, const struct ktstr_point *point, struct ktstr_err *err)
{
	struct planner *p = (struct planner *)base;
	struct ktstr_buf *b = &p->plan->guest;
	bool kernel, is_new;
	int ret = check_point(point, err);

	if (ret)
		return ret;
	if (p->plan->n_points == KTSTR_PROBE_POINTS / 2)
		return ktstr_err_set(err, -E2BIG, "more than %d points", KTSTR_PROBE_POINTS / 2);
	if (note_key(p, point, &is_new))
		return ktstr_err_nomem(err);
	if (!is_new)
		return 0;
	kernel = point->target == KTSTR_TARGET_KERNEL || point->target == KTSTR_TARGET_TRACEPOINT;
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "n", p->plan->n_points++);
	ktstr_put_str(b, "probe", p->probe);
	ktstr_put_str(b, "at", at_names[point->at]);
	ktstr_put_str(b, "target", target_names[point->target]);
	ktstr_put_str(b, "function", point->function);
	ktstr_put_str(b, "op", point->op);
	ktstr_put_str(b, "why", point->why);
	ret = kernel ? put_kernel_point(p, point, b, err) : 0;
	ktstr_put_end(b);
	p->n_mine++;
	return ret;
}

/* ---- the strategies ---- */

static void ask(struct planner *p, const struct ktstr_plugin_use *use)
{
	const struct ktstr_probe_ops *ops = use->plugin->ops;
	struct ktstr_buf *record = &p->plan->record;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	p->probe = use->plugin->name;
	p->n_mine = 0;
	ret = ops->plan(&p->base, use->values, &err);
	ktstr_put_map(record, NULL);
	ktstr_put_str(record, "probe", p->probe);
	ktstr_put_u64(record, "points", p->n_mine);
	ktstr_put_str(record, "why", ret ? err.msg : NULL);
	ktstr_put_end(record);
}

static void ask_all(struct planner *p, const struct ktstr_plan *plan)
{
	struct ktstr_buf *record = &p->plan->record;

	ktstr_put_begin(record);
	ktstr_put_str(record, "chain", p->base.chain->source);
	ktstr_put_u64(record, "frames", p->base.chain->n_frames);
	ktstr_put_array(record, "probes");
	ktstr_put_array(&p->plan->guest, "points");
	for (size_t i = 0; i < plan->probes.n; i++)
		ask(p, &plan->probes.items[i]);
	ktstr_put_end(&p->plan->guest);
	ktstr_put_end(record);
}

/* ---- callbacks ---- */

/* The struct inside the value of a struct_ops map, behind what is the same for all of them. */
static bool find_ops(const struct btf *btf, const char *name_of_value, uint32_t *ret_value, uint32_t *ret_offset,
		     uint32_t *ret_ops)
{
	int value = btf__find_by_name_kind(btf, name_of_value, BTF_KIND_STRUCT);
	const struct btf_type *t = value > 0 ? btf__type_by_id(btf, (uint32_t)value) : NULL;

	for (uint16_t i = 0; t && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(t)[i].name_off);

		if (!name || strcmp(name, "data"))
			continue;
		*ret_value = (uint32_t)value;
		*ret_offset = btf_member_bit_offset(t, i) / 8;
		*ret_ops = btf_members(t)[i].type;
		return true;
	}
	return false;
}

/* The kernel's BTF has no names for the parameters of its callbacks (struct sched_ext_ops has them, as
 * comments): these are the ones that its own schedulers use. */
static const struct {
	const char *op, *names[3];
} member_params[] = {
	{ "select_cpu", { "p", "prev_cpu", "wake_flags" } }, { "enqueue", { "p", "enq_flags" } },
	{ "dequeue", { "p", "deq_flags" } }, { "dispatch", { "cpu", "prev" } }, { "tick", { "p" } },
	{ "runnable", { "p", "enq_flags" } }, { "running", { "p" } }, { "stopping", { "p", "runnable" } },
	{ "quiescent", { "p", "deq_flags" } }, { "yield", { "from", "to" } },
	{ "core_sched_before", { "a", "b" } }, { "set_weight", { "p", "weight" } },
	{ "set_cpumask", { "p", "cpumask" } }, { "update_idle", { "cpu", "idle" } },
	{ "cpu_acquire", { "cpu", "args" } }, { "cpu_release", { "cpu", "args" } },
	{ "init_task", { "p", "args" } }, { "exit_task", { "p", "args" } }, { "enable", { "p" } },
	{ "disable", { "p" } }, { "dump", { "ctx" } }, { "dump_cpu", { "ctx", "cpu", "idle" } },
	{ "dump_task", { "ctx", "p" } }, { "cgroup_init", { "cgrp", "args" } }, { "cgroup_exit", { "cgrp" } },
	{ "cgroup_prep_move", { "p", "from", "to" } }, { "cgroup_move", { "p", "from", "to" } },
	{ "cgroup_cancel_move", { "p", "from", "to" } }, { "cgroup_set_weight", { "cgrp", "weight" } },
	{ "cpu_online", { "cpu" } }, { "cpu_offline", { "cpu" } }, { "exit", { "ei" } },
};

static void name_params(struct ktstr_spec *spec, const char *op)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(member_params); i++)
		for (unsigned n = 0; n < 3 && n < spec->n_params && !strcmp(member_params[i].op, op); n++)
			if (!spec->params[n].name[0] && member_params[i].names[n])
				snprintf(spec->params[n].name, sizeof(spec->params[n].name), "%s",
					 member_params[i].names[n]);
}

static void put_member(struct planner *p, const struct btf_type *ops, uint16_t i, uint32_t base)
{
	struct ktstr_buf *b = &p->plan->guest;
	const struct btf_member *m = &btf_members(ops)[i];
	const struct btf_type *pointer = btf__type_by_id(p->btf, m->type);
	_cleanup_free_ struct ktstr_spec *spec = calloc(1, sizeof(*spec));
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!spec || !pointer || !btf_is_ptr(pointer) ||
	    ktstr_spec_build(p->btf, pointer->type, p->btf, spec, &err))
		return;
	name_params(spec, btf__name_by_offset(p->btf, m->name_off));
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "op", btf__name_by_offset(p->btf, m->name_off));
	ktstr_put_u64(b, "offset", base + btf_member_bit_offset(ops, i) / 8);
	ktstr_put_map(b, "point");
	ktstr_spec_put(b, spec);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void put_members(struct planner *p, const char *name_of_value)
{
	struct ktstr_buf *b = &p->plan->guest;
	uint32_t value = 0, base = 0, id = 0;
	const struct btf_type *ops;

	if (!find_ops(p->btf, name_of_value, &value, &base, &id))
		return;
	ops = btf__type_by_id(p->btf, id);
	ktstr_put_map(b, NULL);
	ktstr_put_u64(b, "type", value);
	ktstr_put_array(b, "members");
	for (uint16_t i = 0; ops && btf_is_struct(ops) && i < btf_vlen(ops); i++)
		put_member(p, ops, i, base);
	ktstr_put_end(b);
	ktstr_put_end(b);
}

/* 7.3 has a second kind of scheduler, whose callbacks are told of CPUs by their place in the topology. */
static void put_ops(struct planner *p)
{
	ktstr_put_array(&p->plan->guest, "ops");
	put_members(p, "bpf_struct_ops_sched_ext_ops");
	put_members(p, "bpf_struct_ops_sched_ext_ops_cid");
	ktstr_put_end(&p->plan->guest);
}

/* ---- constants ---- */

static void put_enum(struct planner *p, const char *name)
{
	struct ktstr_buf *b = &p->plan->guest;
	int id = btf__find_by_name_kind(p->btf, name, BTF_KIND_ENUM64);
	const struct btf_type *t;

	if (id <= 0)
		id = btf__find_by_name_kind(p->btf, name, BTF_KIND_ENUM);
	t = id > 0 ? btf__type_by_id(p->btf, (uint32_t)id) : NULL;
	if (!t)
		return;
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "name", name);
	ktstr_put_array(b, "values");
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		bool wide = btf_is_enum64(t);

		ktstr_put_map(b, NULL);
		ktstr_put_str(b, "name", btf__name_by_offset(p->btf, wide ? btf_enum64(t)[i].name_off :
							     btf_enum(t)[i].name_off));
		ktstr_put_u64(b, "value", wide ? btf_enum64_value(&btf_enum64(t)[i]) :
			      (uint32_t)btf_enum(t)[i].val);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
	ktstr_put_end(b);
}

static void put_enums(struct planner *p)
{
	static const char *const names[] = {
		"scx_enq_flags", "scx_deq_flags", "scx_wake_flags", "scx_exit_kind", "scx_exit_code",
		"scx_dsq_id_flags", "scx_ent_flags", "scx_kick_flags", "scx_rq_flags", "scx_task_state",
	};

	ktstr_put_array(&p->plan->guest, "enums");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++)
		put_enum(p, names[i]);
	ktstr_put_end(&p->plan->guest);
}

/* ---- what the programs call ---- */

/* The kernel's functions that a program for entry and return needs (kprobe.session, 6.13), by their ids. */
static void put_functions(struct planner *p)
{
	static const char *const names[] = { "bpf_session_is_return", "bpf_session_cookie" };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(names); i++) {
		int id = find_function(p->btf, names[i]);

		if (id > 0)
			ktstr_put_u64(&p->plan->guest, names[i], (uint64_t)id);
	}
}

/* ---- all of it ---- */

static int build(struct planner *p, const struct ktstr_plan *plan, struct ktstr_err *err)
{
	struct ktstr_probe_plan *out = p->plan;

	ktstr_put_begin(&out->guest);
	ktstr_put_u64(&out->guest, "first_kind", left_by_itself(p) ? KTSTR_KIND_UNREG : KTSTR_KIND_ERROR);
	ask_all(p, plan);
	put_ops(p);
	put_enums(p);
	put_functions(p);
	ktstr_put_end(&out->guest);
	for (size_t i = 0; i < p->keys.n; i++)
		free(p->keys.items[i]);
	ktstr_vec_free(&p->keys);
	return out->guest.failed || out->record.failed ? ktstr_err_nomem(err) : 0;
}

int ktstr_probe_plan_create(const struct ktstr_plan *plan, const struct ktstr_kernel *kernel,
			    const struct ktstr_section_input *first, struct ktstr_probe_plan **ret_probes,
			    struct ktstr_err *err)
{
	static const struct ktstr_chain none = { .size = sizeof(none), .source = NULL };
	const struct ktstr_chain *chain = first->verdicts[0]->chain;
	struct planner p = {
		.base = { .size = sizeof(p.base), .input = first, .chain = chain ? chain : &none,
			  .has = has, .add = add },
	};
	struct btf *btf;
	int ret;

	if (!kernel->btf)
		return ktstr_err_set(err, -ENOTSUP, "kernel %s has no BTF: nothing can be said about its functions",
				     kernel->release);
	btf = btf__parse(kernel->btf, NULL);
	if (!btf)
		return ktstr_err_errno(err, errno, "reading the BTF of kernel %s", kernel->release);
	p.btf = btf;
	p.plan = calloc(1, sizeof(*p.plan));
	ret = p.plan ? build(&p, plan, err) : ktstr_err_nomem(err);
	btf__free(btf);
	if (ret)
		ktstr_probe_plan_destroy(p.plan);
	else
		*ret_probes = p.plan;
	return ret;
}

void ktstr_probe_plan_destroy(struct ktstr_probe_plan *probes)
{
	if (!probes)
		return;
	ktstr_buf_free(&probes->guest);
	ktstr_buf_free(&probes->record);
	free(probes);
}
