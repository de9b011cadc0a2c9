/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schemas: which keys a mapping of a pipeline file may have, as tables.
 *
 * One table serves reading, the messages about what is unknown or missing, and the manual. A key
 * is either a scalar, checked by its `param` and stored at `offset`, or is read by a function.
 * Everything is read to its end whatever is wrong before: a reader returns false after it has
 * added a problem, and the caller goes on with the next key.
 */
#ifndef KTSTR_PLAN_SCHEMA_H
#define KTSTR_PLAN_SCHEMA_H

#include "plan/plan.h"
#include "plan/yaml.h"

/* What every reader gets. */
struct ktstr_reader {
	struct ktstr_problems *problems;
	struct ktstr_arena *arena;
	struct ktstr_registry *registry;
	struct ktstr_loader *loader;	/* of the files that it consists of */
	const char *dir;		/* relative paths start here: see ktstr_reader_path() */
	const struct ktstr_plan_options *options;
	struct ktstr_plan *description;	/* of the scheduler under test; NULL: there is none */
	const struct ktstr_topology *topology;	/* no CPUs while it is not known, or was wrong */
	bool nomem;
};

typedef bool ktstr_key_fn(struct ktstr_reader *r, const struct ktstr_node *node, void *object);

/* Whether a text is a path, which then is from the folder of its file. */
enum ktstr_path_kind {
	KTSTR_NO_PATH,
	KTSTR_PATH,
	KTSTR_PATH_OR_NAME,	/* with a slash in it, else some other name */
};

struct ktstr_key {
	/* Name, help and default (NULL: required, unless optional); for a scalar its type too. */
	struct ktstr_param param;
	size_t offset;		/* scalar: in the object; const char * for STRING (one line, not
				 * empty) and CHOICE, uint32_t: UINT, uint64_t: DURATION, SIZE,
				 * PERCENT */
	ktstr_key_fn *read;	/* not NULL: reads the value; the default too, as if written */
	enum ktstr_path_kind path;	/* STRING */
	const char *form;	/* what `read` takes, in words; NULL: as param.type says */
	const char *unless;	/* not required where this key stands; NULL: as param says */
};

struct ktstr_schema {
	const char *name;		/* for the manual: "cgroup" */
	const char *form;		/* for messages: "a mapping of binary, args, ..." */
	const char *shorthand;		/* a scalar for the mapping is the value of this key */
	const struct ktstr_key *keys;
	size_t n;
};

#define KTSTR_SCHEMA_KEYS(table) .keys = (table), .n = KTSTR_ARRAY_SIZE(table)

/* The schemas of a pipeline file, in the manual's order; NULL-ended. */
const struct ktstr_schema *const *ktstr_plan_schemas(void);

/* Reads a mapping. `use` (may be NULL) is a plugin whose parameters stand among the keys: a reader
 * of one of the keys has to fill in its plugin and its values' defaults; when it could not, keys
 * that the schema does not know are let pass as somebody's parameters. */
bool ktstr_schema_read(const struct ktstr_schema *schema, struct ktstr_reader *r,
		       const struct ktstr_node *node, void *object, struct ktstr_plugin_use *use);

/* The same for a mapping of which exactly one key is to be there. */
bool ktstr_schema_read_one(const struct ktstr_schema *schema, struct ktstr_reader *r,
			   const struct ktstr_node *node, void *object);

/* A scalar by its parameter's type and range. */
bool ktstr_reader_value(struct ktstr_reader *r, const struct ktstr_param *param,
			const struct ktstr_node *node, struct ktstr_value *ret_value);

/* The path that the scalar is, from `dir` whatever file it stands in: as written in the pipeline file,
 * and when it is absolute. One that is not a bare name does not become one. NULL: memory is out, which
 * the reader remembers. */
const char *ktstr_reader_path(struct ktstr_reader *r, const struct ktstr_node *node,
			      enum ktstr_path_kind kind);

/* Adds a problem at the node's place; always false. */
__attribute__((format(printf, 3, 4)))
bool ktstr_reader_problem(struct ktstr_reader *r, const struct ktstr_node *node, const char *fmt,
			  ...);

/* True when the node is of that type, else a problem: "expected <form>, but this is ...". */
bool ktstr_reader_expect(struct ktstr_reader *r, const struct ktstr_node *node,
			 enum ktstr_node_type type, const char *form);

/* Zeroed memory of the arena for `n` items; NULL when memory is out, which the reader remembers. */
void *ktstr_reader_alloc(struct ktstr_reader *r, size_t n, size_t size);

/* "a, b, c" of the names, in the arena, and a word like "; did you mean `b`?" in front of it when
 * there is one that is near: the tail of a message about an unknown `word`. Never NULL. */
const char *ktstr_reader_suggest(struct ktstr_reader *r, const char *word, const char *const *names,
				 size_t n);

/* True when no character of the text is a control character. */
bool ktstr_text_is_line(const char *text);

#endif
