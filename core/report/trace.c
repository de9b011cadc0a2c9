/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traces: one pass finds the clock and the end, the second collects. Records of the guest have its clock; all of a trace
 * is on the host's, as samples are.
 */
#include "report/trace-internal.h"

#include "base/cleanup.h"
#include "base/text.h"

/* ---- events ---- */

void trace_put(struct trace *t, json_t *event)
{
	_cleanup_free_ char *text = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

	json_decref(event);
	if (!text) {
		t->out->failed = true;
		return;
	}
	ktstr_buf_puts(t->out, t->any ? ",\n" : "\n");
	ktstr_buf_puts(t->out, text);
	t->any = true;
}

json_t *trace_event(const struct trace *t, const char *phase, json_t *name, enum trace_track track,
		    uint64_t thread, uint64_t at_ns)
{
	json_t *event = json_object();
	uint64_t ns = at_ns > t->begin_ns ? at_ns - t->begin_ns : 0;

	json_object_set_new(event, "ph", json_string(phase));
	json_object_set_new(event, "name", name);
	json_object_set_new(event, "pid", json_integer(track));
	json_object_set_new(event, "tid", json_integer((json_int_t)thread));
	json_object_set_new(event, "ts", json_real((double)ns / 1e3));
	return event;
}

void trace_slice(struct trace *t, json_t *name, enum trace_track track, uint64_t thread, uint64_t begin_ns,
		 uint64_t end_ns, json_t *args)
{
	json_t *event;

	if (begin_ns < t->begin_ns)
		begin_ns = t->begin_ns;
	if (end_ns < begin_ns) {
		json_decref(name);
		json_decref(args);
		return;
	}
	event = trace_event(t, "X", name, track, thread, begin_ns);
	json_object_set_new(event, "dur", json_real((double)(end_ns - begin_ns) / 1e3));
	if (args)
		json_object_set_new(event, "args", args);
	trace_put(t, event);
}

/* `scope` as the format has it: g is everywhere, t its thread alone. */
void trace_instant(struct trace *t, json_t *name, enum trace_track track, uint64_t thread, uint64_t at_ns,
		   const char *scope, json_t *args)
{
	json_t *event = trace_event(t, "i", name, track, thread, at_ns);

	json_object_set_new(event, "s", json_string(scope));
	if (args)
		json_object_set_new(event, "args", args);
	trace_put(t, event);
}

void trace_counter(struct trace *t, json_t *name, uint64_t at_ns, uint64_t value)
{
	json_t *event = trace_event(t, "C", name, TRACK_QUEUES, 0, at_ns);

	json_object_set_new(event, "args", json_pack("{s:o}", "tasks", ktstr_json_number(value)));
	trace_put(t, event);
}

static void put_name(struct trace *t, const char *what, enum trace_track track, uint64_t thread, json_t *name)
{
	json_t *event = trace_event(t, "M", json_string(what), track, thread, t->begin_ns);

	json_object_set_new(event, "args", json_pack("{s:o}", "name", name));
	trace_put(t, event);
}

static void put_names(struct trace *t)
{
	static const char *const tracks[] = {
		[TRACK_SCENARIO] = "scenario", [TRACK_CPUS] = "CPUs: what ran",
		[TRACK_CALLS] = "CPUs: calls that probes saw", [TRACK_QUEUES] = "queues",
	};

	for (enum trace_track track = TRACK_SCENARIO; track <= TRACK_QUEUES; track++)
		put_name(t, "process_name", track, 0, json_string(tracks[track]));
	put_name(t, "thread_name", TRACK_SCENARIO, 0, json_string("steps"));
	put_name(t, "thread_name", TRACK_SCENARIO, 1, json_string("stages"));
	for (uint64_t cpu = 0; cpu < t->cpus; cpu++) {
		put_name(t, "thread_name", TRACK_CPUS, cpu, json_sprintf("CPU %llu", (unsigned long long)cpu));
		put_name(t, "thread_name", TRACK_CALLS, cpu, json_sprintf("CPU %llu", (unsigned long long)cpu));
	}
}

/* ---- clock and end ---- */

uint64_t trace_time(const struct trace *t, const struct ktstr_record *rec)
{
	int64_t host;

	/* Without an exchange of clocks there is only when it arrived. */
	if (!rec->guest_ns || !t->has_clock ||
	    __builtin_sub_overflow((int64_t)rec->guest_ns, t->offset_ns, &host) || host < 0)
		return rec->host_ns;
	return (uint64_t)host;
}

static void scan(struct trace *t)
{
	struct ktstr_record rec;
	uint64_t cursor = 0, cpu;

	while (ktstr_journal_next(t->journal, &cursor, &rec)) {
		if (rec.type == KTSTR_REC_CLOCK)
			t->has_clock |= ktstr_get_s64(&rec.fields, "offset_ns", &t->offset_ns);
		if (rec.type == KTSTR_REC_HELLO)
			ktstr_get_u64(&rec.fields, "cpus", &t->cpus);
		if (rec.type == KTSTR_REC_PROBE_EVENT && ktstr_get_u64(&rec.fields, "cpu", &cpu) &&
		    cpu < TRACE_CPUS && cpu >= t->cpus)
			t->cpus = cpu + 1;
		if (rec.type == KTSTR_REC_PROBE_TRIGGER && !t->triggered) {
			t->triggered = true;
			t->end_ns = trace_time(t, &rec);
		}
		if (!t->triggered)
			t->end_ns = rec.host_ns;
	}
	if (t->cpus > TRACE_CPUS)
		t->cpus = TRACE_CPUS;
}

bool ktstr_trace_has_end(const struct ktstr_journal *journal)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;

	while (ktstr_journal_next(journal, &cursor, &rec))
		if (rec.type == KTSTR_REC_PROBE_TRIGGER)
			return true;
	return false;
}

/* ---- the whole ---- */

static void put_head(struct trace *t, const char *run)
{
	json_t *other = json_pack("{s:s, s:o, s:b}", "run", run, "clock",
				  json_string("us since the first moment shown, on the host's clock"),
				  "clocks_aligned", t->has_clock);
	_cleanup_free_ char *text = other ? json_dumps(other, JSON_COMPACT) : NULL;

	json_decref(other);
	if (!text) {
		t->out->failed = true;
		return;
	}
	ktstr_buf_printf(t->out, "{\"displayTimeUnit\":\"ms\",\"otherData\":%s,\"traceEvents\":[", text);
}

int ktstr_trace_render(const struct ktstr_journal *journal, const struct ktstr_trace_options *options,
		       struct ktstr_buf *out, struct ktstr_err *err)
{
	struct trace t = { .journal = journal, .out = out };
	int ret;

	scan(&t);
	if (options->length_ns && options->length_ns < t.end_ns)
		t.begin_ns = t.end_ns - options->length_ns;
	put_head(&t, options->name);
	put_names(&t);
	ret = trace_put_run(&t, err);
	if (!ret)
		ret = trace_put_probes(&t, err);
	ktstr_buf_puts(out, "\n]}\n");
	return ret ? ret : out->failed ? ktstr_err_nomem(err) : 0;
}
