/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Folding of repeated cycles of lines.
 *
 * Lines become tokens: a hash of the line without what changes from one turn of a loop to the
 * next (fold-line.c). A run of one cycle of tokens is replaced by one token, and the search goes
 * on over the shorter row, so that cycles of cycles fold too.
 *
 * The candidate period at a token is its distance to the last occurrence of the same 2^k tokens.
 * One token (k = 0) is enough for a cycle whose lines differ; a cycle of length p, whatever is in
 * it, is found with any 2^k >= p, because 2^k tokens of it occur only once per turn. The smallest
 * such 2^k is below 2p, hence three turns suffice. In a pass no token is compared twice for the
 * same period.
 */
#include "report/fold-line.h"
#include "report/report.h"

#include "base/text.h"

#define PERIOD_MAX 4096u
#define GRAM_LEVELS 13u		/* 2^12 == PERIOD_MAX */
#define ROUNDS_MAX 4
#define REPEATS_MIN 3u
#define SAVED_MIN 6u		/* lines that a fold saves although two turns are printed */

#define NO_RUN SIZE_MAX

struct token {
	uint64_t hash;
	size_t begin, end;	/* the lines it stands for */
	size_t run;		/* index in `runs`, or NO_RUN: a single line */
};

struct tokens {
	struct token *items;
	size_t n, cap;
};

/* Turns of one cycle. Tokens of the first and the last turn are kept, `period` of each. */
struct run {
	size_t first, last;	/* indices in `kept` */
	size_t period;
	size_t between;		/* turns between those two */
	size_t lines_between;
	bool exact;		/* all turns are byte for byte the first one */
	bool last_exact;
};

struct slot {
	uint64_t hash;
	size_t at;		/* index + 1; 0: empty */
};

struct ktstr_fold {
	struct ktstr_buf text;		/* all lines, one behind the other */
	KTSTR_VEC(size_t) ends;		/* of each line in `text` */
	struct tokens tokens, kept;
	KTSTR_VEC(struct run) runs;
	struct slot *slots;		/* last occurrence of each gram */
	size_t n_slots;			/* a power of two */
	uint64_t *grams;		/* per token: hash of the 2^level tokens that end there */
	size_t checked[PERIOD_MAX + 1];	/* per period: end of the last run that was looked at */
	uint64_t work;
	bool failed;			/* an allocation failed */
};

struct ktstr_fold *ktstr_fold_create(void)
{
	return calloc(1, sizeof(struct ktstr_fold));
}

void ktstr_fold_destroy(struct ktstr_fold *f)
{
	if (!f)
		return;
	ktstr_buf_free(&f->text);
	ktstr_vec_free(&f->ends);
	ktstr_vec_free(&f->tokens);
	ktstr_vec_free(&f->kept);
	ktstr_vec_free(&f->runs);
	free(f->slots);
	free(f->grams);
	free(f);
}

uint64_t ktstr_fold_work(const struct ktstr_fold *f)
{
	return f->work;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xff51afd7ed558ccdull;

	return (h ^ h >> 32) * 0xc4ceb9fe1a85ec53ull + b;
}

void ktstr_fold_line(struct ktstr_fold *f, const char *text, size_t len)
{
	struct token *t = ktstr_vec_add(&f->tokens);
	size_t *end = ktstr_vec_add(&f->ends);

	ktstr_buf_add(&f->text, text, len);
	if (!t || !end || f->text.failed) {
		f->failed = true;
		return;
	}
	*end = f->text.len;
	t->hash = mix(ktstr_fold_line_hash(text, len), 1);
	t->begin = f->ends.n - 1;
	t->end = f->ends.n;
	t->run = NO_RUN;
}

/* ---- finding ---- */

/* Puts position `at` as the last occurrence of `hash`; returns the one before + 1, or 0. */
static size_t last_occurrence(struct ktstr_fold *f, uint64_t hash, size_t at)
{
	size_t i = (size_t)(hash >> 20) & (f->n_slots - 1), before;

	while (f->slots[i].at && f->slots[i].hash != hash) {
		i = (i + 1) & (f->n_slots - 1);
		f->work++;
	}
	f->work++;
	before = f->slots[i].at;
	f->slots[i] = (struct slot){ hash, at + 1 };
	return before;
}

