/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's BPF programs: which there are, which member of struct sched_ext_ops each is for (the
 * kernel's struct_ops map says so), and probes on them. A program is probed as soon as it is loaded, while the
 * scheduler loads the next one; what its arguments are is told the probe when the map is there.
 */
#include "agent/prober.h"

#include "agent/bpf-program.h"
#include "base/clock.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <unistd.h>

/* Programs that look at others, ours among them: never looked at. */
static bool is_probe(const struct ktstr_bpf_program *program)
{
	return program->type == BPF_PROG_TYPE_KPROBE || program->type == BPF_PROG_TYPE_TRACING ||
	       program->type == BPF_PROG_TYPE_RAW_TRACEPOINT;
}

static bool is_among(const uint32_t *ids, size_t n, uint32_t id)
{
	while (n && ids[n - 1] != id)
		n--;
	return n;
}

/* ---- one point ---- */

struct target {
	const struct ktstr_bpf_program *program;
	const struct ktstr_bpf_function *function;
	const char *op;			/* NULL: no callback */
	struct ktstr_buf spec_fields;	/* of PROBE_POINT */
	struct ktstr_point_spec spec;
};

static bool wants(const struct ktstr_fields *point, const char *target, const char *name)
{
	struct ktstr_str kind = { "", 0 }, wanted = { "", 0 };

	ktstr_get_str(point, "target", &kind);
	ktstr_get_str(point, "function", &wanted);
	return ktstr_str_is(kind, target) && (ktstr_str_is(wanted, "*") || ktstr_str_is(wanted, name));
}

static bool wants_any(const struct ktstr_fields *point, const char *target)
{
	return wants(point, target, "*");
}

/* The point as it was asked for, with the function that it turned out to be. */
static void describe(struct ktstr_buf *b, const struct ktstr_fields *asked, const struct target *t, uint32_t n)
{
	static const char *const kept[] = { "probe", "at", "target", "why" };
	struct ktstr_str s;

	ktstr_put_begin(b);
	ktstr_put_u64(b, "n", n);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(kept); i++)
		if (ktstr_get_str(asked, kept[i], &s))
			ktstr_put_text(b, kept[i], s.s, s.len);
	ktstr_put_str(b, "function", t->function->name);
	ktstr_put_str(b, "op", t->op);
	if (t->function->line) {
		ktstr_put_str(b, "file", t->function->file);
		ktstr_put_u64(b, "line", t->function->line);
	}
	ktstr_buf_add(b, t->spec_fields.data, t->spec_fields.len);
	ktstr_put_end(b);
}

static bool is_at_exit(const struct ktstr_fields *asked)
{
	struct ktstr_str at = { "", 0 };

	ktstr_get_str(asked, "at", &at);
	return ktstr_str_is(at, "exit");
}

static int attach(struct ktstr_prober *p, const struct ktstr_fields *asked, const struct ktstr_bpf_program *program,
		  const struct ktstr_bpf_function *function, bool callback, uint32_t n, struct ktstr_err *err)
{
	return ktstr_prober_trace(p, &(struct ktstr_traced){
		.n = n, .at_exit = is_at_exit(asked), .callback = callback, .target_fd = program->fd,
		.btf_id = function->type_id, .program = program->id, .btf_object = program->btf_id,
		.proto = function->proto, .function = function->name,
	}, err);
}

static void report(struct ktstr_prober *p, const struct ktstr_fields *asked, const struct target *t, uint32_t n,
		   uint64_t attach_ns, const struct ktstr_err *err)
{
	const char *by = err->code ? NULL : is_at_exit(asked) ? "fexit" : "fentry";
	struct ktstr_buf b = { 0 };
	struct ktstr_fields fields;

	describe(&b, asked, t, n);
	if (!b.failed && ktstr_fields_parse(b.data, b.len, &fields))
		ktstr_prober_report(p, &fields, NULL, by, attach_ns, err);
	ktstr_buf_free(&b);
}

