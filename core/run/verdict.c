/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict: what an attempt's journal proves. Evidence is gathered in one pass; then the first cause of
 * a fixed order that the evidence supports is what ended the attempt. The order goes from what the user
 * did, over what broke the machine, to what broke the scheduler, to what the guest complained of. Where
 * nothing did, the checks judge what the workers did. Last, all that is held against the failure that
 * the test expects, if it does.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "check/stats.h"
#include "check/watch.h"
#include "run/chain.h"
#include "run/expected.h"
#include "run/fault.h"
#include "run/run.h"
#include "run/scxexit.h"

#include <ktstr/task-name.h>

#include <ctype.h>

struct evidence {
	enum ktstr_stage stage;
	enum ktstr_stage before_teardown;	/* the furthest before evidence was collected */
	uint64_t step, steps;
	bool wanted_scheduler, attached, refused;	/* refused: the agent said it never attached */
	bool sched_exited, sched_expected;
	int64_t sched_code;
	uint64_t sched_signal;
	char sched_state[128];
	struct ktstr_scx_exit scx, console;	/* as the kernel's log has it; as its console does */
	char faults[KTSTR_FAULT_COUNT][256];	/* the line that told, "" when not seen */
	char harness[512];
	char guest_fault[512];
	char vm_how[32], vm_detail[512];
	bool vm_by_host;
	int64_t vm_status;
	uint64_t vm_signal, interrupt;
	bool done, ended;
	char done_outcome[32], done_text[256];
	struct ktstr_expect expect;	/* of a journal without any: no check is on */
	struct ktstr_conditions conditions;
	struct ktstr_watcher *watcher;
};

/* ---- gathering ---- */

static void reached(struct evidence *e, enum ktstr_stage stage)
{
	if (stage > e->stage)
		e->stage = stage;
	if (stage > e->before_teardown && stage < KTSTR_STAGE_TEARDOWN)
		e->before_teardown = stage;
}

static void on_stage(struct evidence *e, const struct ktstr_fields *f)
{
	struct ktstr_str name = { "", 0 };

	ktstr_get_str(f, "stage", &name);
	for (unsigned s = 0; s < KTSTR_STAGE_COUNT; s++)
		if (ktstr_str_is(name, ktstr_stage_name(s)))
			reached(e, s);
}

static void on_fault(struct evidence *e, const struct ktstr_fields *f)
{
	struct ktstr_str what = { "", 0 };
	enum ktstr_fault fault;

	ktstr_get_str(f, "what", &what);
	fault = ktstr_fault_parse(what.s, what.len);
	if (fault && !e->faults[fault][0] &&
	    (!ktstr_get_cstr(f, "text", e->faults[fault], sizeof(e->faults[fault])) ||
	     !e->faults[fault][0]))
		snprintf(e->faults[fault], sizeof(e->faults[fault]), "%s", ktstr_fault_name(fault));
	else if (!fault)
		ktstr_get_cstr(f, "text", e->harness, sizeof(e->harness));
}

static void on_sched_state(struct evidence *e, const struct ktstr_fields *f)
{
	bool attached = false;

	ktstr_get_bool(f, "attached", &attached);
	if (attached)
		e->attached = true;
	else if (!e->attached)
		e->refused = true;
	ktstr_get_cstr(f, "state", e->sched_state, sizeof(e->sched_state));
}

static void on_sched_exit(struct evidence *e, const struct ktstr_fields *f)
{
	e->sched_exited = true;
	ktstr_get_s64(f, "code", &e->sched_code);
	ktstr_get_u64(f, "signal", &e->sched_signal);
	ktstr_get_bool(f, "expected", &e->sched_expected);
}

static void on_vm_end(struct evidence *e, const struct ktstr_fields *f)
{
	ktstr_get_cstr(f, "how", e->vm_how, sizeof(e->vm_how));
	ktstr_get_cstr(f, "detail", e->vm_detail, sizeof(e->vm_detail));
	ktstr_get_bool(f, "by_host", &e->vm_by_host);
	ktstr_get_s64(f, "status", &e->vm_status);
	ktstr_get_u64(f, "signal", &e->vm_signal);
}

static void on_step(struct evidence *e, const struct ktstr_fields *f)
{
	ktstr_get_u64(f, "n", &e->step);
	ktstr_get_u64(f, "m", &e->steps);
	reached(e, KTSTR_STAGE_STEP);
}

