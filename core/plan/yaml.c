/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/yaml.h"

#include "base/text.h"

#include <yaml.h>

struct anchor {
	const char *name;
	struct ktstr_node *node;
	bool open;		/* its end is not read yet: an alias to it would be endless */
};

/* An entry of the collection that is being read. */
struct item {
	struct ktstr_entry entry;
	size_t order;
	bool merge;		/* the key is <<: the value brings entries, it is none */
	bool merged;		/* it came through a merge key */
	bool dropped;
};

struct items {
	KTSTR_VEC(struct item) list;
};

struct reader {
	yaml_parser_t parser;
	const struct ktstr_source *source;	/* what the text is of; NULL: the pipeline file */
	const char *text;
	size_t len;
	struct ktstr_arena *arena;
	struct ktstr_problems *problems;
	KTSTR_VEC(struct anchor) anchors;
	bool json;		/* nothing but JSON, of which keys may stand twice */
	size_t nodes;		/* so far, aliases expanded */
	unsigned depth;		/* collections open around the next event */
	bool nomem;
};

#define _cleanup_event_ __attribute__((cleanup(yaml_event_delete)))

static bool out_of_memory(struct reader *r)
{
	r->nomem = true;
	return false;
}

/* Line and column of a byte; columns count characters. */
static struct ktstr_position place_of(const struct reader *r, size_t offset)
{
	struct ktstr_position at = { r->source, 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		if (r->text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

__attribute__((format(printf, 3, 4)))
static bool bad_byte(struct reader *r, size_t offset, const char *fmt, ...)
{
	struct ktstr_position at = place_of(r, offset);
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ktstr_problem_add(r->problems, &at, "%s", text);
	return false;
}

/* What the file is, in messages. */
static const char *kind(const struct reader *r)
{
	return r->json ? "JSON" : "pipeline";
}

/* What has to be true of the bytes before a YAML parser sees them. */
static bool check_bytes(struct reader *r)
{
	const struct ktstr_position whole = { .source = r->source };
	const char *nul = memchr(r->text, 0, r->len);
	size_t offset;

	if (r->len > KTSTR_YAML_MAX_BYTES) {
		ktstr_problem_add(r->problems, &whole, "the file is larger than %u bytes; that is no "
				  "%s", KTSTR_YAML_MAX_BYTES, kind(r));
		return false;
	}
	if (nul)
		return bad_byte(r, (size_t)(nul - r->text),
				"a NUL byte; a %s file is UTF-8 text", kind(r));
	if (!ktstr_utf8_valid(r->text, r->len, &offset))
		return bad_byte(r, offset, "byte 0x%02x is not UTF-8; save the file as UTF-8",
				(unsigned char)r->text[offset]);
	return true;
}

/* True when a tab is among the blanks that line `line` (from 0) begins with; *ret_column from 1. */
static bool tab_indent(const struct reader *r, size_t line, unsigned *ret_column)
{
	const char *p = r->text, *end = r->text + r->len;

	for (; line; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	for (const char *at = p; at < end && (*at == ' ' || *at == '\t'); at++)
		if (*at == '\t') {
			*ret_column = (unsigned)(at - p) + 1;
			return true;
		}
	return false;
}

static struct ktstr_position position(const struct reader *r, const yaml_mark_t *mark)
{
	return (struct ktstr_position){ r->source, (unsigned)mark->line + 1,
					(unsigned)mark->column + 1 };
}

/* What libyaml complains of, in its words and with its place. */
static bool syntax_problem(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct ktstr_position at = position(r, &p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return out_of_memory(r);
	if (p->error == YAML_READER_ERROR)
		return bad_byte(r, p->problem_offset, "%s (U+%04X)", p->problem,
				(unsigned)p->problem_value);
	if (p->error == YAML_SCANNER_ERROR && tab_indent(r, p->problem_mark.line, &at.column))
		ktstr_problem_add(r->problems, &at,
				  "a tab in the indentation; YAML wants spaces there");
	else if (p->context && p->context_mark.line != p->problem_mark.line)
		ktstr_problem_add(r->problems, &at, "%s %s that began in line %zu",
				  p->problem, p->context, p->context_mark.line + 1);
	else if (p->context)
		ktstr_problem_add(r->problems, &at, "%s %s", p->problem, p->context);
	else
		ktstr_problem_add(r->problems, &at, "%s", p->problem);
	return false;
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
	return yaml_parser_parse(&r->parser, event) || syntax_problem(r);
}

__attribute__((format(printf, 3, 4)))
static bool event_problem(struct reader *r, const yaml_event_t *event, const char *fmt, ...)
{
	struct ktstr_position at = position(r, &event->start_mark);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ktstr_problem_add(r->problems, &at, "%s", text);
	return false;
}

/* ---- anchors ---- */

static struct anchor *find_anchor(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->anchors.n; i++)
		if (!strcmp(r->anchors.items[i].name, name))
			return &r->anchors.items[i];
	return NULL;
}

/* A name may be given again; aliases mean the last one before them. */
static bool open_anchor(struct reader *r, const yaml_event_t *event, const yaml_char_t *name,
			struct ktstr_node *node)
{
	struct anchor *anchor;

	if (!name)
		return true;
	anchor = find_anchor(r, (const char *)name);
	if (!anchor) {
		if (r->anchors.n == KTSTR_YAML_MAX_ANCHORS)
			return event_problem(r, event, "more than %u anchors",
					     KTSTR_YAML_MAX_ANCHORS);
		anchor = ktstr_vec_add(&r->anchors);
		if (!anchor)
			return out_of_memory(r);
		anchor->name = ktstr_arena_strndup(r->arena, (const char *)name,
						   strlen((const char *)name));
		if (!anchor->name) {
			r->anchors.n--;
			return out_of_memory(r);
		}
	}
	anchor->node = node;
	anchor->open = true;
	return true;
}

static void close_anchor(struct reader *r, const struct ktstr_node *node)
{
	for (size_t i = 0; i < r->anchors.n; i++)
		if (r->anchors.items[i].node == node)
			r->anchors.items[i].open = false;
}

static void unknown_anchor(struct reader *r, const yaml_event_t *event, const char *name)
{
	const char *names[KTSTR_YAML_MAX_ANCHORS], *nearest = NULL;

	for (size_t i = 0; i < r->anchors.n; i++)
		names[i] = r->anchors.items[i].name;
	/* A search for each of 90,000 aliases would take seconds, and nobody would read it. */
	if (ktstr_problems_count(r->problems) < KTSTR_PROBLEMS_MAX)
		nearest = ktstr_nearest(name, names, r->anchors.n);
	if (nearest)
		event_problem(r, event, "no anchor `&%.80s` above this alias; did you mean "
			      "`*%.80s`?",
			      name, nearest);
	else
		event_problem(r, event, "no anchor `&%.80s` above this alias", name);
}

/* ---- nodes ---- */

static bool count_nodes(struct reader *r, const yaml_event_t *event, size_t more)
{
	r->nodes += more;
	if (r->nodes <= KTSTR_YAML_MAX_NODES)
		return true;
	return event_problem(r, event, "more than %u values once aliases are written out; use "
			     "fewer aliases of large parts", KTSTR_YAML_MAX_NODES);
}

static bool check_depth(struct reader *r, const yaml_event_t *event, unsigned height)
{
	if (r->depth + height <= KTSTR_YAML_MAX_DEPTH)
		return true;
	return event_problem(r, event, "nested more than %u levels deep", KTSTR_YAML_MAX_DEPTH);
}

/* What the alias means, or NULL when that has no end or would be too much. */
static const struct ktstr_node *alias_target(struct reader *r, const yaml_event_t *event)
{
	static const struct ktstr_node broken = { .type = KTSTR_NODE_BROKEN, .total = 1 };
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = find_anchor(r, name);
	const struct ktstr_node *target = &broken;

	if (!anchor)
		unknown_anchor(r, event, name);
	else if (anchor->open)
		event_problem(r, event, "alias `*%.80s` stands inside of its own anchor", name);
	else
		target = anchor->node;
	return count_nodes(r, event, target->total) && check_depth(r, event, target->height) ?
		target : NULL;
}

/* The anchor's content seen from the place of the alias. */
static struct ktstr_node *parse_alias(struct reader *r, const yaml_event_t *event)
{
	const struct ktstr_node *target = alias_target(r, event);
	struct ktstr_node *node;

	if (!target)
		return NULL;
	node = ktstr_arena_zalloc(r->arena, sizeof(*node));
	if (!node) {
		out_of_memory(r);
		return NULL;
	}
	*node = *target;
	node->at = position(r, &event->start_mark);
	return node;
}

static bool fill_scalar(struct reader *r, const yaml_event_t *event, struct ktstr_node *node)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(value, 0, len))
		return event_problem(r, event, "text with a NUL character in it");
	node->type = KTSTR_NODE_SCALAR;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = ktstr_arena_strndup(r->arena, value, len);
	return node->text || out_of_memory(r);
}

/* ---- of YAML, what JSON is ---- */

/* A number, or a word that JSON has; true and false in any case, as rt-app takes them. */
static bool is_json_word(const char *text)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(words); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return *text && strspn(text, "+-.0123456789eE") == strlen(text);
}

static bool check_json(struct reader *r, const yaml_event_t *event, const struct ktstr_node *node,
		       const yaml_char_t *anchor)
{
	if (anchor)
		return event_problem(r, event, "JSON has no anchors");
	if (node->type == KTSTR_NODE_SCALAR)
		return !node->plain || is_json_word(node->text) ||
		       event_problem(r, event, "`%.80s` is no JSON value: %s", node->text,
				     strchr(node->text, '"') ? "is there a comma missing?" :
				     "text stands in double quotes");
	if (event->type == YAML_SEQUENCE_START_EVENT ?
	    event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE :
	    event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE)
		return true;
	return event_problem(r, event, "this is YAML; JSON has { } and [ ] around what belongs "
			     "together");
}

/* The node that the event begins; a collection is still empty. */
static struct ktstr_node *begin_node(struct reader *r, const yaml_event_t *event)
{
	struct ktstr_node *node = ktstr_arena_zalloc(r->arena, sizeof(*node));
	const yaml_char_t *anchor, *tag;
	bool ok = true;

