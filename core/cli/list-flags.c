/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/list-flags.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/pipeline.h"

#include <jansson.h>

static bool is_on(uint32_t set, size_t i)
{
	return set & UINT32_C(1) << i;
}

/* A set's name, and the arguments that switch it on. */
static void put_set(struct ktstr_buf *out, const struct ktstr_plan_scheduler *scheduler,
		    uint32_t set, int width)
{
	size_t begin = out->len, args = 0;

	ktstr_flags_name(&scheduler->rules, set, out);
	for (size_t i = 0; i < scheduler->rules.n; i++) {
		const struct ktstr_plan_flag *flag = &scheduler->flags[i];

		for (size_t k = 0; is_on(set, i) && k < flag->args.n; k++, args++)
			ktstr_buf_printf(out, "%*s %s", args ? 0 : width - (int)(out->len - begin) + 1,
					 "", flag->args.items[k]);
	}
	ktstr_buf_puts(out, "\n");
}

static int name_width(const struct ktstr_plan_scheduler *scheduler, uint32_t set)
{
	_cleanup_buf_ struct ktstr_buf name = { 0 };

	ktstr_flags_name(&scheduler->rules, set, &name);
	return (int)name.len;
}

static void put_text(const struct ktstr_plan_scheduler *scheduler, const uint32_t *sets, size_t n,
		     struct ktstr_buf *out)
{
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		int w = name_width(scheduler, sets[i]);

		width = w > width ? w : width;
	}
	for (size_t i = 0; i < n; i++)
		put_set(out, scheduler, sets[i], width);
}

/* NULL when memory is out, or for text that is not UTF-8. */
static json_t *set_object(const struct ktstr_plan_scheduler *scheduler, uint32_t set)
{
	_cleanup_buf_ struct ktstr_buf name = { 0 };
	json_t *flags = json_array(), *args = json_array();
	bool ok = flags && args;

	ktstr_flags_name(&scheduler->rules, set, &name);
	for (size_t i = 0; ok && i < scheduler->rules.n; i++) {
		const struct ktstr_plan_flag *flag = &scheduler->flags[i];

		if (!is_on(set, i))
			continue;
		ok = !json_array_append_new(flags, json_string(scheduler->rules.items[i].name));
		for (size_t k = 0; ok && k < flag->args.n; k++)
			ok = !json_array_append_new(args, json_string(flag->args.items[k]));
	}
	if (ok && !name.failed)
		return json_pack("{s:s%, s:o, s:o}", "set", (char *)name.data, name.len, "flags",
				 flags, "args", args);
	json_decref(flags);
	json_decref(args);
	return NULL;
}

static int put_json(const struct ktstr_plan_scheduler *scheduler, const uint32_t *sets, size_t n,
		    struct ktstr_buf *out)
{
	_cleanup_free_ char *text = NULL;
	json_t *array = json_array();
	bool ok = array;

	for (size_t i = 0; ok && i < n; i++)
		ok = !json_array_append_new(array, set_object(scheduler, sets[i]));
	text = ok ? json_dumps(array, JSON_INDENT(2)) : NULL;
	json_decref(array);
	if (!text)
		return -ENOMEM;
	ktstr_buf_printf(out, "%s\n", text);
	return 0;
}

static int print_sets(const struct ktstr_plan *plan, bool json)
{
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	_cleanup_free_ uint32_t *sets = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;
	size_t n;
	int ret = ktstr_plan_flag_sets(plan, &sets, &n, &err);

	if (ret)
		return ktstr_complain(ret == -ENOMEM ? KTSTR_EXIT_INTERNAL : KTSTR_EXIT_BAD_PIPELINE,
				      &err);
	if (json)
		ret = put_json(&plan->scheduler, sets, n, &out);
	else
		put_text(&plan->scheduler, sets, n, &out);
	if (ret || out.failed) {
		ktstr_err_nomem(&err);
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	fwrite(out.data, 1, out.len, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		ktstr_err_errno(&err, errno, "cannot write to standard output");
		return ktstr_complain(KTSTR_EXIT_INTERNAL, &err);
	}
	return KTSTR_EXIT_PASSED;
}

int ktstr_list_flags(const char *file, struct ktstr_registry *registry, bool json)
{
	const struct ktstr_plan_options options = { .descriptions = true };
	struct ktstr_plan *plan = NULL;
	int status = ktstr_load_plan(file, &options, registry, &plan);

	if (!status)
		status = print_sets(plan, json);
	ktstr_plan_destroy(plan);
	return status;
}
