/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/decode.h"

static uint32_t count_items(struct ktstr_fields it)
{
	struct ktstr_field f;
	uint32_t n = 0;

	while (ktstr_item_next(&it, &f))
		n++;
	return n;
}

char *ktstr_decode_copy(struct ktstr_decoder *d, struct ktstr_str s)
{
	return ktstr_arena_strndup(d->arena, s.s, s.len);
}

int ktstr_decode_text(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		      const char *where, const char **ret)
{
	struct ktstr_str s;

	if (!ktstr_get_str(m, key, &s) || !s.len || memchr(s.s, 0, s.len))
		return ktstr_err_set(d->err, -EINVAL, "plan: %s has no usable \"%s\"", where, key);
	*ret = ktstr_decode_copy(d, s);
	return *ret ? 0 : ktstr_err_nomem(d->err);
}

int ktstr_decode_maybe(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       const char **ret)
{
	struct ktstr_str s;

	*ret = NULL;
	return ktstr_get_str(m, key, &s) ? ktstr_decode_text(d, m, key, "the plan", ret) : 0;
}

int ktstr_decode_below(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       uint64_t limit, uint64_t *ret)
{
	*ret = 0;
	ktstr_get_u64(m, key, ret);
	return *ret < limit ? 0 : ktstr_err_set(d->err, -EINVAL, "plan: \"%s\" is %llu, possible "
						"is less than %llu", key, (unsigned long long)*ret,
						(unsigned long long)limit);
}

int ktstr_decode_texts(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       const char ***ret)
{
	struct ktstr_fields it = { 0 };
	struct ktstr_field f;
	size_t n = 0;

	ktstr_get_sub(m, key, &it);
	*ret = ktstr_arena_zalloc(d->arena, (count_items(it) + 1) * sizeof(**ret));
	if (!*ret)
		return ktstr_err_nomem(d->err);
	while (ktstr_item_next(&it, &f)) {
		if (f.type != KTSTR_FIELD_TEXT)
			return ktstr_err_set(d->err, -EINVAL, "plan: an item of \"%s\" is no text",
					     key);
		(*ret)[n] = ktstr_decode_copy(d, f.str);
		if (!(*ret)[n++])
			return ktstr_err_nomem(d->err);
	}
	return 0;
}

int ktstr_decode_maps(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		      size_t size, ktstr_decode_fn *fn, void *ret_items, uint32_t *ret_n)
{
	struct ktstr_fields it = { 0 };
	struct ktstr_field f;
	char *items;
	int ret;

	ktstr_get_sub(m, key, &it);
	items = ktstr_arena_zalloc(d->arena, (count_items(it) + 1) * size);
	if (!items)
		return ktstr_err_nomem(d->err);
	memcpy(ret_items, &items, sizeof(items));
	for (*ret_n = 0; ktstr_item_next(&it, &f); (*ret_n)++) {
		if (f.type != KTSTR_FIELD_MAP)
			return ktstr_err_set(d->err, -EINVAL, "plan: an item of \"%s\" is no map",
					     key);
		ret = fn(d, &f.sub, items + *ret_n * size);
		if (ret)
			return ret;
	}
	return 0;
}

static int decode_value(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_value *value = item;
	struct ktstr_str s;

	ktstr_get_bool(m, "set", &value->set);
	ktstr_get_u64(m, "num", &value->u64);
	if (ktstr_get_str(m, "str", &s)) {
		value->str = ktstr_decode_copy(d, s);
		if (!value->str)
			return ktstr_err_nomem(d->err);
	}
	return 0;
}

static int decode_workers(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_workers *workers = item;
	uint64_t count = 0;
	int ret;

	ret = ktstr_decode_text(d, m, "plugin", "a workers entry", &workers->plugin);
	if (!ret)
		ret = ktstr_decode_text(d, m, "module", workers->plugin, &workers->module);
	if (ret)
		return ret;
	ktstr_get_u64(m, "count", &count);
	if (!count || count > KTSTR_GUEST_WORKERS_MAX)
		return ktstr_err_set(
			d->err, -EINVAL, "plan: %s asks for %llu workers, possible are 1 to %d",
			workers->plugin, (unsigned long long)count, KTSTR_GUEST_WORKERS_MAX);
	workers->count = (uint32_t)count;
	ret = ktstr_decode_placement(d, m, &workers->placement);
	return ret ? ret : ktstr_decode_maps(d, m, "params", sizeof(*workers->values), decode_value,
					     &workers->values, &workers->n_values);
}