static void on_record(struct evidence *e, const struct ktstr_record *rec)
{
	const struct ktstr_fields *f = &rec->fields;
	struct ktstr_str s = { "", 0 };

	ktstr_conditions_add(&e->conditions, rec);
	ktstr_watcher_add(e->watcher, rec->type, rec->host_ns, f);
	switch (rec->type) {
	case KTSTR_REC_EXPECT: ktstr_expect_get(f, &e->expect); break;
	case KTSTR_REC_RUN: e->wanted_scheduler = ktstr_get_str(f, "scheduler", &s); break;
	case KTSTR_REC_VMM:		/* a second machine begins where the first one did */
		e->stage = e->before_teardown = KTSTR_STAGE_PLANNED;
		break;
	case KTSTR_REC_STAGE: on_stage(e, f); break;
	case KTSTR_REC_FAULT: on_fault(e, f); break;
	case KTSTR_REC_VM_END: on_vm_end(e, f); break;
	case KTSTR_REC_INTERRUPT: ktstr_get_u64(f, "signal", &e->interrupt); break;
	case KTSTR_REC_RUN_END: e->ended = true; break;
	case KTSTR_REC_SCHED_STATE: on_sched_state(e, f); break;
	case KTSTR_REC_SCHED_EXIT: on_sched_exit(e, f); break;
	case KTSTR_REC_STEP: on_step(e, f); break;
	case KTSTR_REC_KMSG:
		ktstr_get_str(f, "text", &s);
		ktstr_scx_exit_kmsg(&e->scx, s);
		break;
	case KTSTR_REC_CONSOLE:
		ktstr_get_str(f, "text", &s);
		ktstr_scx_exit_console(&e->console, s);
		break;
	case KTSTR_REC_SCX_DUMP:
		ktstr_get_str(f, "text", &s);
		ktstr_scx_exit_dump(&e->scx, s);
		break;
	case KTSTR_REC_GUEST_FAULT:
		if (!e->guest_fault[0])
			ktstr_get_cstr(f, "text", e->guest_fault, sizeof(e->guest_fault));
		break;
	case KTSTR_REC_DONE:
		e->done = true;
		ktstr_get_cstr(f, "outcome", e->done_outcome, sizeof(e->done_outcome));
		ktstr_get_cstr(f, "text", e->done_text, sizeof(e->done_text));
		break;
	default: break;
	}
}

/* ---- judging ---- */

/* Each returns true when the evidence supports its cause, with the reason's text in `out`. */
typedef bool judge_fn(const struct evidence *e, struct ktstr_buf *out);

static bool interrupted(const struct evidence *e, struct ktstr_buf *out)
{
	if (e->interrupt)
		ktstr_buf_printf(out, "interrupted by %s",
				 e->interrupt == 2 ? "Ctrl-C" : e->interrupt == 15 ? "SIGTERM" : "a signal");
	return e->interrupt;
}

static bool harness(const struct evidence *e, struct ktstr_buf *out)
{
	const char *protocol = e->faults[KTSTR_FAULT_PROTOCOL], *clock = e->faults[KTSTR_FAULT_CLOCK];

	if (e->harness[0])
		ktstr_buf_printf(out, "ktstr could not go on: %s", e->harness);
	else if (protocol[0])
		ktstr_buf_printf(out, "the channel to the guest broke: %s", protocol);
	else if (clock[0])
		ktstr_buf_printf(out, "the guest could not be timed: %s", clock);
	return e->harness[0] || protocol[0] || clock[0];
}

static bool any_fault(const struct evidence *e, struct ktstr_buf *out, const enum ktstr_fault *faults,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (e->faults[faults[i]][0]) {
			ktstr_buf_printf(out, "%s (%s)", ktstr_fault_name(faults[i]),
					 e->faults[faults[i]]);
			return true;
		}
	return false;
}

#define FAULTS(...) (const enum ktstr_fault[]){ __VA_ARGS__ }, \
	sizeof((enum ktstr_fault[]){ __VA_ARGS__ }) / sizeof(enum ktstr_fault)

static bool panic(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_PANIC));
}

static bool oops(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_OOPS));
}

static bool lockup(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_SOFT_LOCKUP, KTSTR_FAULT_HARD_LOCKUP,
					KTSTR_FAULT_HUNG_TASK));
}

static bool rcu_stall(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_RCU_STALL));
}

static bool triple_fault(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_TRIPLE_FAULT));
}

/* What the kernel said of the scheduler, for the reasons below. */
static void scx_words(const struct evidence *e, struct ktstr_buf *out)
{
	ktstr_buf_printf(out, "%s%s%s", e->scx.reason, e->scx.message[0] ? ": " : "", e->scx.message);
}

