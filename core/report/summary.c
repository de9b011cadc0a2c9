/* SPDX-License-Identifier: GPL-2.0-only */
/* The summary of a run, from its journals and verdicts. */
#include "report/encode.h"

#include "base/text.h"
#include "check/expect.h"

const char *ktstr_outcome_word(enum ktstr_outcome outcome)
{
	switch (outcome) {
	case KTSTR_OUTCOME_PASS: return "passed";
	case KTSTR_OUTCOME_FAIL: return "failed";
	case KTSTR_OUTCOME_INCONCLUSIVE: return "inconclusive";
	case KTSTR_OUTCOME_SKIP: return "skipped";
	}
	return "unknown";
}

/* What a pipeline can expect has a word there; these are the others. */
static const char *cause_word(enum ktstr_cause cause)
{
	const char *word = ktstr_failure_name(cause);

	if (word)
		return word;
	switch (cause) {
	case KTSTR_CAUSE_NONE: return "none";
	case KTSTR_CAUSE_VM_DIED: return "vm-died";
	case KTSTR_CAUSE_SCENARIO: return "scenario";
	case KTSTR_CAUSE_TOPOLOGY: return "topology";
	case KTSTR_CAUSE_INTERRUPTED: return "interrupted";
	case KTSTR_CAUSE_HARNESS: return "harness";
	default: return "unknown";
	}
}

/* ---- memory ---- */

static void deinit_attempts(struct ktstr_summary *s)
{
	for (size_t i = 0; i < s->attempts.n; i++) {
		free(s->attempts.items[i].reason);
		free(s->attempts.items[i].signature);
	}
	ktstr_vec_free(&s->attempts);
}

static void deinit_checks(struct ktstr_summary *s)
{
	for (size_t i = 0; i < s->checks.n; i++) {
		free(s->checks.items[i].name);
		free(s->checks.items[i].text);
	}
	ktstr_vec_free(&s->checks);
}

void ktstr_summary_deinit(struct ktstr_summary *s)
{
	char *const strings[] = { s->run, s->folder, s->test, s->description, s->file, s->scheduler,
				  s->topology, s->kernel, s->vmm, s->again };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(strings); i++)
		free(strings[i]);
	deinit_attempts(s);
	deinit_checks(s);
}

/* Takes the place of what was there; absent: it stays. False when memory is out. */
static bool set(char **to, const struct ktstr_fields *f, const char *key)
{
	struct ktstr_str s;
	char *copy;

	if (!ktstr_get_str(f, key, &s))
		return true;
	copy = strndup(s.s, s.len);
	free(*to);
	*to = copy;
	return copy != NULL;
}

/* ---- the journal ---- */

static bool take_vmm(struct ktstr_summary *s, const struct ktstr_fields *f)
{
	struct ktstr_str plugin = { "", 0 }, version = { "", 0 }, accel = { "", 0 };

	ktstr_get_str(f, "plugin", &plugin);
	ktstr_get_str(f, "version", &version);
	ktstr_get_str(f, "accel", &accel);
	free(s->vmm);
	s->vmm = ktstr_asprintf("%.*s%s%.*s%s%.*s%s", KTSTR_STR_ARG(plugin), version.len ? " " : "",
				KTSTR_STR_ARG(version), accel.len ? " (" : "", KTSTR_STR_ARG(accel),
				accel.len ? ")" : "");
	return s->vmm != NULL;
}

/* False when memory is out. */
static bool take_record(struct ktstr_summary *s, const struct ktstr_record *rec)
{
	const struct ktstr_fields *f = &rec->fields;

	if (rec->type == KTSTR_REC_VMM)
		return take_vmm(s, f);
	if (rec->type == KTSTR_REC_HELLO)	/* the kernel that answered, not the one asked for */
		return set(&s->kernel, f, "release");
	if (rec->type != KTSTR_REC_RUN)
		return true;
	ktstr_get_u64(f, "wall_time_ns", &s->started_ns);
	return set(&s->test, f, "test") && set(&s->description, f, "description") &&
	       set(&s->file, f, "file") && set(&s->scheduler, f, "scheduler") &&
	       set(&s->topology, f, "topology") && set(&s->kernel, f, "kernel_release") &&
	       set(&s->again, f, "rerun");
}

/* Of the first attempt: what the run is; of each: how long it took. */
static bool read_attempt(struct ktstr_summary *s, const struct ktstr_section_input *input, size_t i,
			 uint64_t *ret_duration_ns)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;
	bool memory = true, known = false;

	while (memory && input->next(input->journals[i], &cursor, &rec)) {
		if (!i && !known)
			memory = take_record(s, &rec);
		known |= rec.type == KTSTR_REC_HELLO;
		if (rec.type == KTSTR_REC_RUN_END)
			ktstr_get_u64(&rec.fields, "duration_ns", ret_duration_ns);
	}
	return memory;
}

static bool add_attempt(struct ktstr_summary *s, const struct ktstr_section_input *input, size_t i)
{
	const struct ktstr_verdict *v = input->verdicts[i];
	struct ktstr_summary_attempt *a = ktstr_vec_add(&s->attempts);

	if (!a)
		return false;
	a->outcome = v->outcome;
	a->cause = cause_word(v->cause);
	a->reason = strdup(v->reason ? v->reason : "");
	a->signature = strdup(v->signature ? v->signature : "");
	a->same = ktstr_verdict_is_same(input->verdicts[0], v);
	return a->reason && a->signature && read_attempt(s, input, i, &a->duration_ns);
}

static bool add_check(struct ktstr_summary *s, const struct ktstr_finding *finding)
{
	struct ktstr_summary_check *check = ktstr_vec_add(&s->checks);

	if (!check)
		return false;
	check->name = strdup(finding->check);
	check->text = strdup(finding->text);
	check->outcome = finding->outcome;
	check->asked = finding->asked;
	return check->name && check->text;
}

/* What is not known is an empty text. */
static bool fill_gaps(struct ktstr_summary *s)
{
	char **const strings[] = { &s->test, &s->description, &s->file, &s->scheduler, &s->topology,
				   &s->kernel, &s->vmm, &s->again };
	bool memory = true;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(strings); i++) {
		if (!*strings[i])
			*strings[i] = strdup("");
		memory = memory && *strings[i];
	}
	return memory;
}

int ktstr_document_summarize(struct ktstr_document *doc, const struct ktstr_section_input *input,
			     const char *run, const char *folder, struct ktstr_err *err)
{
	const struct ktstr_verdict *first = input->verdicts[0];
	struct ktstr_summary *s = &doc->summary;
	bool memory;

	s->run = strdup(run);
	s->folder = strdup(folder);
	memory = s->run && s->folder;
	for (size_t i = 0; memory && i < input->attempts; i++)
		memory = add_attempt(s, input, i);
	for (size_t i = 0; memory && i < first->n_findings; i++)
		memory = add_check(s, first->findings[i]);
	return memory && fill_gaps(s) ? 0 : ktstr_err_nomem(err);
}

static void bracket(struct ktstr_buf *b, const char *what, const char *text)
{
	if (text && *text)
		ktstr_buf_printf(b, " [%s %s]", what, text);
}

char *ktstr_summary_name(const struct ktstr_summary *s)
{
	struct ktstr_buf b = { 0 };

	ktstr_buf_puts(&b, s->test && *s->test ? s->test : "(a test without a name)");
	bracket(&b, "scheduler", s->scheduler);
	bracket(&b, "topology", s->topology);
	bracket(&b, "kernel", s->kernel);
	return ktstr_buf_steal_str(&b);
}
