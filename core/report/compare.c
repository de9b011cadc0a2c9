/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two reports, as a document that says what is different: their runs, then section by section the values and the
 * cells of tables that are not the same. A cell is known by the texts of its row and the name of its column.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "report/encode.h"

/* Something that a report says under a name. */
struct said {
	char *name;
	const char *text;		/* the document's */
	bool number;
	bool met;			/* the other report says something under that name, too */
};

struct all {
	KTSTR_VEC(struct said) list;
};

static void all_deinit(struct all *all)
{
	for (size_t i = 0; i < all->list.n; i++)
		free(all->list.items[i].name);
	ktstr_vec_free(&all->list);
}

/* Takes `name`, which NULL makes false. */
static bool add(struct all *all, char *name, const char *text, bool number)
{
	struct said *said = name ? ktstr_vec_add(&all->list) : NULL;

	if (!said) {
		free(name);
		return false;
	}
	*said = (struct said){ .name = name, .text = text, .number = number };
	return true;
}

/* ---- what a section says ---- */

static bool add_values(struct all *all, const struct ktstr_block *block)
{
	bool ok = true;

	for (size_t i = 0; ok && i + 1 < block->cells.n; i += 2)
		ok = add(all, strdup(block->cells.items[i]), block->cells.items[i + 1], false);
	return ok;
}

static bool is_text(const struct ktstr_block *block, size_t column)
{
	return block->columns.items[column].kind == KTSTR_COLUMN_TEXT;
}

/* "busy cpu-spin": what the row is about. */
static char *row_name(const struct ktstr_block *block, size_t row)
{
	struct ktstr_buf name = { 0 };

	for (size_t c = 0; c < block->columns.n; c++) {
		const char *cell = block->cells.items[row + c];

		if (is_text(block, c) && *cell)
			ktstr_buf_printf(&name, "%s%s", name.len ? " " : "", cell);
	}
	return ktstr_buf_steal_str(&name);
}

static bool add_row(struct all *all, const struct ktstr_block *block, size_t row)
{
	_cleanup_free_ char *name = row_name(block, row);
	bool ok = name != NULL;

	for (size_t c = 0; ok && c < block->columns.n; c++) {
		const struct ktstr_column *column = &block->columns.items[c];

		if (!is_text(block, c))
			ok = add(all, ktstr_asprintf("%s%s%s%s%s", name, *name ? ": " : "", column->name,
						     column->unit ? " " : "", column->unit ? column->unit : ""),
				 block->cells.items[row + c], true);
	}
	return ok;
}

static bool add_section(struct all *all, const struct ktstr_doc_section *section)
{
	bool ok = true;

	for (size_t i = 0; ok && section && i < section->blocks.n; i++) {
		const struct ktstr_block *block = &section->blocks.items[i];

		if (block->type == KTSTR_BLOCK_VALUES)
			ok = add_values(all, block);
		for (size_t row = 0; ok && block->type == KTSTR_BLOCK_TABLE && row < block->cells.n;
		     row += block->columns.n)
			ok = add_row(all, block, row);
	}
	return ok;
}

/* ---- what is different ---- */

static int by_name(const void *a, const void *b)
{
	const struct said *x = *(const struct said *const *)a, *y = *(const struct said *const *)b;
	int order = strcmp(x->name, y->name);

	/* of those with one name the first is the first */
	return order ? order : (x > y) - (x < y);
}

/* The things that are said, in the order of their names. */
static struct said **index_of(struct all *all)
{
	struct said **index = calloc(all->list.n + 1, sizeof(struct said *));

	for (size_t i = 0; index && i < all->list.n; i++)
		index[i] = &all->list.items[i];
	if (index && all->list.n)
		qsort(index, all->list.n, sizeof(*index), by_name);
	return index;
}

/* The first of that name that nobody has met yet. */
static struct said *find(struct said *const *index, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low < n && index[low]->met && !strcmp(index[low]->name, name))
		low++;
	return low < n && !strcmp(index[low]->name, name) ? index[low] : NULL;
}

/* "+12.5 %"; "" where that cannot be said: no plain numbers, or nothing to begin with. */
static void say_change(const struct said *a, const struct said *b, char *text, size_t size)
{
	char *end_a, *end_b;
	double x = strtod(a->text, &end_a), y = strtod(b->text, &end_b);

	*text = '\0';
	if (!*end_a && !*end_b && x != 0)
		snprintf(text, size, "%+.1f %%", (y - x) / (x < 0 ? -x : x) * 100);
}

/* NULL for one that says nothing. */
static const char *text_of(const struct said *said)
{
	return said && *said->text ? said->text : NULL;
}