static bool sched_error(const struct evidence *e, struct ktstr_buf *out)
{
	if (ktstr_scx_exit_cause(&e->scx) != KTSTR_CAUSE_SCHED_ERROR || !e->wanted_scheduler)
		return false;
	ktstr_buf_puts(out, "scheduler error (");
	scx_words(e, out);
	ktstr_buf_puts(out, ")");
	return true;
}

static bool sched_stall(const struct evidence *e, struct ktstr_buf *out)
{
	if (ktstr_scx_exit_cause(&e->scx) != KTSTR_CAUSE_SCHED_STALL || !e->wanted_scheduler)
		return false;
	ktstr_buf_puts(out, "scheduler stall (");
	scx_words(e, out);
	ktstr_buf_puts(out, ")");
	return true;
}

static void exit_words(const struct evidence *e, struct ktstr_buf *out)
{
	if (!e->sched_exited)
		ktstr_buf_puts(out, "it is still running");
	else if (e->sched_signal)
		ktstr_buf_printf(out, "signal %llu, %s", (unsigned long long)e->sched_signal,
				 strsignal((int)e->sched_signal));
	else
		ktstr_buf_printf(out, "exit status %lld", (long long)e->sched_code);
}

static bool not_attached(const struct evidence *e, struct ktstr_buf *out)
{
	if (!e->wanted_scheduler || e->attached || !e->refused)
		return false;
	ktstr_buf_puts(out, "scheduler did not attach (");
	if (e->sched_exited && !e->sched_expected)
		exit_words(e, out);
	else
		ktstr_buf_printf(out, "%s", e->guest_fault[0] ? e->guest_fault :
				 e->sched_state[0] ? e->sched_state : "no reason was given");
	ktstr_buf_puts(out, ")");
	return true;
}

static bool sched_exit(const struct evidence *e, struct ktstr_buf *out)
{
	bool unregistered = e->scx.seen && e->scx.kind != SCX_EXIT_UNREG;

	if (!e->attached || (!unregistered && (!e->sched_exited || e->sched_expected)))
		return false;
	ktstr_buf_puts(out, "scheduler exited by itself (");
	if (unregistered)
		scx_words(e, out);
	else
		exit_words(e, out);
	ktstr_buf_puts(out, ")");
	return true;
}

static bool topology(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_TOPOLOGY));
}

static bool boot_hang(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_BOOT_HANG));
}

static bool timeout(const struct evidence *e, struct ktstr_buf *out)
{
	return any_fault(e, out, FAULTS(KTSTR_FAULT_TIMEOUT));
}

static bool vm_died(const struct evidence *e, struct ktstr_buf *out)
{
	if (any_fault(e, out, FAULTS(KTSTR_FAULT_ACCELERATOR)))
		return true;
	if (strcmp(e->vm_how, "died"))
		return false;
	ktstr_buf_puts(out, "the VM's process died (");
	if (e->vm_signal)
		ktstr_buf_printf(out, "signal %llu", (unsigned long long)e->vm_signal);
	else
		ktstr_buf_printf(out, "exit status %lld", (long long)e->vm_status);
	ktstr_buf_printf(out, "%s%s)", e->vm_detail[0] ? ": " : "", e->vm_detail);
	return true;
}

static bool guest_reset(const struct evidence *e, struct ktstr_buf *out)
{
	if (e->done || (strcmp(e->vm_how, "reset") && strcmp(e->vm_how, "powered off")))
		return false;
	ktstr_buf_printf(out, "the guest %s at stage \"%s\", and nobody asked for it",
			 strcmp(e->vm_how, "reset") ? "powered off" : "reset itself",
			 ktstr_stage_name(e->stage));
	return true;
}

static bool skipped(const struct evidence *e, struct ktstr_buf *out)
{
	if (!e->done || strcmp(e->done_outcome, "skipped"))
		return false;
	ktstr_buf_puts(out, e->done_text[0] ? e->done_text : "the guest cannot run this scenario");
	return true;
}

static bool scenario(const struct evidence *e, struct ktstr_buf *out)
{
	if (!e->done || !strcmp(e->done_outcome, "ran"))
		return false;
	ktstr_buf_printf(out, "the scenario could not be carried out (%s)",
			 e->done_text[0] ? e->done_text : e->guest_fault[0] ? e->guest_fault :
			 "the guest gave no reason");
	return true;
}

static bool not_finished(const struct evidence *e, struct ktstr_buf *out)
{
	if (e->done && e->ended && (!e->wanted_scheduler || e->attached))
		return false;
	ktstr_buf_printf(out, "the journal ends at stage \"%s\": ktstr was killed, or is still running",
			 ktstr_stage_name(e->stage));
	return true;
}

