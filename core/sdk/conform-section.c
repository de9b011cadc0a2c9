/* SPDX-License-Identifier: GPL-2.0-only */
/* Sections: over recorded runs, whole, cut off, and with records that are not what they should be. */
#include "sdk/conform-internal.h"

#include "report/encode.h"

#define DOCUMENT_BYTES (64u << 20)	/* what core allows one section to say */

/* ---- a journal as a section sees it ---- */

/* How the records differ from those that were recorded. */
enum change {
	CHANGE_NOTHING,
	CHANGE_CUT,		/* the journal ends early */
	CHANGE_DROP,		/* every third record is missing */
	CHANGE_EMPTY,		/* every other record has no fields */
	CHANGE_MIX,		/* records carry the type of the one before */
	CHANGE_TIMES,		/* all times are 0 */
	CHANGES,
};

static const char *const changes[CHANGES] = {
	"whole", "cut off", "with a third of its records missing", "with every other record empty",
	"with the types of its records mixed up", "without times",
};

/* Stands for a struct ktstr_journal, which sections only hand on. */
struct view {
	const struct ktstr_journal *journal;
	enum change change;
	uint64_t end;			/* CUT: so many records */
};

static bool view_next(const struct ktstr_journal *journal, uint64_t *cursor, struct ktstr_record *rec)
{
	static const uint8_t no_fields[] = { 0xbf, KTSTR_CBOR_BREAK };
	const struct view *v = (const struct view *)journal;
	uint64_t before = *cursor;
	struct ktstr_record last;

	do {
		if (!ktstr_journal_next(v->journal, cursor, rec))
			return false;
	} while (v->change == CHANGE_DROP && rec->seq % 3 == 2);
	if (v->change == CHANGE_CUT && rec->seq >= v->end)
		return false;
	if (v->change == CHANGE_EMPTY && rec->seq % 2)
		ktstr_fields_parse(no_fields, sizeof(no_fields), &rec->fields);
	if (v->change == CHANGE_MIX && rec->seq) {
		uint64_t at = 0;

		/* the record before: the walk is short, recorded runs are */
		while (at < before && ktstr_journal_next(v->journal, &at, &last))
			;
		rec->type = last.type;
	}
	if (v->change == CHANGE_TIMES)
		rec->host_ns = rec->guest_ns = 0;
	return true;
}

/* ---- building ---- */

struct built {
	int result;			/* of build(), as the document has it */
	struct ktstr_buf bytes;
};

/* A negative errno when the section broke a rule; failing with a message is none. */
static int build(struct conform *c, const struct ktstr_stored_run *run, enum change change, uint64_t end,
		 struct built *ret, struct ktstr_err *err)
{
	const struct ktstr_section_ops *ops = c->plugin->ops;
	const struct ktstr_journal *journals[8];
	struct view views[8];
	size_t n = run->n < 8 ? run->n : 8;
	struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = n, .journals = journals,
		.verdicts = (const struct ktstr_verdict *const *)run->verdicts, .next = view_next,
	};
	struct ktstr_builder *builder = ktstr_builder_create(DOCUMENT_BYTES);
	const uint8_t *data;
	size_t len;

	if (!builder)
		return ktstr_err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		views[i] = (struct view){ run->journals[i], change, end };
		journals[i] = (const struct ktstr_journal *)&views[i];
	}
	ret->result = ops->build(&input, c->values, ktstr_builder_doc(builder), err);
	if (!ktstr_builder_finish(builder, ret->result, err->msg, &data, &len))
		ret->result = ktstr_err_nomem(err);
	else
		ktstr_buf_add(&ret->bytes, data, len);
	ktstr_builder_destroy(builder);
	if (ret->result > KTSTR_SECTION_IRRELEVANT)
		return ktstr_err_set(err, -EINVAL, "build() returned %d", ret->result);
	return conform_explained("build()", ret->result, err);
}

/* What was built is a document, and build() had no reason to fail. */
static int is_good(const struct built *built, struct ktstr_err *err)
{
	struct ktstr_doc_section section = { 0 };
	int result, ret;

	if (built->result < 0)
		return ktstr_err_prefix(err, "build() failed");
	ret = ktstr_doc_section_decode(built->bytes.data, built->bytes.len, &section, &result, err);
	ktstr_doc_section_deinit(&section);
	return ret < 0 ? ret : result < 0 ? result : 0;
}

