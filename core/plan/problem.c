/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/problem.h"

#include "base/text.h"

static bool same_file(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* An anchored part is read once for each alias; what is wrong with it is told once. */
static bool known(const struct ktstr_problems *problems, const struct ktstr_position *at,
		  const char *text)
{
	const char *file = at->source ? at->source->path : NULL;

	for (size_t i = 0; i < problems->list.n; i++) {
		const struct ktstr_problem *p = &problems->list.items[i];

		if (p->line == at->line && p->column == at->column && same_file(p->file, file) &&
		    !strcmp(p->text, text))
			return true;
	}
	return false;
}

static void drop(struct ktstr_problems *problems)
{
	problems->overflow = true;
	problems->dropped++;
}

void ktstr_problem_add(struct ktstr_problems *problems, const struct ktstr_position *at,
		       const char *fmt, ...)
{
	struct ktstr_problem *problem = NULL;
	struct ktstr_buf b = { 0 };
	char *text, *file = NULL;
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = ktstr_buf_steal_str(&b);
	if (text && known(problems, at, text)) {
		free(text);
		return;
	}
	if (at->source)
		file = strdup(at->source->path);
	if (text && !file == !at->source && problems->list.n < KTSTR_PROBLEMS_MAX)
		problem = ktstr_vec_add(&problems->list);
	if (!problem) {
		free(text);
		free(file);
		drop(problems);
		return;
	}
	*problem = (struct ktstr_problem){ file, at->line, at->column, text };
}

size_t ktstr_problems_count(const struct ktstr_problems *problems)
{
	return problems->list.n + problems->dropped;
}

static int by_place(const void *a, const void *b)
{
	const struct ktstr_problem *p = a, *q = b;

	if (!same_file(p->file, q->file))
		return !p->file ? -1 : !q->file ? 1 : strcmp(p->file, q->file);
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	if (p->column != q->column)
		return p->column < q->column ? -1 : 1;
	return strverscmp(p->text, q->text);	/* of another file: line 9 before line 10 */
}

void ktstr_problems_print(struct ktstr_problems *problems, const char *file, struct ktstr_buf *out)
{
	size_t count = ktstr_problems_count(problems);

	if (!count)
		return;
	if (problems->list.n)
		qsort(problems->list.items, problems->list.n, sizeof(*problems->list.items),
		      by_place);
	for (size_t i = 0; i < problems->list.n; i++) {
		const struct ktstr_problem *p = &problems->list.items[i];

		ktstr_buf_puts(out, p->file ? p->file : file);
		if (p->line)
			ktstr_buf_printf(out, ":%u:%u", p->line, p->column);
		ktstr_buf_printf(out, ": %s\n", p->text);
	}
	ktstr_buf_printf(out, "%s: %zu problem%s", file, count, count == 1 ? "" : "s");
	if (problems->overflow)
		ktstr_buf_printf(out, ", %zu of them not shown", problems->dropped);
	ktstr_buf_puts(out, "\n");
}

void ktstr_problems_deinit(struct ktstr_problems *problems)
{
	for (size_t i = 0; i < problems->list.n; i++) {
		free(problems->list.items[i].file);
		free(problems->list.items[i].text);
	}
	ktstr_vec_free(&problems->list);
	problems->overflow = false;
	problems->dropped = 0;
}
