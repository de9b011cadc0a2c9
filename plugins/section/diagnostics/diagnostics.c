/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/diagnostics: how far the run came, how the VM and the scheduler ended, what was noticed
 * on the way, and the interesting part of the kernel's log. Shown when anything but the scenario
 * itself ended the run, and on demand.
 */
#include "kernel-log.h"

#include <ktstr/text.h>

#include <stdio.h>

#define NOTICED_MAX 20

struct facts {
	bool wants_scheduler;
	uint64_t stage_ns;		/* when the furthest stage was reached */
	char machine[512];
	char start[640];
	bool vm_ended;
	char vm_end[640];
	bool sched_started, sched_ended;
	char scheduler[160];
	char clock[96];
};

/* How a process ended: ", exit status 1", ", killed by signal 11 (Segmentation fault)". */
static void append_end(char *text, size_t size, const struct ktstr_fields *f, const char *code_key)
{
	uint64_t signal = 0;
	int64_t code;

	if (ktstr_get_u64(f, "signal", &signal) && signal)
		ktstr_append(text, size, "%skilled by signal %llu (%s)", *text ? ", " : "",
			     (unsigned long long)signal,
			     signal < 65 ? strsignal((int)signal) : "unknown");
	else if (ktstr_get_s64(f, code_key, &code))
		ktstr_append(text, size, "%sexit status %lld", *text ? ", " : "",
			     (long long)code);
}

/* ---- gathering ---- */

static void on_stage(struct facts *facts, const struct ktstr_record *rec,
		     const struct ktstr_verdict *verdict)
{
	struct ktstr_str stage;

	if (!ktstr_get_str(&rec->fields, "stage", &stage))
		return;
	if (ktstr_str_is(stage, ktstr_stage_name(verdict->stage)))
		facts->stage_ns = rec->host_ns;
}

static void on_vmm(struct facts *facts, const struct ktstr_fields *f)
{
	char plugin[64], version[128], accel[32], why[256];

	ktstr_get_cstr(f, "plugin", plugin, sizeof(plugin));
	ktstr_get_cstr(f, "version", version, sizeof(version));
	ktstr_get_cstr(f, "accel", accel, sizeof(accel));
	ktstr_get_cstr(f, "accel_why", why, sizeof(why));
	snprintf(facts->machine, sizeof(facts->machine), "%s%s%s", plugin, *version ? " " : "",
		 version);
	if (*accel)
		ktstr_append(facts->machine, sizeof(facts->machine), ", accelerator %s", accel);
	if (*why)
		ktstr_append(facts->machine, sizeof(facts->machine), " (%s)", why);
}

/* Did it boot or was it copied, and why. */
static void on_vmm_start(struct facts *facts, const struct ktstr_fields *f)
{
	char start[32], name[64], why[512];

	ktstr_get_cstr(f, "start", start, sizeof(start));
	ktstr_get_cstr(f, "template", name, sizeof(name));
	ktstr_get_cstr(f, "template_why", why, sizeof(why));
	snprintf(facts->start, sizeof(facts->start), "%s", start);
	if (!strcmp(start, "cloned"))
		ktstr_append(facts->start, sizeof(facts->start), " from template %s", name);
	else if (*why)
		ktstr_append(facts->start, sizeof(facts->start), " (%s)", why);
}

static void on_vm_end(struct facts *facts, const struct ktstr_fields *f)
{
	char detail[480];

	facts->vm_ended = true;
	ktstr_get_cstr(f, "how", facts->vm_end, 64);
	append_end(facts->vm_end, sizeof(facts->vm_end), f, "status");
	if (ktstr_get_cstr(f, "detail", detail, sizeof(detail)) && *detail)
		ktstr_append(facts->vm_end, sizeof(facts->vm_end), ": %s", detail);
}

static void on_sched_exit(struct facts *facts, const struct ktstr_fields *f)
{
	bool core = false, expected = false;

	facts->sched_ended = true;
	facts->scheduler[0] = '\0';
	ktstr_get_bool(f, "core", &core);
	ktstr_get_bool(f, "expected", &expected);
	append_end(facts->scheduler, sizeof(facts->scheduler), f, "code");
	ktstr_append(facts->scheduler, sizeof(facts->scheduler), "%s%s",
		     core ? ", core dumped" : "",
	       expected ? ", as it was told to end" : ", by itself");
}

