/* SPDX-License-Identifier: GPL-2.0-only */
/* YAML trees: places, anchors, merge keys, and the bounds that hold against hostile files. */
#include "base/text.h"
#include "plan/yaml.h"

#include <criterion/criterion.h>

/* What one text gives. */
struct result {
	struct ktstr_arena *arena;
	struct ktstr_problems problems;
	const struct ktstr_node *root;
	int ret;
};

static struct result parse_bytes(const void *text, size_t len)
{
	struct result res = { .arena = ktstr_arena_create() };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert(res.arena);
	res.ret = ktstr_yaml_parse(text, len, res.arena, &res.problems, &res.root, &err);
	cr_assert_eq(res.ret, err.code);
	cr_assert_eq(res.ret == 0, res.root != NULL);
	return res;
}

static struct result parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void done(struct result *res)
{
	ktstr_problems_deinit(&res->problems);
	ktstr_arena_destroy(res->arena);
}

/* The value at a path of keys, or of numbers in lists: "a.0.b". */
static const struct ktstr_node *at(const struct ktstr_node *node, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, ".");
		char key[64];

		cr_assert_lt(len, sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		if (node->type == KTSTR_NODE_SEQUENCE) {
			cr_assert_lt(strtoul(key, NULL, 10), node->n, "%s", path);
			node = node->entries[strtoul(key, NULL, 10)].value;
		} else {
			const struct ktstr_entry *entry = ktstr_node_entry(node, key);

			cr_assert(entry, "no %s", path);
			node = entry->value;
		}
		path += len + (path[len] == '.');
	}
	return node;
}

static void check_scalar(const struct ktstr_node *root, const char *path, const char *text,
			 unsigned line, unsigned column)
{
	const struct ktstr_node *node = at(root, path);

	cr_assert_eq(node->type, KTSTR_NODE_SCALAR, "%s", path);
	cr_assert_str_eq(node->text, text);
	cr_assert_eq(node->at.line, line, "%s is in line %u", path, node->at.line);
	cr_assert_eq(node->at.column, column, "%s is in column %u", path, node->at.column);
}

static void check_problem(const struct result *res, size_t i, unsigned line, unsigned column,
			  const char *text)
{
	cr_assert_lt(i, res->problems.list.n, "no problem %zu: %s", i, text);
	cr_assert_str_eq(res->problems.list.items[i].text, text);
	cr_assert_eq(res->problems.list.items[i].line, line, "line %u: %s",
		     res->problems.list.items[i].line, text);
	cr_assert_eq(res->problems.list.items[i].column, column, "column %u: %s",
		     res->problems.list.items[i].column, text);
}

/* A text without a tree, for exactly one reason. */
static void check_refused_bytes(const void *bytes, size_t len, unsigned line, unsigned column,
				const char *text)
{
	struct result res = parse_bytes(bytes, len);

	cr_assert_eq(res.ret, -EINVAL, "%d instead of: %s", res.ret, text);
	check_problem(&res, 0, line, column, text);
	cr_assert_eq(res.problems.list.n, 1, "more than: %s", text);
	done(&res);
}

static void check_refused(const char *bytes, unsigned line, unsigned column, const char *text)
{
	check_refused_bytes(bytes, strlen(bytes), line, column, text);
}

Test(yaml, places_count_characters_from_1)
{
	struct result res = parse("# comment\n"
				  "a: {k: ä, 'b': \"x y\"}\n"
				  "list:\n"
				  "  - one\n"
				  "  - [2, ~]\n");

	cr_assert_eq(res.ret, 0);
	cr_assert_eq(ktstr_problems_count(&res.problems), 0);
	check_scalar(res.root, "a.k", "ä", 2, 8);
	check_scalar(res.root, "a.b", "x y", 2, 16);
	check_scalar(res.root, "list.0", "one", 4, 5);
	check_scalar(res.root, "list.1.0", "2", 5, 6);
	cr_assert_eq(ktstr_node_entry(res.root, "list")->at.line, 3);
	cr_assert(at(res.root, "a.k")->plain);
	cr_assert_not(at(res.root, "a.b")->plain);
	cr_assert(ktstr_node_is_null(at(res.root, "list.1.1")));
	cr_assert_not(ktstr_node_is_null(at(res.root, "list.1.0")));
	cr_assert_eq(res.root->total, 13);
	cr_assert_eq(res.root->height, 3);
	done(&res);
}

Test(yaml, a_byte_order_mark_is_no_part_of_the_text)
{
	struct result res = parse("\xef\xbb\xbf" "a: 1\n");

	cr_assert_eq(res.ret, 0);
	cr_assert_str_eq(at(res.root, "a")->text, "1");
	done(&res);
}

