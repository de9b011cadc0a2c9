/* SPDX-License-Identifier: GPL-2.0-only */
#include "story.h"

#include <ctype.h>

/* ---- the message ---- */

/* A hexadecimal number in it. */
static bool named_value(const char *message, uint64_t *ret)
{
	const char *at = strstr(message, "0x");

	if (!at || !isxdigit((unsigned char)at[2]))
		return false;
	*ret = strtoull(at, NULL, 16);
	return true;
}

/* ---- the subject ---- */

static bool is_before(const struct trace *t, const struct event *e)
{
	return e->cpu == t->trigger.cpu ? e->n < t->trigger.n : e->time_ns <= t->trigger.time_ns;
}

bool story_was_open(const struct trace *t, const struct call *call)
{
	return trace_point(t, call->entry)->has_exit && is_before(t, call->entry) &&
	       (!call->exit || !is_before(t, call->exit));
}

/* Who a task is, by the last event that is about it. */
static void identify(const struct trace *t, struct story *s)
{
	for (size_t i = t->n_calls; i && s->task; i--) {
		const struct event *e = t->calls[i - 1].entry;
		struct ktstr_field pid, comm;

		if (e->task != s->task || !trace_item(t, e, "pid", &pid) || !trace_item(t, e, "comm", &comm) ||
		    comm.type != KTSTR_FIELD_TEXT)
			continue;
		s->pid = pid.u64;
		snprintf(s->comm, sizeof(s->comm), "%.*s", KTSTR_STR_ARG(comm.str));
		return;
	}
}

static uint64_t task_of_pid(const struct trace *t, uint64_t pid)
{
	const struct event *last = NULL;

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct event *e = t->calls[i].entry;
		struct ktstr_field is;

		if (e->task && is_before(t, e) && (!last || e->time_ns >= last->time_ns) &&
		    trace_item(t, e, "pid", &is) && is.type == KTSTR_FIELD_U64 && is.u64 == pid)
			last = e;
	}
	return last ? last->task : 0;
}

static bool by_message(const struct trace *t, struct story *s)
{
	uint64_t pid = 0;

	if (!trace_named_task(t->verdict->exit_message, s->comm, sizeof(s->comm), &pid))
		return false;
	s->pid = pid;
	s->task = task_of_pid(t, pid);
	s->because = "the kernel's message names it";
	return true;
}

/* The idle task is what a CPU has when it has nothing. */
static bool is_about_task(const struct trace *t, const struct event *e)
{
	struct ktstr_field pid;

	return e->task && !(trace_item(t, e, "pid", &pid) && pid.type == KTSTR_FIELD_U64 && !pid.u64);
}

/* The innermost call that was still open on the trigger's CPU and is about a task. */
static bool by_open_frames(const struct trace *t, struct story *s)
{
	for (size_t i = t->n_calls; i; i--) {
		const struct call *call = &t->calls[i - 1];

		if (call->entry->cpu != t->trigger.cpu || !story_was_open(t, call))
			continue;
		/* An open call of long ago is one whose return was written over. */
		if (t->trigger.time_ns - call->entry->time_ns > 1000000000ull)
			continue;
		s->nobody = true;
		if (!is_about_task(t, call->entry))
			continue;
		s->nobody = false;
		s->task = call->entry->task;
		s->because = "the calls that were not over at the exit are about it";
		return true;
	}
	return false;
}

static bool has_value(const struct event *e, uint64_t value)
{
	static const char *const lists[] = { "args", "values" };

	for (int l = 0; l < 2; l++) {
		struct ktstr_field list, item;

		if (!ktstr_get(&e->fields, lists[l], &list) || list.type != KTSTR_FIELD_ARRAY)
			continue;
		while (ktstr_item_next(&list.sub, &item))
			if (item.type == KTSTR_FIELD_U64 && item.u64 == value)
				return true;
	}
	return false;
}

/* Small numbers are everywhere. */
#define TELLING 256

static bool by_value(const struct trace *t, struct story *s)
{
	const struct event *last = NULL;
	uint64_t value;

	if (!named_value(t->verdict->exit_message, &value) || value < TELLING)
		return false;
	for (size_t i = 0; i < t->n_calls; i++) {
		const struct event *e = t->calls[i].entry;

		if (e->task && is_before(t, e) && (!last || e->time_ns >= last->time_ns) && has_value(e, value))
			last = e;
	}
	s->task = last ? last->task : 0;
	s->because = "it has the value that the kernel's message names";
	return last;
}

static bool is_of_victim(const struct trace *t, const struct event *e)
{
	struct ktstr_field comm, cgroup;

	return e->task && trace_item(t, e, "comm", &comm) && comm.type == KTSTR_FIELD_TEXT &&
	       ktstr_str_is(comm.str, t->victim.comm) &&
	       (!t->victim.cgroup.len ||
		(trace_item(t, e, "cgroup", &cgroup) && cgroup.type == KTSTR_FIELD_TEXT &&
		 ktstr_str_equal(cgroup.str, t->victim.cgroup)));
}

#define ALIKE_MAX 64		/* tasks of one name and cgroup */

