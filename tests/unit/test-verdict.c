/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts on journals made up record by record. */
#include "base/clock.h"
#include "run/run.h"
#include "run/scxexit.h"

#include <criterion/criterion.h>
#include <unistd.h>

/* One record in a line: its type, then up to three fields. A numeric value is written as u64. */
struct rec {
	enum ktstr_rec type;
	const char *key[3];
	const char *text[3];	/* NULL: the number beside it */
	uint64_t number[3];
};

#define RUN_WITH_SCHEDULER { KTSTR_REC_RUN, { "test", "scheduler" }, { "t", "scx_foo" }, { 0 } }
#define RUN_WITHOUT { KTSTR_REC_RUN, { "test" }, { "t" }, { 0 } }
#define STAGE(name) { KTSTR_REC_STAGE, { "stage" }, { name }, { 0 } }
#define KMSG(line) { KTSTR_REC_KMSG, { "text" }, { line }, { 0 } }
#define FAULT(what, line) { KTSTR_REC_FAULT, { "what", "text" }, { what, line }, { 0 } }
#define ATTACHED { KTSTR_REC_SCHED_STATE, { "attached" }, { "true" }, { 0 } }
#define DONE(outcome) { KTSTR_REC_DONE, { "outcome" }, { outcome }, { 0 } }
#define STOPPED { KTSTR_REC_VM_END, { "how" }, { "stopped" }, { 0 } }
#define END { KTSTR_REC_RUN_END, { "duration_ns" }, { NULL }, { 1 } }

static void put(struct ktstr_journal_writer *w, const struct rec *r)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	for (int i = 0; i < 3 && r->key[i]; i++) {
		if (!r->text[i])
			ktstr_put_u64(&b, r->key[i], r->number[i]);
		else if (!strcmp(r->text[i], "true") || !strcmp(r->text[i], "false"))
			ktstr_put_bool(&b, r->key[i], *r->text[i] == 't');
		else
			ktstr_put_str(&b, r->key[i], r->text[i]);
	}
	cr_assert_eq(ktstr_journal_record(w, r->type, &b, NULL), 0);
}

static struct ktstr_verdict *judge(const struct rec *recs, size_t n)
{
	char path[] = "/tmp/ktstr-test-verdict.XXXXXX";
	struct ktstr_journal_writer *w;
	struct ktstr_journal *j;
	struct ktstr_verdict *v;

	close(mkstemp(path));
	unlink(path);
	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	for (size_t i = 0; i < n; i++)
		put(w, &recs[i]);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	cr_assert_eq(ktstr_verdict_create(j, &v, NULL), 0);
	ktstr_journal_destroy(j);
	unlink(path);
	return v;
}

static void check(const struct rec *recs, size_t n, enum ktstr_outcome outcome, enum ktstr_cause cause,
		  const char *reason)
{
	struct ktstr_verdict *v = judge(recs, n);

	cr_assert_eq(v->outcome, outcome, "outcome %d: %s", v->outcome, v->reason);
	cr_assert_eq(v->cause, cause, "cause %d: %s", v->cause, v->reason);
	cr_assert_str_eq(v->reason, reason);
	ktstr_verdict_destroy(v);
}

#define CHECK(outcome, cause, reason, ...) do {						\
	const struct rec recs[] = { __VA_ARGS__ };					\
	check(recs, sizeof(recs) / sizeof(recs[0]), outcome, cause, reason);		\
} while (0)

Test(verdict, a_whole_run_passes)
{
	CHECK(KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "", RUN_WITH_SCHEDULER, STAGE("attached"), ATTACHED,
	      DONE("ran"), STOPPED, END);
	CHECK(KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "", RUN_WITHOUT, DONE("ran"), STOPPED, END);
}

