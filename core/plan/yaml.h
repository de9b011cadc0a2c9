/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML, and JSON: one document as a tree of nodes with their places in the file.
 *
 * Aliases and merge keys (<<) are resolved here. An alias shares the content of its anchor, so a
 * tree costs no more memory than its file; what it would be when written out is counted, and
 * refused beyond the bounds below before anybody walks it.
 */
#ifndef KTSTR_PLAN_YAML_H
#define KTSTR_PLAN_YAML_H

#include "base/arena.h"
#include "plan/problem.h"

#include <ktstr/err.h>

#define KTSTR_YAML_MAX_BYTES (1u << 20)
#define KTSTR_YAML_MAX_NODES 100000u	/* aliases expanded */
#define KTSTR_YAML_MAX_DEPTH 64u	/* lists and mappings inside each other, aliases expanded */
#define KTSTR_YAML_MAX_ANCHORS 1000u

enum ktstr_node_type {
	KTSTR_NODE_SCALAR, KTSTR_NODE_SEQUENCE, KTSTR_NODE_MAPPING,
	KTSTR_NODE_BROKEN,	/* an alias of nothing: its problem is told, no other follows */
};

struct ktstr_entry;

struct ktstr_node {
	enum ktstr_node_type type;
	struct ktstr_position at;	/* that of the alias where one stands */
	const char *text;		/* scalar: UTF-8 without NUL inside; else NULL */
	bool plain;			/* scalar: written without quotes */
	size_t n;			/* sequence, mapping: entries */
	const struct ktstr_entry *entries;
	unsigned height;		/* 0: scalar; else levels of sequences and mappings */
	size_t total;			/* nodes in it, itself included, aliases expanded */
};

/* An item of a sequence, or a key of a mapping with its value. */
struct ktstr_entry {
	const char *key;		/* sequence: NULL */
	struct ktstr_position at;	/* of the key; of the value in a sequence */
	const struct ktstr_node *value;
};

/* Reads the one document in `text`; the tree lives in `arena`. What is wrong is added to
 * `problems`. 0 with a tree, even when a part of it had problems; -EINVAL when there is no tree to
 * go on with; -ENOMEM. */
int ktstr_yaml_parse(const char *text, size_t len, struct ktstr_arena *arena,
		     struct ktstr_problems *problems, const struct ktstr_node **ret_root,
		     struct ktstr_err *err);

/* The same for a file beside the pipeline file. */
int ktstr_yaml_parse_source(const struct ktstr_source *source, struct ktstr_arena *arena,
			    struct ktstr_problems *problems, const struct ktstr_node **ret_root,
			    struct ktstr_err *err);

/* The same for JSON, with comments as in C. A key may stand in a mapping more than once: its entries
 * are all there, in the order of the file. */
int ktstr_json_parse(const char *text, size_t len, struct ktstr_arena *arena,
		     struct ktstr_problems *problems, const struct ktstr_node **ret_root,
		     struct ktstr_err *err);

/* ... without comments. */
int ktstr_yaml_parse_json(const char *text, size_t len, struct ktstr_arena *arena,
			  struct ktstr_problems *problems, const struct ktstr_node **ret_root,
			  struct ktstr_err *err);

/* The (first) entry of a mapping with that key, or NULL; NULL too when `node` is no mapping. */
const struct ktstr_entry *ktstr_node_entry(const struct ktstr_node *node, const char *key);

/* True for a scalar that YAML takes for "no value": nothing, ~ or null without quotes. */
bool ktstr_node_is_null(const struct ktstr_node *node);

/* "a list", "a mapping", "text": what a node is, for messages. */
const char *ktstr_node_type_name(const struct ktstr_node *node);

#endif
