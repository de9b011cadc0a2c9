/* SPDX-License-Identifier: GPL-2.0-only */
/* A verdict whose memory runs out at each allocation in turn: an error, nothing leaked, nothing half-made. */
#include <ktstr/histogram.h>

#include "failing-memory.h"
#include "check/expect.h"
#include "made-journal.h"
#include "run/run.h"

static void put_text(struct made *m, uint32_t type, const char *key, const char *text,
		     const char *key2, const char *text2)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, key, text);
	ktstr_put_str(&b, key2, text2);
	made_record(m, type, SEC, &b);
}

static void put_expect(struct made *m, enum ktstr_cause fails)
{
	struct ktstr_expect e;
	struct ktstr_buf b = { 0 };

	ktstr_expect_defaults(&e);
	e.asked[KTSTR_CHECK_GAP] = true;
	e.values[KTSTR_CHECK_ISOLATION] = (struct ktstr_value){ .set = true, .boolean = true };
	e.values[KTSTR_CHECK_MIN_WORK] = (struct ktstr_value){ .set = true, .u64 = 100 };
	e.fails = fails;
	ktstr_put_begin(&b);
	ktstr_expect_put(&e, &b);
	made_record(m, KTSTR_REC_EXPECT, 0, &b);
}

/* Everything that statistics, checks and the crash chain allocate for: groups, phases, cpusets, moves, violations,
 * frames. */
static void make(struct made *m, enum ktstr_cause fails)
{
	static const uint64_t wakes[] = { 1000, 2000, 0 };

	made_head(m);
	put_text(m, KTSTR_REC_RUN, "test", "t", NULL, NULL);
	put_expect(m, fails);
	put_text(m, KTSTR_REC_VMM, "accel", "tcg", NULL, NULL);
	made_step(m, SEC, 1, 1, "one", "begin", 2);
	put_text(m, KTSTR_REC_CGROUP, "name", "a", "cpuset", "0-1");
	put_text(m, KTSTR_REC_CGROUP, "name", "b", "cpuset", "2");
	put_text(m, KTSTR_REC_OP, "target", "a", "to", "b");
	made_worker(m, 3 * SEC, &(struct made_worker){ .cgroup = "a", .workload = "w", .pid = 1,
						       .wall_ns = 2 * SEC, .cpus = "03" });
	made_worker(m, 3 * SEC, &(struct made_worker){ .cgroup = "b", .workload = "w", .pid = 2,
						       .wall_ns = 2 * SEC, .iterations = 5,
						       .cpus = "2", .wakes = wakes });
	put_text(m, KTSTR_REC_SCX_DUMP, "text", "Backtrace:", NULL, NULL);
	put_text(m, KTSTR_REC_SCX_DUMP, "text", "  bpf_prog_0123456789abcdef_enqueue+0x1/0x2", NULL, NULL);
	made_step(m, 3 * SEC, 1, 1, "one", "end", 2);
	put_text(m, KTSTR_REC_DONE, "outcome", "ran", NULL, NULL);
	put_text(m, KTSTR_REC_VM_END, "how", "stopped", NULL, NULL);
	put_text(m, KTSTR_REC_RUN_END, "x", NULL, NULL, NULL);
}

static void judge_with_ever_more(enum ktstr_cause fails, enum ktstr_outcome outcome)
{
	const struct ktstr_journal *journal;
	struct ktstr_verdict *v = NULL;
	struct made m = { 0 };
	size_t n = 0;
	int ret;

	make(&m, fails);
	journal = made_open(&m);
	do {
		struct ktstr_err err = KTSTR_ERR_INIT;

		fail_after(n++);
		ret = ktstr_verdict_create(journal, &v, &err);
		cr_assert_eq(ret, failed ? -ENOMEM : 0, "allocation %zu: %d", n, ret);
		cr_assert_eq(v != NULL, ret == 0);
		cr_assert_str_eq(err.msg, failed ? "out of memory" : "");
	} while (failed);
	left = SIZE_MAX;
	cr_assert_gt(n, 30);
	cr_assert_eq(v->outcome, outcome);
	cr_assert_gt(v->n_findings, 3);
	ktstr_verdict_destroy(v);
	made_free(&m);
}

Test(memory, checks_that_fail)
{
	judge_with_ever_more(KTSTR_CAUSE_NONE, KTSTR_OUTCOME_FAIL);
}

Test(memory, a_failure_that_is_meant)
{
	judge_with_ever_more(KTSTR_CAUSE_CHECK, KTSTR_OUTCOME_PASS);
	judge_with_ever_more(KTSTR_CAUSE_PANIC, KTSTR_OUTCOME_FAIL);
}