Test(verdict, a_scheduler_that_never_attached_cannot_pass)
{
	CHECK(KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_INTERRUPTED,
	      "the journal ends at stage \"init\": ktstr was killed, or is still running",
	      RUN_WITH_SCHEDULER, STAGE("init"), DONE("ran"), STOPPED, END);
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_NOT_ATTACHED,
	      "scheduler did not attach (exit status 3)", RUN_WITH_SCHEDULER,
	      { KTSTR_REC_SCHED_EXIT, { "code", "expected" }, { NULL, "false" }, { 3 } },
	      { KTSTR_REC_SCHED_STATE, { "attached", "state" }, { "false", "disabled" }, { 0 } },
	      DONE("failed"), STOPPED, END);
}

Test(verdict, the_kernels_words_are_the_reason)
{
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR,
	      "scheduler error (scx_bpf_error: enqueue fault after 1000 calls)", RUN_WITH_SCHEDULER, ATTACHED,
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
	      KMSG("sched_ext: foo: enqueue fault after 1000 calls"),
	      KMSG("   scx_exit+0x10/0x20"), DONE("scheduler-died"), STOPPED, END);
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_STALL,
	      "scheduler stall (runnable task stall: spin[99] failed to run for 6.9s)", RUN_WITH_SCHEDULER,
	      ATTACHED, KMSG("sched_ext: BPF scheduler \"foo\" disabled (runnable task stall)"),
	      KMSG("sched_ext: foo: spin[99] failed to run for 6.9s"), DONE("scheduler-died"), STOPPED, END);
}

#define CONSOLE(text) { KTSTR_REC_CONSOLE, { "text" }, { text }, { 0 } }

/* The channel of the guest's log died with the guest, at the latest with its last lines in it. */
Test(verdict, the_console_has_the_words_that_the_log_lost)
{
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR, "scheduler error (scx_bpf_error: enqueue fault)",
	      RUN_WITH_SCHEDULER, ATTACHED,
	      CONSOLE("[   12.322155] sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
	      CONSOLE("[   12.323012][    T7] sched_ext: foo: enqueue fault"), DONE("scheduler-died"), STOPPED, END);
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_ERROR, "scheduler error (scx_bpf_error: enqueue fault)",
	      RUN_WITH_SCHEDULER, ATTACHED,
	      CONSOLE("[   12.322155] sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
	      CONSOLE("[   12.323012] sched_ext: foo: enqueue fault"), DONE("scheduler-died"), STOPPED, END);
	/* The log has it all: what the console has besides is not of this end. */
	CHECK(KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "", RUN_WITH_SCHEDULER, ATTACHED,
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (unregistered from user space)"),
	      CONSOLE("[   12.323012] sched_ext: foo: said before"), DONE("ran"), STOPPED, END);
}

Test(verdict, an_orderly_unregistration_is_no_failure)
{
	CHECK(KTSTR_OUTCOME_PASS, KTSTR_CAUSE_NONE, "", RUN_WITH_SCHEDULER, ATTACHED,
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (unregistered from user space)"),
	      { KTSTR_REC_SCHED_EXIT, { "code", "expected" }, { NULL, "true" }, { 0 } },
	      DONE("ran"), STOPPED, END);
}

Test(verdict, a_scheduler_that_leaves_fails)
{
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_SCHED_EXIT, "scheduler exited by itself (exit status 7)",
	      RUN_WITH_SCHEDULER, ATTACHED,
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (unregistered from user space)"),
	      { KTSTR_REC_SCHED_EXIT, { "code", "expected" }, { NULL, "false" }, { 7 } },
	      DONE("scheduler-died"), STOPPED, END);
}

Test(verdict, the_machine_comes_before_the_scheduler)
{
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_PANIC, "kernel panic (Kernel panic - not syncing: x)",
	      RUN_WITH_SCHEDULER, ATTACHED,
	      KMSG("sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
	      FAULT("kernel panic", "Kernel panic - not syncing: x"),
	      { KTSTR_REC_VM_END, { "how" }, { "reset" }, { 0 } }, END);
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_BOOT_HANG, "boot hang (nothing more came)", RUN_WITHOUT,
	      FAULT("boot hang", "nothing more came"), STOPPED, END);
	CHECK(KTSTR_OUTCOME_FAIL, KTSTR_CAUSE_VM_DIED,
	      "the VM's process died (exit status 1: no such option)", RUN_WITHOUT,
	      { KTSTR_REC_VM_END, { "how", "status", "detail" }, { "died", NULL, "no such option" }, { 0, 1 } },
	      END);
}

