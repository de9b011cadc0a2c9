/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/clock.h"
#include "base/file.h"
#include "run/store.h"

#include <criterion/criterion.h>

static char root[64];

static void make_root(void)
{
	strcpy(root, "/tmp/ktstr-test-store.XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	setenv("KTSTR_STATE_DIR", root, 1);
}

static void drop_root(void)
{
	ktstr_remove_tree(root, NULL);
}

TestSuite(store, .init = make_root, .fini = drop_root);

static char *new_run(const char *test, bool with_journal)
{
	struct ktstr_journal_writer *w;
	char *dir, *path;

	cr_assert_eq(ktstr_store_new_run(test, &dir, NULL), 0);
	path = ktstr_store_journal(dir, 1);
	if (with_journal) {
		cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
		ktstr_journal_close(w);
	}
	free(path);
	return dir;
}

Test(store, runs_of_one_second_do_not_meet)
{
	char *a = new_run("same", true), *b = new_run("same", true);

	cr_assert_str_neq(a, b);
	free(a);
	free(b);
}

Test(store, finds_a_run_by_folder_id_beginning_and_last)
{
	char *dir = new_run("finds", true), id[128];
	const char *names[] = { dir, id, "last", "20" };
	struct ktstr_stored_run run;

	snprintf(id, sizeof(id), "%s", strrchr(dir, '/') + 1);
	for (size_t i = 0; i < 4; i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_assert_eq(ktstr_stored_run_open(names[i], &run, &err), 0, "%s: %s", names[i], err.msg);
		cr_assert_str_eq(run.id, id);
		cr_assert_eq(run.n, 1);
		cr_assert_eq(run.verdicts[0]->outcome, KTSTR_OUTCOME_INCONCLUSIVE);
		ktstr_stored_run_deinit(&run);
	}
	free(dir);
}

static void refused(const char *name, int code, const char *text)
{
	struct ktstr_stored_run run;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_stored_run_open(name, &run, &err), code, "%s", err.msg);
	cr_assert(strstr(err.msg, text), "%s", err.msg);
}

Test(store, says_what_it_cannot_find)
{
	char *a, *b;

	refused("last", -ENOENT, "no run is stored yet");
	a = new_run("one", true);
	b = new_run("two", false);
	refused("nothing", -ENOENT, "`ktstr runs` lists them");
	refused("20", -EINVAL, "could be");
	refused(b, -ENOENT, "no attempt-1.journal");
	free(a);
	free(b);
}

/* Attempt n of a run that has those before it. */
static void add_attempt(const char *dir, unsigned n, bool whole)
{
	char *path = ktstr_store_journal(dir, n);
	struct ktstr_journal_writer *w;

	if (whole) {
		cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
		ktstr_journal_close(w);
	} else {
		cr_assert_eq(ktstr_file_write(path, "", 0, 0644, NULL), 0);
	}
	free(path);
}

Test(store, a_run_has_all_its_attempts)
{
	char *dir = new_run("again", true);
	struct ktstr_stored_run run;

	add_attempt(dir, 2, true);
	add_attempt(dir, 3, true);
	cr_assert_eq(ktstr_stored_run_open(dir, &run, NULL), 0);
	cr_expect_eq(run.n, 3);
	cr_expect_null(run.unreadable);
	ktstr_stored_run_deinit(&run);
	free(dir);
}

Test(store, an_attempt_that_cannot_be_read_leaves_those_before_it)
{
	char *dir = new_run("again", true);
	struct ktstr_stored_run run;

	add_attempt(dir, 2, true);
	add_attempt(dir, 3, false);
	cr_assert_eq(ktstr_stored_run_open(dir, &run, NULL), 0);
	cr_expect_eq(run.n, 2);
	cr_expect(strstr(run.unreadable, "attempt-3.journal is no journal: it is empty"), "%s", run.unreadable);
	ktstr_stored_run_deinit(&run);
	free(dir);
}

Test(store, a_run_whose_first_attempt_cannot_be_read_is_refused)
{
	char *dir = new_run("again", false);

	add_attempt(dir, 1, false);
	add_attempt(dir, 2, true);
	refused(dir, -EBADMSG, "attempt-1.journal is no journal");
	free(dir);
}

Test(store, says_what_to_set_without_a_home)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	char *dir;

	unsetenv("KTSTR_STATE_DIR");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	cr_assert_eq(ktstr_store_new_run("x", &dir, &err), -ENOENT);
	cr_assert(strstr(err.msg, "HOME is not set"), "%s", err.msg);
}
