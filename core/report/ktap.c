/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The KTAP renderer: version 1 as the kernel's Documentation/dev-tools/ktap.rst has it. The run is one test, the
 * checks that were made are its subtests.
 */
#include "report/report.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "report/layout.h"

/* One line; a # would begin a directive. */
static void put_words(struct ktstr_buf *out, const char *text)
{
	_cleanup_buf_ struct ktstr_buf clean = { 0 };

	ktstr_layout_escape(&clean, text, strlen(text));
	out->failed |= clean.failed;
	for (size_t i = 0; i < clean.len; i++) {
		if (clean.data[i] == '#')
			ktstr_put_byte(out, '\\');
		ktstr_put_byte(out, clean.data[i]);
	}
}

static void put_note(struct ktstr_buf *out, const char *what, const char *text)
{
	if (!text || !*text)
		return;
	ktstr_buf_printf(out, "# %s: ", what);
	ktstr_layout_escape(out, text, strlen(text));
	ktstr_put_byte(out, '\n');
}

/* A result line behind `indent`. `why` of a test that passed or failed is told elsewhere. */
static void put_result(struct ktstr_buf *out, const char *indent, size_t n, enum ktstr_outcome outcome,
		       const char *name, const char *why, bool timeout)
{
	bool ok = outcome == KTSTR_OUTCOME_PASS || outcome == KTSTR_OUTCOME_SKIP;

	ktstr_buf_printf(out, "%s%s %zu ", indent, ok ? "ok" : "not ok", n);
	put_words(out, name);
	if (outcome == KTSTR_OUTCOME_SKIP)
		ktstr_buf_puts(out, " # SKIP ");
	else if (outcome == KTSTR_OUTCOME_INCONCLUSIVE)
		ktstr_buf_puts(out, " # ERROR ");
	else if (!ok && timeout)
		ktstr_buf_puts(out, " # TIMEOUT ");
	if (outcome != KTSTR_OUTCOME_PASS && (outcome != KTSTR_OUTCOME_FAIL || timeout))
		put_words(out, why);
	ktstr_put_byte(out, '\n');
}

static void put_checks(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	if (!s->checks.n)
		return;
	ktstr_buf_puts(out, "  KTAP version 1\n  # Subtest: ");
	put_words(out, s->test);
	ktstr_buf_printf(out, "\n  1..%zu\n", s->checks.n);
	for (size_t i = 0; i < s->checks.n; i++) {
		const struct ktstr_summary_check *c = &s->checks.items[i];

		if (c->outcome == KTSTR_OUTCOME_FAIL) {
			ktstr_buf_puts(out, "  ");
			put_note(out, c->name, c->text);
		}
		put_result(out, "  ", i + 1, c->outcome, c->name, c->text, false);
	}
}

static void put_attempts(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	for (size_t i = 1; i < s->attempts.n; i++) {
		const struct ktstr_summary_attempt *a = &s->attempts.items[i];

		ktstr_buf_printf(out, "# repeated: %s%s\n", ktstr_outcome_word(a->outcome),
				 a->same ? " by the same bug" : "");
	}
}

static bool is_timeout(const struct ktstr_summary_attempt *a)
{
	return !strcmp(a->cause, "timeout") || !strcmp(a->cause, "boot-hang");
}

static void put_test(struct ktstr_buf *out, const struct ktstr_summary *s)
{
	const struct ktstr_summary_attempt *first = &s->attempts.items[0];
	_cleanup_free_ char *name = ktstr_summary_name(s);

	put_checks(out, s);
	put_note(out, ktstr_outcome_word(first->outcome), first->reason);
	put_note(out, "signature", first->signature);
	put_attempts(out, s);
	put_note(out, "run", s->folder);
	put_note(out, "again", s->again);
	out->failed |= !name;
	if (name)
		put_result(out, "", 1, first->outcome, name, first->reason, is_timeout(first));
}

int ktstr_render_ktap(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err)
{
	bool any = doc->summary.attempts.n;

	ktstr_buf_printf(out, "KTAP version 1\n1..%d\n", any);
	if (any)
		put_test(out, &doc->summary);
	return out->failed ? ktstr_err_nomem(err) : 0;
}
