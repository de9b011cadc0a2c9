/* SPDX-License-Identifier: GPL-2.0-only */
/* Capture specs from made-up BTF, and events read back with them. */
#include "base/clock.h"
#include "probe/events.h"
#include "probe/spec.h"

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct btf *btf;
static int u64_id, s32_id, char_id, task_ptr, rq_ptr;

static int add_struct(const char *name, uint32_t size)
{
	return btf__add_struct(btf, name, size);
}

/* A kernel whose task has a pid, a name, a DSQ behind a pointer, and a weight in a bit field. */
static void make_kernel(void)
{
	int array, dsq, scx, task, rq;

	btf = btf__new_empty();
	u64_id = btf__add_int(btf, "u64", 8, 0);
	s32_id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	char_id = btf__add_int(btf, "char", 1, BTF_INT_CHAR);
	array = btf__add_array(btf, s32_id, char_id, 16);
	add_struct("scx_dispatch_q", 16);
	btf__add_field(btf, "nr", s32_id, 0, 0);
	btf__add_field(btf, "id", u64_id, 64, 0);
	dsq = btf__add_ptr(btf, btf__find_by_name_kind(btf, "scx_dispatch_q", BTF_KIND_STRUCT));
	scx = add_struct("sched_ext_entity", 32);
	btf__add_field(btf, "dsq", dsq, 0, 0);
	btf__add_field(btf, "sticky_cpu", s32_id, 64, 0);
	btf__add_field(btf, "slice", u64_id, 128, 0);
	task = add_struct("task_struct", 128);
	btf__add_field(btf, "pid", s32_id, 32 * 8, 0);
	btf__add_field(btf, "comm", array, 40 * 8, 0);
	btf__add_field(btf, "scx", scx, 64 * 8, 0);
	task_ptr = btf__add_ptr(btf, task);
	rq = add_struct("rq", 8);
	btf__add_field(btf, "cpu", s32_id, 0, 0);
	rq_ptr = btf__add_ptr(btf, rq);
}

static void drop_kernel(void)
{
	btf__free(btf);
}

static int add_proto(int ret, int n, const char *const *names, const int *types)
{
	int proto = btf__add_func_proto(btf, ret);

	for (int i = 0; i < n; i++)
		btf__add_func_param(btf, names[i], types[i]);
	return proto;
}

static const struct ktstr_capture *find(const struct ktstr_spec *spec, const char *name,
					const struct ktstr_probe_item **ret_item)
{
	for (unsigned i = 0; i < spec->bpf.n_captures; i++)
		if (!strcmp(spec->items[i].name, name)) {
			*ret_item = &spec->items[i];
			return &spec->bpf.captures[i];
		}
	cr_assert(false, "no item %s", name);
	return NULL;
}

TestSuite(spec, .init = make_kernel, .fini = drop_kernel);

Test(spec, reads_the_fields_of_a_task_wherever_they_are)
{
	int proto = add_proto(0, 3, (const char *[]){ "rq", "p", "enq_flags" },
			      (int[]){ rq_ptr, task_ptr, u64_id });
	const struct ktstr_probe_item *item;
	const struct ktstr_capture *c;
	struct ktstr_spec spec;

	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	cr_expect_eq(spec.n_params, 3);
	cr_expect_str_eq(spec.params[1].type, "struct task_struct *");
	cr_expect_str_eq(spec.params[2].type, "u64");
	cr_expect_str_eq(spec.ret, "");
	cr_expect_eq(spec.bpf.task, 1);

	c = find(&spec, "pid", &item);
	cr_expect_eq(c->arg, 1);
	cr_expect_eq(c->hops, 0);
	cr_expect_eq(c->offset[0], 32);
	cr_expect_eq(c->size, 4);
	cr_expect_eq(item->form, KTSTR_FORM_SIGNED);
	cr_expect_eq(&spec.bpf.captures[spec.bpf.pid], c);

	c = find(&spec, "comm", &item);
	cr_expect_eq(c->kind, KTSTR_CAPTURE_TEXT);
	cr_expect_eq(c->size, 16);

	c = find(&spec, "scx.dsq->id", &item);
	cr_expect_eq(c->hops, 1);
	cr_expect_eq(c->offset[0], 64);
	cr_expect_eq(c->offset[1], 8);
	cr_expect_eq(item->form, KTSTR_FORM_HEX);

	c = find(&spec, "cpu", &item);
	cr_expect_eq(item->param, 0, "of the rq: this task has none");
}

Test(spec, leaves_out_what_a_kernel_does_not_have)
{
	int proto = add_proto(s32_id, 1, (const char *[]){ "p" }, (int[]){ task_ptr });
	struct ktstr_spec spec;

	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	for (unsigned i = 0; i < spec.bpf.n_captures; i++)
		cr_expect_str_neq(spec.items[i].name, "scx.ddsp_dsq_id");
	cr_expect_str_eq(spec.ret, "int");
}

Test(spec, takes_the_first_level_of_any_other_struct)
{
	int own = btf__add_struct(btf, "task_ctx", 24), proto;
	const struct ktstr_probe_item *item;
	struct ktstr_spec spec;

	btf__add_field(btf, "seen", u64_id, 0, 0);
	btf__add_field(btf, "bits", s32_id, 64, 3);	/* a bit field is left out */
	btf__add_field(btf, "next", task_ptr, 128, 0);
	proto = add_proto(0, 1, (const char *[]){ "tctx" }, (int[]){ btf__add_ptr(btf, own) });
	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	cr_expect_eq(spec.bpf.n_captures, 2);
	find(&spec, "seen", &item);
	cr_expect_eq(item->form, KTSTR_FORM_UNSIGNED);
	find(&spec, "next", &item);
	cr_expect_eq(item->form, KTSTR_FORM_POINTER);
	cr_expect_eq(spec.bpf.task, KTSTR_NO_TASK);
}

