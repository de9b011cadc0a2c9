/* SPDX-License-Identifier: GPL-2.0-only */
/* Two passes: everything is escaped and measured, then printed. */
#include "report/layout.h"

#include "base/cleanup.h"
#include "base/text.h"

#define GAP 2			/* spaces between columns */
#define TEXT_MIN 8		/* a text column is not cut below this */
#define KEY_SHARE 3		/* keys get at most this part of the width for their alignment */

/* Escaped cells, one behind the other. */
struct cells {
	struct ktstr_buf text;
	KTSTR_VEC(size_t) ends;
};

static void cells_deinit(struct cells *c)
{
	ktstr_buf_free(&c->text);
	ktstr_vec_free(&c->ends);
}

static void cells_end(struct cells *c)
{
	size_t *end = ktstr_vec_add(&c->ends);

	if (end)
		*end = c->text.len;
	else
		c->text.failed = true;
}

static void cells_add(struct cells *c, const char *text)
{
	ktstr_layout_escape(&c->text, text, strlen(text));
	cells_end(c);
}

static struct ktstr_str cell(const struct cells *c, size_t i)
{
	size_t from = i ? c->ends.items[i - 1] : 0;

	/* All cells may be empty, and then there are no bytes at all. */
	return (struct ktstr_str){ c->text.data ? (char *)c->text.data + from : "",
				   c->ends.items[i] - from };
}

static size_t cell_width(const struct cells *c, size_t i)
{
	struct ktstr_str s = cell(c, i);

	return ktstr_layout_width(s.s, s.len);
}

static void put_spaces(struct ktstr_buf *out, size_t n)
{
	ktstr_buf_printf(out, "%*s", (int)n, "");
}

/* ---- key-value lists ---- */

/* "before → after", or what there is of it. */
static char *change_text(const char *before, const char *after)
{
	bool both = *before && *after && strcmp(before, after);

	return ktstr_asprintf("%s%s%s", before, both ? " → " : "", both || !*before ? after : "");
}

static void put_value(struct ktstr_buf *out, const struct ktstr_block *block, size_t i, size_t column,
		      size_t width)
{
	_cleanup_free_ char *change = NULL;
	char *const *cells = block->cells.items;

	if (block->type == KTSTR_BLOCK_VALUES) {
		ktstr_layout_wrap(out, cells[2 * i + 1], column, width);
		return;
	}
	change = change_text(cells[3 * i + 1], cells[3 * i + 2]);
	if (change)
		ktstr_layout_wrap(out, change, column, width);
	else
		out->failed = true;
}

void ktstr_layout_values(struct ktstr_buf *out, const struct ktstr_block *block, size_t width)
{
	struct cells keys = { 0 };
	size_t per_row = block->type == KTSTR_BLOCK_DIFF ? 3 : 2;
	size_t column = 0, n = block->cells.n / per_row;

	for (size_t i = 0; i < n; i++)
		cells_add(&keys, block->cells.items[per_row * i]);
	out->failed |= keys.text.failed;
	for (size_t i = 0; i < n && !out->failed; i++) {
		size_t wide = cell_width(&keys, i) + 2;

		if (wide > column && wide <= width / KEY_SHARE)
			column = wide;
	}
	for (size_t i = 0; i < n && !out->failed; i++) {
		struct ktstr_str key = cell(&keys, i);
		size_t wide = cell_width(&keys, i) + 1;

		ktstr_buf_add(out, key.s, key.len);
		ktstr_put_byte(out, ':');
		put_spaces(out, wide < column ? column - wide : 1);
		put_value(out, block, i, column, width);
	}
	cells_deinit(&keys);
}

/* ---- tables ---- */

struct column {
	enum ktstr_column_kind kind;
	size_t width;
};

static void add_header(struct cells *cells, const struct ktstr_column *column)
{
	ktstr_layout_escape(&cells->text, column->name, strlen(column->name));
	if (column->unit) {
		ktstr_put_byte(&cells->text, ' ');
		ktstr_layout_escape(&cells->text, column->unit, strlen(column->unit));
	}
	cells_end(cells);
}

static size_t total_width(const struct column *columns, size_t n)
{
	size_t total = GAP * (n - 1);

	for (size_t i = 0; i < n; i++)
		total += columns[i].width;
	return total;
}

/* Takes from the widest text column until the table fits or no text column has more to give. A
 * number is never cut: half a number is a wrong one. */
static void fit(struct column *columns, size_t n, size_t width)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].kind == KTSTR_COLUMN_TEXT && columns[i].width > width)
			columns[i].width = width;
	while (total_width(columns, n) > width) {
		struct column *widest = NULL;

		for (size_t i = 0; i < n; i++)
			if (columns[i].kind == KTSTR_COLUMN_TEXT && columns[i].width > TEXT_MIN &&
			    (!widest || columns[i].width > widest->width))
				widest = &columns[i];
		if (!widest)
			return;
		widest->width--;
	}
}

static void measure(const struct cells *cells, struct column *columns, size_t n)
{
	for (size_t i = 0; i < cells->ends.n; i++) {
		size_t wide = cell_width(cells, i);

		if (wide > columns[i % n].width)
			columns[i % n].width = wide;
	}
}

/* The first `columns` code points. */
static size_t prefix(struct ktstr_str s, size_t columns)
{
	size_t at = 0;

	while (at < s.len && (columns || ((unsigned char)s.s[at] & 0xc0) == 0x80)) {
		columns -= ((unsigned char)s.s[at] & 0xc0) != 0x80;
		at++;
	}
	return at;
}

static void put_cell(struct ktstr_buf *out, const struct cells *cells, size_t i,
		     const struct column *column, bool last)
{
	struct ktstr_str s = cell(cells, i);
	size_t wide = cell_width(cells, i);
	size_t pad = wide < column->width ? column->width - wide : 0;

	if (column->kind == KTSTR_COLUMN_NUMBER)
		put_spaces(out, pad);
	if (wide > column->width) {
		ktstr_buf_add(out, s.s, prefix(s, column->width - 1));
		ktstr_buf_puts(out, "…");
	} else {
		ktstr_buf_add(out, s.s, s.len);
	}
	if (!last)
		put_spaces(out, GAP + (column->kind == KTSTR_COLUMN_TEXT ? pad : 0));
}

static void put_rows(struct ktstr_buf *out, const struct cells *cells, const struct column *columns,
		     size_t n)
{
	for (size_t i = 0; i < cells->ends.n; i++) {
		bool last = i % n == n - 1;

		put_cell(out, cells, i, &columns[i % n], last);
		if (!last)
			continue;
		while (out->len && out->data[out->len - 1] == ' ')
			out->len--;
		ktstr_put_byte(out, '\n');
	}
}

void ktstr_layout_table(struct ktstr_buf *out, const struct ktstr_block *block, size_t width)
{
	_cleanup_free_ struct column *columns = calloc(block->columns.n, sizeof(*columns));
	size_t n = block->columns.n;
	struct cells cells = { 0 };

	for (size_t i = 0; i < n; i++)
		add_header(&cells, &block->columns.items[i]);
	for (size_t i = 0; i < block->cells.n; i++)
		cells_add(&cells, block->cells.items[i]);
	if (!columns || cells.text.failed) {
		out->failed = true;
	} else {
		for (size_t i = 0; i < n; i++)
			columns[i].kind = block->columns.items[i].kind;
		measure(&cells, columns, n);
		fit(columns, n, width);
		put_rows(out, &cells, columns, n);
	}
	cells_deinit(&cells);
}
