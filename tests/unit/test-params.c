/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/vec.h"
#include "plugin/registry.h"

#include <criterion/criterion.h>
#include <inttypes.h>

static const char *const modes[] = { "auto", "kvm", "tcg", NULL };

static const struct ktstr_param flag = { .name = "flag", .type = KTSTR_PARAM_BOOL };
static const struct ktstr_param number = { .name = "number", .type = KTSTR_PARAM_INT };
static const struct ktstr_param nice_value = {
	.name = "nice", .type = KTSTR_PARAM_INT, .min = -20, .max = 19,
};
static const struct ktstr_param negative = {
	.name = "negative", .type = KTSTR_PARAM_INT, .min = INT64_MIN, .max = -1,
};
static const struct ktstr_param count = { .name = "count", .type = KTSTR_PARAM_UINT };
static const struct ktstr_param workers = {
	.name = "workers", .type = KTSTR_PARAM_UINT, .min = 1, .max = 64, .unit = "per cgroup",
};
static const struct ktstr_param positive = {
	.name = "positive", .type = KTSTR_PARAM_UINT, .min = 1, .max = INT64_MAX,
};
static const struct ktstr_param duration = { .name = "duration", .type = KTSTR_PARAM_DURATION };
static const struct ktstr_param burst = {
	.name = "burst", .type = KTSTR_PARAM_DURATION, .min = 1000000, .max = 90000000000,
};
static const struct ktstr_param bytes = { .name = "bytes", .type = KTSTR_PARAM_SIZE };
static const struct ktstr_param memory = {
	.name = "memory", .type = KTSTR_PARAM_SIZE, .max = 1ll << 40,
};
static const struct ktstr_param text = { .name = "text", .type = KTSTR_PARAM_STRING };
static const struct ktstr_param mode = {
	.name = "mode", .type = KTSTR_PARAM_CHOICE, .choices = modes,
};
static const struct ktstr_param share = {
	.name = "share", .type = KTSTR_PARAM_PERCENT, .min = 5000, .max = 1000000,
};

static const struct {
	const struct ktstr_param *param;
	const char *text;
	uint64_t u64;
} numbers[] = {
	{ &number, "0", 0 },
	{ &number, "-0", 0 },
	{ &number, "-9223372036854775808", (uint64_t)INT64_MIN },
	{ &number, "9223372036854775807", INT64_MAX },
	{ &nice_value, "-20", (uint64_t)-20 },
	{ &negative, "-5", (uint64_t)-5 },
	{ &count, "18446744073709551615", UINT64_MAX },
	{ &count, "007", 7 },
	{ &workers, "1", 1 },
	{ &workers, "64", 64 },
	{ &duration, "0s", 0 },
	{ &duration, "100ns", 100 },
	{ &duration, "10us", 10000 },
	{ &duration, "250ms", 250000000 },
	{ &duration, "5s", 5000000000 },
	{ &duration, "1.5s", 1500000000 },
	{ &duration, "0.000000001s", 1 },
	{ &duration, "1.000000000000000000000s", 1000000000 },
	{ &duration, "2m", 120000000000 },
	{ &duration, "1h", 3600000000000 },
	{ &duration, "0.5h", 1800000000000 },
	{ &duration, "18446744073.709551615s", UINT64_MAX },
	{ &bytes, "0", 0 },
	{ &bytes, "4096", 4096 },
	{ &bytes, "64K", 65536 },
	{ &bytes, "512M", 536870912 },
	{ &bytes, "1G", 1073741824 },
	{ &bytes, "1.5G", 1610612736 },
	{ &bytes, "2T", 2199023255552 },
	{ &share, "15%", 150000 },
	{ &share, "0.5%", 5000 },
	{ &share, "33.3333%", 333333 },
};

Test(param, numbers_and_units)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(numbers); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_value v = { .set = false };
		int r = ktstr_param_parse(numbers[i].param, numbers[i].text, &v, &err);

		cr_assert_eq(r, 0, "%s: %s", numbers[i].text, err.msg);
		cr_assert(v.set);
		cr_assert_eq(v.u64, numbers[i].u64, "%s: %" PRIu64, numbers[i].text, v.u64);
	}
}

Test(param, words)
{
	struct ktstr_value v = { .set = false };

	cr_assert_eq(ktstr_param_parse(&flag, "true", &v, NULL), 0);
	cr_assert(v.set && v.boolean);
	cr_assert_eq(ktstr_param_parse(&flag, "false", &v, NULL), 0);
	cr_assert(v.set && !v.boolean);
	cr_assert_eq(ktstr_param_parse(&mode, "tcg", &v, NULL), 0);
	cr_assert_eq(v.u64, 2);
	cr_assert_eq(v.str, modes[2], "a choice borrows the table's word");
	cr_assert_eq(ktstr_param_parse(&text, "", &v, NULL), 0);
	cr_assert(v.set);
	cr_assert_str_empty(v.str);
}

