/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which cgroups and payloads there are when: the steps and their operations are gone through as the
 * guest will, and whoever needs one that is not there then, or makes one that is, is told so.
 */
#include "plan/lifetime.h"

#include "base/cleanup.h"

struct living {
	const char *name;
	size_t len;		/* the name may be the beginning of a longer one */
	size_t step;		/* 0: the whole scenario */
	struct ktstr_position at;	/* where it is made */
};

struct state {
	struct ktstr_reader *r;
	KTSTR_VEC(struct living) list;
	KTSTR_VEC(struct living) programs;	/* that were started; they may have ended */
	size_t step;
	bool again;		/* a second round of `every` */
	bool scheduler;		/* one runs */
	bool ok;
};

static struct living *find(struct state *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.items[i].len == len && !memcmp(s->list.items[i].name, name, len))
			return &s->list.items[i];
	return NULL;
}

static void enlist(struct state *s, const char *name, size_t len, const struct ktstr_position *at)
{
	struct living *living = ktstr_vec_add(&s->list);

	if (!living) {
		s->r->nomem = true;
		return;
	}
	*living = (struct living){ name, len, s->step, *at };
}

static const char *round_words(const struct state *s)
{
	return s->again ? " in the second round of `every`" : "";
}

static void make(struct state *s, const struct ktstr_plan_cgroup *cgroup)
{
	const struct living *known = find(s, cgroup->name, strlen(cgroup->name));
	char where[512];

	if (known) {
		ktstr_position_format(&known->at, &cgroup->at, where, sizeof(where));
		ktstr_problem_add(s->r->problems, &cgroup->at, "cgroup `%s` is "
				  "there already%s: it is made in %s", cgroup->name,
				  round_words(s), where);
		s->ok = false;
		return;
	}
	for (const char *end = cgroup->name; *end;) {
		size_t len = (size_t)(end - cgroup->name) + strcspn(end, "/");

		if (!find(s, cgroup->name, len))
			enlist(s, cgroup->name, len, &cgroup->at);
		end = cgroup->name + len + (cgroup->name[len] == '/');
	}
}

/* The names of all, for a message. */
static const char *known_names(struct state *s, const char *wanted)
{
	const char **names = ktstr_reader_alloc(s->r, s->list.n, sizeof(*names));

	for (size_t i = 0; names && i < s->list.n; i++) {
		names[i] = ktstr_arena_strndup(s->r->arena, s->list.items[i].name,
					       s->list.items[i].len);
		if (!names[i])
			names = NULL;
	}
	if (!names)
		s->r->nomem = true;
	return names ? ktstr_reader_suggest(s->r, wanted, names, s->list.n) : "";
}

static bool need_at(struct state *s, const struct ktstr_position *at, const char *what,
		    const char *name)
{
	if (find(s, name, strlen(name)))
		return true;
	ktstr_problem_add(s->r->problems, at, "`%s`: there is no cgroup `%s` at this "
			  "point%s%s", what, name, round_words(s), known_names(s, name));
	s->ok = false;
	return false;
}

static bool need(struct state *s, const struct ktstr_plan_op *op, const char *name)
{
	return need_at(s, &op->at, ktstr_operation_name(op->operation), name);
}

/* ---- payloads ---- */

static const struct living *find_program(const struct state *s, const char *name)
{
	for (size_t i = 0; i < s->programs.n; i++)
		if (!strcmp(s->programs.items[i].name, name))
			return &s->programs.items[i];
	return NULL;
}

/* By `run` a name may come again, once the program has ended; in a list it may not. */
static void start(struct state *s, const struct ktstr_plan_payload *payload, bool listed)
{
	const struct living *known = find_program(s, payload->name);
	struct living *living;
	char where[512];

	if (payload->cgroup)
		need_at(s, &payload->at, payload->name, payload->cgroup);
	if (known && listed) {
		ktstr_position_format(&known->at, &payload->at, where, sizeof(where));
		ktstr_problem_add(s->r->problems, &payload->at, "a second payload `%s`; the first "
				  "is in %s: give one a `name`", payload->name, where);
		s->ok = false;
	}
	if (known)
		return;
	living = ktstr_vec_add(&s->programs);
	if (!living)
		s->r->nomem = true;
	else
		*living = (struct living){ payload->name, strlen(payload->name), s->step,
					   payload->at };
}

static void need_program(struct state *s, const struct ktstr_plan_op *op)
{
	if (find_program(s, op->payload.name))
		return;
	ktstr_problem_add(s->r->problems, &op->at, "`%s`: no payload `%.80s` was "
			  "started before", ktstr_operation_name(op->operation), op->payload.name);
	s->ok = false;
}

/* ---- the scheduler ---- */