static void on_clock(struct facts *facts, const struct ktstr_fields *f)
{
	uint64_t rtt = 0, rounds = 0;

	ktstr_get_u64(f, "rtt_ns", &rtt);
	ktstr_get_u64(f, "rounds", &rounds);
	snprintf(facts->clock, sizeof(facts->clock), "guest and host aligned within %.3f ms (%llu "
		 "rounds)", (double)rtt / 2e6, (unsigned long long)rounds);
}

static bool on_record(struct facts *facts, struct kernel_log *log, const struct ktstr_record *rec,
		      const struct ktstr_verdict *verdict)
{
	struct ktstr_str ignored;

	switch (rec->type) {
	case KTSTR_REC_RUN:
		facts->wants_scheduler = ktstr_get_str(&rec->fields, "scheduler", &ignored);
		break;
	case KTSTR_REC_STAGE: on_stage(facts, rec, verdict); break;
	case KTSTR_REC_VMM:
		on_vmm(facts, &rec->fields);
		on_vmm_start(facts, &rec->fields);
		break;
	case KTSTR_REC_VM_END: on_vm_end(facts, &rec->fields); break;
	case KTSTR_REC_CLOCK: on_clock(facts, &rec->fields); break;
	case KTSTR_REC_SCHED_START: facts->sched_started = true; break;
	case KTSTR_REC_SCHED_EXIT: on_sched_exit(facts, &rec->fields); break;
	case KTSTR_REC_CONSOLE:
	case KTSTR_REC_KMSG: return kernel_log_add(log, rec);
	default: break;
	}
	return true;
}

/* ---- saying ---- */

/* The stage that should have come behind the one reached. */
static enum ktstr_stage next_stage(const struct facts *facts, enum ktstr_stage stage)
{
	if (stage == KTSTR_STAGE_MOUNTS && !facts->wants_scheduler)
		return KTSTR_STAGE_STEP;
	if (stage == KTSTR_STAGE_BOOTED)
		return KTSTR_STAGE_INIT;	/* a machine is booted or cloned */
	return stage + 1;
}

static void say_stage(const struct facts *facts, const struct ktstr_verdict *v,
		      struct ktstr_doc *doc)
{
	char text[256];

	if (v->stage == KTSTR_STAGE_STEP)
		snprintf(text, sizeof(text), "step %llu of %llu", (unsigned long long)v->step,
			 (unsigned long long)v->steps);
	else
		snprintf(text, sizeof(text), "%s", ktstr_stage_name(v->stage));
	if (facts->stage_ns)
		ktstr_append(text, sizeof(text), ", reached %.1f s after the start",
			     (double)facts->stage_ns / 1e9);
	if (v->stage < KTSTR_STAGE_STEP)
		ktstr_append(text, sizeof(text), " (next: %s)",
		       ktstr_stage_name(next_stage(facts, v->stage)));
	doc->value(doc, "stage", text);
}

static void say_scheduler(const struct facts *facts, const struct ktstr_verdict *v,
			  struct ktstr_doc *doc)
{
	char text[1024];

	if (facts->wants_scheduler)
		doc->value(doc, "scheduler", facts->sched_ended ? facts->scheduler
			   : facts->sched_started ? "it was running when the records end"
			   : "it was not started");
	if (!v->exit_kind && !(v->exit_reason && *v->exit_reason))
		return;
	if (v->exit_kind)
		snprintf(text, sizeof(text), "kind %llu", (unsigned long long)v->exit_kind);
	else
		snprintf(text, sizeof(text), "kind not known");
	if (v->exit_reason && *v->exit_reason)
		ktstr_append(text, sizeof(text), " (%s)", v->exit_reason);
	if (v->exit_message && *v->exit_message)
		ktstr_append(text, sizeof(text), ": %s", v->exit_message);
	doc->value(doc, "sched_ext exit", text);
}

static void say_guest_fault(const struct ktstr_fields *f, const char *what, const char *text,
			    struct ktstr_doc *doc)
{
	char line[1600];
	int64_t code = 0;

	snprintf(line, sizeof(line), "%s%s%s", what, *what && *text ? ": " : "", text);
	if (ktstr_get_s64(f, "errno", &code) && code)
		ktstr_append(line, sizeof(line), " (%s)",
		       code > -4096 && code < 4096 ? strerror(abs((int)code)) : "?");
	doc->value(doc, "guest fault", line);
}

