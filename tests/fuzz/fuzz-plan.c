/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes are a pipeline or a list of problems, and a pipeline can be sent to the guest. A line
 * "#### NAME" begins a file of that name beside the pipeline, up to the next one: it is there to be
 * included, or to describe a scheduler. No other file is, wherever it is looked for.
 */
#include "load-plan.h"

/* Relative to the build tree. */
#define PLUGINS "tests/fixtures/plan/.libs/plan-plugins.so"

#define DIR "/nonexistent/"
#define MAIN DIR "fuzz.yaml"
#define MARK "#### "

struct input {
	const char *data;
	size_t len;
};

/* Where the next file begins: at its mark, or at the end. */
static const char *next_mark(const char *p, const char *end)
{
	for (; p && (size_t)(end - p) >= strlen(MARK); p = memchr(p, '\n', (size_t)(end - p))) {
		p += *p == '\n';
		if ((size_t)(end - p) >= strlen(MARK) && !memcmp(p, MARK, strlen(MARK)))
			return p;
	}
	return end;
}

/* The name behind the mark is the one that is looked for; *ret_text is what follows its line. */
static bool is_named(const char *mark, const char *end, const char *name, const char **ret_text)
{
	const char *from = mark + strlen(MARK);
	const char *newline = memchr(from, '\n', (size_t)(end - from));
	size_t len = strlen(name);

	if (!newline || (size_t)(newline - from) != len || memcmp(from, name, len))
		return false;
	*ret_text = newline + 1;
	return true;
}

static int give(struct ktstr_buf *ret, const char *from, const char *to)
{
	ktstr_buf_add(ret, from, (size_t)(to - from));
	return ret->failed ? -ENOMEM : 0;
}

static int read_file(void *ctx, const char *path, struct ktstr_buf *ret, struct ktstr_err *err)
{
	const struct input *input = ctx;
	const char *end = input->data + input->len, *mark = next_mark(input->data, end), *text;

	if (!strcmp(path, MAIN))
		return give(ret, input->data, mark);
	if (strncmp(path, DIR, strlen(DIR)))
		return ktstr_err_errno(err, ENOENT, "%s", path);
	for (; mark < end; mark = next_mark(mark + 1, end))
		if (is_named(mark, end, path + strlen(DIR), &text))
			return give(ret, text, next_mark(text, end));
	return ktstr_err_errno(err, ENOENT, "%s", path);
}

/* Each of them can be on, and its name means it. */
static void go_through_sets(const struct ktstr_plan *plan)
{
	const struct ktstr_flag_rules *rules = &plan->scheduler.rules;
	uint32_t *sets, set;
	size_t n;

	if (ktstr_plan_flag_sets(plan, &sets, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		struct ktstr_buf b = { 0 };
		char *name;

		ktstr_flags_name(rules, sets[i], &b);
		name = ktstr_buf_steal_str(&b);
		if (!name || ktstr_flags_check(rules, sets[i], NULL) ||
		    ktstr_flags_parse(rules, name, &set, NULL) || set != sets[i])
			__builtin_trap();
		free(name);
	}
	free(sets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ktstr_registry *registry;
	struct input input = { (const char *)data, len };
	const struct ktstr_plan_options options = {
		.descriptions = true, .read = read_file, .ctx = &input,
	};
	struct ktstr_problems problems = { 0 };
	struct ktstr_plan *plan = NULL;
	struct ktstr_buf text = { 0 };
	int ret;

	if (!registry)
		registry = fuzz_registry(PLUGINS);
	ret = ktstr_plan_load_for(MAIN, &options, registry, &problems, &plan, NULL);
	if ((ret == 0) != (ktstr_problems_count(&problems) == 0) || (ret == 0) != (plan != NULL))
		__builtin_trap();
	if (plan && plan->scheduler.file)
		go_through_sets(plan);
	if (plan && !plan->only_scheduler)
		fuzz_encode(plan);
	ktstr_problems_print(&problems, "fuzz.yaml", &text);
	ktstr_buf_free(&text);
	ktstr_problems_deinit(&problems);
	ktstr_plan_destroy(plan);
	/* A path that was tried stays in the registry as a refused module. */
	if (ktstr_registry_module(registry, 1)) {
		ktstr_registry_destroy(registry);
		registry = NULL;
	}
	return 0;
}