	if (!node) {
		out_of_memory(r);
		return NULL;
	}
	node->at = position(r, &event->start_mark);
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		ok = fill_scalar(r, event, node);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		node->type = KTSTR_NODE_SEQUENCE;
	} else {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		node->type = KTSTR_NODE_MAPPING;
	}
	if (tag)
		event_problem(r, event, "tags such as `%.80s` mean nothing in a %s file; "
			      "leave it out", (const char *)tag, kind(r));
	ok = ok && (!r->json || check_json(r, event, node, anchor));
	return ok && count_nodes(r, event, 1) && open_anchor(r, event, anchor, node) ? node : NULL;
}

/* ---- collections ---- */

static bool add_item(struct reader *r, struct items *items, const struct ktstr_entry *entry,
		     bool merged)
{
	struct item *item = ktstr_vec_add(&items->list);

	if (!item)
		return out_of_memory(r);
	item->entry = *entry;
	item->order = items->list.n;
	item->merged = merged;
	return true;
}

static bool add_merged(struct reader *r, struct items *items, const struct ktstr_node *source)
{
	if (source->type == KTSTR_NODE_BROKEN)
		return true;
	if (source->type != KTSTR_NODE_MAPPING) {
		ktstr_problem_add(r->problems, &source->at, "`<<` takes a mapping "
				  "or a list of mappings, but this is %s",
				  ktstr_node_type_name(source));
		return true;
	}
	for (size_t i = 0; i < source->n; i++)
		if (!add_item(r, items, &source->entries[i], true))
			return false;
	return true;
}