/* The one that stalled in the first attempt, by its name and cgroup: pids are others in each attempt. Of several
 * of those it is the one that nothing has been seen of for the longest time. */
static bool by_victim(const struct trace *t, struct story *s)
{
	const struct event *last[ALIKE_MAX], *oldest = NULL;
	size_t n = 0, at;

	for (size_t i = 0; t->victim.comm[0] && i < t->n_calls; i++) {
		const struct event *e = t->calls[i].entry;

		if (!is_before(t, e) || !is_of_victim(t, e))
			continue;
		for (at = 0; at < n && last[at]->task != e->task; at++)
			;
		if (at == n && n < ALIKE_MAX)
			last[n++] = e;
		else if (at < n && e->time_ns >= last[at]->time_ns)
			last[at] = e;
	}
	for (at = 0; at < n; at++)
		if (!oldest || last[at]->time_ns < oldest->time_ns)
			oldest = last[at];
	s->task = oldest ? oldest->task : 0;
	s->because = "it has the name and the cgroup of the task that stalled in the first attempt";
	return oldest;
}

/* Whether it is the task of the first attempt, too. */
static void compare_victim(const struct trace *t, struct story *s)
{
	for (size_t i = t->n_calls; i && !s->is_victim; i--)
		s->is_victim = t->calls[i - 1].entry->task == s->task && is_of_victim(t, t->calls[i - 1].entry);
}

static void by_current(const struct trace *t, struct story *s)
{
	/* Who unregisters a scheduler, or ends and so lets go of it, does that itself. */
	s->guess = t->trigger.kind != KIND_UNREG;
	s->pid = t->trigger.pid;
	snprintf(s->comm, sizeof(s->comm), "%.*s", KTSTR_STR_ARG(t->trigger.comm));
	s->task = s->pid ? task_of_pid(t, s->pid) : 0;
	s->because = s->guess ? "it was running when the kernel noticed" : "it let go of the scheduler";
}

/* ---- a dispatch loop ---- */

/*
 * The kernel asks ops.dispatch() again and again for one pick of a task while that moves tasks and none of them is
 * for its CPU, up to SCX_DSP_MAX_LOOPS times (32, kernel/sched/ext.c); a CPU that finds one has asked a few times.
 */
#define LOOP_MIN 16

static bool is_dispatch(const struct trace *t, const struct call *call, const char *target)
{
	const struct point *p = trace_point(t, call->entry);

	return ktstr_str_is(p->op, "dispatch") && ktstr_str_is(p->target, target);
}

/* The longest row of calls within one call of the kernel's function that makes them, on any CPU: often not the one
 * that noticed the stall. */
static void find_loop(const struct trace *t, struct story *s)
{
	uint32_t row = 0;
	bool in_pick = false;

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct call *call = &t->calls[i];
		bool pick = is_dispatch(t, call, "kernel");

		if (pick || !i || call->entry->cpu != t->calls[i - 1].entry->cpu) {
			row = 0;
			in_pick = pick;
		}
		if (!in_pick || call->entry->time_ns > t->trigger.time_ns || !is_dispatch(t, call, "callback") ||
		    ++row < LOOP_MIN || row <= s->loop_times)
			continue;
		s->loop = call;
		s->loop_times = row;
	}
}

/* Nobody that a CPU in a loop could have run is to blame for it. */
static bool by_loop(const struct trace *t, struct story *s)
{
	find_loop(t, s);
	if (!s->loop)
		return false;
	s->nobody = true;
	s->cpu = s->loop->entry->cpu;
	s->because = "the calls of the loop are about no task";
	return true;
}

static void find_subject(const struct trace *t, struct story *s)
{
	/* A stall is noticed by the watchdog: what is open there is about nobody. */
	bool stall = t->trigger.kind == KIND_STALL, looped = stall && by_loop(t, s);

	if (t->trigger.kind == KIND_UNREG)
		by_current(t, s);
	else if ((stall && by_message(t, s)) || (!stall && by_open_frames(t, s)) || by_message(t, s) ||
	    (!looped && stall && by_victim(t, s)) || (!looped && by_value(t, s)))
		identify(t, s);
	else if (s->nobody && !looped)
		s->because = "the calls that were not over at the exit are about no task";
	else if (!s->nobody)
		by_current(t, s);
	s->nobody = s->nobody && !s->task && !s->pid;
	if (stall && s->task && t->victim.comm[0])
		compare_victim(t, s);
}

/* ---- its journey ---- */

