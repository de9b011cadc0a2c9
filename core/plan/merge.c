/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/merge.h"

/* An entry of the upper mapping. */
struct upper {
	const struct ktstr_entry *entry;
	bool taken;		/* it stands at the place of a lower one */
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct upper *)a)->entry->key, ((const struct upper *)b)->entry->key);
}

/* The entries by their keys; NULL when memory is out. The caller frees it. */
static struct upper *sort(const struct ktstr_node *mapping)
{
	struct upper *sorted = calloc(mapping->n ? mapping->n : 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < mapping->n; i++)
		sorted[i].entry = &mapping->entries[i];
	if (sorted)
		qsort(sorted, mapping->n, sizeof(*sorted), by_key);
	return sorted;
}

static struct upper *find(struct upper *sorted, size_t n, const struct ktstr_entry *entry)
{
	const struct upper wanted = { .entry = entry };

	return bsearch(&wanted, sorted, n, sizeof(*sorted), by_key);
}

static void add(struct ktstr_node *node, struct ktstr_entry *entries,
		const struct ktstr_entry *entry)
{
	entries[node->n++] = *entry;
	node->total += entry->value->total;
	if (entry->value->height >= node->height)
		node->height = entry->value->height + 1;
}

/* Both are mappings; `node` is to be what they give, with room for all in `entries`. */
static bool fill(struct ktstr_arena *arena, const struct ktstr_node *over,
		 const struct ktstr_node *under, struct upper *sorted, struct ktstr_node *node,
		 struct ktstr_entry *entries, size_t *made)
{
	for (size_t i = 0; i < under->n; i++) {
		struct upper *upper = find(sorted, over->n, &under->entries[i]);
		struct ktstr_entry entry = under->entries[i];

		if (upper) {
			upper->taken = true;
			entry = *upper->entry;
			entry.value = ktstr_node_merge(arena, entry.value, under->entries[i].value,
						       made);
		}
		if (!entry.value)
			return false;
		add(node, entries, &entry);
	}
	for (size_t i = 0; i < over->n; i++)
		if (!find(sorted, over->n, &over->entries[i])->taken)
			add(node, entries, &over->entries[i]);
	return true;
}

static struct ktstr_node *make_mapping(struct ktstr_arena *arena, const struct ktstr_node *like,
				       size_t room, struct ktstr_entry **ret_entries)
{
	struct ktstr_node *node = ktstr_arena_zalloc(arena, sizeof(*node));
	struct ktstr_entry *entries = ktstr_arena_zalloc(arena, (room ? room : 1) * sizeof(*entries));

	if (!node || !entries)
		return NULL;
	node->type = KTSTR_NODE_MAPPING;
	node->at = like->at;
	node->height = 1;
	node->total = 1;
	node->entries = *ret_entries = entries;
	return node;
}

const struct ktstr_node *ktstr_node_merge(struct ktstr_arena *arena, const struct ktstr_node *over,
					  const struct ktstr_node *under, size_t *made)
{
	struct ktstr_entry *entries;
	struct ktstr_node *node;
	struct upper *sorted;
	bool ok;

	if (over->type != KTSTR_NODE_MAPPING || under->type != KTSTR_NODE_MAPPING)
		return over;
	node = make_mapping(arena, over, over->n + under->n, &entries);
	sorted = sort(over);
	ok = node && sorted && fill(arena, over, under, sorted, node, entries, made);
	free(sorted);
	*made += 1 + over->n + under->n;
	return ok ? node : NULL;
}

const struct ktstr_node *ktstr_node_without(struct ktstr_arena *arena,
					    const struct ktstr_node *mapping, const char *key)
{
	struct ktstr_entry *entries;
	struct ktstr_node *node;

	if (!ktstr_node_entry(mapping, key))
		return mapping;
	node = make_mapping(arena, mapping, mapping->n, &entries);
	for (size_t i = 0; node && i < mapping->n; i++)
		if (strcmp(mapping->entries[i].key, key))
			add(node, entries, &mapping->entries[i]);
	return node;
}
