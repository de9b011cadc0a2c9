/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The repro cycle with attempts made up by the test: they run in the real children, and write into the real
 * journals how they went, but boot nothing.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "run/repro.h"
#include "run/store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- verdicts ---- */

static const enum ktstr_cause repeated[] = {
	KTSTR_CAUSE_SCHED_ERROR, KTSTR_CAUSE_SCHED_STALL, KTSTR_CAUSE_SCHED_EXIT,
};

static bool is_repeated(enum ktstr_cause cause)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(repeated); i++)
		if (repeated[i] == cause)
			return true;
	return false;
}

Test(repro, only_a_failure_of_the_scheduler_is_repeated)
{
	for (int cause = 0; cause < KTSTR_CAUSE_COUNT; cause++)
		for (int outcome = 0; outcome <= KTSTR_OUTCOME_SKIP; outcome++) {
			const struct ktstr_verdict v = { .outcome = outcome, .cause = cause };
			bool want = outcome == KTSTR_OUTCOME_FAIL && is_repeated(cause);

			cr_expect_eq(ktstr_repro_wanted(&v), want, "cause %d, outcome %d", cause, outcome);
		}
}

Test(repro, the_same_bug_has_the_same_cause_and_signature)
{
	const struct ktstr_verdict a = { .cause = KTSTR_CAUSE_SCHED_ERROR, .signature = "x" };
	const struct ktstr_verdict b = { .cause = KTSTR_CAUSE_SCHED_STALL, .signature = "x" };
	const struct ktstr_verdict c = { .cause = KTSTR_CAUSE_SCHED_ERROR, .signature = "y" };

	cr_expect(ktstr_verdict_is_same(&a, &a));
	cr_expect_not(ktstr_verdict_is_same(&a, &b));
	cr_expect_not(ktstr_verdict_is_same(&a, &c));
}

Test(repro, a_stack_that_was_not_printed_makes_no_other_bug)
{
	const struct ktstr_chain chain = { .size = sizeof(chain) };
	const struct ktstr_verdict printed = { .signature = "error in f < g", .chain = &chain };
	const struct ktstr_verdict lost = { .signature = "error" };
	const struct ktstr_verdict elsewhere = { .signature = "error", .chain = &chain };
	const struct ktstr_verdict longer = { .signature = "error of another kind" };

	cr_expect(ktstr_verdict_is_same(&printed, &lost));
	cr_expect(ktstr_verdict_is_same(&lost, &printed));
	cr_expect_not(ktstr_verdict_is_same(&printed, &elsewhere), "its stack has none of them");
	cr_expect_not(ktstr_verdict_is_same(&longer, &lost));
}

/* ---- attempts ---- */

static char dir[] = "/tmp/ktstr-test-repro.XXXXXX";
static void (*script)(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params);
static int fails;		/* what an attempt returns, once its script is through */
static bool without_journal;

int __wrap_ktstr_attempt_run(const struct ktstr_attempt_params *params, struct ktstr_err *err);

int __wrap_ktstr_attempt_run(const struct ktstr_attempt_params *params, struct ktstr_err *err)
{
	struct ktstr_journal_writer *journal;
	int ret;

	if (without_journal)
		return ktstr_err_set(err, -ENOSPC, "no room here");
	ret = ktstr_journal_create(params->journal, 0, &journal, err);
	if (ret)
		return ret;
	script(journal, params);
	ktstr_journal_close(journal);
	return fails ? ktstr_err_set(err, fails, "it broke") : 0;
}

static void record(struct ktstr_journal_writer *journal, enum ktstr_rec type, const char *key, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, key, text);
	ktstr_journal_record(journal, type, &b, NULL);
}

static void die_of(struct ktstr_journal_writer *journal, const char *why)
{
	_cleanup_free_ char *line = ktstr_asprintf("sched_ext: x: %s", why);

	record(journal, KTSTR_REC_RUN, "scheduler", "x");
	record(journal, KTSTR_REC_KMSG, "text", "sched_ext: BPF scheduler \"x\" disabled (runtime error)");
	record(journal, KTSTR_REC_KMSG, "text", line);
}