static const char *name_of(const struct ktstr_stored_run *run)
{
	return run->id ? run->id : run->dir;
}

/* ---- the checks ---- */

static int every_run(struct conform *c, struct ktstr_err *err)
{
	bool relevant = false;

	for (size_t i = 0; i < c->runs.n; i++) {
		struct built built = { 0 };
		int ret;

		conform_doing(c, "build() of the run \"%s\"", name_of(&c->runs.items[i]));
		ret = build(c, &c->runs.items[i], CHANGE_NOTHING, 0, &built, err);
		if (!ret)
			ret = is_good(&built, err);
		relevant |= built.result == 0;
		ktstr_buf_free(&built.bytes);
		if (ret)
			return ktstr_err_prefix(err, "run \"%s\"", name_of(&c->runs.items[i]));
	}
	return relevant ? CONFORM_OK : conform_skip(err, "it has nothing to say of any recorded run");
}

static int same_twice(struct conform *c, struct ktstr_err *err)
{
	for (size_t i = 0; i < c->runs.n; i++) {
		struct built first = { 0 }, second = { 0 };
		int ret = build(c, &c->runs.items[i], CHANGE_NOTHING, 0, &first, err);
		bool same;

		if (!ret)
			ret = build(c, &c->runs.items[i], CHANGE_NOTHING, 0, &second, err);
		same = first.bytes.len == second.bytes.len &&
		       !memcmp(first.bytes.data, second.bytes.data, first.bytes.len);
		ktstr_buf_free(&first.bytes);
		ktstr_buf_free(&second.bytes);
		if (ret || !same)
			return ret ? ret : ktstr_err_set(err, -EINVAL, "two reports of the run \"%s\" differ",
							 name_of(&c->runs.items[i]));
	}
	return CONFORM_OK;
}

static uint64_t records_of(const struct ktstr_stored_run *run)
{
	struct ktstr_record rec;
	uint64_t cursor = 0, n = 0;

	while (ktstr_journal_next(run->journals[0], &cursor, &rec))
		n++;
	return n;
}

static int one_change(struct conform *c, const struct ktstr_stored_run *run, enum change change,
		      uint64_t end, struct ktstr_err *err)
{
	struct built built = { 0 };
	int ret;

	conform_doing(c, "build() of the run \"%s\" %s", name_of(run), changes[change]);
	*err = (struct ktstr_err)KTSTR_ERR_INIT;
	ret = build(c, run, change, end, &built, err);
	ktstr_buf_free(&built.bytes);
	return ret ? ktstr_err_prefix(err, "run \"%s\" %s", name_of(run), changes[change]) : 0;
}

/* build() may fail of such a run; it may not crash, hang, or fail without a word. */
static int damaged(struct conform *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < c->runs.n; i++) {
		const struct ktstr_stored_run *run = &c->runs.items[i];
		uint64_t n = records_of(run);

		for (uint64_t end = 0; !ret && end < n; end += n / 16 + 1)
			ret = one_change(c, run, CHANGE_CUT, end, err);
		for (enum change change = CHANGE_DROP; !ret && change < CHANGES; change++)
			ret = one_change(c, run, change, 0, err);
	}
	return ret;
}

static int one_life(struct conform *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < c->runs.n; i++) {
		struct built built = { 0 };

		ret = build(c, &c->runs.items[i], CHANGE_NOTHING, 0, &built, err);
		if (!ret && built.result < 0)
			ret = built.result;
		ktstr_buf_free(&built.bytes);
	}
	return ret;
}

static int leaks(struct conform *c, struct ktstr_err *err)
{
	return conform_leaks_nothing(c, one_life, err);
}

static int no_memory(struct conform *c, struct ktstr_err *err)
{
	return conform_survives(c, one_life, err);
}

const struct conform_check conform_section_checks[] = {
	{ "makes a document of every recorded run, or says that it has nothing to say", every_run },
	{ "says the same of the same run", same_twice },
	{ "stands journals that are cut off or not what they should be", damaged },
	{ "leaks nothing", leaks },
	{ "stands it when memory runs out", no_memory },
	{ 0 },
};
