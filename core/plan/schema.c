/* SPDX-License-Identifier: GPL-2.0-only */
#include "plan/schema.h"

#include "base/cleanup.h"
#include "base/text.h"

bool ktstr_reader_problem(struct ktstr_reader *r, const struct ktstr_node *node, const char *fmt,
			  ...)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (b.failed)
		r->nomem = true;
	ktstr_problem_add(r->problems, &node->at, "%.*s", (int)b.len,
			  (const char *)b.data);
	return false;
}

bool ktstr_reader_expect(struct ktstr_reader *r, const struct ktstr_node *node,
			 enum ktstr_node_type type, const char *form)
{
	if (node->type == type)
		return true;
	if (node->type != KTSTR_NODE_BROKEN)
		ktstr_reader_problem(r, node, "expected %s, but this is %s", form,
				     ktstr_node_type_name(node));
	return false;
}

const char *ktstr_reader_path(struct ktstr_reader *r, const struct ktstr_node *node,
			      enum ktstr_path_kind kind)
{
	_cleanup_free_ char *path = NULL, *dotted = NULL;
	const char *kept;

	if (!node->at.source || *node->text == '/' || !strcmp(node->at.source->dir, ".") ||
	    kind == KTSTR_NO_PATH || (kind == KTSTR_PATH_OR_NAME && !strchr(node->text, '/')))
		return node->text;
	path = ktstr_path_join(node->at.source->dir, node->text);
	if (path && !strchr(path, '/'))
		dotted = ktstr_asprintf("./%s", path);	/* no bare name, which is looked for elsewhere */
	kept = dotted ? dotted : path && strchr(path, '/') ? path : NULL;
	kept = kept ? ktstr_arena_strndup(r->arena, kept, strlen(kept)) : NULL;
	if (!kept)
		r->nomem = true;
	return kept;
}

void *ktstr_reader_alloc(struct ktstr_reader *r, size_t n, size_t size)
{
	void *p = ktstr_arena_zalloc(r->arena, n ? n * size : 1);

	if (!p)
		r->nomem = true;
	return p;
}

const char *ktstr_reader_suggest(struct ktstr_reader *r, const char *word, const char *const *names,
				 size_t n)
{
	const char *nearest = ktstr_nearest(word, names, n), *text;
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	if (nearest)
		ktstr_buf_printf(&b, "; did you mean `%s`?", nearest);
	ktstr_buf_puts(&b, " (known: ");
	for (size_t i = 0; i < n; i++)
		ktstr_buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	ktstr_buf_puts(&b, n ? ")" : "none)");
	text = b.failed ? NULL : ktstr_arena_strndup(r->arena, (const char *)b.data, b.len);
	if (!text)
		r->nomem = true;
	return text ? text : "";
}

bool ktstr_text_is_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* ---- values ---- */

static void describe(const struct ktstr_param *param, const char *form, char *buf, size_t size)
{
	if (form)
		snprintf(buf, size, "%s", form);
	else
		ktstr_param_describe(param, buf, size);
}

static bool refuse_null(struct ktstr_reader *r, const struct ktstr_param *param, const char *form,
			const struct ktstr_node *node)
{
	char expected[512];

	describe(param, form, expected, sizeof(expected));
	return ktstr_reader_problem(r, node, "`%s` has no value; expected %s", param->name,
				    expected);
}

bool ktstr_reader_value(struct ktstr_reader *r, const struct ktstr_param *param,
			const struct ktstr_node *node, struct ktstr_value *ret_value)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	char expected[512];

	if (node->type == KTSTR_NODE_BROKEN)
		return false;
	ktstr_param_describe(param, expected, sizeof(expected));
	if (node->type != KTSTR_NODE_SCALAR)
		return ktstr_reader_problem(r, node, "`%s`: expected %s, but this is %s",
					    param->name, expected, ktstr_node_type_name(node));
	if (ktstr_param_parse(param, node->text, ret_value, &err) < 0)
		return ktstr_reader_problem(r, node, "`%s`: %s", param->name, err.msg);
	return true;
}