/* What the verdict on an attempt is made of is the scripts' own: a signature is all that counts. */
static struct ktstr_verdict first_verdict(const char *why)
{
	static char path[128];
	struct ktstr_journal_writer *writer;
	struct ktstr_journal *journal;
	struct ktstr_verdict *verdict, copy;
	struct ktstr_err err = KTSTR_ERR_INIT;

	snprintf(path, sizeof(path), "%s/attempt-1.journal", dir);
	cr_assert_eq(ktstr_journal_create(path, 0, &writer, &err), 0, "%s", err.msg);
	die_of(writer, why);
	ktstr_journal_close(writer);
	cr_assert_eq(ktstr_journal_open(path, &journal, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_verdict_create(journal, &verdict, &err), 0, "%s", err.msg);
	cr_assert(ktstr_repro_wanted(verdict), "%s", verdict->reason);
	copy = *verdict;
	copy.signature = strdup(verdict->signature);
	ktstr_verdict_destroy(verdict);
	ktstr_journal_destroy(journal);
	return copy;
}

static struct ktstr_repro_result result;
static struct ktstr_run_options options;

static int repeat(unsigned attempts, unsigned enough, unsigned parallel, struct ktstr_err *err)
{
	struct ktstr_verdict first;
	struct ktstr_repro_params params = {
		.attempt = { .options = &options, .number = 1 }, .dir = dir, .first = &first,
		.how = { .attempts = attempts, .enough = enough, .parallel = parallel },
	};
	int ret;

	cr_assert(mkdtemp(dir));
	first = first_verdict("it went wrong after 1000 calls");
	ret = ktstr_repro_run(&params, &result, err);
	free((char *)first.signature);
	return ret;
}

static unsigned count_journals(void)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	unsigned n = 0;

	cr_assert(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strstr(e->d_name, ".journal") != NULL;
	return n;
}

static void clean(void)
{
	_cleanup_closedir_ DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	rmdir(dir);
}

static void expect(unsigned made, unsigned same)
{
	cr_expect_eq(result.made, made, "%u", result.made);
	cr_expect_eq(result.same, same, "%u", result.same);
	cr_expect_eq(count_journals(), 1 + made);
}

static void same_bug(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	(void)params;
	die_of(journal, "it went wrong after 7 calls");
}

static void other_bug(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	(void)params;
	die_of(journal, "another thing");
}

static void same_bug_in_the_third(struct ktstr_journal_writer *journal,
				  const struct ktstr_attempt_params *params)
{
	die_of(journal, params->number == 3 ? "it went wrong after 7 calls" : "another thing");
}

Test(cycle, one_attempt_is_enough_when_it_shows_the_bug, .fini = clean)
{
	script = same_bug;
	cr_assert_eq(repeat(3, 1, 1, NULL), 0);
	expect(1, 1);
}

Test(cycle, it_stops_once_the_bug_came, .fini = clean)
{
	script = same_bug_in_the_third;
	cr_assert_eq(repeat(5, 1, 1, NULL), 0);
	expect(2, 1);
}

Test(cycle, it_makes_all_attempts_when_none_shows_the_bug, .fini = clean)
{
	script = other_bug;
	cr_assert_eq(repeat(4, 1, 1, NULL), 0);
	expect(4, 0);
}

Test(cycle, more_than_one_can_be_asked_for, .fini = clean)
{
	script = same_bug;
	cr_assert_eq(repeat(5, 3, 1, NULL), 0);
	expect(3, 3);
}

/* ---- several at once ---- */

static int arrived, go;		/* eventfds */

/* Waits until three are here; alone it would wait for ever. */
static void meet(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	uint64_t one = 1, n = 0, sum = 0;

	cr_assert_eq(write(arrived, &one, sizeof(one)), (ssize_t)sizeof(one));
	if (params->number == 2) {
		for (; sum < 3 && read(arrived, &n, sizeof(n)) == sizeof(n); sum += n)
			;
		n = 3;
		cr_assert_eq(write(go, &n, sizeof(n)), (ssize_t)sizeof(n));
	}
	cr_assert_eq(read(go, &n, sizeof(n)), (ssize_t)sizeof(n));
	die_of(journal, "it went wrong after 7 calls");
}

Test(cycle, several_run_at_once, .fini = clean, .timeout = 60)
{
	arrived = eventfd(0, EFD_CLOEXEC);
	go = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	script = meet;
	cr_assert_eq(repeat(3, 3, 16, NULL), 0);
	expect(3, 3);
}

/* ---- what they say ---- */

static char said[1024], shown[1024];

static void add(char *to, const char *text, size_t len)
{
	size_t used = strlen(to);

	snprintf(to + used, 1024 - used, "%.*s;", (int)len, text);
}

static void progress(void *ctx, const char *text)
{
	(void)ctx;
	add(said, text, strlen(text));
}

static void console(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	add(shown, text, len);
}

static void talk(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	params->options->progress(params->options->ctx, "attached");
	params->options->console(params->options->ctx, "", 0);
	params->options->console(params->options->ctx, "a line", 6);
	die_of(journal, "another thing");
}

Test(cycle, progress_tells_which_attempt_it_is, .fini = clean)
{
	options.progress = progress;
	options.console = console;
	script = talk;
	cr_assert_eq(repeat(2, 1, 1, NULL), 0);
	cr_expect_str_eq(said, "repro 1 of 2: attached;repro 2 of 2: attached;");
	cr_expect_str_eq(shown, "repro 1: ;repro 1: a line;repro 2: ;repro 2: a line;");
}

static void quiet(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	cr_assert_null(params->options->progress);
	cr_assert_null(params->options->console);
	die_of(journal, params->of == 4 && params->number > 1 ? "it went wrong after 1 calls" : "");
}

Test(cycle, attempts_are_counted_with_the_first_one, .fini = clean)
{
	script = quiet;
	cr_assert_eq(repeat(3, 1, 1, NULL), 0);
	expect(1, 1);
}

/* ---- what can go wrong ---- */

Test(cycle, an_attempt_without_a_journal_is_an_error, .fini = clean)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	without_journal = true;
	cr_assert_lt(repeat(3, 1, 1, &err), 0);
	cr_expect_str_eq(err.msg, "repro 1: no room here");
	expect(0, 0);
}