#define NO_UNIT " (a number and its unit: 1h, 2m, 5s, 250ms, 10us, 100ns)"
#define NOT_WHOLE ": that is no whole number of the smallest unit"
#define NO_SIZE " (bytes, or a number and its unit: 64K, 512M, 1G)"

static const struct {
	const struct ktstr_param *param;
	const char *text, *message;
} refused[] = {
	{ &flag, "yes", "expected true or false, not \"yes\"" },
	{ &flag, "", "expected true or false, not \"\"" },
	{ &number, "", "expected integer, not \"\"" },
	{ &number, "-", "expected integer, not \"-\"" },
	{ &number, "--1", "expected integer, not \"--1\"" },
	{ &number, "+1", "expected integer, not \"+1\"" },
	{ &number, " 1", "expected integer, not \" 1\"" },
	{ &number, "1 ", "expected integer, not \"1 \"" },
	{ &number, "0x10", "expected integer, not \"0x10\"" },
	{ &number, "1.", "expected integer, not \"1.\"" },
	{ &number, "1.5", "expected integer, not \"1.5\"" NOT_WHOLE },
	{ &number, "9223372036854775808",
	  "expected integer, not \"9223372036854775808\": the number is too large" },
	{ &number, "-9223372036854775809",
	  "expected integer, not \"-9223372036854775809\": the number is too large" },
	{ &nice_value, "20", "expected integer -20..19, not \"20\"" },
	{ &nice_value, "-21", "expected integer -20..19, not \"-21\"" },
	{ &negative, "0", "expected integer at most -1, not \"0\"" },
	{ &count, "-1", "expected unsigned integer, not \"-1\"" },
	{ &count, "18446744073709551616",
	  "expected unsigned integer, not \"18446744073709551616\": the number is too large" },
	{ &workers, "0", "expected unsigned integer 1..64 (per cgroup), not \"0\"" },
	{ &workers, "65", "expected unsigned integer 1..64 (per cgroup), not \"65\"" },
	{ &positive, "0", "expected unsigned integer at least 1, not \"0\"" },
	{ &duration, "5", "expected duration, not \"5\"" NO_UNIT },
	{ &duration, "0", "expected duration, not \"0\"" NO_UNIT },
	{ &duration, "s", "expected duration, not \"s\"" NO_UNIT },
	{ &duration, "5 s", "expected duration, not \"5 s\"" NO_UNIT },
	{ &duration, "5S", "expected duration, not \"5S\"" NO_UNIT },
	{ &duration, ".5s", "expected duration, not \".5s\"" NO_UNIT },
	{ &duration, "-5s", "expected duration, not \"-5s\"" NO_UNIT },
	{ &duration, "1.5ns",
	  "expected duration, not \"1.5ns\"" NOT_WHOLE },
	{ &duration, "0.0000000001s",
	  "expected duration, not \"0.0000000001s\"" NOT_WHOLE },
	{ &duration, "1.0000000000000000001s",
	  "expected duration, not \"1.0000000000000000001s\"" NOT_WHOLE },
	{ &duration, "9999999h", "expected duration, not \"9999999h\": the number is too large" },
	{ &duration, "18446744073.709551616s",
	  "expected duration, not \"18446744073.709551616s\": the number is too large" },
	{ &burst, "2m", "expected duration 1ms..90s, not \"2m\"" },
	{ &burst, "999us", "expected duration 1ms..90s, not \"999us\"" },
	{ &bytes, "1g", "expected size, not \"1g\"" NO_SIZE },
	{ &bytes, "1KiB", "expected size, not \"1KiB\"" NO_SIZE },
	{ &bytes, "17179869184G", "expected size, not \"17179869184G\": the number is too large" },
	{ &memory, "2T", "expected size 0..1T, not \"2T\"" },
	{ &share, "15", "expected percentage 0.5%..100%, not \"15\" (a number and its sign: 15%, 0.5%)" },
	{ &share, "0.00001%", "expected percentage 0.5%..100%, not \"0.00001%\"" NOT_WHOLE },
	{ &share, "101%", "expected percentage 0.5%..100%, not \"101%\"" },
	{ &mode, "kvn", "expected one of auto, kvm, tcg, not \"kvn\"; did you mean \"kvm\"?" },
	{ &mode, "hardware", "expected one of auto, kvm, tcg, not \"hardware\"" },
};