Test(yaml, aliases_bring_the_content_to_their_place)
{
	struct result res = parse("a: &x {k: [1, 2]}\n"
				  "b: *x\n"
				  "c: &x 5s\n"
				  "d: *x\n"
				  "*x : 7\n");

	cr_assert_eq(res.ret, 0);
	cr_assert_eq(ktstr_problems_count(&res.problems), 0);
	cr_assert_eq(at(res.root, "b")->at.line, 2);
	cr_assert_eq(at(res.root, "b")->at.column, 4);
	check_scalar(res.root, "b.k.1", "2", 1, 15);
	check_scalar(res.root, "d", "5s", 4, 4);
	check_scalar(res.root, "5s", "7", 5, 6);
	done(&res);
}

Test(yaml, merge_keys_give_way_to_own_keys_and_earlier_merges)
{
	struct result res = parse("base: &base {a: 1, b: 1}\n"
				  "more: &more {b: 2, c: 2}\n"
				  "one: {<<: *base, b: 3}\n"
				  "list:\n"
				  "  d: 4\n"
				  "  <<: [*more, *base, {e: 5}]\n"
				  "two:\n"
				  "  <<: *base\n"
				  "  <<: *more\n"
				  "nested: {<<: {<<: *base, z: 9}}\n"
				  "quoted: {'<<': 6}\n");

	cr_assert_eq(res.ret, 0);
	cr_assert_eq(ktstr_problems_count(&res.problems), 0);
	cr_assert_eq(at(res.root, "one")->n, 2);
	check_scalar(res.root, "one.a", "1", 1, 17);
	check_scalar(res.root, "one.b", "3", 3, 21);
	cr_assert_eq(at(res.root, "list")->n, 5);
	check_scalar(res.root, "list.b", "2", 2, 17);
	check_scalar(res.root, "list.a", "1", 1, 17);
	check_scalar(res.root, "list.e", "5", 6, 26);
	check_scalar(res.root, "two.b", "1", 1, 23);
	check_scalar(res.root, "two.c", "2", 2, 23);
	check_scalar(res.root, "nested.z", "9", 10, 29);
	check_scalar(res.root, "nested.b", "1", 1, 23);
	check_scalar(res.root, "quoted.<<", "6", 11, 16);
	done(&res);
}

Test(yaml, what_is_wrong_in_one_place_leaves_the_rest)
{
	struct result res = parse("a: 1\n"
				  "b: {x: 1, y: 2, x: 3, x: 4}\n"
				  "a: 2\n"
				  "c: *nonne\n"
				  "d: &none [*none]\n"
				  "e: {<<: 5, f: 6}\n"
				  "[g]: 7\n"
				  "h: !!int 8\n"
				  "i: \"x\\0y\"\n");

	cr_assert_eq(res.ret, -EINVAL, "a NUL ends the reading");
	cr_assert_eq(res.problems.list.n, 8);
	check_problem(&res, 0, 2, 17, "key `x` stands here a second time; the first is in line 2");
	check_problem(&res, 1, 2, 23, "key `x` stands here a second time; the first is in line 2");
	check_problem(&res, 2, 4, 4, "no anchor `&nonne` above this alias");
	check_problem(&res, 3, 5, 11, "alias `*none` stands inside of its own anchor");
	check_problem(&res, 4, 6, 9, "`<<` takes a mapping or a list of mappings, but this is "
		      "text");
	check_problem(&res, 5, 7, 1, "a key has to be a word, but this is a list");
	check_problem(&res, 6, 8, 4, "tags such as `tag:yaml.org,2002:int` mean nothing in a "
		      "pipeline file; leave it out");
	check_problem(&res, 7, 9, 4, "text with a NUL character in it");
	done(&res);
}

Test(yaml, duplicates_name_both_lines)
{
	struct result res = parse("a: 1\nb: &near 2\na: 3\nc: *naer\n");

	cr_assert_eq(res.ret, 0);
	check_scalar(res.root, "a", "1", 1, 4);
	cr_assert_eq(at(res.root, "c")->type, KTSTR_NODE_BROKEN);
	cr_assert_eq(res.problems.list.n, 2);
	check_problem(&res, 0, 4, 4, "no anchor `&naer` above this alias; did you mean `*near`?");
	check_problem(&res, 1, 3, 1, "key `a` stands here a second time; the first is in line 1");
	done(&res);
}

Test(yaml, bytes_that_are_no_text)
{
	static const char nul[] = "a: 1\nb: \0";

	check_refused_bytes("", 0, 1, 1, "the file is empty; a pipeline has at least a "
			    "`scenario:`");
	check_refused("# only a comment\n", 1, 1,
		      "the file is empty; a pipeline has at least a `scenario:`");
	check_refused_bytes(nul, sizeof(nul) - 1, 2, 4, "a NUL byte; a pipeline file is UTF-8 "
					"text");
	check_refused("a: 1\nä: \xff", 2, 4, "byte 0xff is not UTF-8; save the file as UTF-8");
	check_refused("a: 1\nb: \x01\n", 2, 4, "control characters are not allowed (U+0001)");
}