Test(cycle, an_attempt_that_could_not_say_why_it_broke_is_an_error, .fini = clean)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	script = other_bug;
	fails = -EIO;
	cr_assert_lt(repeat(3, 1, 1, &err), 0);
	cr_expect_str_eq(err.msg, "repro 1: it broke");
	expect(1, 0);
}

static void break_down(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	(void)params;
	record(journal, KTSTR_REC_FAULT, "text", "no memory for a VM");
	fails = -ENOMEM;
}

Test(cycle, what_its_journal_tells_is_none_but_the_last_attempt, .fini = clean)
{
	script = break_down;
	cr_assert_eq(repeat(3, 1, 1, NULL), 0);
	expect(1, 0);
}

static void crash(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	(void)params;
	record(journal, KTSTR_REC_STAGE, "stage", "attached");
	raise(SIGKILL);
}

Test(cycle, a_child_that_is_killed_leaves_what_it_wrote, .fini = clean)
{
	script = crash;
	cr_assert_eq(repeat(2, 1, 1, NULL), 0);
	expect(2, 0);
}

/* ---- signals ---- */

/* Ends as an attempt does that is interrupted; the first to get here has the signal sent. */
static void be_interrupted(struct ktstr_journal_writer *journal, const struct ktstr_attempt_params *params)
{
	uint64_t one = 1, n = 0, sum = 0;
	struct signalfd_siginfo info;
	struct ktstr_buf b = { 0 };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	cr_assert_eq(write(arrived, &one, sizeof(one)), (ssize_t)sizeof(one));
	if (params->number == 2) {
		for (; sum < 2 && read(arrived, &n, sizeof(n)) == sizeof(n); sum += n)
			;
		kill(getppid(), SIGTERM);
	}
	cr_assert_eq(read(fd, &info, sizeof(info)), (ssize_t)sizeof(info));
	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "signal", info.ssi_signo);
	ktstr_journal_record(journal, KTSTR_REC_INTERRUPT, &b, NULL);
}

static bool is_blocked(int signal)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signal);
}

Test(cycle, a_signal_ends_all_of_them, .fini = clean, .timeout = 60)
{
	arrived = eventfd(0, EFD_CLOEXEC);
	script = be_interrupted;
	cr_assert_eq(repeat(9, 1, 2, NULL), 0);
	expect(2, 0);
	cr_expect_not(is_blocked(SIGTERM));
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);	/* none is left */
}