static int by_time(const void *a, const void *b)
{
	const struct call *x = *(const struct call *const *)a, *y = *(const struct call *const *)b;

	if (x->entry->time_ns != y->entry->time_ns)
		return x->entry->time_ns < y->entry->time_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Every few milliseconds, and nothing comes of it. */
static bool is_tick(const struct trace *t, const struct call *call)
{
	return ktstr_str_is(trace_point(t, call->entry)->op, "tick") && !story_was_open(t, call);
}

static bool is_trigger_call(const struct trace *t, const struct call *call)
{
	return ktstr_str_is(trace_point(t, call->entry)->at, "trigger");
}

/* It left everything as it was; of a call whose return is not seen, nobody knows. */
static bool changed_nothing(const struct call *call)
{
	struct ktstr_field before, after;

	return call->exit && ktstr_get(&call->entry->fields, "values", &before) &&
	       ktstr_get(&call->exit->fields, "values", &after) && before.type == KTSTR_FIELD_ARRAY &&
	       after.type == KTSTR_FIELD_ARRAY && before.sub.end - before.sub.p == after.sub.end - after.sub.p &&
	       !memcmp(before.sub.p, after.sub.p, (size_t)(before.sub.end - before.sub.p));
}

/* A step like the one behind it in the journey, which is at `at`. */
static bool is_repeat(const struct trace *t, const struct story *s, size_t at, const struct call *call)
{
	const struct call *next = s->journey[at];

	return trace_point(t, call->entry) == trace_point(t, next->entry) &&
	       !story_was_open(t, next) && changed_nothing(call) && changed_nothing(next);
}

/* From the last one back, until there is no room. */
static void keep_last(const struct trace *t, struct story *s, const struct call *const *all, size_t n)
{
	size_t at = JOURNEY_MAX;

	for (size_t i = n; i; i--) {
		if (at < JOURNEY_MAX && is_repeat(t, s, at, all[i - 1]))
			s->repeats[at]++;
		else if (at)
			s->journey[--at] = all[i - 1];
		else
			break;
	}
	s->n_journey = JOURNEY_MAX - at;
	memmove(s->journey, s->journey + at, s->n_journey * sizeof(s->journey[0]));
	memmove(s->repeats, s->repeats + at, s->n_journey * sizeof(s->repeats[0]));
}

static bool is_step(const struct story *s, const struct call *call)
{
	return s->nobody ? call->entry->cpu == s->cpu : call->entry->task == s->task;
}

static void find_journey(const struct trace *t, struct story *s)
{
	const struct call **all = calloc(t->n_calls ? t->n_calls : 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; all && i < t->n_calls; i++)
		if (is_step(s, &t->calls[i]) && is_before(t, t->calls[i].entry) &&
		    !is_trigger_call(t, &t->calls[i]) && !is_tick(t, &t->calls[i]))
			all[n++] = &t->calls[i];
	if (n)
		qsort(all, n, sizeof(*all), by_time);
	keep_last(t, s, all, n);
	free(all);
}

/* ---- who set it ---- */

/* A callback was entered without the value, and left with it; or something was called with it inside. */
static bool came_up_in(const struct story *s, const struct call *call)
{
	if (!call->exit || has_value(call->entry, s->value))
		return false;
	if (has_value(call->exit, s->value))
		return true;
	for (size_t i = 0; i < s->n_journey; i++) {
		const struct event *e = s->journey[i]->entry;

		if (e->cpu == call->entry->cpu && e->n > call->entry->n && e->n < call->exit->n &&
		    has_value(e, s->value))
			return true;
	}
	return false;
}

static void find_culprit(const struct trace *t, struct story *s)
{
	if (!named_value(t->verdict->exit_message, &s->value) || s->value < TELLING)
		return;
	for (size_t i = 0; i < s->n_journey; i++)
		s->has_value = s->has_value || has_value(s->journey[i]->entry, s->value) ||
			       (s->journey[i]->exit && has_value(s->journey[i]->exit, s->value));
	for (size_t i = s->n_journey; i && s->has_value && !s->culprit; i--)
		if (trace_is_bpf(t, s->journey[i - 1]->entry) && came_up_in(s, s->journey[i - 1]))
			s->culprit = s->journey[i - 1];
}

void story_find(const struct trace *t, struct story *s)
{
	memset(s, 0, sizeof(*s));
	if (!t->trigger.there)
		return;
	s->cpu = t->trigger.cpu;
	find_subject(t, s);
	if (!s->task && !s->nobody)
		return;
	find_journey(t, s);
	find_culprit(t, s);
}

/* A call that is about no task counts where the kernel noticed. */
static bool is_about(const struct story *s, const struct event *e)
{
	if (s->nobody || !e->task)
		return e->cpu == s->cpu;
	return !s->task || e->task == s->task;
}

const struct call *story_last_call(const struct trace *t, const struct story *s, const char *function, bool bpf)
{
	const struct call *last = NULL;

	for (size_t i = 0; i < t->n_calls; i++) {
		const struct call *call = &t->calls[i];
		const struct event *e = call->entry;

		if (trace_is_bpf(t, e) != bpf || !ktstr_str_is(trace_point(t, e)->function, function) ||
		    !is_before(t, e) || is_trigger_call(t, call) || !is_about(s, e))
			continue;
		if (!last || e->time_ns >= last->entry->time_ns)
			last = call;
	}
	return last;
}

const struct call *story_inside(const struct trace *t, const struct call *call)
{
	for (size_t i = (size_t)(call - t->calls) + 1; i < t->n_calls; i++) {
		const struct event *e = t->calls[i].entry;

		if (e->cpu != call->entry->cpu || t->calls[i].depth <= call->depth)
			break;
		if (e->task)
			return &t->calls[i];
	}
	return NULL;
}
