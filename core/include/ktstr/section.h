/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The section kind: turns the journals of a run into a part of its report.
 *
 * A section reads journals and nothing else, and writes only to the document builder, so that
 * any past run can be rendered again. It runs in a forked child with a deadline: if it crashes or
 * hangs, the report has one line saying so and everything else intact.
 */
#ifndef KTSTR_SECTION_H
#define KTSTR_SECTION_H

#include <ktstr/chain.h>
#include <ktstr/document.h>
#include <ktstr/plugin.h>

enum ktstr_outcome {
	KTSTR_OUTCOME_PASS, KTSTR_OUTCOME_FAIL, KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_OUTCOME_SKIP,
};

/* What ended an attempt, from the evidence in its journal. */
enum ktstr_cause {
	KTSTR_CAUSE_NONE,		/* the scenario ran to its end */
	KTSTR_CAUSE_SCHED_ERROR,	/* the kernel disabled the scheduler: runtime error or scx_bpf_error */
	KTSTR_CAUSE_SCHED_STALL,	/* ... runnable task stall */
	KTSTR_CAUSE_SCHED_EXIT,		/* its process ended, or it unregistered, by itself */
	KTSTR_CAUSE_SCHED_NOT_ATTACHED,	/* it never became the kernel's scheduler */
	KTSTR_CAUSE_PANIC,		/* kernel panic */
	KTSTR_CAUSE_OOPS,		/* BUG, oops, general protection fault */
	KTSTR_CAUSE_LOCKUP,		/* soft or hard lockup, hung task */
	KTSTR_CAUSE_RCU_STALL,
	KTSTR_CAUSE_TRIPLE_FAULT,
	KTSTR_CAUSE_VM_DIED,		/* the VM's process ended without the guest */
	KTSTR_CAUSE_BOOT_HANG,		/* the agent never said hello */
	KTSTR_CAUSE_TIMEOUT,		/* a later stage passed its deadline */
	KTSTR_CAUSE_GUEST_RESET,	/* reset or power-off that nobody asked for */
	KTSTR_CAUSE_SCENARIO,		/* a step of the scenario could not be carried out */
	KTSTR_CAUSE_TOPOLOGY,		/* the guest's topology is not the one asked for */
	KTSTR_CAUSE_INTERRUPTED,	/* Ctrl-C, or the journal ends in the middle */
	KTSTR_CAUSE_HARNESS,		/* ktstr itself failed: disk full, agent died, protocol error */
	KTSTR_CAUSE_CHECK,		/* the scenario ran to its end, but not as the test expects */
	KTSTR_CAUSE_MONITOR,		/* ... and so did its workers, but the monitors saw a limit violated */
	KTSTR_CAUSE_COUNT,
};

struct ktstr_stats;
struct ktstr_watch;

/* What one check said. */
struct ktstr_finding {
	uint32_t size;
	enum ktstr_outcome outcome;	/* SKIP: there was nothing to judge, or a default could not be */
	bool asked;			/* the test asked for the check; false: it is one by default */
	const char *check;		/* its name */
	const char *text;		/* cgroup, worker, value and limit in words; "" when it passed */
};

/* The verdict on one attempt; strings live as long as the input. */
struct ktstr_verdict {
	uint32_t size;
	enum ktstr_outcome outcome;
	enum ktstr_cause cause;
	const char *reason;		/* "scheduler error (scx_bpf_error: enqueue fault after 1000 calls)" */
	const char *signature;		/* same bug, same text: kind, message with numbers normalised */
	uint64_t exit_kind;		/* enum scx_exit_kind when the kernel told it, else 0 */
	const char *exit_reason;	/* the kernel's words for that kind, "" when not known */
	const char *exit_message;	/* the scheduler's message, "" when not known */
	enum ktstr_stage stage;		/* the furthest reached; of a failure: before evidence was collected */
	uint64_t step, steps;		/* at KTSTR_STAGE_STEP: step of steps */
	const struct ktstr_stats *stats;	/* <ktstr/stats.h>: what the workers did */
	const struct ktstr_finding *const *findings;	/* of the checks that were made, in their order */
	size_t n_findings;
	const struct ktstr_chain *chain;	/* the stack of a scheduler that was thrown out; NULL: none
						 * was printed */
	const struct ktstr_watch *watch;	/* <ktstr/watch.h>: what the monitors saw, against the limits */
};

/*
 * The same bug: same cause, same signature. Where the stack of one was printed and that of the other was not, the
 * functions that are in one signature only (" in NAME < NAME") do not make it another bug.
 */
static inline bool ktstr_verdict_is_same(const struct ktstr_verdict *a, const struct ktstr_verdict *b)
{
	const char *brief = strlen(a->signature) <= strlen(b->signature) ? a->signature : b->signature;
	const struct ktstr_chain *chain = brief == a->signature ? a->chain : b->chain;
	const char *full = brief == a->signature ? b->signature : a->signature;
	size_t n = strlen(brief);

	if (a->cause != b->cause || strncmp(brief, full, n))
		return false;
	return !full[n] || (!chain && strstr(full + n, " in ") == full + n);
}

struct ktstr_journal;			/* core's own */

struct ktstr_section_input {
	uint32_t size;
	size_t attempts;				/* >= 1 */
	const struct ktstr_journal *const *journals;	/* one per attempt */
	const struct ktstr_verdict *const *verdicts;	/* one per attempt */
	bool backtrace;			/* the user asked for full diagnostics (KTSTR_BACKTRACE) */

	/* Iteration over a journal: start with *cursor = 0; false at the end. */
	bool (*next)(const struct ktstr_journal *journal, uint64_t *cursor,
		     struct ktstr_record *ret_record);
};

/* build() returns this when the section has nothing to say about this run. */
#define KTSTR_SECTION_IRRELEVANT 1

/* Places of ktstr's own sections; a third party picks numbers between or behind. */
enum ktstr_section_place {
	KTSTR_PLACE_ERROR_LINE = 0, KTSTR_PLACE_STATS = 100, KTSTR_PLACE_DIAGNOSTICS = 200,
	KTSTR_PLACE_TIMELINE = 300, KTSTR_PLACE_SCHEDULER_LOG = 400, KTSTR_PLACE_MONITOR = 500,
	KTSTR_PLACE_SCX_DUMP = 600, KTSTR_PLACE_AUTO_REPRO = 700,
};

struct ktstr_section_ops {
	uint32_t size;
	int place;			/* sections stand in ascending order of place, then of name */
	const char *title;		/* "--- title ---"; NULL: no title line */

	/* Fills `doc`. 0, KTSTR_SECTION_IRRELEVANT, or a negative errno with a message. */
	int (*build)(const struct ktstr_section_input *input, const struct ktstr_value *values,
		     struct ktstr_doc *doc, struct ktstr_err *err);
};

#endif