static bool same(struct ktstr_fold *f, size_t a, size_t b)
{
	f->work++;
	return f->tokens.items[a].hash == f->tokens.items[b].hash;
}

/* How many turns a run must have so that folding it is worth the while. */
static size_t turns_wanted(size_t period)
{
	size_t turns = 2 + (SAVED_MIN + 1 + period - 1) / period;

	return turns > REPEATS_MIN ? turns : REPEATS_MIN;
}

/* The run of `period` around token `at`, not reaching below `floor`: its first token and its
 * number of turns, 0 when there are too few. */
static size_t find_run(struct ktstr_fold *f, size_t at, size_t period, size_t floor,
		       size_t *ret_begin)
{
	size_t begin = at, end = at + 1, turns;

	while (begin > floor + period && same(f, begin - 1, begin - 1 - period))
		begin--;
	begin -= period;
	while (end < f->tokens.n && same(f, end, end - period))
		end++;
	f->checked[period] = end;
	turns = (end - begin) / period;
	*ret_begin = begin;
	return turns >= turns_wanted(period) ? turns : 0;
}

/* ---- replacing ---- */

static const char *lines_text(const struct ktstr_fold *f, size_t begin, size_t end, size_t *ret_len)
{
	size_t from = begin ? f->ends.items[begin - 1] : 0;

	*ret_len = end > begin ? f->ends.items[end - 1] - from : 0;
	return f->text.data ? (const char *)f->text.data + from : "";
}

static bool same_bytes(const struct ktstr_fold *f, const struct token *a, const struct token *b,
		       size_t period)
{
	size_t na = a[period - 1].end - a->begin, nb = b[period - 1].end - b->begin;

	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++) {
		size_t len_a, len_b;
		const char *text_a = lines_text(f, a->begin + i, a->begin + i + 1, &len_a);
		const char *text_b = lines_text(f, b->begin + i, b->begin + i + 1, &len_b);

		if (len_a != len_b || (len_a && memcmp(text_a, text_b, len_a)))
			return false;
	}
	return true;
}

/* Copies the tokens of one turn; the index of the first. */
static size_t keep_turn(struct ktstr_fold *f, const struct token *turn, size_t period)
{
	size_t first = f->kept.n;

	for (size_t i = 0; i < period; i++) {
		struct token *t = ktstr_vec_add(&f->kept);

		if (!t)
			f->failed = true;
		else
			*t = turn[i];
	}
	return first;
}

/* The token that stands for `turns` turns of `period` tokens from `begin` on. */
static struct token make_run(struct ktstr_fold *f, size_t begin, size_t period, size_t turns)
{
	const struct token *first = &f->tokens.items[begin], *last = first + (turns - 1) * period;
	struct token t = { 0, first->begin, last[period - 1].end, f->runs.n };
	struct run *run = ktstr_vec_add(&f->runs);

	if (!run) {
		f->failed = true;
		return t;
	}
	run->period = period;
	run->between = turns - 2;
	run->lines_between = last->begin - first[period].begin;
	run->first = keep_turn(f, first, period);
	run->last = keep_turn(f, last, period);
	run->last_exact = same_bytes(f, first, last, period);
	run->exact = run->last_exact;
	for (size_t i = 1; run->exact && i + 1 < turns; i++)
		run->exact = same_bytes(f, first, first + i * period, period);
	/* The number of turns is a number like others: not part of what must be the same. */
	t.hash = mix(period, 0x72756e);
	for (size_t i = 0; i < period; i++)
		t.hash = mix(t.hash, first[i].hash);
	return t;
}

/* ---- passes ---- */

static void make_grams(struct ktstr_fold *f, unsigned level)
{
	for (size_t i = 0; i < f->tokens.n; i++)
		f->grams[i] = f->tokens.items[i].hash;
	for (unsigned k = 0; k < level; k++)
		for (size_t i = f->tokens.n; i-- > (size_t)1 << k;)
			f->grams[i] = mix(f->grams[i - ((size_t)1 << k)], f->grams[i]);
	f->work += f->tokens.n * (level + 1);
}

/* One walk over the tokens with grams of 2^level. Folds are made in place: the row only shrinks.
 * True when something may be left to find with longer grams. */
