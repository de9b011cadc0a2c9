/* SPDX-License-Identifier: GPL-2.0-only */
/* Parameter values: from text to numbers and back into words. */
#include "base/text.h"
#include "base/vec.h"
#include "plugin/registry.h"

#include <ktstr/text.h>

#include <inttypes.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* Largest first; NULL-ended. */
static const struct unit plain_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit duration_units[] = {
	{ "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 }, { "ms", 1000000 },
	{ "us", 1000 }, { "ns", 1 }, { NULL, 0 },
};
static const struct unit size_units[] = {
	{ "T", 1ull << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 },
	{ NULL, 0 },
};

static const struct unit percent_units[] = { { "%", 10000 }, { NULL, 0 } };

/* What is particular about each type. */
static const struct {
	const char *name;		/* for "expected ..." */
	const struct unit *units;	/* NULL: no number */
	const char *zero;		/* how 0 is written */
	const char *form;		/* for somebody who wrote it otherwise; may be NULL */
} types[] = {
	[KTSTR_PARAM_BOOL] = { .name = "true or false" },
	[KTSTR_PARAM_INT] = { "integer", plain_units, "0", NULL },
	[KTSTR_PARAM_UINT] = { "unsigned integer", plain_units, "0", NULL },
	[KTSTR_PARAM_DURATION] = { "duration", duration_units, "0s",
				   "a number and its unit: 1h, 2m, 5s, 250ms, 10us, 100ns" },
	[KTSTR_PARAM_SIZE] = { "size", size_units, "0",
			       "bytes, or a number and its unit: 64K, 512M, 1G" },
	[KTSTR_PARAM_STRING] = { .name = "text" },
	[KTSTR_PARAM_CHOICE] = { .name = "one of" },
	[KTSTR_PARAM_PERCENT] = { "percentage", percent_units, "0%",
				  "a number and its sign: 15%, 0.5%" },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits at *p; false when the number does not fit. */
static bool read_digits(const char **p, uint64_t *ret)
{
	uint64_t n = 0;

	for (; is_digit(**p); (*p)++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(**p - '0'), &n))
			return false;
	*ret = n;
	return true;
}

/* 0.<digits> of `factor`; false when that is no whole number. */
static bool read_fraction(const char *p, uint64_t factor, uint64_t *ret)
{
	unsigned __int128 part = 0, scale = 1;

	for (int n = 0; is_digit(*p); p++, n++) {
		if (n < 18) {
			part = part * 10 + (unsigned)(*p - '0');
			scale *= 10;
		} else if (*p != '0') {
			return false;
		}
	}
	*ret = (uint64_t)(part * factor / scale);
	return part * factor % scale == 0;
}

/* What can be wrong with a value's text. */
enum fault { FINE, FORM, TOO_LARGE, FRACTION, RANGE };

/* "12", "12<suffix>", "1.5<suffix>". */
static enum fault parse_number(const char *text, const struct unit *units, uint64_t *ret)
{
	const char *suffix = text + strspn(text, "0123456789"), *point = NULL;
	uint64_t n, fraction = 0;

	if (suffix == text)
		return FORM;
	if (*suffix == '.') {
		point = suffix + 1;
		suffix = point + strspn(point, "0123456789");
		if (suffix == point)
			return FORM;
	}
	while (units->suffix && strcmp(units->suffix, suffix))
		units++;
	if (!units->suffix)
		return FORM;
	if (point && (units->factor == 1 || !read_fraction(point, units->factor, &fraction)))
		return FRACTION;
	if (!read_digits(&text, &n) || __builtin_mul_overflow(n, units->factor, &n) ||
	    __builtin_add_overflow(n, fraction, &n))
		return TOO_LARGE;
	*ret = n;
	return FINE;
}

static bool has_range(const struct ktstr_param *param)
{
	return param->min || param->max;
}

static enum fault parse_unsigned(const struct ktstr_param *param, const char *text, uint64_t *ret)
{
	enum fault fault = parse_number(text, types[param->type].units, ret);

	/* Bounds below 0 are refused when the module is loaded. */
	if (!fault && has_range(param) &&
	    (*ret < (uint64_t)param->min || *ret > (uint64_t)param->max))
		return RANGE;
	return fault;
}

static enum fault parse_signed(const struct ktstr_param *param, const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	uint64_t n;
	enum fault fault = parse_number(text + negative, plain_units, &n);

	if (fault)
		return fault;
	if (n > (uint64_t)INT64_MAX + negative)
		return TOO_LARGE;
	*ret = negative ? (int64_t)-n : (int64_t)n;
	return has_range(param) && (*ret < param->min || *ret > param->max) ? RANGE : FINE;
}

static enum fault parse_bool(const char *text, bool *ret)
{
	*ret = !strcmp(text, "true");
	return *ret || !strcmp(text, "false") ? FINE : FORM;
}

static size_t count_choices(const struct ktstr_param *param)
{
	size_t n = 0;

	while (param->choices[n])
		n++;
	return n;
}

static enum fault parse_choice(const struct ktstr_param *param, const char *text,
			       struct ktstr_value *ret)
{
	for (size_t i = 0; param->choices[i]; i++)
		if (!strcmp(param->choices[i], text)) {
			ret->u64 = i;
			ret->str = param->choices[i];
			return FINE;
		}
	return FORM;
}

static enum fault parse_value(const struct ktstr_param *param, const char *text,
			      struct ktstr_value *v)
{
	switch (param->type) {
	case KTSTR_PARAM_BOOL:
		return parse_bool(text, &v->boolean);
	case KTSTR_PARAM_INT:
		return parse_signed(param, text, &v->s64);
	case KTSTR_PARAM_UINT:
	case KTSTR_PARAM_DURATION:
	case KTSTR_PARAM_SIZE:
	case KTSTR_PARAM_PERCENT:
		return parse_unsigned(param, text, &v->u64);
	case KTSTR_PARAM_STRING:
		v->str = text;
		return FINE;
	case KTSTR_PARAM_CHOICE:
		return parse_choice(param, text, v);
	}
	return FORM;
}

/* What helps beyond "expected ..."; "" when nothing does. */
static void write_hint(const struct ktstr_param *param, const char *text, enum fault fault,
		       char *buf, size_t size)
{
	const char *near = NULL;

	buf[0] = '\0';
	if (param->type == KTSTR_PARAM_CHOICE)
		near = ktstr_nearest(text, param->choices, count_choices(param));
	if (near)
		snprintf(buf, size, "; did you mean \"%s\"?", near);
	else if (fault == TOO_LARGE)
		snprintf(buf, size, ": the number is too large");
	else if (fault == FRACTION)
		snprintf(buf, size, ": that is no whole number of the smallest unit");
	else if (fault == FORM && types[param->type].form)
		snprintf(buf, size, " (%s)", types[param->type].form);
}

int ktstr_param_parse(const struct ktstr_param *param, const char *text,
		      struct ktstr_value *ret_value, struct ktstr_err *err)
{
	struct ktstr_value value = { .set = true };
	enum fault fault = parse_value(param, text, &value);
	char expected[256], hint[128];

	if (!fault) {
		*ret_value = value;
		return 0;
	}
	ktstr_param_describe(param, expected, sizeof(expected));
	write_hint(param, text, fault, hint, sizeof(hint));
	return ktstr_err_set(err, -EINVAL, "expected %s, not \"%.80s\"%s", expected, text, hint);
}

int ktstr_param_defaults(const struct ktstr_plugin *plugin, struct ktstr_value *values,
			 struct ktstr_err *err)
{
	const char *required = NULL;

	for (uint32_t i = 0; i < plugin->n_params; i++) {
		const struct ktstr_param *param = ktstr_plugin_param(plugin, i);

		values[i] = (struct ktstr_value){ .set = false };
		if (param->def) {
			int r = ktstr_param_parse(param, param->def, &values[i], err);

			if (r < 0)
				return ktstr_err_prefix(err, "default of %s", param->name);
		} else if (!required && !ktstr_plugin_param_optional(plugin, i)) {
			required = param->name;
		}
	}
	if (required)
		return ktstr_err_set(err, -EINVAL, "parameter \"%s\" is required", required);
	return 0;
}

/* ---- in words ---- */

/* As a user would write it: in the largest unit that leaves no fraction. */
static void append_bound(enum ktstr_param_type type, int64_t bound, char *buf, size_t size)
{
	const struct unit *unit = types[type].units;
	uint64_t n = bound < 0 ? -(uint64_t)bound : (uint64_t)bound;

	if (!bound) {
		ktstr_append(buf, size, "%s", types[type].zero);
		return;
	}
	if (type == KTSTR_PARAM_PERCENT) {	/* its only unit leaves a fraction */
		ktstr_append(buf, size, "%.12g%%", (double)bound / 10000);
		return;
	}
	while (n % unit->factor)
		unit++;
	ktstr_append(buf, size, "%s%" PRIu64 "%s", bound < 0 ? "-" : "", n / unit->factor, unit->suffix);
}

static void append_range(const struct ktstr_param *param, char *buf, size_t size)
{
	bool from = param->min != INT64_MIN, to = param->max != INT64_MAX;

	ktstr_append(buf, size, "%s", !from ? " at most " : !to ? " at least " : " ");
	if (from)
		append_bound(param->type, param->min, buf, size);
	if (from && to)
		ktstr_append(buf, size, "..");
	if (to || !from)
		append_bound(param->type, param->max, buf, size);
}

void ktstr_param_describe(const struct ktstr_param *param, char *buf, size_t size)
{
	snprintf(buf, size, "%s", types[param->type].name);
	if (types[param->type].units && has_range(param))
		append_range(param, buf, size);
	for (size_t i = 0; param->type == KTSTR_PARAM_CHOICE && param->choices[i]; i++)
		ktstr_append(buf, size, "%s%s", i ? ", " : " ", param->choices[i]);
	if (param->unit)
		ktstr_append(buf, size, " (%s)", param->unit);
}
