/* SPDX-License-Identifier: GPL-2.0-only */
#include "decode.h"

#include <ktstr/text.h>

#include <errno.h>

/* ---- DSQs: enum scx_dsq_id_flags, the same numbers on every kernel ---- */

#define DSQ_BUILTIN (1ull << 63)
#define DSQ_LOCAL_ON (1ull << 62)

void decode_dsq(uint64_t id, char *buf, size_t size)
{
	static const char *const builtin[] = { "invalid", "global", "local", "bypass" };
	uint32_t low = (uint32_t)id;

	if (!(id & DSQ_BUILTIN))
		snprintf(buf, size, "0x%llx", (unsigned long long)id);
	else if (id & DSQ_LOCAL_ON)
		snprintf(buf, size, "local on CPU %u", low);
	else if (low < sizeof(builtin) / sizeof(builtin[0]))
		snprintf(buf, size, "%s", builtin[low]);
	else
		snprintf(buf, size, "builtin %u", low);
}

/* ---- enumerations ---- */

/* What is used where the kernel's BTF has none: enum values that never changed. */
static const struct {
	const char *enumeration, *name;
	uint64_t value;
} known[] = {
	{ "scx_exit_kind", "SCX_EXIT_NONE", 0 }, { "scx_exit_kind", "SCX_EXIT_DONE", 1 },
	{ "scx_exit_kind", "SCX_EXIT_UNREG", 64 }, { "scx_exit_kind", "SCX_EXIT_UNREG_BPF", 65 },
	{ "scx_exit_kind", "SCX_EXIT_UNREG_KERN", 66 }, { "scx_exit_kind", "SCX_EXIT_SYSRQ", 67 },
	{ "scx_exit_kind", "SCX_EXIT_ERROR", 1024 }, { "scx_exit_kind", "SCX_EXIT_ERROR_BPF", 1025 },
	{ "scx_exit_kind", "SCX_EXIT_ERROR_STALL", 1026 },
	{ "scx_enq_flags", "SCX_ENQ_WAKEUP", 1 }, { "scx_enq_flags", "SCX_ENQ_HEAD", 1ull << 4 },
	{ "scx_enq_flags", "SCX_ENQ_PREEMPT", 1ull << 32 }, { "scx_enq_flags", "SCX_ENQ_REENQ", 1ull << 40 },
	{ "scx_enq_flags", "SCX_ENQ_LAST", 1ull << 41 }, { "scx_enq_flags", "SCX_ENQ_CLEAR_OPSS", 1ull << 56 },
	{ "scx_enq_flags", "SCX_ENQ_DSQ_PRIQ", 1ull << 57 },
	{ "scx_wake_flags", "SCX_WAKE_FORK", 4 }, { "scx_wake_flags", "SCX_WAKE_TTWU", 8 },
	{ "scx_wake_flags", "SCX_WAKE_SYNC", 16 }, { "scx_deq_flags", "SCX_DEQ_SLEEP", 1 },
	{ "scx_ent_flags", "SCX_TASK_QUEUED", 1 }, { "scx_ent_flags", "SCX_TASK_RESET_RUNNABLE_AT", 4 },
	{ "scx_ent_flags", "SCX_TASK_DEQD_FOR_SLEEP", 8 },
};

struct constants {
	const char *enumeration;
	struct ktstr_fields list;	/* of the journal */
	size_t at;			/* in `known` */
	bool from_journal;
};

static struct constants constants_of(const struct trace *t, const char *enumeration)
{
	struct constants c = { .enumeration = enumeration };

	for (size_t i = 0; i < t->n_enums; i++) {
		struct ktstr_str name = { "", 0 };
		struct ktstr_field list;

		ktstr_get_str(&t->enums[i], "name", &name);
		if (ktstr_str_is(name, enumeration) && ktstr_get(&t->enums[i], "values", &list) &&
		    list.type == KTSTR_FIELD_ARRAY) {
			c.list = list.sub;
			c.from_journal = true;
		}
	}
	return c;
}

static bool next_constant(struct constants *c, struct ktstr_str *ret_name, uint64_t *ret_value)
{
	struct ktstr_field item;

	if (c->from_journal)
		return ktstr_item_next(&c->list, &item) && item.type == KTSTR_FIELD_MAP &&
		       ktstr_get_str(&item.sub, "name", ret_name) && ktstr_get_u64(&item.sub, "value", ret_value);
	for (; c->at < sizeof(known) / sizeof(known[0]); c->at++)
		if (!strcmp(known[c->at].enumeration, c->enumeration)) {
			*ret_name = (struct ktstr_str){ known[c->at].name, strlen(known[c->at].name) };
			*ret_value = known[c->at++].value;
			return true;
		}
	return false;
}