/* Something of which the other report, or none of both, says nothing has a NULL. */
struct pair {
	const struct said *a, *b;
};

struct pairs {
	KTSTR_VEC(struct pair) list;
	size_t same;		/* how many are not in the list, for that */
};

static bool pair_up(struct pairs *pairs, const struct said *a, const struct said *b)
{
	const char *x = text_of(a), *y = text_of(b);
	struct pair *pair;

	if (!x && !y)
		return true;
	if (x && y && !strcmp(x, y)) {
		pairs->same++;
		return true;
	}
	pair = ktstr_vec_add(&pairs->list);
	if (pair)
		*pair = (struct pair){ a, b };
	return pair != NULL;
}

/* What is different, in the order of the first report, then what only the second one has. */
static bool pair_all(struct pairs *pairs, const struct all *a, const struct all *b, struct said *const *index)
{
	bool ok = true;

	for (size_t i = 0; ok && i < a->list.n; i++) {
		struct said *right = find(index, b->list.n, a->list.items[i].name);

		if (right)
			right->met = true;
		ok = pair_up(pairs, &a->list.items[i], right);
	}
	for (size_t i = 0; ok && i < b->list.n; i++)
		if (!b->list.items[i].met)
			ok = pair_up(pairs, NULL, &b->list.items[i]);
	return ok;
}

static const struct said *one_of(const struct pair *pair)
{
	return pair->a ? pair->a : pair->b;
}

static void say_texts(struct ktstr_doc *doc, const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->list.n; i++) {
		const struct pair *pair = &pairs->list.items[i];

		if (!one_of(pair)->number)
			doc->change(doc, one_of(pair)->name, text_of(pair->a), text_of(pair->b));
	}
}

static void say_numbers(struct ktstr_doc *doc, const struct pairs *pairs)
{
	static const struct ktstr_column columns[] = {
		{ "number", NULL, KTSTR_COLUMN_TEXT }, { "first", NULL, KTSTR_COLUMN_NUMBER },
		{ "second", NULL, KTSTR_COLUMN_NUMBER }, { "change", NULL, KTSTR_COLUMN_NUMBER },
	};
	size_t n = 0;

	for (size_t i = 0; i < pairs->list.n; i++) {
		const struct pair *pair = &pairs->list.items[i];
		char change[64] = "";

		if (!one_of(pair)->number)
			continue;
		if (!n++)
			doc->table_begin(doc, columns, KTSTR_ARRAY_SIZE(columns));
		if (text_of(pair->a) && text_of(pair->b))
			say_change(pair->a, pair->b, change, sizeof(change));
		doc->table_row(doc, (const char *const []){ one_of(pair)->name, text_of(pair->a), text_of(pair->b),
							    *change ? change : NULL });
	}
	if (n)
		doc->table_end(doc);
}

static void say_same(struct ktstr_doc *doc, size_t n)
{
	char text[96];

	snprintf(text, sizeof(text), "%zu value%s the same in both", n, n == 1 ? " is" : "s are");
	doc->paragraph(doc, KTSTR_TONE_DIM, text);
}

static bool say_section(struct ktstr_doc *doc, const struct ktstr_doc_section *a,
			const struct ktstr_doc_section *b)
{
	struct all left = { 0 }, right = { 0 };
	struct pairs pairs = { 0 };
	bool ok = add_section(&left, a) && add_section(&right, b);
	_cleanup_free_ struct said **index = ok ? index_of(&right) : NULL;

	ok = index && pair_all(&pairs, &left, &right, index);
	if (ok) {
		say_texts(doc, &pairs);
		say_numbers(doc, &pairs);
		if (pairs.same)
			say_same(doc, pairs.same);
	}
	ktstr_vec_free(&pairs.list);
	all_deinit(&left);
	all_deinit(&right);
	return ok;
}

/* ---- the runs ---- */

static void say_fact(struct ktstr_doc *doc, const char *key, const char *a, const char *b)
{
	if (*a || *b)
		doc->change(doc, key, *a ? a : NULL, *b ? b : NULL);
}

static const struct ktstr_summary_attempt *first_of(const struct ktstr_document *doc)
{
	static const struct ktstr_summary_attempt none = { .cause = "", .reason = (char *)"", .signature = (char *)"" };

	return doc->summary.attempts.n ? &doc->summary.attempts.items[0] : &none;
}

static void say_reproduced(const struct ktstr_document *doc, char *text, size_t size)
{
	size_t n = doc->summary.attempts.n, same = 0;

	*text = '\0';
	for (size_t i = 1; i < n; i++)
		same += doc->summary.attempts.items[i].same;
	if (n > 1)
		snprintf(text, size, "%zu of %zu", same, n - 1);
}

