/* SPDX-License-Identifier: GPL-2.0-only */
#include "object.h"
#include "options.h"

#include "base/vec.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <linux/types.h>

#include "scx_ktstr.h"

static int parse(const char *const *args, struct ktstr_options *ret, struct ktstr_err *err)
{
	char *argv[16] = { (char *)"scx_ktstr" };
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	return ktstr_options_parse(argc, argv, ret, err);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_ARGS ((const char *const[]){ NULL })

Test(options, defaults)
{
	struct ktstr_options o;

	cr_assert_eq(parse(NO_ARGS, &o, NULL), 0);
	cr_assert_null(o.fault);
	cr_assert_eq(o.value[KTSTR_OPT_TIMEOUT], 5000000000ull);
	cr_assert_geq(o.value[KTSTR_OPT_EXIT_DUMP_LEN], 65536);
	for (int i = 0; i < KTSTR_N_OPTIONS; i++)
		cr_assert_not(o.given[i]);
}

Test(options, fault_with_its_numbers)
{
	struct ktstr_options o;

	cr_assert_eq(parse(ARGS("--fault", "drop", "--after=20", "--every", "7"), &o, NULL), 0);
	cr_assert_str_eq(o.fault->name, "drop");
	cr_assert_eq(o.fault->kind, KTSTR_FAULT_DROP);
	cr_assert_eq(o.value[KTSTR_OPT_AFTER], 20);
	cr_assert_eq(o.value[KTSTR_OPT_EVERY], 7);
	cr_assert_eq(parse(ARGS("--fault", "enqueue-error"), &o, NULL), 0);
	cr_assert_eq(o.value[KTSTR_OPT_AFTER], 1000);
}

Test(options, durations_have_units)
{
	static const struct { const char *text; uint64_t ns; } cases[] = {
		{ "500us", 500000 }, { "20ms", 20000000 }, { "3s", 3000000000ull },
		{ "1m", 60000000000ull }, { "0s", 0 },
	};
	struct ktstr_options o;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cases); i++) {
		cr_assert_eq(parse(ARGS("--exit-after", cases[i].text), &o, NULL), 0, "%s",
			     cases[i].text);
		cr_assert_eq(o.value[KTSTR_OPT_EXIT_AFTER], cases[i].ns, "%s", cases[i].text);
		cr_assert(o.given[KTSTR_OPT_EXIT_AFTER]);
	}
}

Test(options, what_is_refused_and_with_what_words)
{
	static const struct { const char *args[5]; const char *msg; } cases[] = {
		{ { "--fautl", "stall" },
		  "unknown option --fautl, did you mean --fault; --help lists the options" },
		{ { "--zzz" }, "unknown option --zzz; --help lists the options" },
		{ { "-xy" }, "unknown option -xy; --help lists the options" },
		{ { "stall" }, "\"stall\" is no option; --help lists the options" },
		{ { "--fault" }, "--fault needs a value" },
		{ { "--fault", "stal" }, "--fault: there is no \"stal\", did you mean \"stall\"; "
					 "--list-faults lists them" },
		{ { "--fault", "qqqqqqq" },
		  "--fault: there is no \"qqqqqqq\"; --list-faults lists them" },
		{ { "--exit-after", "3" },
		  "--exit-after: \"3\" is no duration (500us, 250ms, 3s, 1m)" },
		{ { "--exit-after", "-3s" },
		  "--exit-after: \"-3s\" is no duration (500us, 250ms, 3s, 1m)" },
		{ { "--exit-after", "99999999999999999s" }, "--exit-after: 99999999999999999s is "
					"out of range (0 to 18446744073709551615 ns)" },
		{ { "--fault", "stall", "--after", "x" }, "--after: \"x\" is no number" },
		{ { "--fault", "stall", "--after", "0" },
		  "--after: 0 is out of range (1 to 18446744073709551615)" },
		{ { "--timeout", "31s" },
		  "--timeout: 31s is out of range (1000000 to 30000000000 ns)" },
		{ { "--exit-after", "1s", "--exit-code", "256" },
		  "--exit-code: 256 is out of range (0 to 255)" },
		{ { "--after", "3" }, "--after needs a --fault" },
		{ { "--fault", "stall", "--every", "3" }, "--fault stall takes no --every" },
		{ { "--exit-code", "3" }, "--exit-code needs an --exit-after" },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(cases); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_options o = { 0 };

		cr_assert_eq(parse(cases[i].args, &o, &err), -EINVAL, "%s", cases[i].msg);
		cr_assert_str_eq(err.msg, cases[i].msg);
		cr_assert_eq(o.value[KTSTR_OPT_TIMEOUT], 0, "untouched on failure");
	}
}

static const struct btf_type *type_named(const struct btf *btf, const char *name, int kind)
{
	int id = btf__find_by_name_kind(btf, name, (__u32)kind);

	cr_assert_gt(id, 0, "%s", name);
	return btf__type_by_id(btf, (__u32)id);
}

