/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a plan that say where and how something runs, as the guest gets them. */
#include "plan/encode-place.h"

void ktstr_put_cpu_spec(struct ktstr_buf *out, const char *key, const struct ktstr_cpu_spec *spec)
{
	ktstr_put_map(out, key);
	ktstr_put_u64(out, "choice", spec->choice);
	ktstr_put_u64(out, "index", spec->index);
	ktstr_put_u64(out, "of", spec->of);
	ktstr_put_f64(out, "from", spec->from);
	ktstr_put_f64(out, "to", spec->to);
	ktstr_put_str(out, "list", spec->list);
	ktstr_put_end(out);
}

void ktstr_put_affinity(struct ktstr_buf *out, const char *key,
			const struct ktstr_affinity *affinity)
{
	ktstr_put_map(out, key);
	ktstr_put_u64(out, "kind", affinity->kind);
	ktstr_put_u64(out, "seed", affinity->seed);
	ktstr_put_str(out, "list", affinity->list);
	ktstr_put_end(out);
}

void ktstr_put_settings(struct ktstr_buf *out, const struct ktstr_settings *settings)
{
	if (settings->has_cpus)
		ktstr_put_cpu_spec(out, "cpus", &settings->cpus);
	ktstr_put_array(out, "settings");
	for (int i = 0; i < KTSTR_SETTINGS; i++) {
		if (!settings->values[i])
			continue;
		ktstr_put_map(out, NULL);
		ktstr_put_str(out, "file", ktstr_setting_file((enum ktstr_setting)i));
		ktstr_put_str(out, "value", settings->values[i]);
		ktstr_put_end(out);
	}
	ktstr_put_end(out);
}

static void put_sched(struct ktstr_buf *out, const struct ktstr_sched_policy *sched)
{
	ktstr_put_map(out, "sched");
	ktstr_put_u64(out, "class", sched->class);
	ktstr_put_u64(out, "priority", sched->priority);
	ktstr_put_u64(out, "runtime_ns", sched->runtime_ns);
	ktstr_put_u64(out, "deadline_ns", sched->deadline_ns);
	ktstr_put_u64(out, "period_ns", sched->period_ns);
	ktstr_put_end(out);
}

static void put_memory(struct ktstr_buf *out, const struct ktstr_mem_policy *memory)
{
	ktstr_put_map(out, "memory");
	ktstr_put_u64(out, "mode", memory->mode);
	ktstr_put_str(out, "nodes", memory->nodes);
	ktstr_put_u64(out, "flags", memory->flags);
	ktstr_put_end(out);
}

void ktstr_put_placement(struct ktstr_buf *out, const struct ktstr_placement *placement)
{
	if (placement->affinity.kind != KTSTR_AFFINITY_INHERIT)
		ktstr_put_affinity(out, "affinity", &placement->affinity);
	if (placement->sched.class != KTSTR_SCHED_INHERIT)
		put_sched(out, &placement->sched);
	if (placement->has_nice)
		ktstr_put_s64(out, "nice", placement->nice);
	if (placement->memory.mode != KTSTR_MEM_INHERIT)
		put_memory(out, &placement->memory);
}