/* A name is needed where a cgroup is to be made; an operation may do without. */
static int decode_parts(struct ktstr_decoder *d, const struct ktstr_fields *m,
			struct ktstr_guest_cgroup *cgroup)
{
	int ret = ktstr_decode_settings(d, m, cgroup);

	return ret ? ret : ktstr_decode_maps(d, m, "workers", sizeof(*cgroup->workers),
					     decode_workers, &cgroup->workers,
					     &cgroup->n_workers);
}

static int decode_cgroup(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_cgroup *cgroup = item;
	int ret = ktstr_decode_text(d, m, "name", "a cgroup", &cgroup->name);

	return ret ? ret : decode_parts(d, m, cgroup);
}

static int decode_payload(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_payload *payload = item;
	int ret = ktstr_decode_text(d, m, "name", "a payload", &payload->name);

	if (!ret)
		ret = ktstr_decode_texts(d, m, "command", &payload->command);
	if (!ret)
		ret = ktstr_decode_texts(d, m, "metrics", &payload->metrics);
	if (!ret)
		ret = ktstr_decode_maybe(d, m, "cgroup", &payload->cgroup);
	ktstr_get_bool(m, "may_fail", &payload->may_fail);
	ktstr_get_bool(m, "json", &payload->json);
	return ret;
}

/* One that is to be started needs a program. */
static int decode_runnable(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_payload *payload = item;
	int ret = decode_payload(d, m, item);

	if (!ret && !payload->command[0])
		ret = ktstr_err_set(d->err, -EINVAL, "plan: payload %s has no \"command\"",
				    payload->name);
	return ret;
}

static int decode_op_payload(struct ktstr_decoder *d, const struct ktstr_fields *m,
			     struct ktstr_guest_op *op)
{
	bool needed = op->operation == KTSTR_OP_RUN || op->operation == KTSTR_OP_WAIT ||
		      op->operation == KTSTR_OP_KILL;
	struct ktstr_fields sub;

	if (ktstr_get_sub(m, "payload", &sub))
		return op->operation == KTSTR_OP_RUN ? decode_runnable(d, &sub, &op->payload) :
			decode_payload(d, &sub, &op->payload);
	return needed ? ktstr_err_set(d->err, -EINVAL, "plan: operation %s has no \"payload\"",
				      ktstr_operation_name(op->operation)) : 0;
}

static int decode_op(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_op *op = item;
	struct ktstr_str name = { "", 0 };
	struct ktstr_fields sub = { 0 };
	uint64_t operation, change;
	int ret = ktstr_decode_below(d, m, "operation", KTSTR_OPERATION_COUNT, &operation);

	if (ret)
		return ret;
	op->operation = (enum ktstr_operation)operation;
	ktstr_get_sub(m, "cgroup", &sub);
	ktstr_get_str(&sub, "name", &name);
	op->cgroup.name = ktstr_decode_copy(d, name);
	if (!op->cgroup.name)
		return ktstr_err_nomem(d->err);
	ret = decode_parts(d, &sub, &op->cgroup);
	if (!ret)
		ret = ktstr_decode_maybe(d, m, "to", &op->to);
	if (!ret && ktstr_get_sub(m, "affinity", &sub))
		ret = ktstr_decode_affinity(d, &sub, &op->affinity);
	ktstr_get_u64(m, "timeout_ns", &op->timeout_ns);
	ktstr_get_u64(m, "attach_timeout_ns", &op->attach_timeout_ns);
	if (!ret)
		ret = ktstr_decode_below(d, m, "change", KTSTR_CHANGES, &change);
	op->change = ret ? 0 : (enum ktstr_change)change;
	if (!ret)
		ret = ktstr_decode_texts(d, m, "command", &op->command);
	return ret ? ret : decode_op_payload(d, m, op);
}

static int decode_step(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_step *step = item;
	struct ktstr_str name = { "", 0 };
	int ret;

	ktstr_get_str(m, "name", &name);
	step->name = ktstr_decode_copy(d, name);
	if (!step->name)
		return ktstr_err_nomem(d->err);
	if (!ktstr_get_u64(m, "hold_ns", &step->hold_ns))
		return ktstr_err_set(d->err, -EINVAL,
				     "plan: step \"%s\" does not say how long it is held",
				     step->name);
	ret = ktstr_decode_maps(d, m, "cgroups", sizeof(*step->cgroups), decode_cgroup,
				&step->cgroups, &step->n_cgroups);
	ktstr_get_u64(m, "every_ns", &step->every_ns);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "payloads", sizeof(*step->payloads), decode_runnable,
					&step->payloads, &step->n_payloads);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "ops", sizeof(*step->ops), decode_op, &step->ops,
					&step->n_ops);
	if (!ret && ktstr_guest_step_workers(step) > KTSTR_GUEST_WORKERS_MAX)
		return ktstr_err_set(d->err, -EINVAL,
				     "plan: step \"%s\" asks for %u workers, at most %d are "
				     "possible",
				     step->name, ktstr_guest_step_workers(step),
				     KTSTR_GUEST_WORKERS_MAX);
	return ret;
}