static void attach_point(struct ktstr_prober *p, const struct ktstr_fields *asked, const struct target *t)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint32_t n = p->next_point++;

	if (!ktstr_prober_set_point(p, n, &t->spec, &err))
		attach(p, asked, t->program, t->function, t->op, n, &err);
	report(p, asked, t, n, ktstr_now_ns() - begin_ns, &err);
}

/* Every point of the plan that means this function, and not any. */
static void attach_target(struct ktstr_prober *p, const struct target *t)
{
	struct ktstr_field list, item;
	struct ktstr_fields it;

	if (!ktstr_get(&p->plan, "points", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	for (it = list.sub; ktstr_item_next(&it, &item);)
		if (item.type == KTSTR_FIELD_MAP &&
		    (t->op ? wants(&item.sub, "callback", t->op) && !wants_any(&item.sub, "callback") :
			     wants(&item.sub, "program", t->function->name)))
			attach_point(p, &item.sub, t);
}

/* ---- callbacks ---- */

static void attach_unnamed(struct ktstr_prober *p, const struct ktstr_bpf_program *program,
			   const struct ktstr_fields *asked)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_unnamed *u = ktstr_vec_add(&p->unnamed);

	if (!u)
		return;
	*u = (struct ktstr_unnamed){
		.program = program->id, .n = p->next_point++, .asked = *asked,
		.function = program->functions.items[0], .err = KTSTR_ERR_INIT,
	};
	attach(p, asked, program, &u->function, true, u->n, &u->err);
	u->attach_ns = ktstr_now_ns() - begin_ns;
}

/* The first function of a struct_ops program is the callback. Which, is not known yet. */
static void attach_any_callback(struct ktstr_prober *p, const struct ktstr_bpf_program *program)
{
	struct ktstr_field list, item;
	struct ktstr_fields it;

	if (!ktstr_get(&p->plan, "points", &list) || list.type != KTSTR_FIELD_ARRAY)
		return;
	for (it = list.sub; ktstr_item_next(&it, &item);)
		if (item.type == KTSTR_FIELD_MAP && wants_any(&item.sub, "callback"))
			attach_unnamed(p, program, &item.sub);
}

static void name(struct ktstr_prober *p, struct ktstr_unnamed *u, struct target *t)
{
	t->function = &u->function;
	if (!u->err.code)
		ktstr_prober_set_point(p, u->n, &t->spec, &u->err);
	report(p, &u->asked, t, u->n, u->attach_ns, &u->err);
	u->program = 0;
}

/* Points of the plan that name this callback. */
static void attach_named(struct ktstr_prober *p, uint32_t id, struct target *t)
{
	struct ktstr_bpf_program program;
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_bpf_program_open(id, &program, &err))
		return;
	t->program = &program;
	t->function = program.functions.n ? &program.functions.items[0] : NULL;
	if (t->function)
		attach_target(p, t);
	ktstr_bpf_program_close(&program);
}

/* What the arguments of a callback are is in the plan. */
static void name_callback(struct ktstr_prober *p, uint32_t id, const struct ktstr_fields *member, const char *op)
{
	struct target t = { .op = op };
	struct ktstr_field point;
	uint32_t *named;

	if (is_among(p->named.items, p->named.n, id) || !ktstr_get(member, "point", &point) ||
	    point.type != KTSTR_FIELD_MAP || !ktstr_spec_get(&point.sub, &t.spec))
		return;
	named = ktstr_vec_add(&p->named);
	if (named)
		*named = id;
	ktstr_prober_copy_fields(&t.spec_fields, &point.sub);
	for (size_t i = 0; i < p->unnamed.n; i++)
		if (p->unnamed.items[i].program == id)
			name(p, &p->unnamed.items[i], &t);
	attach_named(p, id, &t);
	ktstr_buf_free(&t.spec_fields);
}

/* ---- other functions of theirs ---- */

static const struct btf *kernel_types(struct ktstr_prober *p)
{
	if (!p->kernel_btf)
		p->kernel_btf = btf__load_vmlinux_btf();
	return p->kernel_btf;
}

