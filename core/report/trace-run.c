/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps, stages, faults; and what monitors saw: the task on each CPU and the depths of queues. */
#include "report/trace-internal.h"

#include "base/cleanup.h"
#include "base/vec.h"

/* What a CPU was seen to run, from one sample to the next. */
struct running {
	uint64_t pid, since_ns;
	char comm[32];
	bool known;
};

struct run {
	struct trace *t;
	struct running *cpus;		/* TRACE_CPUS */
	uint64_t last_sample_ns;
	uint64_t step_ns, stage_ns;	/* when the open one began */
	char step[128], stage[64];
};

static json_t *text_json(const char *text)
{
	return ktstr_json_str((struct ktstr_str){ text, strlen(text) });
}

/* ---- samples ---- */

/* An idle CPU is an empty place. */
static void end_task(struct run *r, uint64_t cpu, uint64_t at_ns)
{
	struct running *c = &r->cpus[cpu];

	if (c->known && c->pid)
		trace_slice(r->t, json_sprintf("%s[%llu]", c->comm, (unsigned long long)c->pid), TRACK_CPUS, cpu,
			    c->since_ns, at_ns, json_pack("{s:b}", "sampled", true));
	c->known = false;
}

static void see_task(struct run *r, uint64_t cpu, const struct ktstr_fields *f, uint64_t at_ns)
{
	struct running *c = &r->cpus[cpu];
	struct ktstr_str comm = { "?", 1 };
	uint64_t pid;

	if (!ktstr_get_u64(f, "pid", &pid) || (c->known && c->pid == pid))
		return;
	end_task(r, cpu, at_ns);
	ktstr_get_str(f, "comm", &comm);
	c->pid = pid;
	c->since_ns = at_ns;
	c->known = true;
	/* Names are cut where a buffer ends, and must still be UTF-8: what is none is shown, not printed. */
	snprintf(c->comm, sizeof(c->comm), "%.*s", KTSTR_STR_ARG(comm));
	for (char *p = c->comm; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
}

static void see_cpus(struct run *r, struct ktstr_fields cpus, uint64_t at_ns, bool shown)
{
	struct ktstr_field f;
	uint64_t n;

	for (uint64_t cpu = 0; cpu < TRACE_CPUS && ktstr_item_next(&cpus, &f) && f.type == KTSTR_FIELD_MAP; cpu++) {
		/* Probes know better than samples what ran, where there are any. */
		if (!r->t->triggered)
			see_task(r, cpu, &f.sub, at_ns);
		if (!shown)
			continue;
		if (ktstr_get_u64(&f.sub, "local_dsq", &n))
			trace_counter(r->t, json_sprintf("local DSQ of CPU %llu", (unsigned long long)cpu), at_ns, n);
		if (ktstr_get_u64(&f.sub, "nr_running", &n))
			trace_counter(r->t, json_sprintf("runnable on CPU %llu", (unsigned long long)cpu), at_ns, n);
	}
	r->last_sample_ns = at_ns;
}

/* Lists of what has an id and a number of tasks are queues, whatever their monitor calls itself. */
static void see_queues(struct run *r, struct ktstr_fields sample, uint64_t at_ns)
{
	struct ktstr_field list, f;
	uint64_t id, n;

	while (ktstr_field_next(&sample, &list))
		while (list.type == KTSTR_FIELD_ARRAY && ktstr_item_next(&list.sub, &f) && f.type == KTSTR_FIELD_MAP)
			if (ktstr_get_u64(&f.sub, "id", &id) && ktstr_get_u64(&f.sub, "nr", &n))
				trace_counter(r->t, json_sprintf("DSQ %#llx", (unsigned long long)id), at_ns, n);
}

/* Whichever monitor it is of: the fields say what it is. */
static void see_sample(struct run *r, const struct ktstr_record *rec)
{
	bool shown = rec->host_ns >= r->t->begin_ns && rec->host_ns <= r->t->end_ns;
	struct ktstr_fields list;

	if (rec->host_ns > r->t->end_ns)
		return;
	if (ktstr_get_sub(&rec->fields, "cpus", &list))
		see_cpus(r, list, rec->host_ns, shown);
	if (shown)
		see_queues(r, rec->fields, rec->host_ns);
}

/* ---- the scenario ---- */

static void end_step(struct run *r, uint64_t at_ns)
{
	if (*r->step)
		trace_slice(r->t, text_json(r->step), TRACK_SCENARIO, 0, r->step_ns, at_ns, NULL);
	*r->step = '\0';
}

static void see_step(struct run *r, const struct ktstr_record *rec)
{
	struct ktstr_str edge = { "", 0 }, name = { "", 0 };
	uint64_t n = 0;

	ktstr_get_str(&rec->fields, "edge", &edge);
	ktstr_get_str(&rec->fields, "name", &name);
	ktstr_get_u64(&rec->fields, "n", &n);
	end_step(r, trace_time(r->t, rec));
	if (!ktstr_str_is(edge, "begin"))
		return;
	snprintf(r->step, sizeof(r->step), "step %llu%s%.*s", (unsigned long long)n, name.len ? " " : "",
		 KTSTR_STR_ARG(name));
	r->step_ns = trace_time(r->t, rec);
}

static void end_stage(struct run *r, uint64_t at_ns)
{
	if (*r->stage)
		trace_slice(r->t, text_json(r->stage), TRACK_SCENARIO, 1, r->stage_ns, at_ns, NULL);
	*r->stage = '\0';
}

static void see_stage(struct run *r, const struct ktstr_record *rec)
{
	end_stage(r, rec->host_ns);
	ktstr_get_cstr(&rec->fields, "stage", r->stage, sizeof(r->stage));
	r->stage_ns = rec->host_ns;
}

static void see_trouble(struct run *r, const struct ktstr_record *rec, const char *key)
{
	struct ktstr_str what = { "?", 1 };

	ktstr_get_str(&rec->fields, key, &what);
	if (rec->host_ns >= r->t->begin_ns)
		trace_instant(r->t, ktstr_json_str(what), TRACK_SCENARIO, 0, rec->host_ns, "g",
			      ktstr_json_fields(rec->fields));
}

static void see_record(struct run *r, const struct ktstr_record *rec)
{
	switch (rec->type) {
	case KTSTR_REC_SAMPLE: see_sample(r, rec); break;
	case KTSTR_REC_STEP: see_step(r, rec); break;
	case KTSTR_REC_STAGE: see_stage(r, rec); break;
	case KTSTR_REC_FAULT: see_trouble(r, rec, "what"); break;
	case KTSTR_REC_VIOLATION: see_trouble(r, rec, "text"); break;
	default: break;
	}
}

int trace_put_run(struct trace *t, struct ktstr_err *err)
{
	_cleanup_free_ struct running *cpus = calloc(TRACE_CPUS, sizeof(*cpus));
	struct run r = { .t = t, .cpus = cpus };
	struct ktstr_record rec;
	uint64_t cursor = 0;

	if (!cpus)
		return ktstr_err_nomem(err);
	while (ktstr_journal_next(t->journal, &cursor, &rec))
		see_record(&r, &rec);
	for (uint64_t cpu = 0; cpu < TRACE_CPUS; cpu++)
		end_task(&r, cpu, r.last_sample_ns);
	end_step(&r, t->end_ns);
	end_stage(&r, t->end_ns);
	return 0;
}