Test(yaml, syntax_is_told_in_libyamls_words)
{
	struct result res;

	check_refused("a: 1\n\tb: 2\n", 2, 1, "a tab in the indentation; YAML wants spaces there");
	check_refused("a:\n  b: 1\n  \tc: 2\n", 3, 3,
		      "a tab in the indentation; YAML wants spaces there");
	check_refused("a: [1, 2\nb: 3\n", 2, 2, "did not find expected ',' or ']' while parsing a "
		      "flow sequence that began in line 1");
	check_refused("a: %x\n", 1, 4, "found character that cannot start any token while scanning "
		      "for the next token");
	res = parse("---\na: 1\n---\nb: 2\n");
	cr_assert_eq(res.ret, 0);
	check_problem(&res, 0, 3, 1, "a second document begins here; a pipeline file holds one");
	done(&res);
}

/* ---- bounds ---- */

static struct result parse_buf(struct ktstr_buf *text)
{
	struct result res;

	cr_assert_not(text->failed);
	res = parse_bytes(text->data, text->len);
	ktstr_buf_free(text);
	return res;
}

static void repeat(struct ktstr_buf *text, const char *what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ktstr_buf_puts(text, what);
}

Test(yaml, an_alias_bomb_is_refused_while_it_is_small)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	ktstr_buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 40; i++) {
		ktstr_buf_printf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			ktstr_buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
		ktstr_buf_puts(&text, "]\n");
	}
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	cr_assert_eq(res.problems.list.n, 1);
	check_problem(&res, 0, 5, 45, "more than 100000 values once aliases are written out; use "
		      "fewer aliases of large parts");
	done(&res);
}

Test(yaml, a_merge_bomb_is_refused)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	ktstr_buf_puts(&text, "base: &base {");
	for (int i = 0; i < 1000; i++)
		ktstr_buf_printf(&text, "k%d: 1, ", i);
	ktstr_buf_puts(&text, "}\nlist:\n");
	repeat(&text, "- <<: *base\n", 1000);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	cr_assert_eq(res.problems.list.n, 1);
	cr_assert_str_eq(res.problems.list.items[0].text, "more than 100000 values once aliases "
			 "are written out; use fewer aliases of large parts");
	done(&res);
}

Test(yaml, nodes_are_counted_up_to_the_bound)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	repeat(&text, "- x\n", KTSTR_YAML_MAX_NODES - 1);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, 0);
	cr_assert_eq(res.root->total, KTSTR_YAML_MAX_NODES);
	done(&res);

	repeat(&text, "- x\n", KTSTR_YAML_MAX_NODES);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	cr_assert_eq(res.problems.list.items[0].line, KTSTR_YAML_MAX_NODES);
	done(&res);
}

/* `depth` lists inside each other. */
static void put_nested(struct ktstr_buf *text, unsigned depth)
{
	repeat(text, "[", depth);
	repeat(text, "]", depth);
}

Test(yaml, depth_is_bounded)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	put_nested(&text, KTSTR_YAML_MAX_DEPTH);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, 0);
	cr_assert_eq(res.root->height, KTSTR_YAML_MAX_DEPTH);
	done(&res);

	put_nested(&text, KTSTR_YAML_MAX_DEPTH + 1);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	check_problem(&res, 0, 1, KTSTR_YAML_MAX_DEPTH + 1, "nested more than 64 levels deep");
	done(&res);
}

Test(yaml, depth_counts_through_aliases)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	ktstr_buf_puts(&text, "a: &a ");
	put_nested(&text, 40);
	ktstr_buf_puts(&text, "\nb: ");
	repeat(&text, "[", 24);
	ktstr_buf_puts(&text, "*a");
	repeat(&text, "]", 24);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	cr_assert_eq(res.problems.list.n, 1);
	check_problem(&res, 0, 2, 28, "nested more than 64 levels deep");
	done(&res);
}

Test(yaml, huge_files_and_many_anchors_are_refused)
{
	struct ktstr_buf text = { 0 };
	struct result res;

	repeat(&text, "#xxxxxx\n", KTSTR_YAML_MAX_BYTES / 8);
	ktstr_buf_puts(&text, "a");
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	check_problem(&res, 0, 0, 0, "the file is larger than 1048576 bytes; that is no pipeline");
	done(&res);

	for (unsigned i = 0; i <= KTSTR_YAML_MAX_ANCHORS; i++)
		ktstr_buf_printf(&text, "- &a%u x\n", i);
	res = parse_buf(&text);
	cr_assert_eq(res.ret, -EINVAL);
	check_problem(&res, 0, KTSTR_YAML_MAX_ANCHORS + 1, 3, "more than 1000 anchors");
	done(&res);
}