/* Appends what the merge keys bring. A mapping's own keys stand before them, and an earlier merge
 * before a later one: the first of a name is the one that counts. */
static bool expand_merges(struct reader *r, struct items *items)
{
	size_t own = items->list.n;

	for (size_t i = 0; i < own; i++) {
		const struct ktstr_node *value = items->list.items[i].entry.value;

		if (!items->list.items[i].merge)
			continue;
		items->list.items[i].dropped = true;
		if (value->type != KTSTR_NODE_SEQUENCE) {
			if (!add_merged(r, items, value))
				return false;
			continue;
		}
		for (size_t k = 0; k < value->n; k++)
			if (!add_merged(r, items, value->entries[k].value))
				return false;
	}
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct item *p = a, *q = b;
	int order = strcmp(p->entry.key, q->entry.key);

	return order ? order : p->order < q->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
	const struct item *p = a, *q = b;

	return p->order < q->order ? -1 : 1;
}

/* Drops all but the first of each key; one that was written twice is a problem. */
static void drop_repeated(struct reader *r, struct items *items)
{
	const struct item *first = NULL;

	qsort(items->list.items, items->list.n, sizeof(*items->list.items), by_key);
	for (size_t i = 0; i < items->list.n; i++) {
		struct item *item = &items->list.items[i];

		if (item->dropped)
			continue;
		if (!first || strcmp(first->entry.key, item->entry.key)) {
			first = item;
			continue;
		}
		item->dropped = true;
		if (!item->merged)
			ktstr_problem_add(r->problems, &item->entry.at,
					  "key `%.80s` stands here a second time; the first is in "
					  "line %u", item->entry.key, first->entry.at.line);
	}
	qsort(items->list.items, items->list.n, sizeof(*items->list.items), by_order);
}

