/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of a pipeline file. */
#include "plan/read.h"

void *ktstr_read_list(struct ktstr_reader *r, const struct ktstr_node *node, const char *form,
		      size_t size)
{
	return ktstr_reader_expect(r, node, KTSTR_NODE_SEQUENCE, form) ?
		ktstr_reader_alloc(r, node->n, size) : NULL;
}

static bool check_string(struct ktstr_reader *r, const struct ktstr_node *node, bool words)
{
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "text"))
		return false;
	if (!*node->text && (words || node->plain))
		return ktstr_reader_problem(r, node, words ? "an empty item" :
					    "an empty item; write \"\" for an empty text");
	if (words && !ktstr_text_is_line(node->text))
		return ktstr_reader_problem(r, node, "expected a line without control characters");
	return true;
}

bool ktstr_read_strings(struct ktstr_reader *r, const struct ktstr_node *node, bool words,
			const char *form, const char ***ret_items, size_t *ret_n)
{
	const char **items = ktstr_read_list(r, node, form, sizeof(*items));
	bool ok = items;

	for (size_t i = 0; items && i < node->n; i++) {
		const struct ktstr_node *item = node->entries[i].value;

		ok &= check_string(r, item, words);
		items[i] = item->text;
	}
	if (ok) {
		*ret_items = items;
		*ret_n = node->n;
	}
	return ok;
}
