/* SPDX-License-Identifier: GPL-2.0-only */
/* The plan on its way to the guest: what was encoded is read back with the public getters. */
#include "plan-fixture.h"
#include "plan/encode.h"

static const char pipeline[] =
	"topology: 2n2l3c2t\n"
	"modules: [loop, ./x.ko]\n"
	"sysctls: {kernel.a: 1, net.ipv4.conf.eth0/1.b: two 2, vm/c.d: x}\n"
	"scheduler: {binary: scx_foo, args: [-v, '']}\n"
	"scenario:\n"
	"  steps:\n"
	"    - name: one\n"
	"      hold: 1s\n"
	"      cgroups:\n"
	"        - name: a\n"
	"          workers:\n"
	"            - {workload: bursty, count: 2, flag: true, offset: -1, colour: blue}\n"
	"            - cpu-spin\n"
	"        - name: b\n"
	"    - hold: 2s\n";

static const char *plugin_path(void *ctx, const struct ktstr_module_info *module)
{
	cr_assert_str_eq(module->name, "plan-plugins");
	return ctx;
}

/* The map or array of that name. */
static struct ktstr_fields sub(const struct ktstr_fields *f, const char *key)
{
	struct ktstr_fields inner = { 0 };

	cr_assert(ktstr_get_sub(f, key, &inner), "no %s", key);
	return inner;
}

/* The next item of an array, which is a map. */
static struct ktstr_fields next_map(struct ktstr_fields *it)
{
	struct ktstr_field f;

	cr_assert(ktstr_item_next(it, &f));
	cr_assert_eq(f.type, KTSTR_FIELD_MAP);
	return f.sub;
}

static void check_end(struct ktstr_fields *it)
{
	struct ktstr_field f;

	cr_assert_not(ktstr_item_next(it, &f));
}

static void check_u64(const struct ktstr_fields *f, const char *key, uint64_t want)
{
	uint64_t v = ~want;

	cr_assert(ktstr_get_u64(f, key, &v), "no %s", key);
	cr_assert_eq(v, want, "%s is %lu", key, (unsigned long)v);
}

static void check_str(const struct ktstr_fields *f, const char *key, const char *want)
{
	struct ktstr_str s;

	cr_assert(ktstr_get_str(f, key, &s), "no %s", key);
	cr_assert(ktstr_str_is(s, want), "%s is %.*s", key, KTSTR_STR_ARG(s));
}

static void check_texts(struct ktstr_fields it, const char *const *want)
{
	struct ktstr_field f;

	for (; *want; want++) {
		cr_assert(ktstr_item_next(&it, &f), "no %s", *want);
		cr_assert(ktstr_str_is(f.str, *want), "not %s", *want);
	}
	check_end(&it);
}

static void check_param(struct ktstr_fields *params, bool set, uint64_t num, const char *str)
{
	struct ktstr_fields p = next_map(params);
	struct ktstr_str s;
	bool is_set = !set;

	cr_assert(ktstr_get_bool(&p, "set", &is_set));
	cr_assert_eq(is_set, set);
	check_u64(&p, "num", num);
	if (str)
		check_str(&p, "str", str);
	else
		cr_assert_not(ktstr_get_str(&p, "str", &s));
}

static void check_workers(struct ktstr_fields workers)
{
	struct ktstr_fields w = next_map(&workers), params = sub(&w, "params");

	check_str(&w, "module", "/run/p.so");
	check_str(&w, "plugin", "bursty");
	check_u64(&w, "count", 2);
	check_param(&params, true, 1, NULL);
	check_param(&params, true, (uint64_t)-1, NULL);
	check_param(&params, true, 4, NULL);
	check_param(&params, true, 10000000, NULL);
	check_param(&params, true, 65536, NULL);
	check_param(&params, false, 0, NULL);
	check_param(&params, true, 2, "blue");
	check_end(&params);
	w = next_map(&workers);
	check_str(&w, "plugin", "cpu-spin");
	check_u64(&w, "count", 1);
	params = sub(&w, "params");
	check_end(&params);
	check_end(&workers);
}