/* Moves what was collected into the node. */
static bool finish_collection(struct reader *r, struct ktstr_node *node, struct items *items)
{
	struct ktstr_entry *entries;

	node->height = 1;
	if (!items->list.n)
		return true;
	if (node->type == KTSTR_NODE_MAPPING) {
		if (!expand_merges(r, items))
			return false;
		if (!r->json)
			drop_repeated(r, items);
	}
	node->entries = entries = ktstr_arena_zalloc(r->arena, items->list.n * sizeof(*entries));
	if (!entries)
		return out_of_memory(r);
	for (size_t i = 0; i < items->list.n; i++) {
		const struct item *item = &items->list.items[i];

		if (item->dropped)
			continue;
		entries[node->n++] = item->entry;
		if (item->entry.value->height >= node->height)
			node->height = item->entry.value->height + 1;
	}
	return true;
}

static struct ktstr_node *parse_node(struct reader *r, const yaml_event_t *event);

static bool parse_pair(struct reader *r, const yaml_event_t *key_event, struct items *items)
{
	const struct ktstr_node *key = parse_node(r, key_event), *value;
	_cleanup_event_ yaml_event_t event = { 0 };
	struct ktstr_entry entry;

	if (!key || !next_event(r, &event))
		return false;
	value = parse_node(r, &event);
	if (!value)
		return false;
	if (key->type != KTSTR_NODE_SCALAR) {
		if (key->type != KTSTR_NODE_BROKEN)
			ktstr_problem_add(r->problems, &key->at, "a key has to be a "
					  "word, but this is %s", ktstr_node_type_name(key));
		return true;
	}
	if (r->json && key->plain)
		return event_problem(r, key_event, "a key of JSON stands in double quotes");
	entry = (struct ktstr_entry){ key->text, key->at, value };
	if (!add_item(r, items, &entry, false))
		return false;
	items->list.items[items->list.n - 1].merge = key->plain && !strcmp(key->text, "<<");
	return true;
}

static bool parse_element(struct reader *r, const yaml_event_t *event, struct items *items)
{
	const struct ktstr_node *value = parse_node(r, event);

	return value && add_item(r, items, &(struct ktstr_entry){ NULL, value->at, value }, false);
}

static bool parse_collection(struct reader *r, struct ktstr_node *node)
{
	bool mapping = node->type == KTSTR_NODE_MAPPING, ok = true;
	struct items items = { 0 };

	while (ok) {
		_cleanup_event_ yaml_event_t event = { 0 };

		ok = next_event(r, &event);
		if (!ok || event.type == YAML_MAPPING_END_EVENT ||
		    event.type == YAML_SEQUENCE_END_EVENT)
			break;
		ok = mapping ? parse_pair(r, &event, &items) : parse_element(r, &event, &items);
	}
	ok = ok && finish_collection(r, node, &items);
	ktstr_vec_free(&items.list);
	return ok;
}

/* The node that the event begins, up to its end; NULL when reading cannot go on. */
static struct ktstr_node *parse_node(struct reader *r, const yaml_event_t *event)
{
	size_t before = r->nodes;
	struct ktstr_node *node;
	bool ok = true;

