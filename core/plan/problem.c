/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/problem.h"

#include "base/text.h"

/* An anchored part is read once for each alias; what is wrong with it is told once. */
static bool known(const struct ktstr_problems *problems, unsigned line, unsigned column,
		  const char *text)
{
	for (size_t i = 0; i < problems->list.n; i++) {
		const struct ktstr_problem *p = &problems->list.items[i];

		if (p->line == line && p->column == column && !strcmp(p->text, text))
			return true;
	}
	return false;
}

static void drop(struct ktstr_problems *problems)
{
	problems->overflow = true;
	problems->dropped++;
}

void ktstr_problem_add(struct ktstr_problems *problems, unsigned line, unsigned column,
		       const char *fmt, ...)
{
	struct ktstr_problem *problem = NULL;
	struct ktstr_buf b = { 0 };
	va_list ap;
	char *text;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = ktstr_buf_steal_str(&b);
	if (text && known(problems, line, column, text)) {
		free(text);
		return;
	}
	if (text && problems->list.n < KTSTR_PROBLEMS_MAX)
		problem = ktstr_vec_add(&problems->list);
	if (!problem) {
		free(text);
		drop(problems);
		return;
	}
	problem->line = line;
	problem->column = column;
	problem->text = text;
}

size_t ktstr_problems_count(const struct ktstr_problems *problems)
{
	return problems->list.n + problems->dropped;
}

static int by_place(const void *a, const void *b)
{
	const struct ktstr_problem *p = a, *q = b;

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

		if (p->line)
			ktstr_buf_printf(out, "%s:%u:%u: %s\n", file, p->line, p->column, p->text);
		else
			ktstr_buf_printf(out, "%s: %s\n", file, p->text);
	}
	ktstr_buf_printf(out, "%s: %zu problem%s", file, count, count == 1 ? "" : "s");
	if (problems->overflow)
		ktstr_buf_printf(out, ", %zu of them not shown", problems->dropped);
	ktstr_buf_puts(out, "\n");
}

void ktstr_problems_deinit(struct ktstr_problems *problems)
{
	for (size_t i = 0; i < problems->list.n; i++)
		free(problems->list.items[i].text);
	ktstr_vec_free(&problems->list);
	problems->overflow = false;
	problems->dropped = 0;
}
