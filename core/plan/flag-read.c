/* SPDX-License-Identifier: GPL-2.0-only */
/* `flags` of a scheduler's description, and of a pipeline. */
#include "plan/scheduler-read.h"

/* A flag as it is written. */
struct draft {
	struct ktstr_plan_flag flag;
	uint32_t requires, excludes;
	const struct ktstr_flag_rules *rules;	/* the names of all of them */
};

static uint32_t bit(size_t i)
{
	return UINT32_C(1) << i;
}

bool ktstr_read_flag(struct ktstr_reader *r, const struct ktstr_node *name,
		     const struct ktstr_flag_rules *rules, uint32_t *set)
{
	const char *names[KTSTR_FLAGS_MAX];

	for (size_t i = 0; i < rules->n; i++) {
		names[i] = rules->items[i].name;
		if (strcmp(names[i], name->text))
			continue;
		if (*set & bit(i))
			return ktstr_reader_problem(r, name, "flag `%s` stands here twice", names[i]);
		*set |= bit(i);
		return true;
	}
	return ktstr_reader_problem(r, name, "no flag `%.80s`%s", name->text,
				    ktstr_reader_suggest(r, name->text, names, rules->n));
}

static bool read_names(struct ktstr_reader *r, const struct ktstr_node *node,
		       const struct draft *draft, uint32_t *set)
{
	const char **names;
	size_t n;
	bool ok = ktstr_read_strings(r, node, true, "a list of flags", &names, &n);

	for (size_t i = 0; ok && i < node->n; i++)
		ok &= ktstr_read_flag(r, node->entries[i].value, draft->rules, set);
	return ok;
}

static bool read_args(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;

	return ktstr_read_strings(r, node, false, "a list of arguments", &draft->flag.args.items,
				  &draft->flag.args.n);
}

static bool read_requires(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;

	return read_names(r, node, draft, &draft->requires);
}

static bool read_excludes(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct draft *draft = object;

	return read_names(r, node, draft, &draft->excludes);
}

static const struct ktstr_key flag_keys[] = {
	{ .param = { .name = "description", .type = KTSTR_PARAM_STRING, .optional = true,
		     .help = "what it does, in one line" },
	  .offset = offsetof(struct draft, flag.description) },
	{ .param = { .name = "args", .optional = true,
		     .help = "the arguments that switch it on, behind all others" },
	  .read = read_args, .form = "list of text" },
	{ .param = { .name = "requires", .optional = true,
		     .help = "these have to be on with it" },
	  .read = read_requires, .form = "list of flags" },
	{ .param = { .name = "excludes", .optional = true,
		     .help = "these cannot be on with it" },
	  .read = read_excludes, .form = "list of flags" },
};

const struct ktstr_schema ktstr_schema_flag = {
	.name = "flag",
	.form = "a mapping of `args`, `requires`, `excludes` and `description`",
	KTSTR_SCHEMA_KEYS(flag_keys),
};

/* It becomes a part of the names of sets. */
static bool check_name(struct ktstr_reader *r, const struct ktstr_entry *entry)
{
	const char *key = entry->key;

	if (*key && !key[strcspn(key, "+, \t")] && ktstr_text_is_line(key) &&
	    strcmp(key, KTSTR_FLAG_NONE))
		return true;
	ktstr_problem_add(r->problems, &entry->at, "\"%.80s\" is no name of a flag: expected one "
			  "word without `+` or `,`, and not `" KTSTR_FLAG_NONE "`, which is the set "
			  "without flags", key);
	return false;
}

static bool check_possible(struct ktstr_reader *r, const struct ktstr_entry *entry,
			   const struct ktstr_flag_rules *rules, size_t i)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!ktstr_flags_check(rules, ktstr_flags_closure(rules, bit(i)), &err))
		return true;
	ktstr_problem_add(r->problems, &entry->at, "flag `%.80s` can never be on, with all that it "
			  "requires: %s", entry->key, err.msg);
	return false;
}

static bool read_rule(struct ktstr_reader *r, const struct ktstr_node *node,
		      const struct ktstr_flag_rules *rules, struct ktstr_flag_rule *rule,
		      struct ktstr_plan_flag *flag)
{
	struct draft draft = { .rules = rules };

	if (!ktstr_schema_read(&ktstr_schema_flag, r, node, &draft, NULL))
		return false;
	rule->requires = draft.requires;
	rule->conflicts = draft.excludes;
	*flag = draft.flag;
	return true;
}

bool ktstr_read_flag_rules(struct ktstr_reader *r, const struct ktstr_node *node,
			   struct ktstr_plan_scheduler *scheduler)
{
	bool ok = ktstr_reader_expect(r, node, KTSTR_NODE_MAPPING, "a mapping of names and flags");
	struct ktstr_flag_rule *items;
	struct ktstr_plan_flag *flags;

	if (ok && node->n > KTSTR_FLAGS_MAX)
		return ktstr_reader_problem(r, node, "%zu flags; expected at most %u", node->n,
					    KTSTR_FLAGS_MAX);
	items = ok ? ktstr_reader_alloc(r, node->n, sizeof(*items)) : NULL;
	flags = items ? ktstr_reader_alloc(r, node->n, sizeof(*flags)) : NULL;
	if (!flags)
		return false;
	scheduler->rules = (struct ktstr_flag_rules){ items, node->n };
	scheduler->flags = flags;
	for (size_t i = 0; i < node->n; i++) {
		items[i].name = node->entries[i].key;
		ok &= check_name(r, &node->entries[i]);
	}
	for (size_t i = 0; i < node->n; i++)
		ok &= read_rule(r, node->entries[i].value, &scheduler->rules, &items[i], &flags[i]);
	for (size_t i = 0; ok && i < node->n; i++)
		ok &= check_possible(r, &node->entries[i], &scheduler->rules, i);
	return ok;
}
