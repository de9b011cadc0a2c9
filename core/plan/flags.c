/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/flags.h"

#include "base/text.h"
#include "base/vec.h"

static uint32_t bit(size_t i)
{
	return UINT32_C(1) << i;
}

uint32_t ktstr_flags_closure(const struct ktstr_flag_rules *rules, uint32_t set)
{
	uint32_t before;

	do {
		before = set;
		for (size_t i = 0; i < rules->n; i++)
			if (set & bit(i))
				set |= rules->items[i].requires;
	} while (set != before);
	return set;
}

/* What cannot be on together with the set, whichever side says so. */
static uint32_t conflicts_of(const struct ktstr_flag_rules *rules, uint32_t set)
{
	uint32_t against = 0;

	for (size_t i = 0; i < rules->n; i++) {
		if (set & bit(i))
			against |= rules->items[i].conflicts;
		if (rules->items[i].conflicts & set)
			against |= bit(i);
	}
	return against;
}

static const char *first_name(const struct ktstr_flag_rules *rules, uint32_t set)
{
	return rules->items[__builtin_ctz(set)].name;
}

int ktstr_flags_check(const struct ktstr_flag_rules *rules, uint32_t set, struct ktstr_err *err)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct ktstr_flag_rule *rule = &rules->items[i];
		uint32_t missing = rule->requires & ~set, against = rule->conflicts & set;

		if (!(set & bit(i)))
			continue;
		if (missing)
			return ktstr_err_set(err, -EINVAL, "flag `%.80s` requires `%.80s`: add it",
					     rule->name, first_name(rules, missing));
		if (against)
			return ktstr_err_set(err, -EINVAL, "flags `%.80s` and `%.80s` conflict: "
					     "leave one out", rule->name,
					     first_name(rules, against));
	}
	return 0;
}

/* ---- all of them ---- */

struct search {
	const struct ktstr_flag_rules *rules;
	KTSTR_VEC(uint32_t) sets;
	struct ktstr_err *err;
};

static int add_set(struct search *s, uint32_t set)
{
	uint32_t *slot;

	if (s->sets.n == KTSTR_FLAG_SETS_MAX)
		return ktstr_err_set(s->err, -E2BIG, "more than %u valid sets of these %zu flags; "
				     "require or exclude some", KTSTR_FLAG_SETS_MAX, s->rules->n);
	slot = ktstr_vec_add(&s->sets);
	if (!slot)
		return ktstr_err_nomem(s->err);
	*slot = set;
	return 0;
}

/* Goes through the flags below `n`, the last first, each off and then on. `on` is closed and has no
 * conflict, so there is a set wherever the search comes: it takes no longer than what it finds. */
static int search(struct search *s, size_t n, uint32_t on, uint32_t off)
{
	uint32_t more;
	int ret = 0;

	if (!n)
		return add_set(s, on);
	if (!(on & bit(n - 1)))
		ret = search(s, n - 1, on, off | bit(n - 1));
	if (ret || off & bit(n - 1))
		return ret;
	more = ktstr_flags_closure(s->rules, on | bit(n - 1));
	if (more & (off | conflicts_of(s->rules, more)))
		return 0;
	return search(s, n - 1, more, off);
}

/* Why no set at all has these flags. */
static int impossible(const struct ktstr_flag_rules *rules, uint32_t required, uint32_t excluded,
		      struct ktstr_err *err)
{
	uint32_t all = ktstr_flags_closure(rules, required);

	if (all & excluded)
		return ktstr_err_set(err, -EINVAL, "flag `%.80s` is excluded, but required",
				     first_name(rules, all & excluded));
	return ktstr_flags_check(rules, all, err);
}

int ktstr_flags_enumerate(const struct ktstr_flag_rules *rules, uint32_t required,
			  uint32_t excluded, uint32_t **ret_sets, size_t *ret_n,
			  struct ktstr_err *err)
{
	struct search s = { .rules = rules, .err = err };
	int ret = impossible(rules, required, excluded, err);

	if (!ret)
		ret = search(&s, rules->n, ktstr_flags_closure(rules, required), excluded);
	if (ret) {
		ktstr_vec_free(&s.sets);
		return ret;
	}
	*ret_sets = s.sets.items;
	*ret_n = s.sets.n;
	return 0;
}

/* ---- names ---- */

void ktstr_flags_name(const struct ktstr_flag_rules *rules, uint32_t set, struct ktstr_buf *out)
{
	const char *between = "";

	if (!set)
		ktstr_buf_puts(out, KTSTR_FLAG_NONE);
	for (size_t i = 0; i < rules->n; i++)
		if (set & bit(i)) {
			ktstr_buf_printf(out, "%s%s", between, rules->items[i].name);
			between = "+";
		}
}

static int unknown(const struct ktstr_flag_rules *rules, const char *word, size_t len,
		   struct ktstr_err *err)
{
	char known[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < rules->n && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 rules->items[i].name);
	return ktstr_err_set(err, -EINVAL, "no flag `%.*s` (known: %s)", len > 80 ? 80 : (int)len,
			     word, rules->n ? known : "none");
}

static int parse_one(const struct ktstr_flag_rules *rules, const char *word, size_t len,
		     uint32_t *set, struct ktstr_err *err)
{
	for (size_t i = 0; i < rules->n; i++) {
		const char *name = rules->items[i].name;

		if (strlen(name) != len || memcmp(name, word, len))
			continue;
		if (*set & bit(i))
			return ktstr_err_set(err, -EINVAL, "flag `%.80s` stands here twice", name);
		*set |= bit(i);
		return 0;
	}
	return unknown(rules, word, len, err);
}

int ktstr_flags_parse(const struct ktstr_flag_rules *rules, const char *text, uint32_t *ret_set,
		      struct ktstr_err *err)
{
	uint32_t set = 0;

	for (const char *p = text; strcmp(text, KTSTR_FLAG_NONE);) {
		size_t len = strcspn(p, ",+");
		int ret = parse_one(rules, p, len, &set, err);

		if (ret)
			return ret;
		if (!p[len])
			break;
		p += len + 1;
	}
	*ret_set = set;
	return 0;
}
