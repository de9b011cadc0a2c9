/* SPDX-License-Identifier: GPL-2.0-only */
/* Where and how something runs, as the plan says it. */
#include "agent/decode.h"

#include <limits.h>

int ktstr_decode_cpu_spec(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_cpu_spec *ret)
{
	uint64_t choice, index, of;
	int r = ktstr_decode_below(d, m, "choice", KTSTR_CPU_CHOICES, &choice);

	if (!r)
		r = ktstr_decode_below(d, m, "index", UINT32_MAX, &index);
	if (!r)
		r = ktstr_decode_below(d, m, "of", UINT32_MAX, &of);
	if (!r)
		r = ktstr_decode_maybe(d, m, "list", &ret->list);
	if (r)
		return r;
	if (choice == KTSTR_CPUS_EXACT && !ret->list)
		return ktstr_err_set(d->err, -EINVAL, "plan: an exact set of CPUs has no \"list\"");
	ret->choice = (enum ktstr_cpu_choice)choice;
	ret->index = (uint32_t)index;
	ret->of = (uint32_t)of;
	ktstr_get_f64(m, "from", &ret->from);
	ktstr_get_f64(m, "to", &ret->to);
	return 0;
}

int ktstr_decode_affinity(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_affinity *ret)
{
	uint64_t kind;
	int r = ktstr_decode_below(d, m, "kind", KTSTR_AFFINITY_KINDS, &kind);

	if (!r)
		r = ktstr_decode_maybe(d, m, "list", &ret->list);
	if (r)
		return r;
	if (kind == KTSTR_AFFINITY_EXACT && !ret->list)
		return ktstr_err_set(d->err, -EINVAL, "plan: an exact affinity has no \"list\"");
	ret->kind = (enum ktstr_affinity_kind)kind;
	ktstr_get_u64(m, "seed", &ret->seed);
	return 0;
}

int ktstr_decode_setting(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item)
{
	struct ktstr_guest_setting *setting = item;
	int r = ktstr_decode_text(d, m, "file", "a setting", &setting->file);

	return r ? r : ktstr_decode_text(d, m, "value", setting->file, &setting->value);
}

int ktstr_decode_settings(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_guest_cgroup *cgroup)
{
	struct ktstr_fields cpus;
	int r = 0;

	cgroup->has_cpus = ktstr_get_sub(m, "cpus", &cpus);
	if (cgroup->has_cpus)
		r = ktstr_decode_cpu_spec(d, &cpus, &cgroup->cpus);
	return r ? r : ktstr_decode_maps(d, m, "settings", sizeof(*cgroup->settings),
					 ktstr_decode_setting, &cgroup->settings, &cgroup->n_settings);
}

static int decode_sched(struct ktstr_decoder *d, const struct ktstr_fields *m,
			struct ktstr_sched_policy *ret)
{
	uint64_t class, priority;
	int r = ktstr_decode_below(d, m, "class", KTSTR_SCHED_CLASSES, &class);

	if (!r)
		r = ktstr_decode_below(d, m, "priority", KTSTR_RT_PRIORITY_MAX + 1, &priority);
	if (r)
		return r;
	ret->class = (enum ktstr_sched_class)class;
	ret->priority = (uint32_t)priority;
	ktstr_get_u64(m, "runtime_ns", &ret->runtime_ns);
	ktstr_get_u64(m, "deadline_ns", &ret->deadline_ns);
	ktstr_get_u64(m, "period_ns", &ret->period_ns);
	return 0;
}

static int decode_memory(struct ktstr_decoder *d, const struct ktstr_fields *m,
			 struct ktstr_mem_policy *ret)
{
	uint64_t mode, flags;
	int r = ktstr_decode_below(d, m, "mode", KTSTR_MEM_MODES, &mode);

	if (!r)
		r = ktstr_decode_below(d, m, "flags", KTSTR_MEM_FLAGS + 1, &flags);
	if (!r)
		r = ktstr_decode_maybe(d, m, "nodes", &ret->nodes);
	if (r)
		return r;
	ret->mode = (enum ktstr_mem_mode)mode;
	ret->flags = (unsigned)flags;
	return 0;
}

int ktstr_decode_placement(struct ktstr_decoder *d, const struct ktstr_fields *m,
			   struct ktstr_placement *ret)
{
	struct ktstr_fields sub;
	int r = 0;

	if (ktstr_get_sub(m, "affinity", &sub))
		r = ktstr_decode_affinity(d, &sub, &ret->affinity);
	if (!r && ktstr_get_sub(m, "sched", &sub))
		r = decode_sched(d, &sub, &ret->sched);
	if (!r && ktstr_get_sub(m, "memory", &sub))
		r = decode_memory(d, &sub, &ret->memory);
	ret->has_nice = ktstr_get_s64(m, "nice", &ret->nice);
	return r;
}
