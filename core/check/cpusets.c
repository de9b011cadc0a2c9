/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/watch.h"

#include "base/vec.h"
#include "check/stats.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 512		/* more cgroups at once: the rest confines nobody */
#define NAME_SIZE 128
#define WORDS (KTSTR_WATCH_CPUS / 64)

struct group {
	char name[NAME_SIZE];
	uint64_t step;			/* ends with it; 0: stays */
	bool bound;			/* it has workers that are bound to single CPUs */
	uint64_t cpus[WORDS];
};

struct ktstr_cpusets {
	KTSTR_VEC(struct group) groups;
	struct ktstr_cpu_classes classes;
	uint64_t signature[KTSTR_WATCH_CPUS];
	size_t made;			/* CPUs that `classes` has; 0: they are to be made anew */
};

struct ktstr_cpusets *ktstr_cpusets_create(void)
{
	struct ktstr_cpusets *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->classes.class = calloc(KTSTR_WATCH_CPUS, sizeof(*c->classes.class));
	if (c->classes.class)
		return c;
	ktstr_cpusets_destroy(c);
	return NULL;
}

void ktstr_cpusets_destroy(struct ktstr_cpusets *c)
{
	if (!c)
		return;
	ktstr_vec_free(&c->groups);
	free(c->classes.class);
	free(c);
}

/* ---- which cgroups there are ---- */

static struct group *find(struct ktstr_cpusets *c, struct ktstr_str name)
{
	for (size_t i = 0; i < c->groups.n; i++)
		if (ktstr_str_is(name, c->groups.items[i].name))
			return &c->groups.items[i];
	return NULL;
}

static void add_group(struct ktstr_cpusets *c, const struct ktstr_fields *f)
{
	struct ktstr_str name = { "", 0 }, list = { "", 0 };
	struct group *g;

	ktstr_get_str(f, "name", &name);
	ktstr_get_str(f, "cpuset", &list);
	if (!name.len || name.len >= NAME_SIZE)
		return;
	g = find(c, name);
	if (!g && c->groups.n < GROUPS_MAX)
		g = ktstr_vec_add(&c->groups);
	if (!g)
		return;
	memset(g, 0, sizeof(*g));
	memcpy(g->name, name.s, name.len);
	ktstr_get_u64(f, "step", &g->step);
	ktstr_get_bool(f, "bound", &g->bound);
	if (!ktstr_stats_add_cpus(list, g->cpus))
		memset(g->cpus, 0xff, sizeof(g->cpus));
}

static void keep(struct ktstr_cpusets *c, size_t *kept, size_t i)
{
	if (*kept != i)
		c->groups.items[*kept] = c->groups.items[i];
	(*kept)++;
}

/* What was a step's own is taken down after its end was told, and gone at the begin of the next. */
static void begin_step(struct ktstr_cpusets *c, const struct ktstr_fields *f)
{
	struct ktstr_str edge = { "", 0 };
	uint64_t n = 0;
	size_t kept = 0;

	ktstr_get_str(f, "edge", &edge);
	ktstr_get_u64(f, "n", &n);
	if (!ktstr_str_is(edge, "begin"))
		return;
	for (size_t i = 0; i < c->groups.n; i++)
		if (!c->groups.items[i].step || c->groups.items[i].step == n)
			keep(c, &kept, i);
	c->groups.n = kept;
}

static void drop_removed(struct ktstr_cpusets *c, const struct ktstr_fields *f)
{
	struct ktstr_str op = { "", 0 }, target = { "", 0 };
	size_t kept = 0;

	ktstr_get_str(f, "op", &op);
	ktstr_get_str(f, "target", &target);
	if (!ktstr_str_is(op, "remove-cgroup"))
		return;
	for (size_t i = 0; i < c->groups.n; i++)
		if (!ktstr_str_is(target, c->groups.items[i].name))
			keep(c, &kept, i);
	c->groups.n = kept;
}

void ktstr_cpusets_add(struct ktstr_cpusets *c, enum ktstr_rec type, const struct ktstr_fields *f)
{
	switch (type) {
	case KTSTR_REC_CGROUP: add_group(c, f); break;
	case KTSTR_REC_STEP: begin_step(c, f); break;
	case KTSTR_REC_OP: drop_removed(c, f); break;
	default: return;
	}
	c->made = 0;
}

/* ---- classes ---- */

/* Mixes a cgroup's place into a CPU's signature: equal for those that are in the same ones. */
static uint64_t mix(uint64_t signature, uint64_t i)
{
	signature = (signature ^ (i + 1)) * 0x9e3779b97f4a7c15ull;
	return signature ^ signature >> 29;
}

static bool has(const struct group *g, size_t cpu)
{
	return g->cpus[cpu / 64] & 1ull << (cpu % 64);
}

/* 0 is that of a CPU with workers that are bound. */
static uint64_t signature_of(const struct ktstr_cpusets *c, size_t cpu)
{
	uint64_t signature = 1;

	for (size_t i = 0; i < c->groups.n; i++) {
		if (!has(&c->groups.items[i], cpu))
			continue;
		if (c->groups.items[i].bound)
			return 0;
		signature = mix(signature, i);
	}
	return signature ? signature : 1;
}

/* CPUs of a class are mostly neighbours: the last ones are looked at first. */
static uint16_t class_of(struct ktstr_cpusets *c, size_t cpu)
{
	if (!c->signature[cpu])
		return KTSTR_CLASS_NONE;
	for (size_t k = cpu; k-- > 0;)
		if (c->signature[k] == c->signature[cpu])
			return c->classes.class[k];
	return c->classes.n++;
}

const struct ktstr_cpu_classes *ktstr_cpusets_classes(struct ktstr_cpusets *c, size_t n_cpus)
{
	if (c->made >= n_cpus)
		return &c->classes;
	c->classes.n = 0;
	for (size_t cpu = 0; cpu < n_cpus; cpu++)
		c->signature[cpu] = signature_of(c, cpu);
	for (size_t cpu = 0; cpu < n_cpus; cpu++)
		c->classes.class[cpu] = class_of(c, cpu);
	c->made = n_cpus;
	return &c->classes;
}
