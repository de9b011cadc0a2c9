/* SPDX-License-Identifier: GPL-2.0-only */
/* docs/pipeline.md says what the schema tables say, and its examples and those of auto-repro.md are right. */
#include "plan-fixture.h"
#include "plan/schema.h"

static void put_row(struct ktstr_buf *b, const struct ktstr_key *key)
{
	char value[512];

	ktstr_param_describe(&key->param, value, sizeof(value));
	ktstr_buf_printf(b, "| `%s` | %s | ", key->param.name, key->form ? key->form : value);
	if (key->param.def)
		ktstr_buf_printf(b, "`%s`", key->param.def);
	else if (key->unless)
		ktstr_buf_printf(b, "required without `%s`", key->unless);
	else
		ktstr_buf_puts(b, key->param.optional ? "none" : "required");
	ktstr_buf_printf(b, " | %s |\n", key->param.help);
}

/* A mapping's heading and table, up to the empty line that ends it. */
static char *table(const struct ktstr_schema *schema)
{
	struct ktstr_buf b = { 0 };

	ktstr_buf_printf(&b, "\n### %s\n\n| key | value | default | meaning |\n"
			 "| --- | --- | --- | --- |\n", schema->name);
	for (size_t i = 0; i < schema->n; i++)
		put_row(&b, &schema->keys[i]);
	ktstr_buf_puts(&b, "\n");
	return ktstr_buf_steal_str(&b);
}

Test(manual, its_tables_are_those_of_the_schemas)
{
	_cleanup_free_ char *manual = fixture_manual("pipeline.md");
	size_t headings = 0, schemas = 0;

	for (const struct ktstr_schema *const *s = ktstr_plan_schemas(); *s; s++, schemas++) {
		_cleanup_free_ char *want = table(*s);

		cr_assert(strstr(manual, want), "docs/pipeline.md should have:\n%s", want);
	}
	for (const char *p = manual; (p = strstr(p, "\n### ")); p++)
		headings++;
	cr_assert_eq(headings, schemas);
}

Test(manual, its_examples_are_fine)
{
	fixture_examples("pipeline.md", 3);
	fixture_examples("auto-repro.md", 3);
}