Test(param, refusals_say_what_is_expected)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(refused); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_value v = { .u64 = 77 };
		int r = ktstr_param_parse(refused[i].param, refused[i].text, &v, &err);

		cr_assert_eq(r, -EINVAL, "\"%s\" is taken", refused[i].text);
		cr_assert_eq(err.code, -EINVAL);
		cr_assert_str_eq(err.msg, refused[i].message);
		cr_assert_eq(v.u64, 77, "the value is left alone");
	}
}

Test(param, long_text_is_cut_in_the_message)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_value v;
	char long_text[4096];

	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	cr_assert_eq(ktstr_param_parse(&flag, long_text, &v, &err), -EINVAL);
	cr_assert_lt(strlen(err.msg), 150);
}

static const struct {
	const struct ktstr_param *param;
	const char *words;
} described[] = {
	{ &flag, "true or false" }, { &number, "integer" }, { &nice_value, "integer -20..19" },
	{ &negative, "integer at most -1" }, { &count, "unsigned integer" },
	{ &workers, "unsigned integer 1..64 (per cgroup)" },
	{ &positive, "unsigned integer at least 1" }, { &burst, "duration 1ms..90s" },
	{ &memory, "size 0..1T" }, { &share, "percentage 0.5%..100%" }, { &text, "text" }, { &mode, "one of auto, kvm, tcg" },
};

Test(param, describes_itself_and_stays_in_the_buffer)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(described); i++) {
		char buf[128], small[9] = "--------";

		ktstr_param_describe(described[i].param, buf, sizeof(buf));
		cr_assert_str_eq(buf, described[i].words);
		ktstr_param_describe(described[i].param, small, sizeof(small) - 1);
		cr_assert_eq(strncmp(buf, small, 7), 0);
		cr_assert_eq(small[8], '\0');
		cr_assert_leq(strlen(small), 7);
	}
}

static const struct ktstr_param table[] = {
	{ .name = "burst", .type = KTSTR_PARAM_DURATION, .def = "10ms" },
	{ .name = "file", .type = KTSTR_PARAM_STRING, .optional = true },
	{ .name = "mode", .type = KTSTR_PARAM_CHOICE, .def = "kvm", .choices = modes },
};
static const struct ktstr_plugin plugin = { .size = sizeof(plugin), KTSTR_PLUGIN_PARAMS(table) };

Test(defaults, are_parsed_and_optional_ones_stay_unset)
{
	struct ktstr_value v[KTSTR_ARRAY_SIZE(table)];
	struct ktstr_err err = KTSTR_ERR_INIT;

	memset(v, 0xff, sizeof(v));
	cr_assert_eq(ktstr_param_defaults(&plugin, v, &err), 0, "%s", err.msg);
	cr_assert(v[0].set);
	cr_assert_eq(v[0].u64, 10000000);
	cr_assert_not(v[1].set);
	cr_assert(v[2].set);
	cr_assert_str_eq(v[2].str, "kvm");
}

/* A row as a module built before `optional` existed has it. */
struct old_param {
	const char *name;
	enum ktstr_param_type type;
	const char *unit, *def;
	int64_t min, max;
	const char *const *choices;
	const char *help;
};

Test(defaults, a_required_parameter_of_an_old_module_is_named_after_the_rest_is_filled_in)
{
	/* If `optional` were read past the end of the rows it would be true. */
	static const struct {
		struct old_param rows[3];
		char behind[16];
	} old = {
		{ { .name = "first", .type = KTSTR_PARAM_UINT }, { .name = "second" },
		  { .name = "third", .type = KTSTR_PARAM_UINT, .def = "3" } },
		"\1\1\1\1\1\1\1\1",
	};
	const struct ktstr_plugin built_before = {
		.size = sizeof(built_before),
		.params = (const struct ktstr_param *)old.rows,
		.n_params = 3,
		.param_size = sizeof(struct old_param),
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_value v[3];

	cr_assert_eq(ktstr_param_defaults(&built_before, v, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "parameter \"first\" is required");
	cr_assert_not(v[0].set);
	cr_assert_not(v[1].set);
	cr_assert(v[2].set);
	cr_assert_eq(v[2].u64, 3);
}

Test(defaults, a_bad_one_is_named)
{
	static const struct ktstr_param bad[] = {
		{ .name = "burst", .type = KTSTR_PARAM_DURATION, .def = "10" },
	};
	const struct ktstr_plugin p = { .size = sizeof(p), KTSTR_PLUGIN_PARAMS(bad) };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_value v[1];

	cr_assert_eq(ktstr_param_defaults(&p, v, &err), -EINVAL);
	cr_assert_str_eq(err.msg, "default of burst: expected duration, not \"10\"" NO_UNIT);
}