static void store(const struct ktstr_key *key, const struct ktstr_value *value, void *object)
{
	void *at = (char *)object + key->offset;

	switch (key->param.type) {
	case KTSTR_PARAM_STRING:
	case KTSTR_PARAM_CHOICE:
		*(const char **)at = value->str;
		break;
	case KTSTR_PARAM_UINT:
		*(uint32_t *)at = (uint32_t)value->u64;
		break;
	case KTSTR_PARAM_DURATION:
	case KTSTR_PARAM_SIZE:
	case KTSTR_PARAM_PERCENT:
		*(uint64_t *)at = value->u64;
		break;
	case KTSTR_PARAM_BOOL:
		*(bool *)at = value->boolean;
		break;
	case KTSTR_PARAM_INT:
		*(int64_t *)at = value->s64;
		break;
	}
}

static bool read_key(struct ktstr_reader *r, const struct ktstr_key *key,
		     const struct ktstr_node *node, void *object)
{
	struct ktstr_value value;

	if (ktstr_node_is_null(node))
		return refuse_null(r, &key->param, key->form, node);
	if (key->read)
		return key->read(r, node, object);
	if (!ktstr_reader_value(r, &key->param, node, &value))
		return false;
	if (value.str && !*value.str)
		return refuse_null(r, &key->param, key->form, node);
	if (value.str && !ktstr_text_is_line(value.str))
		return ktstr_reader_problem(r, node, "`%s` is one line of text", key->param.name);
	if (value.str && key->path)
		value.str = ktstr_reader_path(r, node, key->path);
	store(key, &value, object);
	return !r->nomem;
}

/* ---- mappings ---- */

/* The words that may be keys of the mapping that is being read. */
struct names {
	const char *const *items;
	size_t n;
};

/* Names of the schema's keys and the plugin's parameters; without items when memory is out. */
static struct names known_names(struct ktstr_reader *r, const struct ktstr_schema *schema,
				const struct ktstr_plugin *plugin)
{
	size_t n_params = plugin ? plugin->n_params : 0;
	const char **items = ktstr_reader_alloc(r, schema->n + n_params, sizeof(*items));

	if (!items)
		return (struct names){ NULL, 0 };
	for (size_t i = 0; i < schema->n; i++)
		items[i] = schema->keys[i].param.name;
	for (size_t i = 0; i < n_params; i++)
		items[schema->n + i] = ktstr_plugin_param(plugin, (uint32_t)i)->name;
	return (struct names){ items, schema->n + n_params };
}

static bool contains(const struct names *names, const char *word)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], word))
			return true;
	return false;
}

/* True when the key stands there with a slip of the pen: the unknown key tells enough. */
static bool misspelt(const struct names *names, const struct ktstr_node *mapping, const char *key)
{
	for (size_t i = 0; i < mapping->n; i++) {
		const char *word = mapping->entries[i].key, *nearest;

		if (contains(names, word))
			continue;
		nearest = ktstr_nearest(word, names->items, names->n);
		if (nearest && !strcmp(nearest, key))
			return true;
	}
	return false;
}

static bool missing(struct ktstr_reader *r, const struct names *names,
		    const struct ktstr_param *param, const char *form,
		    const struct ktstr_node *mapping)
{
	char expected[512];

	if (misspelt(names, mapping, param->name))
		return false;
	describe(param, form, expected, sizeof(expected));
	return ktstr_reader_problem(r, mapping, "`%s` is missing here (%s); expected %s",
				    param->name, param->help, expected);
}

/* What a key that was left out means. */
static bool read_absent(struct ktstr_reader *r, const struct names *names,
			const struct ktstr_key *key, const struct ktstr_node *mapping,
			void *object)
{
	struct ktstr_node def = { .type = KTSTR_NODE_SCALAR, .text = key->param.def };

	if (def.text)
		return read_key(r, key, &def, object);
	return key->param.optional || (key->unless && ktstr_node_entry(mapping, key->unless)) ||
	       missing(r, names, &key->param, key->form, mapping);
}