/* Strongest evidence first. */
static const struct {
	judge_fn *judge;
	enum ktstr_cause cause;
	enum ktstr_outcome outcome;
} causes[] = {
	{ interrupted, KTSTR_CAUSE_INTERRUPTED, KTSTR_OUTCOME_INCONCLUSIVE },
	{ panic, KTSTR_CAUSE_PANIC, KTSTR_OUTCOME_FAIL },
	{ oops, KTSTR_CAUSE_OOPS, KTSTR_OUTCOME_FAIL },
	{ sched_error, KTSTR_CAUSE_SCHED_ERROR, KTSTR_OUTCOME_FAIL },
	{ sched_stall, KTSTR_CAUSE_SCHED_STALL, KTSTR_OUTCOME_FAIL },
	{ lockup, KTSTR_CAUSE_LOCKUP, KTSTR_OUTCOME_FAIL },
	{ rcu_stall, KTSTR_CAUSE_RCU_STALL, KTSTR_OUTCOME_FAIL },
	{ triple_fault, KTSTR_CAUSE_TRIPLE_FAULT, KTSTR_OUTCOME_FAIL },
	{ harness, KTSTR_CAUSE_HARNESS, KTSTR_OUTCOME_INCONCLUSIVE },
	{ skipped, KTSTR_CAUSE_SCENARIO, KTSTR_OUTCOME_SKIP },	/* it may come before the scheduler attaches */
	{ not_attached, KTSTR_CAUSE_SCHED_NOT_ATTACHED, KTSTR_OUTCOME_FAIL },
	{ sched_exit, KTSTR_CAUSE_SCHED_EXIT, KTSTR_OUTCOME_FAIL },
	{ topology, KTSTR_CAUSE_TOPOLOGY, KTSTR_OUTCOME_FAIL },
	{ boot_hang, KTSTR_CAUSE_BOOT_HANG, KTSTR_OUTCOME_FAIL },
	{ timeout, KTSTR_CAUSE_TIMEOUT, KTSTR_OUTCOME_FAIL },
	{ vm_died, KTSTR_CAUSE_VM_DIED, KTSTR_OUTCOME_FAIL },
	{ guest_reset, KTSTR_CAUSE_GUEST_RESET, KTSTR_OUTCOME_FAIL },
	{ scenario, KTSTR_CAUSE_SCENARIO, KTSTR_OUTCOME_FAIL },
	{ not_finished, KTSTR_CAUSE_INTERRUPTED, KTSTR_OUTCOME_INCONCLUSIVE },
};

/* The number at the beginning of `text`: its characters, 0 when it is none. */
static size_t number_at(const char *text)
{
	size_t hex = !strncmp(text, "0x", 2) ? 2 + strspn(text + 2, "0123456789abcdefABCDEF") : 0;

	return hex > 2 ? hex : strspn(text, "0123456789");
}

/* A task as the kernel writes it: its name has been copied, and "[123]" follows. */
static size_t task_at(const char *begin, const char *text)
{
	size_t n = *text == '[' ? strspn(text + 1, "0123456789") : 0;

	return n && text[1 + n] == ']' && text > begin && text[-1] != ' ' ? n + 2 : 0;
}

/* The next task in `text`: where its name begins; NULL: none. */
static const char *next_task(const char *begin, const char *text, size_t *ret_len)
{
	for (const char *at = text; (at = strchr(at, '[')); at++) {
		size_t n = task_at(begin, at);
		const char *name = n ? ktstr_task_name(begin, at) : NULL;

		if (!name || name < text)
			continue;
		*ret_len = (size_t)(at - name) + n;
		return name;
	}
	return NULL;
}

/* Numbers become N and hexadecimal ones too, and a task is TASK, so that the same bug has the same signature. */
static void put_normalised(struct ktstr_buf *b, const char *text)
{
	size_t len = 0;
	const char *task = next_task(text, text, &len);

	for (const char *p = text; *p;) {
		size_t n = number_at(p);

		if (p == task) {
			ktstr_buf_puts(b, "TASK");
			p += len;
			task = next_task(text, p, &len);
			continue;
		}
		ktstr_buf_add(b, n ? "N" : p, 1);
		p += n ? n : 1;
	}
}

#define SIGNATURE_FRAMES 3