static void say_runs(struct ktstr_doc *doc, const struct ktstr_document *a, const struct ktstr_document *b)
{
	const struct ktstr_summary *x = &a->summary, *y = &b->summary;
	const struct ktstr_summary_attempt *first = first_of(a), *second = first_of(b);
	char before[48], after[48];

	doc->headline(doc, ktstr_document_same_end(a, b) ? KTSTR_TONE_GOOD : KTSTR_TONE_BAD,
		      ktstr_document_same_end(a, b) ? "ktstr: both runs ended the same way"
						    : "ktstr: the runs ended in different ways");
	say_fact(doc, "run", x->run, y->run);
	say_fact(doc, "test", x->test, y->test);
	say_fact(doc, "scheduler", x->scheduler, y->scheduler);
	say_fact(doc, "topology", x->topology, y->topology);
	say_fact(doc, "kernel", x->kernel, y->kernel);
	say_fact(doc, "VMM", x->vmm, y->vmm);
	say_fact(doc, "outcome", ktstr_outcome_word(first->outcome), ktstr_outcome_word(second->outcome));
	say_fact(doc, "reason", first->reason, second->reason);
	say_fact(doc, "crash signature", first->signature, second->signature);
	say_reproduced(a, before, sizeof(before));
	say_reproduced(b, after, sizeof(after));
	say_fact(doc, "reproduced", before, after);
}

bool ktstr_document_same_end(const struct ktstr_document *a, const struct ktstr_document *b)
{
	const struct ktstr_summary_attempt *first = first_of(a), *second = first_of(b);

	return first->outcome == second->outcome && !strcmp(first->cause, second->cause) &&
	       !strcmp(first->signature, second->signature);
}

/* ---- the document ---- */

static const struct ktstr_doc_section *section_of(const struct ktstr_document *doc, const char *name)
{
	for (size_t i = 0; i < doc->sections.n; i++)
		if (!strcmp(doc->sections.items[i].name, name))
			return &doc->sections.items[i];
	return NULL;
}

/* Adds what was said to the builder as a section. NULL: the runs; else the section of that name. */
static int add_compared(struct ktstr_document *to, const struct ktstr_document *a, const struct ktstr_document *b,
			const struct ktstr_doc_section *like, struct ktstr_err *err)
{
	struct ktstr_builder *builder = ktstr_builder_create(SIZE_MAX / 2);
	struct ktstr_doc_section *section = ktstr_vec_add(&to->sections);
	const uint8_t *data;
	size_t len;
	int result, ret = -ENOMEM;
	bool ok = builder && section;

	if (section) {
		section->name = strdup(like ? like->name : "runs");
		section->title = like && like->title ? strdup(like->title) : NULL;
		ok = ok && section->name;
	}
	if (ok && like)
		ok = say_section(ktstr_builder_doc(builder), section_of(a, like->name), section_of(b, like->name));
	else if (ok)
		say_runs(ktstr_builder_doc(builder), a, b);
	if (ok && ktstr_builder_finish(builder, 0, "", &data, &len))
		ret = ktstr_doc_section_decode(data, len, section, &result, err);
	else
		ktstr_err_nomem(err);
	ktstr_builder_destroy(builder);
	return ret;
}

/* Sections that have values: a log alone is nothing to compare. */
static bool has_values(const struct ktstr_doc_section *section)
{
	for (size_t i = 0; section && i < section->blocks.n; i++)
		if (section->blocks.items[i].type == KTSTR_BLOCK_VALUES ||
		    section->blocks.items[i].type == KTSTR_BLOCK_TABLE)
			return true;
	return false;
}

int ktstr_document_compare(const struct ktstr_document *a, const struct ktstr_document *b,
			   struct ktstr_document **ret_doc, struct ktstr_err *err)
{
	struct ktstr_document *doc = calloc(1, sizeof(*doc));
	int ret = doc ? add_compared(doc, a, b, NULL, err) : ktstr_err_nomem(err);

	for (size_t i = 0; !ret && i < a->sections.n; i++)
		if (has_values(&a->sections.items[i]) || has_values(section_of(b, a->sections.items[i].name)))
			ret = add_compared(doc, a, b, &a->sections.items[i], err);
	for (size_t i = 0; !ret && i < b->sections.n; i++)
		if (!section_of(a, b->sections.items[i].name) && has_values(&b->sections.items[i]))
			ret = add_compared(doc, a, b, &b->sections.items[i], err);
	if (ret)
		ktstr_document_destroy(doc);
	else
		*ret_doc = doc;
	return ret;
}
