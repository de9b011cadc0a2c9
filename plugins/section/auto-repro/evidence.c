/* SPDX-License-Identifier: GPL-2.0-only */
#include "evidence.h"

#include <ktstr/text.h>

#include <ctype.h>
#include <errno.h>

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

static bool is_starved(const struct noise *n)
{
	/* A thread that the last record lacks makes the sums smaller: then nothing is known. */
	return n->any && n->last_delay >= n->first_delay && n->last_cpu >= n->first_cpu &&
	       n->last_delay - n->first_delay > n->last_cpu - n->first_cpu;
}

/* ---- samples ---- */

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

static bool is_above(struct ktstr_str class)
{
	return ktstr_str_is(class, "stop") || ktstr_str_is(class, "dl") || ktstr_str_is(class, "rt");
}

/* ktstr's own processes are of such a class, too: which task it is most of the time, a majority vote says. */
static void add_cpus(struct cpu_seen *cpus, const struct ktstr_fields *f)
{
	struct ktstr_field list, item;

	if (!ktstr_get(f, "cpus", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	for (size_t cpu = 0; cpu < CPUS_MAX && ktstr_item_next(&list.sub, &item); cpu++) {
		struct ktstr_str class = { "", 0 };
		uint64_t pid = 0;

		if (item.type != KTSTR_FIELD_MAP || !ktstr_get_str(&item.sub, "class", &class))
			continue;
		cpus[cpu].samples++;
		if (!is_above(class))
			continue;
		cpus[cpu].above++;
		ktstr_get_u64(&item.sub, "pid", &pid);
		if (cpus[cpu].votes && pid != cpus[cpu].pid) {
			cpus[cpu].votes--;
			continue;
		}
		cpus[cpu].votes++;
		cpus[cpu].pid = pid;
		cpus[cpu].class = class;
		ktstr_get_str(&item.sub, "comm", &cpus[cpu].comm);
	}
}

static bool contains(struct ktstr_str text, const char *what)
{
	return memmem(text.s, text.len, what, strlen(what));
}

/* What follows is of the time after the exit, when the kernel's own scheduler runs the tasks. */
static bool is_exit(const struct ktstr_record *rec)
{
	struct ktstr_str text = { "", 0 };

	if (rec->type == KTSTR_REC_PROBE_TRIGGER || rec->type == KTSTR_REC_SCX_DUMP)
		return true;
	return rec->type == KTSTR_REC_KMSG && ktstr_get_str(&rec->fields, "text", &text) &&
	       contains(text, "sched_ext: BPF scheduler") && contains(text, "\" disabled (");
}

static bool is_sample(const struct ktstr_record *rec, const char *monitor)
{
	struct ktstr_str is = { "", 0 };

	return rec->type == KTSTR_REC_SAMPLE && ktstr_get_str(&rec->fields, "monitor", &is) &&
	       ktstr_str_is(is, monitor);
}

/* The samples of run queues before the exit, and of them, those in the time that the task waited. */
static void count_samples(const struct ktstr_section_input *input, size_t attempt, uint64_t wait_ns,
			  uint64_t *ret_all, uint64_t *ret_last)
{
	uint64_t cursor = 0, period = 0;
	struct ktstr_record rec;

	*ret_all = 0;
	while (input->next(input->journals[attempt], &cursor, &rec) && !is_exit(&rec)) {
		if (!is_sample(&rec, "runqueues"))
			continue;
		ktstr_get_u64(&rec.fields, "period_ns", &period);
		++*ret_all;
	}
	*ret_last = period ? wait_ns / period : 1;
	if (*ret_last > *ret_all)
		*ret_last = *ret_all;
}

static void read_journal(struct evidence *e, const struct ktstr_section_input *input, size_t attempt,
			 uint64_t pid, uint64_t wait_ns)
{
	uint64_t cursor = 0, all, last, n = 0;
	struct noise noise = { .any = false };
	struct ktstr_record rec;
	bool over = false;

	count_samples(input, attempt, wait_ns, &all, &last);
	while (input->next(input->journals[attempt], &cursor, &rec)) {
		over = over || is_exit(&rec);
		if (rec.type == KTSTR_REC_HOST_NOISE)
			add_noise(&noise, &rec.fields);
		else if (!over && is_sample(&rec, "tasks"))
			add_tasks(&e->waiting, &rec.fields, pid);
		else if (!over && is_sample(&rec, "runqueues") && n++ >= all - last)
			add_cpus(e->cpus, &rec.fields);
	}
	e->starved = is_starved(&noise);
}

/* ---- the dump ---- */

/* Number behind `key` in the line; false when it is not there, or is none ("(n/a)"). */
static bool number_behind(const char *line, const char *key, uint64_t *ret)
{
	const char *at = strstr(line, key);
	char *end;

	if (!at)
		return false;
	at += strlen(key);
	*ret = strtoull(at, &end, 0);
	return end != at;
}

/* " R COMM[PID] -5123ms": a task that waits. */
static bool is_task(const char *line, uint64_t pid)
{
	char mark[32];
	const char *at;

	snprintf(mark, sizeof(mark), "[%llu] ", (unsigned long long)pid);
	at = strstr(line, mark);
	return at && (at[strlen(mark)] == '-' || at[strlen(mark)] == '+') && line[0] == ' ';
}

/*
 * Of each CPU "CPU 1   : nr_run=...", some lines further down "          curr=rt-hog[99] class=rt_sched_class",
 * then its tasks that wait, each with some lines of what it is about, its stack, and a blank one.
 */
static void read_dump(struct evidence *e, const struct lines *dump, uint64_t pid)
{
	uint64_t cpu = CPUS_MAX;
	bool in_task = false;

	for (size_t i = 0; i < dump->n; i++) {
		struct ktstr_str line = dump->items[i];
		char text[160];

		snprintf(text, sizeof(text), "%.*s", KTSTR_STR_ARG(line));
		if (!strncmp(text, "CPU ", 4) && isdigit((unsigned char)text[4]))
			cpu = strtoull(text + 4, NULL, 10);
		if (cpu >= CPUS_MAX)
			continue;
		in_task = line.len && (in_task || is_task(text, pid));
		if (in_task && number_behind(text, "dsq_id=", &e->dumped.dsq)) {
			e->dumped.there = true;
			e->dumped.cpu = cpu;
		}
		if (strstr(text, "curr=") && (strstr(text, " class=rt_") || strstr(text, " class=dl_") ||
					      strstr(text, " class=stop_"))) {
			size_t before = (size_t)(strstr(text, "curr=") - text) + 5;

			e->cpus[cpu].dumped = (struct ktstr_str){ line.s + before, line.len - before };
		}
	}
}

/* ---- both ---- */

bool evidence_is_above(const struct evidence *e, uint64_t cpu)
{
	const struct cpu_seen *c = &e->cpus[cpu < CPUS_MAX ? cpu : 0];

	if (cpu >= CPUS_MAX)
		return false;
	return c->samples ? 2 * c->above > c->samples : c->dumped.len;
}

void evidence_say_above(const struct evidence *e, uint64_t cpu, char *buf, size_t size)
{
	const struct cpu_seen *c = &e->cpus[cpu];

	if (c->samples)
		ktstr_append(buf, size, "such a task in %llu of %llu samples while it waited, "
			     "most often %.*s[%llu] (%.*s)",
			     (unsigned long long)c->above, (unsigned long long)c->samples, KTSTR_STR_ARG(c->comm),
			     (unsigned long long)c->pid, KTSTR_STR_ARG(c->class));
	else
		ktstr_append(buf, size, "%.*s at the exit", KTSTR_STR_ARG(c->dumped));
}

int evidence_read(struct evidence *e, const struct ktstr_section_input *input, size_t attempt,
		  const struct trace *t, uint64_t pid, uint64_t wait_ns)
{
	*e = (struct evidence){ .cpus = calloc(CPUS_MAX, sizeof(*e->cpus)) };
	if (!e->cpus)
		return -ENOMEM;
	read_journal(e, input, attempt, pid, wait_ns);
	read_dump(e, &t->dump, pid);
	return 0;
}

void evidence_free(struct evidence *e)
{
	free(e->cpus);
}