Test(verdict, a_journal_that_ends_early_is_inconclusive)
{
	CHECK(KTSTR_OUTCOME_INCONCLUSIVE, KTSTR_CAUSE_INTERRUPTED,
	      "the journal ends at stage \"attached\": ktstr was killed, or is still running",
	      RUN_WITH_SCHEDULER, STAGE("attached"), ATTACHED);
}

/* The same bug meets another task each time; where it happened is a part of it. */
Test(verdict, a_signature_has_the_functions_of_bpf_and_no_task)
{
	const struct rec recs[] = { RUN_WITH_SCHEDULER, ATTACHED,
		KMSG("sched_ext: BPF scheduler \"foo\" disabled (runtime error)"),
		KMSG("sched_ext: foo: non-existent DSQ 0xcafef00d for victim[148]"),
		KMSG("   bpf_prog_0123456789abcdef_decide+0x1/0x20"),
		KMSG("   bpf_prog_0123456789abcdef_foo_enqueue+0x1/0x20"),
		KMSG("   do_enqueue_task+0x1/0x20"), KMSG("   asm_sysvec_apic_timer_interrupt+0x1a/0x20"),
		KMSG("   bpf_prog_0123456789abcdef_ktstr_probe_traced_exit+0x1/0x20") };
	struct ktstr_verdict *v = judge(recs, 9);

	cr_assert_str_eq(v->signature, "scheduler error (runtime error: non-existent DSQ N for TASK) in decide < "
			 "foo_enqueue");
	cr_assert_eq(v->chain->n_frames, 5, "the interrupt met a probe, which is no part of the bug");
	ktstr_verdict_destroy(v);
}

Test(verdict, a_signature_has_no_task_whatever_its_name_is)
{
	static const char *const names[] = { "spin", "my own task", "kworker/u8:0", "7 of 9" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char stall[96], error[96];
		const struct rec recs[] = { RUN_WITH_SCHEDULER, ATTACHED,
			KMSG("sched_ext: BPF scheduler \"foo\" disabled (runnable task stall)"), KMSG(stall) };
		const struct rec others[] = { RUN_WITH_SCHEDULER, ATTACHED,
			KMSG("sched_ext: BPF scheduler \"foo\" disabled (runtime error)"), KMSG(error) };
		struct ktstr_verdict *v;

		snprintf(stall, sizeof(stall), "sched_ext: foo: %s[12] failed to run for 5.123s", names[i]);
		snprintf(error, sizeof(error), "sched_ext: foo: target CPU 1 not allowed for %s[12]", names[i]);
		v = judge(recs, 4);
		cr_expect_str_eq(v->signature, "scheduler stall (runnable task stall: TASK failed to run for N.Ns)");
		ktstr_verdict_destroy(v);
		v = judge(others, 4);
		cr_expect_str_eq(v->signature, "scheduler error (runtime error: target CPU N not allowed for TASK)");
		ktstr_verdict_destroy(v);
	}
}

Test(verdict, numbers_do_not_change_the_signature)
{
	const struct rec one[] = { RUN_WITH_SCHEDULER, ATTACHED,
		KMSG("sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
		KMSG("sched_ext: foo: bad dsq 0xff12 of task 17") };
	const struct rec other[] = { RUN_WITH_SCHEDULER, ATTACHED,
		KMSG("sched_ext: BPF scheduler \"foo\" disabled (scx_bpf_error)"),
		KMSG("sched_ext: foo: bad dsq 0x1 of task 4242") };
	struct ktstr_verdict *a = judge(one, 4), *b = judge(other, 4);

	cr_assert_str_eq(a->signature, "scheduler error (scx_bpf_error: bad dsq N of task N)");
	cr_assert_str_eq(a->signature, b->signature);
	cr_assert_eq(a->exit_kind, SCX_EXIT_ERROR_BPF);
	ktstr_verdict_destroy(a);
	ktstr_verdict_destroy(b);
}
