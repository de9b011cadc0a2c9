/* SPDX-License-Identifier: GPL-2.0-only */
#include "explain.h"

#include "decode.h"
#include "evidence.h"

#include <ktstr/text.h>

#include <errno.h>

#define DSQ_INVALID (1ull << 63)
#define DSQ_LOCAL (1ull << 63 | 2)
#define DSQ_LOCAL_ON (3ull << 62)

/* What is known of a stall. */
struct stall {
	const struct trace *t;
	const struct story *s;
	struct evidence evidence;
	const struct call *enqueue;	/* the last one, when the task did not run after it; else NULL */
	bool returned;			/* how that ended was seen */
	bool queued;			/* it left the task on a DSQ, */
	uint64_t dsq;			/* which is this one; */
	bool local;			/* it is the local one of `cpu` */
	uint64_t cpu;
	bool has_mask;			/* on which CPUs the task may run */
	struct ktstr_str mask;
};

/* ---- the probes: what became of it last ---- */

/* Of the scheduler, or of the kernel's function that calls it. */
static const struct call *last_step(const struct stall *stall, const char *op, const char *target)
{
	const struct story *s = stall->s;

	for (size_t i = s->n_journey; i; i--) {
		const struct point *p = trace_point(stall->t, s->journey[i - 1]->entry);

		if (ktstr_str_is(p->op, op) && (!target || ktstr_str_is(p->target, target)))
			return s->journey[i - 1];
	}
	return NULL;
}

static bool number_of(const struct stall *stall, const struct event *e, const char *item, uint64_t *ret)
{
	struct ktstr_field field;

	if (!trace_item(stall->t, e, item, &field) || field.type != KTSTR_FIELD_U64)
		return false;
	*ret = field.u64;
	return true;
}

/* The DSQ that the event's task is on, or is about to be put on. */
static bool queue_of(const struct stall *stall, const struct event *e, uint64_t *ret)
{
	return number_of(stall, e, "scx.dsq->id", ret) ||
	       (number_of(stall, e, "scx.ddsp_dsq_id", ret) && *ret != DSQ_INVALID);
}

/* Where it is after it was enqueued; in no queue, nobody can ever run it. */
static void find_queue(struct stall *stall)
{
	const struct event *exit = stall->enqueue->exit;

	stall->returned = exit;
	stall->queued = exit && queue_of(stall, exit, &stall->dsq);
	if (!stall->queued)
		return;
	stall->local = stall->dsq == DSQ_LOCAL ? number_of(stall, exit, "cpu", &stall->cpu) :
		       (stall->dsq & DSQ_LOCAL_ON) == DSQ_LOCAL_ON;
	if (stall->local && stall->dsq != DSQ_LOCAL)
		stall->cpu = (uint32_t)stall->dsq;
}

static void find_mask(struct stall *stall)
{
	const struct story *s = stall->s;
	struct ktstr_field mask;

	for (size_t i = s->n_journey; i && !stall->has_mask; i--) {
		stall->has_mask = trace_item(stall->t, s->journey[i - 1]->entry, "cpus_ptr", &mask) &&
				  mask.type == KTSTR_FIELD_BYTES;
		if (stall->has_mask)
			stall->mask = mask.str;
	}
}

/* The callback tells more than the kernel's function around it, but is not asked of a task that select_cpu placed. */
static void find_enqueue(struct stall *stall)
{
	const struct call *running = last_step(stall, "running", NULL);
	const struct call *callback = last_step(stall, "enqueue", "callback");
	const struct call *last = last_step(stall, "enqueue", NULL);

	if (callback && (!running || running->entry->time_ns < callback->entry->time_ns))
		last = callback;
	if (last && (!running || running->entry->time_ns < last->entry->time_ns))
		stall->enqueue = last;
}

static uint64_t waited_ns(const struct stall *stall, const struct event *since)
{
	return stall->t->trigger.time_ns > since->time_ns ? stall->t->trigger.time_ns - since->time_ns : 0;
}

/* A CPU takes a task from a DSQ to its local one without a call about that task: the dump has it, or the
 * monitors saw it. */
static void find_place(struct stall *stall)
{
	const struct dumped *dumped = &stall->evidence.dumped;
	const struct waiting *waiting = &stall->evidence.waiting;

	if (dumped->there) {
		stall->queued = true;
		stall->dsq = dumped->dsq;
		stall->local = dumped->dsq == DSQ_LOCAL;
		stall->cpu = dumped->cpu;
	} else if (!stall->local && waiting->has_dsq && waiting->has_cpu && waiting->dsq == DSQ_LOCAL) {
		stall->local = true;
		stall->cpu = waiting->cpu;
	}
}