static bool pass(struct ktstr_fold *f, unsigned level, bool *ret_folded)
{
	size_t n = f->tokens.n, floor = 0, out = 0, done = 0, size = (size_t)1 << level;
	struct token *items = f->tokens.items;
	bool repeats = false;

	memset(f->slots, 0, f->n_slots * sizeof(*f->slots));
	memset(f->checked, 0, sizeof(f->checked));
	make_grams(f, level);
	for (size_t i = size - 1; i < n && !f->failed; i++) {
		size_t before = last_occurrence(f, f->grams[i], i), period = i + 1 - before;
		size_t begin, turns;

		if (!before)
			continue;
		repeats = true;
		if (before <= floor || period > PERIOD_MAX || i < f->checked[period])
			continue;
		turns = find_run(f, i, period, floor, &begin);
		if (!turns)
			continue;
		memmove(items + out, items + done, (begin - done) * sizeof(*items));
		out += begin - done;
		/* The run's tokens are read before their place is written: out <= begin. */
		items[out] = make_run(f, begin, period, turns);
		out++;
		floor = done = begin + turns * period;
		i = floor - 1;
		*ret_folded = true;
	}
	memmove(items + out, items + done, (n - done) * sizeof(*items));
	f->tokens.n = out + n - done;
	return repeats;
}

static void find_all(struct ktstr_fold *f)
{
	bool folded = true;

	f->n_slots = 16;
	while (f->n_slots < 2 * f->tokens.n)
		f->n_slots *= 2;
	f->slots = malloc(f->n_slots * sizeof(*f->slots));
	f->grams = malloc((f->tokens.n + 1) * sizeof(*f->grams));
	if (!f->slots || !f->grams) {
		f->failed = true;
		return;
	}
	/* Again while it folds, as a cycle found with long grams may be part of a short one. */
	for (int round = 0; folded && round < ROUNDS_MAX; round++) {
		folded = false;
		for (unsigned level = 0; level < GRAM_LEVELS; level++)
			if (!pass(f, level, &folded))
				break;
	}
}

/* ---- printing ---- */

struct printer {
	const struct ktstr_fold *fold;
	ktstr_fold_line_fn *line;
	void *ctx;
	size_t printed;
};

static void print_tokens(struct printer *p, const struct token *tokens, size_t n);

static void print_marker(struct printer *p, const struct run *run, size_t lines_above)
{
	/* With the last turn printed below, it is not among those left out. */
	bool whole = run->last_exact;
	const struct token *last = &p->fold->kept.items[run->last];
	size_t more = run->between + whole;
	size_t lines = run->lines_between +
		       (whole ? last[run->period - 1].end - last->begin : 0);
	const char *how = run->exact ? "the same" : "the same up to numbers";
	char times[48] = "once more", text[192];
	int len;

	if (more > 1)
		snprintf(times, sizeof(times), "%zu more times", more);

	if (lines_above == 1)
		len = snprintf(text, sizeof(text),
			       "  ... %zu more lines like the one above (%s) ...", lines, how);
	else
		len = snprintf(text, sizeof(text),
			       "  ... %s the %zu lines above (%zu lines, %s) ...", times,
			       lines_above, lines, how);
	p->line(p->ctx, text, (size_t)len, KTSTR_FOLD_MARKER);
	p->printed++;
}

static void print_run(struct printer *p, const struct run *run)
{
	size_t before = p->printed;

	print_tokens(p, &p->fold->kept.items[run->first], run->period);
	print_marker(p, run, p->printed - before);
	if (!run->last_exact)
		print_tokens(p, &p->fold->kept.items[run->last], run->period);
}

/* Runs nest at most as deep as there were passes. */
static void print_tokens(struct printer *p, const struct token *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text;
		size_t len;

		if (tokens[i].run != NO_RUN) {
			print_run(p, &p->fold->runs.items[tokens[i].run]);
			continue;
		}
		text = lines_text(p->fold, tokens[i].begin, tokens[i].end, &len);
		p->line(p->ctx, text, len, tokens[i].begin);
		p->printed++;
	}
}

int ktstr_fold_finish(struct ktstr_fold *f, ktstr_fold_line_fn *line, void *ctx)
{
	struct printer p = { f, line, ctx, 0 };

	if (f->tokens.n && !f->slots && !f->failed)
		find_all(f);
	if (f->failed)
		return -ENOMEM;
	print_tokens(&p, f->tokens.items, f->tokens.n);
	return 0;
}