static int decode_scheduler(struct ktstr_decoder *d, const struct ktstr_fields *m,
			    struct ktstr_guest_plan *plan)
{
	int ret = ktstr_decode_texts(d, m, "command", &plan->command);

	if (ret)
		return ret;
	if (!plan->command[0])
		return ktstr_err_set(d->err, -EINVAL, "plan: the scheduler's command is empty");
	if (!ktstr_get_u64(m, "attach_timeout_ns", &plan->attach_timeout_ns))
		return ktstr_err_set(d->err, -EINVAL,
				     "plan: the scheduler has no \"attach_timeout_ns\"");
	return 0;
}

static int decode_plan(struct ktstr_decoder *d, const struct ktstr_fields *m,
		       struct ktstr_guest_plan *plan)
{
	struct ktstr_fields scheduler;
	uint64_t slowness = 1;
	int ret = 0;

	if (ktstr_get_sub(m, "scheduler", &scheduler))
		ret = decode_scheduler(d, &scheduler, plan);
	if (!ret)
		ret = ktstr_decode_texts(d, m, "modules", &plan->modules);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "sysctls", sizeof(*plan->sysctls),
					ktstr_decode_setting, &plan->sysctls, &plan->n_sysctls);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "cgroups", sizeof(*plan->cgroups), decode_cgroup,
					&plan->cgroups, &plan->n_cgroups);
	ktstr_get_u64(m, "operations_ns", &plan->operations_ns);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "payloads", sizeof(*plan->payloads), decode_runnable,
					&plan->payloads, &plan->n_payloads);
	if (!ret)
		ret = ktstr_decode_maps(d, m, "steps", sizeof(*plan->steps), decode_step,
					&plan->steps, &plan->n_steps);
	ktstr_get_bool(m, "backtrace", &plan->backtrace);
	plan->cpu_controller = true;
	ktstr_get_bool(m, "cpu_controller", &plan->cpu_controller);
	ktstr_get_u64(m, "slowness", &slowness);
	plan->slowness = slowness < 1 ? 1 : slowness > 1000 ? 1000 : (unsigned)slowness;
	return ret;
}

int ktstr_guest_plan_decode(const void *payload, size_t len, struct ktstr_guest_plan **ret_plan,
			    struct ktstr_err *err)
{
	struct ktstr_decoder d = { ktstr_arena_create(), err };
	struct ktstr_guest_plan *plan = d.arena ? ktstr_arena_zalloc(d.arena, sizeof(*plan)) : NULL;
	struct ktstr_fields m;
	int ret;

	if (!plan) {
		ktstr_arena_destroy(d.arena);
		return ktstr_err_nomem(err);
	}
	plan->arena = d.arena;
	ret = ktstr_fields_parse(payload, len, &m)
		? decode_plan(&d, &m, plan)
		: ktstr_err_set(err, -EINVAL, "plan: the payload is no map of fields");
	if (ret) {
		ktstr_guest_plan_destroy(plan);
		return ret;
	}
	*ret_plan = plan;
	return 0;
}

void ktstr_guest_plan_destroy(struct ktstr_guest_plan *plan)
{
	if (plan)
		ktstr_arena_destroy(plan->arena);
}

uint32_t ktstr_guest_step_workers(const struct ktstr_guest_step *step)
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < step->n_cgroups; c++)
		n += ktstr_guest_cgroup_workers(&step->cgroups[c]);
	return n;
}

uint32_t ktstr_guest_cgroup_workers(const struct ktstr_guest_cgroup *cgroup)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < cgroup->n_workers; w++)
		n += cgroup->workers[w].count;
	return n;
}

bool ktstr_guest_cgroup_bound(const struct ktstr_guest_cgroup *cgroup)
{
	bool bound = false;

	for (uint32_t w = 0; w < cgroup->n_workers; w++)
		bound |= cgroup->workers[w].placement.affinity.kind != KTSTR_AFFINITY_INHERIT;
	return bound;
}

uint64_t ktstr_guest_plan_hold_ns(const struct ktstr_guest_plan *plan)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < plan->n_steps; i++)
		sum += plan->steps[i].hold_ns;
	return sum;
}