static int gather(struct stall *stall, const struct ktstr_section_input *input, size_t attempt)
{
	int ret;

	find_enqueue(stall);
	find_mask(stall);
	if (stall->enqueue)
		find_queue(stall);
	ret = evidence_read(&stall->evidence, input, attempt, stall->t, stall->s->pid,
			    stall->enqueue ? waited_ns(stall, stall->enqueue->entry) : 0);
	if (!ret)
		find_place(stall);
	return ret;
}

/* ---- rules: each is true when it knows, and says what it saw ---- */

static bool is_loop(const struct stall *stall, char *buf, size_t size)
{
	const struct story *s = stall->s;

	if (s->loop)
		snprintf(buf, size, "dispatch loop: %.*s was called %u times for one pick of a task on CPU %u",
			 KTSTR_STR_ARG(trace_point(stall->t, s->loop->entry)->function), s->loop_times,
			 s->loop->entry->cpu);
	return s->loop;
}

static void say_enqueue(const struct stall *stall, const char *what, char *buf, size_t size)
{
	snprintf(buf, size, "%s: %.*s ", what, KTSTR_STR_ARG(trace_point(stall->t, stall->enqueue->entry)->function));
}

static void say_ago(const struct stall *stall, char *buf, size_t size)
{
	ktstr_append(buf, size, "%.3f s before the exit", (double)waited_ns(stall, stall->enqueue->entry) / 1e9);
}

static bool is_dropped(const struct stall *stall, char *buf, size_t size)
{
	if (!stall->enqueue || !stall->returned || stall->queued || stall->local)
		return false;
	say_enqueue(stall, "never dispatched", buf, size);
	ktstr_append(buf, size, "ran ");
	say_ago(stall, buf, size);
	ktstr_append(buf, size, " and left it on no DSQ; whatever the scheduler keeps it in, it did not come out "
		     "of that");
	return true;
}

/* What the kernel always runs first has the CPU. */
static bool is_behind(const struct stall *stall, char *buf, size_t size)
{
	if (!stall->local || !evidence_is_above(&stall->evidence, stall->cpu))
		return false;
	snprintf(buf, size, "behind a higher class: it is on the local DSQ of CPU %llu, which ran ",
		 (unsigned long long)stall->cpu);
	evidence_say_above(&stall->evidence, stall->cpu, buf, size);
	return true;
}

static bool may_run_on(const struct stall *stall, uint64_t cpu)
{
	return decode_mask_has(stall->t, stall->mask, cpu);
}

/* The same of every CPU that it may run on. */
static bool is_shut_out(const struct stall *stall, char *buf, size_t size)
{
	uint64_t last = CPUS_MAX;
	char mask[128];

	for (uint64_t cpu = 0; stall->has_mask && cpu < CPUS_MAX; cpu++) {
		if (!may_run_on(stall, cpu))
			continue;
		if (!evidence_is_above(&stall->evidence, cpu))
			return false;
		last = cpu;
	}
	if (last == CPUS_MAX)
		return false;
	decode_mask(stall->t, stall->mask, mask, sizeof(mask));
	snprintf(buf, size, "behind a higher class on every CPU that it may run on (%s): CPU %llu ran ", mask,
		 (unsigned long long)last);
	evidence_say_above(&stall->evidence, last, buf, size);
	return true;
}

/* ---- who takes tasks from a DSQ ---- */

/* A task was enqueued, on that DSQ or elsewhere; or it began to run. */
struct step {
	uint64_t task, time_ns;
	uint32_t cpu;
	bool runs, on_it;
};

static int by_task(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static size_t find_steps(const struct stall *stall, struct step *steps)
{
	const struct trace *t = stall->t;
	uint64_t dsq;
	size_t n = 0;

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct call *call = &t->calls[i];
		const struct event *e = call->entry;
		bool runs = ktstr_str_is(trace_point(t, e)->op, "running");

		if (!e->task || e->time_ns > t->trigger.time_ns ||
		    (!runs && !ktstr_str_is(trace_point(t, e)->op, "enqueue")))
			continue;
		steps[n++] = (struct step){
			.task = e->task, .time_ns = e->time_ns, .cpu = e->cpu, .runs = runs,
			.on_it = !runs && call->exit && queue_of(stall, call->exit, &dsq) && dsq == stall->dsq,
		};
	}
	return n;
}