	if (event->type == YAML_ALIAS_EVENT && r->json) {
		event_problem(r, event, "JSON has no aliases");
		return NULL;
	}
	if (event->type == YAML_ALIAS_EVENT)
		return parse_alias(r, event);
	node = begin_node(r, event);
	if (!node)
		return NULL;
	if (node->type != KTSTR_NODE_SCALAR) {
		ok = check_depth(r, event, 1);
		r->depth++;
		ok = ok && parse_collection(r, node);
		r->depth--;
	}
	close_anchor(r, node);
	node->total = r->nodes - before;
	return ok ? node : NULL;
}

/* ---- the document ---- */

static const struct ktstr_node *parse_document(struct reader *r)
{
	_cleanup_event_ yaml_event_t stream = { 0 }, start = { 0 }, event = { 0 };
	const struct ktstr_position first = { r->source, 1, 1 };

	if (!next_event(r, &stream) || !next_event(r, &start))
		return NULL;
	if (start.type == YAML_STREAM_END_EVENT) {
		ktstr_problem_add(r->problems, &first, "the file is empty%s", r->json || r->source ?
				  "" : "; a pipeline has at least a `scenario:`");
		return NULL;
	}
	return next_event(r, &event) ? parse_node(r, &event) : NULL;
}

/* What follows the document: its end and that of the file. */
static void parse_rest(struct reader *r)
{
	_cleanup_event_ yaml_event_t end = { 0 }, next = { 0 };

	if (next_event(r, &end) && next_event(r, &next) && next.type != YAML_STREAM_END_EVENT)
		event_problem(r, &next, "a second document begins here; a %s file holds one",
			      kind(r));
}

static int parse(struct reader *r, const struct ktstr_node **ret_root, struct ktstr_err *err)
{
	const struct ktstr_node *root;

	if (!check_bytes(r))
		return ktstr_err_set(err, -EINVAL, "no %s text", r->json ? "JSON" : "YAML");
	if (!yaml_parser_initialize(&r->parser))
		return ktstr_err_nomem(err);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->len);
	root = parse_document(r);
	if (root)
		parse_rest(r);
	yaml_parser_delete(&r->parser);
	ktstr_vec_free(&r->anchors);
	if (r->nomem)
		return ktstr_err_nomem(err);
	if (!root)
		return ktstr_err_set(err, -EINVAL, "no %s document", r->json ? "JSON" : "YAML");
	*ret_root = root;
	return 0;
}

int ktstr_yaml_parse(const char *text, size_t len, struct ktstr_arena *arena,
		     struct ktstr_problems *problems, const struct ktstr_node **ret_root,
		     struct ktstr_err *err)
{
	struct reader r = { .text = text, .len = len, .arena = arena, .problems = problems };

	return parse(&r, ret_root, err);
}

int ktstr_yaml_parse_source(const struct ktstr_source *source, struct ktstr_arena *arena,
			    struct ktstr_problems *problems, const struct ktstr_node **ret_root,
			    struct ktstr_err *err)
{
	struct reader r = {
		.source = source, .text = source->text, .len = source->len, .arena = arena,
		.problems = problems,
	};

	return parse(&r, ret_root, err);
}

int ktstr_yaml_parse_json(const char *text, size_t len, struct ktstr_arena *arena,
			  struct ktstr_problems *problems, const struct ktstr_node **ret_root,
			  struct ktstr_err *err)
{
	struct reader r = {
		.text = text, .len = len, .arena = arena, .problems = problems, .json = true,
	};

	return parse(&r, ret_root, err);
}

const struct ktstr_entry *ktstr_node_entry(const struct ktstr_node *node, const char *key)
{
	if (node->type != KTSTR_NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i < node->n; i++)
		if (!strcmp(node->entries[i].key, key))
			return &node->entries[i];
	return NULL;
}

bool ktstr_node_is_null(const struct ktstr_node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (node->type != KTSTR_NODE_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(words); i++)
		if (!strcmp(node->text, words[i]))
			return true;
	return false;
}

const char *ktstr_node_type_name(const struct ktstr_node *node)
{
	return node->type == KTSTR_NODE_MAPPING ? "a mapping" :
	       node->type == KTSTR_NODE_SEQUENCE ? "a list" :
	       ktstr_node_is_null(node) ? "empty" : "text";
}
