/* SPDX-License-Identifier: GPL-2.0-only */
/* Probe plugins against a planner that knows of a kernel only which functions it has. */
#include <ktstr/plugin.h>
#include <ktstr/probe.h>
#include <ktstr/text.h>

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

struct fake {
	struct ktstr_planner base;	/* first */
	const char *has;		/* " name name ": its functions, a tracepoint as "tp:name" */
	char points[1024];		/* what was asked for: "name@entry name@trigger" */
};

static bool fake_has(const struct ktstr_planner *base, enum ktstr_point_target target, const char *name)
{
	const struct fake *f = (const struct fake *)base;
	char word[128];

	snprintf(word, sizeof(word), " %s%s ", target == KTSTR_TARGET_TRACEPOINT ? "tp:" : "", name);
	return strstr(f->has, word);
}

static int fake_add(struct ktstr_planner *base, const struct ktstr_point *point, struct ktstr_err *err)
{
	static const char *const at[] = { NULL, "entry", "exit", "trigger" };
	struct fake *f = (struct fake *)base;

	if (!fake_has(base, point->target, point->function))
		return ktstr_err_set(err, -ENOENT, "this kernel has none");
	ktstr_append(f->points, sizeof(f->points), "%s%s@%s", f->points[0] ? " " : "", point->function, at[point->at]);
	return 0;
}

/* The plugin's module, as it was built. */
static const struct ktstr_probe_ops *ops_of(const char *name)
{
	const struct ktstr_module *module;
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/.libs/probe-%s.so", getenv("abs_top_builddir") ?: ".", name);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert(handle, "%s", dlerror());
	module = dlsym(handle, "ktstr_module");
	cr_assert(module);
	return module->plugins[0]->ops;
}

static int plan(const char *name, const char *has, enum ktstr_cause cause, struct fake *ret)
{
	const struct ktstr_verdict verdict = { .size = sizeof(verdict), .cause = cause };
	const struct ktstr_verdict *const verdicts[] = { &verdict };
	const struct ktstr_section_input input = { .size = sizeof(input), .attempts = 1, .verdicts = verdicts };
	static const struct ktstr_chain chain = { .size = sizeof(chain), .n_frames = 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	*ret = (struct fake){
		.base = { .size = sizeof(ret->base), .input = &input, .chain = &chain, .has = fake_has, .add = fake_add },
		.has = has,
	};
	return ops_of(name)->plan(&ret->base, NULL, &err);
}

#define OF_7_3 " tp:sched_ext_exit scx_claim_exit scx_vexit bpf_scx_unreg do_pick_task_scx scx_do_enqueue_task "
#define OF_6_18 " scx_exit bpf_scx_unreg balance_one do_enqueue_task "
#define OF_6_16 " scx_vexit scx_exit bpf_scx_unreg balance_scx do_enqueue_task "

Test(exit_trigger, is_the_tracepoint_or_what_every_error_passes)
{
	struct fake f;

	cr_expect_eq(plan("exit-trigger", OF_7_3, KTSTR_CAUSE_SCHED_ERROR, &f), 0);
	cr_expect_str_eq(f.points, "sched_ext_exit@trigger scx_claim_exit@trigger scx_vexit@trigger");
	cr_expect_eq(plan("exit-trigger", OF_6_18, KTSTR_CAUSE_SCHED_STALL, &f), 0);
	cr_expect_str_eq(f.points, "scx_exit@trigger");
	cr_expect_eq(plan("exit-trigger", OF_6_16, KTSTR_CAUSE_SCHED_ERROR, &f), 0);
	cr_expect_str_eq(f.points, "scx_vexit@trigger scx_exit@trigger");
}

Test(exit_trigger, is_also_where_a_scheduler_is_unregistered_when_it_left_by_itself)
{
	struct fake f;

	cr_expect_eq(plan("exit-trigger", OF_6_16, KTSTR_CAUSE_SCHED_EXIT, &f), 0);
	cr_expect_str_eq(f.points, "scx_vexit@trigger scx_exit@trigger bpf_scx_unreg@trigger");
	cr_expect_eq(plan("exit-trigger", " bpf_scx_unreg ", KTSTR_CAUSE_SCHED_EXIT, &f), 0, "which is enough");
}

Test(exit_trigger, says_that_there_is_none)
{
	struct fake f;

	cr_expect_eq(plan("exit-trigger", " bpf_scx_unreg ", KTSTR_CAUSE_SCHED_ERROR, &f), -ENOENT);
	cr_expect_eq(plan("exit-trigger", " ", KTSTR_CAUSE_SCHED_EXIT, &f), -ENOENT);
}

Test(bridges, are_those_that_the_kernel_has)
{
	struct fake f;

	cr_expect_eq(plan("bridges", OF_7_3, KTSTR_CAUSE_SCHED_ERROR, &f), 0);
	cr_expect_str_eq(f.points, "scx_do_enqueue_task@entry scx_do_enqueue_task@exit do_pick_task_scx@entry");
	cr_expect_eq(plan("bridges", OF_6_18, KTSTR_CAUSE_SCHED_ERROR, &f), 0);
	cr_expect_str_eq(f.points, "do_enqueue_task@entry do_enqueue_task@exit balance_one@entry");
	cr_expect_eq(plan("bridges", OF_6_16, KTSTR_CAUSE_SCHED_ERROR, &f), 0);
	cr_expect_str_eq(f.points, "do_enqueue_task@entry do_enqueue_task@exit balance_scx@entry");
}
