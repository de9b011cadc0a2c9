/* SPDX-License-Identifier: GPL-2.0-only */
/* Journals survive whatever happens to their writer and to their bytes. */
#include "base/clock.h"
#include "base/file.h"
#include "wire/journal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static char path[] = "/tmp/ktstr-test-journal.XXXXXX";

static void make_path(void)
{
	strcpy(path, "/tmp/ktstr-test-journal.XXXXXX");
	close(mkstemp(path));
	unlink(path);
}

static void drop_path(void)
{
	unlink(path);
}

static void note(struct ktstr_journal_writer *w, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", text);
	cr_assert_eq(ktstr_journal_record(w, KTSTR_REC_NOTE, &b, NULL), 0);
}

static struct ktstr_buf written(void)
{
	struct ktstr_journal_writer *w;
	struct ktstr_buf bytes = { 0 };

	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	note(w, "first");
	note(w, "second");
	cr_assert_eq(ktstr_journal_sync(w, NULL), 0);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, NULL), 0);
	return bytes;
}

static unsigned count(const struct ktstr_journal *j)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;
	unsigned n = 0;

	while (ktstr_journal_next(j, &cursor, &rec))
		n++;
	return n;
}

TestSuite(journal, .init = make_path, .fini = drop_path);

Test(journal, reads_back_in_order)
{
	struct ktstr_buf bytes = written();
	struct ktstr_journal *j;
	struct ktstr_record rec;
	struct ktstr_str s;
	uint64_t cursor = 0;

	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	cr_assert(ktstr_journal_next(j, &cursor, &rec));
	cr_assert_eq(rec.type, KTSTR_REC_NOTE);
	cr_assert(ktstr_get_str(&rec.fields, "text", &s) && ktstr_str_is(s, "first"));
	cr_assert(ktstr_journal_next(j, &cursor, &rec));
	cr_assert(ktstr_get_str(&rec.fields, "text", &s) && ktstr_str_is(s, "second"));
	cr_assert_not(ktstr_journal_next(j, &cursor, &rec));
	cr_assert_eq(ktstr_journal_torn(j, NULL), 0);
	ktstr_journal_destroy(j);
	ktstr_buf_free(&bytes);
}

Test(journal, a_cut_loses_only_what_was_cut)
{
	struct ktstr_buf bytes = written();
	unsigned before = 0;

	for (size_t len = 1; len <= bytes.len; len++) {
		struct ktstr_journal *j;
		unsigned n;

		if (ktstr_journal_open_bytes(bytes.data, len, &j, NULL))
			continue;
		n = count(j);
		cr_assert(n >= before && n <= 2);
		cr_assert_eq(!ktstr_journal_torn(j, NULL), n > before || len == bytes.len ||
			     ktstr_journal_torn(j, NULL) == 0);
		before = n;
		ktstr_journal_destroy(j);
	}
	cr_assert_eq(before, 2);
	ktstr_buf_free(&bytes);
}

Test(journal, a_flipped_bit_is_noticed)
{
	struct ktstr_buf bytes = written();

	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		struct ktstr_journal *j;

		bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (!ktstr_journal_open_bytes(bytes.data, bytes.len, &j, NULL)) {
			cr_assert_lt(count(j), 2, "bit %zu was not noticed", bit);
			cr_assert_gt(ktstr_journal_torn(j, NULL), 0);
			ktstr_journal_destroy(j);
		}
		bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	ktstr_buf_free(&bytes);
}

Test(journal, an_existing_file_is_not_touched)
{
	struct ktstr_buf bytes = written();
	struct ktstr_journal_writer *w;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_journal_create(path, 0, &w, &err), -EEXIST);
	cr_assert(strstr(err.msg, path), "%s", err.msg);
	ktstr_buf_free(&bytes);
}

Test(journal, a_write_that_fails_sticks_and_keeps_what_was_there)
{
	struct rlimit limit;
	struct ktstr_journal_writer *w;
	struct ktstr_journal *j;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf b = { 0 };

	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &w, NULL), 0);
	note(w, "fits");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 160;		/* in the middle of the next frame */
	setrlimit(RLIMIT_FSIZE, &limit);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", "this one is long enough to run into the limit in its middle");
	cr_assert_eq(ktstr_journal_record(w, KTSTR_REC_NOTE, &b, &err), -EFBIG);
	cr_assert(strstr(err.msg, path), "%s", err.msg);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_assert_eq(ktstr_journal_append(w, KTSTR_REC_NOTE, 0, "\xa0", 1, NULL), -EFBIG);
	ktstr_journal_close(w);
	cr_assert_eq(ktstr_journal_open(path, &j, NULL), 0);
	cr_assert_eq(count(j), 1);
	cr_assert_gt(ktstr_journal_torn(j, NULL), 0);
	ktstr_journal_destroy(j);
}

Test(journal, what_is_no_journal_is_said)
{
	struct ktstr_journal *j;
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_file_write(path, "hello, I am a text", 18, 0600, NULL), 0);
	cr_assert_eq(ktstr_journal_open(path, &j, &err), -EBADMSG);
	cr_assert(strstr(err.msg, path) && strstr(err.msg, "no frame"), "%s", err.msg);
}