/* SCX_ENQ_WAKEUP -> WAKEUP: what the constants of one enumeration begin with is no news. */
static struct ktstr_str short_name(struct ktstr_str name)
{
	for (int parts = 0; parts < 2; parts++) {
		const char *end = name.len ? memchr(name.s, '_', name.len) : NULL;

		if (!end || end + 1 == name.s + name.len)
			break;
		name.len -= (size_t)(end + 1 - name.s);
		name.s = end + 1;
	}
	return name;
}

static bool ends_with(struct ktstr_str s, const char *end)
{
	return s.len >= strlen(end) && !memcmp(s.s + s.len - strlen(end), end, strlen(end));
}

void decode_enum(const struct trace *t, const char *enumeration, uint64_t value, char *buf, size_t size)
{
	struct constants c = constants_of(t, enumeration);
	struct ktstr_str name;
	uint64_t is;

	while (next_constant(&c, &name, &is))
		if (is == value) {
			snprintf(buf, size, "%.*s", KTSTR_STR_ARG(name));
			return;
		}
	snprintf(buf, size, "%llu", (unsigned long long)value);
}

/* The state of a task is a number among the flags: SCX_TASK_STATE_MASK and _SHIFT say where. */
static uint64_t take_state(const struct trace *t, const char *enumeration, uint64_t value, char *buf, size_t size)
{
	struct constants c = constants_of(t, enumeration);
	uint64_t mask = 0, shift = 0, is;
	struct ktstr_str name;
	char state[64];

	while (next_constant(&c, &name, &is)) {
		mask = ends_with(name, "_STATE_MASK") ? is : mask;
		shift = ends_with(name, "_STATE_SHIFT") ? is : shift;
	}
	if (!mask || shift > 63)
		return value;
	/* 7.3 has the states beside the flags, in their place; before, they were an enumeration of their own. */
	decode_enum(t, enumeration, value & mask, state, sizeof(state));
	if (state[0] != 'S' || ends_with((struct ktstr_str){ state, strlen(state) }, "_MASK"))
		decode_enum(t, "scx_task_state", (value & mask) >> shift, state, sizeof(state));
	name = short_name((struct ktstr_str){ state, strlen(state) });
	ktstr_append(buf, size, "%.*s", KTSTR_STR_ARG(name));
	return value & ~mask;
}

void decode_flags(const struct trace *t, const char *enumeration, uint64_t value, char *buf, size_t size)
{
	struct constants c = constants_of(t, enumeration);
	struct ktstr_str name;
	uint64_t is;

	buf[0] = '\0';
	value = take_state(t, enumeration, value, buf, size);
	while (next_constant(&c, &name, &is)) {
		if (!is || is & (is - 1) || !(value & is) || ends_with(name, "_SHIFT") || ends_with(name, "_BITS"))
			continue;
		value &= ~is;
		name = short_name(name);
		ktstr_append(buf, size, "%s%.*s", buf[0] ? "|" : "", KTSTR_STR_ARG(name));
	}
	if (value)
		ktstr_append(buf, size, "%s0x%llx", buf[0] ? "|" : "", (unsigned long long)value);
	if (!buf[0])
		snprintf(buf, size, "0");
}

/* ---- masks ---- */

bool decode_mask_has(const struct trace *t, struct ktstr_str bytes, uint64_t cpu)
{
	return cpu / 8 < bytes.len && cpu < (t->cpus ? t->cpus : UINT64_MAX) &&
	       ((uint8_t)bytes.s[cpu / 8] >> cpu % 8 & 1);
}

void decode_mask(const struct trace *t, struct ktstr_str bytes, char *buf, size_t size)
{
	buf[0] = '\0';
	for (uint64_t cpu = 0; cpu < 8 * bytes.len; cpu++) {
		uint64_t last = cpu;

		if (!decode_mask_has(t, bytes, cpu))
			continue;
		while (decode_mask_has(t, bytes, last + 1))
			last++;
		ktstr_append(buf, size, "%s%llu", buf[0] ? "," : "", (unsigned long long)cpu);
		if (last > cpu)
			ktstr_append(buf, size, "-%llu", (unsigned long long)last);
		cpu = last;
	}
	if (!buf[0])
		snprintf(buf, size, "none");
}

/* ---- values ---- */