/* The keys of the schema; then, since one of them may have told the plugin, those of its table. */
static bool read_keys(struct ktstr_reader *r, const struct ktstr_schema *schema,
		      const struct ktstr_node *mapping, void *object)
{
	struct names names = known_names(r, schema, NULL);
	bool ok = true;

	for (size_t i = 0; i < schema->n; i++) {
		const struct ktstr_key *key = &schema->keys[i];
		const struct ktstr_entry *entry = ktstr_node_entry(mapping, key->param.name);

		if (entry)
			ok &= read_key(r, key, entry->value, object);
		else
			ok &= read_absent(r, &names, key, mapping, object);
	}
	return ok;
}

/* One parameter of a plugin; its default is in `value` already. */
static bool read_param(struct ktstr_reader *r, const struct names *names,
		       const struct ktstr_plugin *plugin, uint32_t row,
		       const struct ktstr_node *mapping, struct ktstr_value *value)
{
	const struct ktstr_param *param = ktstr_plugin_param(plugin, row);
	const struct ktstr_entry *entry = ktstr_node_entry(mapping, param->name);

	if (!entry)
		return value->set || ktstr_plugin_param_optional(plugin, row) ||
		       missing(r, names, param, NULL, mapping);
	if (ktstr_node_is_null(entry->value))
		return refuse_null(r, param, NULL, entry->value);
	return ktstr_reader_value(r, param, entry->value, value);
}

/* Complains of the keys that are not known; `near_only`: of those that look like a known one. */
static bool check_names(struct ktstr_reader *r, const struct names *names,
			const struct ktstr_node *mapping, bool near_only)
{
	bool ok = true;

	for (size_t i = 0; i < mapping->n; i++) {
		const struct ktstr_entry *entry = &mapping->entries[i];

		if (contains(names, entry->key) ||
		    (near_only && !ktstr_nearest(entry->key, names->items, names->n)))
			continue;
		ktstr_problem_add(r->problems, &entry->at, "unknown key `%.80s` "
				  "here%s",
				  entry->key,
				  ktstr_reader_suggest(r, entry->key, names->items, names->n));
		ok = false;
	}
	return ok;
}

static bool read_mapping(struct ktstr_reader *r, const struct ktstr_schema *schema,
			 const struct ktstr_node *mapping, void *object,
			 struct ktstr_plugin_use *use)
{
	bool ok = read_keys(r, schema, mapping, object);
	const struct ktstr_plugin *plugin = use ? use->plugin : NULL;
	struct names names = known_names(r, schema, plugin);

	for (uint32_t i = 0; plugin && i < plugin->n_params; i++)
		ok &= read_param(r, &names, plugin, i, mapping, &use->values[i]);
	return check_names(r, &names, mapping, use && !plugin) && names.items && ok;
}

bool ktstr_schema_read(const struct ktstr_schema *schema, struct ktstr_reader *r,
		       const struct ktstr_node *node, void *object, struct ktstr_plugin_use *use)
{
	struct ktstr_entry entry = { schema->shorthand, node->at, node };
	struct ktstr_node mapping = {
		.type = KTSTR_NODE_MAPPING, .at = node->at,
		.n = 1, .entries = &entry,
	};

	if (node->type == KTSTR_NODE_SCALAR && schema->shorthand)
		return read_mapping(r, schema, &mapping, object, use);
	return ktstr_reader_expect(r, node, KTSTR_NODE_MAPPING, schema->form) &&
	       read_mapping(r, schema, node, object, use);
}

bool ktstr_schema_read_one(const struct ktstr_schema *schema, struct ktstr_reader *r,
			   const struct ktstr_node *node, void *object)
{
	const struct ktstr_entry *second;

	if (!ktstr_schema_read(schema, r, node, object, NULL))
		return false;
	if (node->type != KTSTR_NODE_MAPPING || node->n == 1)
		return true;
	if (!node->n)
		return ktstr_reader_problem(r, node, "expected %s", schema->form);
	second = &node->entries[1];
	ktstr_problem_add(r->problems, &second->at, "`%s` beside `%s`: only one "
			  "of them can be meant", second->key, node->entries[0].key);
	return false;
}