/* On which CPUs tasks ran that came from the DSQ where this one is. */
static void find_takers(const struct stall *stall, uint8_t takers[CPUS_MAX / 8])
{
	struct step *steps = calloc(stall->t->n_calls + 1, sizeof(*steps));
	size_t n = steps ? find_steps(stall, steps) : 0;

	if (n)
		qsort(steps, n, sizeof(*steps), by_task);
	for (size_t i = 1; i < n; i++)
		if (steps[i].runs && steps[i - 1].on_it && steps[i].task == steps[i - 1].task)
			takers[steps[i].cpu / 8] |= (uint8_t)(1 << steps[i].cpu % 8);
	free(steps);
}

/* The scheduler runs tasks of that DSQ, and never where this one may run. */
static bool is_misplaced(const struct stall *stall, char *buf, size_t size)
{
	uint8_t takers[CPUS_MAX / 8] = { 0 };
	const struct ktstr_str list = { (const char *)takers, sizeof(takers) };
	char mask[128], taking[128], dsq[64];
	bool any = false;

	if (!stall->queued || stall->local || !stall->has_mask)
		return false;
	find_takers(stall, takers);
	for (uint64_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!decode_mask_has(stall->t, list, cpu))
			continue;
		if (may_run_on(stall, cpu))
			return false;
		any = true;
	}
	if (!any)
		return false;
	decode_mask(stall->t, stall->mask, mask, sizeof(mask));
	decode_mask(stall->t, list, taking, sizeof(taking));
	decode_dsq(stall->dsq, dsq, sizeof(dsq));
	snprintf(buf, size, "affinity that no CPU satisfies: it may run on CPU %s and is on the DSQ %s, whose tasks "
		 "were seen to run on CPU %s only", mask, dsq, taking);
	return true;
}

static bool is_left(const struct stall *stall, char *buf, size_t size)
{
	char dsq[64];

	if (!stall->enqueue || !stall->queued)
		return false;
	decode_dsq(stall->dsq, dsq, sizeof(dsq));
	say_enqueue(stall, "queued and not consumed", buf, size);
	ktstr_append(buf, size, "was called ");
	say_ago(stall, buf, size);
	ktstr_append(buf, size, ", and it is on the DSQ %s", dsq);
	if (stall->local)
		ktstr_append(buf, size, " of CPU %llu", (unsigned long long)stall->cpu);
	return true;
}

static bool is_unseen(const struct stall *stall, char *buf, size_t size)
{
	if (!stall->enqueue)
		return false;
	snprintf(buf, size, "unknown: how %.*s ended was not seen; it was entered ",
		 KTSTR_STR_ARG(trace_point(stall->t, stall->enqueue->entry)->function));
	say_ago(stall, buf, size);
	return true;
}

static bool is_starved(const struct stall *stall, char *buf, size_t size)
{
	if (stall->evidence.starved)
		snprintf(buf, size, "host starved: the scheduler may not be to blame");
	return stall->evidence.starved;
}

static bool is_unknown(const struct stall *stall, char *buf, size_t size)
{
	(void)stall;
	snprintf(buf, size, "unknown: the probes did not see what became of the task");
	return true;
}

/* The first one that knows. */
static bool (*const rules[])(const struct stall *stall, char *buf, size_t size) = {
	is_loop, is_dropped, is_behind, is_shut_out, is_misplaced, is_left, is_unseen, is_starved, is_unknown,
};

/* ---- all of it ---- */

static void say_waiting(const struct waiting *w, struct ktstr_doc *doc)
{
	char text[160], dsq[64];

	if (!w->seen)
		return;
	snprintf(text, sizeof(text), "the monitors last saw it waiting for %.3f s", (double)w->wait_ns / 1e9);
	if (w->has_cpu)
		ktstr_append(text, sizeof(text), " on CPU %llu", (unsigned long long)w->cpu);
	if (w->has_dsq && w->dsq) {
		decode_dsq(w->dsq, dsq, sizeof(dsq));
		ktstr_append(text, sizeof(text), " on the DSQ %s", dsq);
	}
	doc->value(doc, "seen from outside", text);
}

int explain_stall(const struct ktstr_section_input *input, size_t attempt, const struct trace *t,
		  const struct story *s, struct ktstr_doc *doc)
{
	struct stall stall = { .t = t, .s = s };
	int ret = gather(&stall, input, attempt);
	char text[512] = "";

	for (size_t i = 0; !ret && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i](&stall, text, sizeof(text)))
			break;
	if (!ret) {
		doc->value(doc, "stall", text);
		if (stall.evidence.starved)
			doc->value(doc, "host", "the machine's CPUs waited for the host longer than they ran");
		say_waiting(&stall.evidence.waiting, doc);
	}
	evidence_free(&stall.evidence);
	return ret;
}