static bool is_planned(const struct ktstr_prober *p, const char *function)
{
	struct ktstr_field list, item;
	struct ktstr_fields it;

	if (!ktstr_get(&p->plan, "points", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	for (it = list.sub; ktstr_item_next(&it, &item);)
		if (item.type == KTSTR_FIELD_MAP && wants(&item.sub, "program", function))
			return true;
	return false;
}

static void attach_function(struct ktstr_prober *p, const struct ktstr_bpf_program *program,
			    const struct ktstr_bpf_function *function)
{
	struct target t = { .program = program, .function = function };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_spec *spec;

	if (!is_planned(p, function->name) || !(spec = calloc(1, sizeof(*spec))))
		return;
	if (!ktstr_spec_build(program->btf, function->proto, kernel_types(p), spec, &err)) {
		t.spec = spec->bpf;
		ktstr_spec_put(&t.spec_fields, spec);
		attach_target(p, &t);
	}
	ktstr_buf_free(&t.spec_fields);
	free(spec);
}

/* ---- finding them ---- */

/* The members of the kind of scheduler whose struct_ops maps have values of that type. */
static bool find_members(const struct ktstr_prober *p, uint64_t type, struct ktstr_fields *ret)
{
	struct ktstr_field list, item, members;
	struct ktstr_fields it;

	if (!ktstr_get(&p->plan, "ops", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	for (it = list.sub; ktstr_item_next(&it, &item);) {
		uint64_t is = 0;

		if (item.type != KTSTR_FIELD_MAP || !ktstr_get_u64(&item.sub, "type", &is) || is != type ||
		    !ktstr_get(&item.sub, "members", &members) || members.type != KTSTR_FIELD_ARRAY)
			continue;
		*ret = members.sub;
		return true;
	}
	return false;
}

/* A program that may be new here. */
static void probe_program(struct ktstr_prober *p, uint32_t id)
{
	struct ktstr_bpf_program program;
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool callback;
	uint32_t *probed;

	if (is_among(p->probed.items, p->probed.n, id) || ktstr_bpf_program_open(id, &program, &err))
		return;
	probed = ktstr_vec_add(&p->probed);
	if (probed)
		*probed = id;
	callback = program.type == BPF_PROG_TYPE_STRUCT_OPS;
	if (!is_probe(&program) && program.functions.n) {
		if (callback)
			attach_any_callback(p, &program);
		for (size_t i = callback ? 1 : 0; i < program.functions.n; i++)
			attach_function(p, &program, &program.functions.items[i]);
	}
	ktstr_bpf_program_close(&program);
}

/* At the place of a callback, the map's value has the id of its program; 0: there is none. */
static void name_members(struct ktstr_prober *p, struct ktstr_fields members, const uint8_t *value, size_t size)
{
	struct ktstr_field item;

	while (ktstr_item_next(&members, &item)) {
		uint64_t offset = 0, id = 0;
		char op[64];

		if (item.type != KTSTR_FIELD_MAP || !ktstr_get_u64(&item.sub, "offset", &offset) ||
		    offset > size || size - offset < sizeof(id) ||
		    !ktstr_get_cstr(&item.sub, "op", op, sizeof(op)))
			continue;
		memcpy(&id, value + offset, sizeof(id));
		if (id && id <= UINT32_MAX)
			name_callback(p, (uint32_t)id, &item.sub, op);
	}
}

/* The programs that a struct_ops map of sched_ext refers to. */
static void name_map(struct ktstr_prober *p, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), zero = 0;
	struct ktstr_fields members;
	uint8_t *value;

	if (bpf_map_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_STRUCT_OPS ||
	    !find_members(p, info.btf_vmlinux_value_type_id, &members) ||
	    !(value = calloc(1, info.value_size)))
		return;
	if (!bpf_map_lookup_elem(fd, &zero, value))
		name_members(p, members, value, info.value_size);
	free(value);
}

void ktstr_prober_attach_programs(struct ktstr_prober *p)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		probe_program(p, id);
	ktstr_guest_channel_flush(&p->agent, NULL);
}

void ktstr_prober_name_callbacks(struct ktstr_prober *p)
{
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			continue;
		name_map(p, fd);
		close(fd);
	}
}