/* Does the record tell of something out of the ordinary? */
static bool is_noticed(enum ktstr_rec type)
{
	return type == KTSTR_REC_FAULT || type == KTSTR_REC_GUEST_FAULT || type == KTSTR_REC_LOST ||
	       type == KTSTR_REC_INTERRUPT || type == KTSTR_REC_NOTE;
}

static void say_noticed(const struct ktstr_record *rec, struct ktstr_doc *doc)
{
	const struct ktstr_fields *f = &rec->fields;
	char what[128], text[1024], line[1280];
	uint64_t n = 0;

	ktstr_get_cstr(f, "what", what, sizeof(what));
	ktstr_get_cstr(f, "text", text, sizeof(text));
	switch (rec->type) {
	case KTSTR_REC_FAULT:
		snprintf(line, sizeof(line), "%s%s%s", what, *what && *text ? ": " : "", text);
		doc->value(doc, "fault", line);
		break;
	case KTSTR_REC_GUEST_FAULT:
		say_guest_fault(f, what, text, doc);
		break;
	case KTSTR_REC_LOST:
		ktstr_get_cstr(f, "source", what, sizeof(what));
		ktstr_get_u64(f, "count", &n);
		snprintf(line, sizeof(line), "%llu from %s", (unsigned long long)n, what);
		doc->value(doc, "lost", line);
		break;
	case KTSTR_REC_INTERRUPT:
		ktstr_get_u64(f, "signal", &n);
		snprintf(line, sizeof(line), "by signal %llu (%s)", (unsigned long long)n,
			 n < 65 ? strsignal((int)n) : "unknown");
		doc->value(doc, "interrupted", line);
		break;
	case KTSTR_REC_NOTE:
		doc->value(doc, "note", text);
		break;
	default:
		break;
	}
}

static void say_all_noticed(const struct ktstr_section_input *input, struct ktstr_doc *doc)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;
	unsigned n = 0;
	char text[64];

	while (input->next(input->journals[0], &cursor, &rec)) {
		if (!is_noticed(rec.type))
			continue;
		if (n++ < NOTICED_MAX)
			say_noticed(&rec, doc);
	}
	if (n <= NOTICED_MAX)
		return;
	snprintf(text, sizeof(text), "%u faults and notes not shown", n - NOTICED_MAX);
	doc->value(doc, "more", text);
}

static void say_facts(const struct facts *facts, const struct ktstr_section_input *input,
		      struct ktstr_doc *doc)
{
	const struct ktstr_verdict *v = input->verdicts[0];

	say_stage(facts, v, doc);
	if (*facts->machine)
		doc->value(doc, "VM", facts->machine);
	if (input->backtrace && *facts->start)
		doc->value(doc, "VM start", facts->start);
	doc->value(doc, "VM end", facts->vm_ended ? facts->vm_end
		   : v->stage == KTSTR_STAGE_PLANNED ? "it was not started" : "no record of it");
	say_scheduler(facts, v, doc);
	say_all_noticed(input, doc);
	if (*facts->clock)
		doc->value(doc, "clock", facts->clock);
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	const struct ktstr_verdict *verdict = input->verdicts[0];
	struct kernel_log log = { 0 };
	struct facts facts = { 0 };
	struct ktstr_record rec;
	uint64_t cursor = 0;
	bool memory = true;

	(void)values;
	if (!input->backtrace &&
	    (verdict->outcome == KTSTR_OUTCOME_PASS || verdict->cause == KTSTR_CAUSE_SCENARIO ||
	     verdict->cause == KTSTR_CAUSE_CHECK || verdict->cause == KTSTR_CAUSE_MONITOR))
		return KTSTR_SECTION_IRRELEVANT;
	while (memory && input->next(input->journals[0], &cursor, &rec))
		memory = on_record(&facts, &log, &rec, verdict);
	if (memory) {
		say_facts(&facts, input, doc);
		kernel_log_merge(&log);
		kernel_log_say(&log, doc);
	}
	kernel_log_deinit(&log);
	return memory ? 0 : ktstr_err_nomem(err);
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_DIAGNOSTICS,
	.title = "diagnostics",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "diagnostics",
	.summary = "how far the run came, how it ended, the kernel's log",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-diagnostics", PLUGIN_VERSION, &plugin);