static void check_steps(struct ktstr_fields steps)
{
	struct ktstr_fields step = next_map(&steps), cgroups = sub(&step, "cgroups"), cgroup;

	check_str(&step, "name", "one");
	check_u64(&step, "hold_ns", 1000000000);
	cgroup = next_map(&cgroups);
	check_str(&cgroup, "name", "a");
	check_workers(sub(&cgroup, "workers"));
	cgroup = next_map(&cgroups);
	check_str(&cgroup, "name", "b");
	check_end(&cgroups);
	step = next_map(&steps);
	check_str(&step, "name", "");
	check_u64(&step, "hold_ns", 2000000000);
	check_end(&steps);
}

static void check_sysctls(struct ktstr_fields list)
{
	static const char *const rows[][2] = {
		{ "kernel/a", "1" }, { "net/ipv4/conf/eth0.1/b", "two 2" }, { "vm/c.d", "x" },
	};

	for (size_t i = 0; i < 3; i++) {
		struct ktstr_fields one = next_map(&list);

		check_str(&one, "file", rows[i][0]);
		check_str(&one, "value", rows[i][1]);
	}
	check_end(&list);
}

Test(encode, a_whole_plan)
{
	static const char *const modules[] = { "/m/loop.ko", "/m/x.ko" };
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", pipeline);
	struct ktstr_guest_paths paths = { .scheduler = "/run/scx_foo", .modules = modules,
					   .plugin = plugin_path, .ctx = (char *)"/run/p.so" };
	struct ktstr_buf out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_fields f, m;
	bool backtrace = false;

	cr_assert_eq(ktstr_plan_encode(plan, &paths, true, 5, &out, &err), 0, "%s", err.msg);
	cr_assert(ktstr_fields_parse(out.data, out.len, &f));
	m = sub(&f, "scheduler");
	check_texts(sub(&m, "command"), (const char *[]){ "/run/scx_foo", "-v", "", NULL });
	check_u64(&m, "attach_timeout_ns", 5000000000);
	check_texts(sub(&f, "modules"), (const char *[]){ "/m/loop.ko", "/m/x.ko", NULL });
	check_sysctls(sub(&f, "sysctls"));
	m = sub(&f, "topology");
	check_u64(&m, "nodes", 2);
	check_u64(&m, "llcs", 2);
	check_u64(&m, "cores", 3);
	check_u64(&m, "threads", 2);
	cr_assert(ktstr_get_bool(&f, "backtrace", &backtrace) && backtrace);
	check_u64(&f, "slowness", 5);
	check_steps(sub(&f, "steps"));
	ktstr_buf_free(&out);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(encode, without_a_scheduler)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_plan *plan = fixture_plan(registry, "x.yaml", "scenario: {duration: 1s}\n");
	struct ktstr_guest_paths paths = { .plugin = plugin_path };
	struct ktstr_buf out = { 0 };
	struct ktstr_fields f, m;
	bool backtrace = true;

	cr_assert_eq(ktstr_plan_encode(plan, &paths, false, 1, &out, NULL), 0);
	cr_assert(ktstr_fields_parse(out.data, out.len, &f));
	cr_assert_not(ktstr_get_sub(&f, "scheduler", &m));
	m = sub(&f, "modules");
	check_end(&m);
	cr_assert(ktstr_get_bool(&f, "backtrace", &backtrace) && !backtrace);
	ktstr_buf_free(&out);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}

Test(encode, what_no_frame_can_hold_is_refused)
{
	struct ktstr_registry *registry = fixture_registry();
	struct ktstr_buf text = { 0 }, out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_paths paths = { .scheduler = "/run/x", .plugin = plugin_path };
	struct ktstr_plan *plan;

	ktstr_buf_puts(&text, "scenario: {duration: 1s}\nscheduler: {binary: x, args: [&a ");
	for (int i = 0; i < 2000; i++)
		ktstr_buf_puts(&text, "x");
	for (int i = 0; i < 3000; i++)
		ktstr_buf_puts(&text, ", *a");
	ktstr_buf_puts(&text, "]}\n");
	ktstr_put_byte(&text, 0);
	plan = fixture_plan(registry, "x.yaml", (const char *)text.data);
	cr_assert_eq(ktstr_plan_encode(plan, &paths, false, 1, &out, &err), -EMSGSIZE);
	cr_assert(strstr(err.msg, "x.yaml: the plan has "));
	cr_assert(strstr(err.msg, " bytes, but at most 4194304 can be sent to the guest; use fewer "
			 "steps, cgroups or workers"));
	ktstr_buf_free(&out);
	ktstr_buf_free(&text);
	ktstr_plan_destroy(plan);
	ktstr_registry_destroy(registry);
}