static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
			return true;
	return false;
}

static struct bpf_object *open_object(const struct ktstr_options *options)
{
	static const struct ktstr_options none;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct bpf_object *object = NULL;

	cr_assert_eq(ktstr_object_open(options ? options : &none, &object, &err), 0, "%s", err.msg);
	return object;
}

/* The offset of a variable in its section, by name. */
static __u32 variable(const struct btf *btf, const char *section, const char *name, __u32 size)
{
	const struct btf_type *sec = type_named(btf, section, BTF_KIND_DATASEC);

	for (int i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *info = &btf_var_secinfos(sec)[i];
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name))
			continue;
		cr_assert_eq(info->size, size, "%s", name);
		return info->offset;
	}
	cr_assert_fail("no %s in %s", name, section);
	return 0;
}

/* What harnesses look for by name in a running scheduler. */
Test(object, has_the_documented_variables)
{
	struct bpf_object *object = open_object(NULL);
	const struct btf *btf = bpf_object__btf(object);

	variable(btf, ".rodata", "config", sizeof(struct ktstr_config));
	variable(btf, ".bss", "fault_now", sizeof(struct ktstr_fault_now));
	variable(btf, ".bss", "stats", sizeof(struct ktstr_stats));
	bpf_object__close(object);
}

Test(object, carries_the_options)
{
	struct bpf_object *object;
	struct ktstr_config config;
	struct ktstr_options o;
	__u32 timeout_ms, dump_len;
	const char *data;
	size_t size;

	cr_assert_eq(parse(ARGS("--fault", "slow", "--after", "5", "--delay", "2ms", "--timeout=7s",
				"--exit-dump-len=70000"), &o, NULL), 0);
	object = open_object(&o);
	data = bpf_map__initial_value(bpf_object__find_map_by_name(object, ".rodata"), &size);
	data += variable(bpf_object__btf(object), ".rodata", "config", sizeof(config));
	memcpy(&config, data, sizeof(config));
	cr_assert_eq(config.fault, KTSTR_FAULT_SLOW);
	cr_assert_eq(config.after, 5);
	cr_assert_eq(config.every, 100);
	cr_assert_eq(config.delay_us, 2000);

	/* Nine callbacks, then the two numbers, as in scx.h. */
	data = bpf_map__initial_value(bpf_object__find_map_by_name(object, "ktstr_ops"), &size);
	memcpy(&timeout_ms, data + 9 * 8, sizeof(timeout_ms));
	memcpy(&dump_len, data + 9 * 8 + 4, sizeof(dump_len));
	cr_assert_eq(timeout_ms, 7000);
	cr_assert_eq(dump_len, 70000);
	bpf_object__close(object);
}

Test(object, has_no_counters_before_it_is_loaded)
{
	struct bpf_object *object = open_object(NULL);
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_stats stats;

	cr_assert_lt(ktstr_object_read_stats(object, &stats, &err), 0);
	cr_assert(strstr(err.msg, "reading the map .bss: "), "%s", err.msg);
	bpf_object__close(object);
}

Test(object, has_a_member_of_fault_now_for_each_fault_that_names_one)
{
	struct bpf_object *object = open_object(NULL);
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_type *type = type_named(btf, "ktstr_fault_now", BTF_KIND_STRUCT);
	int with_field = 0;

	for (size_t i = 0; i < ktstr_n_faults; i++) {
		if (!ktstr_faults[i].field)
			continue;
		with_field++;
		cr_assert(has_member(btf, type, ktstr_faults[i].field), "%s",
			  ktstr_faults[i].field);
	}
	cr_assert_eq(with_field, btf_vlen(type));
	bpf_object__close(object);
}

Test(object, has_the_maps_and_callbacks)
{
	static const char *const maps[] = { ".rodata", ".bss", "events", "ktstr_ops" };
	static const char *const programs[] = {
		"ktstr_select_cpu", "ktstr_enqueue", "ktstr_dispatch", "ktstr_running",
		"ktstr_stopping", "ktstr_enable", "ktstr_dump", "ktstr_init", "ktstr_exit",
	};
	struct bpf_object *object = open_object(NULL);

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(maps); i++)
		cr_assert_not_null(bpf_object__find_map_by_name(object, maps[i]), "%s", maps[i]);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(programs); i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(object, programs[i]);

		cr_assert_not_null(p, "%s", programs[i]);
		cr_assert_eq(bpf_program__type(p), BPF_PROG_TYPE_STRUCT_OPS, "%s", programs[i]);
	}
	bpf_object__close(object);
}

Test(faults, kinds_and_names_are_unique)
{
	for (size_t i = 0; i < ktstr_n_faults; i++)
		for (size_t j = 0; j < i; j++) {
			cr_assert_neq(ktstr_faults[i].kind, ktstr_faults[j].kind);
			cr_assert_str_neq(ktstr_faults[i].name, ktstr_faults[j].name);
		}
}