/* Kind and message, and the innermost functions of BPF that were on the stack. */
static char *signature_of(const char *reason, const struct ktstr_chain *chain)
{
	struct ktstr_buf b = { 0 };
	unsigned n = 0;

	put_normalised(&b, reason);
	for (size_t i = 0; chain && i < chain->n_frames && n < SIGNATURE_FRAMES; i++)
		if (chain->frames[i]->bpf && !chain->frames[i]->skipped)
			ktstr_buf_printf(&b, "%s%s", n++ ? " < " : " in ", chain->frames[i]->name);
	return ktstr_buf_steal_str(&b);
}

/* What ended the attempt. */
static void find_cause(struct ktstr_verdict *v, const struct evidence *e, struct ktstr_buf *reason)
{
	v->outcome = KTSTR_OUTCOME_PASS;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(causes); i++)
		if (causes[i].judge(e, reason)) {
			v->cause = causes[i].cause;
			v->outcome = causes[i].outcome;
			return;
		}
}

static int fill(struct ktstr_verdict *v, const struct evidence *e, struct ktstr_err *err)
{
	struct ktstr_buf reason = { 0 };
	int ret;

	v->size = sizeof(*v);
	find_cause(v, e, &reason);
	ret = ktstr_verdict_judge(v, &e->expect, &e->conditions, &reason, err);
	v->reason = ktstr_buf_steal_str(&reason);
	v->signature = v->reason ? signature_of(v->reason, v->cause == KTSTR_CAUSE_SCHED_ERROR ? v->chain : NULL) :
				   NULL;
	v->exit_kind = e->scx.kind;
	v->exit_reason = strdup(e->scx.reason);
	v->exit_message = strdup(e->scx.message);
	/* All evidence of a failure was collected: what counts is how far it came before that. */
	v->stage = v->cause && e->stage == KTSTR_STAGE_DONE ? e->before_teardown : e->stage;
	v->step = e->step;
	v->steps = e->steps;
	if (ret)
		return ret;
	return v->reason && v->signature && v->exit_reason && v->exit_message ? 0 : ktstr_err_nomem(err);
}

/* A verdict, and what its chain and what the monitors saw live in. */
struct owned {
	struct ktstr_verdict verdict;	/* first */
	struct ktstr_chain_reader *chain;
	struct ktstr_watcher *watcher;
};

int ktstr_verdict_create(const struct ktstr_journal *journal, struct ktstr_verdict **ret_verdict,
			 struct ktstr_err *err)
{
	_cleanup_free_ struct evidence *e = calloc(1, sizeof(*e));
	struct owned *owned = calloc(1, sizeof(*owned));
	struct ktstr_verdict *v;
	struct ktstr_record rec;
	uint64_t cursor = 0;
	struct ktstr_stats *stats = NULL;
	int ret;

	if (!e || !owned) {
		free(owned);
		return ktstr_err_nomem(err);
	}
	v = &owned->verdict;
	owned->chain = ktstr_chain_reader_create();
	e->watcher = owned->watcher = ktstr_watcher_create();
	if (!owned->chain || !owned->watcher) {
		ktstr_chain_reader_destroy(owned->chain);
		ktstr_watcher_destroy(owned->watcher);
		free(owned);
		return ktstr_err_nomem(err);
	}
	ktstr_watcher_keep(owned->watcher);
	while (ktstr_journal_next(journal, &cursor, &rec)) {
		on_record(e, &rec);
		ktstr_chain_reader_add(owned->chain, &rec);
	}
	ktstr_scx_exit_complete(&e->scx, &e->console);
	v->chain = ktstr_chain_reader_end(owned->chain);
	ret = ktstr_chain_reader_failed(owned->chain) || ktstr_watcher_failed(owned->watcher)
		? ktstr_err_nomem(err) : 0;
	if (!ret)
		ret = ktstr_stats_create(journal, &stats, err);
	v->stats = stats;
	v->watch = ktstr_watcher_result(owned->watcher);
	if (!ret)
		ret = fill(v, e, err);
	if (ret)
		ktstr_verdict_destroy(v);
	else
		*ret_verdict = v;
	return ret;
}

void ktstr_verdict_destroy(struct ktstr_verdict *v)
{
	if (!v)
		return;
	free((char *)v->reason);
	free((char *)v->signature);
	free((char *)v->exit_reason);
	free((char *)v->exit_message);
	ktstr_verdict_drop_findings(v);
	ktstr_stats_destroy((struct ktstr_stats *)v->stats);
	ktstr_chain_reader_destroy(((struct owned *)v)->chain);
	ktstr_watcher_destroy(((struct owned *)v)->watcher);
	free(v);
}