static bool is_dsq(struct ktstr_str name)
{
	return ends_with(name, "dsq_id") || ends_with(name, "dsq->id");
}

static void decode_number(const struct trace *t, struct ktstr_str name, struct ktstr_str form,
			  const char *enumeration, uint64_t n, char *buf, size_t size)
{
	if (is_dsq(name))
		decode_dsq(n, buf, size);
	else if (ktstr_str_is(form, "flags"))
		decode_flags(t, enumeration, n, buf, size);
	else if (ktstr_str_is(form, "enum"))
		decode_enum(t, enumeration, n, buf, size);
	else if (ktstr_str_is(form, "hex") || ktstr_str_is(form, "pointer"))
		snprintf(buf, size, "0x%llx", (unsigned long long)n);
	else
		snprintf(buf, size, "%llu", (unsigned long long)n);
}

/* A NULL pointer on the way is an answer: there is no such thing. */
static void decode_error(struct ktstr_fields list, char *buf, size_t size)
{
	struct ktstr_field error;

	if (ktstr_item_next(&list, &error) && error.type == KTSTR_FIELD_U64 && error.u64 != ENODATA)
		snprintf(buf, size, "(not readable: %s)", strerror((int)error.u64));
	else
		snprintf(buf, size, "none");
}

void decode_item(const struct trace *t, const struct ktstr_fields *item, const struct ktstr_field *value,
		 char *buf, size_t size)
{
	struct ktstr_str name = { "", 0 }, form = { "", 0 };
	char enumeration[64] = "";

	ktstr_get_str(item, "name", &name);
	ktstr_get_str(item, "form", &form);
	ktstr_get_cstr(item, "enum", enumeration, sizeof(enumeration));
	switch (value->type) {
	case KTSTR_FIELD_U64: decode_number(t, name, form, enumeration, value->u64, buf, size); break;
	case KTSTR_FIELD_S64: snprintf(buf, size, "%lld", (long long)value->s64); break;
	case KTSTR_FIELD_BOOL: snprintf(buf, size, "%s", value->boolean ? "true" : "false"); break;
	case KTSTR_FIELD_TEXT: snprintf(buf, size, "%.*s", KTSTR_STR_ARG(value->str)); break;
	case KTSTR_FIELD_BYTES: decode_mask(t, value->str, buf, size); break;
	case KTSTR_FIELD_ARRAY: decode_error(value->sub, buf, size); break;
	default: snprintf(buf, size, "?"); break;
	}
}

/* Which enumeration a parameter of that name is made of; NULL: it is a number. */
static const char *flags_of(struct ktstr_str name)
{
	static const struct {
		const char *end, *enumeration;
	} known_flags[] = {
		{ "enq_flags", "scx_enq_flags" }, { "deq_flags", "scx_deq_flags" },
		{ "wake_flags", "scx_wake_flags" }, { "kick_flags", "scx_kick_flags" },
	};

	if (ktstr_str_is(name, "flags"))
		return "scx_enq_flags";
	for (size_t i = 0; i < sizeof(known_flags) / sizeof(known_flags[0]); i++)
		if (ends_with(name, known_flags[i].end))
			return known_flags[i].enumeration;
	return NULL;
}

void decode_argument(const struct trace *t, struct ktstr_str name, struct ktstr_str type, uint64_t value,
		     char *buf, size_t size)
{
	const char *flags = flags_of(name);

	if (is_dsq(name))
		decode_dsq(value, buf, size);
	else if (flags)
		decode_flags(t, flags, value, buf, size);
	else if (ends_with(type, "*"))
		snprintf(buf, size, value ? "0x%llx" : "NULL", (unsigned long long)value);
	else if (ktstr_str_is(type, "enum scx_exit_kind"))
		decode_enum(t, "scx_exit_kind", value, buf, size);
	else if (ktstr_str_is(type, "bool") || ktstr_str_is(type, "_Bool"))
		snprintf(buf, size, "%s", value & 0xff ? "true" : "false");
	else if (ktstr_str_is(type, "int") || ktstr_str_is(type, "s32"))
		snprintf(buf, size, "%d", (int)value);
	else if (ktstr_str_is(type, "unsigned int") || ktstr_str_is(type, "u32"))
		snprintf(buf, size, "%u", (unsigned)value);
	else if (ktstr_str_is(type, "s64") || ktstr_str_is(type, "long"))
		snprintf(buf, size, "%lld", (long long)value);
	else
		snprintf(buf, size, "%llu", (unsigned long long)value);
}