Test(spec, never_writes_beyond_an_event)
{
	const char *names[12];
	int types[12], proto;
	struct ktstr_spec spec;

	for (int i = 0; i < 12; i++) {
		names[i] = "t";
		types[i] = btf__add_ptr(btf, char_id);
	}
	proto = add_proto(0, 12, names, types);
	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	cr_expect_eq(spec.n_params, KTSTR_PROBE_ARGS);
	for (unsigned i = 0; i < spec.bpf.n_captures; i++)
		cr_expect_leq(spec.bpf.captures[i].at + spec.bpf.captures[i].size, KTSTR_PROBE_DATA);
}

Test(spec, refuses_what_is_no_prototype)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_spec spec;

	cr_expect_eq(ktstr_spec_build(btf, (uint32_t)u64_id, btf, &spec, &err), -EINVAL);
	cr_expect_eq(ktstr_spec_build(btf, 99999, btf, &spec, &err), -EINVAL);
}

/* ---- there and back ---- */

static void put_point(struct ktstr_buf *b, const struct ktstr_spec *spec)
{
	ktstr_put_begin(b);
	ktstr_put_u64(b, "n", 7);
	ktstr_put_str(b, "at", "exit");
	ktstr_spec_put(b, spec);
	ktstr_put_end(b);
}

Test(spec, an_event_is_read_as_it_was_meant)
{
	char path[] = "/tmp/ktstr-test-spec.XXXXXX";
	int proto = add_proto(s32_id, 1, (const char *[]){ "p" }, (int[]){ task_ptr });
	struct ktstr_event event = { .n = 3, .point = 7, .cpu = 1, .pid = 9, .task = 0xff, .ret = 5 };
	struct ktstr_buf point = { 0 }, data = { 0 };
	struct ktstr_probe_events *events;
	struct ktstr_journal_writer *writer;
	struct ktstr_journal *journal;
	const struct ktstr_probe_item *item;
	const struct ktstr_capture *c;
	struct ktstr_fields fields;
	struct ktstr_field list, value;
	struct ktstr_record rec;
	struct ktstr_spec spec;
	uint64_t unknown, cursor = 0, ret = 0;
	int32_t pid = -4;
	int64_t error = -ENODATA;

	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	put_point(&point, &spec);
	cr_assert(ktstr_fields_parse(point.data, point.len, &fields));
	cr_assert_eq(ktstr_probe_events_create(&events, NULL), 0);
	cr_assert_eq(ktstr_probe_events_point(events, &fields, NULL), 0);
	c = find(&spec, "pid", &item);
	memcpy(event.data + c->at, &pid, sizeof(pid));
	c = find(&spec, "scx.dsq->id", &item);
	memcpy(event.data + c->at, &error, sizeof(error));
	event.bad = 1ull << (c - spec.bpf.captures);

	ktstr_put_begin(&data);
	ktstr_put_bytes(&data, "events", &event, sizeof(event));
	ktstr_put_end(&data);
	cr_assert(ktstr_fields_parse(data.data, data.len, &fields));
	close(mkstemp(path));
	unlink(path);
	cr_assert_eq(ktstr_journal_create(path, ktstr_now_ns(), &writer, NULL), 0);
	cr_assert_eq(ktstr_probe_events_write(events, &fields, writer, &unknown, NULL), 0);
	cr_expect_eq(unknown, 0);
	ktstr_journal_close(writer);

	cr_assert_eq(ktstr_journal_open(path, &journal, NULL), 0);
	unlink(path);
	do
		cr_assert(ktstr_journal_next(journal, &cursor, &rec));
	while (rec.type != KTSTR_REC_PROBE_EVENT);
	cr_expect(ktstr_get_u64(&rec.fields, "ret", &ret));
	cr_expect_eq(ret, 5);
	cr_assert(ktstr_get(&rec.fields, "values", &list));
	for (unsigned i = 0; ktstr_item_next(&list.sub, &value); i++) {
		if (!strcmp(spec.items[i].name, "pid"))
			cr_expect_eq(value.s64, -4);
		if (!strcmp(spec.items[i].name, "scx.dsq->id"))
			cr_expect_eq(value.type, KTSTR_FIELD_ARRAY, "it could not be read, and says so");
	}
	ktstr_journal_destroy(journal);
	ktstr_probe_events_destroy(events);
	ktstr_buf_free(&point);
	ktstr_buf_free(&data);
}

Test(spec, a_point_that_lies_is_refused)
{
	int proto = add_proto(0, 1, (const char *[]){ "p" }, (int[]){ task_ptr });
	struct ktstr_probe_events *events;
	struct ktstr_buf b = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_fields fields;
	struct ktstr_spec spec;

	cr_assert_eq(ktstr_probe_events_create(&events, NULL), 0);
	cr_assert_eq(ktstr_spec_build(btf, (uint32_t)proto, btf, &spec, NULL), 0);
	spec.bpf.captures[0].at = KTSTR_PROBE_DATA;
	put_point(&b, &spec);
	cr_assert(ktstr_fields_parse(b.data, b.len, &fields));
	cr_expect_eq(ktstr_probe_events_point(events, &fields, &err), -EBADMSG);
	ktstr_buf_free(&b);
	ktstr_probe_events_destroy(events);
}