static void change_scheduler(struct state *s, const struct ktstr_plan *plan,
			     const struct ktstr_plan_op *op)
{
	const char *wrong = NULL;

	if (!plan->scheduler.binary)
		wrong = "the pipeline has no `scheduler`: the kernel's own cannot be changed";
	else if (op->change == KTSTR_CHANGE_START && s->scheduler)
		wrong = "a scheduler runs at this point";
	else if ((op->change == KTSTR_CHANGE_STOP || op->change == KTSTR_CHANGE_RESTART) &&
		 !s->scheduler)
		wrong = "no scheduler runs at this point";
	if (wrong) {
		ktstr_problem_add(s->r->problems, &op->at, "`%s`: %s%s",
				  ktstr_operation_name(op->operation), wrong, round_words(s));
		s->ok = false;
	}
	s->scheduler = op->change != KTSTR_CHANGE_STOP;
}

/* The maps are those of a scheduler that runs. */
static void need_scheduler(struct state *s, const struct ktstr_plan_op *op)
{
	if (s->scheduler)
		return;
	ktstr_problem_add(s->r->problems, &op->at, "`%s`: no scheduler runs at this "
			  "point%s", ktstr_operation_name(op->operation), round_words(s));
	s->ok = false;
}

/* ---- operations ---- */

static void drop(struct state *s, const struct ktstr_plan_op *op)
{
	struct living *living = find(s, op->cgroup.name, strlen(op->cgroup.name));

	for (size_t i = 0; i < s->list.n; i++) {
		const struct living *in = &s->list.items[i];

		if (in->len <= living->len || in->name[living->len] != '/' ||
		    memcmp(in->name, living->name, living->len))
			continue;
		ktstr_problem_add(s->r->problems, &op->at, "cgroup `%s` cannot be "
				  "removed: cgroup `%.*s` is in it", op->cgroup.name, (int)in->len,
				  in->name);
		s->ok = false;
		return;
	}
	*living = s->list.items[--s->list.n];
}

static void carry_out(struct state *s, const struct ktstr_plan *plan,
		      const struct ktstr_plan_op *op)
{
	const char *target = op->cgroup.name;

	switch (op->operation) {
	case KTSTR_OP_ADD_CGROUP:
		make(s, &op->cgroup);
		break;
	case KTSTR_OP_REMOVE_CGROUP:
		if (need(s, op, target))
			drop(s, op);
		break;
	case KTSTR_OP_SCHEDULER:
	case KTSTR_OP_REPLACE_SCHEDULER:
		change_scheduler(s, plan, op);
		break;
	case KTSTR_OP_WRITE_MAP:
		need_scheduler(s, op);
		break;
	case KTSTR_OP_RUN:
		start(s, &op->payload, false);
		break;
	case KTSTR_OP_WAIT:
	case KTSTR_OP_KILL:
		need_program(s, op);
		break;
	default:
		if (target && *target)
			need(s, op, target);
		if (op->to)
			need(s, op, op->to);
		break;
	}
}

static void end_step(struct state *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.items[i].step != s->step)
			s->list.items[kept++] = s->list.items[i];
	s->list.n = kept;
	kept = 0;
	for (size_t i = 0; i < s->programs.n; i++)
		if (s->programs.items[i].step != s->step)
			s->programs.items[kept++] = s->programs.items[i];
	s->programs.n = kept;
}

static void check_step(struct state *s, const struct ktstr_plan *plan,
		       const struct ktstr_plan_step *step)
{
	for (size_t i = 0; i < step->cgroups.n; i++)
		make(s, &step->cgroups.items[i]);
	for (size_t i = 0; i < step->payloads.n; i++)
		start(s, &step->payloads.items[i], true);
	s->again = false;
	for (size_t i = 0; i < step->ops.n; i++)
		carry_out(s, plan, &step->ops.items[i]);
	s->again = true;	/* what is fine twice is fine ever after */
	for (size_t i = 0; step->every_ns && s->ok && i < step->ops.n; i++)
		carry_out(s, plan, &step->ops.items[i]);
	s->again = false;
	end_step(s);
}

bool ktstr_check_lifetimes(struct ktstr_reader *r, const struct ktstr_plan *plan)
{
	struct state s = { .r = r, .ok = true, .scheduler = plan->scheduler.binary };

	for (size_t i = 0; i < plan->cgroups.n; i++)
		make(&s, &plan->cgroups.items[i]);
	for (size_t i = 0; i < plan->payloads.n; i++)
		start(&s, &plan->payloads.items[i], true);
	for (size_t i = 0; i < plan->steps.n; i++) {
		s.step = i + 1;
		check_step(&s, plan, &plan->steps.items[i]);
	}
	ktstr_vec_free(&s.list);
	ktstr_vec_free(&s.programs);
	return s.ok && !r->nomem;
}
