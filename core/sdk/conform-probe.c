/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes: plans for recorded crashes, on kernels that have everything and nothing. */
#include "sdk/conform-internal.h"

#include <ktstr/probe.h>

#define POINTS_MAX 4096		/* more than a kernel could arm */

struct planning {
	struct ktstr_planner planner;
	bool has;			/* the kernel has everything, or nothing */
	size_t fail_at;			/* add() fails as if memory was out; 0: never */
	size_t points;
	struct ktstr_err wrong;		/* code 0: nothing */
};

static bool planner_has(const struct ktstr_planner *planner, enum ktstr_point_target target, const char *name)
{
	const struct planning *p = (const struct planning *)planner;

	(void)target, (void)name;
	return p->has;
}

static int is_point(const struct ktstr_point *point, struct ktstr_err *err)
{
	if (point->size < offsetof(struct ktstr_point, why) + sizeof(point->why))
		return ktstr_err_set(err, -EINVAL, "a point of %u bytes", point->size);
	if (point->at < KTSTR_POINT_ENTRY || point->at > KTSTR_POINT_TRIGGER)
		return ktstr_err_set(err, -EINVAL, "a point at %d", point->at);
	if (point->target < KTSTR_TARGET_KERNEL || point->target > KTSTR_TARGET_PROGRAM)
		return ktstr_err_set(err, -EINVAL, "a point in a target %d", point->target);
	if (!point->function || !*point->function)
		return ktstr_err_set(err, -EINVAL, "a point without a function");
	if (!point->why || !*point->why)
		return ktstr_err_set(err, -EINVAL, "%s without a word why", point->function);
	return 0;
}

static int planner_add(struct ktstr_planner *planner, const struct ktstr_point *point, struct ktstr_err *err)
{
	struct planning *p = (struct planning *)planner;

	p->points++;
	if (!p->wrong.code && is_point(point, &p->wrong) == 0 && p->points > POINTS_MAX)
		ktstr_err_set(&p->wrong, -EINVAL, "more than %d points", POINTS_MAX);
	if (p->fail_at && p->points >= p->fail_at)
		return ktstr_err_nomem(err);
	if (p->has || point->target == KTSTR_TARGET_CALLBACK || point->target == KTSTR_TARGET_PROGRAM)
		return 0;	/* what BPF programs there will be nobody knows yet */
	return ktstr_err_set(err, -ENOENT, "this kernel has no %s", point->function);
}

/* What plan() returned. */
static int plan(struct conform *c, const struct ktstr_stored_run *run, struct planning *p,
		struct ktstr_err *err)
{
	static const struct ktstr_chain none = { .size = sizeof(none) };
	const struct ktstr_probe_ops *ops = c->plugin->ops;
	const struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = 1,
		.journals = (const struct ktstr_journal *const *)run->journals,
		.verdicts = (const struct ktstr_verdict *const *)run->verdicts, .next = ktstr_journal_next,
	};

	p->planner = (struct ktstr_planner){
		.size = sizeof(p->planner), .input = &input,
		.chain = run->verdicts[0]->chain ? run->verdicts[0]->chain : &none,
		.has = planner_has, .add = planner_add,
	};
	*err = (struct ktstr_err)KTSTR_ERR_INIT;
	conform_doing(c, "plan() of the run \"%s\"", run->id);
	return ops->plan(&p->planner, c->values, err);
}

/* ---- the checks ---- */

static int every_run(struct conform *c, struct ktstr_err *err)
{
	size_t points = 0;

	for (size_t i = 0; i < c->runs.n; i++) {
		struct planning p = { .has = true };
		int ret = plan(c, &c->runs.items[i], &p, err);

		if (ret > KTSTR_PROBE_IDLE)
			return ktstr_err_set(err, -EINVAL, "plan() returned %d", ret);
		if (ret && !*err->msg)
			return ktstr_err_set(err, -EINVAL, "plan() returned %d without a word why", ret);
		if (ret < 0)
			return ktstr_err_prefix(err, "plan() of the run \"%s\"", c->runs.items[i].id);
		if (p.wrong.code) {
			*err = p.wrong;
			return err->code;
		}
		points += p.points;
	}
	return points ? CONFORM_OK : conform_skip(err, "it has nothing to look at in any recorded run");
}

/* -ENOENT of add() is nothing to stop for; but a probe that can do nothing without a point may say so. */
static int nothing_there(struct conform *c, struct ktstr_err *err)
{
	for (size_t i = 0; i < c->runs.n; i++) {
		struct planning p = { .has = false };
		int ret = plan(c, &c->runs.items[i], &p, err);

		if (conform_explained("plan()", ret, err))
			return err->code;
		if (ret < 0 && ret != -ENOENT)
			return ktstr_err_prefix(err, "plan() failed where the kernel lacks its points");
	}
	return CONFORM_OK;
}

static int add_fails(struct conform *c, struct ktstr_err *err)
{
	for (size_t i = 0; i < c->runs.n; i++) {
		struct planning p = { .has = true, .fail_at = 1 };
		int ret = plan(c, &c->runs.items[i], &p, err);

		if (p.points && ret != -ENOMEM)
			return ktstr_err_set(err, -EINVAL, "add() failed with %d, plan() returned %d", -ENOMEM,
					     ret);
		if (p.points > 1)
			return ktstr_err_set(err, -EINVAL, "plan() went on after add() had failed");
	}
	return CONFORM_OK;
}

static int one_life(struct conform *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < c->runs.n; i++) {
		struct planning p = { .has = true };

		ret = plan(c, &c->runs.items[i], &p, err);
	}
	return ret < 0 ? ret : 0;
}

static int leaks(struct conform *c, struct ktstr_err *err)
{
	return conform_leaks_nothing(c, one_life, err);
}

static int no_memory(struct conform *c, struct ktstr_err *err)
{
	return conform_survives(c, one_life, err);
}

const struct conform_check conform_probe_checks[] = {
	{ "names points for recorded crashes, or says why there are none", every_run },
	{ "has an answer where the kernel lacks its points", nothing_there },
	{ "ends when core cannot take a point", add_fails },
	{ "leaks nothing", leaks },
	{ "stands it when memory runs out", no_memory },
	{ 0 },
};
