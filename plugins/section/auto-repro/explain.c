/* SPDX-License-Identifier: GPL-2.0-only */
#include "explain.h"

#include "decode.h"

#include <ktstr/text.h>

/* ---- the host ---- */

struct noise {
	uint64_t first_cpu, first_delay, last_cpu, last_delay;
	bool any;
};

static void add_noise(struct noise *noise, const struct ktstr_fields *f)
{
	uint64_t cpu = 0, delay = 0, n;
	struct ktstr_field list, item;

	if (!ktstr_get(f, "threads", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	while (ktstr_item_next(&list.sub, &item)) {
		if (item.type != KTSTR_FIELD_MAP)
			continue;
		n = 0;
		ktstr_get_u64(&item.sub, "on_cpu_ns", &n);
		cpu += n;
		n = 0;
		ktstr_get_u64(&item.sub, "run_delay_ns", &n);
		delay += n;
	}
	if (!noise->any)
		*noise = (struct noise){ .first_cpu = cpu, .first_delay = delay, .any = true };
	noise->last_cpu = cpu;
	noise->last_delay = delay;
}

/* The machine's CPUs waited for the host longer than they ran. */
static bool is_starved(const struct noise *n)
{
	/* A thread that the last record lacks makes the sums smaller: then nothing is known. */
	return n->any && n->last_delay >= n->first_delay && n->last_cpu >= n->first_cpu &&
	       n->last_delay - n->first_delay > n->last_cpu - n->first_cpu;
}

/* ---- the monitors: the task among those that wait ---- */

struct waiting {
	bool seen;
	uint64_t wait_ns, cpu, dsq;
	bool has_cpu, has_dsq;
};

static void add_tasks(struct waiting *w, const struct ktstr_fields *f, uint64_t pid)
{
	struct ktstr_field list, item;

	if (!ktstr_get(f, "tasks", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	while (ktstr_item_next(&list.sub, &item)) {
		uint64_t is = 0;

		if (item.type != KTSTR_FIELD_MAP || !ktstr_get_u64(&item.sub, "pid", &is) || is != pid)
			continue;
		w->seen = true;
		ktstr_get_u64(&item.sub, "wait_ns", &w->wait_ns);
		w->has_cpu = ktstr_get_u64(&item.sub, "cpu", &w->cpu);
		w->has_dsq = ktstr_get_u64(&item.sub, "dsq", &w->dsq);
	}
}

static void read_journal(const struct ktstr_section_input *input, size_t attempt, uint64_t pid,
			 struct noise *noise, struct waiting *w)
{
	struct ktstr_record rec;
	struct ktstr_str monitor;
	uint64_t cursor = 0;

	while (input->next(input->journals[attempt], &cursor, &rec)) {
		if (rec.type == KTSTR_REC_HOST_NOISE)
			add_noise(noise, &rec.fields);
		else if (rec.type == KTSTR_REC_SAMPLE && ktstr_get_str(&rec.fields, "monitor", &monitor) &&
			 ktstr_str_is(monitor, "tasks"))
			add_tasks(w, &rec.fields, pid);
	}
}

/* ---- the probes: what became of it last ---- */

static const struct call *last_callback(const struct trace *t, const struct story *s, const char *op)
{
	for (size_t i = s->n_journey; i; i--)
		if (ktstr_str_is(trace_point(t, s->journey[i - 1]->entry)->op, op) &&
		    ktstr_str_is(trace_point(t, s->journey[i - 1]->entry)->target, "callback"))
			return s->journey[i - 1];
	return NULL;
}

static void say_ago(const struct trace *t, const struct event *e, char *buf, size_t size)
{
	uint64_t ns = t->trigger.time_ns > e->time_ns ? t->trigger.time_ns - e->time_ns : 0;

	ktstr_append(buf, size, "%.3f s before the exit", (double)ns / 1e9);
}

/* In no queue after it was enqueued: nobody can ever run it. */
static bool was_dropped(const struct trace *t, const struct call *enqueue, bool *ret_queued, char *dsq, size_t size)
{
	struct ktstr_field id, ddsp;

	if (!enqueue->exit)
		return false;
	*ret_queued = trace_item(t, enqueue->exit, "scx.dsq->id", &id) && id.type == KTSTR_FIELD_U64;
	if (*ret_queued)
		decode_dsq(id.u64, dsq, size);
	if (!*ret_queued && trace_item(t, enqueue->exit, "scx.ddsp_dsq_id", &ddsp) && ddsp.type == KTSTR_FIELD_U64 &&
	    ddsp.u64 != 1ull << 63) {
		*ret_queued = true;
		decode_dsq(ddsp.u64, dsq, size);
	}
	return !*ret_queued;
}

static void say_enqueue(const struct trace *t, const struct call *enqueue, struct ktstr_doc *doc)
{
	char text[256] = "", dsq[64] = "";
	bool queued = false, dropped = was_dropped(t, enqueue, &queued, dsq, sizeof(dsq));

	if (dropped)
		ktstr_append(text, sizeof(text), "never dispatched: %.*s ran ",
			     KTSTR_STR_ARG(trace_point(t, enqueue->entry)->function));
	else if (queued)
		ktstr_append(text, sizeof(text), "queued and not consumed: %.*s put it on the DSQ %s ",
			     KTSTR_STR_ARG(trace_point(t, enqueue->entry)->function), dsq);
	else
		ktstr_append(text, sizeof(text), "unknown: how %.*s ended was not seen; it was entered ",
			     KTSTR_STR_ARG(trace_point(t, enqueue->entry)->function));
	say_ago(t, enqueue->entry, text, sizeof(text));
	if (dropped)
		ktstr_append(text, sizeof(text), " and left it on no DSQ; whatever the scheduler keeps it in, it did "
			     "not come out of that");
	doc->value(doc, "stall", text);
}

/*
 * The kernel asks ops.dispatch() again and again for one pick of a task while that moves tasks and none of them is
 * for its CPU, up to SCX_DSP_MAX_LOOPS times (32, kernel/sched/ext.c); a CPU that finds one has asked a few times.
 */
#define LOOP_MIN 16

struct loop {
	const struct call *last;	/* NULL: there is none */
	uint32_t times;
};

static bool is_dispatch(const struct trace *t, const struct call *call, const char *target)
{
	const struct point *p = trace_point(t, call->entry);

	return ktstr_str_is(p->op, "dispatch") && ktstr_str_is(p->target, target);
}

/* The longest row of calls within one call of the kernel's function that makes them, on any CPU: often not the one
 * that noticed the stall. */
static struct loop find_loop(const struct trace *t)
{
	struct loop longest = { .times = 0 }, row = { .times = 0 };
	bool in_pick = false;

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct call *call = &t->calls[i];
		bool pick = is_dispatch(t, call, "kernel");

		if (pick || !i || call->entry->cpu != t->calls[i - 1].entry->cpu) {
			row = (struct loop){ .times = 0 };
			in_pick = pick;
		}
		if (!in_pick || call->entry->time_ns > t->trigger.time_ns || !is_dispatch(t, call, "callback"))
			continue;
		row = (struct loop){ call, row.times + 1 };
		if (row.times > longest.times)
			longest = row;
	}
	return longest.times >= LOOP_MIN ? longest : (struct loop){ .times = 0 };
}

static void say_loop(const struct trace *t, const struct loop *loop, struct ktstr_doc *doc)
{
	char text[256];

	snprintf(text, sizeof(text), "dispatch loop: %.*s was called %u times for one pick of a task on CPU %u",
		 KTSTR_STR_ARG(trace_point(t, loop->last->entry)->function), loop->times,
		 loop->last->entry->cpu);
	doc->value(doc, "stall", text);
}

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

void explain_stall(const struct ktstr_section_input *input, size_t attempt, const struct trace *t,
		   const struct story *s, struct ktstr_doc *doc)
{
	const struct call *enqueue = last_callback(t, s, "enqueue"), *running = last_callback(t, s, "running");
	const struct loop loop = find_loop(t);
	struct waiting waiting = { .seen = false };
	struct noise noise = { .any = false };

	read_journal(input, attempt, s->pid, &noise, &waiting);
	if (loop.last)
		say_loop(t, &loop, doc);
	else if (enqueue && (!running || running->entry->time_ns < enqueue->entry->time_ns))
		say_enqueue(t, enqueue, doc);
	else if (is_starved(&noise))
		doc->value(doc, "stall", "host starved: the scheduler may not be to blame");
	else
		doc->value(doc, "stall", "unknown: the probes did not see what became of the task");
	if (is_starved(&noise))
		doc->value(doc, "host", "the machine's CPUs waited for the host longer than they ran");
	say_waiting(&waiting, doc);
}
